"""When a batch's complaints say something: independence of buyers, the shrunk rate, the circuit breaker; pure.

Rates are buyers with a complaint per 1,000 units sold to verified buyers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final
from uuid import UUID

from service.core.errors import Invalid
from service.core.lifecycle import Lifecycle, row
from service.recalls.gamma import gamma_quantile

RULE_VERSION: Final = "signal-1"
SIGNAL: Final = Lifecycle(
    "signal",
    "screening",
    [
        row("screening", "freeze", "preliminary", "system", "signal.frozen"),
        row("preliminary", "confirm", "analysis", "mediator supervisor", "signal.confirmed"),
        row("preliminary", "lift", "closed", "mediator supervisor", "signal.lifted"),
        row("preliminary", "expire", "closed", "system", "signal.expired"),
        row("preliminary", "dissolve", "closed", "system", "signal.dissolved"),
        row("analysis", "lift", "closed", "mediator supervisor", "signal.lifted"),
        row("analysis", "expire", "closed", "system", "signal.expired"),
        row("analysis", "act", "action", "regulator supervisor", "signal.acted"),
    ],
)
OPEN_STATES: Final = ("screening", "preliminary", "analysis")
FROZEN_STATES: Final = ("preliminary", "analysis")

LIFT_REASONS: Final = ("not_the_product", "not_this_batch", "not_genuine", "put_right", "no_risk")
"""What a person may publish as the reason for lifting."""
EXPIRY_REASONS: Final = ("not_confirmed", "time_over")
"""What is published when a freeze ends by itself: nobody confirmed it in time, or its longest time has passed."""
LINKS_MOVED: Final = "links_moved"
"""What is published when a freeze that nobody has confirmed ends because its complaints are of another batch."""

BUYERS_MIN: Final = 3
TIMES_BASE: Final = 2.0
INTERVAL_PERCENT: Final = 90
SERIES_DAYS_MAX: Final = 120
DAY_ZONE: Final = timezone(timedelta(hours=8))
"""Days of a series are Beijing's, as on every report."""


@dataclass(frozen=True, slots=True)
class Base:
    """What is usual for a category: the mean rate, how much batches differ, and the policies' version.

    `shape` is the Gamma prior's: 0.25 says that most batches draw next to no complaints and few draw many.
    """

    rate: float
    shape: float
    version: str

    @property
    def limit(self) -> float:
        """The rate that the lower bound must pass: twice the base."""
        return TIMES_BASE * self.rate


