"""Heads of the chain in the object store: what the database lost is seen there."""

from datetime import timedelta

import msgspec
import pytest

from service.core.actor import SYSTEM
from service.core.errors import Unavailable
from service.escrow.alerts import live_alerts
from service.escrow.heads import compare_heads, head_in, lock_head, tell_of_unlocked
from service.escrow.verify import verify_database
from service.files.store import Bucket, Store
from service.settings import Settings
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.sealed import grow, superuser
from tests.escrow.world import World
from tests.sandbox.running import free_port


async def problems(world: World, store: Store) -> list[tuple[int, str]]:
    return [(each.number, each.reason) async for each in compare_heads(world.database, store)]


async def grow_and_lock(world: World, clock: Clock, store: Store, settings: Settings, blocks: int) -> None:
    for _ in range(blocks):
        await grow(world, clock, 1)
        await lock_head({}, database=world.database, store=store, settings=settings)


async def test_the_newest_head_is_locked_once_and_says_which_chain_it_closes(
    world: World, clock: Clock, store: Store, settings: Settings, urls: DatabaseUrls
) -> None:
    await lock_head({}, database=world.database, store=store, settings=settings)  # no seal, no head
    await grow_and_lock(world, clock, store, settings, 2)
    await lock_head({}, database=world.database, store=store, settings=settings)
    assert await world.value("SELECT count(*) FROM seal_head") == 2
    name = await world.value("SELECT object_name FROM seal_head ORDER BY seal_number DESC LIMIT 1")
    head = head_in(name)
    assert head is not None
    verdict = verify_database(urls.app)
    assert (head.ledger_id, head.number, head.chain_hash) == (verdict.ledger_id, 2, verdict.head)
    body = msgspec.json.decode(await store.read(Bucket.REPORTS, name))
    assert (body["number"], body["chain_hash"]) == (2, verdict.head.hex())
    facts = await store.stat(Bucket.REPORTS, name)
    assert facts.locked_until is not None
    assert facts.locked_until > await world.value("SELECT fairhold_now() + interval '23 hours'")
    assert await problems(world, store) == []


async def test_cut_off_seals_are_found_though_the_rest_verifies(
    world: World, clock: Clock, store: Store, settings: Settings, urls: DatabaseUrls
) -> None:
    await grow_and_lock(world, clock, store, settings, 4)
    with superuser(urls.admin) as admin:
        for table in ("transfer", "resolution", "event"):
            admin.execute(f"DELETE FROM {table} WHERE xid >= (SELECT from_xid FROM seal WHERE number = 3)")
        admin.execute("DELETE FROM seal_head WHERE seal_number >= 3")
        admin.execute("DELETE FROM seal WHERE number >= 3")
    verdict = verify_database(urls.app)
    assert (verdict.problems, verdict.seals) == ([], 2)  # in itself the chain is whole
    lost = "the object store has its head, and the database has lost it"
    assert await problems(world, store) == [(3, lost), (4, lost)]


async def test_seals_made_anew_after_a_cut_are_found(
    world: World, clock: Clock, store: Store, settings: Settings, urls: DatabaseUrls
) -> None:
    await grow_and_lock(world, clock, store, settings, 3)
    with superuser(urls.admin) as admin:
        admin.execute("DELETE FROM seal_head WHERE seal_number >= 2")
        admin.execute("DELETE FROM seal WHERE number >= 2")
        admin.execute("UPDATE event SET name = name || 'x' WHERE seq = (SELECT max(seq) FROM event)")
    await grow_and_lock(world, clock, store, settings, 2)  # seals 2 and 3 again, over other rows
    assert verify_database(urls.app).problems == []
    other = "its locked head in the object store is another one"
    assert await problems(world, store) == [(2, other), (3, other)]


async def test_a_marker_of_deletion_hides_no_head(
    world: World, clock: Clock, store: Store, settings: Settings, urls: DatabaseUrls
) -> None:
    await grow_and_lock(world, clock, store, settings, 2)
    name = await world.value("SELECT object_name FROM seal_head WHERE seal_number = 2")
    store._s3._client.remove_object(store._s3._named(Bucket.REPORTS), name)
    with superuser(urls.admin) as admin:
        admin.execute("DELETE FROM seal_head WHERE seal_number = 2")
        admin.execute("DELETE FROM seal WHERE number = 2")
    assert [number for number, _ in await problems(world, store)] == [2]


async def test_a_store_that_stays_away_is_told_of_and_caught_up_with_by_the_newest_head(
    world: World, clock: Clock, store: Store, settings: Settings
) -> None:
    away = Store.of(msgspec.structs.replace(settings, s3_endpoint=f"127.0.0.1:{free_port()}"))
    try:
        await grow(world, clock, 2)
        with pytest.raises(Unavailable):
            await lock_head({}, database=world.database, store=away, settings=settings)
    finally:
        away.close()

    async def told() -> list[str]:
        async with world.database.begin() as tx:
            await tell_of_unlocked(tx, now=await tx.now())
            return [each.kind for each in await live_alerts(tx, SYSTEM)]

    assert await told() == []
    clock.forward(timedelta(minutes=16))
    assert await told() == ["seal_not_locked"]
    await lock_head({}, database=world.database, store=store, settings=settings)
    assert await told() == []
    assert await world.value("SELECT max(seal_number) FROM seal_head") == 2
