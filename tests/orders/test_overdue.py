"""Late orders, over chains of promises of 30 days and more: refunded if not shipped, asked about if not delivered."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from service.core.actor import SYSTEM, Role
from service.core.errors import Conflict
from service.core.ids import new_id
from service.escrow.actions import freeze_hold, refund_hold
from service.orders.actions import ship_order
from service.orders.overdue import refund_unshipped
from service.orders.schemas import NewShipment
from tests.conftest import Clock
from tests.orders.shop import Shop
from tests.world import Whose, person_actor

Drain = Callable[[], Awaitable[None]]
HELD = {"gateway": -48_000, "held": 48_000}
REFUNDED = {"gateway": -48_000, "refunds": 48_000}
RACES = 6


def step(order: dict[str, Any], action: str) -> tuple[str, datetime | None, str | None]:
    """Return side, due time and expiry of an order's open step."""
    (found,) = [each for each in order["available_actions"] if each["action"] == action]
    due = None if found["due_at"] is None else datetime.fromisoformat(found["due_at"])
    return found["side"], due, found["on_expiry"]


def ended(order: dict[str, Any]) -> tuple[str, str, str]:
    """Return how an order and its hold ended."""
    return order["status"], order["cancel_reason"], order["hold"]["state"]


async def facts(shop: Shop, order_id: str, name: str) -> list[Any]:
    """Return the facts of an order's events of a name."""
    query = "SELECT facts FROM event WHERE name = :name AND subject_id = :id ORDER BY seq"
    return [row.facts for row in await shop.sql(query, name=name, id=order_id)]


async def after(shop: Shop, drain: Drain, clock: Clock, order_id: str, by: timedelta) -> dict[str, Any]:
    """Let time pass and everything that is due happen; return the order."""
    clock.forward(by)
    await drain()
    return await shop.order(order_id)


async def test_an_order_that_is_not_shipped_in_14_days_is_refunded_wholly(
    shop: Shop, clock: Clock, drain: Drain
) -> None:
    order_id = await shop.paid()
    order = await shop.order(order_id)
    paid_at = datetime.fromisoformat(order["paid_at"])
    assert step(order, "ship") == ("seller", paid_at + timedelta(days=14), "refunded")
    listed = (await shop.client.get("/api/v1/orders", headers=shop.seller.by_key)).json()["data"]
    assert next(each for each in listed if each["id"] == order_id)["available_actions"] == order["available_actions"]
    early = await after(shop, drain, clock, order_id, timedelta(days=14, minutes=-5))
    assert (early["status"], await shop.balances()) == ("paid", HELD)
    late = await after(shop, drain, clock, order_id, timedelta(minutes=5))
    for who in (shop.buyer, shop.seller, shop.platform):
        seen = await shop.order(order_id, who)
        assert (seen["status"], seen["cancel_reason"], seen["hold"]["state"]) == (
            "cancelled",
            "not_shipped",
            "refunded",
        )
    assert late["cancelled_at"] is not None
    assert late["available_actions"] == []
    assert await shop.balances() == REFUNDED
    assert await facts(shop, order_id, "order.cancelled") == [{"reason": "not_shipped"}]
    assert await shop.sql("SELECT 1 FROM deadline WHERE subject_id = :id AND state = 'pending'", id=order_id) == []
    body = {"carrier": "sandbox", "tracking_number": "SB-LATE", "batch_id": str(shop.goods.batch_id)}
    answer = await shop.post(shop.seller, f"/orders/{order_id}/shipment", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "order_state")
    assert await shop.balances() == REFUNDED


async def test_a_shipped_order_is_not_refunded_for_not_being_shipped(shop: Shop, clock: Clock, drain: Drain) -> None:
    order_id = await shop.shipped()
    order = await after(shop, drain, clock, order_id, timedelta(days=15))
    assert (order["status"], await shop.balances()) == ("shipped", HELD)


async def test_a_frozen_hold_still_refunds_the_buyer_of_an_unshipped_order(
    shop: Shop, clock: Clock, drain: Drain
) -> None:
    order_id = await shop.paid()
    hold_id = UUID((await shop.order(order_id))["hold"]["id"])
    async with shop.database.begin() as tx:
        await freeze_hold(tx, SYSTEM, hold_id, kind="unreachable_seller", source_id=new_id(), now=await tx.now())
    order = await after(shop, drain, clock, order_id, timedelta(days=14, seconds=1))
    assert (order["status"], order["hold"]["state"], await shop.balances()) == ("cancelled", "refunded", REFUNDED)