@dataclass(frozen=True, slots=True)
class Rate:
    """An estimated rate with the bounds of its 90 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Report:
    """One counted complaint: who, since when, where bought, and the digests by which its buyer is recognised."""

    complaint_id: UUID
    buyer_id: UUID
    seller_id: UUID
    at: datetime
    identity: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Day:
    """The rate at the end of one day."""

    day: date
    buyers: int
    rate: Rate


def counts(
    *,
    is_verified: bool,
    link_by: str | None,
    is_strict: bool,
    order_batch_id: UUID | None,
    order_product_id: UUID,
    batch_ids: Collection[UUID],
    product_ids: Collection[UUID],
) -> bool:
    """Whether a linked complaint counts in a signal of the batches: its buyer is verified, and the link is sure.

    Sure is an order of one of the batches, a mediator's word, or a strict link that the order's product agrees with. A
    strict link alone is not: whoever bought something else could copy a lot code to harm a competitor.
    """
    if not is_verified:
        return False
    if order_batch_id in batch_ids or link_by == "mediator":
        return True
    return is_strict and order_product_id in product_ids


def groups(
    reports: Sequence[Report], *, insider_ids: Collection[UUID], insider_marks: Collection[tuple[str, str]]
) -> dict[UUID, int]:
    """Return the group of each report, by complaint: reports of one group are not independent of each other.

    Groups are the connected components over buyers and shared digests (payer, device, address, contact), numbered from
    1 in the order in which they first reported. Left out are groups that touch an insider: somebody who acts for a
    seller of the product, by person or by a digest of their own orders.
    """
    parents: dict[tuple[str, str], tuple[str, str]] = {}

    def root(mark: tuple[str, str]) -> tuple[str, str]:
        parents.setdefault(mark, mark)
        while parents[mark] != mark:
            parents[mark] = parents[parents[mark]]
            mark = parents[mark]
        return mark

    for report in reports:
        for mark in report.identity.items():
            parents[root(mark)] = root(_buyer(report.buyer_id))
    inside = {root(mark) for mark in (*map(_buyer, insider_ids), *insider_marks)}
    numbers: dict[tuple[str, str], int] = {}
    found: dict[UUID, int] = {}
    for report in sorted(reports, key=lambda each: (each.at, each.complaint_id)):
        mine = root(_buyer(report.buyer_id))
        if mine not in inside:
            found[report.complaint_id] = numbers.setdefault(mine, len(numbers) + 1)
    return found


def _buyer(person_id: UUID) -> tuple[str, str]:
    return ("buyer", str(person_id))


def new_groups(grouped: Mapping[UUID, int], counted_before: Collection[UUID]) -> set[int]:
    """Return the groups none of whose complaints was counted in a freeze that has ended: it takes three new buyers."""
    old = {number for complaint_id, number in grouped.items() if complaint_id in counted_before}
    return set(grouped.values()) - old


def rate_of(buyers: int, units: int, base: Base) -> Rate:
    """Return the rate of `buyers` among `units`, shrunk towards the base.

    The prior is Gamma with the base's mean; Poisson counts make it Gamma(shape + buyers, shape / base + units / 1000)
    (Gelman and others, Bayesian Data Analysis, 3rd edition, 2.6). The bounds are its 5 % and 95 % quantiles.
    """
    shape = base.shape + buyers
    scale = 1.0 / (base.shape / base.rate + units / 1000)
    tail = (1 - INTERVAL_PERCENT / 100) / 2
    return Rate(shape * scale, gamma_quantile(tail, shape) * scale, gamma_quantile(1 - tail, shape) * scale)


def should_freeze(independent: int, lower_bound: float, base: float) -> bool:
    """Whether the circuit breaker acts: at least three independent buyers, and a lower bound above twice the base."""
    return independent >= BUYERS_MIN and lower_bound > TIMES_BASE * base


def stays_founded(independent: int, *, buyers: int, units: int, units_then: int, base: Base) -> bool:
    """Whether a freeze would still be decided with the buyers that are left of it, and those who came since.

    `units` are those of now, `units_then` those that it was decided on: what was sold since unfreezes nothing.
    """
    return should_freeze(independent, rate_of(buyers, min(units, units_then), base).low, base.rate)


def series(
    reports: Sequence[Report], grouped: Mapping[UUID, int], units_by_day: Mapping[date, int], base: Base, *, until: date
) -> list[Day]:
    """Return the rate at the end of each day, oldest first: from a week before the first report, at most 120 days.

    A group counts from its first report on, units from the day on which they were delivered to a verified buyer.
    """
    if not units_by_day and not grouped:
        return []
    firsts: dict[int, date] = {}
    for report in sorted(reports, key=lambda each: each.at):
        if report.complaint_id in grouped:
            firsts.setdefault(grouped[report.complaint_id], day_of(report.at))
    first = min([*firsts.values(), until]) - timedelta(days=7)
    start = max(first, min([*units_by_day, *firsts.values()]), until - timedelta(days=SERIES_DAYS_MAX - 1))
    days = [start + timedelta(days=number) for number in range((until - start).days + 1)]
    return [
        Day(day, buyers, rate_of(buyers, _until(units_by_day, day), base))
        for day in days
        for buyers in [sum(at <= day for at in firsts.values())]
    ]


def day_of(at: datetime) -> date:
    """Return the Beijing day of an instant."""
    return at.astimezone(DAY_ZONE).date()


def _until(units_by_day: Mapping[date, int], day: date) -> int:
    return sum(units for sold_on, units in units_by_day.items() if sold_on <= day)


def check_lift_reason(reason: str) -> None:
    """Raise `Invalid` ("lift_reason_unknown") unless the reason is one that may be published."""
    if reason not in LIFT_REASONS:
        raise Invalid("lift_reason_unknown", "there is no such reason", field="reason", reasons=list(LIFT_REASONS))


def units_by_day(sold: Iterable[tuple[date, int]]) -> dict[date, int]:
    """Add up units by day."""
    found: dict[date, int] = {}
    for day, units in sold:
        found[day] = found.get(day, 0) + units
    return found
