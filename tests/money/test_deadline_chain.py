"""Thirty days of promises, run by moving the clock: two claims lapse, the window pauses and resumes twice."""

import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from service.escrow.check import reconcile
from service.escrow.rules import RESUME_FLOOR, SWEEP_MARGIN
from tests.complaints.conftest import Cases
from tests.conftest import Clock
from tests.money.life import Life

Drain = Callable[[], Awaitable[None]]
DAY = timedelta(days=1)


class Days:
    """The order's hold, and the clock."""

    def __init__(self, cases: Cases, clock: Clock, order_id: str) -> None:
        self.cases, self.clock, self.order_id = cases, clock, order_id

    async def hold(self) -> Any:
        (row,) = await self.cases.sql("SELECT * FROM hold WHERE reference_id = :id", id=self.order_id)
        return row

    async def now(self) -> datetime:
        (row,) = await self.cases.sql("SELECT fairhold_now() AS now")
        found: datetime = row.now
        return found

    async def forward_to(self, at: datetime) -> None:
        """Move the clock to a time; it is there a little later than that, never earlier."""
        self.clock.forward(at - await self.now())

    async def freeze_of(self, case_id: str) -> Any:
        (row,) = await self.cases.sql("SELECT at, lifted_at FROM hold_freeze WHERE source_id = :id", id=case_id)
        return row

    async def due(self, name: str, case_id: str) -> datetime:
        """When a promise about a case falls due: the only one of this name that is still to be kept."""
        (row,) = await self.cases.sql(
            "SELECT due_at FROM deadline WHERE name = :name AND state = 'pending' AND subject_id = :id",
            name=name,
            id=case_id,
        )
        found: datetime = row.due_at
        return found


def seconds_left(ends_at: datetime, at: datetime) -> int:
    return math.ceil((ends_at - at).total_seconds())


async def test_thirty_days_with_two_lapsed_claims_release_the_payment_once(
    cases: Cases, clock: Clock, drain: Drain
) -> None:
    life = Life(cases)
    order_id = await life.delivered()
    days = Days(cases, clock, order_id)
    start = await days.now()
    first_end = (await days.hold()).window_ends_at
    assert timedelta(0) <= start + 10 * DAY - first_end < timedelta(minutes=1)

    # Day 9: claimed and refused; the buyer does not go to a mediator, and the claim lapses.
    await days.forward_to(first_end - DAY)
    first = await life.claimed(order_id, 48_000)
    paused = await days.hold()
    frozen = await days.freeze_of(first)
    assert (paused.window_ends_at, paused.freeze_count) == (None, 1)
    assert paused.window_left_seconds == seconds_left(first_end, frozen.at)
    await life.ok(cases.seller, f"/complaints/{first}/answer", {"decision": "refuse", "text": "It is another lot."})
    lapses = await days.due("escalate", first)
    await days.forward_to(lapses - timedelta(minutes=5))
    await drain()
    assert (await days.hold()).freeze_count == 1
    await days.forward_to(lapses)
    await drain()
    lifted = await days.freeze_of(first)
    resumed = await days.hold()
    assert lifted.lifted_at >= lapses
    assert (resumed.window_ends_at, resumed.has_used_floor) == (lifted.lifted_at + RESUME_FLOOR, True)

    # A day before the new end: another claim, an offer that nobody answers. The floor does not help again.
    await days.forward_to(resumed.window_ends_at - DAY)
    second = await second_claim(life, order_id)
    left = (await days.hold()).window_left_seconds
    assert left == seconds_left(resumed.window_ends_at, (await days.freeze_of(second)).at)
    assert left <= DAY.total_seconds()
    offer = {"kind": "part_refund", "amount": {"amount_minor": 1_000, "currency": "CNY"}, "text": "Keep the goods."}
    await life.ok(cases.seller, f"/complaints/{second}/answer", {"decision": "offer", "offer": offer})
    await days.forward_to(await days.due("accept_offer", second))
    await drain()
    again = await days.hold()
    ends_at = (await days.freeze_of(second)).lifted_at + timedelta(seconds=left)
    assert (again.freeze_count, again.window_ends_at) == (0, ends_at)

    # Nothing happens until its end and the sweep's margin; then the seller is paid, once, whoever looks again.
    await days.forward_to(ends_at - timedelta(minutes=5))
    await drain()
    assert (await days.hold()).state == "in_window"
    await days.forward_to(ends_at + SWEEP_MARGIN)
    await drain()
    released = await days.hold()
    assert released.state == "released"
    assert released.ended_at >= ends_at + SWEEP_MARGIN
    await days.forward_to(max(start + 30 * DAY, await days.now()))
    await drain()
    assert await life.moved(order_id) == [("fee", 1_440, "CNY"), ("fund", 48_000, "CNY"), ("release", 46_560, "CNY")]
    async with cases.database.begin() as tx:
        assert await reconcile(tx) == []


async def second_claim(life: Life, order_id: str) -> str:
    """A claim of another kind on the same order."""
    claim = {"amount_minor": 48_000, "currency": "CNY"}
    body = {**life.complaint(order_id, claim), "kind": "damaged"}
    case_id = str((await life.ok(life.cases.buyer, "/complaints", body))["id"])
    await life.ok(life.cases.buyer, f"/complaints/{case_id}/submission")
    return case_id
