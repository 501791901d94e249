"""The seller's day in Chromium: the inbox, an answer with its effect, sending an order."""

import pytest

from tests.browser.conftest import DESK, PHONE, Visit, Visitor

CASES = 'a[href^="/seller/cases/"]'
ENGLISH = "/language/en?next=%2Fseller%2Finbox"  # the sample seller reads Chinese


def open_case_with_money(visitor: Visitor) -> None:
    """Open the most urgent case that claims money."""
    visitor.page.locator("ul.work li", has_text="CNY").first.locator(CASES).click()
    visitor.page.wait_for_selector("#amount", state="attached")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_effect_appears_while_an_amount_is_typed_and_the_offer_is_sent(visit: Visit, size: dict[str, int]) -> None:
    visitor = visit(size=size)
    visitor.sign_in("seller")
    visitor.open(ENGLISH)
    visitor.check_sound()
    open_case_with_money(visitor)
    visitor.check_sound()
    visitor.page.get_by_text("Part refund, buyer keeps the goods").click()
    visitor.page.fill("#amount", "1.50")
    visitor.page.wait_for_selector("#amount-effect .money")
    assert "1.50" in visitor.page.inner_text("#amount-effect")
    visitor.page.fill("#words", "We are sorry about this.")
    visitor.page.get_by_role("button", name="Send the answer").click()
    visitor.page.wait_for_selector(".done")
    assert "Your answer was sent to the buyer." in visitor.page.inner_text(".done")
    assert "Waiting for the buyer" in visitor.page.inner_text("main")
    visitor.check_sound()


def test_without_a_script_the_effect_is_a_page_and_errors_take_the_focus(visit: Visit) -> None:
    visitor = visit(script=False)
    visitor.sign_in("seller")
    visitor.open(ENGLISH)
    open_case_with_money(visitor)
    reference = visitor.page.url
    visitor.page.get_by_text("Part refund, buyer keeps the goods").click()
    visitor.page.fill("#amount", "2")
    visitor.page.get_by_role("button", name="Show the effect").click()
    assert "2.00" in visitor.page.inner_text("#amount-effect")
    visitor.page.get_by_text("Refuse, with reasons and evidence").click()
    visitor.page.get_by_role("button", name="Send the answer").click()
    assert visitor.page.locator(".errors a").inner_text() == "Write a few words for the other side"
    visitor.open(reference.removeprefix(visitor.up.url))
    assert visitor.heading == "Answer the complaint"
    visitor.check_sound()


def test_the_sellers_pages_fit_a_phone_in_chinese(visit: Visit) -> None:
    visitor = visit(language="zh")
    visitor.sign_in("seller")
    visitor.open("/language/zh?next=%2Fseller%2Finbox")
    assert visitor.heading == "收件箱"
    for path in (
        "inbox?view=waiting",
        "inbox?view=closed",
        "batches",
        "batches/new",
        "batches/import",
        "orders?view=all",
    ):
        visitor.open(f"/seller/{path}")
        assert visitor.page.get_attribute("html", "lang") == "zh-Hans-CN"
        visitor.check_sound()
