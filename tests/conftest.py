"""Real PostgreSQL and S3 for every test: started once, with a fresh copy of a migrated database for each test."""

import asyncio
import copy
import gc
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from litestar import Litestar

from service.app import Service, assemble, create_app
from service.cli.logs import configure_logs
from service.cli.metadata import all_tables
from service.db import clock as owner_clock
from service.db.schema import upgrade
from service.db.session import Database, driver_url
from service.embedded import EmbeddedServers, embedded
from service.embedded.s3 import S3Access
from service.files.ownership import claim_buckets
from service.files.store import Store
from service.settings import Mode, Settings
from tests.furnished import WORLD_DATABASE, Furnished, furnish_database
from tests.shared import shared_parts
from tests.trade import CARRIER
from tests.working import drain_all
from tests.world import World, build_world

TEMPLATE = "fairhold_template"
POPULATED = "fairhold_populated"
MEMORY = "/dev/shm"  # noqa: S108 - a file system in memory; the folder in it is made by tempfile
MEMORY_BYTES_MIN = 4 * 2**30  # many times what the servers of all processes take

gc.set_threshold(50_000, 20, 100)  # many tests make an application; looking for garbage all the while doubles its price
configure_logs(Settings())  # as in production: one line an event, without the values of local variables


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where processes share the files, let them take the longest first: one begun last would be waited for alone.

    Long are those that ask for more time than others, and then those with the most tests.
    """
    if not hasattr(config, "workerinput"):
        return
    limits, counts = Counter[Path](), Counter(item.path for item in items)
    for item in items:
        if limit := item.get_closest_marker("timeout"):
            limits[item.path] = max(limits[item.path], limit.args[0])
    items.sort(key=lambda item: (limits[item.path], counts[item.path], item.path), reverse=True)


@pytest.fixture(scope="session", autouse=True)
def shared() -> Iterator[None]:
    """What tests of one process share."""
    with shared_parts():
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """PostgreSQL and S3 under a folder that goes away."""
    with (
        tempfile.TemporaryDirectory(prefix="fh-", dir=_roomy_memory()) as folder,
        embedded(Path(folder), throw_away=True) as running,
    ):
        yield running


def _roomy_memory() -> str | None:
    """Return the folder in memory if there is room: each test's database is 700 files, which cost 0.3 s on a disk."""
    if not os.access(MEMORY, os.W_OK):
        return None
    unused = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return MEMORY if min(unused, shutil.disk_usage(MEMORY).free) >= MEMORY_BYTES_MIN else None


@pytest.fixture
def s3(servers: EmbeddedServers) -> S3Access:
    """The storage server of the tests; those of the storage itself name another."""
    return servers.s3


@pytest.fixture(scope="session")
def template(servers: EmbeddedServers) -> str:
    """Name of a migrated database that tests copy."""
    _create(servers, TEMPLATE)
    owner = _on(servers.postgres.owner, TEMPLATE)
    upgrade(owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=True)
    return TEMPLATE


@pytest.fixture(scope="session")
async def furnished(servers: EmbeddedServers, template: str) -> Furnished:
    """The world with cases, built once, for tests that walk over all routes.

    Its buckets are its own: a sweep of orphans for another database would take its photos for orphans.
    """
    with _admin(servers) as admin:
        admin.execute(f"CREATE DATABASE {WORLD_DATABASE} TEMPLATE {template} OWNER fairhold_owner")
    return await furnish_database(servers, f"w{os.getpid()}", CARRIER.pinned)


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """The addresses of one test's database."""

    app: str
    owner: str
    admin: str


@dataclass(frozen=True, slots=True)
class Populated:
    """A migrated database with the world's people in it, and who they are."""

    name: str
    world: World


@pytest.fixture(scope="session")
def populated(servers: EmbeddedServers, template: str) -> Populated:
    """The world of `world.py`, made once in a run: tests that ask for `world` start from a copy."""
    with _admin(servers) as admin:
        admin.execute(f"CREATE DATABASE {POPULATED} TEMPLATE {template} OWNER fairhold_owner")
    return Populated(POPULATED, asyncio.run(_populate(_urls(servers, POPULATED).app)))


async def _populate(url: str) -> World:
    database = Database(url)
    try:
        return await build_world(database)
    finally:
        await database.close()


@pytest.fixture
def world(populated: Populated) -> World:
    """The people and shops of two tenants, who are in this test's database already."""
    return copy.deepcopy(populated.world)


