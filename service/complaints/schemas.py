"""Requests and responses about complaints."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from service.complaints.challenge_schemas import ChallengeView
from service.complaints.reading_schemas import ReadingView
from service.complaints.rules import (
    ENDS,
    Answer,
    Channel,
    Harm,
    Kind,
    OfferKind,
    Purpose,
    Wanted,
)
from service.complaints.text_schemas import NO_NUL, Code, Place, Said, Short, Story
from service.db.schemas import MoneyView


class DraftChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a draft says; a field that is left out stays as it is, null takes an answer back."""

    purpose: Purpose | UnsetType = UNSET
    kind: Kind | UnsetType | None = UNSET
    harm: Harm | UnsetType | None = UNSET
    harmed_on: date | UnsetType | None = UNSET
    treatment: Story | UnsetType = UNSET
    product_text: Annotated[Short, msgspec.Meta(examples=["Suyun Hydrating Sheet Mask"])] | UnsetType = UNSET
    brand_text: Short | UnsetType = UNSET
    seller_text: Short | UnsetType = UNSET
    agent_text: Short | UnsetType = UNSET
    lot_text: Annotated[Code, msgspec.Meta(examples=["SY26J1807"])] | UnsetType = UNSET
    gtin: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^[0-9 -]*(?!\n)$")] | UnsetType = UNSET
    bought_on: date | UnsetType | None = UNSET
    bought_through: Channel | UnsetType | None = UNSET
    bought_in: Place | UnsetType = UNSET
    narrative: Annotated[Story, msgspec.Meta(examples=["The mask smells sour."])] | UnsetType = UNSET
    wanted: Wanted | UnsetType | None = UNSET
    claim: MoneyView | UnsetType | None = UNSET
    contact_email: Annotated[str, msgspec.Meta(max_length=254, pattern=NO_NUL)] | UnsetType = UNSET
    contact_phone: Annotated[str, msgspec.Meta(max_length=40, pattern=NO_NUL)] | UnsetType = UNSET
    shows_name: bool | UnsetType = UNSET
    may_publish: bool | UnsetType = UNSET


