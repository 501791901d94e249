"""Hot commands: the few that come with every order run as prepared statements, before sign-in and the ORM.

A hot command does the whole of a request that succeeds: it signs in, checks the permission, writes and answers, all or
nothing. Whatever it does not know it leaves alone: it writes nothing and returns None, and the request goes its general
way as if nothing had been tried. So every refusal is made and explained in one place, the general one.
(docs/decisions/0012-hot-commands.md)
"""

import hashlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import psycopg
import structlog
from psycopg.rows import namedtuple_row
from psycopg_pool import AsyncConnectionPool

from service.core.errors import FairholdError
from service.core.wire import FAIRHOLD_NOW, IDEMPOTENCY_KEY, format_instant
from service.db.idempotency import KEEP, StoredAnswer, is_well_formed, kept
from service.db.prepared import HotConnection, Pipeline, pipeline, statement_of
from service.db.requests import App, Message, Receive, Scope, Send
from service.db.session import SESSION_OPTIONS, driver_url

HOT = "hot_command"
"""The name under which a route's `opt` holds its hot command."""
BODY_MAX_BYTES = 65_536  # longer bodies go the general way, which has room for them
CONNECTIONS_MAX = 8
WAIT_SECONDS_MAX = 2.0
SECONDS_MAX = 3
"""A hot command's transaction ends by itself after so long, as a claim's must (`rules.CLAIM_SECONDS_MAX`)."""
_KEY_MAX_BYTES = 100
_BEARER = b"Bearer "
_JSON = b"application/json"
# Plans are made once, for looking up single rows by their keys: never a join over a whole table.
_PLANNER = (
    "-c jit=off -c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
    " -c enable_memoize=off -c enable_material=off -c plan_cache_mode=force_generic_plan"
)
_log = structlog.get_logger("fairhold.hot")

Values: TypeAlias = Mapping[str, object]
Row: TypeAlias = Any
"""A named tuple, or None."""


class Connections:
    """The connections of hot commands: each statement commits by itself, unless a transaction is begun."""

    def __init__(self, url: str, *, pool_max: int = CONNECTIONS_MAX) -> None:
        self.answered = 0
        """How many requests hot commands have answered; the others went the general way."""
        self._pool = AsyncConnectionPool(
            driver_url(url),
            connection_class=HotConnection,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 0,
                "row_factory": namedtuple_row,
                "options": f"{SESSION_OPTIONS} {_PLANNER} -c transaction_timeout={SECONDS_MAX}s",
            },
            min_size=1,
            max_size=min(pool_max, CONNECTIONS_MAX),
            timeout=WAIT_SECONDS_MAX,
            open=False,
        )

    @asynccontextmanager
    async def one(self) -> AsyncIterator[HotConnection]:
        """Lend a connection; raises `psycopg.OperationalError` when there is none."""
        if self._pool.closed:
            await self._pool.open()
        connection = await self._pool.getconn()
        try:
            yield connection
        finally:
            await self._pool.putconn(connection)

    async def first_row(self, statement: str, values: Values) -> Row:
        """Run a statement as a transaction of its own and return its first row, or None; raises `psycopg.Error`."""
        async with self.one() as connection:
            return await connection.first_row(statement_of(statement), values)

    @asynccontextmanager
    async def transaction(self, statement: str, values: Values) -> AsyncIterator[tuple[Pipeline, Row]]:
        """Run a statement and give its first row, None if it found nothing to do; commit at the end of the block.

        What is executed in the block is sent with the commit: one round trip. Rolls back on any exception, and raises
        `psycopg.Error`, having written nothing, where a statement fails.
        """
        async with self.one() as connection, pipeline(connection) as begun:
            yield begun, await begun.first_row(statement_of(statement), values)

    async def close(self) -> None:
        """Close every connection."""
        if not self._pool.closed:
            await self._pool.close()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a hot command sees it. `key_hash` is the SHA-256 of its API key, if it has one."""

    path: Mapping[str, Any]
    headers: Mapping[bytes, bytes]
    body: bytes
    key_hash: bytes | None
    idempotency_key: str | None
    fingerprint: bytes
    connections: Connections


@dataclass(frozen=True, slots=True)
class Answered:
    """What is sent once a hot command has committed. `now` is its transaction's time."""

    status: int
    body: bytes
    now: datetime
    media_type: str = "application/json"

    @property
    def stored(self) -> StoredAnswer:
        """The answer as an idempotency key keeps it."""
        return StoredAnswer(self.status, self.media_type, None, self.body)


HotCommand: TypeAlias = Callable[..., Awaitable[Answered | None]]
"""`async (asked, *, parts by name) -> Answered`, or None when nothing was written and the general way shall decide."""


