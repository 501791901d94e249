"""The transactions of hot commands: whole at the end of their block, or not at all."""

import psycopg
import pytest

from service.app import Service

ADD = """
INSERT INTO idempotency_key (principal, key, fingerprint, status, created_at)
VALUES ('p', %(key)s, ''::bytea, 200, fairhold_now()) RETURNING key
"""


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
