"""POST /sessions, DELETE /sessions/current, DELETE /sessions: signing in and out."""

import logging
from datetime import timedelta

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from service.accounts import passwords
from service.accounts.rules import SESSION_IDLE_MAX, SESSION_LASTS, SIGN_INS_BY_ADDRESS, SIGN_INS_BY_EMAIL
from service.core.actor import COMMONS, Role
from service.db.session import Database
from tests.accounts.asking import count, csrf, rows
from tests.conftest import Clock
from tests.world import PASSWORD, make_account

SESSIONS = "/api/v1/sessions"
RIGHT = {"email": "mei@example.com", "password": PASSWORD}


async def test_the_right_password_starts_a_session_for_fourteen_days(
    client: httpx.AsyncClient, database: Database
) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    answer = await client.post(SESSIONS, json=RIGHT)
    assert answer.status_code == 201
    assert answer.headers["location"] == "/api/v1/me"
    body = answer.json()
    assert body["person_id"] == str(mei.person_id)
    assert body["grants"] == [{"role": "buyer", "tenant_id": str(COMMONS), "seller_id": None}]
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("fairhold_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=1209600" in cookie
    assert (await client.get("/api/v1/me")).json()["email"] == "mei@example.com"


async def test_an_address_is_the_same_in_capitals_and_full_width(client: httpx.AsyncClient, database: Database) -> None:
    await make_account(database, "mei", Role.BUYER)
    for typed in ("MEI@Example.com", "  mei@example.com ", "ｍｅｉ@example.com"):
        assert (await client.post(SESSIONS, json={**RIGHT, "email": typed})).status_code == 201
        client.cookies.clear()


async def test_the_database_keeps_neither_token_nor_password(client: httpx.AsyncClient, database: Database) -> None:
    await make_account(database, "mei", Role.BUYER)
    await client.post(SESSIONS, json=RIGHT)
    token = client.cookies["fairhold_session"]
    for table in ("person", "sign_in_session", "api_key", "event", "idempotency_key", "attempt"):
        kept = str(await rows(database, f"SELECT to_jsonb(t)::text FROM {table} t"))
        assert PASSWORD not in kept, table
        assert token not in kept, table
    assert "mei@" not in str(await rows(database, "SELECT to_jsonb(t)::text FROM event t"))


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    client: httpx.AsyncClient, database: Database
) -> None:
    await make_account(database, "mei", Role.BUYER)
    before = await count(database, "sign_in_session")
    wrong = await client.post(SESSIONS, json={**RIGHT, "password": "wrong but long enough"})
    unknown = await client.post(SESSIONS, json={**RIGHT, "email": "nobody@example.com"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["code"] == "sign_in_wrong"
    assert await count(database, "sign_in_session") == before
    assert "fairhold_session" not in client.cookies


async def test_an_unknown_address_costs_a_hash_of_the_same_parameters() -> None:
    real = await passwords.hash_password(PASSWORD)
    nobodys = passwords._NOBODYS_HASH
    assert nobodys.split("$")[1:4] == real.split("$")[1:4] == ["argon2id", "v=19", "m=19456,t=2,p=1"]
    assert [len(part) for part in nobodys.split("$")] == [len(part) for part in real.split("$")]
    assert await passwords.fits(PASSWORD, real) is True
    assert await passwords.fits("something else", real) is False
    assert passwords._verify(nobodys, PASSWORD) is False, "it computes, and says no"
    assert await passwords.fits(PASSWORD, None) is False


async def test_a_hash_with_old_parameters_is_made_again(client: httpx.AsyncClient, database: Database) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    await make_account(database, "mei", Role.BUYER)
    async with database.begin() as tx:
        await tx.execute(text("UPDATE person SET password_hash = :old"), {"old": old})
    assert (await client.post(SESSIONS, json=RIGHT)).status_code == 201
    [[renewed]] = await rows(database, "SELECT password_hash FROM person")
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    client.cookies.clear()
    assert (await client.post(SESSIONS, json=RIGHT)).status_code == 201
    assert await rows(database, "SELECT password_hash FROM person") == [[renewed]]


async def test_the_eleventh_try_for_an_address_is_refused_even_with_the_right_password(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    await make_account(database, "mei", Role.BUYER)
    before = await count(database, "sign_in_session")
    for _ in range(SIGN_INS_BY_EMAIL.tries):
        assert (await client.post(SESSIONS, json={**RIGHT, "password": "wrong"})).status_code == 401
    refused = await client.post(SESSIONS, json=RIGHT)
    assert refused.status_code == 429
    assert refused.json()["code"] == "too_many_attempts"
    wait_seconds = refused.json()["facts"]["retry_after_seconds"]
    assert 0 < wait_seconds <= SIGN_INS_BY_EMAIL.window.total_seconds()
    assert refused.headers["retry-after"] == str(wait_seconds)
    assert await count(database, "sign_in_session") == before
    clock.forward(timedelta(seconds=wait_seconds))
    assert (await client.post(SESSIONS, json=RIGHT)).status_code == 201


async def test_tries_from_one_network_address_are_counted_over_all_accounts(
    client: httpx.AsyncClient, database: Database
) -> None:
    async with database.begin() as tx:
        await tx.execute(text("INSERT INTO attempt VALUES ('other', '\\x00', 1, fairhold_now())"))
    assert (await client.post(SESSIONS, json=RIGHT)).status_code == 401
    async with database.begin() as tx:
        most = SIGN_INS_BY_ADDRESS.tries
        await tx.execute(text("UPDATE attempt SET tries = :most WHERE kind = 'sign_in_address'"), {"most": most})
    for name in ("a", "b"):
        answer = await client.post(SESSIONS, json={**RIGHT, "email": f"{name}@example.com"})
        assert answer.status_code == 429
    [[tries]] = await rows(database, "SELECT tries FROM attempt WHERE kind = 'sign_in_address'")
    assert tries == most + 2, "what was counted survives the refusal"


async def test_success_starts_the_count_of_the_address_anew(client: httpx.AsyncClient, database: Database) -> None:
    await make_account(database, "mei", Role.BUYER)
    for _ in range(SIGN_INS_BY_EMAIL.tries - 1):
        await client.post(SESSIONS, json={**RIGHT, "password": "wrong"})
    assert (await client.post(SESSIONS, json=RIGHT)).status_code == 201
    assert await rows(database, "SELECT tries FROM attempt WHERE kind = 'sign_in_email'") == []


async def test_a_session_ends_two_days_after_it_was_last_seen(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    clock.forward(SESSION_IDLE_MAX - timedelta(minutes=1))
    assert (await client.get("/api/v1/me", headers=mei.by_session)).status_code == 200
    clock.forward(SESSION_IDLE_MAX - timedelta(minutes=1))
    assert (await client.get("/api/v1/me", headers=mei.by_session)).status_code == 200
    clock.forward(SESSION_IDLE_MAX)
    over = await client.get("/api/v1/me", headers=mei.by_session)
    assert over.status_code == 401
    assert over.json()["code"] == "sign_in_needed"


async def test_a_session_ends_after_fourteen_days_however_much_it_is_used(
    client: httpx.AsyncClient, database: Database, clock: Clock
) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    for _ in range(SESSION_LASTS.days - 1):
        clock.forward(timedelta(days=1))
        assert (await client.get("/api/v1/me", headers=mei.by_session)).status_code == 200
    clock.forward(timedelta(days=1))
    assert (await client.get("/api/v1/me", headers=mei.by_session)).status_code == 401


async def test_signing_out_ends_this_session_and_removes_the_cookie(
    client: httpx.AsyncClient, database: Database
) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    await client.post(SESSIONS, json=RIGHT)
    token = client.cookies["fairhold_session"]
    answer = await client.delete(f"{SESSIONS}/current", headers=csrf(client))
    assert answer.status_code == 204
    assert "fairhold_session" not in client.cookies
    stolen = {"Cookie": f"fairhold_session={token}"}
    client.cookies.clear()
    assert (await client.get("/api/v1/me", headers=stolen)).status_code == 401
    assert (await client.get("/api/v1/me", headers=mei.by_session)).status_code == 200, "another session goes on"


async def test_signing_out_everywhere_ends_every_session_and_no_key(
    client: httpx.AsyncClient, database: Database
) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    other = await make_account(database, "other", Role.BUYER)
    assert (await client.delete(SESSIONS, headers=mei.by_key)).status_code == 204
    assert (await client.get("/api/v1/me", headers=mei.by_session)).status_code == 401
    assert (await client.get("/api/v1/me", headers=mei.by_key)).status_code == 200
    assert (await client.get("/api/v1/me", headers=other.by_session)).status_code == 200


async def test_an_unknown_session_is_nobody(client: httpx.AsyncClient) -> None:
    for token in (b"x", "é".encode(), b"\xff", b"y" * 5000):
        answer = await client.get("/api/v1/me", headers={b"Cookie": b"fairhold_session=" + token})
        assert answer.status_code == 401
        assert answer.json()["code"] == "sign_in_needed"


async def test_the_password_is_in_no_log(
    client: httpx.AsyncClient,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    await make_account(database, "mei", Role.BUYER)
    secret = "a very particular passphrase"
    await client.post(SESSIONS, json={**RIGHT, "password": secret})
    await client.post(SESSIONS, json={"email": 7, "password": secret})
    await client.post("/api/v1/people", json={"email": "bad", "name": "x", "password": secret})
    output = capfd.readouterr()
    assert secret not in caplog.text + output.out + output.err


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"email": "mei@example.com"},
        {"email": 7, "password": "x"},
        {"email": "mei@example.com", "password": None},
        {"email": "mei@example.com", "password": ["x"]},
        {"email": "mei@example.com", "password": ""},
        {"email": "mei@example.com", "password": "x" * 129},
        {"email": "a" * 250 + "@b.cn", "password": "x"},
        {"email": "mei", "password": "x"},
        {"email": "mei@example.com\x00", "password": "x"},
        {"email": "mei@example.com", "password": "x", "admin": True},
    ],
)
async def test_a_malformed_sign_in_is_explained_and_not_counted(
    body: object, client: httpx.AsyncClient, database: Database
) -> None:
    answer = await client.post(SESSIONS, json=body)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert await count(database, "attempt") == 0
