"""Held payments in memory, by the pure rules: what the database must agree with after every step."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from service.core.money import Money
from service.escrow import rules
from service.escrow.rules import Parts


@dataclass
class ModelHold:
    """A hold as the rules have it."""

    id: UUID
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

    def end(self, action: str, buyer_minor: int) -> None:
        self.state = rules.HOLD.next(self.state, action).to
        self.parts = rules.part(self.amount, buyer_minor, self.fee_bps)
        self.ends_at = self.left = None
        self.freezes = self.freezes if self.is_open else set()

    def divide(
        self, claimed_minor: int, claimed_id: UUID, rest_id: UUID, now: datetime
    ) -> "tuple[ModelHold, ModelHold]":
        state = self.state
        self.state = rules.HOLD.next(state, "divide").to
        ends_at = self.ends_at if self.left is None else now + self.left
        rest_minor = self.amount.amount_minor - claimed_minor
        children = []
        for hold_id, minor in ((claimed_id, claimed_minor), (rest_id, rest_minor)):
            child = ModelHold(hold_id, Money(minor, self.amount.currency), self.fee_bps, state)
            child.ends_at, child.has_used_floor = ends_at, self.has_used_floor
            for source_id in sorted(self.freezes):
                child.freeze(source_id, now)
            children.append(child)
        self.ends_at = self.left = None
        self.freezes = set()
        return children[0], children[1]

    def due(self, now: datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now - rules.SWEEP_MARGIN
