import copy
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import msgspec
import psycopg
import pytest
from litestar import Litestar
from psycopg import sql

from service.accounts.guards import CSRF_COOKIE
from service.app import assemble, create_app
from service.core.actor import Role
from service.db.session import driver_url
from service.embedded import EmbeddedServers
from tests.api.limits.routes import Route, routes_of
from tests.furnished import WORLD_DATABASE, Furnished, on
from tests.world import Whose, World

DATABASE = "fairhold_limits"


@dataclass(frozen=True, slots=True)
class Ground:
    """One application on one copy of the world, where every request of these tests is to be refused."""

    app: Litestar
    routes: dict[str, Route]
    world: World
    client: httpx.AsyncClient
    owner_url: str
    csrf_token: str
    gateway_secret: str

    def rows(self) -> dict[str, tuple[int, int]]:
        """Table -> how many rows it has, and a hash of all that is in them."""
        with psycopg.connect(driver_url(self.owner_url)) as owner:
            tables = owner.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public'").fetchall()
            counting = [
                sql.SQL(
                    "SELECT {name}, count(*), coalesce(bit_xor(hashtextextended(t::text, 0)), 0) FROM {table} t"
                ).format(name=sql.Literal(name), table=sql.Identifier(name))
                for (name,) in tables
            ]
            found = owner.execute(sql.SQL(" UNION ALL ").join(counting)).fetchall()
            return {name: (count, digest) for name, count, digest in found}


@pytest.fixture(scope="session")
async def ground(servers: EmbeddedServers, furnished: Furnished) -> AsyncIterator[Ground]:
    """The application and its world; every key has been used today, so that a refusal leaves no trace at all."""
    with psycopg.connect(driver_url(servers.postgres.admin), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {WORLD_DATABASE} OWNER fairhold_owner")
    owner_url = on(servers.postgres.owner, DATABASE)
    settings = msgspec.structs.replace(
        furnished.settings, database_url=on(servers.postgres.app, DATABASE), owner_database_url=owner_url
    )
    service = assemble(settings)
    app = create_app(settings, service)
    transport = httpx.ASGITransport(
        app=app,  # type: ignore[arg-type]  # two spellings of ASGI
        raise_app_exceptions=False,
    )
    world = copy.deepcopy(furnished.world)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
        for account in [*world.accounts.values(), *world.for_commons.values()]:
            assert (await client.get("/api/v1/me", headers=account.by_key)).status_code == 200
        await client.get("/sign-in")
        draft = await client.post("/api/v1/complaints", json={}, headers=world.account(Role.BUYER).by_key)
        world.add("orderless", Whose.OWN, UUID(draft.json()["id"]))
        token = client.cookies.pop(CSRF_COOKIE)
        yield Ground(app, routes_of(app), world, client, owner_url, token, settings.gateway_secret)
    await service.close()
