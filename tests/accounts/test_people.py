"""POST /people, GET and PATCH /me, and the grants of people."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from service.accounts.actions import create_person, create_tenant
from service.accounts.rules import REGISTRATIONS_BY_ADDRESS
from service.core.actor import COMMONS, Role
from service.core.errors import Conflict
from service.db.session import Database
from tests.accounts.asking import count, rows
from tests.world import make_account

PEOPLE = "/api/v1/people"
ME = "/api/v1/me"
NEW = {"email": "Lin@Example.com", "password": "a quiet morning walk", "name": " 林美 ", "language": "zh"}


async def test_registering_makes_a_buyer_who_can_sign_in(client: httpx.AsyncClient, database: Database) -> None:
    answer = await client.post(PEOPLE, json=NEW)
    assert answer.status_code == 201
    assert answer.json()["name"] == "林美"
    signed = await client.post("/api/v1/sessions", json={"email": NEW["email"], "password": NEW["password"]})
    assert signed.json()["grants"] == [{"role": "buyer", "tenant_id": str(COMMONS), "seller_id": None}]
    me = (await client.get(ME)).json()
    assert (me["email"], me["language"], me["phone"]) == ("lin@example.com", "zh", None)
    events = await rows(database, "SELECT name, facts::text FROM event ORDER BY seq")
    assert [name for name, _ in events] == ["person.created", "role.granted", "session.started"]
    assert "lin" not in str(events).lower()


async def test_an_address_registers_once(client: httpx.AsyncClient, database: Database) -> None:
    await client.post(PEOPLE, json=NEW)
    again = await client.post(PEOPLE, json={**NEW, "email": "lin@example.com", "name": "Other"})
    assert again.status_code == 409
    assert again.json()["code"] == "email_taken"
    assert await count(database, "person") == 1
    assert await count(database, "role_grant") == 1


async def test_of_two_who_register_one_address_at_once_one_wins(database: Database) -> None:
    async def register() -> bool:
        try:
            async with database.begin() as tx:
                await create_person(tx, email="same@example.com", name="x", language="en", now=await tx.now())
        except Conflict:
            return False
        return True

    assert sorted(await asyncio.gather(register(), register())) == [False, True]


async def test_the_same_registration_twice_with_one_idempotency_key_is_one(
    client: httpx.AsyncClient, database: Database
) -> None:
    headers = {"Idempotency-Key": "r-1"}
    first, again = (
        await client.post(PEOPLE, json=NEW, headers=headers),
        await client.post(PEOPLE, json=NEW, headers=headers),
    )
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert await count(database, "person") == 1


async def test_registrations_from_one_network_address_are_limited(
    client: httpx.AsyncClient, database: Database
) -> None:
    await client.post(PEOPLE, json=NEW)
    async with database.begin() as tx:
        most = REGISTRATIONS_BY_ADDRESS.tries
        await tx.execute(text("UPDATE attempt SET tries = :most"), {"most": most})
    refused = await client.post(PEOPLE, json={**NEW, "email": "b@example.com"})
    assert refused.status_code == 429
    assert await count(database, "person") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", None),
        ("email", "lin"),
        ("email", "lin@"),
        ("email", "lin@example"),
        ("email", "lin@@example.com"),
        ("email", "li n@example.com"),
        ("email", "a" * 243 + "@example.com"),
        ("email", 7),
        ("password", "short"),
        ("password", "aaaaaaaaaaaa"),
        ("password", "abababababab"),
        ("password", "Lin@Example.com"),
        ("password", "x1" * 65),
        ("password", 1234567890),
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("name", {"first": "x"}),
        ("language", "fr"),
        ("language", None),
        ("phone", "13800138000"),
        ("phone", "+0123456789"),
        ("phone", "+12345"),
        ("phone", "+1234567890123456"),
        ("role", "operator"),
    ],
)
async def test_a_malformed_registration_makes_nobody(
    field: str, value: object, client: httpx.AsyncClient, database: Database
) -> None:
    answer = await client.post(PEOPLE, json={**NEW, field: value})
    assert answer.status_code == 422
    assert await count(database, "person") == 0


async def test_oneself_can_change_name_and_language_only(client: httpx.AsyncClient, database: Database) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    changed = await client.patch(ME, json={"name": "林美", "language": "zh"}, headers=mei.by_key)
    assert (changed.json()["name"], changed.json()["language"]) == ("林美", "zh")
    for body in ({"email": "x@example.com"}, {"name": None}, {"name": ""}, {"language": "de"}, []):
        assert (await client.patch(ME, json=body, headers=mei.by_key)).status_code == 422
    assert (await client.patch(ME, json={}, headers=mei.by_key)).status_code == 200
    assert await rows(database, "SELECT name, language, email FROM person") == [["林美", "zh", "mei@example.com"]]
    assert await rows(database, "SELECT facts FROM event WHERE name = 'person.changed'") == [
        [{"fields": ["language", "name"]}]
    ]


async def grant(client: httpx.AsyncClient, headers: dict[str, str], person_id: UUID, **body: object) -> httpx.Response:
    return await client.post(f"{PEOPLE}/{person_id}/grants", json=body, headers=headers)


async def test_an_operator_gives_a_role_to_others_and_never_to_self(
    client: httpx.AsyncClient, database: Database
) -> None:
    operator = await make_account(database, "operator", Role.OPERATOR)
    mei = await make_account(database, "mei")
    body = {"role": "regulator", "tenant_id": str(COMMONS)}
    given = await grant(client, operator.by_key, mei.person_id, **body)
    assert given.status_code == 201
    assert (await client.get(given.headers["location"], headers=operator.by_key)).json()["data"] == [given.json()]
    assert (await grant(client, operator.by_key, mei.person_id, **body)).json()["code"] == "grant_exists"
    refused = await grant(client, operator.by_key, operator.person_id, **body)
    assert refused.status_code == 403
    assert refused.json()["code"] == "grant_to_self"
    held = await rows(database, "SELECT role, granted_by FROM role_grant WHERE person_id = :id", id=mei.person_id)
    assert held == [["regulator", operator.person_id]]


async def test_a_supervisor_makes_mediators_in_the_own_tenant_only(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.begin() as tx:
        now = await tx.now()
        ours, theirs = await create_tenant(tx, "Ours", now=now), await create_tenant(tx, "Theirs", now=now)
    supervisor = await make_account(database, "supervisor", Role.SUPERVISOR, tenant_id=ours)
    mo = await make_account(database, "mo")
    assert (
        await grant(client, supervisor.by_key, mo.person_id, role="mediator", tenant_id=str(ours))
    ).status_code == 201
    for role, tenant_id in (("mediator", theirs), ("mediator", COMMONS), ("supervisor", ours), ("operator", COMMONS)):
        refused = await grant(client, supervisor.by_key, mo.person_id, role=role, tenant_id=str(tenant_id))
        assert refused.status_code == 403
        assert refused.json()["code"] == "grant_not_allowed"
    assert await count(database, "role_grant") == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"role": "seller", "tenant_id": str(COMMONS)}, "seller_id_needed"),
        ({"role": "seller", "tenant_id": str(COMMONS), "seller_id": str(UUID(int=9))}, "seller_unknown"),
        ({"role": "mediator", "tenant_id": str(COMMONS), "seller_id": str(UUID(int=9))}, "seller_id_unexpected"),
        ({"role": "mediator", "tenant_id": str(UUID(int=9))}, "tenant_unknown"),
        ({"role": "platform", "tenant_id": str(COMMONS)}, "tenant_wrong_for_role"),
        ({"role": "king", "tenant_id": str(COMMONS)}, "fields_wrong"),
        ({"role": None, "tenant_id": str(COMMONS)}, "fields_wrong"),
        ({"role": "mediator"}, "fields_wrong"),
        ({"role": "mediator", "tenant_id": 7}, "fields_wrong"),
    ],
)
async def test_a_grant_that_makes_no_sense_is_refused(
    body: dict[str, object], code: str, client: httpx.AsyncClient, database: Database
) -> None:
    operator = await make_account(database, "operator", Role.OPERATOR)
    mei = await make_account(database, "mei")
    answer = await grant(client, operator.by_key, mei.person_id, **body)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert await count(database, "role_grant") == 1


async def test_an_operator_finds_a_person_by_the_exact_address(client: httpx.AsyncClient, database: Database) -> None:
    operator = await make_account(database, "operator", Role.OPERATOR)
    mei = await make_account(database, "mei", Role.BUYER)
    found = await client.get(PEOPLE, params={"email": "MEI@example.com"}, headers=operator.by_key)
    assert found.json() == {"id": str(mei.person_id), "name": "mei"}
    for address, status in (("me@example.com", 404), ("mei", 422), ("%", 422), ("", 422)):
        answer = await client.get(PEOPLE, params={"email": address}, headers=operator.by_key)
        assert answer.status_code == status


async def test_the_application_role_cannot_delete_people_grants_or_keys(database: Database) -> None:
    for table in ("tenant", "person", "role_grant", "api_key"):
        with pytest.raises(Exception, match="permission denied"):
            await rows(database, f"DELETE FROM {table}")
