"""The seller's pages over the whole application: inbox, answer, ruling, batches, import, orders."""

from typing import Any

import pytest

from service.core.actor import Role
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.files.pictures import quarters, saved
from tests.recalls.conftest import street
from tests.recalls.street import Street
from tests.web.desks import Desk, desk, option
from tests.world import Whose

__all__ = ["cases", "desk", "street"]
WORDS = "We stopped selling this batch."
CLAIM = {"amount_minor": 48_000, "currency": "CNY"}


async def filed(cases: Cases, **told: Any) -> dict[str, Any]:
    """A complaint that claims the whole payment and waits for our seller."""
    return await cases.filed(await cases.order(), claim=CLAIM, **told)


def page_of(case: dict[str, Any]) -> str:
    return f"/seller/cases/{case['reference']}"


@pytest.mark.parametrize(
    ("language", "heading", "problem", "clock"),
    [
        ("en", "Inbox", "It is not what was described.", "1 day 23 h left to answer"),
        ("zh", "收件箱", "与商品描述不符。", "答复剩 1 天 23 小时"),
    ],
)
async def test_the_inbox_shows_each_case_with_its_money_and_its_clock(
    cases: Cases, desk: Desk, language: Language, heading: str, problem: str, clock: str
) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller, language).open("/seller/inbox")
    assert (seller.status, seller.heading) == (200, heading)
    for said in (case["reference"], problem, clock, "480.00"):
        assert said in seller.text.replace("\u00a0", " ")


async def test_the_inbox_parts_what_waits_for_the_seller_from_what_waits_for_others(cases: Cases, desk: Desk) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open("/seller/inbox")
    assert "To do 1" in seller.text
    await seller.open(page_of(case))
    await seller.answer({"offer": "refuse", "words": WORDS})
    await seller.open("/seller/inbox?view=waiting")
    assert case["reference"] in seller.text
    assert "To do 0" in seller.text
    assert "Waiting for the buyer" in seller.text


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Payments for batch SY26J1807 are frozen until"),
        ("zh", "批次 SY26J1807 的货款"),
    ],
)
async def test_a_frozen_batch_is_named_with_the_money_that_it_stops(
    street: Street, desk: Desk, language: Language, told: str
) -> None:
    for _ in range(3):
        await street.complains()
    await street.evaluate()
    seller = await desk(street.world.account(Role.SELLER), language).open("/seller/inbox")
    assert told in seller.text
    assert "1,440.00" in seller.text
    other = await desk(street.world.account(Role.SELLER, Whose.OTHERS)).open("/seller/inbox")
    assert "are frozen" not in other.text


@pytest.mark.parametrize(
    ("language", "answer", "sent"),
    [("en", "Answer the complaint", "Your answer was sent to the buyer."), ("zh", "答复投诉", "答复已发给买家。")],
)
async def test_a_part_refund_becomes_an_offer_with_the_sellers_words(
    cases: Cases, desk: Desk, language: Language, answer: str, sent: str
) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller, language).open(page_of(case))
    assert seller.heading == answer
    await seller.answer({"offer": "part", "amount": "240.00", "words": WORDS})
    assert sent in seller.text
    view = await cases.case(case["id"])
    (offer,) = view["offers"]
    assert (view["status"], offer["kind"], offer["status"]) == ("answered", "part_refund", "open")
    assert (offer["amount"]["amount_minor"], offer["text"]) == (24_000, WORDS)


async def test_a_full_refund_settles_the_case_and_the_money_goes_back(cases: Cases, desk: Desk) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open(page_of(case))
    await seller.answer({"offer": "refund", "words": ""})
    view = await cases.case(case["id"])
    assert (view["status"], view["outcome"], view["hold"]["state"]) == ("settled", "accepted", "refunded")
    assert "Paid back to the buyer" in seller.text
    assert "What do you offer?" not in seller.text


async def test_the_effect_of_an_amount_is_shown_without_sending_anything(cases: Cases, desk: Desk) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open(page_of(case))
    await seller.answer({"offer": "part", "amount": "100", "words": WORDS, "show": "effect"})
    shown = seller.text.replace("\u00a0", " ")
    assert "To the seller CNY 380.00 Back to the buyer CNY 100.00" in shown
    assert WORDS in seller.page
    assert (await cases.case(case["id"]))["status"] == "with_seller"


