"""Enqueue by name, handle by name; procrastinate does the queueing.

A handler is `async def handler(payload: dict) -> None`, with what it needs already bound by `service.app`. Delivery is
at least once: a handler looks at the state before it acts. Failures are tried again with growing pauses.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import procrastinate
import procrastinate.exceptions
from procrastinate import BaseRetryStrategy, RetryDecision, jobs
from sqlalchemy import text

from service.core.errors import ensure
from service.db.session import Tx, driver_url

Payload = Mapping[str, Any]
Handler = Callable[[Payload], Awaitable[None]]

ATTEMPTS_MAX = 12
_PAUSE_SECONDS_MAX = 600
CONCURRENCY = 8
CONNECTION_SECONDS_MAX = 4
"""So long a worker waits for a database that is gone, and no longer when it is to stop."""
DEFAULT_QUEUE = "default"
SOON, LATER = 0, -1


class _GrowingPauses(BaseRetryStrategy):
    """1 s, 2 s, 4 s ... up to 10 minutes, at most twelve attempts."""

    def get_retry_decision(self, *, exception: BaseException, job: jobs.Job) -> RetryDecision | None:  # noqa: ARG002 - the library's signature
        if job.attempts >= ATTEMPTS_MAX:
            return None
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, _PAUSE_SECONDS_MAX)})


class Queue:
    """The queue of one process. Handlers are registered once, before the worker starts."""

    connector_error = procrastinate.exceptions.ConnectorException

    def __init__(self, database_url: str) -> None:
        self.app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=driver_url(database_url),
                min_size=1,
                max_size=CONCURRENCY + 2,
                timeout=CONNECTION_SECONDS_MAX,
            )
        )
        self._names: set[str] = set()

    def register(self, name: str, handler: Handler) -> None:
        """Let jobs of this name be handled by `handler`; a name has one handler."""
        ensure(name not in self._names, f"two handlers for {name}")
        self._names.add(name)

        async def run(**payload: Any) -> None:
            await handler(payload)

        self.app.task(name=name, retry=_GrowingPauses(), queue=DEFAULT_QUEUE)(run)

    @property
    def names(self) -> frozenset[str]:
        """The names that have a handler."""
        return frozenset(self._names)


_deferring = procrastinate.App(connector=procrastinate.PsycopgConnector())  # only shapes jobs; never opens a connection


async def enqueue(tx: Tx, name: str, payload: Payload, *, lock: str | None = None, once: str | None = None) -> None:
    """Enqueue a job in this transaction. Jobs with the same `lock` run one after the other.

    With `once`, nothing is added while a job with the same `once` still waits.
    """
    if once is not None:
        waiting = await tx.execute(
            text("SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :once AND status = 'todo'"), {"once": once}
        )
        if waiting.first() is not None:
            return
    deferrer = _deferring.configure_task(
        name, lock=lock, queueing_lock=once, queue=DEFAULT_QUEUE, connection=await tx.driver()
    )
    await deferrer.defer_async(**payload)


async def enqueue_many(tx: Tx, name: str, payloads: Sequence[Payload], *, priority: int = SOON) -> None:
    """Enqueue several jobs of one name in one statement; those of `LATER` wait for all others."""
    if not payloads:
        return
    deferrer = _deferring.configure_task(name, queue=DEFAULT_QUEUE, priority=priority, connection=await tx.driver())
    await deferrer.batch_defer_async(*[dict(payload) for payload in payloads])


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs that wait or failed for good; `oldest_seconds` is the age of the oldest that could run now."""

    count: int
    oldest_seconds: int
    failed: int


async def waiting_jobs(tx: Tx, *, prefix: str = "") -> Waiting:
    """Return the counts of the queue, of jobs whose name begins with `prefix`."""
    found = await tx.execute(
        text(
            "SELECT count(*) FILTER (WHERE j.status = 'todo'),"
            " coalesce(extract(epoch FROM now() - min(e.at) FILTER (WHERE j.status = 'todo'"
            " AND (j.scheduled_at IS NULL OR j.scheduled_at <= now()))), 0)::bigint,"
            " count(*) FILTER (WHERE j.status = 'failed')"
            " FROM procrastinate_jobs j LEFT JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'deferred'"
            " WHERE j.status IN ('todo', 'failed') AND starts_with(j.task_name, :prefix)"
        ),
        {"prefix": prefix},
    )
    return Waiting(*found.one())


async def worker_silent_seconds(tx: Tx) -> int | None:
    """Return how long ago a worker last said that it lives, by the database's own clock; None if none is known."""
    query = "SELECT extract(epoch FROM now() - max(last_heartbeat))::bigint FROM procrastinate_workers"
    seconds: int | None = await tx.scalar(text(query))
    return seconds
