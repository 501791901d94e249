"""Signing in as people do, in Chromium."""

import pytest

from tests.browser.conftest import Visit

DESKS = {
    "buyer": ("/my", "My orders and cases"),
    "seller": ("/seller/inbox", "Inbox"),
    "mediator": ("/mediator/cases", "Cases"),
    "regulator": ("/regulator", "Overview"),
    "operator": ("/operator", "Health"),
}


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_the_front_page_leads_to_the_sign_in_and_on_to_ones_own_page(visit: Visit, *, script: bool) -> None:
    visitor = visit(script=script)
    visitor.open("/")
    visitor.check_sound()
    visitor.page.get_by_role("link", name="Sign in", exact=True).click()
    assert visitor.heading == "Sign in"
    visitor.sign_in("buyer")
    assert visitor.heading == "My orders and cases"
    visitor.check_sound()
    visitor.page.get_by_role("button", name="Sign out").click()
    assert "You are signed out." in visitor.page.inner_text("main")
    visitor.open("/my")
    assert visitor.heading == "Sign in"


@pytest.mark.parametrize("role", DESKS)
def test_each_role_arrives_at_its_own_desk(visit: Visit, role: str) -> None:
    visitor = visit()
    visitor.sign_in(role)
    path, _ = DESKS[role]
    assert visitor.page.url == visitor.up.url + path
    visitor.check_sound()


def test_a_wrong_password_takes_the_focus_to_what_is_wrong(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/sign-in")
    visitor.page.fill("#email", "nobody@example.com")
    visitor.page.fill("#password", "not this one")
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_selector(".errors")
    assert visitor.page.title() == "Error: Sign in · Fairhold"
    assert visitor.page.evaluate("document.activeElement.className") == "errors"
    assert visitor.page.input_value("#email") == "nobody@example.com"


def test_the_language_switch_speaks_chinese_and_stays(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/help")
    visitor.page.get_by_role("link", name="简体中文").click()
    assert visitor.page.url == visitor.up.url + "/help"
    assert visitor.heading == "帮助"
    visitor.open("/")
    assert visitor.page.get_attribute("html", "lang") == "zh-Hans-CN"
    visitor.check_sound()
