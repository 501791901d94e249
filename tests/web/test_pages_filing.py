"""Filing a complaint over the whole application, question by question, without JavaScript."""

from typing import Any

import pytest

from service.core.actor import Role
from tests.complaints.conftest import STORY
from tests.files.pictures import exif, quarters, saved
from tests.web.browsing import Browser
from tests.web.desks import Cases, Desk
from tests.world import Whose

JPEG = saved(quarters(64, 48), "JPEG", exif=exif())
GTIN_WRONG, FUTURE = "Check the barcode. It has 8, 12, 13 or 14 figures", "The date is in the future"
PNG = saved(quarters(32, 32), "PNG")


async def begun(browser: Browser, order: str = "none") -> str:
    """Begin a draft; return its id."""
    await browser.open("/file")
    await browser.answer({"order": order})
    assert browser.heading == "What went wrong?", browser.text
    return browser.at.split("/")[2]


async def walk(browser: Browser, order: str, *, wanted: str = "refund") -> None:
    """Answer everything up to the last page."""
    draft = await begun(browser, order)
    await browser.answer({"problem": "damaged"})
    await browser.answer({"harm": "none"})
    if order == "none":
        await browser.answer({"product": "Suyun Hydrating Sheet Mask", "shop": "Shop own", "lot": "SY26J1807"})
    await browser.answer({"story": STORY})
    await browser.open(f"/file/{draft}/batch")
    await browser.answer({"batch": "unsure", "lot": "SY26J18O7"})
    await browser.answer({"wanted": wanted})
    await browser.answer({"email": "lin.yue@example.com", "phone": ""})
    assert browser.at == f"/file/{draft}/check"


@pytest.mark.parametrize(
    ("language", "heading", "sent"),
    [("en", "Check your answers", "We have your complaint"), ("zh", "核对您的回答", "我们已收到您的投诉")],
)
async def test_a_buyer_files_with_photos_and_the_payment_is_frozen(
    cases: Cases,
    desk: Desk,
    language: str,
    heading: str,
    sent: str,
) -> None:
    order = await cases.order()
    browser = desk(cases.buyer, language)
    await browser.open(f"/file?order={order}")
    assert f'value="{order}" id="order" checked' in browser.page
    await browser.answer({"order": str(order)})
    await browser.answer({"problem": "damaged"})
    await browser.answer({"harm": "discomfort"})
    await browser.answer({"story": STORY})
    photos = [("photos", ("IMG_1.jpg", JPEG, "image/jpeg")), ("photos", ("two.png", PNG, "image/png"))]
    await browser.answer({"add": "yes"}, files=photos, form=browser.form("photos"))
    assert browser.page.count('class="file"') == 2
    await browser.answer({}, files=[("photos", ("", b"", "application/octet-stream"))], form=browser.form("photos"))
    batch = str(cases.goods.batch_id)
    assert f'name="batch" value="{batch}"' in browser.page
    await browser.answer({"batch": batch, "lot": ""})
    await browser.answer({"wanted": "part_refund", "amount": "120.50"})
    await browser.answer({"email": "lin.yue@example.com", "phone": "+86 138 0000 0000", "share_public": "yes"})
    assert browser.heading == heading
    assert "120.50" in browser.text
    assert "SY26J1807" in browser.text
    await browser.answer({"true": "yes"})
    assert browser.heading == sent
    (case,) = await cases.sql("SELECT * FROM complaint WHERE order_id = :order", order=order)
    assert (case.status, case.claim_minor, case.kind, case.harm) == ("with_seller", 12_050, "damaged", "discomfort")
    assert (case.batch_id, case.link_by, case.may_publish) == (cases.goods.batch_id, "buyer", True)
    assert case.reference in browser.text
    assert await cases.frozen() == 1
    assert await cases.files(str(case.id)) == 2


