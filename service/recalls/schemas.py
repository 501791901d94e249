"""Requests and responses about signals."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

Explanation = Annotated[
    str, msgspec.Meta(max_length=2_000, examples=["Three buyers name the same lot, and two sent photos."])
]
LiftReason = Literal["not_the_product", "not_this_batch", "not_genuine", "put_right", "no_risk"]


class NewConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The freeze is right: it stays for its whole time."""

    explanation: Explanation = ""


class NewLift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The freeze ends. The reason is published."""

    reason: Annotated[LiftReason, msgspec.Meta(examples=["not_the_product"])]
    explanation: Explanation = ""


class SignalNumbers(msgspec.Struct, frozen=True):
    """What an evaluation found. Rates are buyers with a complaint per 1,000 units sold to verified buyers.

    `buyers` are independent verified buyers, `new_buyers` those that no earlier freeze has counted.
    """

    buyers: int
    new_buyers: int
    complaints: int
    units: int
    estimate: float
    low: float
    high: float
    base: float
    limit: float
    interval_percent: int
    policy_version: str


class SignalView(msgspec.Struct, frozen=True):
    """A signal. `batch_ids` and `complaint_ids` are not shown to sellers, who get counts only.

    `left_count` of the complaints that a freeze was decided on were moved to another batch since; they stay among
    `complaint_ids`, and count no more in `numbers`.
    """

    id: UUID
    batch_id: UUID
    state: str
    numbers: SignalNumbers
    frozen_numbers: SignalNumbers | None
    batch_count: int
    opened_at: datetime
    frozen_at: datetime | None
    supervisor_called_at: datetime | None
    confirmed_at: datetime | None
    closed_at: datetime | None
    reason: str | None
    rule_version: str
    due_at: datetime | None
    on_expiry: str | None
    available_actions: list[str]
    batch_ids: list[UUID] | None = None
    complaint_ids: list[UUID] | None = None
    left_count: int = 0
    left_complaint_ids: list[UUID] | None = None


def numbers_of(stored: dict[str, Any]) -> SignalNumbers:
    """Return stored numbers in their shape."""
    return msgspec.convert(stored, SignalNumbers)
