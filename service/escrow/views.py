"""What reads of held payments return. Pure, and without a session."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from service.core.money import Money
from service.escrow.rules import Parts, ScopeKey


@dataclass(frozen=True, slots=True)
class FreezeView:
    """A live reason that the seller may not be paid."""

    kind: str
    source_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class HoldView:
    """A held payment as readers see it. `window_left` is set while it is frozen, `window_ends_at` while it runs.

    `parts` is set at an end that paid someone; `children` are the parts of a divided hold, at any depth.
    """

    id: UUID
    tenant_id: UUID
    reference_id: UUID
    parent_hold_id: UUID | None
    seller_id: UUID
    buyer_id: UUID | None
    product_id: UUID
    batch_id: UUID | None
    amount: Money
    fee_bps: int
    state: str
    funded_at: datetime
    delivered_at: datetime | None
    proof_kind: str | None
    window_ends_at: datetime | None
    window_left: timedelta | None
    ended_at: datetime | None
    freezes: Sequence[FreezeView] = ()
    parts: Parts | None = None
    children: "Sequence[HoldView]" = ()

    @property
    def is_open(self) -> bool:
        """Whether the money is still held."""
        return self.ended_at is None

    @property
    def is_frozen(self) -> bool:
        """Whether its seller may not be paid for now."""
        return bool(self.freezes)

    @property
    def open_holds(self) -> "list[HoldView]":
        """This hold or its children, those that are still open."""
        return [hold for hold in (self, *self.children) if hold.is_open]

    def having(self, children: "Sequence[HoldView]") -> "HoldView":
        """Return this view with its children."""
        return replace(self, children=children)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One transfer."""

    at: datetime
    hold_id: UUID | None
    code: str
    debit_account: str
    credit_account: str
    amount: Money


@dataclass(frozen=True, slots=True)
class SellerMoney:
    """What holds of some batches came to at one seller in one currency, in minor units, as of a time.

    `held_minor` counts what was open then, `frozen_minor` what of it was frozen, row by row or by its scope;
    `open_hold_count` and `frozen_hold_count` count those holds, `reference_count` all orders, a divided one once.
    """

    seller_id: UUID
    currency: str
    reference_count: int
    held_minor: int
    frozen_minor: int
    released_minor: int
    refunded_minor: int
    fee_minor: int
    open_hold_count: int
    frozen_hold_count: int


@dataclass(frozen=True, slots=True)
class ScopeFreezeView:
    """A live freeze on a scope."""

    id: UUID
    reason: str
    source_id: UUID
    at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ScopeState:
    """A scope with the freezes on it and the open holds within it; `held` has one amount for each currency."""

    scope: ScopeKey
    freezes: Sequence[ScopeFreezeView]
    open_hold_count: int
    held: Sequence[Money]


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation of the provider. A payout's `amount` is what is sent; `netted` went to what the seller owed."""

    id: UUID
    tenant_id: UUID
    kind: str
    reference_id: UUID | None
    hold_id: UUID | None
    original_id: UUID | None
    seller_id: UUID
    amount: Money
    netted: Money
    state: str
    reason: str | None
    requested_at: datetime
    ended_at: datetime | None

    @property
    def direction(self) -> str:
        """Of what moves a seller's deposit: "in" or "out" of it."""
        return "in" if self.kind == "deposit" else "out"


@dataclass(frozen=True, slots=True)
class BalanceView:
    """What a seller has in one currency: earned and not paid out, deposited, owed to us, and on its way out."""

    payable: Money
    deposit: Money
    owed: Money
    in_transit: Money


@dataclass(frozen=True, slots=True)
class BlockView:
    """A reason that a seller is paid nothing out, live while `lifted_at` is None."""

    id: UUID
    seller_id: UUID
    reason: str
    at: datetime
    lifted_at: datetime | None