@pytest.fixture
def urls(request: pytest.FixtureRequest, servers: EmbeddedServers, template: str) -> Iterator[DatabaseUrls]:
    """A database of this test's own, empty or with the world in it."""
    name = f"t_{secrets.token_hex(6)}"
    wants_world = "populated" in request.fixturenames  # which the fixture `world` of this file asks for
    source = request.getfixturevalue("populated").name if wants_world else template
    with _admin(servers) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy OWNER fairhold_owner")
    yield _urls(servers, name)
    with _admin(servers) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def owner_url(urls: DatabaseUrls) -> str:
    """The test's database as its owner."""
    return urls.owner


@pytest.fixture
def settings(servers: EmbeddedServers, urls: DatabaseUrls, buckets: str) -> Settings:
    """Settings of a service on this test's database and the session's S3."""
    return Settings(
        mode=Mode.TEST,
        base_url="http://testserver.local",
        database_url=urls.app,
        owner_database_url=urls.owner,
        s3_endpoint=servers.s3.endpoint,
        s3_access_key=servers.s3.access_key,
        s3_secret_key=servers.s3.secret_key,
        s3_prefix=buckets,
        evidence_retention_days=1,
        secret="a secret for tests only, long enough to pass",
        carrier_public_key=CARRIER.pinned,
        gateway_url="http://127.0.0.1:9",
        gateway_secret="whsec_dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3Q=",
    )


@pytest.fixture(scope="session")
def buckets(servers: EmbeddedServers, template: str) -> str:
    """The prefix of this run's buckets, which are there and belong to the template, and so to each of its copies."""
    prefix, s3 = f"t{os.getpid()}", servers.s3
    store = Store(s3.endpoint, s3.access_key, s3.secret_key, secure=False, prefix=prefix)
    asyncio.run(_claim(_urls(servers, template).app, store))
    store.close()
    return prefix


async def _claim(url: str, store: Store) -> None:
    database = Database(url)
    try:
        await store.ensure_buckets()
        await claim_buckets(database, store)
    finally:
        await database.close()


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """The parts of a process."""
    parts = assemble(settings)
    yield parts
    await parts.close()


@pytest.fixture
def database(service: Service) -> Database:
    """The test's database as the application role."""
    return service.database


@pytest.fixture(scope="session")
def applications() -> dict[object, tuple[Litestar, Service]]:
    """The applications that this run has made, by what is built into them, and the parts that each works with."""
    return {}


@pytest.fixture
def app(settings: Settings, service: Service, applications: dict[object, tuple[Litestar, Service]]) -> Litestar:
    """The whole ASGI application on this test's parts; made once, as that takes as long as many a test.

    Who changes it asks for `own_app`.
    """
    built_in = (settings.secret, settings.mode, settings.public_url)
    if built_in not in applications:
        own = copy.copy(service)
        applications[built_in] = create_app(settings, own), own
    made, parts = applications[built_in]
    for part in fields(Service):
        object.__setattr__(parts, part.name, getattr(service, part.name))
    return made


@pytest.fixture
def own_app(settings: Settings, service: Service) -> Litestar:
    """An application that nobody else has, for tests that change it."""
    return create_app(settings, service)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client without sign-in that talks to the whole application."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as talking:
        yield talking


@dataclass(frozen=True, slots=True)
class Clock:
    """The owner's hand on this test's clock."""

    owner_url: str

    def forward(self, by: timedelta) -> None:
        """Move `fairhold_now()` forward."""
        owner_clock.shift(self.owner_url, by)


@pytest.fixture
def clock(owner_url: str) -> Clock:
    """Moves this test's `fairhold_now()`."""
    return Clock(owner_url)


@pytest.fixture
def drain(service: Service) -> Callable[[], Awaitable[None]]:
    """Relay events, fire promises, sweep holds and run jobs, again and again until nothing is left to do."""

    async def until_idle() -> None:
        await drain_all(service)

    return until_idle


def _admin(servers: EmbeddedServers) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(driver_url(servers.postgres.admin), autocommit=True)


def _on(url: str, database: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}"))


def _urls(servers: EmbeddedServers, name: str) -> DatabaseUrls:
    running = servers.postgres
    return DatabaseUrls(_on(running.app, name), _on(running.owner, name), _on(running.admin, name))


def _create(servers: EmbeddedServers, name: str) -> None:
    with _admin(servers) as admin:
        admin.execute(
            f"CREATE DATABASE {name} OWNER fairhold_owner TEMPLATE template0 ENCODING 'UTF8'"
            " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C.UTF-8'"
        )


@contextmanager
def fresh_database(servers: EmbeddedServers) -> Iterator[DatabaseUrls]:
    """An empty database that nobody has migrated."""
    name = f"t_{secrets.token_hex(6)}"
    _create(servers, name)
    yield _urls(servers, name)
    with _admin(servers) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
