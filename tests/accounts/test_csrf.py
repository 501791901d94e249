"""Requests that ride on a session must come from our own pages; keys and signed notices need no such proof."""

import httpx

from service.accounts.guards import csrf_config, session_cookie
from service.core.actor import Role
from service.db.session import Database
from service.settings import Mode, Settings
from tests.accounts.asking import csrf, rows
from tests.world import PASSWORD, make_account

ME = "/api/v1/me"
CHANGE = {"language": "zh"}


async def test_an_unsafe_request_with_a_session_and_no_token_is_refused(
    client: httpx.AsyncClient, database: Database
) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    answer = await client.patch(ME, json=CHANGE, headers=mei.by_session)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "csrf_missing"
    assert await rows(database, "SELECT language FROM person") == [["en"]]


async def test_the_token_of_signing_in_opens_it(client: httpx.AsyncClient, database: Database) -> None:
    await make_account(database, "mei", Role.BUYER)
    await client.post("/api/v1/sessions", json={"email": "mei@example.com", "password": PASSWORD})
    answer = await client.patch(ME, json=CHANGE, headers=csrf(client))
    assert answer.status_code == 200
    assert answer.json()["language"] == "zh"


async def test_a_token_that_we_did_not_sign_is_refused(client: httpx.AsyncClient, database: Database) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    forged = "a" * 128
    cookies = {"Cookie": f"{mei.by_session['Cookie']}; fairhold_csrf={forged}", "x-csrf-token": forged}
    assert (await client.patch(ME, json=CHANGE, headers=cookies)).json()["code"] == "csrf_missing"
    assert await rows(database, "SELECT language FROM person") == [["en"]]


async def test_a_key_needs_no_token_even_beside_a_session(client: httpx.AsyncClient, database: Database) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    assert (await client.patch(ME, json=CHANGE, headers=mei.by_key)).status_code == 200
    assert (await client.patch(ME, json=CHANGE, headers={**mei.by_key, **mei.by_session})).status_code == 200


async def test_a_wrong_key_beside_a_session_does_not_fall_back_to_it(
    client: httpx.AsyncClient, database: Database
) -> None:
    mei = await make_account(database, "mei", Role.BUYER)
    headers = {**mei.by_session, "Authorization": "Bearer "}
    answer = await client.patch(ME, json=CHANGE, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "api_key_wrong"


async def test_another_sites_page_cannot_sign_a_browser_in(client: httpx.AsyncClient, database: Database) -> None:
    await make_account(database, "mei", Role.BUYER)
    body = {"email": "mei@example.com", "password": PASSWORD}
    for site in ("cross-site", "same-site"):
        answer = await client.post("/api/v1/sessions", json=body, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
        assert answer.json()["code"] == "csrf_missing"
    assert "fairhold_session" not in client.cookies


async def test_public_reads_of_the_api_set_no_cookie(client: httpx.AsyncClient) -> None:
    answer = await client.get(ME)
    assert "set-cookie" not in answer.headers


def test_cookies_travel_only_over_tls_in_production() -> None:
    production = Settings(mode=Mode.PRODUCTION, secret="s" * 32, base_url="https://fairhold.example")
    assert csrf_config(production).cookie_secure is True
    assert session_cookie("t", production).secure is True
    here = Settings(mode=Mode.TEST, secret="s" * 32)
    assert csrf_config(here).cookie_secure is False
    assert session_cookie("t", here).secure is False