async def test_shipping_at_the_deadline_races_the_refund_and_exactly_one_wins(shop: Shop, clock: Clock) -> None:
    async with shop.database.begin() as tx:
        seller = await person_actor(tx, shop.seller.person_id)
    orders = [UUID(await shop.paid(f"WX-{number}")) for number in range(RACES)]
    clock.forward(timedelta(days=14, seconds=1))
    start = asyncio.Barrier(2)

    async def ship(order_id: UUID) -> str:
        async with shop.database.begin() as tx:
            now = await tx.now()
            await start.wait()
            data = NewShipment("sandbox", f"SB-{order_id.hex[-12:]}", shop.goods.batch_id)
            try:
                await ship_order(tx, seller, order_id, data, now=now)
            except Conflict as error:
                return error.code
        return "shipped"

    async def refund(order_id: UUID) -> str:
        async with shop.database.begin() as tx:
            now = await tx.now()
            await start.wait()
            return "refunded" if await refund_unshipped(tx, order_id, now=now) else "too late"

    expected = {
        "shipped": ("too late", "shipped", "awaiting_delivery"),
        "order_state": ("refunded", "cancelled", "refunded"),
    }
    held = 0
    for order_id in orders:
        shipping, refunding = await asyncio.gather(ship(order_id), refund(order_id))
        (row,) = await shop.sql(
            'SELECT o.status, h.state FROM "order" o JOIN hold h ON h.reference_id = o.id WHERE o.id = :id', id=order_id
        )
        assert (refunding, row.status, row.state) == expected[shipping]
        held += 48_000 * (shipping == "shipped")
    refunds = 48_000 * RACES - held
    parts = {"gateway": -48_000 * RACES, "held": held, "refunds": refunds}
    assert await shop.balances() == {kind: amount for kind, amount in parts.items() if amount}


async def test_a_silent_buyer_is_asked_twice_and_refunded_after_seven_days(
    shop: Shop, clock: Clock, drain: Drain
) -> None:
    order_id = await shop.shipped()
    order = await shop.order(order_id)
    shipped_at = datetime.fromisoformat(order["shipped_at"])
    assert step(order, "prove_delivery") == ("seller", shipped_at + timedelta(days=30), "buyer_asked")
    order = await after(shop, drain, clock, order_id, timedelta(days=30, minutes=-5))
    assert order["arrival_asked_at"] is None
    early = await shop.post(shop.buyer, f"/orders/{order_id}/arrival", {"arrived": False})
    assert (early.status_code, early.json()["code"]) == (409, "arrival_not_asked")
    order = await after(shop, drain, clock, order_id, timedelta(minutes=5))
    asked_at = datetime.fromisoformat(order["arrival_asked_at"])
    assert step(order, "answer_arrival") == ("buyer", asked_at + timedelta(days=7), "refunded")
    assert step(order, "prove_delivery") == ("seller", asked_at + timedelta(days=7), "refunded")
    await after(shop, drain, clock, order_id, timedelta(days=4, seconds=1))
    asked = [
        row.facts for row in await shop.sql("SELECT facts FROM event WHERE name = 'order.arrival_asked' ORDER BY seq")
    ]
    assert asked == [{"question": 1}, {"question": 2}]
    order = await after(shop, drain, clock, order_id, timedelta(days=3, minutes=-5))
    assert (order["status"], await shop.balances()) == ("shipped", HELD)
    order = await after(shop, drain, clock, order_id, timedelta(minutes=5))
    assert (order["status"], order["cancel_reason"], order["hold"]["state"]) == (
        "cancelled",
        "not_delivered",
        "refunded",
    )
    assert await shop.balances() == REFUNDED
    proof = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"proof": await shop.proof(order_id)})
    assert (proof.status_code, proof.json()["code"]) == (409, "order_state")
    assert await shop.balances() == REFUNDED


async def asked(shop: Shop, clock: Clock, drain: Drain) -> str:
    """Return an order whose buyer was asked."""
    order_id = await shop.shipped()
    order = await after(shop, drain, clock, order_id, timedelta(days=30, seconds=1))
    assert order["arrival_asked_at"] is not None
    return order_id


