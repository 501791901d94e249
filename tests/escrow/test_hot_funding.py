"""The notice of a done capture funds its hold before the answer leaves, just as its job would have done."""

import json
from datetime import datetime

import httpx
import psycopg
import pytest

from service.app import Service
from service.core.ids import new_id
from service.core.money import Money
from service.core.signatures import sign_message
from service.core.wire import BODY_BYTES_MAX
from service.db.session import driver_url
from service.escrow.actions import store_notice
from service.escrow.actions.notices import apply_notice
from service.settings import Settings
from tests.changes import changes, told_at
from tests.escrow.test_gateway import notice
from tests.escrow.test_http import send, stored
from tests.escrow.world import World
from tests.working import drain_all

JOBS = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'escrow.apply_notice'"
OUTCOME = "SELECT outcome FROM gateway_notice WHERE id = :id"


async def test_it_writes_what_storing_and_applying_write(
    client: httpx.AsyncClient, world: World, settings: Settings, service: Service, owner_url: str
) -> None:
    bodies = []
    for _ in range(2):
        payment_id = await world.request(Money(36_000, "CNY"), batch_id=world.batch_id)
        bodies.append(await notice(world, payment_id, "done"))
    names: dict[object, str] = {world.seller_id: "seller", world.product_id: "product", world.batch_id: "batch"}
    secret = settings.gateway_secret
    await world.fund(100)  # the seller's account and the scopes are there

    async def generally() -> datetime:
        async with world.database.begin() as tx:
            now, notice_id = await tx.now(), json.loads(bodies[0])["id"]
            headers = sign_message(secret, notice_id, bodies[0], now=now)
            await store_notice(tx, headers=headers, body=bodies[0], secret=secret, now=now)
            await apply_notice(tx, notice_id, now=now)
            return now

    async def at_once() -> datetime:
        return told_at(await send(client, world, secret, bodies[1]))

    first = await changes(owner_url, names, generally)
    assert len(first) == 6  # notice, payment, hold, transfer, two events
    assert _without_notice_ids(await changes(owner_url, names, at_once)) == _without_notice_ids(first)
    assert service.hot_connections.answered == 1
    order = "SELECT string_agg(name, ' ' ORDER BY seq) FROM event WHERE name IN ('payment.done', 'hold.funded')"
    assert await world.value(order) == " ".join(["payment.done hold.funded"] * 3)


async def test_it_is_applied_before_the_answer_and_once(
    client: httpx.AsyncClient, world: World, settings: Settings
) -> None:
    body = await notice(world, await world.request(Money(36_000, "CNY")), "done")
    answers = [(await send(client, world, settings.gateway_secret, body)).json() for _ in range(2)]
    assert answers == [{"is_new": True}, {"is_new": False}]
    assert (await stored(world), await world.value(JOBS)) == (1, 0)
    assert await world.balances() == {"gateway": -36_000, "held": 36_000}
    again = await notice(world, await world.value("SELECT id FROM payment"), "done")
    assert (await send(client, world, settings.gateway_secret, again)).json() == {"is_new": True}
    assert await world.value(OUTCOME, id=json.loads(again)["id"]) == "no_change"
    assert await world.balances() == {"gateway": -36_000, "held": 36_000}


@pytest.mark.parametrize(
    ("amount_minor", "is_known", "outcome"), [(36_001, True, "differs"), (36_000, False, "unknown_payment")]
)
async def test_what_we_did_not_ask_for_is_kept_and_moves_nothing(
    client: httpx.AsyncClient, world: World, settings: Settings, amount_minor: int, is_known: bool, outcome: str
) -> None:
    payment_id = await world.request(Money(36_000, "CNY"))
    body = await notice(world, payment_id if is_known else new_id(), "done", amount_minor)
    assert (await send(client, world, settings.gateway_secret, body)).json() == {"is_new": True}
    assert await world.value(OUTCOME, id=json.loads(body)["id"]) == outcome
    assert (await world.value("SELECT state FROM payment"), await world.balances()) == ("requested", {})


async def test_a_notice_over_the_limit_is_refused_and_moves_nothing(
    client: httpx.AsyncClient, world: World, settings: Settings
) -> None:
    body = await notice(world, await world.request(Money(36_000, "CNY")), "done") + b" " * BODY_BYTES_MAX
    answer = await send(client, world, settings.gateway_secret, body)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert (await stored(world), await world.balances()) == (0, {})


async def test_a_notice_that_cannot_be_applied_now_is_stored_and_its_job_applies_it(
    client: httpx.AsyncClient, world: World, settings: Settings, service: Service, owner_url: str
) -> None:
    body = await notice(world, await world.request(Money(36_000, "CNY")), "done")
    with psycopg.connect(driver_url(owner_url), autocommit=True) as owner:
        owner.execute("ALTER TABLE account ADD CONSTRAINT nobody_opens_accounts CHECK (kind = 'none')")
        answer = await send(client, world, settings.gateway_secret, body)
        owner.execute("ALTER TABLE account DROP CONSTRAINT nobody_opens_accounts")
    assert (answer.status_code, answer.json()) == (202, {"is_new": True})
    assert (await stored(world), await world.value(JOBS), service.hot_connections.answered) == (1, 1, 0)
    assert (await world.value("SELECT state FROM payment"), await world.balances()) == ("requested", {})
    await drain_all(service)
    assert await world.value(OUTCOME, id=json.loads(body)["id"]) == "applied"
    assert await world.balances() == {"gateway": -36_000, "held": 36_000}


def _without_notice_ids(rows: list[str]) -> list[str]:
    return [row.replace("nt_id", "nt") for row in rows]
