"""Claim, waiver, refund and sweep on the same holds, started together on real connections: one end each."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from service.core.actor import SYSTEM
from service.core.errors import Conflict
from service.core.ids import new_id
from service.db.session import Tx
from service.escrow import actions
from service.escrow.queries import HoldView
from service.escrow.sweep import release_due
from tests.conftest import Clock
from tests.escrow.world import BUYER, MEDIATOR, WINDOW, World

ROUNDS = 8
HOLDS = 5  # with three contenders each and two sweeps: 17 connections
Act = Callable[[Tx, datetime], Awaitable[object]]
LOSES_WITH = {"hold_state", "hold_frozen", "freeze_exists"}


class Race:
    """Contenders that each have a transaction and its time, and wait for the start."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ready = 0
        self.start = asyncio.Event()
        self.results: Counter[str] = Counter()

    async def run(self, name: str, act: Act, delay: float) -> None:
        """Take part: `act` in a transaction that began before the start."""
        try:
            async with self.world.database.begin() as tx:
                now = await tx.now()
                self.ready += 1
                await self.start.wait()
                await asyncio.sleep(delay)
                await act(tx, now)
        except Conflict as error:
            if error.code not in LOSES_WITH:
                raise
            self.results[f"{name} lost"] += 1
        except DBAPIError as error:
            pytest.fail(f"{name}: {error.orig}")
        else:
            self.results[name] += 1

    async def until_ready(self, count: int) -> None:
        """Wait until every contender has its transaction."""
        async with asyncio.timeout(30):
            while self.ready < count:  # noqa: ASYNC110 - a count, not a flag
                await asyncio.sleep(0.005)


def contenders(hold: HoldView) -> dict[str, Act]:
    """Return the three ways to touch one hold."""
    source_id = new_id()

    async def claim(tx: Tx, now: datetime) -> object:
        return await actions.claim_hold(tx, BUYER, hold.id, claimed_minor=10_000, source_id=source_id, now=now)

    async def waive(tx: Tx, now: datetime) -> object:
        return await actions.waive_window(tx, BUYER, hold.id, now=now)

    async def refund(tx: Tx, now: datetime) -> object:
        return await actions.refund_hold(tx, SYSTEM, hold.id, decided_by=new_id(), now=now)

    return {"claim": claim, "waive": waive, "refund": refund}


async def sweep(tx: Tx, now: datetime) -> object:
    """Release what is due, with a transaction that began when the windows had passed."""
    return await release_due(tx, now=now)


async def test_no_hold_ends_twice_and_every_loser_gets_a_conflict(world: World, clock: Clock) -> None:
    seed = random.randrange(2**32)
    dice = random.Random(seed)
    print(f"seed {seed}")
    total: Counter[str] = Counter()
    for _ in range(ROUNDS):
        holds = [await world.delivered() for _ in range(HOLDS)]
        race = Race(world)
        tasks = [
            asyncio.create_task(race.run(name, act, dice.random() / 50))
            for hold in holds
            for name, act in contenders(hold).items()
        ]
        await race.until_ready(len(tasks))  # their time lies within the windows ...
        clock.forward(WINDOW + timedelta(seconds=6))
        tasks += [asyncio.create_task(race.run("sweep", sweep, dice.random() / 50)) for _ in range(2)]
        await race.until_ready(len(tasks))  # ... and the sweeps' behind them
        race.start.set()
        await asyncio.gather(*tasks)
        total += race.results
        for hold in holds:
            assert (await world.hold(hold.reference_id)).state in {"released", "refunded", "in_window"}
        await world.assert_clean()
    held = (await world.balances()).get("held", 0)
    ended = await world.value("SELECT count(*) FROM resolution")
    assert ended + held // 10_000 == ROUNDS * HOLDS
    assert total["waive"] + total["refund"] <= ended
    print(total)


async def test_a_claim_made_in_time_is_not_lost_to_the_sweep(world: World, clock: Clock) -> None:
    """The sweep judges 5 s after the end; a claim that began at the end has at most 3 s."""
    for _ in range(ROUNDS):
        holds = [await world.delivered() for _ in range(HOLDS)]
        last = holds[-1].window_ends_at
        assert last is not None
        race = Race(world)
        clock.forward(
            min(h.window_ends_at for h in holds if h.window_ends_at) - await now(world) - timedelta(seconds=1)
        )
        claims = [asyncio.create_task(race.run("claim", contenders(hold)["claim"], 0.01)) for hold in holds]
        await race.until_ready(len(claims))
        clock.forward(last - await now(world) + timedelta(seconds=2))  # over, but within the margin
        sweeps = [asyncio.create_task(race.run("sweep", sweep, 0)) for _ in range(2)]
        await race.until_ready(len(claims) + len(sweeps))
        race.start.set()
        await asyncio.gather(*claims, *sweeps)
        assert race.results == {"claim": HOLDS, "sweep": 2}
    assert await world.balances() == {"gateway": -400_000, "held": 400_000}
    await world.assert_clean()


async def test_two_decisions_on_one_hold_pay_once(world: World) -> None:
    hold = await world.delivered()
    source_id = new_id()
    await world.claim(hold.id, 10_000, source_id)

    async def settle(tx: Tx, at: datetime) -> object:
        return await actions.settle_hold(
            tx, MEDIATOR, hold.id, buyer_minor=3_000, decided_by=new_id(), source_id=source_id, now=at
        )

    race = Race(world)
    tasks = [asyncio.create_task(race.run("settle", settle, 0)) for _ in range(8)]
    await race.until_ready(8)
    race.start.set()
    await asyncio.gather(*tasks)
    assert race.results == {"settle": 1, "settle lost": 7}
    assert await world.balances() == {"gateway": -10_000, "refunds": 3_000, "payable": 6_790, "fees": 210}


async def test_two_workers_share_the_due_holds_without_waiting(world: World, clock: Clock) -> None:
    for _ in range(6):
        await world.delivered()
    clock.forward(WINDOW + timedelta(seconds=6))
    async with world.database.begin() as first, world.database.begin() as second:
        assert await release_due(first, now=await first.now(), limit=2) == 2
        async with asyncio.timeout(20):
            # It passes over the holds that the first has locked; the seller's balance is what it must wait for.
            both = asyncio.create_task(release_due(second, now=await second.now(), limit=10))
            await asyncio.sleep(0)
            await first.commit()
            assert await both == 4
    assert await world.payable() == 6 * 9_700
    await world.assert_clean()


async def now(world: World) -> datetime:
    """Return the database's time."""
    found: datetime = await world.value("SELECT fairhold_now()")
    return found
