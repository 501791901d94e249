"""A scope freeze against funding, naming, claiming, waiver, ruling, sweep and raw SQL, in every order of their steps.

Two connections, one of which waits for the other where they meet; nothing is left to chance. Whatever is first in its
effects wins: an operation that was first has paid, one that comes second pays nobody, and after the freeze's commit
nothing of its scopes is ever released.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.errors import Conflict
from service.core.ids import new_id
from service.core.money import Money
from service.db.session import Tx
from service.escrow import actions, jobs
from service.escrow.rules import RESUME_FLOOR, ScopeKey
from service.escrow.sweep import release_due
from tests.conftest import Clock
from tests.escrow.test_guards import RESOLVE, release_of
from tests.escrow.test_scopes import until_waiting
from tests.escrow.world import BUYER, MEDIATOR, WINDOW, World

Step = Callable[[Tx], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What is done to a prepared hold, and what it leaves: the seller's balance if it is first, and if it is second."""

    prepare: Callable[[World, Clock], Awaitable[Step]]
    paid_first: int
    """What the seller has when the operation was first."""
    refused: bool = False
    """Whether it is refused when it is second; else it does what a freeze does not stop."""
    waits: bool = True
    """Whether it waits for a freeze that is being made. The sweep waits for nobody."""


async def funding(world: World, _: Clock) -> Step:
    payment_id = await world.request(Money(10_000, "CNY"), batch_id=world.batch_id)
    return lambda tx: at(tx, lambda now: actions.record_outcome(tx, payment_id, state="done", now=now))


async def naming(world: World, _: Clock) -> Step:
    hold = await world.delivered(batch_id=new_id())
    return lambda tx: at(tx, lambda now: actions.name_batch(tx, hold.reference_id, world.batch_id, now=now))


async def claiming(world: World, _: Clock) -> Step:
    hold, source_id = await world.delivered(), new_id()
    return lambda tx: at(
        tx, lambda now: actions.claim_hold(tx, BUYER, hold.id, claimed_minor=4_000, source_id=source_id, now=now)
    )


async def waiving(world: World, _: Clock) -> Step:
    hold = await world.delivered()
    return lambda tx: at(tx, lambda now: actions.waive_window(tx, BUYER, hold.id, now=now))


async def ruling(world: World, _: Clock) -> Step:
    hold, source_id = await world.delivered(), new_id()
    await world.claim(hold.id, 10_000, source_id)
    return lambda tx: at(
        tx,
        lambda now: actions.settle_hold(
            tx, MEDIATOR, hold.id, buyer_minor=3_000, decided_by=new_id(), source_id=source_id, now=now
        ),
    )


async def sweeping(world: World, clock: Clock) -> Step:
    await world.delivered()
    clock.forward(WINDOW + timedelta(seconds=6))
    return lambda tx: at(tx, lambda now: release_due(tx, now=now))


async def raw(world: World, _: Clock) -> Step:
    hold = await world.delivered()
    return lambda tx: tx.execute(text(RESOLVE), release_of(world, hold.id))


async def at(tx: Tx, act: Callable[..., Awaitable[object]]) -> object:
    """Act at the transaction's time."""
    return await act(await tx.now())


OPERATIONS = {
    "funding": Operation(funding, 0),
    "naming": Operation(naming, 0),
    "claiming": Operation(claiming, 0),
    "waiving": Operation(waiving, 9_700, refused=True),
    "ruling": Operation(ruling, 6_790),
    "sweeping": Operation(sweeping, 9_700, waits=False),
    "raw": Operation(raw, 9_700, refused=True),
}


@dataclass
class Meeting:
    """An operation and a freeze, each in a transaction of its own."""

    world: World
    operation: Operation
    step: Step
    scope: ScopeKey
    freezes: list[UUID] = field(default_factory=list)

    async def freeze(self, tx: Tx) -> None:
        """Freeze the scope in a transaction that stays open."""
        now = await tx.now()
        made = await actions.freeze_scopes(
            tx, MEDIATOR, [self.scope], reason="signal", source_id=new_id(), expires_at=None, now=now
        )
        self.freezes.append(made)

    async def freeze_whole(self) -> None:
        """Freeze and commit."""
        async with self.world.database.begin() as tx:
            await self.freeze(tx)

    async def operate_whole(self) -> bool:
        """Operate and commit; False if it was refused."""
        try:
            async with self.world.database.begin() as tx:
                await self.step(tx)
        except (Conflict, DBAPIError) as error:
            return not is_refusal(error)
        return True


def is_refusal(error: Conflict | DBAPIError) -> bool:
    """Return True for the refusal of a frozen hold, by the actions or by the database; raise anything else."""
    is_ours = error.code == "hold_frozen" if isinstance(error, Conflict) else "hold_frozen" in str(error.orig)
    if not is_ours:
        raise error
    return True


