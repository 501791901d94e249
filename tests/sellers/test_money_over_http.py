"""A seller's money over HTTP: balances, payouts, deposits and blocks, with the provider's signed notices."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from service.app import Service
from service.core.actor import SYSTEM, Role
from service.core.ids import new_id
from service.core.money import Money
from service.core.signatures import sign_message
from service.core.wire import Kind, MoneyNotice, State, encode
from service.db.session import Database
from service.escrow import actions as escrow
from service.escrow.check import reconcile
from service.escrow.queries import hold_by_reference
from service.settings import Settings
from tests.world import Whose, World, person_actor

Drain = Callable[[], Awaitable[None]]
PROVIDER_KINDS = {"payout": Kind.PAYOUT, "deposit_return": Kind.PAYOUT, "deposit": Kind.CAPTURE, "refund": Kind.REFUND}


class Shop:
    """Our seller, what it has, and a provider that we speak for."""

    def __init__(self, client: httpx.AsyncClient, database: Database, world: World, settings: Settings) -> None:
        self.client, self.database, self.world, self.settings = client, database, world, settings
        self.seller_id = world.things["seller", Whose.OWN]

    async def call(
        self, method: str, path: str, body: Any = None, *, role: Role = Role.SELLER, key: str | None = None
    ) -> httpx.Response:
        headers = self.world.account(role).by_key | ({} if key is None else {"Idempotency-Key": key})
        return await self.client.request(method, f"/api/v1{path}", json=body, headers=headers)

    async def mine(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.call(method, f"/sellers/{self.seller_id}{path}", body, **more)

    async def earn(self, amount_minor: int, currency: str = "CNY") -> None:
        """Release a hold to the shop."""
        async with self.database.begin() as tx:
            now = await tx.now()
            buyer = await person_actor(tx, self.world.account(Role.BUYER).person_id)
            reference_id = new_id()
            payment = await escrow.request_payment(
                tx,
                tenant_id=self.world.tenant_ids[Whose.OWN],
                reference_id=reference_id,
                seller_id=self.seller_id,
                buyer_id=buyer.person_id,
                product_id=self.world.things["product", Whose.OWN],
                batch_id=self.world.things["batch", Whose.OWN],
                amount=Money(amount_minor, currency),
                fee_bps=300,
                now=now,
            )
            await escrow.record_outcome(tx, payment.id, state="done", now=now)
            hold = await hold_by_reference(tx, reference_id)
            assert hold is not None
            await escrow.start_window(
                tx, hold.id, window=timedelta(days=10), proof_kind="carrier", proof_id=None, now=now
            )
            await escrow.waive_window(tx, buyer, hold.id, now=now)

    async def told(self, payment_id: str, state: State) -> None:
        """Let the provider say how an operation went."""
        async with self.database.begin() as tx:
            query = text("SELECT kind, amount_minor, currency, fairhold_now() AS now FROM payment WHERE id = :id")
            row = (await tx.execute(query, {"id": UUID(payment_id)})).one()
        notice = MoneyNotice(
            id=f"nt_{new_id().hex}",
            kind=PROVIDER_KINDS[row.kind],
            client_id=payment_id,
            state=state,
            amount_minor=row.amount_minor,
            currency=row.currency,
            at="2026-11-22T08:00:00.000000Z",
            reason="refused" if state is State.FAILED else None,
        )
        body = encode(notice)
        signed = sign_message(self.settings.gateway_secret, notice.id, body, now=row.now)
        answer = await self.client.post("/api/v1/inbound/gateway", content=body, headers=signed)
        assert answer.status_code == 202, answer.text

    async def balances(self) -> dict[str, tuple[int, ...]]:
        """Return payable, deposit, owed and in transit, by currency; currencies without any money are left out."""
        answer = await self.mine("GET", "/balances")
        assert answer.status_code == 200, answer.text
        names = ("payable", "deposit", "owed", "in_transit")
        found = {
            each["payable"]["currency"]: tuple(each[name]["amount_minor"] for name in names)
            for each in answer.json()["data"]
        }
        return {currency: minor for currency, minor in found.items() if any(minor)}

    async def assert_clean(self) -> None:
        async with self.database.begin() as tx:
            assert await reconcile(tx) == []


@pytest.fixture
def shop(client: httpx.AsyncClient, service: Service, world: World, settings: Settings) -> Shop:
    return Shop(client, service.database, world, settings)


def money(amount_minor: Any, currency: str = "CNY") -> dict[str, Any]:
    return {"amount": {"amount_minor": amount_minor, "currency": currency}}


async def test_a_payout_is_asked_for_once_and_ends_as_the_provider_says(shop: Shop, drain: Drain) -> None:
    await shop.earn(100_000)
    asked = await shop.mine("POST", "/payouts", money(60_000), key="monday")
    assert (asked.status_code, asked.json()["state"], asked.json()["netted"]["amount_minor"]) == (202, "requested", 0)
    again = await shop.mine("POST", "/payouts", money(60_000), key="monday")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (asked.json(), "true")
    other = await shop.mine("POST", "/payouts", money(60_001), key="monday")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await shop.balances() == {"CNY": (37_000, 0, 0, 60_000)}
    await shop.told(asked.json()["id"], State.DONE)
    await drain()
    shown = await shop.client.get(asked.headers["Location"], headers=shop.world.account(Role.SELLER).by_key)
    assert (shown.json()["state"], await shop.balances()) == ("done", {"CNY": (37_000, 0, 0, 0)})
    await shop.assert_clean()


async def test_a_pruned_key_does_not_pay_twice(shop: Shop, owner_url: str) -> None:
    await shop.earn(100_000)
    assert (await shop.mine("POST", "/payouts", money(10_000), key="monday")).status_code == 202
    owner = Database(owner_url)
    async with owner.begin() as tx:
        await tx.execute(text("DELETE FROM idempotency_key"))
    await owner.close()
    again = await shop.mine("POST", "/payouts", money(10_000), key="monday")
    assert (again.status_code, again.json()["code"]) == (409, "payout_exists")
    assert await shop.balances() == {"CNY": (87_000, 0, 0, 10_000)}


async def test_a_refused_payout_is_back_and_says_why(shop: Shop, drain: Drain) -> None:
    await shop.earn(8_000, "JPY")
    asked = (await shop.mine("POST", "/payouts", money(7_760, "JPY"))).json()
    await shop.told(asked["id"], State.FAILED)
    await drain()
    listed = (await shop.call("GET", "/payouts?state=failed")).json()["data"]
    assert [(each["id"], each["reason"]) for each in listed] == [(asked["id"], "refused")]
    assert await shop.balances() == {"JPY": (7_760, 0, 0, 0)}
    await shop.assert_clean()


async def test_wrong_amounts_are_refused_with_codes_and_nothing_moves(shop: Shop) -> None:
    await shop.earn(10_000)
    before = await shop.balances()
    wrong = [
        (money(0), 422, "amount_not_positive"),
        (money(-1), 422, "fields_wrong"),
        (money(1.5), 422, "fields_wrong"),
        (money(10**16), 422, "fields_wrong"),
        (money(1, "XXX"), 422, "currency_unknown"),
        (money(9_701), 409, "amount_above_balance"),
        (money(1, "KWD"), 409, "amount_above_balance"),
        ({}, 422, "fields_wrong"),
    ]
    for body, status, code in wrong:
        for path in ("/payouts", "/deposits"):
            is_out = path == "/deposits" and code == "amount_above_balance"
            answer = await shop.mine("POST", path, body | ({"direction": "out"} if is_out else {}))
            assert (answer.status_code, answer.json()["code"]) == (status, code), (path, body, answer.text)
    assert (await shop.mine("POST", "/deposits", money(1) | {"direction": "up"})).status_code == 422
    facts = (await shop.mine("POST", "/payouts", money(9_701))).json()["facts"]
    assert (facts["available_minor"], facts["currency"]) == (9_700, "CNY")
    assert await shop.balances() == before
    await shop.assert_clean()


async def test_a_deposit_goes_in_and_out_over_the_provider(shop: Shop, drain: Drain) -> None:
    paid = await shop.mine("POST", "/deposits", money(50_000))
    assert (paid.status_code, paid.json()["direction"]) == (202, "in")
    assert await shop.balances() == {}
    await shop.told(paid.json()["id"], State.DONE)
    await drain()
    assert await shop.balances() == {"CNY": (0, 50_000, 0, 0)}
    back = await shop.mine("POST", "/deposits", money(20_000) | {"direction": "out"})
    assert await shop.balances() == {"CNY": (0, 30_000, 0, 20_000)}
    await shop.told(back.json()["id"], State.DONE)
    await drain()
    assert await shop.balances() == {"CNY": (0, 30_000, 0, 0)}
    listed = (await shop.mine("GET", "/deposits")).json()["data"]
    assert [(each["direction"], each["state"]) for each in listed] == [("out", "done"), ("in", "done")]
    await shop.assert_clean()


async def test_supervisors_block_payouts_and_operators_lift_them(shop: Shop) -> None:
    await shop.earn(10_000)
    made = await shop.mine("POST", "/payout-blocks", {"reason": "review"}, role=Role.SUPERVISOR)
    assert (made.status_code, made.json()["reason"]) == (201, "review")
    twice = await shop.mine("POST", "/payout-blocks", {"reason": "review"}, role=Role.SUPERVISOR)
    assert (twice.status_code, twice.json()["code"]) == (409, "block_exists")
    blocked = await shop.mine("POST", "/payouts", money(1))
    assert (blocked.status_code, blocked.json()["code"]) == (409, "payouts_blocked")
    seen = (await shop.mine("GET", "/payout-blocks")).json()["data"]
    assert [(each["reason"], each["lifted_at"]) for each in seen] == [("review", None)]
    place = f"/payout-blocks/{made.json()['id']}"
    for _ in range(2):
        assert (await shop.mine("DELETE", place, role=Role.OPERATOR)).status_code == 204
    unknown = await shop.mine("DELETE", f"/payout-blocks/{new_id()}", role=Role.OPERATOR)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "block_not_found")
    assert (await shop.mine("POST", "/payouts", money(9_700))).status_code == 202
    await shop.assert_clean()


async def test_an_operator_asks_for_a_failed_refund_again(shop: Shop, drain: Drain) -> None:
    async with shop.database.begin() as tx:
        hold_id = shop.world.things["hold", Whose.OWN]
        await escrow.refund_hold(tx, SYSTEM, hold_id, decided_by=hold_id, now=await tx.now())
    refund = (await shop.call("GET", "/payments?kind=refund", role=Role.OPERATOR)).json()["data"][0]
    early = await shop.call("POST", f"/payments/{refund['id']}/retry", role=Role.OPERATOR)
    assert (early.status_code, early.json()["code"]) == (409, "payment_not_retryable")
    await shop.told(refund["id"], State.FAILED)
    await drain()
    alerts = (await shop.call("GET", "/alerts", role=Role.OPERATOR)).json()["data"]
    assert [(each["kind"], each["subject_id"]) for each in alerts] == [("refund_failed", refund["id"])]
    again = await shop.call("POST", f"/payments/{refund['id']}/retry", role=Role.OPERATOR)
    assert (again.status_code, again.json()["state"]) == (202, "requested")
    await shop.told(again.json()["id"], State.DONE)
    await drain()
    shown = await shop.call("GET", f"/payments/{again.json()['id']}", role=Role.PLATFORM)
    assert shown.json()["state"] == "done"
    assert (await shop.call("GET", "/alerts", role=Role.OPERATOR)).json()["data"] == []
    await shop.assert_clean()
