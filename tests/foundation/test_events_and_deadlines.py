"""The event log is append-only and relayed in full; promises fire once; policies have versions."""

import asyncio
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.actor import SYSTEM
from service.core.ids import new_id
from service.db import clock as owner_clock
from service.db.session import Database, driver_url
from service.deadlines.actions import cancel, fire_due, promise
from service.deadlines.queries import pending, policy
from service.events.log import Together, emit, heard, relay, timeline
from service.jobs.queue import enqueue
from tests.conftest import Clock, DatabaseUrls

HEARD = {"thing.done": ["test.hear"]}


async def jobs(database: Database) -> list[dict[str, object]]:
    async with database.begin() as tx:
        return list((await tx.execute(text("SELECT args FROM procrastinate_jobs ORDER BY id"))).scalars())


async def test_an_event_that_commits_late_is_not_passed_over(database: Database) -> None:
    early, late = new_id(), new_id()
    slow = database.session()
    await emit(slow, "thing.done", actor=SYSTEM, subject=("thing", late), now=await slow.now())
    await slow.flush()
    async with database.begin() as tx:
        await emit(tx, "thing.done", actor=SYSTEM, subject=("thing", early), now=await tx.now())
    assert await database.run(lambda tx: relay(tx, HEARD)) == 0  # the slow one still holds the horizon
    await slow.commit()
    await slow.close()
    assert await database.run(lambda tx: relay(tx, HEARD)) == 2
    assert await database.run(lambda tx: relay(tx, HEARD)) == 0
    assert [job["subject_id"] for job in await jobs(database)] == [str(late), str(early)]


async def test_nothing_is_relayed_of_a_transaction_that_rolled_back(database: Database) -> None:
    tx = database.session()
    await emit(tx, "thing.done", actor=SYSTEM, subject=("thing", new_id()), now=await tx.now())
    await enqueue(tx, "test.work", {"x": 1})
    await tx.flush()
    await tx.rollback()
    await tx.close()
    assert await database.run(lambda tx: relay(tx, HEARD)) == 0
    assert await jobs(database) == []


async def test_two_relays_at_once_enqueue_each_event_once(database: Database) -> None:
    async with database.begin() as tx:
        for _ in range(50):
            await emit(tx, "thing.done", actor=SYSTEM, subject=("thing", new_id()), now=await tx.now())
    await asyncio.gather(*(database.run(lambda tx: relay(tx, HEARD)) for _ in range(4)))
    await database.run(lambda tx: relay(tx, HEARD))
    assert len(await jobs(database)) == 50


async def test_a_timeline_reads_the_events_of_its_subjects_in_order(database: Database) -> None:
    case, other = new_id(), new_id()
    async with database.begin() as tx:
        for subject, name in ((case, "thing.made"), (other, "thing.made"), (case, "thing.done")):
            await emit(tx, name, actor=SYSTEM, subject=("thing", subject), now=await tx.now(), facts={"n": 1})
            await tx.flush()
        assert [each.name for each in await timeline(tx, [case])] == ["thing.made", "thing.done"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE event SET name = 'x'", "DELETE FROM event", "TRUNCATE event", "ALTER TABLE event DISABLE TRIGGER ALL"],
)
async def test_nobody_changes_an_event(database: Database, urls: DatabaseUrls, statement: str) -> None:
    async with database.begin() as tx:
        await emit(tx, "thing.done", actor=SYSTEM, subject=("thing", new_id()), now=await tx.now())
    with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        async with database.begin() as tx:
            await tx.execute(text(statement))
    if not statement.startswith("ALTER"):
        with psycopg.connect(driver_url(urls.owner)) as owner, pytest.raises(psycopg.Error, match="append_only"):
            owner.execute(statement)
    async with database.begin() as tx:
        assert (await tx.execute(text("SELECT name FROM event"))).scalars().all() == ["thing.done"]