async def test_htmx_gets_the_effect_alone(cases: Cases, desk: Desk) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open(page_of(case))
    part = await seller.send({"offer": "part", "amount": "100"}, to=f"{page_of(case)}/effect")
    assert part.status_code == 200
    assert "<html" not in part.text
    assert "380.00" in part.text
    wrong = await seller.send({"offer": "part", "amount": "lots"}, to=f"{page_of(case)}/effect")
    assert (wrong.status_code, wrong.text.strip()) == (200, "")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"words": "no"}, ["Choose what you offer"]),
        ({"offer": "part", "amount": "", "words": ""}, ["Enter an amount"]),
        ({"offer": "part", "amount": "many", "words": ""}, ["Enter an amount in figures, such as 120.50"]),
        ({"offer": "part", "amount": "480", "words": ""}, ["Offer more than nothing and less than is asked for"]),
        ({"offer": "refuse", "words": " "}, ["Write a few words for the other side"]),
        ({"offer": "wrong_company", "words": "Not us"}, ["Choose what you offer"]),
    ],
)
async def test_an_answer_that_is_refused_comes_back_with_its_words_and_nothing_is_sent(
    cases: Cases, desk: Desk, typed: dict[str, str], said: list[str]
) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open(page_of(case))
    before = await cases.events(case["id"])
    await seller.answer(typed, form=seller.form("offer", "words"))
    assert (seller.status, seller.errors) == (422, said)
    assert seller.page.count("<title>Error: ") == 1
    assert await cases.events(case["id"]) == before
    assert (await cases.case(case["id"]))["offers"] == []


async def test_photos_go_with_the_answer_and_broken_ones_stop_it(cases: Cases, desk: Desk) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open(page_of(case))
    broken = {"photos": ("lot.jpg", b"not a photo", "image/jpeg")}
    await seller.answer({"offer": "refuse", "words": WORDS}, files=broken)
    assert seller.status == 422
    assert "This file is not a photo" in seller.errors[0]
    assert (await cases.case(case["id"]))["status"] == "with_seller"
    whole = {"photos": ("lot.jpg", saved(quarters(640, 480), "JPEG"), "image/jpeg")}
    await seller.answer({"offer": "refuse", "words": WORDS}, files=whole)
    view = await cases.case(case["id"])
    assert (view["status"], [each["side"] for each in view["evidence"]]) == ("answered", ["seller"])
    assert f"/evidence/{view['evidence'][0]['file_id']}/small" in seller.page


async def test_the_same_form_sent_twice_is_one_answer(cases: Cases, desk: Desk) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open(page_of(case))
    typed, form = {"offer": "part", "amount": "240", "words": WORDS}, seller.form("offer")
    first, second = await seller.send(typed, form=form), await seller.send(typed, form=form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert len((await cases.case(case["id"]))["offers"]) == 1


async def test_a_new_offer_takes_the_place_of_the_first(cases: Cases, desk: Desk) -> None:
    case = await filed(cases)
    seller = await desk(cases.seller).open(page_of(case))
    await seller.answer({"offer": "part", "amount": "100", "words": WORDS})
    await seller.answer({"offer": "part", "amount": "200", "words": ""})
    offers = (await cases.case(case["id"]))["offers"]
    assert [(each["amount"]["amount_minor"], each["status"]) for each in offers] == [
        (10_000, "withdrawn"),
        (20_000, "open"),
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_case_is_nobody_elses(cases: Cases, desk: Desk, language: Language) -> None:
    case = await filed(cases)
    other = await desk(cases.who(Role.SELLER, Whose.OTHERS), language).open(page_of(case))
    assert other.status == 404
    assert other.heading == {"en": "We did not find this page", "zh": "没有找到该页面"}[language]
    buyer = await desk(cases.buyer).open(page_of(case))
    assert (buyer.status, buyer.heading) == (403, "You may not see or do this")
    assert (await desk(cases.seller).open("/seller/cases/FH-0000-0000")).status == 404
    assert (await desk(cases.seller).open("/seller/cases/nonsense")).status == 404


async def test_a_batch_is_registered_with_its_product_and_the_product_is_found_again(cases: Cases, desk: Desk) -> None:
    seller = await desk(cases.seller).open("/seller/batches/new")
    typed = {"product": "玫瑰精华液", "brand": "Suyun", "category": "cosmetics", "lot": "RS-0001", "units": "1200"}
    await seller.answer({**typed, "gtin": "", "maker_lot": "", "made_on": "2026-10-01", "expires_on": "2028-10-01"})
    assert "The batch is registered." in seller.text
    assert "RS-0001" in seller.text
    await seller.open("/seller/batches/new")
    await seller.answer({**typed, "lot": "RS-0002"})
    (found,) = await cases.sql(
        "SELECT count(DISTINCT p.id) AS products, count(*) AS batches, max(p.name_zh) AS name"
        " FROM batch b JOIN product p ON p.id = b.product_id WHERE b.lot_code LIKE 'RS-%'"
    )
    assert tuple(found) == (1, 2, "玫瑰精华液")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"product": "", "lot": ""}, ["Enter what the product is called", "Enter the lot code"]),
        ({"category": "weapons"}, ["Check what you typed here"]),
        ({"units": "many"}, ["Check what you typed here"]),
        ({"gtin": "12345678"}, ["Check the barcode. It has 8, 12, 13 or 14 figures"]),
        ({"made_on": "2026-10-01", "expires_on": "2026-09-01"}, ["The expiry date must be after the day it was made"]),
        (
            {"product": "Suyun Hydrating Sheet Mask", "lot": "SY26J1807"},
            ["This product has a batch with this lot code already"],
        ),
    ],
)
async def test_a_batch_that_is_refused_is_not_registered(
    cases: Cases, desk: Desk, changed: dict[str, str], said: list[str]
) -> None:
    before = await cases.sql("SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM product)")
    seller = await desk(cases.seller).open("/seller/batches/new")
    await seller.answer({"product": "Cream", "brand": "Suyun", "category": "cosmetics", "lot": "X1", **changed})
    assert seller.errors == said
    assert seller.status in (409, 422)
    assert await cases.sql("SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM product)") == before


