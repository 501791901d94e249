"""What proves no delivery: whoever brings it and whichever way, no window starts and no money moves."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.app import assemble, create_app
from service.core.signatures import carrier_key, sign_record
from service.core.wire import DeliveryRecord
from service.settings import Settings
from tests.conftest import Clock
from tests.orders.shop import Shop
from tests.trade import CARRIER

Drain = Callable[[], Awaitable[None]]
HELD = {"gateway": -48_000, "held": 48_000}
INBOUND = "/api/v1/inbound/carriers/sandbox"
DAY = timedelta(days=1)
ZEROS = base64.b64encode(bytes(64)).decode()


async def waits(shop: Shop, order_id: str) -> None:
    """The order is on its way, its payment held, and no window runs."""
    order = await shop.order(order_id)
    hold = order["hold"]
    assert (order["status"], order["delivered_at"]) == ("shipped", None)
    assert (hold["state"], hold["window_ends_at"], hold["proof_kind"]) == ("awaiting_delivery", None, None)
    assert await shop.balances() == HELD


async def bring(shop: Shop, order_id: str, proof: Any) -> tuple[int, str]:
    """Bring a record as the seller; return status and code."""
    answer = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"proof": proof})
    return answer.status_code, str(answer.json().get("code"))


async def record(shop: Shop, order_id: str, **change: Any) -> dict[str, Any]:
    """Return a record rightly signed that says what fits the order, except for `change`."""
    (row,) = await shop.sql(
        'SELECT paid_at, tracking_number, fairhold_now() AS now FROM "order" WHERE id = :id', id=order_id
    )
    told = {"created_at": row.paid_at, "delivered_at": row.now, **change}
    for name in ("created_at", "delivered_at"):
        if callable(told[name]):
            told[name] = told[name](row.paid_at, row.now)
    return CARRIER.record(told.pop("number", row.tracking_number), **told)


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "old: handed over before the payment": (
        {"created_at": lambda paid, _: paid - timedelta(seconds=1)},
        "proof_too_old",
    ),
    "old: delivered long before the payment": (
        {"created_at": lambda paid, _: paid - 40 * DAY, "delivered_at": lambda paid, _: paid - 38 * DAY},
        "proof_too_old",
    ),
    "foreign: another area": ({"area": "110000"}, "proof_of_other_area"),
    "foreign: no area": ({"area": ""}, "proof_of_other_area"),
    "of the future": ({"delivered_at": lambda _, now: now + timedelta(hours=1)}, "proof_from_future"),
    "delivered before it was handed over": (
        {"created_at": lambda _, now: now, "delivered_at": lambda _, now: now - timedelta(seconds=1)},
        "proof_from_future",
    ),
    "not delivered": ({"delivered_at": None}, "not_delivered"),
    "another parcel": ({"number": "SB-ANOTHER"}, "proof_of_other_parcel"),
}


@pytest.mark.parametrize("what", UNFIT)
async def test_a_signed_record_that_does_not_fit_proves_nothing(shop: Shop, drain: Drain, what: str) -> None:
    change, code = UNFIT[what]
    order_id = await shop.shipped()
    proof = await record(shop, order_id, **change)
    assert await bring(shop, order_id, proof) == (409, code)
    assert await shop.sql("SELECT 1 FROM carrier_notice") == []
    await waits(shop, order_id)
    assert (await shop.client.post(INBOUND, json=proof)).status_code == 202
    await drain()
    outcome = "order_unknown" if code == "proof_of_other_parcel" else code
    assert [row.outcome for row in await shop.sql("SELECT outcome FROM carrier_notice")] == [outcome]
    await waits(shop, order_id)
    assert await bring(shop, order_id, await record(shop, order_id)) == (201, "None")


def changed(proof: dict[str, Any]) -> dict[str, Any]:
    return proof | {"record": proof["record"] | {"delivered_at": "2026-01-01T00:00:00.000000Z"}}


def by_another(proof: dict[str, Any], key_id: str | None = None) -> dict[str, Any]:
    """The same record, signed by nobody that we know, under its own key's id or another's."""
    private = Ed25519PrivateKey.generate()
    signed = sign_record(private, msgspec.convert(proof["record"], DeliveryRecord))
    return proof | {"signature": signed.signature, "key_id": key_id or carrier_key(private).key_id}


FORGED: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], int, str]] = {
    "changed": (changed, 401, "record_signature_wrong"),
    "unsigned": (lambda proof: proof | {"signature": ""}, 401, "record_signature_wrong"),
    "signed with zeros": (lambda proof: proof | {"signature": ZEROS}, 401, "record_signature_wrong"),
    "signed by nobody we know": (by_another, 401, "record_key_unknown"),
    "signed by another under the carrier's name": (
        lambda proof: by_another(proof, proof["key_id"]), 401, "record_signature_wrong",
    ),
    "of a carrier that we do not know": (
        lambda proof: by_another(proof | {"record": proof["record"] | {"carrier": "pigeon"}}), 404, "carrier_unknown",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
async def test_a_forged_record_is_refused_and_not_kept(shop: Shop, drain: Drain, what: str) -> None:
    forge, status, code = FORGED[what]
    order_id = await shop.shipped()
    proof = forge(await record(shop, order_id))
    assert await bring(shop, order_id, proof) == (status, code)
    path = INBOUND.replace("sandbox", proof["record"]["carrier"])
    answer = await shop.client.post(path, json=proof)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    await drain()
    assert await shop.sql("SELECT 1 FROM carrier_notice") == []
    await waits(shop, order_id)


async def test_a_carrier_cannot_bring_another_carriers_record(shop: Shop) -> None:
    order_id = await shop.shipped()
    proof = await record(shop, order_id)
    answer = await shop.client.post(INBOUND.replace("sandbox", "pigeon"), json=proof)
    assert (answer.status_code, answer.json()["code"]) == (422, "carrier_differs")
    assert await shop.sql("SELECT 1 FROM carrier_notice") == []
    await waits(shop, order_id)


async def test_an_order_that_went_with_an_unknown_carrier_is_not_proved_by_a_known_one(shop: Shop) -> None:
    order_id = await shop.paid()
    body = {"carrier": "pigeon", "tracking_number": "SB-WX-1", "batch_id": str(shop.goods.batch_id)}
    assert (await shop.post(shop.seller, f"/orders/{order_id}/shipment", body)).status_code == 201
    assert await bring(shop, order_id, await record(shop, order_id)) == (409, "proof_of_other_parcel")
    await waits(shop, order_id)


@pytest.mark.parametrize("body", [{}, {"delivered": True}, {"proof": None, "hand_over_code": None}])
async def test_the_word_of_platform_seller_or_buyer_proves_nothing(shop: Shop, body: dict[str, Any]) -> None:
    order_id = await shop.shipped()
    for who in (shop.platform, shop.seller, shop.buyer):
        answer = await shop.post(who, f"/orders/{order_id}/delivery", body)
        assert answer.status_code == 422
        assert answer.json()["code"] in {"proof_missing", "fields_wrong"}
    await waits(shop, order_id)


async def test_one_parcel_proves_one_order(shop: Shop, drain: Drain) -> None:
    first = await shop.shipped()
    proof = await record(shop, first)
    assert await bring(shop, first, proof) == (201, "None")
    second = await shop.shipped("WX-2")
    assert await bring(shop, second, proof) == (409, "proof_of_other_parcel")
    assert (await shop.client.post(INBOUND, json=proof)).status_code == 202
    await drain()
    order = await shop.order(second)
    assert (order["status"], order["hold"]["state"]) == ("shipped", "awaiting_delivery")
    third = await shop.paid("WX-3")
    body = {"carrier": "sandbox", "tracking_number": "SB-WX-1", "batch_id": str(shop.goods.batch_id)}
    answer = await shop.post(shop.seller, f"/orders/{third}/shipment", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "tracking_number_used")
    order = await shop.order(third)
    assert (order["status"], order["tracking_number"], order["hold"]["state"]) == ("paid", None, "awaiting_delivery")


async def test_of_orders_shipped_at_once_with_one_number_one_gets_it(shop: Shop) -> None:
    orders = [await shop.paid(f"WX-{number}") for number in range(4)]
    body = {"carrier": "sandbox", "tracking_number": "SB-SAME", "batch_id": str(shop.goods.batch_id)}

    async def ship(order_id: str) -> httpx.Response:
        return await shop.post(shop.seller, f"/orders/{order_id}/shipment", body)

    answers = await asyncio.gather(*map(ship, orders))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    assert {each.json().get("code") for each in answers} == {None, "tracking_number_used"}
    assert sorted([(await shop.order(each))["status"] for each in orders]) == ["paid", "paid", "paid", "shipped"]


async def test_a_record_that_came_long_ago_still_proves_its_own_delivery(shop: Shop, clock: Clock) -> None:
    order_id = await shop.shipped()
    proof = await record(shop, order_id)
    clock.forward(20 * DAY)
    assert await bring(shop, order_id, proof) == (201, "None")
    assert (await shop.order(order_id))["hold"]["state"] == "in_window"


async def test_tries_of_a_hand_over_code_at_the_same_time_are_five_at_most(shop: Shop) -> None:
    order_id = await shop.shipped()
    right = (await shop.order(order_id))["hand_over_code"]
    wrong = [f"{(int(right) + step) % 10**6:06}" for step in range(1, 13)]

    async def attempt(code: str) -> str:
        answer = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"hand_over_code": code})
        return str(answer.json()["code"])

    codes = sorted(await asyncio.gather(*map(attempt, wrong)))
    assert codes == ["hand_over_attempts"] * 7 + ["hand_over_code_wrong"] * 5
    assert await attempt(right) == "hand_over_attempts"
    assert [
        row.n for row in await shop.sql('SELECT hand_over_failures AS n FROM "order" WHERE id = :id', id=order_id)
    ] == [5]
    await waits(shop, order_id)
    assert (await shop.post(shop.buyer, f"/orders/{order_id}/receipt", {})).status_code == 201
    assert (await shop.order(order_id))["hold"]["proof_kind"] == "receipt"


async def test_counting_a_try_waits_for_no_second_connection_and_a_second_sending_is_no_try(
    shop: Shop, settings: Settings
) -> None:
    order_id = await shop.shipped()
    right = (await shop.order(order_id))["hand_over_code"]
    one = msgspec.structs.replace(settings, database_pool_max=1)
    parts = assemble(one)
    transport = httpx.ASGITransport(app=cast("Any", create_app(one, parts)), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
            first, again = [
                await client.post(
                    f"/api/v1/orders/{order_id}/delivery",
                    json={"hand_over_code": right},
                    headers={**shop.seller.by_key, "idempotency-key": "at-the-door"},
                )
                for _ in range(2)
            ]
    finally:
        await parts.close()
    assert (first.status_code, again.content) == (201, first.content), first.text
    assert again.headers["idempotency-replayed"] == "true"
    (row,) = await shop.sql('SELECT hand_over_failures, status FROM "order" WHERE id = :id', id=order_id)
    assert (row.hand_over_failures, row.status) == (0, "delivered")


async def test_one_sending_of_a_code_that_comes_twice_at_once_gets_one_answer(shop: Shop) -> None:
    order_id = await shop.shipped()
    right = (await shop.order(order_id))["hand_over_code"]
    headers = {**shop.seller.by_key, "idempotency-key": "at-the-door"}
    path = f"/api/v1/orders/{order_id}/delivery"
    answers = await asyncio.gather(
        *(shop.client.post(path, json={"hand_over_code": right}, headers=headers) for _ in range(4))
    )
    assert [each.status_code for each in answers] == [201] * 4, [each.text for each in answers]
    assert len({each.content for each in answers}) == 1


async def test_the_right_code_costs_no_try_and_works_once(shop: Shop) -> None:
    order_id = await shop.shipped()
    right = (await shop.order(order_id))["hand_over_code"]
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for code, status in ((wrong, 422), (right, 201), (right, 409)):
        answer = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"hand_over_code": code})
        assert answer.status_code == status, answer.text
    (row,) = await shop.sql('SELECT hand_over_failures, status FROM "order" WHERE id = :id', id=order_id)
    assert tuple(row) == (1, "delivered")
    assert (await shop.order(order_id))["hold"]["proof_kind"] == "hand_over"
