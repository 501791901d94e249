"""Every process finds what is committed, as soon as it is, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from rich.console import Console
from sqlalchemy import event, text

from service import app as application
from service.app import create_app
from service.batches.actions import register_batch
from service.batches.corrections import correct_batch, correct_product
from service.batches.schemas import NewBatch, NewBatchCorrection, NewProductCorrection
from service.complaints.matching.facts import Query
from service.complaints.matching.retrieve import find
from service.core.actor import Role
from service.db.session import Database, Tx
from service.samples.seeding import Amounts, seed_database
from service.settings import Settings
from service.worker.host import HOUSEKEEPING
from tests.sandbox.running import free_port
from tests.world import Whose, World, person_actor

_SEEDED_LOT = text("SELECT lot_code FROM batch WHERE lot_code <> 'LOT-1' ORDER BY id LIMIT 1")


@pytest.fixture
async def elsewhere(database: Database) -> AsyncIterator[Database]:
    """The same database as another process has it."""
    other = Database(database.url)
    yield other
    await other.close()


async def lots(database: Database, lot: str) -> list[str]:
    """The lot codes that a process finds for one that was told."""
    async with database.begin() as tx:
        return [one.lot_code for one in (await find(tx, Query(lot_text=lot))).candidates]


async def register(tx: Tx, world: World, lot: str) -> UUID:
    """Register a lot of the world's product."""
    actor = await person_actor(tx, world.account(Role.SELLER, Whose.OWN).person_id)
    data = NewBatch(product_id=world.things["product", Whose.OWN], lot_code=lot)
    batch = await register_batch(tx, actor, data, now=await tx.now())
    await tx.flush()
    return batch.id


async def test_a_batch_is_found_by_every_process_once_it_is_committed(
    world: World, database: Database, elsewhere: Database
) -> None:
    assert await lots(database, "ZQ77412") == await lots(elsewhere, "ZQ77412") == []
    async with database.begin() as tx:
        await register(tx, world, "ZQ77412")
        assert await lots(elsewhere, "ZQ77412") == []
    assert await lots(elsewhere, "ZQ77412") == await lots(database, "ZQ77412") == ["ZQ77412"]


async def register_look_and_undo(database: Database, world: World) -> None:
    """Register a batch, look for it in the same transaction, find nothing, and fail."""
    async with database.begin() as tx:
        await register(tx, world, "ZQ77412")
        assert (await find(tx, Query(lot_text="ZQ77412"))).candidates == ()
        raise RuntimeError("undone")


async def test_what_is_undone_was_never_found_even_by_who_did_it(world: World, database: Database) -> None:
    assert await lots(database, "ZQ77412") == []
    with pytest.raises(RuntimeError, match="undone"):
        await register_look_and_undo(database, world)
    assert await lots(database, "ZQ77412") == []


async def test_what_is_undone_does_not_come_with_what_others_have_done_meanwhile(
    world: World, database: Database, elsewhere: Database
) -> None:
    assert await lots(database, "ZQ77412") == []
    with pytest.raises(RuntimeError, match="undone"):
        await rename_look_and_undo(database, elsewhere, world)
    assert await lots(database, "ZQ77412") == ["ZQ77412"]
    async with database.begin() as tx:
        found = (await find(tx, Query(lot_text="ZQ77412"))).candidates
        names = set(await tx.scalars(text("SELECT name_en FROM product")))
    assert {one.name_en for one in found} <= names


async def rename_look_and_undo(database: Database, elsewhere: Database, world: World) -> None:
    """Rename a product and look, while another process registers a batch of it, and fail."""
    async with database.begin() as tx:
        actor = await person_actor(tx, world.account(Role.SELLER, Whose.OWN).person_id)
        name = NewProductCorrection(reason="typing_error", name_en="Never to be seen")
        async with elsewhere.begin() as other:
            await register(other, world, "ZQ77412")
        await correct_product(tx, actor, world.things["product", Whose.OWN], name, now=await tx.now())
        await tx.flush()
        await find(tx, Query(lot_text="ZQ77412"))
        raise RuntimeError("undone")