async def test_what_is_missing_is_said_first_and_beside_its_field(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    await browser.open("/file")
    await browser.answer({}, form=browser.form("order"))
    assert (browser.status, browser.errors) == (422, ["Choose the order that this is about"])
    draft = await begun(browser)
    for step, values, wrong in (
        ("problem", {}, ["Choose what went wrong"]),
        ("harm", {}, ["Choose whether anyone was hurt"]),
        ("product", {}, ["Enter what the product is called", "Without an order, tell us who sold it"]),
        ("story", {"story": "  "}, ["Tell us what happened"]),
        ("batch", {"lot": ""}, None),
        ("wanted", {}, ["Choose what would put it right"]),
        ("contact", {"email": "", "phone": ""}, ["Enter an e-mail address or a phone number"]),
        ("check", {}, ["Confirm that what you wrote is true as far as you know"]),
    ):
        await browser.open(f"/file/{draft}/{step}")
        if wrong is None:
            continue
        await browser.answer(values, form=browser.form())
        assert (browser.status, browser.errors) == (422, wrong), step
        assert "<title>Error: " in browser.page


@pytest.mark.parametrize(
    ("step", "values", "wrong", "kept"),
    [
        ("product", {"product": "A", "shop": "B", "gtin": "123"}, GTIN_WRONG, "123"),
        ("product", {"product": "A", "shop": "B", "bought_on": "2999-01-01"}, FUTURE, "2999-01-01"),
        ("product", {"product": "A", "shop": "B", "bought_on": "soon"}, "Check what you typed here", "soon"),
        ("product", {"product": "A" * 301, "shop": "B"}, "Check what you typed here", "A" * 301),
        ("story", {"story": "x" * 4_001}, "Check what you typed here", "x" * 4_001),
        ("contact", {"email": "nobody", "phone": ""}, "Enter an e-mail address in the form name@example.com", "nobody"),
        ("problem", {"problem": "no such kind"}, "Check what you typed here", ""),
        ("batch", {"batch": "01999999-0000-7000-8000-000000000000"}, "Choose one of the batches that we suggested", ""),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_on_the_same_page_and_stays_as_typed(
    cases: Cases,
    desk: Desk,
    step: str,
    values: dict[str, str],
    wrong: str,
    kept: str,
) -> None:
    browser = desk(cases.buyer)
    draft = await begun(browser)
    await browser.open(f"/file/{draft}/{step}")
    await browser.answer(values, form=browser.form())
    assert (browser.status, browser.errors) == (422, [wrong])
    assert kept in browser.page
    row = (await cases.case(draft))["told"]
    assert (row["product_text"], row["gtin"], row["bought_on"]) == ("", "", None)


async def test_more_than_was_paid_cannot_be_asked_for(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    draft = await begun(browser, str(await cases.order()))
    await browser.open(f"/file/{draft}/wanted")
    for typed, wrong in (
        ("", "Enter an amount"),
        ("481", "The amount is above the payment of CNY 480.00"),
        ("12.345", "Enter an amount in figures, such as 120.50"),
        ("0", "Ask for more than nothing"),
    ):
        await browser.answer({"wanted": "part_refund", "amount": typed})
        assert (browser.status, [each.replace("\xa0", " ") for each in browser.errors]) == (422, [wrong])
    assert (await cases.case(draft))["claim"] is None


async def test_a_draft_is_put_aside_and_found_again_where_it_stopped(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    draft = await begun(browser, str(await cases.order()))
    await browser.answer({"problem": "fake"})
    await browser.answer({"later": "yes"}, form=browser.form("harm"))
    assert browser.at == "/my"
    assert "Saved. You find it under your orders and cases." in browser.text
    assert "Not sent yet" in browser.text
    await browser.open(f"/file/{draft}/next")
    assert browser.at == f"/file/{draft}/harm"
    await browser.open(f"/file/{draft}/problem")
    assert 'value="fake" checked' in browser.page


async def test_the_same_form_sent_twice_is_one_draft_and_one_complaint(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    order = str(await cases.order())
    await browser.open("/file")
    form = browser.form("order")
    answers = [await browser.send({"order": order}, form=form) for _ in range(2)]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert answers[1].headers["idempotency-replayed"] == "true"
    await walk(browser, order)
    form = browser.form("true")
    sent = [await browser.send({"true": "yes"}, form=form) for _ in range(2)]
    assert [each.status_code for each in sent] == [303, 303]
    assert sent[0].headers["location"] == sent[1].headers["location"]
    assert await cases.frozen() == 1
    counted = await cases.sql("SELECT count(*) FROM complaint WHERE order_id = :id AND status <> 'draft'", id=order)
    assert counted[0][0] == 1


async def test_one_upload_sent_twice_adds_its_photo_once(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    draft = await begun(browser)
    await browser.open(f"/file/{draft}/photos")
    form = browser.form("photos")
    for _ in range(2):
        await browser.answer({"add": "yes"}, files=[("photos", ("a.png", PNG, "image/png"))], form=form)
    assert browser.page.count('class="file"') == 1


async def test_a_photo_is_taken_out_of_a_draft_again(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    draft = await begun(browser)
    await browser.open(f"/file/{draft}/photos")
    await browser.answer({"add": "yes"}, files=[("photos", ("a.png", PNG, "image/png"))], form=browser.form("photos"))
    (evidence,) = (await cases.case(draft))["evidence"]
    removal = f"/file/{draft}/photos/{evidence['file_id']}/removal"
    assert f'formaction="{removal}"' in browser.page
    small = await browser.client.get(f"/evidence/{evidence['file_id']}/small")
    assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")
    for _ in range(2):
        await browser.answer({}, to=removal, files=[("photos", ("", b"", "image/png"))], form=browser.form("photos"))
        assert (browser.status, browser.page.count('class="file"')) == (200, 0)
    assert (await cases.case(draft))["evidence"] == []
    assert (await browser.client.get(f"/evidence/{evidence['file_id']}/small")).status_code == 404


async def test_a_file_that_is_no_photo_is_refused_by_name_and_nothing_is_kept(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    draft = await begun(browser)
    await browser.open(f"/file/{draft}/photos")
    files = [("photos", ("a.png", PNG, "image/png")), ("photos", ("notes.txt", b"plain words", "image/jpeg"))]
    await browser.answer({"add": "yes"}, files=files, form=browser.form("photos"))
    assert browser.status == 422
    assert browser.errors[0].startswith("This file is not a photo")
    assert (await cases.case(draft))["evidence"] == []


async def test_somebody_elses_draft_is_not_found(cases: Cases, desk: Desk) -> None:
    draft = await begun(desk(cases.buyer))
    other = desk(cases.who(Role.BUYER, Whose.OTHERS))
    for step in ("next", "problem", "photos", "check", "sent"):
        await other.open(f"/file/{draft}/{step}")
        assert (other.status, other.heading) == (404, "We did not find this page")
    await other.open("/file")
    sent = await other.send({"problem": "fake"}, to=f"/file/{draft}/problem", form=other.form("order"))
    assert sent.status_code == 404
    assert (await cases.case(draft))["kind"] is None


async def test_goods_from_elsewhere_are_told_in_words_and_claim_no_money(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    await walk(browser, "none", wanted="none")
    assert "No payment is frozen, because you ask for no money." in browser.text
    await browser.answer({"true": "yes"})
    (case,) = await cases.sql("SELECT * FROM complaint WHERE lot_text = 'SY26J18O7'")
    assert (case.status, case.product_text, case.seller_text) == ("triage", "Suyun Hydrating Sheet Mask", "Shop own")


async def test_what_was_sent_is_not_asked_again(cases: Cases, desk: Desk) -> None:
    browser = desk(cases.buyer)
    case: dict[str, Any] = await cases.filed(await cases.order())
    await browser.open(f"/file/{case['id']}/problem")
    assert browser.at == f"/cases/{case['reference']}"
