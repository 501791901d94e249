"""Delivery and receipt by their prepared statements do exactly what the general way does, and refuse nothing else."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from service.accounts.actions import revoke_api_key
from service.app import Service
from service.core.ids import new_id
from tests.changes import GENERAL, PLAIN, BothWays
from tests.conftest import Clock
from tests.orders.shop import Shop
from tests.world import Account, person_actor


@pytest.fixture
def ways(shop: Shop, service: Service, owner_url: str) -> BothWays:
    names: dict[object, str] = {
        shop.seller_id: "seller", shop.tenant_id: "tenant", shop.goods.product_id: "product",
        shop.goods.batch_id: "batch", shop.buyer.person_id: "buyer", shop.platform.person_id: "platform",
        shop.seller.person_id: "shopkeeper",
        **{f"{start}WX-{number}": f"{start}WX" for start in ("", "SB-") for number in (1, 2)},
    }  # fmt: skip
    return BothWays(service, owner_url, names)


async def named(shop: Shop, order_id: str) -> dict[object, str]:
    """The ids of an order and its hold, and what they are."""
    hold = (await shop.sql("SELECT id FROM hold WHERE reference_id = :id", id=order_id))[0]
    return {order_id: "order", hold.id: "hold"}


def post(shop: Shop, who: Account, path: str, body: Any, media_type: str, **headers: str) -> Awaitable[httpx.Response]:
    return shop.client.post(f"/api/v1{path}", json=body, headers={**who.by_key, "content-type": media_type, **headers})


async def two(shop: Shop) -> tuple[str, str]:
    return await shop.shipped("WX-1"), await shop.shipped("WX-2")


@pytest.mark.parametrize("by", ["platform", "seller", "buyer"])
async def test_a_delivery_writes_and_answers_the_same(shop: Shop, ways: BothWays, by: str) -> None:
    first, second = await two(shop)
    proofs = {first: await shop.proof(first, ref="WX-1"), second: await shop.proof(second, ref="WX-2")}

    async def send(number: int, media_type: str) -> httpx.Response:
        order_id = (first, second)[number]
        body = {"proof": proofs[order_id]}
        return await post(shop, getattr(shop, by), f"/orders/{order_id}/delivery", body, media_type)

    await ways.are_alike((await named(shop, first), await named(shop, second)), send)
    order = await shop.order(second)
    assert (order["status"], order["hold"]["state"]) == ("delivered", "in_window")
    assert await shop.sql("SELECT count(*) AS n FROM carrier_notice WHERE outcome = 'applied'") == [(2,)]
    again = await send(1, PLAIN)
    assert (again.status_code, again.json()["status"]) == (201, "delivered")
    assert await shop.sql("SELECT count(*) AS n FROM event WHERE name = 'order.delivered'") == [(2,)]


@pytest.mark.parametrize("is_delivered", [False, True])
async def test_a_receipt_writes_and_answers_the_same(shop: Shop, ways: BothWays, is_delivered: bool) -> None:
    orders = await two(shop)
    if is_delivered:
        for order_id, ref in zip(orders, ("WX-1", "WX-2"), strict=True):
            body = {"proof": await shop.proof(order_id, ref=ref)}
            assert (await shop.post(shop.seller, f"/orders/{order_id}/delivery", body)).status_code == 201

    first: list[httpx.Response] = []

    async def send(number: int, media_type: str) -> httpx.Response:
        order_id, key = orders[number], {"idempotency-key": f"k{orders[number]}"}
        first.append(await post(shop, shop.buyer, f"/orders/{order_id}/receipt", {}, media_type, **key))
        return first[-1]

    await ways.are_alike((await named(shop, orders[0]), await named(shop, orders[1])), send)
    for number in (0, 1):
        for media_type in (GENERAL, PLAIN):
            again = await send(number, media_type)
            assert (again.headers["idempotency-replayed"], again.content) == ("true", first[number].content)
    assert await shop.sql("SELECT count(*) AS n FROM event WHERE name = 'order.received'") == [(2,)]
    assert await shop.sql("SELECT count(*) AS n FROM idempotency_key WHERE body IS NULL") == [(0,)]


async def test_the_key_of_one_receipt_is_refused_for_another(shop: Shop) -> None:
    first, second = await two(shop)
    key = {"idempotency-key": "one"}
    assert (await post(shop, shop.buyer, f"/orders/{first}/receipt", {}, PLAIN, **key)).status_code == 201
    other = await post(shop, shop.buyer, f"/orders/{second}/receipt", {}, PLAIN, **key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await shop.order(second))["status"] == "shipped"


async def test_a_revoked_key_opens_nothing_from_that_moment(shop: Shop, clock: Clock) -> None:
    order_id = await shop.shipped()
    async with shop.database.begin() as tx:
        actor = await person_actor(tx, shop.buyer.person_id)
        await revoke_api_key(tx, actor, shop.buyer.key_id, now=await tx.now())
    refused = await post(shop, shop.buyer, f"/orders/{order_id}/receipt", {}, PLAIN)
    assert (refused.status_code, refused.json()["code"]) == (401, "api_key_wrong")
    assert await shop.sql('SELECT status FROM "order" WHERE id = :id', id=order_id) == [("shipped",)]


async def test_the_first_use_of_a_day_goes_the_general_way_and_is_noted(
    shop: Shop, service: Service, clock: Clock
) -> None:
    first, second = await two(shop)
    clock.forward(timedelta(days=1))
    before = service.hot_connections.answered
    assert (await post(shop, shop.buyer, f"/orders/{first}/receipt", {}, PLAIN)).status_code == 201
    assert service.hot_connections.answered == before
    assert (await post(shop, shop.buyer, f"/orders/{second}/receipt", {}, PLAIN)).status_code == 201
    assert service.hot_connections.answered == before + 1
    used = "SELECT last_used_on = (fairhold_now() AT TIME ZONE 'UTC')::date AS today FROM api_key WHERE id = :id"
    assert await shop.sql(used, id=shop.buyer.key_id) == [(True,)]


async def test_a_frozen_payment_is_delivered_the_general_way(shop: Shop, service: Service, owner_url: str) -> None:
    order_id = await shop.shipped()
    await shop.sql(
        "INSERT INTO hold_freeze (id, hold_id, kind, source_id, at)"
        " SELECT uuidv7(), id, 'seal_failure', uuidv7(), fairhold_now() FROM hold WHERE reference_id = :id RETURNING 1",
        id=order_id,
    )
    before = service.hot_connections.answered
    answer = await post(shop, shop.buyer, f"/orders/{order_id}/receipt", {}, PLAIN)
    assert (answer.status_code, answer.json()["hold"]["window_left_seconds"]) == (201, 864_000)
    assert service.hot_connections.answered == before


async def test_others_orders_and_unknown_ones_are_not_found(shop: Shop) -> None:
    order_id = await shop.shipped()
    answers = [
        await post(shop, shop.buyer, f"/orders/{new_id()}/receipt", {}, PLAIN),
        await post(shop, shop.platform, f"/orders/{order_id}/receipt", {}, PLAIN),
        await post(shop, shop.buyer, f"/orders/{order_id}/receipt", {"waive": "no"}, PLAIN),
    ]
    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (404, "order_not_found"),
        (403, "role_not_allowed"),
        (422, "fields_wrong"),
    ]
    assert (await shop.order(order_id))["status"] == "shipped"


async def test_a_header_that_comes_twice_is_left_to_the_general_way(shop: Shop, service: Service) -> None:
    order_id = await shop.shipped()
    headers = [*shop.buyer.by_key.items(), ("content-type", PLAIN), ("idempotency-key", "a"), ("idempotency-key", "b")]
    answer = await shop.client.post(f"/api/v1/orders/{order_id}/receipt", content=b"{}", headers=headers)
    assert (answer.status_code, service.hot_connections.answered) == (201, 0)
    assert await shop.sql("SELECT key FROM idempotency_key WHERE key IN ('a', 'b')") == [("a",)]
