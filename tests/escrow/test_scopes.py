"""A scope's freeze is in force at its commit, however it meets funding, sweep, waiver, ruling and naming."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from service.core.errors import Conflict, Invalid, NotFound
from service.core.ids import new_id
from service.core.money import Money
from service.db.session import Database, Tx
from service.escrow import actions, jobs, queries
from service.escrow.rules import ScopeKey
from service.escrow.sweep import release_due
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.test_guards import RESOLVE, refused, release_of
from tests.escrow.world import BUYER, MEDIATOR, WINDOW, World

WAIT_SECONDS = 20
_READ_OF_FREEZES = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'hold_freeze'"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_waiting(world: World) -> None:
    """Wait until another session waits for a lock."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not await world.value(_WAITING):  # noqa: ASYNC110 - PostgreSQL tells it only when asked
            await asyncio.sleep(0.01)


async def freeze(tx: Tx, *scopes: ScopeKey) -> None:
    """Freeze within a transaction that stays open."""
    await actions.freeze_scopes(
        tx, MEDIATOR, scopes, reason="signal", source_id=new_id(), expires_at=None, now=await tx.now()
    )


async def pause(database: Database, freeze_id: object) -> None:
    """Run the pausing job."""
    await jobs.pause_holds({"freeze_id": str(freeze_id)}, database=database)


async def test_a_frozen_batch_pays_nobody_before_and_after_its_holds_are_paused(world: World, clock: Clock) -> None:
    hold, claimed, other = await world.delivered(), await world.delivered(), await world.delivered(batch_id=new_id())
    source_id = new_id()
    await world.claim(claimed.id, 10_000, source_id)
    freeze_id = await world.freeze_scopes(ScopeKey.batch(world.batch_id))
    with pytest.raises(Conflict) as refusal:
        await world.waive(hold.id)
    assert refusal.value.code == "hold_frozen"
    assert await refused(world, RESOLVE, release_of(world, hold.id)) == "FH409"
    await world.settle(claimed.id, 3_000, source_id)
    clock.forward(WINDOW + timedelta(seconds=6))
    assert await world.sweep() == 1
    assert (await world.hold(other.reference_id)).state == "released"
    assert await world.balances() == {
        "gateway": -30_000,
        "held": 17_000,
        "refunds": 3_000,
        "payable": 9_700,
        "fees": 300,
    }
    await pause(world.database, freeze_id)
    await pause(world.database, freeze_id)
    assert [each.source_id for each in (await world.hold(hold.reference_id)).freezes] == [freeze_id]
    assert await world.sweep() == 0
    await world.assert_clean()

    await world.lift_scopes(freeze_id)
    await world.lift_scopes(freeze_id)
    await jobs.resume_holds({"freeze_id": str(freeze_id)}, database=world.database)
    resumed = await world.hold(hold.reference_id)
    assert resumed.window_ends_at is not None
    clock.forward(timedelta(seconds=6))
    assert await world.sweep() == 1  # the seller's part of the ruling goes at once; the other has its 72 hours
    assert await world.balances() == {
        "gateway": -30_000,
        "held": 10_000,
        "refunds": 3_000,
        "payable": 16_490,
        "fees": 510,
    }
    clock.forward(timedelta(hours=72))
    assert await world.sweep() == 1
    await world.assert_clean()


async def test_a_hold_funded_after_the_freeze_inherits_it(world: World) -> None:
    freeze_id = await world.freeze_scopes(ScopeKey.seller(world.seller_id))
    hold = await world.fund(batch_id=new_id())
    assert [each.source_id for each in hold.freezes] == [freeze_id]
    await world.assert_clean()


async def test_a_hold_funded_under_two_freezes_inherits_both_and_runs_after_the_second(world: World) -> None:
    batch_id = new_id()
    freezes = {
        await world.freeze_scopes(scope) for scope in (ScopeKey.seller(world.seller_id), ScopeKey.batch(batch_id))
    }
    hold = await world.delivered(batch_id=batch_id)
    assert {each.source_id for each in hold.freezes} == freezes
    for freeze_id in freezes:
        assert (await world.hold(hold.reference_id)).window_ends_at is None
        await world.lift_scopes(freeze_id)
        await jobs.resume_holds({"freeze_id": str(freeze_id)}, database=world.database)
    assert (await world.hold(hold.reference_id)).window_ends_at is not None
    await world.assert_clean()


