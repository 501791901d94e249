"""A buyer adds an order and files a complaint with a photo on a phone, with JavaScript and without."""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import PushedOrder, Visit, Visitor
from tests.files.pictures import exif, quarters, saved

STORY = "My face began to burn ten minutes after I put the mask on."


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "IMG_0042.jpg"
    path.write_bytes(saved(quarters(1200, 900), "JPEG", exif=exif()))
    return path


def add_order(buyer: Visitor, order: PushedOrder) -> None:
    buyer.open("/my/claim-order")
    buyer.page.fill("#code", order.code.lower())
    buyer.go_on()
    assert "480.00" in buyer.page.inner_text("main")


def answer_up_to_photos(buyer: Visitor, order: PushedOrder) -> None:
    buyer.open(f"/file?order={order.id}")
    assert buyer.page.locator(f"input[value='{order.id}']").is_checked()
    buyer.go_on()
    for value in ("damaged", "discomfort"):
        buyer.page.check(f"input[value={value}]")
        buyer.check_sound()
        buyer.go_on()
    buyer.page.fill("#story", STORY)
    buyer.go_on()


def answer_from_photos(buyer: Visitor, photo: Path) -> None:
    buyer.page.set_input_files("#photos", photo)
    buyer.page.click("button[name=add]")
    small = buyer.page.locator(".file img")
    small.wait_for()
    buyer.page.wait_for_load_state("networkidle")
    assert buyer.page.locator(".file").count() == 1
    buyer.check_sound()
    buyer.go_on()
    buyer.page.locator("input[name=batch]").first.check()
    buyer.go_on()
    buyer.page.check("input[value=refund]")
    buyer.go_on()
    buyer.go_on()  # the contact is filled in from the account


@pytest.mark.parametrize(
    ("script", "language", "sent", "frozen"),
    [
        (True, "en", "We have your complaint", "CNY 480.00 is held and now frozen."),
        (False, "en", "We have your complaint", "CNY 480.00 is held and now frozen."),
        (False, "zh", "我们已收到您的投诉", "¥480.00"),
    ],
    ids=["script", "no-script", "no-script-chinese"],
)
def test_a_buyer_files_a_complaint_with_a_photo_on_a_phone(
    visit: Visit, pushed_order: PushedOrder, photo: Path, *, script: bool, language: str, sent: str, frozen: str
) -> None:
    buyer = visit(script=script, language=language)
    buyer.sign_in("buyer", 0 if language == "en" else 1)  # the second sample buyer reads Chinese
    add_order(buyer, pushed_order)
    answer_up_to_photos(buyer, pushed_order)
    answer_from_photos(buyer, photo)
    buyer.check_sound()
    buyer.go_on()
    assert buyer.page.locator(".errors a").get_attribute("href") == "#true"
    buyer.page.check("#true")
    buyer.go_on()
    assert buyer.heading == sent
    assert frozen in buyer.page.inner_text("main").replace("\xa0", " ")
    reference = buyer.page.locator(".receipt .ref").inner_text()
    assert re.fullmatch(r"FH-[0-9A-Z]{4}-[0-9A-Z]{4}", reference)
    buyer.page.locator(".actions a").first.click()
    assert reference in buyer.page.inner_text("main")
    assert STORY in buyer.page.inner_text("main")
    assert buyer.page.locator(".photos img").count() == 1
    buyer.check_sound()


def test_a_double_tap_sends_one_complaint(visit: Visit, pushed_order: PushedOrder, photo: Path) -> None:
    buyer = visit()
    buyer.sign_in("buyer", 2)
    add_order(buyer, pushed_order)
    answer_up_to_photos(buyer, pushed_order)
    answer_from_photos(buyer, photo)
    buyer.page.check("#true")
    buyer.page.locator("main form .actions button:not([name])").last.dblclick()
    buyer.page.wait_for_url("**/sent")
    assert buyer.heading == "We have your complaint"
    buyer.open("/my")
    cases = buyer.page.locator("section").filter(has=buyer.page.get_by_role("heading", name="Cases", exact=True))
    assert cases.locator("li", has_text=pushed_order.product).filter(has_text="480.00").count() == 1


def test_the_back_button_and_a_changed_answer_do_no_harm(visit: Visit) -> None:
    buyer = visit()
    buyer.sign_in("buyer", 2)
    buyer.open("/file")
    buyer.page.check("input[value=none]")
    buyer.go_on()
    buyer.page.check("input[value=damaged]")
    buyer.go_on()
    buyer.page.get_by_role("heading", name="Was anyone hurt?").wait_for()  # going back from a page on its way out fails
    buyer.page.go_back()
    buyer.page.check("input[value=fake]")
    buyer.go_on()
    assert buyer.heading == "Was anyone hurt?"
    buyer.page.get_by_role("link", name="Back", exact=True).click()
    assert buyer.page.locator("input[value=fake]").is_checked()
