"""Orders over HTTP: placed, claimed, paid, shipped, delivered by proof; and what is refused, with nothing moved."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from service.core.actor import Role
from service.orders import rules
from tests.conftest import Clock
from tests.orders.shop import Shop
from tests.trade import SECRET
from tests.world import Whose

Drain = Callable[[], Awaitable[None]]


async def test_the_carriers_signed_record_opens_the_window_for_ten_days(shop: Shop) -> None:
    order_id = await shop.shipped()
    assert (await shop.order(order_id))["hold"]["state"] == "awaiting_delivery"
    answer = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"proof": await shop.proof(order_id)})
    assert answer.status_code == 201, answer.text
    order = await shop.order(order_id)
    assert (order["status"], order["hold"]["state"], order["hold"]["is_frozen"]) == ("delivered", "in_window", False)
    async with shop.database.begin() as tx:
        query = text("SELECT window_ends_at - delivered_at AS length FROM hold WHERE reference_id = :id")
        row = (await tx.execute(query, {"id": order_id})).one()
    assert row.length == timedelta(days=10)


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"area": "110000"}, "proof_of_other_area", 409),
        ({"before_payment": True}, "proof_too_old", 409),
        ({"ref": "OTHER"}, "proof_of_other_parcel", 409),
    ],
)
async def test_a_record_that_does_not_fit_proves_nothing(
    shop: Shop, change: dict[str, Any], code: str, status: int
) -> None:
    order_id = await shop.shipped()
    answer = await shop.post(
        shop.seller, f"/orders/{order_id}/delivery", {"proof": await shop.proof(order_id, **change)}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    order = await shop.order(order_id)
    assert (order["status"], order["hold"]["state"], order["hold"]["window_ends_at"]) == (
        "shipped",
        "awaiting_delivery",
        None,
    )


async def test_a_forged_record_is_refused(shop: Shop) -> None:
    order_id = await shop.shipped()
    proof = await shop.proof(order_id)
    proof["record"]["delivered_at"] = "2026-01-01T00:00:00.000000Z"
    answer = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"proof": proof})
    assert (answer.status_code, answer.json()["code"]) == (401, "record_signature_wrong")
    assert (await shop.order(order_id))["status"] == "shipped"


async def test_the_platforms_word_proves_nothing(shop: Shop) -> None:
    order_id = await shop.shipped()
    answer = await shop.post(shop.platform, f"/orders/{order_id}/delivery", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "proof_missing")
    assert (await shop.order(order_id))["status"] == "shipped"


async def test_the_buyers_code_proves_a_hand_over_and_five_wrong_ones_end_the_tries(shop: Shop) -> None:
    order_id = await shop.shipped()
    right = (await shop.order(order_id))["hand_over_code"]
    assert right == rules.hand_over_code(SECRET, UUID(order_id))
    assert (await shop.order(order_id, shop.seller))["hand_over_code"] is None
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for _ in range(5):
        answer = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"hand_over_code": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "hand_over_code_wrong")
    late = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"hand_over_code": right})
    assert (late.status_code, late.json()["code"]) == (429, "hand_over_attempts")
    second = await shop.shipped("WX-2")
    code = (await shop.order(second))["hand_over_code"]
    assert (await shop.post(shop.seller, f"/orders/{second}/delivery", {"hand_over_code": code})).status_code == 201
    assert (await shop.order(second))["hold"]["state"] == "in_window"


async def test_the_carriers_notice_is_stored_first_and_applied_once(shop: Shop, drain: Drain) -> None:
    order_id = await shop.shipped()
    notice = await shop.proof(order_id)
    for _ in range(2):
        answer = await shop.client.post("/api/v1/inbound/carriers/sandbox", json=notice)
        assert answer.status_code == 202, answer.text
    assert (await shop.order(order_id))["status"] == "shipped"
    await drain()
    assert (await shop.order(order_id))["status"] == "delivered"
    async with shop.database.begin() as tx:
        stored = (await tx.execute(text("SELECT outcome FROM carrier_notice"))).scalars().all()
    assert stored == ["applied"]


async def test_receipt_starts_the_window_and_a_key_cannot_waive_it(shop: Shop) -> None:
    order_id = await shop.shipped()
    answer = await shop.post(shop.buyer, f"/orders/{order_id}/receipt", {"waive": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "waiver_needs_session")
    assert (await shop.order(order_id))["hold"]["state"] == "awaiting_delivery"
    assert (await shop.post(shop.buyer, f"/orders/{order_id}/receipt", {})).status_code == 201
    assert (await shop.order(order_id))["hold"]["state"] == "in_window"


async def test_shipping_needs_the_batch_and_a_fresh_tracking_number(shop: Shop) -> None:
    first, second = await shop.shipped(), await shop.paid("WX-2")
    body = {"carrier": "sandbox", "tracking_number": "SB-WX-2"}
    answer = await shop.post(shop.seller, f"/orders/{second}/shipment", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "batch_missing")
    body = {"carrier": "sandbox", "tracking_number": "SB-WX-1", "batch_id": str(shop.goods.batch_id)}
    answer = await shop.post(shop.seller, f"/orders/{second}/shipment", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "tracking_number_used")
    assert (await shop.order(second))["status"] == "paid"
    assert (await shop.order(second))["batch_id"] is None
    assert (await shop.order(first))["status"] == "shipped"


async def test_a_claim_code_works_once_and_not_after_thirty_days(shop: Shop, clock: Clock) -> None:
    order_id = (await shop.place()).json()["id"]
    old = (await shop.post(shop.platform, f"/orders/{order_id}/claim-code")).json()["code"]
    new = (await shop.post(shop.platform, f"/orders/{order_id}/claim-code")).json()["code"]
    other = shop.world.account(Role.BUYER, Whose.OTHERS)
    for wrong in (old, "7K3M-9QXT-42AB", "x"):
        answer = await shop.post(shop.buyer, "/orders/claims", {"code": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "claim_code_wrong")
    assert (await shop.post(shop.buyer, "/orders/claims", {"code": new})).status_code == 200
    assert (await shop.post(other, "/orders/claims", {"code": new})).status_code == 422
    late = (await shop.place("WX-2")).json()["id"]
    code = (await shop.post(shop.platform, f"/orders/{late}/claim-code")).json()["code"]
    clock.forward(timedelta(days=30, seconds=1))
    assert (await shop.post(shop.buyer, "/orders/claims", {"code": code})).json()["code"] == "claim_code_wrong"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": {"amount_minor": 0, "currency": "CNY"}}, 422, "amount_not_positive"),
        ({"amount": {"amount_minor": -1, "currency": "CNY"}}, 422, "fields_wrong"),
        ({"amount": {"amount_minor": 10**16, "currency": "CNY"}}, 422, "fields_wrong"),
        ({"amount": {"amount_minor": 100, "currency": "XXX"}}, 422, "currency_unknown"),
        ({"units": 0}, 422, "fields_wrong"),
        ({"product_id": "00000000-0000-7000-8000-000000000009"}, 404, "product_not_found"),
        ({"seller_id": "00000000-0000-7000-8000-000000000009"}, 404, "seller_not_found"),
        ({"batch_id": "00000000-0000-7000-8000-000000000009"}, 404, "batch_not_found"),
        ({"seller_id": 7}, 422, "fields_wrong"),
    ],
)
async def test_a_wrong_order_is_refused_and_not_kept(
    shop: Shop, change: dict[str, Any], status: int, code: str
) -> None:
    before = (await shop.client.get("/api/v1/orders", headers=shop.platform.by_key)).json()
    answer = await shop.place(**change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await shop.client.get("/api/v1/orders", headers=shop.platform.by_key)).json() == before


async def test_only_its_people_see_an_order(shop: Shop) -> None:
    order_id = await shop.shipped()
    for role in (Role.BUYER, Role.SELLER, Role.PLATFORM):
        whose = Whose.FOREIGN if role is Role.PLATFORM else Whose.OTHERS
        stranger = shop.world.account(role, whose)
        answer = await shop.client.get(f"/api/v1/orders/{order_id}", headers=stranger.by_key)
        assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")
    foreign = shop.world.account(Role.PLATFORM, Whose.FOREIGN)
    taken = await shop.post(foreign, f"/orders/{order_id}/claim-code")
    assert (taken.status_code, taken.json()["code"]) == (404, "order_not_found")