async def test_a_freeze_waits_for_a_funding_and_then_finds_its_hold(world: World) -> None:
    payment_id = await world.request(Money(10_000, "CNY"), batch_id=world.batch_id)
    async with world.database.begin() as funding:
        await actions.record_outcome(funding, payment_id, state="done", now=await funding.now())
        freezing = asyncio.create_task(world.freeze_scopes(ScopeKey.batch(world.batch_id)))
        await until_waiting(world)
    freeze_id = await freezing
    assert await world.value("SELECT freeze_count FROM hold") == 0
    await pause(world.database, freeze_id)
    assert await world.value("SELECT freeze_count FROM hold") == 1
    await world.assert_clean()


async def test_a_funding_waits_for_a_freeze_and_then_inherits_it(world: World) -> None:
    await world.fund()  # the scope's row exists; the next test's does not
    payment_id = await world.request(Money(10_000, "CNY"), batch_id=world.batch_id)
    async with world.database.begin() as tx:
        await freeze(tx, ScopeKey.batch(world.batch_id))
        funding = asyncio.create_task(world.record(payment_id, "done"))
        await until_waiting(world)
    await funding
    assert await world.value("SELECT freeze_count FROM hold ORDER BY id DESC LIMIT 1") == 1


async def test_a_funding_waits_for_the_first_freeze_of_a_scope_that_nobody_knew(world: World) -> None:
    payment_id = await world.request(Money(10_000, "CNY"), batch_id=world.batch_id)
    async with world.database.begin() as tx:
        await freeze(tx, ScopeKey.batch(world.batch_id))
        funding = asyncio.create_task(world.record(payment_id, "done"))
        await until_waiting(world)
    await funding
    assert await world.value("SELECT freeze_count FROM hold") == 1


async def test_the_sweep_passes_over_scopes_that_are_being_frozen(world: World, clock: Clock) -> None:
    await world.delivered()
    clock.forward(WINDOW + timedelta(seconds=6))
    async with world.database.begin() as tx:
        await freeze(tx, ScopeKey.batch(world.batch_id))
        async with asyncio.timeout(WAIT_SECONDS):
            assert await world.sweep() == 0
    assert await world.sweep() == 0
    assert await world.balances() == {"gateway": -10_000, "held": 10_000}


async def test_a_freeze_waits_for_the_sweep_that_came_first(world: World, clock: Clock) -> None:
    await world.delivered()
    clock.forward(WINDOW + timedelta(seconds=6))
    async with world.database.begin() as sweep:
        assert await release_due(sweep, now=await sweep.now()) == 1
        freezing = asyncio.create_task(world.freeze_scopes(ScopeKey.batch(world.batch_id)))
        await until_waiting(world)
    await pause(world.database, await freezing)
    assert await world.balances() == {"gateway": -10_000, "payable": 9_700, "fees": 300}
    await world.assert_clean()


async def test_naming_the_batch_moves_the_hold_to_its_scope(world: World) -> None:
    unknown = await world.freeze_scopes(ScopeKey.seller_product(world.seller_id, world.product_id))
    bad_batch, good_batch = new_id(), new_id()
    bad = await world.freeze_scopes(ScopeKey.batch(bad_batch), ScopeKey.seller_product(world.seller_id, new_id()))
    references = []
    for _ in range(2):
        references.append(new_id())
        payment_id = await world.request(Money(500, "CNY"), reference_id=references[-1])
        await world.record(payment_id, "done")
        assert [each.source_id for each in (await world.hold(references[-1])).freezes] == [unknown]
    for reference_id, batch_id in zip(references, (bad_batch, good_batch), strict=True):
        async with world.database.begin() as tx:
            await actions.name_batch(tx, reference_id, batch_id, now=await tx.now())
    assert [each.source_id for each in (await world.hold(references[0])).freezes] == [bad]
    assert list((await world.hold(references[1])).freezes) == []
    assert (await world.hold(references[1])).batch_id == good_batch
    await world.assert_clean()


async def test_naming_the_batch_waits_for_a_freeze_of_that_batch(world: World) -> None:
    hold = await world.delivered(batch_id=new_id())
    batch_id = new_id()

    async def name() -> None:
        async with world.database.begin() as tx:
            await actions.name_batch(tx, hold.reference_id, batch_id, now=await tx.now())

    async with world.database.begin() as tx:
        await freeze(tx, ScopeKey.batch(batch_id))
        naming = asyncio.create_task(name())
        await until_waiting(world)
    await naming
    assert len((await world.hold(hold.reference_id)).freezes) == 1


