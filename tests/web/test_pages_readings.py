"""What was read on photos, on the pages of a draft and of a mediator's case, in both languages and without a script."""

import re

import pytest

from service.core.actor import Role
from service.core.ids import new_id
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.complaints.labels import label
from tests.complaints.photographing import says
from tests.complaints.test_readings import offer, photo
from tests.files.pictures import quarters, saved
from tests.matching.test_photo_readings import Drain, sibling
from tests.web.desks import Desk, desk

__all__ = ["cases", "desk"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("We read these on your photos", "Lot code · from the print", "Very likely", "Use this")),
        ("zh", ("我们从您的照片上读出了这些内容", "批号 · 读自印刷文字", "很可能", "采用此项")),
    ],
)
async def test_a_buyer_sees_what_was_read_and_takes_it_over_with_one_press(
    cases: Cases, desk: Desk, language: Language, said: tuple[str, ...]
) -> None:
    draft = await cases.draft(await cases.order())
    file_id = await photo(cases, draft)
    lot = await offer(cases, draft, file_id)
    await offer(cases, draft, file_id, kind="expiry", value="2029-03-11")
    browser = desk(cases.buyer, language)
    for step in ("photos", "batch"):
        await browser.open(f"/file/{draft}/{step}")
        for words in (*said, "SY26J1807"):
            assert words in browser.text, (step, words)
        assert "2029" not in browser.text  # a draft has no field for a day
        assert f'<image href="/evidence/{file_id}/view"' in browser.page
    assert (await cases.case(draft))["told"]["lot_text"] == ""
    press = f"/file/{draft}/readings/{lot}/batch"
    assert f'formaction="{press}"' in browser.page
    for _ in range(2):
        await browser.answer({}, to=press, form=browser.form("lot"))
        assert browser.status == 200
        assert 'value="SY26J1807"' in browser.page
    assert press not in browser.page
    assert (await cases.case(draft))["told"]["lot_text"] == "SY26J1807"


async def test_what_else_the_form_says_is_kept_when_a_reading_is_taken_over(cases: Cases, desk: Desk) -> None:
    draft = await cases.draft(await cases.order())
    gtin = await offer(cases, draft, await photo(cases, draft), kind="gtin", value="06901234567892")
    browser = await desk(cases.buyer).open(f"/file/{draft}/batch")
    press = f"/file/{draft}/readings/{gtin}"
    await browser.answer({"lot": "TYPED-7"}, to=f"{press}/batch", form=browser.form("lot"))
    assert browser.at == f"/file/{draft}/batch"
    assert 'value="TYPED-7"' in browser.page
    told = (await cases.case(draft))["told"]
    assert (told["lot_text"], told["gtin"]) == ("TYPED-7", "06901234567892")
    await browser.open(f"/file/{draft}/photos")
    chosen = [("photos", ("second.png", saved(quarters(80, 60), "PNG"), "image/png"))]
    await browser.answer({}, to=f"{press}/photos", files=chosen, form=browser.form("photos"))
    assert browser.at == f"/file/{draft}/photos"
    assert len((await cases.case(draft))["evidence"]) == 2


async def test_a_photo_that_is_refused_beside_a_reading_takes_nothing_over(cases: Cases, desk: Desk) -> None:
    draft = await cases.draft(await cases.order())
    lot = await offer(cases, draft, await photo(cases, draft))
    browser = await desk(cases.buyer).open(f"/file/{draft}/photos")
    chosen = [("photos", ("note.gif", b"GIF89a" + bytes(99), "image/gif"))]
    press = f"/file/{draft}/readings/{lot}/photos"
    await browser.answer({}, to=press, files=chosen, form=browser.form("photos"))
    assert (browser.status, len(browser.errors)) == (422, 1)
    assert browser.form("photos").action == f"/file/{draft}/photos"
    assert (await cases.case(draft))["told"]["lot_text"] == ""


@pytest.mark.parametrize("step", ["problem", "photos", "batch", "contact", "check"])
async def test_the_enter_key_goes_on_and_takes_nothing_over(cases: Cases, desk: Desk, step: str) -> None:
    draft = await cases.draft(await cases.order())
    await offer(cases, draft, await photo(cases, draft))
    browser = await desk(cases.buyer).open(f"/file/{draft}/{step}")
    (first, *_) = re.findall(r"<button [^>]*>", browser.page.partition('<form class="stack-wide"')[2])
    assert 'type="submit"' in first
    assert " name=" not in first
    assert "formaction" not in first


async def test_a_photo_that_waits_is_said_to_with_a_link_to_look_again(cases: Cases, desk: Desk) -> None:
    draft = await cases.draft(await cases.order())
    await photo(cases, draft)
    browser = await desk(cases.buyer).open(f"/file/{draft}/photos")
    assert "1 photo is still being read." in browser.text
    assert f'<a href="/file/{draft}/photos">Look again</a>' in browser.page


async def test_a_draft_without_photos_has_no_such_block(cases: Cases, desk: Desk) -> None:
    draft = await cases.draft(await cases.order())
    browser = await desk(cases.buyer).open(f"/file/{draft}/batch")
    assert "We read these" not in browser.text


