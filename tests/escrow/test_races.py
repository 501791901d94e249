"""Claim, waiver, refund, freeze and sweep on the same holds, started together on real connections: one end each."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from service.core.errors import Conflict
from service.core.ids import new_id
from service.db.session import Tx
from service.escrow import actions
from service.escrow.sweep import release_due
from tests.chance import new_seed
from tests.conftest import Clock
from tests.escrow.racing import MOMENTS, Races
from tests.escrow.world import MEDIATOR, WINDOW, World

RECONCILE_EVERY = 100
Act = Callable[[Tx, datetime], Awaitable[object]]


@pytest.mark.timeout(600)
async def test_no_hold_ends_twice_or_early_and_no_claim_made_in_time_is_lost(world: World, owner_url: str) -> None:
    await race(world, owner_url, 500)


@pytest.mark.full
@pytest.mark.timeout(3 * 3_600)
async def test_no_hold_ends_twice_or_early_in_ten_thousand_races(world: World, owner_url: str) -> None:
    await race(world, owner_url, 10_000)


async def race(world: World, owner_url: str, count: int) -> None:
    """Run so many races, at the moments in turn. Each kind of contender must have won, and lost, some of them."""
    races = Races(world, owner_url, new_seed())
    try:
        for number in range(count):
            await races.run(MOMENTS[number % len(MOMENTS)])
            if (number + 1) % RECONCILE_EVERY == 0:
                await world.assert_clean()
    finally:
        print(f"{races.near} contenders within 1 ms of a deadline", dict(sorted(races.total.items())))
        races.close()
    await world.assert_clean()
    assert races.total.keys() >= {
        "claim won", "claim hold_state", "claim window_closed", "waive won", "waive hold_state", "waive hold_frozen",
        "refund won", "refund hold_state", "freeze won", "ended by sweep", "ended by waiver", "ended by refund",
        "ended by claim", "ended by None",
    }  # fmt: skip
    assert races.near >= count


class Race:
    """Contenders that each have a transaction and its time, and wait for the start."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ready = 0
        self.start = asyncio.Event()
        self.results: Counter[str] = Counter()

    async def run(self, name: str, act: Act) -> None:
        """Take part: `act` in a transaction that began before the start."""
        try:
            async with self.world.database.begin() as tx:
                now = await tx.now()
                self.ready += 1
                await self.start.wait()
                await act(tx, now)
        except Conflict as error:
            self.results[f"{name} {error.code}"] += 1
        else:
            self.results[name] += 1

    async def until_ready(self, count: int) -> None:
        """Wait until every contender has its transaction."""
        async with asyncio.timeout(30):
            while self.ready < count:  # noqa: ASYNC110 - a count, not a flag
                await asyncio.sleep(0.005)


async def test_two_decisions_on_one_hold_pay_once(world: World) -> None:
    hold = await world.delivered()
    source_id = new_id()
    await world.claim(hold.id, 10_000, source_id)

    async def settle(tx: Tx, at: datetime) -> None:
        await actions.settle_hold(
            tx, MEDIATOR, hold.id, buyer_minor=3_000, decided_by=new_id(), source_id=source_id, now=at
        )

    race = Race(world)
    tasks = [asyncio.create_task(race.run("settle", settle)) for _ in range(8)]
    await race.until_ready(8)
    race.start.set()
    await asyncio.gather(*tasks)
    assert race.results == {"settle": 1, "settle hold_state": 7}
    assert await world.balances() == {"gateway": -10_000, "refunds": 3_000, "payable": 6_790, "fees": 210}


async def test_two_workers_share_the_due_holds_without_waiting(world: World, clock: Clock) -> None:
    other = World(world.database)
    while await shard_of(other) == await shard_of(world):
        other = World(world.database)
    for seller in (world, world, world, other, other):
        await seller.delivered()
    clock.forward(WINDOW + timedelta(seconds=6))
    async with world.database.begin() as first, world.database.begin() as second:
        shard = await shard_of(world)
        assert await release_due(first, now=await first.now(), limit=2, first_shard=shard) == 2
        async with asyncio.timeout(20):  # the first has the seller: the second leaves all their holds to it
            assert await release_due(second, now=await second.now(), limit=10, first_shard=shard) == 2
    assert (await world.payable(), await other.payable()) == (2 * 9_700, 2 * 9_700)
    assert await world.sweep() == 1
    assert await world.payable() == 3 * 9_700
    await world.assert_clean()


async def shard_of(world: World) -> int:
    """Return the shard in which a seller's holds are swept."""
    return int(await world.value("SELECT fairhold_shard(:seller_id)", seller_id=world.seller_id))
