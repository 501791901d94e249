"""Held payments in memory, by the pure rules: what the database must agree with after every step."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.core.money import Money
from service.escrow import rules
from service.escrow.rules import Parts, ScopeKey


@dataclass
class ModelHold:
    """A hold as the rules have it. `freezes` are the live ones: those of a refunded hold live on."""

    id: UUID
    payment_id: UUID
    reference_id: UUID
    seller_id: UUID
    product_id: UUID
    batch_id: UUID | None
    amount: Money
    fee_bps: int
    state: str = "awaiting_delivery"
    freezes: set[UUID] = field(default_factory=set)
    ends_at: datetime | None = None
    left: timedelta | None = None
    has_used_floor: bool = False
    parts: Parts | None = None

    @property
    def is_open(self) -> bool:
        return self.state in rules.OPEN_STATES

    @property
    def scopes(self) -> frozenset[ScopeKey]:
        """Its seller's and its batch's; while nobody has named the batch, its seller's and product's."""
        if self.batch_id is None:
            goods = ScopeKey.seller_product(self.seller_id, self.product_id)
        else:
            goods = ScopeKey.batch(self.batch_id)
        return frozenset({goods, ScopeKey.seller(self.seller_id)})

    def deliver(self, window: timedelta, now: datetime) -> None:
        self.state = rules.HOLD.next(self.state, "start_window").to
        if self.freezes:
            self.left = window
        else:
            self.ends_at = now + window

    def freeze(self, source_id: UUID, now: datetime) -> None:
        self.freezes.add(source_id)
        if self.ends_at is not None:
            self.left, self.ends_at = rules.left_when_paused(self.ends_at, now), None

    def lift(self, source_id: UUID, now: datetime) -> None:
        if source_id not in self.freezes:
            return
        self.freezes.remove(source_id)
        if not self.freezes and self.left is not None:
            resumed = rules.resume(self.left, now, has_used_floor=self.has_used_floor)
            self.ends_at, self.left, self.has_used_floor = resumed.ends_at, None, resumed.has_used_floor

    def stop(self, state: str) -> None:
        self.state = state
        self.ends_at = self.left = None

    def is_due(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now - rules.SWEEP_MARGIN


Names = Callable[[UUID], tuple[UUID, UUID]]
"""The ids of a divided hold's children, which the database chose: of the claimed part and of the rest."""


