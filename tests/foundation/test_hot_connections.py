"""The transactions of hot commands: whole at the end of their block, or not at all."""

import asyncio
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from service.app import Service
from service.db.hot import HOT, Asked, HotCommands
from service.db.prepared import HotConnection, pipeline, statement_of

ADD = """
INSERT INTO idempotency_key (principal, key, fingerprint, status, created_at)
VALUES ('p', %(key)s, ''::bytea, 200, fairhold_now()) RETURNING key
"""


FIND = "SELECT key, '100%%' AS whole FROM idempotency_key WHERE key = %(key)s AND status IN (%(status)s, %(other)s)"
PLACED = "SELECT %(a)s::bigint AS first, %(b)s::text AS second, %(a)s::bigint + 1 AS third"


async def keys(service: Service) -> list[str]:
    async with service.hot_connections.one() as connection:
        found = await connection.execute("SELECT key FROM idempotency_key ORDER BY 1")
        return [row.key for row in await found.fetchall()]


async def test_a_block_that_ends_commits_what_it_did_before_and_within(service: Service) -> None:
    async with service.hot_connections.transaction(ADD, {"key": "a"}) as (connection, row):
        assert row.key == "a"
        assert await keys(service) == []
        await connection.execute(ADD, {"key": "b"})
    assert await keys(service) == ["a", "b"]


@pytest.mark.parametrize("is_late", [True, False])
async def test_a_block_that_raises_leaves_nothing(service: Service, is_late: bool) -> None:
    for _ in range(20):  # more than there are connections: none is lost for good
        with pytest.raises(KeyError):
            await fail(service, is_late=is_late)
    assert await keys(service) == []


async def test_a_mistake_of_ours_goes_the_general_way_and_is_told_as_an_error(
    service: Service,
) -> None:
    async def asks_wrongly(asked: Asked) -> None:
        await asked.connections.first_row("SELECT nobody_made_this()", {})

    async def is_refused(asked: Asked) -> None:
        await asked.connections.first_row("SELECT 1 / 0 AS one", {})

    for command, level in ((asks_wrongly, "error"), (is_refused, "info")):
        went_on: list[Any] = []

        async def general(scope: Any, receive: Any, send: Any, went_on: list[Any] = went_on) -> None:
            went_on.append(await receive())

        async def body() -> Any:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        handler = SimpleNamespace(opt={HOT: command})
        scope = {"route_handler": handler, "headers": [], "path_params": {}, "method": "POST", "path": "/"}
        with capture_logs() as told:
            await HotCommands(general, service)(scope, body, send)
        assert [each["body"] for each in went_on] == [b"{}"]
        assert [(each["event"], each["log_level"]) for each in told] == [("hot_command_left", level)]


async def fail(service: Service, *, is_late: bool) -> None:
    async with service.hot_connections.transaction(ADD, {"key": "a"}) as (connection, _):
        if is_late:
            await connection.execute(ADD, {"key": "b"})
        raise KeyError


async def test_a_statement_that_fails_in_the_block_or_before_it_undoes_the_whole(service: Service) -> None:
    async with service.hot_connections.transaction(ADD, {"key": "a"}):
        pass
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with service.hot_connections.transaction(ADD, {"key": "b"}) as (connection, _):
            await connection.execute(ADD, {"key": "a"})
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with service.hot_connections.transaction(ADD, {"key": "a"}):
            raise AssertionError("not reached")
    with pytest.raises(psycopg.DataError):  # found by the driver: PostgreSQL does not know of it
        async with service.hot_connections.transaction(ADD, {"key": "b"}) as (connection, _):
            await connection.execute(ADD, {"key": "\0"})
    assert await keys(service) == ["a"]


async def test_a_statement_alone_gives_its_first_row_or_none_and_is_committed(service: Service) -> None:
    connections, asked = service.hot_connections, {"key": "a", "status": 200, "other": 201}
    for _ in range(2):  # the first time it is prepared, the second it is there
        assert await connections.first_row(FIND, asked) is None
    assert (await connections.first_row(ADD, {"key": "a"})).key == "a"
    for _ in range(2):
        row = await connections.first_row(FIND, asked)
        assert (row.key, row.whole) == ("a", "100%")
    async with connections.transaction(FIND, {**asked, "status": 0, "other": 0}) as (_, row):
        assert row is None


async def test_a_statement_takes_values_of_any_width_and_none(service: Service) -> None:
    for a in (1, 2**15, 2**31, 2**62, 1):
        for b in ("x", None, "x"):
            assert await service.hot_connections.first_row(PLACED, {"a": a, "b": b}) == (a, b, a + 1)


async def test_a_connection_survives_what_postgresql_refuses(service: Service) -> None:
    connections = service.hot_connections
    assert (await connections.first_row(ADD, {"key": "a"})).key == "a"
    async with connections.one() as connection:
        backend = connection.info.backend_pid
        add = statement_of(ADD)
        assert (await connection.first_row(add, {"key": "b"})).key == "b"
        for _ in range(3):
            with pytest.raises(psycopg.errors.UniqueViolation):
                await connection.first_row(add, {"key": "a"})
            for wanted in (["a"], ["c", "a", "d"]):
                with pytest.raises(psycopg.errors.UniqueViolation):
                    await add_all(connection, wanted)
        assert (await connection.first_row(add, {"key": "e"})).key == "e"
        assert connection.info.backend_pid == backend
    assert await keys(service) == ["a", "b", "e"]


async def add_all(connection: HotConnection, wanted: list[str]) -> None:
    async with pipeline(connection) as begun:
        await begun.first_row(statement_of(ADD), {"key": wanted[0]})
        for key in wanted[1:]:
            await begun.execute(ADD, {"key": key})


@pytest.mark.parametrize("is_whole", [True, False])
async def test_a_connection_that_breaks_is_an_error_and_is_replaced(service: Service, is_whole: bool) -> None:
    with pytest.raises(psycopg.OperationalError):
        await break_off(service, is_whole=is_whole)
    assert await keys(service) == []
    assert (await service.hot_connections.first_row(ADD, {"key": "a"})).key == "a"


async def break_off(service: Service, *, is_whole: bool) -> None:
    """End a connection's session within a transaction, or before a statement."""
    add, end = statement_of(ADD), "SELECT pg_terminate_backend(%(pid)s::int, 5000) AS has_ended"
    async with service.hot_connections.one() as connection:
        backend = {"pid": connection.info.backend_pid}
        if is_whole:
            async with pipeline(connection) as begun:
                await begun.first_row(add, {"key": "a"})
                assert (await service.hot_connections.first_row(end, backend)).has_ended
        else:
            assert (await service.hot_connections.first_row(end, backend)).has_ended
            await connection.first_row(add, {"key": "a"})


async def test_a_statement_that_is_cancelled_midway_undoes_itself_and_its_connection_is_not_lent_again(
    service: Service,
) -> None:
    connections = service.hot_connections
    async with connections.transaction(ADD, {"key": "a"}):  # holds the key: the other waits for it
        waiting = asyncio.create_task(connections.first_row(ADD, {"key": "a"}))
        while await _waiting(service) == 0:  # noqa: ASYNC110 - PostgreSQL sets no asyncio.Event
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    for key in ("b", "c", "d"):
        assert (await connections.first_row(ADD, {"key": key})).key == key
    assert await keys(service) == ["a", "b", "c", "d"]


async def _waiting(service: Service) -> int:
    """How many wait for a lock."""
    async with service.hot_connections.one() as connection:
        found = await connection.execute(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        row = await found.fetchone()
        assert row is not None
        return int(row.n)
