"""Processes go on finding what is committed when the database goes away under them, and while others write."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import scalar_row
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from service.api.problems import of_exception
from service.batches.corrections import correct_batch, correct_product
from service.batches.schemas import NewBatchCorrection, NewProductCorrection
from service.cli.metadata import all_tables
from service.complaints.matching import retrieve
from service.complaints.matching.facts import Query
from service.core.actor import SYSTEM, Role
from service.core.errors import Conflict
from service.db.schema import upgrade
from service.db.session import Database, Tx, driver_url
from service.embedded import EmbeddedPostgres
from service.events.log import emit
from tests import world as worlds
from tests.complaints.conftest import Cases, cases
from tests.matching.asking import Answer, ask
from tests.matching.test_following import elsewhere, register
from tests.world import Whose, World, person_actor

__all__ = ["cases", "elsewhere"]
LOTS = ("ZQ77412", "ZQ77413", "WK2002", "VH3003", "MM5550")
NAME = "Lavender body butter"


@contextmanager
def killed_at(database: Database, number: int) -> Iterator[list[str]]:
    """Have the server end a connection before its statement of that number; the statements till then."""
    asked: list[str] = []

    def kill(connection: Any, _: Any, statement: str, *__: Any) -> None:
        asked.append(statement)
        if len(asked) == number:
            pid = connection.connection.driver_connection.info.backend_pid
            with psycopg.connect(driver_url(database.url), autocommit=True, row_factory=scalar_row) as killer:
                assert killer.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,)).fetchone() is True

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", kill)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", kill)


async def everything(database: Database) -> list[Answer]:
    """What a process finds for every lot, and for a name."""
    return [await ask(database, lot_text=lot) for lot in LOTS] + [await ask(database, product_text=NAME)]


async def anew(database: Database) -> list[Answer]:
    """What a process finds that has just begun."""
    fresh = Database(database.url)
    try:
        return await everything(fresh)
    finally:
        await fresh.close()


@pytest.mark.parametrize("news", ["nothing", "batches", "corrections", "seeded"])
async def test_a_connection_that_is_cut_at_any_statement_leaves_the_next_answer_right(
    world: World, database: Database, news: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieve, "PAGE", 2)
    monkeypatch.setattr(retrieve, "PUT_AT_ONCE", 1)
    async with database.begin() as tx:
        ids = [await register(tx, world, lot) for lot in LOTS[:3]]
    other, number, cuts = Database(database.url), 0, 0
    try:
        while True:
            number += 1
            if news == "nothing":  # the first look of a process, which reads all
                await other.close()
                other = Database(database.url)
            else:
                await everything(other)
                await happens(database, world, news, ids, number)
            with killed_at(other, number) as asked:
                try:
                    found = await ask(other, lot_text=LOTS[0])
                except DBAPIError as error:
                    cuts += 1
                    problem = of_exception(error)
                    assert (problem.status, problem.code) == (503, "database_unavailable")
                else:
                    assert number > len(asked)
                    assert found == (await anew(database))[0]
                    break
            assert await everything(other) == await anew(database)
    finally:
        await other.close()
    assert cuts >= {"nothing": 5, "batches": 2, "corrections": 2, "seeded": 6}[news]


async def happens(database: Database, world: World, news: str, ids: Collection[UUID], number: int) -> None:
    """Something that a process has to catch up with: new every time."""
    async with database.begin() as tx:
        now = await tx.now()
        seller = await person_actor(tx, world.account(Role.SELLER, Whose.OWN).person_id)
        if news == "corrections":
            lots = [*LOTS, "XX1"]
            for place, batch_id in enumerate(ids):
                lot = NewBatchCorrection(
                    reason="typing_error", lot_code=f"{lots[(place + number) % len(lots)]}{number}"
                )
                await correct_batch(tx, seller, batch_id, lot, now=now)
            name = NewProductCorrection(reason="typing_error", name_en=NAME if number % 2 else "Rice cooker")
            await correct_product(tx, seller, world.things["product", Whose.OWN], name, now=now)
            return
        await register(tx, world, f"{LOTS[number % len(LOTS)]} {number}")
        if news == "batches":
            await register(tx, world, f"NEW{number}")
        else:
            await emit(tx, "batches.seeded", actor=SYSTEM, subject=("batch", next(iter(ids))), now=now)


async def test_people_hear_that_the_database_is_away_and_are_answered_when_it_is_back(cases: Cases) -> None:
    draft = await cases.draft(product_text="Suyun Hydrating Sheet Mask", lot_text="SY26J1807", seller_text="Suyun")
    right = await cases.get(f"/{draft}/matches")
    assert right["suggestions"][0]["batch_id"] == str(cases.goods.batch_id)
    refused, number = 0, 0
    while True:
        number += 1
        with killed_at(cases.database, number) as asked:
            answer = await cases.send(f"/{draft}/matches", method="GET")
        if number > len(asked):
            break
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        refused += 1
        assert await cases.get(f"/{draft}/matches") == right
    assert refused >= 3
    assert answer.json() == right


async def test_a_server_that_is_killed_and_started_again_is_followed_on(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    urls = server.start()
    try:
        upgrade(urls.owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=True)
        database = Database(urls.app)
        world = World()
        for step in (worlds._add_tenants, worlds._add_people, worlds._add_sellers, worlds._add_batches):
            async with database.begin() as tx:
                await step(tx, world, await tx.now())
        async with database.begin() as tx:
            await register(tx, world, LOTS[0])
        before = await everything(database)
        assert [lot for _, lot, _ in before[0]] == [LOTS[0]]
        async with database.begin() as tx:
            await register(tx, world, LOTS[1])
        server.stop()
        for _ in range(2):
            with pytest.raises(DBAPIError) as raised:
                await ask(database, lot_text=LOTS[1])
            problem = of_exception(raised.value)
            assert (problem.status, problem.code) == (503, "database_unavailable")
        server.start()
        assert LOTS[1] in [lot for _, lot, _ in await ask(database, lot_text=LOTS[1])]
        async with database.begin() as tx:
            await register(tx, world, LOTS[2])
        assert await everything(database) == await anew(database)
        await database.close()
    finally:
        server.stop()


class Load:
    """People who register, correct and undo, all at once, and a transaction that lasts while others come and go."""

    def __init__(self, database: Database, world: World, seed: int) -> None:
        self.database, self.world = database, world
        self.chance = random.Random(seed)
        self.lots: list[str] = []
        self.committed = 0
        self.moved = asyncio.Condition()
        self.batches: list[UUID] = []

    def lot(self) -> str:
        """A lot that nobody had, one mistake away from many others."""
        self.lots.append(f"QZ{self.chance.randrange(10)}{len(self.lots):03}")
        return self.lots[-1]

    async def done(self) -> None:
        async with self.moved:
            self.committed += 1
            self.moved.notify_all()

    async def registers(self, seen: Callable[..., Awaitable[Answer]], count: int) -> None:
        """Register; every process finds it at once."""
        for _ in range(count):
            lot = self.lot()
            async with self.database.begin() as tx:
                batch_id = await register(tx, self.world, lot)
            assert lot in [found for _, found, _ in await seen(lot_text=lot)]
            self.batches.append(batch_id)
            await self.done()

    async def corrects(self, count: int) -> None:
        """Correct lots, and the product's name."""
        while count:
            async with self.moved:
                await self.moved.wait_for(lambda: self.batches)
            count -= 1
            async with self.database.begin() as tx:
                now = await tx.now()
                actor = await person_actor(tx, self.world.account(Role.SELLER, Whose.OWN).person_id)
                data = NewBatchCorrection(reason="typing_error", lot_code=self.lot())
                await correct_batch(tx, actor, self.chance.choice(self.batches), data, now=now)
                if count % 3 == 0:
                    name = NewProductCorrection(reason="typing_error", name_en=f"{NAME} {count}")
                    await correct_product(tx, actor, self.world.things["product", Whose.OWN], name, now=now)
            await self.done()

    async def undoes(self, count: int) -> None:
        """Register, look oneself, and fail."""
        for _ in range(count):
            with pytest.raises(Conflict):
                await self.database.run(self._fails)
            await self.done()

    async def _fails(self, tx: Tx) -> None:
        await register(tx, self.world, self.lot())
        await retrieve.find(tx, Query(lot_text=self.lots[-1]))
        raise Conflict("undone")

    async def is_slow(self, count: int) -> None:
        """Register, and commit when some others have."""
        for _ in range(count):
            async with self.database.begin() as tx:
                await register(tx, self.world, self.lot())
                async with self.moved:
                    last = self.committed
                    await self.moved.wait_for(lambda last=last: self.committed >= last + 5)  # type: ignore[misc]  # the default binds


