"""Database or storage down: an honest 503, and nothing half done."""

import httpx
import msgspec
import pytest

from service.app import assemble, create_app
from service.settings import Settings
from tests.sandbox.running import free_port

DEAD_DATABASE = "postgresql://fairhold_app:x@127.0.0.1:{port}/fairhold"


async def answers(settings: Settings, *paths: str, **headers: str) -> list[httpx.Response]:
    parts = assemble(settings)
    transport = httpx.ASGITransport(app=create_app(settings, parts), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
        found = [await client.get(path, headers=headers) for path in paths]
    await parts.close()
    return found


async def test_without_the_database_every_route_says_so_and_health_stays_alive(settings: Settings) -> None:
    dead = msgspec.structs.replace(settings, database_url=DEAD_DATABASE.format(port=free_port()))
    live, ready, listed = await answers(
        dead, "/health/live", "/health/ready", "/api/v1/sellers", Authorization="Bearer fh_" + "x" * 43
    )
    # health is asked without a sign-in in real life; with a key it needs the database too
    assert listed.status_code == 503
    assert listed.json()["code"] == "database_unavailable"
    assert listed.headers["retry-after"] == "5"
    assert {live.status_code, ready.status_code} == {503}
    live, ready = await answers(dead, "/health/live", "/health/ready")
    assert (live.status_code, ready.status_code) == (200, 503)
    assert ready.json()["database"] == "down"


async def test_without_storage_readiness_says_so(settings: Settings) -> None:
    dead = msgspec.structs.replace(settings, s3_endpoint=f"127.0.0.1:{free_port()}")
    (ready,) = await answers(dead, "/health/ready")
    assert ready.status_code == 503
    assert (ready.json()["database"], ready.json()["storage"]) == ("ok", "down")


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/api/v1/orders/not-an-id"])
async def test_an_unknown_path_is_a_problem_document(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "path_unknown")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"code": 1}', b"\xff", b'{"code": "x", "code2": 1}'])
async def test_a_malformed_body_is_a_problem_document(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/api/v1/sessions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"request_malformed", "fields_wrong"}


async def test_the_clocks_offset_is_reported(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/ready")).json() == {
        "database": "ok", "storage": "ok", "buckets": "ours", "locks_objects": True, "lock_problem": None,
        "clock_offset_seconds": 0, "alerts": {},
        "scanner": None,
    }  # fmt: skip