async def answer_by(asked: Asked, statement: str, values: Values, render: Callable[[Row], Answered]) -> Answered | None:
    """Run a hot command that is one statement, and keep its answer with the request's idempotency key.

    The statement writes all or nothing and returns one row (with `actor_id`) or none. Without a key it is a transaction
    by itself: one round trip.
    """
    if asked.idempotency_key is None:
        row = await asked.connections.first_row(statement, values)
        return None if row is None else render(row)
    async with asked.connections.transaction(statement, values) as (begun, row):
        if row is None:
            return None
        answered = render(row)
        await keep(begun, asked, answered, actor_id=row.actor_id)
    return answered


async def keep(begun: Pipeline, asked: Asked, answered: Answered, *, actor_id: UUID) -> None:
    """Keep the answer, if the request has a key; one that was used before fails the transaction at its end."""
    if asked.idempotency_key is None:
        return
    values = kept(
        principal=str(actor_id),
        key=asked.idempotency_key,
        fingerprint=asked.fingerprint,
        answer=answered.stored,
        now=answered.now,
    )
    await begun.execute(KEEP, values)


@dataclass
class HotCommands:
    """The middleware, outermost of all. It knows a route's hot command by `opt[HOT]`, which names the parts it needs.

    `parts` has them as attributes, and `hot_connections`.
    """

    app: App
    parts: Any
    _named: dict[HotCommand, list[str]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Try the route's hot command; without one, or where it does not know what to do, go on."""
        handler = scope.get("route_handler")
        command: HotCommand | None = None if handler is None else handler.opt.get(HOT)
        if command is None or scope.get("query_string"):
            await self.app(scope, receive, send)
            return
        messages, body = await _read(receive)
        answer = None if body is None else await self._try(command, scope, body)
        if answer is None:
            await self.app(scope, _again(messages, receive), send)
        else:
            self.parts.hot_connections.answered += 1
            await _send(answer, send)

    def _parts_of(self, command: HotCommand) -> dict[str, Any]:
        names = self._named.get(command)
        if names is None:
            names = [p.name for p in inspect.signature(command).parameters.values() if p.kind is p.KEYWORD_ONLY]
            self._named[command] = names
        return {name: getattr(self.parts, name) for name in names}

    async def _try(self, command: HotCommand, scope: Scope, body: bytes) -> Answered | None:
        asked = _asked(scope, body, self.parts.hot_connections)
        if asked is None:
            return None
        try:
            return await command(asked, **self._parts_of(command))
        except psycopg.Error as error:  # it wrote nothing; the general way finds the same cause, and explains it
            is_ours = isinstance(error, psycopg.InterfaceError | psycopg.ProgrammingError)  # no input makes these
            tell = _log.error if is_ours else _log.info
            tell("hot_command_left", error=type(error).__name__, state=error.sqlstate)
        except FairholdError as error:
            _log.debug("hot_command_left", code=error.code)
        return None


def _asked(scope: Scope, body: bytes, connections: Connections) -> Asked | None:
    """Return what a hot command needs to know, or None for anything out of the ordinary."""
    headers = dict(scope["headers"])
    if len(headers) < len(scope["headers"]):  # a header that came twice means whatever the general way takes it for
        return None
    key = headers.get(IDEMPOTENCY_KEY.encode())
    written = None if key is None else key.decode("latin-1")
    if headers.get(b"content-type", _JSON) != _JSON or b"\\u0000" in body or not is_well_formed(written):
        return None
    bearer = headers.get(b"authorization")
    if bearer is not None and (not bearer.startswith(_BEARER) or len(bearer) > len(_BEARER) + _KEY_MAX_BYTES):
        return None
    return Asked(
        path=scope["path_params"],
        headers=headers,
        body=body,
        key_hash=None if bearer is None else hashlib.sha256(bearer[len(_BEARER) :]).digest(),
        idempotency_key=written,
        fingerprint=hashlib.sha256(f"{scope['method']} {scope['path']}?\n".encode() + body).digest(),
        connections=connections,
    )


async def _read(receive: Receive) -> tuple[list[Message], bytes | None]:
    """Read a short body; None where it is long or was cut off. The messages are kept for the general way."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or size > BODY_MAX_BYTES:
            return messages, None
        if not message.get("more_body", False):
            return messages, b"".join(each["body"] for each in messages if "body" in each)


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Give the messages that were read already, then those that come."""
    read = iter(messages)

    async def next_message() -> Message:
        return next(read, None) or await receive()

    return next_message


async def _send(answer: Answered, send: Send) -> None:
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (FAIRHOLD_NOW.encode(), format_instant(answer.now).encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
