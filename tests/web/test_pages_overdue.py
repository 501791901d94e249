"""Late orders on the pages of both sides, in both languages: what is awaited, the question, and how it ended."""

from uuid import UUID

import pytest

from service.orders.overdue import ask_arrival, refund_undelivered, refund_unshipped
from service.web.language import Language
from tests.complaints.conftest import Cases
from tests.web.desks import Desk

BOTH = pytest.mark.parametrize("language", ["en", "zh"])
WAITS = {
    "en": ("13 days left for the seller to send it", "If nothing happens, you get your money back"),
    "zh": ("卖家发货剩 13 天", "如到期仍无结果，将退款给您"),
}
MUST = {
    "en": ("13 days left to send it", "If you do not send it, the buyer is refunded"),
    "zh": ("发货剩 13 天", "如不发货，将退款给买家"),
}
ASKED = {
    "en": (
        "It should have come by now. Has it come?",
        "6 days left to say whether it came",
        "No, it has not come",
    ),
    "zh": ("按时间应已送达。您收到货了吗？", "确认是否收到货剩 6 天", "没有，还没收到货"),
}
NOT_SENT = {
    "en": ("It was not sent in time. The payment went back to the buyer.", "Cancelled"),
    "zh": ("未按时发货，货款已退给买家。", "已取消"),
}


async def late(cases: Cases) -> UUID:
    """A shipped order of which the buyer was asked whether it came."""
    order_id = await cases.order(delivered=False)
    async with cases.database.begin() as tx:
        assert await ask_arrival(tx, order_id, question=1, now=await tx.now())
    return order_id


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@BOTH
async def test_both_see_until_when_a_paid_order_is_sent_or_refunded(
    cases: Cases, desk: Desk, language: Language
) -> None:
    await cases.order(batch=False)
    buyer = await desk(cases.buyer, language).open("/my")
    seller = await desk(cases.seller, language).open("/seller/orders")
    for page, said in ((buyer, WAITS), (seller, MUST)):
        for each in said[language]:
            assert each in plain(page.text)


@BOTH
async def test_the_buyer_is_asked_whether_a_late_order_came_and_says_no(
    cases: Cases, desk: Desk, language: Language
) -> None:
    order_id = await late(cases)
    browser = await desk(cases.buyer, language).open("/my")
    for each in ASKED[language][:2]:
        assert each in plain(browser.text)
    await browser.open(f"/my/orders/{order_id}/receipt")
    assert ASKED[language][2] in browser.text
    await browser.answer({"answer": "not_come"})
    assert browser.at == "/my"
    (order,) = await cases.sql('SELECT status, arrival_denied_at FROM "order" WHERE id = :id', id=order_id)
    assert (order.status, order.arrival_denied_at is not None) == ("shipped", True)
    said = {"en": "1 day 23 h left for the seller to prove the delivery", "zh": "卖家证明已送达剩 1 天 23 小时"}
    assert said[language] in plain(browser.text)
    seller = await desk(cases.seller, language).open("/seller/orders?view=shipped")
    must = {
        "en": ("1 day 23 h left to prove the delivery", "Without proof, the buyer is refunded"),
        "zh": ("证明已送达剩 1 天 23 小时", "如无证明，将退款给买家"),
    }
    for each in must[language]:
        assert each in plain(seller.text)


async def test_who_was_not_asked_cannot_say_that_it_has_not_come(cases: Cases, desk: Desk) -> None:
    order_id = await cases.order(delivered=False)
    browser = await desk(cases.buyer).open(f"/my/orders/{order_id}/receipt")
    assert "No, it has not come" not in browser.text
    await browser.answer({"answer": "not_come"})
    assert (browser.status, browser.errors) == (409, ["The time for the delivery has not passed yet"])
    (order,) = await cases.sql('SELECT status, arrival_denied_at FROM "order" WHERE id = :id', id=order_id)
    assert (order.status, order.arrival_denied_at) == ("shipped", None)


@BOTH
async def test_both_see_why_an_order_was_cancelled(cases: Cases, desk: Desk, language: Language) -> None:
    unsent, undelivered = await cases.order(batch=False), await cases.order("WX-2", delivered=False)
    async with cases.database.begin() as tx:
        assert await refund_unshipped(tx, unsent, now=await tx.now())
        assert await refund_undelivered(tx, undelivered, now=await tx.now())
    seller = await desk(cases.seller, language).open("/seller/orders?view=all")
    buyer = await desk(cases.buyer, language).open("/my")
    for page in (seller, buyer):
        assert NOT_SENT[language][0] in page.text
        unproved = {"en": "Nobody proved the delivery in time.", "zh": "未按时证明已送达"}
        assert unproved[language] in page.text
    assert NOT_SENT[language][1] in seller.text
