"""The jobs of a worker that died are done by others, also where the same work was queued again meanwhile."""

from datetime import timedelta

from sqlalchemy import text

from service.app import Service
from service.db.session import Database
from service.jobs.queue import enqueue
from service.worker.host import give_back

STALLED = timedelta(seconds=30)
ORPHANS, OVERDUE = "files.clean_orphans", "files.lock_overdue"


async def queued(database: Database, *names: str) -> None:
    async with database.begin() as tx:
        for name in names:
            await enqueue(tx, name, {}, once=name, lock=name)


async def died_with(database: Database, *names: str) -> None:
    """Let the jobs be under way at a worker that is no more."""
    async with database.begin() as tx:
        await tx.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', attempts = 1 WHERE task_name = ANY(:names)"),
            {"names": list(names)},
        )


async def jobs_of(database: Database) -> list[tuple[str, str]]:
    async with database.begin() as tx:
        found = await tx.execute(text("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY task_name"))
        return [tuple(row) for row in found]


async def test_a_dead_workers_jobs_wait_again(service: Service) -> None:
    await queued(service.database, ORPHANS, OVERDUE)
    await died_with(service.database, ORPHANS, OVERDUE)
    async with service.queue.app.open_async():
        await give_back(service.queue, STALLED)
    assert await jobs_of(service.database) == [(ORPHANS, "todo"), (OVERDUE, "todo")]


async def test_a_job_that_was_queued_again_meanwhile_holds_up_no_other_dead_workers_job(service: Service) -> None:
    await queued(service.database, ORPHANS, OVERDUE)
    await died_with(service.database, ORPHANS, OVERDUE)
    await queued(service.database, ORPHANS)
    async with service.queue.app.open_async():
        await give_back(service.queue, STALLED)
    assert await jobs_of(service.database) == [(ORPHANS, "todo"), (OVERDUE, "todo")]
