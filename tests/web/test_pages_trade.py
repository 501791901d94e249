"""Where goods were bought is chosen from a list; what it says of a batch stands with the other reasons."""

from typing import Any

import pytest

from service.complaints.matching.trade import SALES_MIN
from service.web.language import Language
from service.web.pages.places import place_named, places_in
from service.web.phrase import say
from tests.matching.test_trade import TOLD, Trade, trade
from tests.web.desks import Cases, Desk
from tests.web.test_pages_filing import begun
from tests.web.test_pages_mediator import commons_mediator

__all__ = ["trade"]
SAID: dict[Language, tuple[str, ...]] = {
    "en": (
        "this batch was passed on to the shop that sold the goods",
        "goods of this batch were sold in the same area",
        "nothing is known of",
    ),
    "zh": ("此批次曾交给售出该商品的店铺", "此批次的商品曾售往同一地区", "没有此批次"),
}


@pytest.mark.parametrize(
    ("language", "asked", "place", "label"),
    [
        ("en", "In which province or country?", "Zhejiang", "Bought in"),
        ("zh", "在哪个省份或国家？", "浙江", "购买地"),
    ],
)
async def test_what_is_known_of_the_goods_way_is_shown_to_buyer_and_mediator(
    trade: Trade, desk: Desk, drain: Any, language: Language, asked: str, place: str, label: str
) -> None:
    shop = await trade.seller("Corner shop")
    await trade.hand(trade.batches[trade.second], trade.second, shop)
    await trade.sell(trade.batches[trade.second], SALES_MIN, area="330106")
    buyer = desk(trade.cases.buyer, language)
    draft = await begun_in(buyer)
    assert asked in buyer.text
    product = {"product": TOLD.product_text, "lot": TOLD.lot_text, "shop": "Corner shop, WeChat", "place": "330000"}
    await buyer.answer(product)
    await buyer.answer({"story": "It smells sour."})
    await buyer.open(f"/file/{draft}/batch")
    handed, sold, nothing = SAID[language]
    assert handed in buyer.text
    assert sold in buyer.text
    assert nothing not in buyer.text
    assert buyer.page.index(str(trade.batches[trade.second])) < buyer.page.index(str(trade.batches[trade.first]))
    await buyer.answer({"batch": "unsure"})
    await buyer.answer({"wanted": "none"})
    await buyer.answer({"email": "lin.yue@example.com", "phone": ""})
    assert f"{label} {place}" in " ".join(buyer.text.split())
    await buyer.answer({"true": "yes"})
    await drain()
    (case,) = await trade.cases.sql("SELECT reference, match_status FROM complaint WHERE id = :id", id=draft)
    assert case.match_status == "suggested"
    mediator = desk(await commons_mediator(trade.cases), language)
    await mediator.open(f"/mediator/triage/{case.reference}")
    assert handed in mediator.text
    assert sold in mediator.text
    assert place in mediator.text


async def begun_in(browser: Any) -> str:
    """Begin a draft about goods from elsewhere, up to the question of the product, in any language."""
    await browser.open("/file")
    await browser.answer({"order": "none"})
    draft = str(browser.at.split("/")[2])
    await browser.answer({"problem": "damaged"})
    await browser.answer({"harm": "none"})
    return draft


async def test_a_place_that_is_not_on_the_list_is_refused_in_words(cases: Cases, desk: Desk) -> None:
    buyer = desk(cases.buyer)
    draft = await begun(buyer)
    await buyer.answer({"problem": "damaged"})
    await buyer.answer({"harm": "none"})
    await buyer.answer({"product": "Mask", "shop": "Shop own", "place": "Lake Road"})
    assert buyer.at == f"/file/{draft}/product"
    assert "Choose a province or country from the list" in buyer.text
    assert (await cases.case(draft))["told"]["bought_in"] == ""


async def test_a_closer_place_that_was_told_through_the_api_stays(cases: Cases, desk: Desk) -> None:
    draft = await cases.draft(None, product_text="Mask", seller_text="Shop own", bought_in="330100")
    buyer = await desk(cases.buyer).open(f"/file/{draft}/product")
    assert '<option value="330100" selected>Zhejiang (330100)</option>' in buyer.page
    assert 'value="330000">Zhejiang</option>' in buyer.page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_places_are_31_provinces_and_the_countries_each_once(language: Language) -> None:
    values = [each.value for each in places_in(language, "")]
    assert len(values) == len(set(values)) > 200
    assert [len(value) for value in values[:32]] == [6] * 31 + [2]
    assert {"HK", "MO", "TW", "SG", "US"} < set(values)
    assert not {"CN", "EU", "ZZ"} & set(values)
    assert place_named("US-CA", "en") == say("own_words", text="United States (US-CA)")
    assert place_named("", language) is None
