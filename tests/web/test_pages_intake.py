"""What the pages do with second complaints, consents and limits."""

import re
from typing import Any

import pytest

from service.core.actor import Role
from service.web.language import Language
from tests.complaints.attaching import form, png, upload
from tests.complaints.conftest import STORY, Cases, cases
from tests.complaints.test_limits import use_up
from tests.web.browsing import Browser
from tests.web.desks import Desk, desk

__all__ = ["cases", "desk"]
AGAIN = "Now the second one smells, too."


async def at_check(cases: Cases, browser: Browser, order: object, **contact: str) -> str:
    """A draft of the buyer's of which only the contact is still to be told, told on the page; returns its id."""
    draft = await cases.draft(order, narrative=AGAIN, product_text="Mask")  # type: ignore[arg-type]  # an order's id
    await browser.open(f"/file/{draft}/contact")
    await browser.answer({"email": "lin.yue@example.com", "phone": "", **contact})
    assert browser.at == f"/file/{draft}/check"
    return draft


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "What you wrote and your photos were added to it"), ("zh", "您的陈述和照片已补充到其中")],
)
async def test_a_second_complaint_leads_to_the_open_case_and_the_seller_reads_it_there(
    cases: Cases, desk: Desk, language: Language, said: str
) -> None:
    order = await cases.order()
    first, browser = await cases.filed(order), desk(cases.buyer, language)
    draft = await at_check(cases, browser, order)
    await browser.answer({"true": "yes"})
    assert browser.at == f"/cases/{first['reference']}"
    assert said in browser.text
    assert STORY in browser.text
    assert AGAIN in browser.text
    seller = await desk(cases.seller).open(f"/seller/cases/{first['reference']}")
    assert AGAIN in seller.text
    (gone,) = await cases.sql("SELECT reference, status FROM complaint WHERE id = :id", id=draft)
    assert gone.status == "merged"
    for path in (f"/cases/{gone.reference}", f"/file/{draft}/check"):
        await browser.open(path)
        assert browser.at == f"/cases/{first['reference']}", path


@pytest.mark.parametrize(
    ("ticked", "name", "published", "said"),
    [
        ({}, False, False, "Nothing: the seller sees no name"),
        ({"share_name": "yes"}, True, False, "The seller may know your name"),
        ({"share_public": "yes"}, False, True, "What you wrote may be published with the batch"),
    ],
)
async def test_each_consent_governs_what_it_says(
    cases: Cases, desk: Desk, ticked: dict[str, Any], name: bool, published: bool, said: str
) -> None:
    order = await cases.order()
    browser = desk(cases.buyer)
    draft = await at_check(cases, browser, order, **ticked)
    assert said in browser.text.partition("You agreed to")[2]
    await browser.answer({"true": "yes"})
    (case,) = await cases.sql("SELECT reference, shows_name, may_publish FROM complaint WHERE id = :id", id=draft)
    assert (case.shows_name, case.may_publish) == (name, published)
    await cases.ok(f"/{draft}/link", {"batch_id": str(cases.goods.batch_id)}, by=cases.mediator)
    seller = await desk(cases.seller).open(f"/seller/cases/{case.reference}")
    assert ("buyer-own" in seller.text) is name
    assert "lin.yue@example.com" not in seller.page
    public = await desk(cases.buyer).open(f"/batches/{cases.goods.batch_id}")
    assert (public.status, AGAIN in public.page) == (200, False)


@pytest.mark.parametrize(
    ("language", "label", "why"),
    [
        ("en", "Risk", "Somebody felt unwell; a fault of this kind may harm others"),
        ("zh", "风险", "有人感到不适；此类问题可能伤及他人"),
    ],
)
async def test_a_mediator_reads_why_a_case_has_its_risk(
    cases: Cases, desk: Desk, language: Language, label: str, why: str
) -> None:
    case = await cases.filed(await cases.order(), kind="damaged", harm="discomfort")
    mediator = await desk(cases.mediator, language).open(f"/mediator/cases/{case['reference']}")
    assert why in mediator.text.partition(f" {label} ")[2]


