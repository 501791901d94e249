"""What the API shows of held payments."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec

from service.db.schemas import MoneyView

Text = Annotated[str, msgspec.Meta(examples=["claim"])]


class FromView(msgspec.Struct, frozen=True):
    """What shows a view or a row as it is: each field from the attribute of its name, amounts as `MoneyView`."""

    @classmethod
    def of(cls, view: object) -> Self:
        """Return what the API shows of a view that has an attribute for each field."""
        return msgspec.convert(view, cls, from_attributes=True)


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


class LedgerLine(FromView, frozen=True):
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


class Alert(FromView, frozen=True):
    """Something is wrong from `raised_at` until `cleared_at`. `facts` name what, by ids, codes and amounts."""

    id: UUID
    kind: Annotated[str, msgspec.Meta(examples=["reconciliation_failed"])]
    subject_kind: Annotated[str, msgspec.Meta(examples=["ledger"])]
    subject_id: Annotated[str, msgspec.Meta(examples=["all"])]
    facts: dict[str, Any]
    stops_sweep: bool
    raised_at: datetime
    cleared_at: datetime | None


OperationState = Annotated[str, msgspec.Meta(examples=["requested"])]


class Payment(FromView, frozen=True):
    """An operation that the provider was asked for. `reason` is its code when it failed."""

    id: UUID
    tenant_id: UUID
    kind: Annotated[str, msgspec.Meta(examples=["refund"])]
    reference_id: UUID | None = msgspec.field(name="order_id")
    hold_id: UUID | None
    original_id: UUID | None
    seller_id: UUID
    amount: MoneyView
    state: OperationState
    reason: str | None
    requested_at: datetime
    ended_at: datetime | None


class Payout(FromView, frozen=True):
    """A payout: `amount` is sent to the seller, `netted` went to what it owed. If it failed, `amount` is back."""

    id: UUID
    seller_id: UUID
    amount: MoneyView
    netted: MoneyView
    state: OperationState
    reason: str | None
    requested_at: datetime
    ended_at: datetime | None


class Deposit(FromView, frozen=True):
    """Money of a seller on its way into its deposit, or out of it."""

    id: UUID
    seller_id: UUID
    direction: Annotated[str, msgspec.Meta(examples=["in"])]
    amount: MoneyView
    state: OperationState
    reason: str | None
    requested_at: datetime
    ended_at: datetime | None


class Balance(FromView, frozen=True):
    """What a seller has in one currency. `owed` is netted from the next payouts; `in_transit` is on its way out."""

    payable: MoneyView
    deposit: MoneyView
    owed: MoneyView
    in_transit: MoneyView


class PayoutBlock(FromView, frozen=True):
    """A reason that a seller is paid nothing out, until `lifted_at`."""

    id: UUID
    seller_id: UUID
    reason: Annotated[str, msgspec.Meta(examples=["review"])]
    at: datetime
    lifted_at: datetime | None
