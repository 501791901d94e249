"""The provider's notices and the list of holds over HTTP, through the whole application."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from service.core.actor import COMMONS, Role
from service.core.ids import new_id
from service.core.money import Money
from service.core.signatures import sign_message
from service.settings import Settings
from tests.escrow.test_gateway import apply, notice
from tests.escrow.unmoved import unmoved
from tests.escrow.world import World
from tests.world import make_account

PATH = "/api/v1/inbound/gateway"


async def send(
    client: httpx.AsyncClient, world: World, secret: str, body: bytes, *, at: datetime | None = None
) -> httpx.Response:
    """Send a notice, signed now or at another time."""
    signed = sign_message(secret, json.loads(body)["id"], body, now=at or await world.value("SELECT fairhold_now()"))
    return await client.post(PATH, content=body, headers=signed)


async def stored(world: World) -> int:
    """Return how many notices are kept."""
    return int(await world.value("SELECT count(*) FROM gateway_notice"))


async def test_a_signed_notice_is_stored_applied_by_its_job_and_tells_the_time(
    client: httpx.AsyncClient, world: World, settings: Settings
) -> None:
    payment_id = await world.request(Money(36_000, "CNY"))
    body = await notice(world, payment_id, "failed")
    answer = await send(client, world, settings.gateway_secret, body)
    assert (answer.status_code, answer.json()) == (202, {"is_new": True})
    assert "fairhold-now" in answer.headers
    assert (await send(client, world, settings.gateway_secret, body)).json() == {"is_new": False}
    assert await stored(world) == 1
    assert await world.value("SELECT state FROM payment") == "requested"
    jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'escrow.apply_notice'"
    assert await world.value(jobs) == 1
    assert await apply(world, json.loads(body)["id"]) == "applied"
    assert (await world.value("SELECT state FROM payment"), await world.balances()) == ("failed", {})


async def test_forged_stale_unsigned_and_malformed_notices_are_refused_and_not_kept(
    client: httpx.AsyncClient, world: World, settings: Settings
) -> None:
    payment_id = await world.request(Money(36_000, "CNY"))
    body = await notice(world, payment_id, "done")
    async with unmoved(world.database):
        now = await world.value("SELECT fairhold_now()")
        forged = await send(client, world, "whsec_" + "B" * 32, body)
        stale = await send(client, world, settings.gateway_secret, body, at=now - timedelta(seconds=301))
        early = await send(client, world, settings.gateway_secret, body, at=now + timedelta(seconds=320))
        unsigned = await client.post(PATH, content=body)
        signed = sign_message(settings.gateway_secret, "nt_1", body, now=now)
        changed = await client.post(PATH, content=body.replace(b"36000", b"63000"), headers=signed)
        answers = [(each.status_code, each.json()["code"]) for each in (forged, stale, early, unsigned, changed)]
        assert answers == [
            (401, "signature_wrong"),
            (401, "signature_stale"),
            (401, "signature_stale"),
            (401, "signature_missing"),
            (401, "signature_wrong"),
        ]
        assert all("fairhold-now" in each.headers for each in (forged, stale, unsigned))
        for wrong in (b"{}", b"[]", b"\xff", b'{"id": "nt_1"}'):
            headers = sign_message(settings.gateway_secret, "nt_1", wrong, now=now)
            answer = await client.post(PATH, content=wrong, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, "notice_malformed")
        other_id = await client.post(
            PATH, content=body, headers=sign_message(settings.gateway_secret, "nt_1", body, now=now)
        )
        assert (other_id.status_code, other_id.json()["code"]) == (422, "notice_malformed")
        assert await stored(world) == 0


async def test_holds_are_listed_in_pages_with_their_state_and_freezes(client: httpx.AsyncClient, world: World) -> None:
    operator = await make_account(world.database, "operator", Role.OPERATOR)
    holds = [await world.delivered(1_000 + number) for number in range(3)]
    source_id = new_id()
    await world.freeze(holds[0].id, source_id)

    async def page(**query: Any) -> Any:
        answer = await client.get("/api/v1/holds", params=query, headers=operator.by_key)
        assert answer.status_code == 200, answer.text
        return answer.json()

    first = await page(limit=2)
    second = await page(limit=2, after=first["meta"]["next"])
    assert [each["amount"]["amount_minor"] for each in first["data"] + second["data"]] == [1_002, 1_001, 1_000]
    assert second["meta"]["next"] is None
    (frozen,) = (await page(is_frozen=True))["data"]
    assert (frozen["state"], frozen["is_frozen"], frozen["window_ends_at"]) == ("in_window", True, None)
    assert frozen["window_left_seconds"] == 10 * 24 * 3600
    assert [each["source_id"] for each in frozen["freezes"]] == [str(source_id)]
    assert (await page(state="released"))["data"] == []
    for query, code in (({"state": "gone"}, "state_unknown"), ({"after": "x"}, "page_mark_wrong")):
        answer = await client.get("/api/v1/holds", params=query, headers=operator.by_key)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_one_hold_shows_its_ledger_and_only_to_those_it_concerns(client: httpx.AsyncClient, world: World) -> None:
    hold = await world.delivered(10_000)
    await world.waive(hold.id)
    mediator = await make_account(world.database, "mediator", Role.MEDIATOR, tenant_id=COMMONS)
    stranger = await make_account(world.database, "stranger", Role.BUYER, tenant_id=COMMONS)
    path = f"/api/v1/holds/{hold.id}"
    shown = (await client.get(path, headers=mediator.by_key)).json()
    assert shown["state"] == "released"
    assert shown["parts"]["seller"] == {"amount_minor": 9_700, "currency": "CNY"}
    assert sorted((line["code"], line["amount"]["amount_minor"]) for line in shown["ledger"]) == [
        ("fee", 300),
        ("fund", 10_000),
        ("release", 9_700),
    ]
    hidden = await client.get(path, headers=stranger.by_key)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "hold_not_found")
    assert (await client.get("/api/v1/holds", headers=stranger.by_key)).json()["data"] == []
    assert (await client.get(path)).status_code == 401
    assert (await client.get(f"/api/v1/holds/{UUID(int=7)}", headers=mediator.by_key)).status_code == 404
