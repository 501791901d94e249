"""Hosts the queue and the sweepers: relay of events, due promises, due holds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import structlog
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import DeleteJobCondition, Status
from sqlalchemy.exc import DBAPIError

from service.accounts.identity import prune_passes
from service.complaints.matching.retrieve import catch_up
from service.complaints.recognise.work import queue_unread
from service.complaints.watching import watch_matching
from service.db.idempotency import PRUNE_BATCH, prune
from service.db.session import Database, Tx
from service.db.throttle import FORGET_MAX, prune_attempts
from service.deadlines.actions import fire_due
from service.deadlines.queries import policy
from service.escrow.evidence_checks import watch_evidence
from service.escrow.guarding import queue_checks
from service.escrow.limits import watch_limits
from service.escrow.sealing import seal_next
from service.escrow.sweep import Sweep
from service.events.log import RELAY_BATCH, Subscriptions, relay
from service.files.actions import queue_housekeeping
from service.files.rules import SWEEP_EVERY
from service.jobs.queue import CONCURRENCY, Queue

STOP_SECONDS_MAX = 20
LOOPS_STOP_SECONDS_MAX = 3
HEARTBEATS_UNTIL_STALLED = 3
DATABASE_PAUSE = timedelta(seconds=2)
_log = structlog.get_logger("fairhold.worker")


@dataclass(frozen=True, slots=True)
class Sweeper:
    """A loop: `work` in one transaction, again at once while it finds at least `full`, else after the pause."""

    name: str
    work: Callable[[Tx], Awaitable[int]]
    pause: timedelta
    full: int = 1


def sweepers(subscriptions: Subscriptions) -> list[Sweeper]:
    """Return the loops that every worker runs; any number of workers may."""

    async def relay_events(tx: Tx) -> int:
        return await relay(tx, subscriptions)

    async def fire_deadlines(tx: Tx) -> int:
        return await fire_due(tx, now=await tx.now())

    async def watch_old_holds(tx: Tx) -> int:
        return await watch_limits(tx, now=await tx.now())

    return [
        # Under load a few events come at any moment: gathering them for a while is one job where there were many.
        Sweeper("events", relay_events, timedelta(milliseconds=200), full=RELAY_BATCH),
        Sweeper("deadlines", fire_deadlines, timedelta(seconds=1)),
        Sweeper("holds", Sweep().release, timedelta(seconds=1)),
        Sweeper("limits", watch_old_holds, timedelta(hours=1)),
    ]


async def _seal(tx: Tx) -> int:
    return await seal_next(tx, now=await tx.now())


async def _catch_up(tx: Tx) -> int:
    await catch_up(tx)
    return 0


async def prune_keys(tx: Tx) -> int:
    """Forget a batch of idempotency keys that are older than the policy keeps them; return how many."""
    now = await tx.now()
    kept = await policy(tx, "keep_idempotency_keys", now=now)
    return await prune(tx, before=now - kept.duration)


async def forget_counts(tx: Tx) -> int:
    """Forget counts over time that are older than a day, and passes that are over; return how many counts."""
    now = await tx.now()
    await prune_passes(tx, now=now)
    return await prune_attempts(tx, now=now)


HOUSEKEEPING = (
    Sweeper("files", queue_housekeeping, SWEEP_EVERY),
    Sweeper("unread photos", queue_unread, timedelta(minutes=30)),
    Sweeper("seal", _seal, timedelta(seconds=20)),  # it seals once a minute; a backlog at once
    Sweeper("checks", queue_checks, timedelta(minutes=1)),
    Sweeper("evidence", watch_evidence, timedelta(minutes=5)),
    Sweeper("matching", watch_matching, timedelta(minutes=5)),
    Sweeper("registry", _catch_up, timedelta(minutes=1)),
    Sweeper("idempotency keys", prune_keys, timedelta(minutes=10), full=PRUNE_BATCH),
    Sweeper("counts", forget_counts, timedelta(minutes=10), full=FORGET_MAX),
)


async def run(
    database: Database, queue: Queue, subscriptions: Subscriptions, stop: asyncio.Event, *, stalled: timedelta
) -> None:
    """Work until `stop` is set; then let running jobs end, for at most 20 seconds, and sweeps for 3.

    A worker that has given no sign of life for `stalled` is taken for dead, and its jobs are given back.
    """
    async with queue.app.open_async():
        jobs = asyncio.create_task(_run_jobs(queue, stop, stalled))
        every = [*sweepers(subscriptions), *HOUSEKEEPING]
        loops = [asyncio.create_task(_loop(each, database, stop)) for each in every]
        loops.append(asyncio.create_task(_retry_stalled(queue, stop, stalled)))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([stopped, jobs], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        jobs.cancel()
        _, waiting = await asyncio.wait(loops, timeout=LOOPS_STOP_SECONDS_MAX)
        for loop in waiting:  # for a database that is gone, perhaps; what was begun is rolled back
            loop.cancel()
        await asyncio.gather(*loops, jobs, stopped, return_exceptions=True)


async def _run_jobs(queue: Queue, stop: asyncio.Event, stalled: timedelta) -> None:
    """Work on jobs; when the database goes away, come back with it."""
    while not stop.is_set():
        try:
            await queue.app.run_worker_async(
                concurrency=CONCURRENCY,
                install_signal_handlers=False,
                shutdown_graceful_timeout=STOP_SECONDS_MAX,
                delete_jobs=DeleteJobCondition.SUCCESSFUL,
                update_heartbeat_interval=stalled.total_seconds() / HEARTBEATS_UNTIL_STALLED,
                stalled_worker_timeout=stalled.total_seconds(),
            )
        except (OSError, queue.connector_error) as error:
            _log.warning("queue_lost", error=type(error).__name__)
        await _pause(stop, DATABASE_PAUSE.total_seconds())


async def _loop(sweeper: Sweeper, database: Database, stop: asyncio.Event) -> None:
    while not stop.is_set():
        found = 0
        try:
            found = await database.run(sweeper.work)
        except (DBAPIError, psycopg.Error, OSError, TimeoutError) as error:
            _log.warning("sweep_failed", sweeper=sweeper.name, error=type(error).__name__)
        if found < sweeper.full:
            await _pause(stop, sweeper.pause.total_seconds())


async def _retry_stalled(queue: Queue, stop: asyncio.Event, stalled: timedelta) -> None:
    """Give back the jobs of workers that died in the middle."""
    while not stop.is_set():
        try:
            await give_back(queue, stalled)
        except (OSError, queue.connector_error) as error:
            _log.warning("stalled_check_failed", error=type(error).__name__)
        await _pause(stop, stalled.total_seconds() / 2)


async def give_back(queue: Queue, stalled: timedelta) -> None:
    """Let the jobs of workers that gave no sign of life for `stalled` be done by others.

    Where the same work waits already (`once`), the dead one's job is let go: it cannot wait beside the other, and would
    keep its lock for ever.
    """
    manager = queue.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=stalled.total_seconds()):
        try:
            await manager.retry_job(job)
            _log.warning("job_given_back", job=job.task_name)
        except UniqueViolation:
            await manager.finish_job(job, Status.FAILED, delete_job=True)
            _log.warning("job_let_go", job=job.task_name)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), timeout=seconds)
    except TimeoutError:
        return