@asynccontextmanager
async def another_process(url: str) -> AsyncIterator[Callable[..., Awaitable[Answer]]]:
    """A process of its own that answers questions one after the other."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.matching.asking", url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    turn, into, out = asyncio.Lock(), running.stdin, running.stdout

    async def asks(**told: str) -> Answer:
        async with turn:
            into.write(json.dumps(told).encode() + b"\n")
            line = await out.readline()
        return [(one[0], one[1], one[2]) for one in json.loads(line)]

    try:
        yield asks
    finally:
        into.close()
        await asyncio.wait_for(running.wait(), 30)


@pytest.mark.parametrize("seed", [1, 2])
async def test_two_processes_under_load_answer_in_the_end_as_one_that_begins(
    world: World, database: Database, elsewhere: Database, seed: int
) -> None:
    load = Load(database, world, seed)

    async def here(**told: str) -> Answer:
        return await ask(elsewhere, **told)

    async with another_process(database.url) as there, asyncio.timeout(120):
        async with asyncio.TaskGroup() as at_once:
            at_once.create_task(load.registers(there, 40))
            at_once.create_task(load.registers(here, 40))
            at_once.create_task(load.corrects(30))
            at_once.create_task(load.undoes(15))
            at_once.create_task(load.is_slow(6))
        fresh = Database(database.url)
        questions = [{"lot_text": lot} for lot in load.lots]
        questions += [{"product_text": f"{NAME} {number}"} for number in range(0, 30, 3)]
        for question in questions:
            right = await ask(fresh, **question)
            assert await here(**question) == right, question
            assert await there(**question) == right, question
        await fresh.close()
    async with database.begin() as tx:
        stand = set(await tx.scalars(text("SELECT lot_code FROM batch")))
    assert len(stand & set(load.lots)) == 86
