"""A seller is suspended and reinstated: what that stops, what goes on, and who may."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from service.accounts.actions import grant_role
from service.app import Service
from service.core.actor import COMMONS, Role
from service.escrow.check import reconcile
from service.sellers.rules import SELLER
from tests.complaints.conftest import Cases, cases
from tests.conftest import Clock
from tests.world import Account, Whose

__all__ = ["cases"]
Drain = Callable[[], Awaitable[None]]
WINDOW = timedelta(days=10)
PAYOUT = {"amount": {"amount_minor": 100, "currency": "CNY"}}


class Street:
    """Our seller, and who may do what with it over HTTP."""

    def __init__(self, cases: Cases) -> None:
        self.cases = cases
        self.operator = cases.who(Role.OPERATOR)

    async def call(self, method: str, path: str, body: Any = None, *, by: Account | None = None) -> httpx.Response:
        place = f"/api/v1/sellers/{self.cases.seller_id}{path}"
        return await self.cases.client.request(method, place, json=body, headers=(by or self.operator).by_key)

    async def suspend(self, reason: str = "unsafe_goods", *, by: Account | None = None) -> httpx.Response:
        return await self.call("POST", "/suspension", {"reason": reason}, by=by)

    async def reinstate(self, *, by: Account | None = None) -> httpx.Response:
        return await self.call("DELETE", "/suspension", by=by)

    async def pay_out(self) -> httpx.Response:
        return await self.call("POST", "/payouts", PAYOUT, by=self.cases.seller)

    async def place(self, ref: str) -> httpx.Response:
        body = {
            "tenant_id": str(self.cases.world.tenant_ids[Whose.OWN]),
            "platform_ref": ref,
            "seller_id": str(self.cases.seller_id),
            "product_id": str(self.cases.goods.product_id),
            "amount": {"amount_minor": 48_000, "currency": "CNY"},
        }
        by = self.cases.who(Role.PLATFORM).by_key
        return await self.cases.client.post("/api/v1/orders", json=body, headers=by)

    async def pay(self, order_id: str) -> httpx.Response:
        by = self.cases.who(Role.PLATFORM).by_key
        return await self.cases.client.post(f"/api/v1/orders/{order_id}/payment", headers=by)

    async def status(self) -> str:
        shown = (await self.call("GET", "", by=self.cases.buyer)).json()
        return str(shown["status"])

    async def blocks(self) -> list[tuple[str, bool]]:
        found = (await self.call("GET", "/payout-blocks")).json()["data"]
        return [(each["reason"], each["lifted_at"] is None) for each in found]

    async def told(self) -> list[tuple[str, dict[str, Any]]]:
        rows = await self.cases.sql(
            "SELECT name, facts FROM event WHERE name IN ('seller.suspended', 'seller.reinstated') ORDER BY seq"
        )
        return [(name, facts) for name, facts in rows]


@pytest.fixture
def street(cases: Cases) -> Street:
    return Street(cases)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_suspended_seller_takes_no_orders_and_no_payments_until_it_is_reinstated(street: Street) -> None:
    unpaid = (await street.place("WX-1")).json()["id"]
    assert (await street.suspend()).status_code == 201
    assert await street.status() == "suspended"
    assert refusal(await street.place("WX-2")) == (409, "seller_suspended")
    assert refusal(await street.pay(unpaid)) == (409, "seller_suspended")
    held = "SELECT (SELECT count(*) FROM \"order\" WHERE platform_ref LIKE 'WX-%'), count(*) FROM payment"
    before = await street.cases.sql("SELECT count(*) FROM payment")
    assert [tuple(row) for row in await street.cases.sql(held)] == [(1, before[0][0])]
    assert (await street.reinstate()).status_code == 204
    assert await street.status() == "active"
    assert (await street.place("WX-2")).status_code == 201
    assert (await street.pay(unpaid)).status_code == 202


async def test_what_it_sold_before_is_released_but_not_paid_out_until_it_is_reinstated(
    street: Street, service: Service, clock: Clock, drain: Drain
) -> None:
    order_id = await street.cases.order()
    on_its_way = await street.cases.order("WX-2", delivered=False)
    await street.suspend()
    await drain()
    clock.forward(WINDOW + timedelta(minutes=1))
    await drain()
    states = await street.cases.sql("SELECT reference_id, state FROM hold WHERE reference_id = ANY (:ids)",
                                    ids=[order_id, on_its_way])  # fmt: skip
    assert {row[0]: row[1] for row in states} == {order_id: "released", on_its_way: "awaiting_delivery"}
    (balance,) = (await street.call("GET", "/balances", by=street.cases.seller)).json()["data"]
    assert balance["payable"] == {"amount_minor": 46_560, "currency": "CNY"}
    assert refusal(await street.pay_out()) == (409, "payouts_blocked")
    assert await street.blocks() == [("suspended", True)]
    await street.reinstate()
    await drain()
    assert await street.blocks() == [("suspended", False)]
    assert (await street.pay_out()).status_code == 202
    async with service.database.begin() as tx:
        assert await reconcile(tx) == []


async def test_a_buyer_of_a_suspended_seller_claims_and_gets_the_money_back(street: Street) -> None:
    await street.cases.order()
    await street.suspend()
    whole = {"amount_minor": 48_000, "currency": "CNY"}
    complaint_id = (await street.cases.filed(street.cases.orders[-1], claim=whole))["id"]
    answer = await street.cases.send(f"/{complaint_id}/answer", {"decision": "accept"}, by=street.cases.seller)
    assert answer.status_code == 200, answer.text
    rows = await street.cases.sql("SELECT state FROM hold WHERE reference_id = :id", id=street.cases.orders[-1])
    assert [row[0] for row in rows] == ["refunded"]


async def test_payouts_are_blocked_at_once_and_a_block_for_another_reason_stays(street: Street, drain: Drain) -> None:
    await street.call("POST", "/payout-blocks", {"reason": "review"})
    await street.suspend()
    assert await street.blocks() == [("suspended", True), ("review", True)]
    await drain()
    await street.reinstate()
    await drain()
    assert await street.blocks() == [("suspended", False), ("review", True)]
    assert refusal(await street.pay_out()) == (409, "payouts_blocked")
    await street.suspend("suspected_fraud")
    assert await street.blocks() == [("suspended", True), ("suspended", False), ("review", True)]


async def test_the_block_of_a_suspension_is_not_lifted_by_itself(street: Street) -> None:
    await street.suspend()
    (block,) = (await street.call("GET", "/payout-blocks")).json()["data"]
    for who in (street.operator, street.cases.who(Role.SUPERVISOR)):
        refused = await street.call("DELETE", f"/payout-blocks/{block['id']}", by=who)
        assert refusal(refused) == (409, "block_of_suspension")
    assert await street.blocks() == [("suspended", True)]
    assert (await street.call("POST", "/payout-blocks", {"reason": "suspended"})).status_code == 422


async def test_a_step_that_does_not_fit_is_a_conflict_and_changes_nothing(street: Street) -> None:
    early = await street.reinstate()
    assert (refusal(early), early.json()["facts"]) == (
        (409, "seller_state"), {"state": "active", "action": "reinstate"},
    )  # fmt: skip
    await street.suspend()
    again = await street.suspend("authority_order")
    assert (refusal(again), again.json()["facts"]) == (
        (409, "seller_state"), {"state": "suspended", "action": "suspend"},
    )  # fmt: skip
    assert await street.told() == [("seller.suspended", {"reason": "unsafe_goods"})]
    assert await street.blocks() == [("suspended", True)]


async def test_the_same_key_suspends_once_and_answers_the_same(street: Street) -> None:
    place = f"/api/v1/sellers/{street.cases.seller_id}/suspension"
    headers = street.operator.by_key | {"Idempotency-Key": "stop-1"}
    answers = [await street.cases.client.post(place, json={"reason": "unreachable"}, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert answers[0].headers["location"] == place
    assert len(await street.told()) == 1


async def test_of_many_who_suspend_at_once_one_does(street: Street) -> None:
    answers = await asyncio.gather(*(street.suspend() for _ in range(8)))
    assert sorted(each.status_code for each in answers) == [201] + [409] * 7
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"seller_state"}
    assert await street.blocks() == [("suspended", True)]
    assert len(await street.told()) == 1


async def test_its_people_and_staff_see_why_and_nobody_else(street: Street) -> None:
    never = {"seller_id": str(street.cases.seller_id), "is_suspended": False, "reason": None, "since": None}
    assert (await street.call("GET", "/suspension")).json() == never
    made = (await street.suspend("authority_order")).json()
    assert (made["is_suspended"], made["reason"], made["since"] is None) == (True, "authority_order", False)
    for who in (street.cases.seller, street.operator, street.cases.who(Role.SUPERVISOR)):
        assert (await street.call("GET", "/suspension", by=who)).json() == made
    stranger = street.cases.who(Role.SELLER, Whose.OTHERS)
    assert refusal(await street.call("GET", "/suspension", by=stranger)) == (403, "not_your_seller")
    await street.reinstate()
    await street.suspend("unreachable")
    await street.reinstate()
    assert (await street.call("GET", "/suspension")).json() == never
    assert await street.told() == [
        ("seller.suspended", {"reason": "authority_order"}),
        ("seller.reinstated", {}),
        ("seller.suspended", {"reason": "unreachable"}),
        ("seller.reinstated", {}),
    ]


async def test_only_operators_suspend_and_none_their_own_seller(street: Street) -> None:
    for who in (street.cases.seller, street.cases.who(Role.SUPERVISOR), street.cases.mediator):
        assert refusal(await street.suspend(by=who)) == (403, "role_not_allowed")
        assert refusal(await street.reinstate(by=who)) == (403, "role_not_allowed")
    async with street.cases.database.begin() as tx:
        now = await tx.now()
        await grant_role(tx, street.operator.person_id, Role.SELLER, COMMONS, street.cases.seller_id, now=now)
    assert refusal(await street.suspend()) == (403, "own_case")
    assert refusal(await street.reinstate()) == (403, "own_case")
    assert (await street.status(), await street.told(), await street.blocks()) == ("active", [], [])


@pytest.mark.parametrize("body", [{}, {"reason": "envy"}, {"reason": None}, {"reason": "unreachable", "note": "x"}])
async def test_a_reason_is_one_of_the_list(street: Street, body: dict[str, Any]) -> None:
    assert refusal(await street.call("POST", "/suspension", body)) == (422, "fields_wrong")
    assert await street.status() == "active"


@pytest.mark.parametrize("state", SELLER.states)
@pytest.mark.parametrize("action", SELLER.actions)
def test_the_life_cycle_goes_there_and_back_and_nowhere_else(state: str, action: str) -> None:
    expected = {("active", "suspend"): "suspended", ("suspended", "reinstate"): "active"}
    row = SELLER.table.get((state, action))
    assert (row and row.to) == expected.get((state, action))
    assert row is None or row.who == {"operator"}
