"""The seller's money page over the whole application: balances, a payout asked for once, refusals beside the field."""

import pytest

from service.core.actor import SYSTEM
from service.escrow import actions as escrow
from service.escrow.check import reconcile
from service.escrow.queries import hold_by_reference
from service.sellers.actions import reinstate_seller, suspend_seller
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.web.desks import Desk, desk
from tests.world import person_actor

__all__ = ["cases", "desk"]


async def earned(cases: Cases) -> None:
    """Let our shop have 465.60 CNY: an order of 480.00 less 3 % fee."""
    order_id = await cases.order()
    async with cases.database.begin() as tx:
        hold = await hold_by_reference(tx, order_id)
        assert hold is not None
        buyer = await person_actor(tx, cases.buyer.person_id)
        await escrow.waive_window(tx, buyer, hold.id, now=await tx.now())


@pytest.mark.parametrize(
    ("language", "heading", "asked", "state"),
    [
        ("en", "Money", "Your payout was asked for.", "On its way"),
        ("zh", "资金", "提现申请已提交。", "提现中"),
    ],
)
async def test_a_seller_asks_for_a_payout_and_sees_it_on_its_way(
    cases: Cases, desk: Desk, language: Language, heading: str, asked: str, state: str
) -> None:
    await earned(cases)
    seller = await desk(cases.seller, language).open("/seller/money")
    assert (seller.status, seller.heading) == (200, heading)
    assert "465.60" in seller.text
    await seller.answer({"amount": "65.60"})
    assert (seller.status, seller.at) == (200, "/seller/money")
    for said in (asked, state, "400.00", "65.60"):
        assert said in seller.text, said
    rows = await cases.sql("SELECT kind, amount_minor, state FROM payment WHERE kind = 'payout'")
    assert [tuple(row) for row in rows] == [("payout", 6_560, "requested")]
    async with cases.database.begin() as tx:
        assert await reconcile(tx) == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("465.61", "The amount is above the balance"),
        ("", "Enter an amount"),
        ("much", "Enter an amount in figures, such as 120.50"),
        ("0.001", "Enter an amount in figures, such as 120.50"),
        ("0", "at least"),
    ],
)
async def test_a_wrong_amount_is_told_beside_its_field_and_moves_nothing(
    cases: Cases, desk: Desk, typed: str, told: str
) -> None:
    await earned(cases)
    seller = await desk(cases.seller).open("/seller/money")
    await seller.answer({"amount": typed})
    assert seller.status in (409, 422)
    assert told in seller.text or typed == "0"
    assert await cases.sql("SELECT FROM payment WHERE kind = 'payout'") == []


async def test_a_blocked_shop_is_told_and_has_no_form(cases: Cases, desk: Desk) -> None:
    await earned(cases)
    async with cases.database.begin() as tx:
        await escrow.block_payouts(tx, SYSTEM, cases.seller_id, reason="review", now=await tx.now())
    seller = await desk(cases.seller).open("/seller/money")
    assert "Payouts to your shop are blocked for now." in seller.text
    assert 'name="amount"' not in seller.page


@pytest.mark.parametrize(
    ("language", "since", "why"),
    [
        ("en", "Your shop has been suspended since", "the goods may be unsafe. It takes no orders"),
        ("zh", "起已被暂停：", "商品可能不安全。 恢复之前不能接单"),
    ],
)
async def test_a_suspended_shop_is_told_why_on_its_pages_until_it_is_reinstated(
    cases: Cases, desk: Desk, language: Language, since: str, why: str
) -> None:
    await earned(cases)
    async with cases.database.begin() as tx:
        await suspend_seller(tx, SYSTEM, cases.seller_id, reason="unsafe_goods", now=await tx.now())
    for place in ("/seller/inbox", "/seller/money"):
        seller = await desk(cases.seller, language).open(place)
        assert seller.status == 200
        assert since in seller.text
        assert why in seller.text
        assert 'name="amount"' not in seller.page
    async with cases.database.begin() as tx:
        await reinstate_seller(tx, SYSTEM, cases.seller_id, now=await tx.now())
    inbox, money = [await desk(cases.seller, language).open(place) for place in ("/seller/inbox", "/seller/money")]
    assert since not in inbox.text + money.text
    assert 'name="amount"' in money.page
