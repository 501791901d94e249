"""One request is one transaction, committed before the answer leaves; a key is used once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import psycopg
import pytest
from litestar import Litestar, get, post
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware
from litestar.params import JSONBody
from sqlalchemy import text

from service.accounts.guards import provide_claim, provide_tx
from service.api.problems import EXCEPTION_HANDLERS
from service.app import Service
from service.core.errors import Conflict
from service.db.requests import LATE_CLAIM, Claim, RequestTransaction
from service.db.session import Database, Tx, driver_url

TABLES = """
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
"""
FAIL_ONCE: dict[str, int] = {}


@post("/children")
async def add_child(data: JSONBody[dict[str, int]], tx: NamedDependency[Tx]) -> dict[str, int]:
    await tx.execute(text("INSERT INTO child VALUES (:id, :parent)"), data)
    return data


@post("/refused")
async def refuse(data: JSONBody[dict[str, int]], tx: NamedDependency[Tx]) -> None:
    await tx.execute(text("INSERT INTO parent VALUES (:id)"), data)
    raise Conflict("not_now", "a refusal after a write")


@post("/retried")
async def fail_first(data: JSONBody[dict[str, int]], tx: NamedDependency[Tx]) -> dict[str, int]:
    await tx.execute(text("INSERT INTO parent VALUES (:id)"), data)
    FAIL_ONCE["count"] = FAIL_ONCE.get("count", 0) + 1
    if FAIL_ONCE["count"] <= FAIL_ONCE["times"]:
        await tx.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))
    return {"tries": FAIL_ONCE["count"]}


@post("/late", opt={LATE_CLAIM: True})
async def claim_late(
    data: JSONBody[dict[str, int]], tx: NamedDependency[Tx], claim: NamedDependency[Claim]
) -> dict[str, int]:
    await claim.take()
    await tx.execute(text("INSERT INTO parent VALUES (:id)"), data)
    return data


@get("/nothing")
async def read_nothing() -> str:
    return "no statement, no connection"


@pytest.fixture
async def small(service: Service, owner_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The middleware around a small application with tables of its own."""
    with psycopg.connect(driver_url(owner_url)) as owner:
        owner.execute(TABLES)
    app = Litestar(
        [add_child, refuse, fail_first, claim_late, read_nothing],
        middleware=[DefineMiddleware(cast("Any", RequestTransaction), parts=service)],
        exception_handlers=EXCEPTION_HANDLERS,
        dependencies={
            "tx": Provide(provide_tx, sync_to_thread=False),
            "claim": Provide(provide_claim, sync_to_thread=False),
        },
        openapi_config=None,
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://small") as client:
        yield client


async def rows(database: Database, table: str) -> list[Any]:
    async with database.begin() as tx:
        return list((await tx.execute(text(f"SELECT id FROM {table} ORDER BY id"))).scalars())


async def test_a_constraint_that_fails_at_commit_reaches_the_client(
    small: httpx.AsyncClient, database: Database
) -> None:
    answer = await small.post("/children", json={"id": 1, "parent": 7})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "conflict_with_stored"
    assert answer.json()["facts"] == {"constraint": "child_parent_id_fkey"}
    assert await rows(database, "child") == []


async def test_a_failed_commit_leaves_the_key_unused(small: httpx.AsyncClient, database: Database) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert (await small.post("/children", json={"id": 1, "parent": 7}, headers=headers)).status_code == 409
    async with database.begin() as tx:
        await tx.execute(text("INSERT INTO parent VALUES (7)"))
    again = await small.post("/children", json={"id": 1, "parent": 7}, headers=headers)
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
    assert await rows(database, "child") == [1]


async def test_a_refusal_rolls_back_and_is_not_stored(small: httpx.AsyncClient, database: Database) -> None:
    for _ in range(2):
        answer = await small.post("/refused", json={"id": 1}, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json()["code"]) == (409, "not_now")
        assert "idempotency-replayed" not in answer.headers
    assert await rows(database, "parent") == []


async def test_a_deadlock_is_tried_again_with_the_same_body(small: httpx.AsyncClient, database: Database) -> None:
    FAIL_ONCE.update(count=0, times=2)
    answer = await small.post("/retried", json={"id": 5})
    assert (answer.status_code, answer.json()) == (201, {"tries": 3})
    assert await rows(database, "parent") == [5]


async def test_after_five_retries_the_client_hears_that_it_is_busy(
    small: httpx.AsyncClient, database: Database
) -> None:
    FAIL_ONCE.update(count=0, times=100)
    answer = await small.post("/retried", json={"id": 5})
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["retry-after"] == "5"
    assert FAIL_ONCE["count"] == 6
    assert await rows(database, "parent") == []


@pytest.mark.parametrize("path", ["/children", "/late"])
async def test_twenty_requests_with_one_key_have_one_effect_and_one_answer(
    small: httpx.AsyncClient, database: Database, path: str
) -> None:
    async with database.begin() as tx:
        await tx.execute(text("INSERT INTO parent VALUES (1)"))
    body = {"id": 2, "parent": 1} if path == "/children" else {"id": 2}
    sent = [small.post(path, json=body, headers={"Idempotency-Key": "one"}) for _ in range(20)]
    answers = await asyncio.gather(*sent)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19
    assert await rows(database, "child" if path == "/children" else "parent") == (
        [2] if path == "/children" else [1, 2]
    )


async def test_a_key_with_another_body_is_refused(small: httpx.AsyncClient, database: Database) -> None:
    headers = {"Idempotency-Key": "k"}
    assert (await small.post("/late", json={"id": 1}, headers=headers)).status_code == 201
    other = await small.post("/late", json={"id": 2}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await rows(database, "parent") == [1]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
async def test_a_malformed_key_is_refused(small: httpx.AsyncClient, database: Database, key: str) -> None:
    answer = await small.post("/late", json={"id": 1}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_malformed")
    assert await rows(database, "parent") == []


async def test_a_request_without_a_statement_takes_no_connection(small: httpx.AsyncClient, database: Database) -> None:
    before = database.engine.pool.status()
    assert (await small.get("/nothing")).text == "no statement, no connection"
    assert database.engine.pool.status() == before
