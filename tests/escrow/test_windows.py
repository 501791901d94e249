"""Windows pause with the first freeze and resume with the last lift; the 72 hours help once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from service.core.ids import new_id
from service.escrow import rules
from service.escrow.queries import HoldView
from tests.conftest import Clock
from tests.escrow.world import WINDOW, World

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def left(hold: HoldView, now: datetime) -> timedelta:
    """Return what is left of a running window, to the second."""
    assert hold.window_ends_at is not None
    return timedelta(seconds=round((hold.window_ends_at - now).total_seconds()))


async def test_a_window_pauses_and_resumes_with_what_was_left(world: World, clock: Clock) -> None:
    hold = await world.delivered()
    clock.forward(timedelta(days=4))
    source_id = new_id()
    await world.freeze(hold.id, source_id)
    paused = await world.hold(hold.reference_id)
    assert paused.window_ends_at is None
    assert paused.window_left is not None
    assert timedelta(0) <= timedelta(days=6) - paused.window_left < timedelta(minutes=2)
    clock.forward(timedelta(days=30))
    assert await world.sweep() == 0
    await world.lift(source_id)
    resumed = await world.hold(hold.reference_id)
    assert resumed.window_left is None
    now = await world.value("SELECT fairhold_now()")
    assert timedelta(0) <= timedelta(days=6) - left(resumed, now) < timedelta(minutes=2)
    await world.assert_clean()


async def test_the_floor_of_72_hours_helps_once(world: World, clock: Clock) -> None:
    hold = await world.delivered()
    clock.forward(WINDOW - timedelta(hours=1))
    for expected in (timedelta(hours=72), timedelta(hours=1)):
        source_id = new_id()
        await world.freeze(hold.id, source_id)
        await world.lift(source_id)
        resumed = await world.hold(hold.reference_id)
        now = await world.value("SELECT fairhold_now()")
        assert timedelta(0) <= expected - left(resumed, now) < timedelta(minutes=2)
        clock.forward(left(resumed, now) - timedelta(hours=1))
    assert await world.value("SELECT has_used_floor FROM hold")


async def test_a_window_resumes_with_the_last_of_several_freezes(world: World) -> None:
    hold = await world.delivered()
    first, second = new_id(), new_id()
    await world.freeze(hold.id, first)
    await world.freeze(hold.id, second)
    assert [freeze.source_id for freeze in (await world.hold(hold.reference_id)).freezes] == [first, second]
    await world.lift(first)
    frozen = await world.hold(hold.reference_id)
    assert (frozen.window_ends_at, frozen.window_left) == (None, WINDOW)
    await world.lift(second)
    assert (await world.hold(hold.reference_id)).window_ends_at is not None
    assert await world.lift(second) == 0
    names = "SELECT string_agg(name, ' ' ORDER BY seq) FROM event WHERE subject_id = :id AND name LIKE 'hold.%'"
    assert await world.value(names, id=hold.id) == (
        "hold.funded hold.window_started hold.frozen hold.frozen hold.freeze_lifted hold.freeze_lifted"
        " hold.window_resumed"
    )
    await world.assert_clean()


async def test_delivery_while_frozen_keeps_the_whole_window(world: World) -> None:
    hold = await world.fund()
    source_id = new_id()
    await world.freeze(hold.id, source_id)
    assert (await world.hold(hold.reference_id)).window_left is None
    await world.deliver(hold.id)
    frozen = await world.hold(hold.reference_id)
    assert (frozen.state, frozen.window_ends_at, frozen.window_left) == ("in_window", None, WINDOW)
    await world.lift(source_id)
    resumed = await world.hold(hold.reference_id)
    assert left(resumed, await world.value("SELECT fairhold_now()")) >= WINDOW - timedelta(minutes=1)


async def test_the_sweep_waits_five_seconds_more(world: World, clock: Clock) -> None:
    hold = await world.delivered()
    assert hold.window_ends_at is not None
    clock.forward(hold.window_ends_at - await world.value("SELECT fairhold_now()") - timedelta(seconds=1))
    assert await world.sweep() == 0
    clock.forward(timedelta(seconds=8))
    assert await world.sweep() == 1


@given(st.integers(0, 10**7), st.booleans())
def test_a_resumed_window_is_never_shorter_than_what_was_left(seconds: int, has_used_floor: bool) -> None:
    left_then = timedelta(seconds=seconds)
    resumed = rules.resume(left_then, AT, has_used_floor=has_used_floor)
    assert resumed.ends_at - AT == (left_then if has_used_floor else max(left_then, timedelta(hours=72)))
    assert resumed.has_used_floor == (has_used_floor or left_then < timedelta(hours=72))


@given(st.integers(-(10**12), 10**12))
def test_what_is_left_is_rounded_up_to_whole_seconds(microseconds: int) -> None:
    gap = timedelta(microseconds=microseconds)
    paused = rules.left_when_paused(AT + gap, AT)
    assert paused >= timedelta(0)
    assert microseconds <= 0 or timedelta(0) <= paused - gap < timedelta(seconds=1)


def test_the_floor_in_sql_is_the_floor_of_the_rules() -> None:
    sql = (Path(rules.__file__).parent.parent / "db/migrations/sql/30_escrow.sql").read_text("utf-8")
    assert f"greatest(h.window_left_seconds, {int(rules.RESUME_FLOOR.total_seconds())})" in sql
    assert f"h.window_left_seconds < {int(rules.RESUME_FLOOR.total_seconds())}" in sql
