"""Transactions. Only this module and the worker's loops, which use it, ever commit."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar

import psycopg
from sqlalchemy import event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from service.core.errors import Unavailable, ensure

RETRIES_MAX = 5
_RETRY_PAUSE_SECONDS = 0.02
_RETRY_STATES = frozenset({"40001", "40P01"})  # serialisation failure, deadlock
STATEMENT_TIMEOUT_MS = 60_000
LOCK_TIMEOUT_MS = 10_000
IDLE_TIMEOUT_MS = 30_000
SESSION_OPTIONS = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
    f" -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC"
)
CONNECT_TIMEOUT_SECONDS = 5
POOL_WAIT_SECONDS = 10
PING_AFTER_IDLE_SECONDS = 5.0
_USED_AT = "used_at"

Result = TypeVar("Result")


class Tx(AsyncSession):
    """One transaction. It takes a connection at its first statement, not before."""

    known_now: datetime | None = None
    """The transaction's time, once it was read."""

    async def now(self) -> datetime:
        """Return the transaction's one time, read once from SQL `fairhold_now()`."""
        if self.known_now is None:
            self.known_now = (await self.execute(text("SELECT fairhold_now()"))).scalar_one()
        return self.known_now

    async def clock_offset_seconds(self) -> int | None:
        """Return how far `fairhold_now()` stands ahead of the real time; None where the clock is the database's own."""
        if not (await self.execute(text("SELECT to_regclass('fairhold_clock') IS NOT NULL"))).scalar_one():
            return None
        offset = await self.execute(text("SELECT extract(epoch FROM clock_offset)::bigint FROM fairhold_clock"))
        return int(offset.scalar_one())

    async def driver(self) -> psycopg.AsyncConnection[Any]:
        """Return the driver's connection that this transaction runs on, for statements outside SQLAlchemy."""
        raw = await (await self.connection()).get_raw_connection()
        connection = raw.driver_connection
        ensure(isinstance(connection, psycopg.AsyncConnection), "the driver is psycopg")
        return connection  # type: ignore[return-value]  # ensured in the line above

    async def limit_seconds(self, seconds: int) -> None:
        """End the transaction with an error if it is still open so many seconds after it began (transaction_timeout).

        PostgreSQL counts from here, so what has passed is taken off; a second limit in one transaction changes nothing.
        Raises `Unavailable` ("transaction_too_slow") if it is too late already.
        """
        left = "(:ms - extract(epoch FROM clock_timestamp() - now()) * 1000)::bigint"
        limit = f"SELECT CASE WHEN {left} > 0 THEN set_config('transaction_timeout', {left}::text, true) END"
        if (await self.execute(text(limit), {"ms": seconds * 1000})).scalar_one() is None:
            raise Unavailable("transaction_too_slow", "the transaction took too long; nothing was changed")


class HasDatabase(Protocol):
    """The parts of a process, of which a middleware needs the database at each request."""

    @property
    def database(self) -> "Database":
        """The database."""


class Database:
    """The pool of connections and the only maker of transactions."""

    def __init__(self, url: str, *, pool_max: int = 10) -> None:
        self.url = url
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_max,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            hide_parameters=True,  # error texts go into logs; what people typed does not
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "options": SESSION_OPTIONS,
            },
        )
        event.listen(self.engine.sync_engine, "checkin", _note_use)
        event.listen(self.engine.sync_engine, "checkout", self._ping_if_idle)
        self._sessions = async_sessionmaker(self.engine, class_=Tx, expire_on_commit=False)
        each_statement = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = async_sessionmaker(each_statement, class_=Tx, expire_on_commit=False)

    def session(self) -> Tx:
        """Return a transaction that has not begun; whoever asks for it commits or closes it."""
        return self._sessions()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """Open a transaction that commits at the end of the block and rolls back on any exception."""
        async with self._sessions() as tx, tx.begin():
            yield tx

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """Open a session whose every statement is a transaction of its own: one round trip each, no BEGIN or COMMIT.

        For single reads and single notes; what belongs together needs `begin`.
        """
        async with self._readers() as tx:
            yield tx

    async def run(self, work: Callable[[Tx], Awaitable[Result]]) -> Result:
        """Do `work` in one transaction; on a deadlock or serialisation failure again, at most five times."""
        for attempt in range(RETRIES_MAX + 1):
            try:
                async with self.begin() as tx:
                    return await work(tx)
            except DBAPIError as error:
                if attempt == RETRIES_MAX or not is_retryable(error):
                    raise
            await pause_before_retry(attempt)
        raise AssertionError("the loop returns or raises")

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    def _ping_if_idle(self, connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        """Try a connection that nobody has used for a while; one that was used just now is as good as a ping."""
        if time.monotonic() - record.info.get(_USED_AT, time.monotonic()) < PING_AFTER_IDLE_SECONDS:
            return
        dialect = self.engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("the connection has gone; the pool makes another") from error


def _note_use(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = time.monotonic()


def is_retryable(error: BaseException) -> bool:
    """Whether PostgreSQL asks for the whole transaction to be tried again."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _RETRY_STATES


async def pause_before_retry(attempt: int) -> None:
    """Wait a jittered, growing moment, so that two losers do not meet again."""
    await asyncio.sleep(_RETRY_PAUSE_SECONDS * (attempt + 1) * (0.5 + random.random()))  # noqa: S311 - jitter, no secret


def sqlalchemy_url(url: str) -> str:
    """Return a `postgresql://` address with the driver named, as SQLAlchemy wants it."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)


def driver_url(url: str) -> str:
    """Return an address as libpq wants it, without a driver's name."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
