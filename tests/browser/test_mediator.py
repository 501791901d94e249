"""The mediator's day in Chromium: take a case, see what a ruling does, rule, look at what waits."""

import pytest

from tests.browser.conftest import DESK, Visit, Visitor

REASONS = "The photos show the fault."


def take_next(visitor: Visitor) -> None:
    visitor.sign_in("mediator")
    visitor.check_sound()
    visitor.page.get_by_role("button", name="Take the next case").click()
    visitor.page.wait_for_selector(".done")
    assert "The case is yours." in visitor.page.inner_text(".done")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_case_is_taken_split_and_ruled(visit: Visit, *, script: bool) -> None:
    visitor = visit(script=script, size=DESK)
    take_next(visitor)
    visitor.page.get_by_text("Split the payment").click()
    visitor.page.fill("#amount", "1.25")
    if script:
        visitor.page.wait_for_selector("#amount-effect .money")
    else:
        visitor.page.get_by_role("button", name="Show the effect").first.click()
    assert "1.25" in visitor.page.inner_text("#amount-effect")
    visitor.page.get_by_role("button", name="Rule", exact=True).click()
    assert "Write the reasons" in visitor.page.inner_text(".errors")
    visitor.page.fill("#reasons", REASONS)
    visitor.page.get_by_role("button", name="Show the effect").last.click()
    visitor.page.wait_for_selector(".letter")
    assert visitor.page.locator(".letter").count() == 2
    visitor.page.get_by_role("button", name="Rule", exact=True).click()
    visitor.page.wait_for_selector(".done")
    assert REASONS in visitor.page.inner_text("main")
    visitor.check_sound()


def test_the_mediators_pages_fit_a_phone_in_both_languages(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("mediator")
    for language in ("en", "zh"):
        visitor.open(f"/language/{language}?next=%2Fmediator%2Fcases")
        for path in ("/mediator/cases?view=all", "/mediator/triage", "/mediator/signals"):
            visitor.open(path)
            visitor.check_sound()
        visitor.open("/mediator/triage")
        visitor.page.locator('main a[href^="/mediator/triage/"]').first.click()
        visitor.page.wait_for_selector('input[name="batch"]', state="attached")
        visitor.check_sound()
