"""Every route x every role x whose thing it is, driven over HTTP through the whole application.

The expectations are in `permissions_table.py`, the people and things in `world.py`. After a role was let in to change
something the world is copied afresh, so that what one is let to do cannot hide what happens to another.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from service.accounts.policy import POLICY, Audience
from service.api.router import PREFIX
from service.app import Service, assemble, create_app
from service.core.actor import Role
from service.core.ids import new_id
from service.db.session import Database, driver_url
from service.embedded import EmbeddedServers
from service.settings import Mode, Settings
from tests.permissions_table import EVERY_ROLE, PERMISSIONS, Outcome, Row
from tests.world import Whose, World, build_world

WORLD_DATABASE = "fairhold_world"
STAGE_DATABASE = "fairhold_stage"
SAFE = frozenset({"GET", "HEAD"})
_PLACE = re.compile(r"\{(\w+)\}")


def routes_of(app: Litestar) -> dict[str, str]:
    """Method and path below the API's prefix -> the action that the handler names."""
    found = {}
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or not route.path.startswith(PREFIX):
            continue
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                found[f"{method} {route.path_format.removeprefix(PREFIX)}"] = handler.opt["allow"]
    return found


def test_every_route_has_an_expectation_and_every_expectation_a_route(app: Litestar) -> None:
    assert set(routes_of(app)) == set(PERMISSIONS)


def test_the_policy_lets_in_exactly_who_is_expected(app: Litestar) -> None:
    for name, action in routes_of(app).items():
        row, who = PERMISSIONS[name], POLICY[action]
        assert row.anyone == (Audience.ANYONE in who), name
        expected = EVERY_ROLE if Audience.SIGNED_IN in who else frozenset(who - {Audience.ANYONE})
        assert row.may == expected, name


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
def test_an_expectation_says_whose_things_each_role_reaches(name: str) -> None:
    row = PERMISSIONS[name]
    assert set(row.things) == set(_PLACE.findall(name)), "each path parameter is a kind of thing"
    if row.things and not row.anyone:
        assert set(row.reaches) == row.may
        assert all(set(reached) == set(Whose) for reached in row.reaches.values())


@dataclass(slots=True)
class Stage:
    """One application on one database, which is made anew from the world after somebody was let in to change it."""

    servers: EmbeddedServers
    world: World
    service: Service
    app: Litestar
    is_changed: bool = True

    async def client(self) -> httpx.AsyncClient:
        """A client of the application on an unchanged world."""
        await self.service.database.close()  # its connections belong to the last test's event loop
        if self.is_changed:
            _admin(self.servers, f"DROP DATABASE IF EXISTS {STAGE_DATABASE} WITH (FORCE)")
            _clone(self.servers, WORLD_DATABASE, STAGE_DATABASE)
            self.is_changed = False
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://testserver.local")


@pytest.fixture(scope="session")
def stage(servers: EmbeddedServers, template: str) -> Iterator[Stage]:
    """The world, built once."""
    _clone(servers, template, WORLD_DATABASE)

    async def build() -> World:
        database = Database(_on(servers.postgres.app, WORLD_DATABASE))
        try:
            return await build_world(database)
        finally:
            await database.close()

    settings = Settings(
        mode=Mode.TEST,
        base_url="http://testserver.local",
        database_url=_on(servers.postgres.app, STAGE_DATABASE),
        owner_database_url=_on(servers.postgres.owner, STAGE_DATABASE),
        s3_endpoint=servers.s3.endpoint,
        s3_access_key=servers.s3.access_key,
        s3_secret_key=servers.s3.secret_key,
        s3_prefix=f"p{os.getpid()}",
        evidence_retention_days=1,
        secret="a secret for tests only, long enough to pass",
        gateway_url="http://127.0.0.1:9",
        gateway_secret="whsec_dGVzdC10ZXN0LXRlc3QtdGVzdC10ZXN0LXRlc3Q=",
    )
    with ThreadPoolExecutor(1) as apart:  # pytest's own event loop must not be touched
        world = apart.submit(asyncio.run, build()).result()
        service = assemble(settings)
        yield Stage(servers, world, service, create_app(settings, service))
        apart.submit(asyncio.run, service.close()).result()


