"""Requests and responses about orders."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from service.core.wire import ParcelStatus
from service.db.schemas import MoneyView
from service.orders.rules import UNITS_MAX

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
Maybe = Annotated[str, msgspec.Meta(max_length=300)] | None


class NewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a platform pushes. Payer, device, address and contact are kept only as salted digests."""

    tenant_id: UUID
    platform_ref: Annotated[Text, msgspec.Meta(examples=["WX-20261120-0001"])]
    seller_id: UUID
    product_id: UUID
    amount: MoneyView
    units: Annotated[int, msgspec.Meta(ge=1, le=UNITS_MAX)] = 1
    batch_id: UUID | None = None
    destination_area: Annotated[str, msgspec.Meta(max_length=100, examples=["330100"])] = ""
    jurisdiction: Annotated[str, msgspec.Meta(max_length=2, pattern="^[A-Z]{2}$", examples=["CN"])] = "CN"
    payer: Maybe = None
    device: Maybe = None
    address: Maybe = None
    contact: Maybe = None


class FreezeView(msgspec.Struct, frozen=True):
    """Why a held payment is frozen."""

    reason: str
    since: datetime


class OrderHold(msgspec.Struct, frozen=True):
    """The held payment of an order."""

    id: UUID
    state: str
    amount: MoneyView
    is_frozen: bool
    proof_kind: str | None
    window_ends_at: datetime | None
    window_left_seconds: int | None
    freezes: list[FreezeView]


class OrderStep(msgspec.Struct, frozen=True):
    """What a side may do now, until when, and what happens by itself if it does nothing.

    `action` is ship, prove_delivery, confirm_receipt or answer_arrival; `on_expiry` is refunded or buyer_asked.
    """

    action: str
    side: str
    due_at: datetime | None
    on_expiry: str | None


class OrderView(msgspec.Struct, frozen=True):
    """An order as those who may see it see it. `hand_over_code` is for the buyer alone.

    `cancel_reason` is not_shipped, not_delivered or refunded; `arrival_asked_at` is when the buyer was first asked
    whether it came, `arrival_denied_at` when they said that it had not.
    """

    id: UUID
    tenant_id: UUID
    platform_ref: str
    seller_id: UUID
    product_id: UUID
    batch_id: UUID | None
    amount: MoneyView
    units: int
    status: str
    is_claimed: bool
    placed_at: datetime
    paid_at: datetime | None
    shipped_at: datetime | None
    carrier: str | None
    tracking_number: str | None
    delivered_at: datetime | None
    received_at: datetime | None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    arrival_asked_at: datetime | None = None
    arrival_denied_at: datetime | None = None
    available_actions: list[OrderStep] = []
    hold: OrderHold | None = None
    hand_over_code: str | None = None


class PaymentView(msgspec.Struct, frozen=True):
    """A payment that was asked for; its outcome shows on the order."""

    id: UUID
    order_id: UUID
    state: str
    amount: MoneyView


class NewShipment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parcel is on its way. The batch is named here, if not before."""

    carrier: Annotated[str, msgspec.Meta(max_length=40, pattern=r"^[a-z0-9_-]{1,40}(?!\n)$", examples=["sandbox"])]
    tracking_number: Annotated[
        str, msgspec.Meta(max_length=40, pattern=r"^[A-Za-z0-9-]{4,40}(?!\n)$", examples=["SB-2026112000017"])
    ]
    batch_id: UUID | None = None


class RecordBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a carrier vouches for, as docs/gateway.md says."""

    carrier: Annotated[str, msgspec.Meta(max_length=40, examples=["sandbox"])]
    tracking_number: Annotated[str, msgspec.Meta(max_length=40, examples=["SB-2026112000017"])]
    status: Annotated[ParcelStatus, msgspec.Meta(examples=["delivered"])]
    created_at: Annotated[str, msgspec.Meta(max_length=40, examples=["2026-11-20T08:00:00.000000Z"])]
    delivered_at: Annotated[str, msgspec.Meta(max_length=40, examples=["2026-11-22T09:30:00.000000Z"])] | None
    destination_area: Annotated[str, msgspec.Meta(max_length=200, examples=["330100"])]


class SignedRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A delivery record with the carrier's detached signature; whoever brings it, it proves the same."""

    record: RecordBody
    signature: Annotated[str, msgspec.Meta(max_length=200, examples=["q3mJ…"])]
    key_id: Annotated[str, msgspec.Meta(max_length=100, examples=["sandbox-2026"])]


class NewDelivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Proof of delivery: the carrier's signed record, or the code that the buyer gave. Exactly one of them."""

    proof: SignedRecord | None = None
    hand_over_code: Annotated[str, msgspec.Meta(max_length=6, pattern="^[0-9]{6}$", examples=["482913"])] | None = None


class NewReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The buyer has it. `waive` gives up the window and releases at once."""

    waive: Annotated[bool, msgspec.Meta(examples=[False])] = False


class ArrivalAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The buyer's answer to the question whether the order has come."""

    arrived: Annotated[bool, msgspec.Meta(examples=[False])]


class ClaimCodeView(msgspec.Struct, frozen=True):
    """A code, shown once, for the platform to hand to the buyer."""

    code: str
    expires_at: datetime


class NewClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The code that the buyer got from the platform."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=40, examples=["7K3M-9QXT-42AB"])]


class PackingPhoto(msgspec.Struct, frozen=True):
    """A photo of the packing. Size in bytes; `sha256` is of the bytes as they were received."""

    file_id: UUID
    kind: str
    state: str
    size_bytes: int
    sha256: str
    width_px: int | None
    height_px: int | None
    received_at: datetime
    locked_at: datetime | None
    version_id: str | None


class PackingView(msgspec.Struct, frozen=True):
    """What the seller shows of the packing. `committed_at` is when the order was sent: none was added after that."""

    committed_at: datetime | None
    photos: list[PackingPhoto]


class OrderFacts(msgspec.Struct, frozen=True):
    """What higher domains may know of an order, without a permission filter: never sent out as it is."""

    id: UUID
    tenant_id: UUID
    seller_id: UUID
    product_id: UUID
    batch_id: UUID | None
    buyer_id: UUID | None
    amount: MoneyView
    units: int
    status: str
    jurisdiction: str
    placed_at: datetime
    paid_at: datetime | None
    delivered_at: datetime | None
    identity: dict[str, Any] = {}