def csv(*lines: str) -> dict[str, tuple[str, bytes, str]]:
    content = "\n".join(["category,brand,name_en,lot_code,units_made", *lines])
    return {"file": ("lots.csv", content.encode(), "text/csv")}


@pytest.mark.parametrize(
    ("language", "result"),
    [("en", "Result for lots.csv Registered 2 Lines with an error 0 All rows were taken."), ("zh", "已登记 2")],
)
async def test_a_file_is_imported_whole(cases: Cases, desk: Desk, language: Language, result: str) -> None:
    seller = await desk(cases.seller, language).open("/seller/batches/import")
    await seller.answer({}, form=seller.form("file"), files=csv("toy,Miao,Kite,K-1,10", "toy,Miao,Kite,K-2,"))
    assert (seller.status, result in seller.text) == (200, True), seller.text
    assert len(await cases.sql("SELECT 1 FROM batch WHERE lot_code LIKE 'K-%'")) == 2


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Nothing was imported. Correct these lines and import the whole file again."),
        ("zh", "没有导入任何内容。请改正这些行，再重新导入整个文件。"),
    ],
)
async def test_a_file_with_wrong_lines_imports_nothing_and_lists_them(
    cases: Cases, desk: Desk, language: Language, told: str
) -> None:
    seller = await desk(cases.seller, language).open("/seller/batches/import")
    lines = ("toy,Miao,Kite,K-1,10", "toy,Miao,Kite,K-2,ten", "toy,Miao,Kite,K-1,3")
    await seller.answer({}, form=seller.form("file"), files=csv(*lines))
    assert (seller.status, told in seller.text) == (422, True)
    assert "3 K-2" in seller.text
    assert "units_made" in seller.text
    assert "4 K-1" in seller.text
    assert await cases.sql("SELECT 1 FROM batch WHERE lot_code LIKE 'K-%'") == []


async def test_an_import_without_a_file_or_without_its_columns_says_what_to_do(cases: Cases, desk: Desk) -> None:
    seller = await desk(cases.seller).open("/seller/batches/import")
    await seller.answer({}, form=seller.form("file"))
    assert seller.errors == ["Choose a file"]
    await seller.answer({}, form=seller.form("file"), files={"file": ("a.csv", b"lot\n1", "text/csv")})
    assert seller.errors == ["The first line must hold the names of the columns"]


async def test_an_order_is_sent_with_its_batch_named(cases: Cases, desk: Desk) -> None:
    order_id = await cases.order(batch=False)
    seller = await desk(cases.seller).open("/seller/orders")
    assert "WX-1" in seller.text
    await seller.open(f"/seller/orders/{order_id}/shipment")
    await seller.answer({"batch": "", "carrier": "", "tracking_number": ""}, form=seller.form("carrier"))
    assert seller.errors == [
        "Choose the batch that it comes from", "Choose one of the answers", "Enter the tracking number",
    ]  # fmt: skip
    batch = option(seller.page, "SY26J1807")
    assert batch == str(cases.goods.batch_id)
    await seller.answer({"batch": batch, "carrier": "sandbox", "tracking_number": "SB 17"})
    assert seller.errors == ["Check what you typed here"]
    await seller.answer({"batch": batch, "carrier": "sandbox", "tracking_number": "SB-0017"})
    assert "The order is on its way." in seller.text
    (row,) = await cases.sql('SELECT status, batch_id, tracking_number FROM "order" WHERE id = :id', id=order_id)
    assert tuple(row) == ("shipped", cases.goods.batch_id, "SB-0017")


async def test_another_sellers_order_is_not_found(cases: Cases, desk: Desk) -> None:
    order_id = await cases.order(batch=False)
    other = await desk(cases.who(Role.SELLER, Whose.OTHERS)).open(f"/seller/orders/{order_id}/shipment")
    assert other.status == 404
