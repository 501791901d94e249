"""Bad input at every route that moves or freezes money: a problem document with a stable code, and nothing moves."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from service.core.actor import Role
from service.core.ids import new_id
from service.core.money import AMOUNT_MINOR_MAX
from service.escrow.check import reconcile
from tests.complaints.conftest import Cases
from tests.escrow.unmoved import unmoved
from tests.money.life import Life
from tests.world import Account

HELD = 48_000
EARNED = 46_560
UNKNOWN = "01a00000-0000-7000-8000-000000000000"
# What no amount can be, wherever one is asked for.
AMOUNTS: list[tuple[dict[str, Any], str]] = [
    ({"amount_minor": -1, "currency": "CNY"}, "fields_wrong"),
    ({"amount_minor": AMOUNT_MINOR_MAX + 1, "currency": "CNY"}, "fields_wrong"),
    ({"amount_minor": 10**30, "currency": "CNY"}, "fields_wrong"),
    ({"amount_minor": 1.5, "currency": "CNY"}, "fields_wrong"),
    ({"amount_minor": "100", "currency": "CNY"}, "fields_wrong"),
    ({"amount_minor": True, "currency": "CNY"}, "fields_wrong"),
    ({"amount_minor": 100}, "fields_wrong"),
    ({"amount_minor": 100, "currency": "cny"}, "fields_wrong"),
    ({"amount_minor": 100, "currency": "XXX"}, "currency_unknown"),
]


@dataclass(slots=True)
class Street:
    """Orders in every state, a seller with money, and the one who asks."""

    life: Life
    unpaid: str
    shipped: str
    delivered: str
    claimed: str
    released: str
    dispute: str

    @property
    def cases(self) -> Cases:
        return self.life.cases

    async def refuses(self, who: Account, path: str, body: Any, status: int, code: str) -> None:
        """Assert that a request is refused with this code, and that nothing moved."""
        async with unmoved(self.cases.database):
            answer = await self.life.post(who, path, body)
            check_problem(answer, status, code)


def check_problem(answer: httpx.Response, status: int, code: str) -> None:
    told = (answer.status_code, answer.json().get("code"))
    assert told == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.fixture
async def street(cases: Cases) -> Street:
    life = Life(cases)
    released = await life.delivered(ref="WX-1")
    assert (await life.waive(released)).is_success
    claimed = await life.delivered(ref="WX-2")
    dispute = await life.disputed(await life.claimed(claimed, HELD))
    return Street(
        life,
        unpaid=await life.placed(ref="WX-3"),
        shipped=await life.shipped(ref="WX-4"),
        delivered=await life.delivered(ref="WX-5"),
        claimed=claimed,
        released=released,
        dispute=dispute,
    )


async def test_no_route_takes_an_amount_that_is_none(street: Street) -> None:
    life, cases = street.life, street.cases
    seller = f"/sellers/{cases.seller_id}"
    for amount, code in AMOUNTS:
        for who, path, body in (
            (life.platform, "/orders", life.new_order(amount, "WX-9")),
            (cases.buyer, "/complaints", life.complaint(street.delivered, amount)),
            (cases.mediator, f"/disputes/{street.dispute}/ruling", {"buyer": amount, "reasons": "x"}),
            (cases.seller, f"{seller}/payouts", {"amount": amount}),
            (cases.seller, f"{seller}/deposits", {"amount": amount}),
            (cases.seller, f"{seller}/deposits", {"amount": amount, "direction": "out"}),
        ):
            is_claim = path == "/complaints" and code == "currency_unknown"
            await street.refuses(who, path, body, 422, "claim_currency_differs" if is_claim else code)


async def test_amounts_that_do_not_fit_what_there_is_are_refused(street: Street) -> None:
    life, cases = street.life, street.cases
    seller = f"/sellers/{cases.seller_id}"

    def yuan(minor: int) -> dict[str, Any]:
        return {"amount_minor": minor, "currency": "CNY"}

    for who, path, body, status, code in (
        (life.platform, "/orders", life.new_order(yuan(0), "WX-9"), 422, "amount_not_positive"),
        (cases.buyer, "/complaints", life.complaint(street.delivered, yuan(0)), 422, "claim_not_positive"),
        (cases.buyer, "/complaints", life.complaint(street.delivered, yuan(HELD + 1)), 422, "claim_above_order"),
        (cases.mediator, f"/disputes/{street.dispute}/ruling", {"buyer": yuan(HELD + 1), "reasons": "x"}, 422,
         "amount_above_hold"),
        (cases.seller, f"{seller}/payouts", {"amount": yuan(0)}, 422, "amount_not_positive"),
        (cases.seller, f"{seller}/payouts", {"amount": yuan(EARNED + 1)}, 409, "amount_above_balance"),
        (cases.seller, f"{seller}/payouts", {"amount": {"amount_minor": 1, "currency": "JPY"}}, 409,
         "amount_above_balance"),
        (cases.seller, f"{seller}/deposits", {"amount": yuan(0)}, 422, "amount_not_positive"),
        (cases.seller, f"{seller}/deposits", {"amount": yuan(1), "direction": "out"}, 409, "amount_above_balance"),
    ):  # fmt: skip
        await street.refuses(who, path, body, status, code)


async def test_what_is_unknown_is_not_found(street: Street) -> None:
    life, cases = street.life, street.cases
    operator = cases.who(Role.OPERATOR)
    proof = await life.proof(street.shipped, "WX-4")
    some = {"amount_minor": 1, "currency": "CNY"}
    for who, path, body, code in (
        (life.platform, f"/orders/{UNKNOWN}/payment", None, "order_not_found"),
        (cases.seller, f"/orders/{UNKNOWN}/delivery", {"proof": proof}, "order_not_found"),
        (cases.buyer, f"/orders/{UNKNOWN}/receipt", {}, "order_not_found"),
        (cases.buyer, "/complaints", life.complaint(UNKNOWN, some), "order_not_found"),
        (cases.buyer, f"/complaints/{UNKNOWN}/submission", None, "complaint_not_found"),
        (cases.mediator, f"/disputes/{UNKNOWN}/ruling", {"buyer": some, "reasons": "x"}, "dispute_not_found"),
        (cases.buyer, f"/disputes/{UNKNOWN}/acceptance", None, "dispute_not_found"),
        (operator, f"/payments/{UNKNOWN}/retry", None, "payment_not_found"),
        (operator, f"/sellers/{UNKNOWN}/payouts", {"amount": some}, "seller_not_found"),
        (operator, f"/sellers/{UNKNOWN}/deposits", {"amount": some}, "seller_not_found"),
        (operator, f"/sellers/{UNKNOWN}/payout-blocks", {"reason": "review"}, "seller_not_found"),
    ):
        await street.refuses(who, path, body, 404, code)
    for path, code in ((f"/holds/{UNKNOWN}", "hold_not_found"), (f"/payouts/{UNKNOWN}", "payout_not_found"),
                       (f"/payments/{UNKNOWN}", "payment_not_found")):  # fmt: skip
        answer = await cases.client.get(f"/api/v1{path}", headers=operator.by_key)
        check_problem(answer, 404, code)


async def test_the_wrong_state_is_a_conflict(street: Street) -> None:
    life, cases = street.life, street.cases
    whole = {"amount_minor": HELD, "currency": "CNY"}
    draft = str((await life.ok(cases.buyer, "/complaints", life.complaint(street.released, whole)))["id"])
    for who, path, body, code in (
        (life.platform, f"/orders/{street.shipped}/payment", None, "order_state"),
        (life.platform, f"/orders/{street.released}/payment", None, "order_state"),
        (cases.buyer, f"/orders/{street.unpaid}/receipt", {}, "order_state"),
        (cases.buyer, f"/complaints/{draft}/submission", None, "nothing_held"),
        (cases.buyer, f"/disputes/{street.dispute}/acceptance", None, "dispute_state"),
    ):
        await street.refuses(who, path, body, 409, code)
    async with unmoved(cases.database):
        for order_id, code in ((street.claimed, "hold_frozen"), (street.released, "hold_state")):
            check_problem(await life.waive(order_id), 409, code)
    async with cases.database.begin() as tx:
        assert await reconcile(tx) == []


async def test_only_the_right_people_move_money(street: Street) -> None:
    cases = street.cases
    some = {"amount": {"amount_minor": 1, "currency": "CNY"}}
    seller = f"/sellers/{cases.seller_id}"
    await street.refuses(
        cases.buyer, f"/orders/{street.delivered}/receipt", {"waive": True}, 403, "waiver_needs_session"
    )
    for who in (cases.buyer, cases.mediator, street.life.platform):
        for path in ("payouts", "deposits"):
            await street.refuses(who, f"{seller}/{path}", some, 403, "role_not_allowed")
    await street.refuses(cases.seller, f"{seller}/payout-blocks", {"reason": "review"}, 403, "role_not_allowed")
    await street.refuses(cases.who(Role.OPERATOR), f"{seller}/payout-blocks", {"reason": "envy"}, 422, "fields_wrong")
    await street.refuses(cases.seller, f"/payments/{new_id()}/retry", None, 403, "role_not_allowed")
