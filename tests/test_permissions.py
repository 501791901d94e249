"""Every route x every role x whose thing it is, driven over HTTP through the whole application.

The expectations are in `permissions_table.py`, the people and things in `world.py` and `furnished.py`. On each route
all refusals come first, and after a route that changes something the world is copied afresh, so that what one is let do
cannot hide what happens to another.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import httpx
import msgspec
import psycopg
import pytest
from litestar import Litestar, get

from service.accounts.policy import POLICY, Audience
from service.api.router import PREFIX
from service.app import Service, assemble, create_app
from service.core.actor import Role
from service.core.ids import new_id
from service.db.session import driver_url
from service.embedded import EmbeddedServers
from tests.api.limits.routes import handlers_of
from tests.furnished import WORLD_DATABASE, Furnished, on
from tests.permissions_table import EVERY_ROLE, PERMISSIONS, Outcome, Row
from tests.world import Whose, World

STAGE_DATABASE = "fairhold_stage"
SAFE = frozenset({"GET", "HEAD"})
_PLACE = re.compile(r"\{(\w+)\}")


def routes_of(app: Litestar) -> dict[str, str]:
    """Method and path below the API's prefix -> the action that the handler names."""
    return {name: handler.opt["allow"] for name, handler in handlers_of(app)}


def test_every_route_has_an_expectation_and_every_expectation_a_route(app: Litestar) -> None:
    assert set(routes_of(app)) == set(PERMISSIONS)


def test_a_new_route_without_an_expectation_is_found(own_app: Litestar) -> None:
    @get(f"{PREFIX}/secrets", opt={"allow": "accounts.read_self"})
    async def secrets() -> None:
        """A route that somebody has just added."""

    own_app.register(secrets)
    assert set(routes_of(own_app)) - set(PERMISSIONS) == {"GET /secrets"}


def test_the_policy_lets_in_exactly_who_is_expected(app: Litestar) -> None:
    for name, action in routes_of(app).items():
        row, who = PERMISSIONS[name], POLICY[action]
        assert row.anyone == (Audience.ANYONE in who), name
        assert row.reporter == (Audience.REPORTER in who), name
        expected = EVERY_ROLE if Audience.SIGNED_IN in who else frozenset(who - set(Audience))
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
        if self.is_changed:
            await self.service.database.close()  # nobody else may be on it while it is copied over
            _admin(self.servers, f"DROP DATABASE IF EXISTS {STAGE_DATABASE} WITH (FORCE)")
            _clone(self.servers, WORLD_DATABASE, STAGE_DATABASE)
            self.is_changed = False
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://testserver.local")

    def by_key(self, role: Role, row: Row) -> dict[str, str]:
        """The key of our person with this role, or of that of `commons` where the row says so."""
        account = self.world.for_commons.get(role) if row.for_commons else None
        return (account or self.world.account(role)).by_key


@pytest.fixture(scope="module")
async def stage(servers: EmbeddedServers, furnished: Furnished) -> AsyncIterator[Stage]:
    """The application; the world was built once for the whole run."""
    settings = msgspec.structs.replace(
        furnished.settings,
        database_url=on(servers.postgres.app, STAGE_DATABASE),
        owner_database_url=on(servers.postgres.owner, STAGE_DATABASE),
    )
    service = assemble(settings)
    yield Stage(servers, furnished.world, service, create_app(settings, service))
    await service.close()


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
        answer = await call(caller, name, row, world, headers=stage.by_key(role, row))
        expect(answer, Outcome.FORBIDDEN, code="role_not_allowed")


@pytest.mark.parametrize("name", sorted(name for name in PERMISSIONS if PERMISSIONS[name].may))
async def test_who_may_reaches_exactly_the_things_expected(name: str, stage: Stage) -> None:
    row = PERMISSIONS[name]
    async with await stage.client() as client:
        for role in sorted(row.may):  # refusals first, as they change nothing
            await _reach(client, name, role, stage, is_let_in=False)
            if row.things:
                expect(await call(client, name, row, stage.world, headers=stage.by_key(role, row)), row.guessed)
    for role in sorted(row.may):
        async with await stage.client() as client:
            stage.is_changed = row.alone
            await _reach(client, name, role, stage, is_let_in=True)
    stage.is_changed = name.split(maxsplit=1)[0] not in SAFE


async def _reach(client: httpx.AsyncClient, name: str, role: Role, stage: Stage, *, is_let_in: bool) -> None:
    """Go for each thing that the role is expected to be let in to, or to be refused; own things come last."""
    row, world, headers = PERMISSIONS[name], stage.world, stage.by_key(role, PERMISSIONS[name])
    if not row.things and (row.allowed is Outcome.LET_IN) == is_let_in:
        expect(await call(client, name, row, world, headers=headers), row.allowed)
    for whose in (Whose.FOREIGN, Whose.OTHERS, Whose.OWN):
        outcome = row.reaches.get(role, {}).get(whose)
        if outcome is None or (outcome is Outcome.LET_IN) != is_let_in:
            continue
        ids = {place: world.thing(kind, whose, role) for place, kind in row.things.items()}
        expect(await call(client, name, row, world, ids=ids, headers=headers), outcome, whose=whose)


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
    ids: Mapping[str, object] | None = None,
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
