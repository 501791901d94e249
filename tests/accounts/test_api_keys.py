"""GET, POST, DELETE /api-keys: bearer keys, each for one tenant and the commons."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from service.accounts.actions import create_tenant, grant_role
from service.accounts.rules import API_KEYS_MAX
from service.core.actor import COMMONS, Role
from service.db.session import Database
from tests.accounts.asking import count, csrf, rows
from tests.conftest import Clock
from tests.world import PASSWORD, Account, account_of, make_account, make_person

KEYS = "/api/v1/api-keys"
ME = "/api/v1/me"


async def signed_in(client: httpx.AsyncClient, account: Account) -> dict[str, str]:
    answer = await client.post("/api/v1/sessions", json={"email": account.email, "password": PASSWORD})
    assert answer.status_code == 201
    return csrf(client)


async def test_a_key_is_shown_once_and_works_at_once(client: httpx.AsyncClient, database: Database) -> None:
    headers = await signed_in(client, await make_account(database, "mei", Role.BUYER))
    answer = await client.post(KEYS, json={"label": " Order feed ", "tenant_id": str(COMMONS)}, headers=headers)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert answer.headers["location"] == f"{KEYS}/{made['id']}"
    assert made["label"] == "Order feed"
    assert made["key"].startswith(made["prefix"])
    listed = (await client.get(KEYS)).json()
    assert [each["label"] for each in listed["data"]] == ["Order feed", "test"]
    assert all("key" not in each for each in listed["data"])
    client.cookies.clear()
    used = await client.get(ME, headers={"Authorization": f"Bearer {made['key']}"})
    assert used.status_code == 200
    assert used.json()["name"] == "mei"


async def test_a_retry_with_the_same_idempotency_key_stores_no_secret(
    client: httpx.AsyncClient, database: Database
) -> None:
    headers = await signed_in(client, await make_account(database, "mei", Role.BUYER))
    asked = {"json": {"label": "a", "tenant_id": str(COMMONS)}, "headers": {**headers, "Idempotency-Key": "one"}}
    first, again = await client.post(KEYS, **asked), await client.post(KEYS, **asked)
    assert first.status_code == again.status_code == 201
    assert first.json()["key"] != again.json()["key"]
    assert await count(database, "idempotency_key") == 0


async def test_a_key_cannot_make_keys(client: httpx.AsyncClient, database: Database) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    answer = await client.post(KEYS, json={"label": "a", "tenant_id": str(COMMONS)}, headers=mei.by_key)
    assert answer.status_code == 403
    assert answer.json()["code"] == "session_needed"
    assert await count(database, "api_key") == 1


async def test_a_revoked_key_is_refused_from_the_next_request_on(client: httpx.AsyncClient, database: Database) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    assert (await client.delete(f"{KEYS}/{mei.key_id}", headers=mei.by_key)).status_code == 204
    answer = await client.get(ME, headers=mei.by_key)
    assert answer.status_code == 401
    assert answer.json()["code"] == "api_key_wrong"
    assert answer.headers["www-authenticate"] == "Bearer"
    again = await client.delete(f"{KEYS}/{mei.key_id}", headers=mei.by_session)
    assert again.json()["code"] == "csrf_missing"


async def test_nobody_else_can_revoke_a_key_but_an_operator(client: httpx.AsyncClient, database: Database) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    other = await make_account(database, "other", Role.SUPERVISOR)
    operator = await make_account(database, "operator", Role.OPERATOR)
    refused = await client.delete(f"{KEYS}/{mei.key_id}", headers=other.by_key)
    assert refused.status_code == 404
    assert refused.json()["code"] == "api_key_not_found"
    assert (await client.get(ME, headers=mei.by_key)).status_code == 200
    assert (await client.delete(f"{KEYS}/{mei.key_id}", headers=operator.by_key)).status_code == 204
    assert (await client.get(ME, headers=mei.by_key)).status_code == 401


async def test_a_key_has_only_the_grants_of_its_tenant_and_the_commons(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.begin() as tx:
        now = await tx.now()
        ours, theirs = await create_tenant(tx, "Ours", now=now), await create_tenant(tx, "Theirs", now=now)
        person_id = await make_person(tx, "mo", now=now)
        await grant_role(tx, person_id, Role.BUYER, COMMONS, now=now)
        await grant_role(tx, person_id, Role.MEDIATOR, ours, now=now)
        await grant_role(tx, person_id, Role.PLATFORM, theirs, now=now)
        mo = await account_of(tx, person_id, "mo", ours, now=now)
    by_key = (await client.get(ME, headers=mo.by_key)).json()["grants"]
    by_session = (await client.get(ME, headers=mo.by_session)).json()["grants"]
    assert {each["role"] for each in by_key} == {"buyer", "mediator"}
    assert {each["role"] for each in by_session} == {"buyer", "mediator", "platform"}
    refused = await client.get("/api/v1/people?email=mo@example.com", headers=mo.by_key)
    assert refused.json()["code"] == "role_not_allowed"


async def test_a_revoked_grant_is_gone_from_keys_and_sessions(client: httpx.AsyncClient, database: Database) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    operator = await make_account(database, "operator", Role.OPERATOR)
    [[grant_id]] = await rows(database, "SELECT id FROM role_grant WHERE role = 'buyer'")
    path = f"/api/v1/people/{mei.person_id}/grants/{grant_id}"
    assert (await client.delete(path, headers=operator.by_key)).status_code == 204
    for headers in (mei.by_key, mei.by_session):
        assert (await client.get(ME, headers=headers)).json()["grants"] == []


async def test_the_day_of_the_last_use_is_kept(client: httpx.AsyncClient, database: Database, clock: Clock) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    assert await rows(database, "SELECT last_used_on FROM api_key") == [[None]]
    await client.get(ME, headers=mei.by_key)
    [[first]] = await rows(database, "SELECT last_used_on FROM api_key")
    clock.forward(timedelta(days=1))
    await client.get(ME, headers=mei.by_key)
    assert await rows(database, "SELECT last_used_on FROM api_key") == [[first + timedelta(days=1)]]


@pytest.mark.parametrize("tenant", ["foreign", "unknown"])
async def test_a_key_is_refused_for_a_tenant_without_a_role(
    tenant: str, client: httpx.AsyncClient, database: Database
) -> None:
    headers = await signed_in(client, await make_account(database, "mei", Role.BUYER))
    async with database.begin() as tx:
        foreign = await create_tenant(tx, "Theirs", now=await tx.now())
    tenant_id = foreign if tenant == "foreign" else UUID(int=7)
    answer = await client.post(KEYS, json={"label": "a", "tenant_id": str(tenant_id)}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "tenant_not_granted"
    assert await count(database, "api_key") == 1


async def test_a_person_has_at_most_twenty_live_keys(client: httpx.AsyncClient, database: Database) -> None:
    headers = await signed_in(client, await make_account(database, "mei", Role.BUYER))
    body = {"label": "a", "tenant_id": str(COMMONS)}
    for _ in range(API_KEYS_MAX - 1):
        assert (await client.post(KEYS, json=body, headers=headers)).status_code == 201
    refused = await client.post(KEYS, json=body, headers=headers)
    assert refused.status_code == 409
    assert refused.json()["code"] == "api_keys_too_many"
    assert await count(database, "api_key") == API_KEYS_MAX


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer fh_wrong", "Bearer x" + "y" * 5000, "Basic bWVpOng=", "fh_x", ""]
)
async def test_a_malformed_or_unknown_key_is_refused(header: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(ME, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["code"] in {"api_key_wrong", "authorization_malformed"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"label": "a"},
        {"label": "", "tenant_id": str(COMMONS)},
        {"label": "   ", "tenant_id": str(COMMONS)},
        {"label": "a\u0000b", "tenant_id": str(COMMONS)},
        {"label": "a" * 61, "tenant_id": str(COMMONS)},
        {"label": 1, "tenant_id": str(COMMONS)},
        {"label": "a", "tenant_id": "commons"},
        {"label": "a", "tenant_id": None},
        {"label": "a", "tenant_id": str(COMMONS), "key": "fh_mine"},
    ],
)
async def test_a_malformed_key_request_makes_nothing(
    body: dict[str, object], client: httpx.AsyncClient, database: Database
) -> None:
    headers = await signed_in(client, await make_account(database, "mei", Role.BUYER))
    answer = await client.post(KEYS, json=body, headers=headers)
    assert answer.status_code == 422
    assert await count(database, "api_key") == 1
