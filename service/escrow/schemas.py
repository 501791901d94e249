"""What the API shows of held payments."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from service.db.schemas import MoneyView

Text = Annotated[str, msgspec.Meta(examples=["claim"])]


class Freeze(msgspec.Struct, frozen=True):
    """A live reason that the seller may not be paid; `source_id` is the claim's or the scope freeze's."""

    reason: Text
    source_id: UUID
    since: datetime


class Parts(msgspec.Struct, frozen=True):
    """How the amount ended: the buyer's part, the seller's, and the fee out of the seller's."""

    buyer: MoneyView
    seller: MoneyView
    fee: MoneyView


class Hold(msgspec.Struct, frozen=True):
    """A held payment. While it is frozen, `window_left_seconds` says what is left; else `window_ends_at` runs."""

    id: UUID
    tenant_id: UUID
    order_id: UUID
    parent_hold_id: UUID | None
    seller_id: UUID
    product_id: UUID
    batch_id: UUID | None
    amount: MoneyView
    state: Annotated[str, msgspec.Meta(examples=["in_window"])]
    is_frozen: bool
    funded_at: datetime
    delivered_at: datetime | None
    window_ends_at: datetime | None
    window_left_seconds: int | None
    ended_at: datetime | None
    freezes: list[Freeze]
    parts: Parts | None


class LedgerLine(msgspec.Struct, frozen=True):
    """One transfer: `amount` moves from the debited to the credited account."""

    at: datetime
    hold_id: UUID | None
    code: Annotated[str, msgspec.Meta(examples=["release"])]
    debit_account: Annotated[str, msgspec.Meta(examples=["held:CNY"])]
    credit_account: Annotated[str, msgspec.Meta(examples=["fees:CNY"])]
    amount: MoneyView


class HoldWithLedger(Hold, frozen=True):
    """A held payment with its transfers, and those of its parts if it was divided."""

    ledger: list[LedgerLine]


class Stored(msgspec.Struct, frozen=True):
    """A notice was taken; `is_new` is false when its id had come before."""

    is_new: bool


class Alert(msgspec.Struct, frozen=True):
    """Something is wrong from `raised_at` until `cleared_at`. `facts` name what, by ids, codes and amounts."""

    id: UUID
    kind: Annotated[str, msgspec.Meta(examples=["reconciliation_failed"])]
    subject_kind: Annotated[str, msgspec.Meta(examples=["ledger"])]
    subject_id: Annotated[str, msgspec.Meta(examples=["all"])]
    facts: dict[str, Any]
    stops_sweep: bool
    raised_at: datetime
    cleared_at: datetime | None