class NewComplaint(DraftChanges, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new draft. `order_id` is one of your orders, or null for goods bought elsewhere; it stays as it is.

    Without an order, `seller_id` may name a registered seller.
    """

    order_id: UUID | None = None
    seller_id: UUID | None = None


class NewJoin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mediator's decision that a complaint belongs to another case. The text is a note to that case."""

    parent_id: UUID
    text: Annotated[Story, msgspec.Meta(examples=["The person whom the gift was for."])] = ""


class NewEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something to add to a case. `is_note` keeps it among mediators."""

    text: Annotated[Said, msgspec.Meta(examples=["It has got worse since yesterday."])]
    is_note: bool = False


class NewTriage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mediator's decision: give it to a seller (named here if nobody did), or close it with a reason."""

    is_closed: bool = False
    seller_id: UUID | None = None
    text: Annotated[Story, msgspec.Meta(examples=["This shop sold it."])] = ""


class NewLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The batch that somebody chose; null, from a mediator, takes a link away."""

    batch_id: UUID | None


class NewOffer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the seller offers. A refund is all that is claimed; a part refund names its amount."""

    kind: Annotated[OfferKind, msgspec.Meta(examples=["refund"])]
    amount: MoneyView | None = None
    text: Annotated[Story, msgspec.Meta(examples=["We are sorry. Keep the goods."])] = ""


class NewAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The seller's answer. A refusal and "wrong_company" need words, "offer" needs an offer."""

    decision: Annotated[Answer, msgspec.Meta(examples=["refuse"])]
    text: Annotated[Story, msgspec.Meta(examples=["The seal was intact when we sent it."])] = ""
    offer: NewOffer | None = None


class Told(msgspec.Struct, frozen=True):
    """What the buyer told of the goods. `bought_in` is empty to sellers, and once the words were erased."""

    product_text: str
    brand_text: str
    seller_text: str
    agent_text: str
    lot_text: str
    gtin: str
    bought_on: date | None
    bought_through: str | None
    bought_in: str


class ContactView(msgspec.Struct, frozen=True):
    """How to reach the buyer; the seller never gets this."""

    email: str
    phone: str


class Addition(msgspec.Struct, frozen=True):
    """What the buyer answered in a second complaint of a kind, which became an addition; its photos are the case's."""

    reference: str
    harm: str | None
    harmed_on: date | None
    treatment: str | None
    wanted: str | None
    claim: MoneyView | None
    batch_id: UUID | None
    may_publish: bool
    told: Told


class EntryView(msgspec.Struct, frozen=True):
    """An entry. `text` is null once it was erased. `addition` is what it was made of, if that was a complaint."""

    id: UUID
    kind: str
    side: str
    decision: str | None
    text: str | None
    at: datetime
    addition: Addition | None = None


class PartOf(msgspec.Struct, frozen=True):
    """The case that a complaint became part of. Another person's has no id and reference here, only its course."""

    complaint_id: UUID | None
    reference: str | None
    status: str
    outcome: str | None
    ended_at: datetime | None


class JoinedComplaint(msgspec.Struct, frozen=True):
    """Another person's complaint that became part of this case, as mediators and regulators see it."""

    complaint_id: UUID
    reference: str
    is_anonymous: bool
    submitted_at: datetime | None


class OfferView(msgspec.Struct, frozen=True):
    """An offer."""

    id: UUID
    kind: str
    amount: MoneyView
    status: str
    text: str | None
    made_at: datetime
    expires_at: datetime


class EvidenceView(msgspec.Struct, frozen=True):
    """A file of a case. Sizes in bytes; `sha256` is of the bytes as they were received."""

    file_id: UUID
    side: str
    kind: str
    state: str
    size_bytes: int
    sha256: str
    width_px: int | None
    height_px: int | None
    pages: int | None
    received_at: datetime
    locked_at: datetime | None
    version_id: str | None
    has_view: bool
    may_read_original: bool


class CommitmentView(msgspec.Struct, frozen=True):
    """What the seller showed of the order's packing before it was sent, at `committed_at`; none of it came later."""

    committed_at: datetime | None
    photos: list[EvidenceView]


class HoldFreeze(msgspec.Struct, frozen=True):
    """Why a held payment is frozen."""

    kind: str
    at: datetime


class CaseHold(msgspec.Struct, frozen=True):
    """The held payment that a complaint claims, or that of its order."""

    id: UUID
    state: str
    amount: MoneyView
    fee_bps: int
    freezes: list[HoldFreeze]
    window_ends_at: datetime | None
    window_left_seconds: int | None


class AvailableAction(msgspec.Struct, frozen=True):
    """What a side may do now, until when, and what happens by itself if it does nothing.

    `on_expiry` is granted, mediator, closes, supervisor or recorded.
    """

    action: str
    side: str
    due_at: datetime | None
    on_expiry: str | None


class ComplaintSummary(msgspec.Struct, frozen=True):
    """A complaint in a list. `due` is its next deadline."""

    id: UUID
    reference: str
    tenant_id: UUID
    purpose: str
    kind: str | None
    harm: str | None
    risk: str | None
    status: str
    outcome: str | None
    match_status: str
    order_id: UUID | None
    seller_id: UUID | None
    product_id: UUID | None
    batch_id: UUID | None
    product_text: str
    claim: MoneyView | None
    made_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None
    due: AvailableAction | None = None


class ComplaintView(msgspec.Struct, frozen=True, kw_only=True):
    """A case as the viewer may see it; `viewer` is the side that they look from.

    To sellers `buyer_id` and `contact` are null, and `buyer_name` too unless the buyer agreed. To operators and
    platforms everything that was written is null. `harm` is the gravest that was told so far, and `shows_name` whether
    the buyer agreed in the complaint or in an addition to it.
    """

    id: UUID
    reference: str
    tenant_id: UUID
    viewer: str
    purpose: str
    kind: str | None
    harm: str | None
    harmed_on: date | None
    wanted: str | None
    status: str
    outcome: str | None
    risk: str | None
    risk_reason: str | None
    risk_rules: str | None
    match_status: str
    batch_id: UUID | None
    link_by: str | None
    link_is_strict: bool
    order_id: UUID | None
    seller_id: UUID | None
    product_id: UUID | None
    buyer_id: UUID | None
    buyer_name: str | None
    is_verified_buyer: bool
    shows_name: bool
    may_publish: bool
    told: Told | None
    narrative: str | None
    treatment: str | None
    contact: ContactView | None
    claim: MoneyView | None
    hold: CaseHold | None
    dispute_id: UUID | None
    part_of: PartOf | None
    joined: list[JoinedComplaint]
    made_at: datetime
    submitted_at: datetime | None
    reached_at: datetime | None
    answered_at: datetime | None
    ruled_at: datetime | None
    ended_at: datetime | None
    entries: list[EntryView]
    offers: list[OfferView]
    evidence: list[EvidenceView]
    readings: list[ReadingView]
    commitment: CommitmentView | None
    challenges: list[ChallengeView]
    available_actions: list[AvailableAction]

    @property
    def open_offer(self) -> OfferView | None:
        """The offer that waits for the buyer."""
        return next((offer for offer in self.offers if offer.status == "open"), None)

    @property
    def takes_words(self) -> bool:
        """Whether a party may still add to it: a complaint that was joined to a case lasts as long as that case."""
        is_joined = self.part_of is not None and self.submitted_at is not None
        status = self.part_of.status if is_joined and self.part_of is not None else self.status
        return status not in ENDS

    @property
    def takes_files(self) -> bool:
        """Whether a party may still add files: not after what was there was erased."""
        return self.takes_words and not any(each.state == "erased" for each in self.evidence)


class CaseEvent(msgspec.Struct, frozen=True):
    """Something that happened in a case, as the viewer may know it. `side` is who did it, where that is known."""

    name: str
    at: datetime
    side: str | None
    facts: dict[str, Any]