async def test_a_process_that_begins_inside_such_a_transaction_does_not_find_it_either(
    world: World, elsewhere: Database
) -> None:
    with pytest.raises(RuntimeError, match="undone"):
        await register_look_and_undo(elsewhere, world)
    assert await lots(elsewhere, "ZQ77412") == []


async def test_a_transaction_that_commits_after_later_ones_is_not_passed_over(
    world: World, database: Database, elsewhere: Database
) -> None:
    assert await lots(elsewhere, "ZQ1001") == []
    async with database.begin() as slow:
        await register(slow, world, "ZQ1001")
        for lot in ("WK2002", "VH3003"):
            async with database.begin() as quick:
                await register(quick, world, lot)
            assert await lots(elsewhere, lot) == [lot]
        assert await lots(elsewhere, "ZQ1001") == []
    assert await lots(elsewhere, "ZQ1001") == ["ZQ1001"]


async def test_a_corrected_batch_and_a_corrected_name_are_found_as_they_are_now(
    world: World, database: Database, elsewhere: Database
) -> None:
    async with database.begin() as tx:
        batch_id = await register(tx, world, "ZQ1001")
    assert await lots(elsewhere, "ZQ1001") == ["ZQ1001"]
    await correct(database, world, batch_id)
    assert await lots(elsewhere, "ZQ1001") == []
    assert await lots(elsewhere, "MM5550") == ["MM5550"]
    async with elsewhere.begin() as tx:
        found = (await find(tx, Query(product_text="lavender body butter"))).candidates
    assert {one.name_en for one in found} == {"Lavender body butter"}


async def correct(database: Database, world: World, batch_id: UUID) -> None:
    """Correct the lot of a batch and the name of its product."""
    async with database.begin() as tx:
        actor = await person_actor(tx, world.account(Role.SELLER, Whose.OWN).person_id)
        now = await tx.now()
        lot = NewBatchCorrection(reason="typing_error", lot_code="MM5550")
        await correct_batch(tx, actor, batch_id, lot, now=now)
        name = NewProductCorrection(reason="typing_error", name_en="Lavender body butter")
        await correct_product(tx, actor, world.things["product", Whose.OWN], name, now=now)


async def test_seeded_batches_are_found_by_a_process_that_runs(
    world: World, settings: Settings, database: Database
) -> None:
    assert await lots(database, "ZQ77412") == []
    amounts = Amounts(batches=300, orders=0, complaints=0)
    await asyncio.to_thread(seed_database, settings, amounts, seed=3, console=Console(quiet=True))
    async with database.begin() as tx:
        seeded = (await tx.execute(_SEEDED_LOT)).scalar_one()
    assert seeded in await lots(database, seeded)


async def test_a_worker_has_read_the_batches_before_anybody_asks(
    world: World, database: Database, elsewhere: Database
) -> None:
    async with database.begin() as tx:
        await register(tx, world, "ZQ77412")
    (sweeper,) = (each for each in HOUSEKEEPING if each.name == "registry")
    pages: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        pages.append(statement) if "FROM batch b JOIN product" in statement else None

    event.listen(elsewhere.engine.sync_engine, "before_cursor_execute", note)
    assert await elsewhere.run(sweeper.work) == 0
    assert pages
    pages.clear()
    assert await lots(elsewhere, "ZQ77412") == ["ZQ77412"]
    assert not pages


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_server_reads_the_batches_when_it_starts_and_starts_without_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    tried = asyncio.Event()

    async def catch_up(tx: Tx) -> None:
        try:
            await tx.execute(text("SELECT 1"))
        finally:
            tried.set()

    monkeypatch.setattr(application, "catch_up", catch_up)
    gone = f"postgresql://fairhold_app:x@127.0.0.1:{free_port()}/fairhold"
    app = create_app(settings if is_there else msgspec.structs.replace(settings, database_url=gone))
    async with asyncio.timeout(20), app.lifespan():
        await tried.wait()