async def test_a_promise_fires_once_at_its_time_whoever_sweeps(database: Database, clock: Clock) -> None:
    subject = new_id()
    async with database.begin() as tx:
        now = await tx.now()
        await promise(tx, "answer", subject, due_at=now + timedelta(hours=48), handler="test.late", now=now)
    assert await sweep(database) == 0
    clock.forward(timedelta(hours=47, minutes=59))
    assert await sweep(database) == 0
    clock.forward(timedelta(minutes=1, seconds=1))
    assert sum(await asyncio.gather(*(sweep(database) for _ in range(4)))) == 1
    assert await jobs(database) == [{"subject_id": str(subject), "deadline": "answer"}]


async def test_a_cancelled_or_replaced_promise_does_not_fire(database: Database, clock: Clock) -> None:
    gone, moved = new_id(), new_id()
    async with database.begin() as tx:
        now = await tx.now()
        for subject in (gone, moved, moved):
            await promise(tx, "answer", subject, due_at=now + timedelta(hours=1), handler="test.late", now=now)
        assert await cancel(tx, "answer", gone, now=now)
        assert not await cancel(tx, "answer", gone, now=now)
        assert [each.subject_id for each in await pending(tx, [gone, moved])] == [moved]
    clock.forward(timedelta(hours=2))
    assert await sweep(database) == 1


async def test_the_most_particular_newest_policy_in_force_counts(database: Database, owner_url: str) -> None:
    rows = [("food", "", 1, 5, "2020-01-01"), ("food", "CN", 1, 7, "2020-01-01"), ("food", "CN", 2, 9, "2999-01-01")]
    with psycopg.connect(driver_url(owner_url)) as owner:
        for category, jurisdiction, version, value, since in rows:
            owner.execute(
                "INSERT INTO policy VALUES (uuidv7(), 'window', %s, %s, %s, %s, 'seconds', %s)",
                (category, jurisdiction, version, value, since),
            )
    async with database.begin() as tx:
        now = await tx.now()
        found = [
            (await policy(tx, "window", now=now, category=category, jurisdiction=jurisdiction)).value
            for category, jurisdiction in (("toy", "CN"), ("food", "DE"), ("food", "CN"))
        ]
    assert found == [864_000, 5, 7]


async def test_only_the_owner_moves_the_clock_and_only_forward(database: Database, owner_url: str) -> None:
    async with database.begin() as tx:
        before = await tx.now()
    assert owner_clock.shift(owner_url, timedelta(days=1)) == timedelta(days=1)
    async with database.begin() as tx:
        assert await tx.now() - before >= timedelta(days=1)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.begin() as tx:
            await tx.execute(text("UPDATE fairhold_clock SET clock_offset = '1 day'"))


async def sweep(database: Database) -> int:
    async with database.begin() as tx:
        return await fire_due(tx, now=await tx.now())


async def test_a_job_that_takes_events_together_gets_each_once_in_order(database: Database) -> None:
    both: dict[str, list[str]] = {
        "thing.done": [Together("test.all")],
        "thing.made": [Together("test.all"), "test.hear"],
    }
    subjects = []
    for round_number in range(2):
        async with database.begin() as tx:
            for name in ("thing.made", "thing.done", "thing.unheard"):
                subjects.append(new_id())
                await emit(tx, name, actor=SYSTEM, subject=("thing", subjects[-1]), now=await tx.now(), facts={"n": 1})
                await tx.flush()
        assert await database.run(lambda tx: relay(tx, both)) == 3, round_number
    queued = await jobs(database)
    assert [job["subject_id"] for job in queued if "subject_id" in job] == [str(subjects[0]), str(subjects[3])]
    together = [job for job in queued if "events" in job]
    assert len(together) == 2
    async with database.begin() as tx:
        got = [[(each.name, each.subject_id, each.facts) for each in await heard(tx, job)] for job in together]
    facts = {"n": 1}
    assert got == [
        [("thing.made", subjects[0], facts), ("thing.done", subjects[1], facts)],
        [("thing.made", subjects[3], facts), ("thing.done", subjects[4], facts)],
    ]