async def test_a_used_up_limit_is_said_on_the_form(cases: Cases, desk: Desk) -> None:
    await cases.draft()
    await use_up(cases, "limit_complaints_person")
    browser = await desk(cases.buyer).open("/file")
    await browser.answer({"order": "none"})
    assert browser.status == 429
    (error,) = browser.errors
    assert re.fullmatch(
        r"That was as often as one may do this in a day\. You can go on after \d.*Beijing time", error
    ), error


async def test_a_device_gets_a_mark_with_its_first_draft(cases: Cases, desk: Desk) -> None:
    browser = await desk(cases.buyer).open("/file")
    await browser.answer({"order": "none"})
    await browser.open("/file")
    await browser.answer({"order": "none"})
    [row] = await cases.sql("SELECT tries FROM attempt WHERE kind = 'limit_complaints_device'")
    assert row.tries == 1, "the first draft came without the mark, the second with it"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "It takes words, and no more files."), ("zh", "可以补充文字，不再接收文件。")],
)
async def test_a_case_whose_files_were_erased_takes_words_and_offers_no_photos(
    cases: Cases, desk: Desk, language: Language, said: str
) -> None:
    case = await cases.filed(await cases.order())
    path = f"/cases/{case['reference']}/evidence"
    assert (await upload(cases, case["id"], form(png()))).status_code == 201
    browser = await desk(cases.buyer, language).open(path)
    assert (browser.form("photos", "words").action, said in browser.text) == ("", False)
    erasure = {"reason": "court_order"}
    assert (await cases.send(f"/{case['id']}/erasure", erasure, by=cases.who(Role.OPERATOR))).status_code == 201
    await browser.open(path)
    assert ("photos" in browser.form("words").names, said in browser.text) == (False, True)
    await browser.answer({"words": AGAIN})
    assert browser.at == f"/cases/{case['reference']}"
    assert AGAIN in browser.text


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "It takes words, and no more files."), ("zh", "可以补充文字，不再接收文件。")],
)
async def test_a_seller_answers_a_case_whose_files_were_erased_in_words_and_is_offered_no_photos(
    cases: Cases, desk: Desk, language: Language, said: str
) -> None:
    case = await cases.filed(await cases.order())
    assert (await upload(cases, case["id"], form(png()))).status_code == 201
    seller = await desk(cases.seller, language).open(f"/seller/cases/{case['reference']}")
    assert ("photos" in seller.form("words").names, said in seller.text) == (True, False)
    erasure = {"reason": "court_order"}
    assert (await cases.send(f"/{case['id']}/erasure", erasure, by=cases.who(Role.OPERATOR))).status_code == 201
    await seller.open(seller.at)
    assert ("photos" in seller.form("words").names, said in seller.text) == (False, True)
    await seller.answer({"offer": "refuse", "words": AGAIN}, form=seller.form("words"))
    assert (await cases.case(case["id"]))["status"] == "answered"


async def test_a_buyer_whose_complaint_was_joined_may_add_to_it_while_the_case_goes_on(
    cases: Cases, desk: Desk
) -> None:
    case = await cases.filed(await cases.order(), wanted="none")
    theirs = await cases.filed(await cases.order("WX-2"), wanted="none")
    joined = await cases.send(f"/{theirs['id']}/parent", {"parent_id": case["id"]}, by=cases.mediator)
    assert joined.status_code == 200
    link = f"/cases/{theirs['reference']}/evidence"
    browser = await desk(cases.buyer).open(f"/cases/{theirs['reference']}")
    assert link in browser.page
    await cases.ok(f"/{case['id']}/answer", {"decision": "accept"}, by=cases.seller)
    assert link not in (await browser.open(f"/cases/{theirs['reference']}")).page