@pytest.fixture
async def caller(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """A client without sign-in on an unchanged world."""
    async with await stage.client() as client:
        yield client


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
async def test_who_may_not_gets_no_further_than_the_guard(name: str, stage: Stage, caller: httpx.AsyncClient) -> None:
    row, world = PERMISSIONS[name], stage.world
    answer = await call(caller, name, row, world)
    if row.anyone:
        stage.is_changed = True
        expect(answer, row.guessed if row.things else row.allowed)
        return
    expect(answer, Outcome.UNAUTHENTICATED, code="sign_in_needed")
    for role in sorted(EVERY_ROLE - row.may):
        answer = await call(caller, name, row, world, headers=world.account(role).by_key)
        expect(answer, Outcome.FORBIDDEN, code="role_not_allowed")


@pytest.mark.parametrize(
    ("name", "role"), [(name, role) for name in sorted(PERMISSIONS) for role in sorted(PERMISSIONS[name].may)]
)
async def test_who_may_reaches_exactly_the_things_expected(
    name: str, role: Role, stage: Stage, caller: httpx.AsyncClient
) -> None:
    row, world = PERMISSIONS[name], stage.world
    headers = world.account(role).by_key
    stage.is_changed = name.split(maxsplit=1)[0] not in SAFE
    expect(await call(caller, name, row, world, headers=headers), row.guessed if row.things else row.allowed)
    reached = row.reaches.get(role, {})
    # Refusals first, as they change nothing; own things last, as one of them may be the caller's key.
    for whose in sorted(reached, key=lambda each: (reached[each] is Outcome.LET_IN, each is Whose.OWN)):
        ids = {place: world.thing(kind, whose, role) for place, kind in row.things.items()}
        answer = await call(caller, name, row, world, ids=ids, headers=headers)
        expect(answer, reached[whose], whose=whose)


@pytest.mark.parametrize("name", sorted(name for name in PERMISSIONS if name.split()[0] not in SAFE))
async def test_no_other_site_can_use_a_session(name: str, stage: Stage, caller: httpx.AsyncClient) -> None:
    if name.startswith("POST /inbound/"):
        pytest.skip("signed notices carry no session")
    account = stage.world.account(Role.BUYER)
    answer = await call(caller, name, PERMISSIONS[name], stage.world, headers=account.by_session)
    expect(answer, Outcome.FORBIDDEN, code="csrf_missing")


async def call(
    client: httpx.AsyncClient,
    name: str,
    row: Row,
    world: World,
    *,
    ids: dict[str, object] | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Call the route with these ids, or with ids that nobody has."""
    method, path = name.split(" ", 1)
    filled = _PLACE.sub(lambda place: str((ids or {}).get(place[1]) or new_id()), path)
    body = None if row.body is None else row.body(world)
    query = row.query(world) if row.query is not None else None
    return await client.request(method, PREFIX + filled, json=body, files=row.files, params=query, headers=headers)


def expect(answer: httpx.Response, outcome: Outcome, *, code: str | None = None, whose: Whose | None = None) -> None:
    where = (
        f"{answer.request.method} {answer.request.url.path} ({whose or 'guessed'}): {answer.status_code} {answer.text}"
    )
    refusals = {int(each.value) for each in Outcome if each is not Outcome.LET_IN}
    if outcome is Outcome.LET_IN:
        assert answer.status_code not in refusals | {405}, where
        assert answer.status_code < 500, where
    else:
        assert answer.status_code == int(outcome.value), where
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json", where
        assert problem["code"] != "path_unknown", where
        assert code in {None, problem["code"]}, where


def _clone(servers: EmbeddedServers, template: str, name: str) -> None:
    _admin(servers, f"CREATE DATABASE {name} TEMPLATE {template} OWNER fairhold_owner")


def _admin(servers: EmbeddedServers, statement: str) -> None:
    with psycopg.connect(driver_url(servers.postgres.admin), autocommit=True) as admin:
        admin.execute(statement)


def _on(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
