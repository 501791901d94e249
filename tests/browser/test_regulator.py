"""The regulator's day in Chromium: search, a batch with its pictures, the dossier in both languages; and health."""

from tests.browser.conftest import DESK, Visit
from tests.working import ROUNDS_MAX

FILE = "a.file-link"
BATCHES = 'main a[href^="/regulator/batches/"]'
ENGLISH = "/language/en?next=%2Fregulator"  # the sample regulator reads Chinese


def test_a_batch_is_found_and_its_dossier_made_in_both_languages(visit: Visit) -> None:
    visitor = visit(size=DESK)
    visitor.sign_in("regulator")
    visitor.open_until_it_has(ENGLISH, BATCHES)
    visitor.check_sound()
    visitor.page.locator(BATCHES).first.click()
    visitor.page.wait_for_selector("svg.chart")
    visitor.check_sound()
    batch = visitor.page.url.removeprefix(visitor.up.url)
    for button in ("Make the dossier (PDF)", "In Chinese"):
        visitor.open(batch)
        visitor.page.get_by_role("button", name=button).click()
        visitor.page.wait_for_selector(".done")
    for _ in range(ROUNDS_MAX):
        visitor.open(batch)
        if visitor.page.locator(FILE).count() == 2:
            break
        visitor.page.wait_for_timeout(1_000)  # people reload too: the page says so
    links = [visitor.page.locator(FILE).nth(place).get_attribute("href") or "" for place in range(2)]
    files = [visitor.page.request.get(visitor.up.url + link).body() for link in links]
    assert [body[:5] for body in files] == [b"%PDF-", b"%PDF-"]
    assert files[0] != files[1]


def test_the_regulators_pages_fit_a_phone_in_both_languages(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("regulator")
    for language in ("en", "zh"):
        visitor.open_until_it_has(f"/language/{language}?next=%2Fregulator", BATCHES)
        visitor.check_sound()
        visitor.page.locator(BATCHES).first.click()
        visitor.page.wait_for_selector("h1")
        visitor.check_sound()
        visitor.open("/regulator/search?kind=complaints")
        visitor.page.locator('main a[href^="/regulator/complaints/"]').first.click()
        visitor.page.wait_for_selector("h1")
        visitor.check_sound()
        visitor.open("/regulator/reports")
        visitor.check_sound()


def test_search_works_without_a_script(visit: Visit) -> None:
    visitor = visit(script=False)
    visitor.sign_in("regulator")
    visitor.open(ENGLISH)
    visitor.page.fill("#q", "mask")
    visitor.page.get_by_role("button", name="Search").click()
    assert visitor.heading == "Search"
    assert visitor.page.locator("ul.work li").count() > 0


def test_the_operator_sees_that_all_is_well_and_switches_the_language(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("operator")
    assert visitor.page.locator("main .state.is-good").count() == 3
    visitor.page.get_by_role("link", name="简体中文").click()
    assert visitor.heading == "运行状况"
    visitor.check_sound()
