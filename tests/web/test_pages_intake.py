"""What the pages do with second complaints, consents and limits."""

from typing import Any

import pytest

from service.web.language import Language
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
    ("ticked", "name", "published"),
    [
        ({}, False, False),
        ({"share_name": "yes"}, True, False),
        ({"share_public": "yes"}, False, True),
    ],
)
async def test_each_consent_governs_what_it_says(
    cases: Cases, desk: Desk, ticked: dict[str, Any], name: bool, published: bool
) -> None:
    order = await cases.order()
    browser = desk(cases.buyer)
    draft = await at_check(cases, browser, order, **ticked)
    await browser.answer({"true": "yes"})
    (case,) = await cases.sql("SELECT reference, shows_name, may_publish FROM complaint WHERE id = :id", id=draft)
    assert (case.shows_name, case.may_publish) == (name, published)
    await cases.ok(f"/{draft}/link", {"batch_id": str(cases.goods.batch_id)}, by=cases.mediator)
    seller = await desk(cases.seller).open(f"/seller/cases/{case.reference}")
    assert ("buyer-own" in seller.text) is name
    assert "lin.yue@example.com" not in seller.page
    public = await desk(cases.buyer).open(f"/batches/{cases.goods.batch_id}")
    assert (public.status, AGAIN in public.page) == (200, False)


async def test_a_used_up_limit_is_said_on_the_form(cases: Cases, desk: Desk) -> None:
    await cases.draft()
    await use_up(cases, "limit_complaints_person")
    browser = await desk(cases.buyer).open("/file")
    await browser.answer({"order": "none"})
    assert browser.status == 429
    assert "That was as often as one may do this in a day. Try again tomorrow" in browser.text


async def test_a_device_gets_a_mark_with_its_first_draft(cases: Cases, desk: Desk) -> None:
    browser = await desk(cases.buyer).open("/file")
    await browser.answer({"order": "none"})
    await browser.open("/file")
    await browser.answer({"order": "none"})
    [row] = await cases.sql("SELECT tries FROM attempt WHERE kind = 'limit_complaints_device'")
    assert row.tries == 1, "the first draft came without the mark, the second with it"