async def test_nobody_else_takes_over_on_the_page(cases: Cases, desk: Desk) -> None:
    case = await cases.filed(await cases.order())
    reading = await offer(cases, case["id"], await photo(cases, case["id"]))
    other = await cases.draft()
    browser = await desk(cases.buyer).open(f"/file/{other}/photos")
    await browser.answer({}, to=f"/file/{other}/readings/{reading}/photos", form=browser.form("photos"))
    assert browser.status == 404
    assert (await cases.case(case["id"]))["entries"] == []


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Read on the photos", "Lot code", "Expiry date", "a payment code", "1 photo could not be read")),
        ("zh", ("照片读出内容", "批号", "到期日", "收付款码", "有 1 张照片无法由机器读取。")),
    ],
)
async def test_a_mediator_sees_each_reading_marked_on_its_photo(
    cases: Cases, desk: Desk, language: Language, said: tuple[str, ...]
) -> None:
    case = await cases.filed(await cases.order())
    first, second = await photo(cases, case["id"]), await photo(cases, case["id"], label("x"))
    await offer(cases, case["id"], first, others='[{"symbology": "qr_code", "what": "payment"}]')
    await offer(cases, case["id"], first, kind="expiry", value="2029-03-11")
    await cases.sql(
        "INSERT INTO complaint_photo_reading (file_id, tenant_id, complaint_id, failure, others, at)"
        " SELECT :file_id, tenant_id, id, 'crashed', '[]', fairhold_now() FROM complaint WHERE id = :case_id",
        file_id=second,
        case_id=case["id"],
    )
    mediator = await desk(cases.mediator, language).open(f"/mediator/cases/{case['reference']}")
    text = mediator.text.replace("\u00a0", " ")
    for words in (*said, "SY26J1807"):
        assert words in text, words
    assert 'viewBox="0 0 800 600"' in mediator.page
    assert mediator.page.count('<polygon class="read-mark" points="1,2"/>') == 2
    triage = await desk(cases.mediator, language).open(f"/mediator/triage/{case['reference']}")
    assert (triage.status, said[0] in triage.text, "SY26J1807" in triage.text) == (200, True, True)
    regulator = await desk(cases.who(Role.REGULATOR), language).open(f"/regulator/complaints/{case['reference']}")
    assert said[0] not in regulator.text


@pytest.mark.parametrize(
    ("language", "asks", "shows", "other"),
    [
        (
            "en",
            "Which batch is it?",
            "a photo shows its lot code; nobody has confirmed it yet",
            "a photo shows another lot code of this product",
        ),
        (
            "zh",
            "是哪个批次？",
            "照片上有此批次的批号；尚未有人确认",
            "照片上是该产品的另一个批号",
        ),
    ],
)
async def test_a_photo_of_another_lot_asks_the_buyer_and_the_mediator_which_batch_it_is(
    cases: Cases, desk: Desk, drain: Drain, language: Language, asks: str, shows: str, other: str
) -> None:
    batch_id = await sibling(cases)
    case = await cases.filed(await cases.order())
    await drain()
    page, path = await desk(cases.buyer, language).open(f"/cases/{case['reference']}"), f"/cases/{case['reference']}"
    assert asks not in page.text
    reading_id = await says(cases.database, await photo(cases, case["id"]), "SY26J1999")
    await drain()
    await page.open(path)
    for words in (asks, shows, other, "SY26J1999"):
        assert words in page.text, words
    assert f'<use href="#i-check"/></svg><span>{shows}' in page.page  # it speaks for the batch
    press = f"{path}/readings/{reading_id}"
    assert f'formaction="{press}"' in page.page
    mediator = await desk(cases.mediator, language).open(f"/mediator/triage/{case['reference']}")
    for words in (shows, other):
        assert words in mediator.text, words
    await page.answer({}, to=press, form=page.form("batch"))
    assert page.status == 200
    assert press not in page.page
    (taken,) = (await cases.case(case["id"]))["readings"]
    assert taken["accepted_as"] == "addition"
    await page.answer({"batch": batch_id}, to=f"{path}/batch", form=page.form("batch"))
    assert page.at == path
    linked = await cases.case(case["id"])
    assert (linked["batch_id"], linked["link_by"]) == (batch_id, "buyer")
    assert asks not in page.text


async def test_a_batch_that_was_not_suggested_or_not_chosen_is_refused_beside_the_question(
    cases: Cases, desk: Desk, drain: Drain
) -> None:
    await sibling(cases)
    case = await cases.filed(await cases.order())
    await says(cases.database, await photo(cases, case["id"]), "SY26J1999")
    await drain()
    path = f"/cases/{case['reference']}"
    for batch in ("", "no id", str(new_id())):
        page = await desk(cases.buyer).open(path)
        await page.answer({"batch": batch}, to=f"{path}/batch", form=page.form("batch"))
        assert page.status in (404, 422), batch
    assert (await cases.case(case["id"]))["match_status"] == "suggested"
