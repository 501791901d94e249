"""The provider's limit: told of at 72 days, handed up at 80, refunded at 90; driven by the movable clock."""

from datetime import timedelta

from sqlalchemy import text

from service.core.ids import new_id
from service.db.session import Database
from service.escrow.limits import watch_limits
from tests.conftest import Clock
from tests.escrow.moves import Moves
from tests.escrow.world import WINDOW, World


async def watch(world: World) -> int:
    async with world.database.begin() as tx:
        return await watch_limits(tx, now=await tx.now())


async def count(world: World, query: str) -> int:
    return int(await world.value(f"SELECT count(*) FROM {query}"))


async def test_an_old_hold_is_alerted_once_a_tenant_handed_up_once_and_refunded_at_the_limit(
    world: World, clock: Clock
) -> None:
    await world.fund(10_000)
    await world.fund(5_000)
    clock.forward(timedelta(days=71, hours=23))
    assert await watch(world) == 0
    clock.forward(timedelta(hours=2))
    assert [await watch(world), await watch(world)] == [1, 0]
    assert await Moves(world).alerts() == ["hold_near_limit"]
    assert await world.value("SELECT facts ->> 'hold_count' FROM alert") == "2"
    clock.forward(timedelta(days=8))
    assert [await watch(world), await watch(world)] == [2, 0]
    assert await count(world, "event WHERE name = 'hold.limit_near'") == 2
    assert await world.balances() == {"gateway": -15_000, "held": 15_000}
    clock.forward(timedelta(days=10))
    assert [await watch(world), await watch(world)] == [2, 1]  # both refunded; then the alert is cleared
    assert await world.balances() == {"gateway": -15_000, "refunds": 15_000}
    assert await Moves(world).alerts() == []
    assert await watch(world) == 0
    await world.assert_clean()


async def test_a_look_begins_with_the_oldest_open_hold_and_misses_none(world: World, clock: Clock) -> None:
    begins = "SELECT fairhold_now() - oldest_open_at FROM limit_watch"
    await world.fund(10_000)
    clock.forward(timedelta(days=10))
    await world.fund(5_000)
    clock.forward(timedelta(days=75))
    await watch(world)
    assert timedelta(days=85) <= await world.value(begins) < timedelta(days=85, minutes=10)
    clock.forward(timedelta(days=6))  # the first is refunded at the limit, the second is not
    await watch(world)
    await watch(world)
    assert timedelta(days=81) <= await world.value(begins) < timedelta(days=81, minutes=10)
    assert await world.balances() == {"gateway": -15_000, "refunds": 10_000, "held": 5_000}
    clock.forward(timedelta(days=10))
    await watch(world)
    await watch(world)
    assert timedelta(days=72) <= await world.value(begins) < timedelta(days=72, minutes=10)
    assert await world.balances() == {"gateway": -15_000, "refunds": 15_000}


async def test_the_parts_of_a_divided_hold_are_as_old_as_its_capture(world: World, clock: Clock) -> None:
    hold = await world.delivered(10_000)
    clock.forward(timedelta(days=5))
    await world.claim(hold.id, 4_000, new_id())
    clock.forward(timedelta(days=6))
    assert await world.sweep() == 1  # the part that nobody claimed
    clock.forward(timedelta(days=70))
    await watch(world)
    assert await count(world, "event WHERE name = 'hold.limit_near'") == 1
    clock.forward(timedelta(days=9, hours=1))
    await watch(world)
    assert await world.balances() == {"gateway": -10_000, "refunds": 4_000, "payable": 5_820, "fees": 180}
    await world.assert_clean()


async def test_a_window_that_decides_in_time_is_not_handed_up_and_one_that_is_over_is_the_sweeps(
    world: World, clock: Clock
) -> None:
    hold = await world.fund(10_000)
    clock.forward(timedelta(days=79, hours=12))
    await world.deliver(hold.id, WINDOW)
    clock.forward(timedelta(days=1))
    await watch(world)
    assert await count(world, "event WHERE name = 'hold.limit_near'") == 0
    clock.forward(timedelta(days=10))
    await watch(world)
    assert await world.balances() == {"gateway": -10_000, "held": 10_000}
    assert await world.sweep() == 1
    await world.assert_clean()


async def test_the_policy_may_leave_the_refund_to_people(world: World, clock: Clock, owner_url: str) -> None:
    owner = Database(owner_url)
    async with owner.begin() as tx:
        await tx.execute(
            text(
                "INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from)"
                " VALUES (uuidv7(), 'provider_limit_refund', '', '', 2, 0, 'switch', '2000-01-01Z')"
            )
        )
    await owner.close()
    await world.fund(10_000)
    clock.forward(timedelta(days=95))
    await watch(world)
    await watch(world)
    assert await world.balances() == {"gateway": -10_000, "held": 10_000}
    assert await Moves(world).alerts() == ["hold_near_limit"]
