"""A worker whose database has gone stops soon: it waits for a connection as long as we say, not as long as pools do."""

import asyncio
import gc
import inspect
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from procrastinate import PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from service.app import Service
from service.db.session import Database, driver_url
from service.embedded import EmbeddedServers
from service.jobs.queue import CONNECTION_SECONDS_MAX, worker_silent_seconds
from service.worker.host import run
from tests.conftest import DatabaseUrls

POOLS_OWN_WAIT: float = inspect.signature(AsyncConnectionPool).parameters["timeout"].default
PATIENCE = POOLS_OWN_WAIT * 3 / 4
"""Longer than some of our waits for a connection one after the other, and shorter than a single one of a pool's own."""
STALLED = timedelta(seconds=30)
EVENTUALLY_SECONDS = 60.0


@pytest.fixture(autouse=True)
def _half_made_connections(urls: DatabaseUrls) -> Iterator[None]:
    """Close what was being connected when its maker was cancelled: to drop a database is to wait for it, up to 60 s."""
    yield
    gc.collect()


async def until_at_work(database: Database) -> None:
    """Wait until a worker has said that it lives."""
    async with asyncio.timeout(EVENTUALLY_SECONDS):
        while True:
            async with database.begin() as tx:
                if await worker_silent_seconds(tx) is not None:
                    return
            await asyncio.sleep(0.05)


def refuse_everybody(servers: EmbeddedServers, urls: DatabaseUrls) -> None:
    """Let the database hang up, and take nobody any more."""
    name = urlsplit(urls.app).path.removeprefix("/")
    with psycopg.connect(driver_url(servers.postgres.admin), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


async def test_a_worker_whose_database_refuses_everybody_stops_while_a_less_patient_pool_than_usual_still_waits(
    service: Service, servers: EmbeddedServers, urls: DatabaseUrls
) -> None:
    """Both wait by the same clock of the same loop, so that it does not matter how slow the machine is."""
    stop = asyncio.Event()
    working = asyncio.create_task(run(service.database, service.queue, service.subscriptions, stop, stalled=STALLED))
    await until_at_work(service.database)
    refuse_everybody(servers, urls)
    rival: AsyncConnectionPool[Any] = AsyncConnectionPool(
        driver_url(urls.app), min_size=0, max_size=1, open=False, timeout=PATIENCE
    )
    async with rival:
        waiting = asyncio.create_task(rival.getconn())
        stop.set()
        ended, _ = await asyncio.wait(
            {working, waiting}, timeout=EVENTUALLY_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert ended == {working}
    await working


async def test_the_queues_pool_waits_for_a_connection_as_long_as_we_say(service: Service) -> None:
    async with service.queue.app.open_async():
        connector = service.queue.app.connector
        assert isinstance(connector, PsycopgConnector)
        assert connector.pool.timeout == CONNECTION_SECONDS_MAX < PATIENCE
