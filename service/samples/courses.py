"""How a generated order or case goes: its fate, and the times that fit together. Pure."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.deadlines.rules import DEFAULT_POLICIES

WINDOW = timedelta(seconds=DEFAULT_POLICIES["window"][0])
ANSWER = timedelta(seconds=DEFAULT_POLICIES["answer_claim"][0])
DECIDE = timedelta(seconds=DEFAULT_POLICIES["accept_offer"][0])
ESCALATE = timedelta(seconds=DEFAULT_POLICIES["escalate"][0])
TRIAGE = timedelta(seconds=DEFAULT_POLICIES["triage"][0])
FIRST_RULING = timedelta(seconds=DEFAULT_POLICIES["first_ruling_hard"][0])
APPEAL = timedelta(seconds=DEFAULT_POLICIES["appeal"][0])
FLOOR = timedelta(hours=72)
"""What a window has at least when its last freeze is lifted."""
FEE_BPS = DEFAULT_POLICIES["fee"][0]


class Fate(StrEnum):
    """Where an order without a claim stands."""

    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    IN_WINDOW = "in_window"
    RELEASED = "released"
    REFUNDED = "refunded"


FATES = {
    Fate.PLACED: 4,
    Fate.PAID: 8,
    Fate.SHIPPED: 11,
    Fate.IN_WINDOW: 27,
    Fate.RELEASED: 46,
    Fate.REFUNDED: 4,
}


class Case(StrEnum):
    """How the complaint about an order went. The first eight claim money."""

    OPEN = "open"
    TRIAGE = "triage"
    REFUSED = "refused"
    OFFERED = "offered"
    QUEUED = "queued"
    IN_REVIEW = "in_review"
    RULED = "ruled"
    OFFER_TAKEN = "offer_taken"
    GRANTED = "granted"
    RULING_FINAL = "ruling_final"
    WITHDRAWN = "withdrawn"
    QUIET = "quiet"
    QUIET_ANSWERED = "quiet_answered"


CASES = {
    Case.OPEN: 12,
    Case.TRIAGE: 4,
    Case.REFUSED: 7,
    Case.OFFERED: 7,
    Case.QUEUED: 5,
    Case.IN_REVIEW: 4,
    Case.RULED: 3,
    Case.OFFER_TAKEN: 12,
    Case.GRANTED: 9,
    Case.RULING_FINAL: 8,
    Case.WITHDRAWN: 5,
    Case.QUIET: 12,
    Case.QUIET_ANSWERED: 12,
}
WITHOUT_CLAIM = frozenset({Case.QUIET, Case.QUIET_ANSWERED})
UNDECIDED = frozenset({Case.OPEN, Case.TRIAGE, Case.REFUSED, Case.OFFERED, Case.QUEUED, Case.IN_REVIEW, Case.RULED})
IN_MEDIATION = frozenset({Case.IN_REVIEW, Case.RULED, Case.RULING_FINAL})
"""Cases that a mediator took."""


@dataclass(frozen=True, slots=True)
class Course:
    """The times of an order and of its case; None where it did not come to it."""

    placed_at: datetime
    paid_at: datetime | None = None
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    ended_at: datetime | None = None
    submitted_at: datetime | None = None
    answered_at: datetime | None = None
    disputed_at: datetime | None = None
    assigned_at: datetime | None = None
    ruled_at: datetime | None = None
    closed_at: datetime | None = None


class Times:
    """Draws times that fit together, all before `now`."""

    def __init__(self, rng: random.Random, now: datetime) -> None:
        self._rng = rng
        self._now = now

    def of_order(self, fate: Fate) -> Course:
        """Return the course of an order without a claim."""
        if fate is Fate.PLACED:
            return Course(self._ago(0.2, 40))
        if fate is Fate.PAID:
            return self._paid(self._ago(2, 110))
        if fate is Fate.REFUNDED:
            paid = self._paid(self._ago(72, 1900))
            return Course(paid.placed_at, paid.paid_at, ended_at=self._later(paid.placed_at, 3, 48))
        if fate is Fate.SHIPPED:
            return self._shipped(self._ago(4, 150))
        delivered_at = self._ago(2, 228) if fate is Fate.IN_WINDOW else self._ago(243, 2600)
        return self._delivered(delivered_at, is_released=fate is Fate.RELEASED)

    def of_case(self, case: Case) -> Course:
        """Return the course of an order with a complaint."""
        if case in WITHOUT_CLAIM:
            return self._quiet(is_answered=case is Case.QUIET_ANSWERED)
        order = self._delivered(self._ago(*_DELIVERED_HOURS_AGO[case]), is_released=False)
        told: dict[str, datetime] = {}
        if case in (Case.OPEN, Case.TRIAGE):
            told["submitted_at"] = self._ago(0.5, 40)
            return _with(order, told)
        told["submitted_at"] = self._later(order.delivered_at, 3, 24)
        told["answered_at"] = self._later(told["submitted_at"], 2, 36)
        if case in (Case.QUEUED, *IN_MEDIATION):
            told["disputed_at"] = self._later(told["answered_at"], 1, 20)
        if case in IN_MEDIATION:
            told["assigned_at"] = self._later(told["disputed_at"], 1, 6)
        if case in (Case.RULED, Case.RULING_FINAL):
            told["ruled_at"] = self._later(told["assigned_at"], 2, 24)
        if case is Case.RULING_FINAL:
            told["closed_at"] = told["ruled_at"] + APPEAL + timedelta(seconds=2)
        elif case not in UNDECIDED:
            told["closed_at"] = self._later(told["answered_at"], 1, 90)
        return _with(order, told)

    def _quiet(self, *, is_answered: bool) -> Course:
        order = self._delivered(self._ago(400, 1800), is_released=True)
        submitted_at = self._later(order.delivered_at, 24, 380)
        told = {"submitted_at": submitted_at}
        if is_answered:
            told["answered_at"] = self._later(submitted_at, 1, 12)
        return _with(order, told)

    def _paid(self, placed_at: datetime) -> Course:
        return Course(placed_at, placed_at + timedelta(seconds=self._rng.randint(20, 1200)))

    def _shipped(self, shipped_at: datetime) -> Course:
        paid = self._paid(shipped_at - timedelta(hours=self._rng.uniform(5, 40)))
        return Course(paid.placed_at, paid.paid_at, shipped_at)

    def _delivered(self, delivered_at: datetime, *, is_released: bool) -> Course:
        sent = self._shipped(delivered_at - timedelta(hours=self._rng.uniform(20, 90)))
        ended_at = delivered_at + WINDOW + timedelta(seconds=self._rng.randint(6, 40)) if is_released else None
        return Course(sent.placed_at, sent.paid_at, sent.shipped_at, delivered_at, ended_at)

    def _ago(self, hours_min: float, hours_max: float) -> datetime:
        return self._now - timedelta(seconds=round(self._rng.uniform(hours_min, hours_max) * 3600))

    def _later(self, at: datetime | None, hours_min: float, hours_max: float) -> datetime:
        return (at or self._now) + timedelta(seconds=round(self._rng.uniform(hours_min, hours_max) * 3600))


_DELIVERED_HOURS_AGO: dict[Case, tuple[float, float]] = {
    Case.OPEN: (48, 150),
    Case.TRIAGE: (48, 150),
    Case.REFUSED: (75, 150),
    Case.OFFERED: (75, 150),
    Case.QUEUED: (90, 160),
    Case.IN_REVIEW: (100, 170),
    Case.RULED: (130, 190),
    Case.OFFER_TAKEN: (400, 2400),
    Case.GRANTED: (400, 2400),
    Case.RULING_FINAL: (500, 2400),
    Case.WITHDRAWN: (700, 2400),
}


def _with(order: Course, told: dict[str, datetime]) -> Course:
    return Course(order.placed_at, order.paid_at, order.shipped_at, order.delivered_at, order.ended_at, **told)