async def test_yes_is_a_receipt_and_starts_the_window(shop: Shop, clock: Clock, drain: Drain) -> None:
    order_id = await asked(shop, clock, drain)
    answer = await shop.post(shop.buyer, f"/orders/{order_id}/arrival", {"arrived": True})
    assert answer.status_code == 201, answer.text
    order = await after(shop, drain, clock, order_id, timedelta(days=8))
    assert (order["status"], order["hold"]["state"], order["hold"]["proof_kind"]) == (
        "delivered",
        "in_window",
        "receipt",
    )
    assert (order["available_actions"], await shop.balances()) == ([], HELD)


async def test_after_no_the_seller_has_48_hours_to_bring_proof(shop: Shop, clock: Clock, drain: Drain) -> None:
    order_id = await asked(shop, clock, drain)
    answers = [await shop.post(shop.buyer, f"/orders/{order_id}/arrival", {"arrived": False}) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    order = answers[1].json()
    denied_at = datetime.fromisoformat(order["arrival_denied_at"])
    assert step(order, "prove_delivery") == ("seller", denied_at + timedelta(hours=48), "refunded")
    assert step(order, "confirm_receipt") == ("buyer", None, None)
    order = await after(shop, drain, clock, order_id, timedelta(hours=47))
    assert (order["status"], await shop.balances()) == ("shipped", HELD)
    order = await after(shop, drain, clock, order_id, timedelta(hours=1, seconds=1))
    assert (order["status"], order["cancel_reason"]) == ("cancelled", "not_delivered")
    assert await shop.balances() == REFUNDED


async def test_after_no_the_carriers_record_still_starts_the_window(shop: Shop, clock: Clock, drain: Drain) -> None:
    order_id = await asked(shop, clock, drain)
    await shop.post(shop.buyer, f"/orders/{order_id}/arrival", {"arrived": False})
    proof = await shop.post(shop.seller, f"/orders/{order_id}/delivery", {"proof": await shop.proof(order_id)})
    assert proof.status_code == 201, proof.text
    order = await after(shop, drain, clock, order_id, timedelta(days=3))
    assert (order["status"], order["hold"]["state"], await shop.balances()) == ("delivered", "in_window", HELD)


async def test_a_late_no_is_never_worse_than_silence(shop: Shop, clock: Clock, drain: Drain) -> None:
    order_id = await asked(shop, clock, drain)
    asked_at = datetime.fromisoformat((await shop.order(order_id))["arrival_asked_at"])
    clock.forward(timedelta(days=6, hours=12))
    order = (await shop.post(shop.buyer, f"/orders/{order_id}/arrival", {"arrived": False})).json()
    assert step(order, "prove_delivery") == ("seller", asked_at + timedelta(days=7), "refunded")


async def test_only_its_buyer_answers(shop: Shop, clock: Clock, drain: Drain) -> None:
    order_id = await asked(shop, clock, drain)
    other = shop.world.account(Role.BUYER, Whose.OTHERS)
    for who, status, code in ((other, 404, "order_not_found"), (shop.seller, 403, "role_not_allowed")):
        for arrived in (True, False):
            answer = await shop.post(who, f"/orders/{order_id}/arrival", {"arrived": arrived})
            assert (answer.status_code, answer.json()["code"]) == (status, code)
    order = await shop.order(order_id)
    assert (order["status"], order["arrival_denied_at"], await shop.balances()) == ("shipped", None, HELD)


@pytest.mark.parametrize("is_shipped", [False, True])
async def test_an_order_whose_payment_went_back_by_other_ways_is_cancelled(
    shop: Shop, drain: Drain, is_shipped: bool
) -> None:
    order_id = await (shop.shipped() if is_shipped else shop.paid())
    hold_id = UUID((await shop.order(order_id))["hold"]["id"])
    async with shop.database.begin() as tx:
        await refund_hold(tx, SYSTEM, hold_id, decided_by=new_id(), now=await tx.now())
    await drain()
    order = await shop.order(order_id)
    assert (order["status"], order["cancel_reason"], order["available_actions"]) == ("cancelled", "refunded", [])
    assert await shop.balances() == REFUNDED