async def operation_meets_a_freeze_that_is_being_made(meeting: Meeting) -> bool:
    async with meeting.world.database.begin() as tx:
        await meeting.freeze(tx)
        operating = asyncio.create_task(meeting.operate_whole())
        if meeting.operation.waits:
            await until_waiting(meeting.world)
        else:
            assert await operating
    return await operating


async def operation_began_before_the_freeze_but_acts_after_it(meeting: Meeting) -> bool:
    try:
        async with meeting.world.database.begin() as tx:
            await tx.now()
            await meeting.freeze_whole()
            await meeting.step(tx)
    except (Conflict, DBAPIError) as error:
        return not is_refusal(error)
    return True


async def freeze_meets_an_operation_that_is_being_done(meeting: Meeting) -> bool:
    async with meeting.world.database.begin() as tx:
        await meeting.step(tx)
        freezing = asyncio.create_task(meeting.freeze_whole())
        await until_waiting(meeting.world)
    await freezing
    return True


async def freeze_began_before_the_operation_but_acts_after_it(meeting: Meeting) -> bool:
    async with meeting.world.database.begin() as tx:
        await tx.now()
        assert await meeting.operate_whole()
        await meeting.freeze(tx)
    return True


FREEZE_FIRST = (
    operation_meets_a_freeze_that_is_being_made,
    operation_began_before_the_freeze_but_acts_after_it,
)
OPERATION_FIRST = (
    freeze_meets_an_operation_that_is_being_done,
    freeze_began_before_the_operation_but_acts_after_it,
)


@pytest.fixture(params=["batch", "seller"])
def scope(request: pytest.FixtureRequest, world: World) -> ScopeKey:
    """A scope that the hold is in, or will be."""
    return ScopeKey.batch(world.batch_id) if request.param == "batch" else ScopeKey.seller(world.seller_id)


@pytest.mark.parametrize("interleaving", FREEZE_FIRST, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_comes_after_a_freeze_pays_nobody(
    world: World, clock: Clock, scope: ScopeKey, name: str, interleaving: Callable[[Meeting], Awaitable[bool]]
) -> None:
    operation = OPERATIONS[name]
    meeting = Meeting(world, operation, await operation.prepare(world, clock), scope)
    assert await interleaving(meeting) is not operation.refused
    assert (await world.balances()).get("payable", 0) == 0
    await assert_frozen_for_good(meeting, clock, paid=0)


@pytest.mark.parametrize("interleaving", OPERATION_FIRST, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", OPERATIONS)
async def test_what_comes_before_a_freeze_has_its_effect(
    world: World, clock: Clock, scope: ScopeKey, name: str, interleaving: Callable[[Meeting], Awaitable[bool]]
) -> None:
    operation = OPERATIONS[name]
    meeting = Meeting(world, operation, await operation.prepare(world, clock), scope)
    assert await interleaving(meeting)
    assert (await world.balances()).get("payable", 0) == operation.paid_first
    await assert_frozen_for_good(meeting, clock, paid=operation.paid_first)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_freeze_that_is_given_up_stops_nothing(world: World, clock: Clock, name: str) -> None:
    operation = OPERATIONS[name]
    meeting = Meeting(world, operation, await operation.prepare(world, clock), ScopeKey.batch(world.batch_id))
    async with world.database.session() as tx:
        await meeting.freeze(tx)
        operating = asyncio.create_task(meeting.operate_whole())
        if operation.waits:
            await until_waiting(world)
        else:
            assert await operating
        await tx.rollback()
    assert await operating
    if not operation.waits:
        assert await world.sweep() == 1
    assert (await world.balances()).get("payable", 0) == operation.paid_first
    await world.assert_clean()


async def assert_frozen_for_good(meeting: Meeting, clock: Clock, *, paid: int) -> None:
    """Assert that no sweep pays what the freeze covers, before and after its holds were paused, nor weeks later."""
    (freeze_id,) = meeting.freezes
    world = meeting.world
    assert await world.sweep() == 0
    await jobs.pause_holds({"freeze_id": str(freeze_id)}, database=world.database)
    not_paused = (
        "SELECT count(*) FROM hold h WHERE ended_at IS NULL AND NOT EXISTS (SELECT FROM hold_freeze f"
        " WHERE f.hold_id = h.id AND f.source_id = :freeze_id AND f.lifted_at IS NULL)"
    )
    assert await world.value(not_paused, freeze_id=freeze_id) == 0
    clock.forward(2 * WINDOW + RESUME_FLOOR)
    assert await world.sweep() == 0
    assert (await world.balances()).get("payable", 0) == paid
    await world.assert_clean()
