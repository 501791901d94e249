"""Requests and responses about safety reports without an account."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from service.complaints.rules import Channel, Harm, SafetyKind
from service.complaints.schemas import ComplaintView
from service.complaints.text_schemas import NO_NUL, SAYS, Code, Place, Said, Short, Story


class NewSafetyReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A safety report without an account. It is sent as it is; later come additions. Contact data may be left out."""

    kind: Annotated[SafetyKind, msgspec.Meta(examples=["unsafe"])]
    harm: Annotated[Harm, msgspec.Meta(examples=["injury"])]
    narrative: Annotated[Said, msgspec.Meta(examples=["My skin burned for two days."])]
    product_text: Annotated[str, msgspec.Meta(min_length=1, max_length=300, pattern=SAYS, examples=["Sheet mask"])]
    harmed_on: date | None = None
    treatment: Story = ""
    brand_text: Short = ""
    seller_text: Short = ""
    seller_id: UUID | None = None
    agent_text: Short = ""
    lot_text: Code = ""
    gtin: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^[0-9 -]*(?!\n)$")] = ""
    bought_on: date | None = None
    bought_through: Channel | None = None
    bought_in: Place = ""
    contact_email: Annotated[str, msgspec.Meta(max_length=254, pattern=NO_NUL)] = ""
    contact_phone: Annotated[str, msgspec.Meta(max_length=40, pattern=NO_NUL)] = ""
    may_publish: bool = False
    language: Literal["en", "zh"] = "en"


class ReceiptShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receipt of an anonymous report, in groups or not."""

    receipt: Annotated[str, msgspec.Meta(max_length=60, pattern=NO_NUL, examples=["1234 5678 9012 3456"])]


class ReportOpened(msgspec.Struct, frozen=True):
    """An anonymous report, for an hour: `token` is sent as a bearer key with further requests about this one case.

    `receipt` is in the answer to the report itself and nowhere else. Whoever loses it cannot open the report again:
    nobody can find or replace it.
    """

    receipt: str | None
    token: str
    expires_at: datetime
    complaint: ComplaintView
