"""Reads of held payments. Filters of permission are in the queries."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.core.actor import Actor
from service.core.money import Money
from service.db.pages import Page
from service.db.session import Tx
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
    window_ends_at: datetime | None
    window_left: timedelta | None
    ended_at: datetime | None
    freezes: Sequence[FreezeView] = ()
    parts: Parts | None = None
    children: "Sequence[HoldView]" = field(default=())

    @property
    def is_open(self) -> bool:
        """Whether the money is still held."""
        return self.ended_at is None

    @property
    def open_holds(self) -> "list[HoldView]":
        """This hold or its children, those that are still open."""
        return [hold for hold in (self, *self.children) if hold.is_open]


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
    """What holds of some batches came to at one seller in one currency, in minor units, as of a time."""

    seller_id: UUID
    currency: str
    hold_count: int
    held_minor: int
    frozen_minor: int
    released_minor: int
    refunded_minor: int
    fee_minor: int


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
    """A scope with the freezes on it and the open holds within it; `held_minor` by currency."""

    scope: ScopeKey
    freezes: Sequence[ScopeFreezeView]
    open_hold_count: int
    held: Sequence[Money]


async def get_hold(tx: Tx, actor: Actor, hold_id: UUID) -> HoldView:
    """Return a hold that the actor may see; raises `NotFound` ("hold_not_found")."""
    raise NotImplementedError


async def hold_by_reference(tx: Tx, reference_id: UUID) -> HoldView | None:
    """Return the undivided hold of a reference (an order), with its children if it was divided; None before funding.

    No permission filter: the caller has checked the reference.
    """
    raise NotImplementedError


async def holds_page(  # noqa: PLR0913 - the filters of a list
    tx: Tx,
    actor: Actor,
    *,
    state: str | None = None,
    is_frozen: bool | None = None,
    seller_id: UUID | None = None,
    batch_id: UUID | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[HoldView]:
    """Return a page of the holds that the actor may see, newest first."""
    raise NotImplementedError


async def hold_ledger(tx: Tx, hold_id: UUID) -> list[LedgerLine]:
    """Return the transfers of a hold, its children and its refunds, oldest first. No permission filter."""
    raise NotImplementedError


async def money_by_seller(tx: Tx, batch_ids: Collection[UUID], *, as_of: datetime) -> list[SellerMoney]:
    """Return what became of the money of these batches, by seller and currency, as of a time."""
    raise NotImplementedError


async def scope_state(tx: Tx, scopes: Collection[ScopeKey]) -> list[ScopeState]:
    """Return each scope's live freezes and open holds, in the order of the keys."""
    raise NotImplementedError