async def test_parts_of_a_hold_that_is_not_paused_yet_inherit_its_scopes_freeze(world: World) -> None:
    hold = await world.delivered(10_000)
    freeze_id = await world.freeze_scopes(ScopeKey.batch(world.batch_id))
    source_id = new_id()
    await world.claim(hold.id, 4_000, source_id)
    children = (await world.hold(hold.reference_id)).children
    assert {c.amount.amount_minor: {f.source_id for f in c.freezes} for c in children} == {
        4_000: {freeze_id, source_id},
        6_000: {freeze_id},
    }
    await pause(world.database, freeze_id)
    await world.assert_clean()


async def test_dividing_a_paused_hold_does_not_read_the_freezes_of_others(world: World, urls: DatabaseUrls) -> None:
    holds = [await world.delivered() for _ in range(30)]
    freeze_id = await world.freeze_scopes(ScopeKey.batch(world.batch_id))
    with psycopg.connect(urls.owner, autocommit=True) as owner:
        owner.execute("ANALYZE hold_freeze")  # what the planner knows when the first are divided: an empty table
    await pause(world.database, freeze_id)

    async def divide(tx: Tx) -> int:
        await tx.execute(text("SET LOCAL enable_seqscan = off"))  # a table of one page is read whole
        now = await tx.now()
        await actions.claim_hold(tx, BUYER, holds[7].id, claimed_minor=4_000, source_id=new_id(), now=now)
        return int((await tx.execute(text(_READ_OF_FREEZES))).scalar_one())

    assert await world.database.run(divide) < len(holds)
    assert await world.value("SELECT count(*) FROM hold_freeze WHERE lifted_at IS NULL") == len(holds) + 2
    await world.assert_clean()


async def test_a_freeze_on_nothing_and_an_unknown_freeze_are_refused(world: World) -> None:
    with pytest.raises(Invalid, match="at least one"):
        await world.freeze_scopes()
    with pytest.raises(NotFound):
        await world.lift_scopes(new_id())


async def test_a_freeze_is_promised_to_lift_at_its_expiry_and_then_does(world: World) -> None:
    freeze_id = await world.freeze_scopes(ScopeKey.seller(world.seller_id), expires_in=timedelta(days=7))
    async with world.database.begin() as tx:
        promised = (await tx.execute(text("SELECT handler, subject_id, due_at - made_at FROM deadline"))).one()
    assert tuple(promised) == ("escrow.expire_scope_freeze", freeze_id, timedelta(days=7))
    await jobs.expire_scope_freeze({"subject_id": str(freeze_id)}, database=world.database)
    assert await world.value("SELECT freeze_count FROM scope") == 0
    hold = await world.fund(batch_id=new_id())
    assert list(hold.freezes) == []


async def test_scope_state_and_money_by_seller_count_what_a_freeze_covers(world: World) -> None:
    await world.fund(10_000)
    released = await world.delivered(20_000)
    await world.waive(released.id)
    hold = await world.delivered(30_000)
    await world.refund(hold.id)
    claimed = await world.delivered(40_000)
    await world.claim(claimed.id, 15_000, new_id())
    scope = ScopeKey.batch(world.batch_id)
    async with world.database.begin() as tx:
        now = await tx.now()
        (money,) = await queries.money_by_seller(tx, [world.batch_id], as_of=now)
        (state,) = await queries.scope_state(tx, [scope])
        assert await queries.money_by_seller(tx, [world.batch_id], as_of=now - timedelta(days=1)) == []
    assert (money.held_minor, money.frozen_minor, money.reference_count) == (50_000, 15_000, 4)
    assert (money.released_minor, money.fee_minor, money.refunded_minor) == (19_400, 600, 30_000)
    assert (state.open_hold_count, state.held, list(state.freezes)) == (3, [Money(50_000, "CNY")], [])
    freeze_id = await world.freeze_scopes(scope)
    async with world.database.begin() as tx:
        (state,) = await queries.scope_state(tx, [scope])
        (money,) = await queries.money_by_seller(tx, [world.batch_id], as_of=await tx.now())
    assert [each.id for each in state.freezes] == [freeze_id]
    assert money.frozen_minor == 50_000