class HoldLedger:
    """Holds, their freezes and scopes, and every transfer that they cause, keyed as the table is."""

    def __init__(self, children_of: Names) -> None:
        self.children_of = children_of
        self.holds: dict[UUID, ModelHold] = {}
        self.scope_freezes: dict[UUID, frozenset[ScopeKey]] = {}
        self.live_scope_freezes: set[UUID] = set()
        self.transfers: dict[tuple[UUID, str], tuple[str, str, int]] = {}
        self.refunds_to_come: dict[UUID, Money] = {}
        """By hold: what the provider is asked to refund, until the operation's id was read."""

    @property
    def balances(self) -> Mapping[str, int]:
        """Every account's balance, credits less debits; those at zero are left out."""
        found: Counter[str] = Counter()
        for debit, credit, minor in self.transfers.values():
            found[debit] -= minor
            found[credit] += minor
        return {account: minor for account, minor in found.items() if minor}

    @property
    def scope_counts(self) -> Mapping[ScopeKey, int]:
        return Counter(key for freeze_id in self.live_scope_freezes for key in self.scope_freezes[freeze_id])

    def move(self, subject_id: UUID, code: str, debit: str, credit: str, amount: Money) -> None:
        """Write a transfer; "payable:SELLER" and "gateway" alike get their currency here. Nothing is no transfer."""
        if amount.amount_minor:
            assert (subject_id, code) not in self.transfers
            sides = (f"{debit}:{amount.currency}", f"{credit}:{amount.currency}")
            self.transfers[subject_id, code] = (*sides, amount.amount_minor)

    def fund(self, hold: ModelHold, now: datetime, *, source: str = "gateway") -> None:
        self.holds[hold.id] = hold
        self.move(hold.id, "fund", source, "held", hold.amount)
        self.inherit(hold, now)

    def family(self, hold: ModelHold) -> list[ModelHold]:
        """Return what a delivery of this hold is for: itself, or the open ones that it was divided into."""
        if hold.state != "divided":
            return [hold]
        return [h for h in self.holds.values() if h.payment_id == hold.payment_id and h.is_open and h.id > hold.id]

    def freezes_over(self, hold: ModelHold) -> Iterable[UUID]:
        return (each for each in self.live_scope_freezes if self.scope_freezes[each] & hold.scopes)

    def inherit(self, hold: ModelHold, now: datetime) -> None:
        """Write the freezes of its scopes on the hold, as every action that could pay its seller does first."""
        for freeze_id in self.freezes_over(hold):
            if freeze_id not in hold.freezes:
                hold.freeze(freeze_id, now)

    def name_batch(self, hold: ModelHold, batch_id: UUID, now: datetime) -> None:
        """Move the hold to the batch's scope: freezes are added before those that no longer cover it are lifted."""
        if hold.batch_id == batch_id:
            return
        hold.batch_id = batch_id
        if hold.is_open:
            self.inherit(hold, now)
            for source_id in set(hold.freezes):
                if source_id in self.scope_freezes and not self.scope_freezes[source_id] & hold.scopes:
                    hold.lift(source_id, now)

    def divide(self, hold: ModelHold, first_minor: int, now: datetime) -> tuple[ModelHold, ModelHold]:
        """End the hold and return its children with its window and its freezes."""
        state = hold.state
        ends_at = hold.ends_at if hold.left is None else now + hold.left
        hold.stop(rules.HOLD.next(state, "divide").to)
        self.move(hold.id, "divide", "held", "dividing", hold.amount)
        children = []
        for hold_id, minor in zip(
            self.children_of(hold.id), (first_minor, hold.amount.amount_minor - first_minor), strict=True
        ):
            child = ModelHold(
                hold_id, hold.payment_id, hold.reference_id, hold.seller_id, hold.product_id, hold.batch_id,
                Money(minor, hold.amount.currency), hold.fee_bps, state,
            )  # fmt: skip
            child.ends_at, child.has_used_floor = ends_at, hold.has_used_floor
            self.fund(child, now, source="dividing")
            for source_id in hold.freezes - child.freezes:
                child.freeze(source_id, now)
            children.append(child)
        hold.freezes = set()
        return children[0], children[1]

    def end(self, hold: ModelHold, action: str, buyer_minor: int) -> None:
        """End the hold: the buyer gets so much, the seller the rest less the fee."""
        hold.stop(rules.HOLD.next(hold.state, action).to)
        parts = hold.parts = rules.part(hold.amount, buyer_minor, hold.fee_bps)
        self.move(hold.id, "release", "held", f"payable:{hold.seller_id}", parts.seller)
        self.move(hold.id, "fee", "held", "fees", parts.fee)
        self.move(hold.id, "refund", "held", "refunds", parts.buyer)
        if buyer_minor:
            self.refunds_to_come[hold.id] = parts.buyer

    def charge_back(self, hold: ModelHold) -> None:
        """End it with no refund; nothing is left for its freezes to hold back."""
        hold.freezes = set()
        hold.stop(rules.HOLD.next(hold.state, "charge_back").to)
        self.move(hold.id, "charge_back", "held", "gateway", hold.amount)

    def settle(self, hold: ModelHold, buyer_minor: int, source_id: UUID, now: datetime) -> None:
        """Carry out a decision; while other freezes lie on the hold, the seller's part waits for them."""
        hold.lift(source_id, now)
        if buyer_minor == hold.amount.amount_minor:
            self.end(hold, "refund", buyer_minor)
        elif buyer_minor == 0 and hold.state == "awaiting_delivery":
            return
        elif not hold.freezes:
            self.end(hold, "split" if buyer_minor else "release", buyer_minor)
        else:
            waiting = hold
            if buyer_minor:
                refunded, waiting = self.divide(hold, buyer_minor, now)
                self.end(refunded, "refund", buyer_minor)
            waiting.state, waiting.left, waiting.has_used_floor = "in_window", timedelta(0), True
