"""Pages for everybody, over the whole application: sign-in, registration, language, errors, headers."""

import re

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from service.accounts.policy import POLICY, Audience
from service.core.actor import Role
from service.core.ids import new_id
from service.db.session import Database
from tests.web.browsing import Browser
from tests.world import PASSWORD, build_world, make_account

HOMES = {
    Role.BUYER: "/my",
    Role.MEDIATOR: "/mediator/cases",
    Role.REGULATOR: "/regulator",
    Role.OPERATOR: "/operator",
}


@pytest.fixture
async def browser(client: httpx.AsyncClient) -> Browser:
    return Browser(client)


@pytest.mark.parametrize(
    ("path", "en", "zh"),
    [
        ("/", "Your payment is held until the goods are right", "货没问题，才付款"),
        ("/help", "Help", "帮助"),
        ("/sign-in", "Sign in", "登录"),
        ("/register", "Register as a buyer", "注册买家账号"),
    ],
)
async def test_open_pages_speak_the_readers_language(client: httpx.AsyncClient, path: str, en: str, zh: str) -> None:
    assert (await Browser(client).open(path)).heading == en
    chinese = await Browser(client, "zh-Hant-TW,en;q=0.5").open(path)
    assert (chinese.status, chinese.heading) == (200, zh)


async def test_the_switch_keeps_the_language_and_goes_back_to_our_own_pages_only(browser: Browser) -> None:
    await browser.open("/language/zh?next=%2Fhelp%2Fprivacy")
    assert browser.at == "/help/privacy"
    assert 'lang="zh-Hans-CN"' in browser.page
    for foreign in ("https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"):
        answer = await browser.client.get(f"/language/en?next={foreign}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert (await browser.open("/language/fr")).status == 404


async def test_every_page_tells_the_browser_what_it_may_do(browser: Browser) -> None:
    for path in ("/", "/no/such/page", "/my"):
        headers = (await browser.open(path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "private, no-store"


async def test_a_stylesheet_is_kept_for_ever_under_its_mark_only(browser: Browser) -> None:
    await browser.open("/")
    marked = browser.page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = await browser.client.get(marked)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")
    assert "set-cookie" not in answer.headers
    assert (await browser.client.get("/static/fairhold.css?v=old")).headers["cache-control"] == "public, no-cache"
    for hidden in ("README.md", "..%2Frender.py", "nothing.css"):
        assert (await browser.client.get(f"/static/{hidden}")).status_code == 404


@pytest.mark.parametrize("role", sorted(HOMES))
async def test_each_role_signs_in_to_its_own_desk_and_out_again(
    browser: Browser, database: Database, role: Role
) -> None:
    account = await make_account(database, "somebody", role)
    await browser.open("/sign-in")
    sent = await browser.send({"email": account.email, "password": PASSWORD})
    assert (sent.status_code, sent.headers["location"]) == (303, HOMES[role])
    await browser.open("/help")
    assert "Sign out" in browser.page
    await browser.answer({}, form=browser.form_to("/sign-out"))
    assert browser.at == "/"
    assert "You are signed out." in browser.text
    assert "You are signed out." not in (await browser.open("/")).text


async def test_a_wrong_password_is_said_on_the_page_and_the_address_is_kept(
    browser: Browser, database: Database
) -> None:
    account = await make_account(database, "somebody", Role.BUYER)
    await browser.open("/sign-in?next=%2Fmy%2Fclaim-order")
    await browser.answer({"email": account.email, "password": "not this one"})
    assert (browser.status, browser.errors) == (401, ["The e-mail address or the password is wrong"])
    assert account.email in browser.page
    assert "not this one" not in browser.page
    assert browser.form("email").hidden["next"] == "/my/claim-order"


async def test_many_wrong_passwords_are_stopped_with_a_page_that_says_so(browser: Browser) -> None:
    await browser.open("/sign-in")
    for _ in range(10):
        assert (await browser.send({"email": "a@example.com", "password": "x"})).status_code == 401
    await browser.answer({"email": "a@example.com", "password": "x"})
    assert (browser.status, browser.errors) == (429, ["Too many tries. Wait a few minutes"])


async def test_who_needs_to_sign_in_comes_back_to_the_page_that_was_asked_for(
    browser: Browser, database: Database
) -> None:
    account = await make_account(database, "somebody", Role.BUYER)
    await browser.open("/my/claim-order")
    assert (browser.at, browser.heading) == ("/sign-in?next=%2Fmy%2Fclaim-order", "Sign in")
    sent = await browser.send({"email": account.email, "password": PASSWORD})
    assert sent.headers["location"] == "/my/claim-order"


async def test_a_form_without_its_token_is_refused_with_a_page(browser: Browser, database: Database) -> None:
    account = await make_account(database, "somebody", Role.BUYER)
    await browser.open("/sign-in")
    answer = await browser.client.post("/sign-in", data={"email": account.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert "open for too long" in answer.text
    assert "fairhold_session" not in browser.client.cookies


async def test_a_page_of_another_role_is_refused_with_a_page(browser: Browser, database: Database) -> None:
    account = await make_account(database, "somebody", Role.REGULATOR)
    await browser.sign_in(account.email, PASSWORD)
    await browser.open("/my")
    assert (browser.status, browser.heading) == (403, "You may not see or do this")


async def test_programs_get_problems_and_people_get_pages(browser: Browser) -> None:
    assert (await browser.open("/no/such/page")).heading == "We did not find this page"
    assert browser.status == 404
    problem = await browser.client.get("/api/v1/nothing", headers={"Accept": "text/html"})
    assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")


async def test_a_buyer_registers_and_is_signed_in_at_once(browser: Browser) -> None:
    await browser.open("/register")
    await browser.answer({"email": "Lin@Example.com", "name": "林悦", "password": "a long enough phrase"})
    assert (browser.status, browser.at) == (200, "/my")


async def test_a_registration_with_gaps_names_each_of_them(browser: Browser) -> None:
    await browser.open("/register")
    await browser.answer({"email": "", "name": " ", "password": ""})
    assert browser.status == 422
    assert len(browser.errors) == 3
    await browser.answer({"email": "lin@example.com", "name": "Lin", "password": "short"})
    assert browser.errors == ["Choose a longer password, not one letter repeated"]
    assert "lin@example.com" in browser.page


async def test_a_taken_address_is_refused_beside_its_field(browser: Browser, database: Database) -> None:
    account = await make_account(database, "somebody", Role.BUYER)
    await browser.open("/register")
    await browser.answer({"email": account.email, "name": "Lin", "password": "a long enough phrase"})
    assert (browser.status, browser.errors) == (409, ["Somebody has registered with this e-mail address"])


def page_routes(app: Litestar) -> list[tuple[str, str, str]]:
    """Method, path and policy action of every page route; places in the path hold an id or a word that nobody has."""
    found: list[tuple[str, str, str]] = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path.startswith(("/api", "/health")):
            continue
        path = re.sub(r"\{[^}]*:uuid\}", str(new_id()), route.path)
        path = re.sub(r"\{[^}]*\}", "FH-7K3M-9QXT", path)
        for handler in route.route_handlers:
            found += [
                (method, path, handler.opt["allow"]) for method in handler.http_methods if method in {"GET", "POST"}
            ]
    return found


async def test_who_is_not_signed_in_reaches_open_pages_only(app: Litestar, browser: Browser) -> None:
    await browser.open("/sign-in")
    token = browser.form("email").hidden["_csrf_token"]
    for method, path, action in page_routes(app):
        assert action.startswith("web."), path
        if action == "web.open":
            continue
        answer = await browser.client.request(
            method, path, headers={"Accept": "text/html", "X-CSRF-Token": token if method == "POST" else ""}
        )
        if method == "GET":
            assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in"), path
        else:
            assert answer.status_code == 401, path


@pytest.mark.parametrize("role", [Role.BUYER, Role.SELLER, Role.MEDIATOR, Role.REGULATOR, Role.OPERATOR, Role.PLATFORM])
async def test_a_role_reaches_its_own_pages_only(
    app: Litestar, database: Database, browser: Browser, role: Role
) -> None:
    if role in {Role.SELLER, Role.PLATFORM}:
        account = (await build_world(database)).account(role)
    else:
        account = await make_account(database, "somebody", role)
    await browser.sign_in(account.email, PASSWORD)
    token = browser.client.cookies["fairhold_csrf"]
    for method, path, action in page_routes(app):
        if path == "/sign-out":
            continue
        answer = await browser.client.request(
            method, path, headers={"Accept": "text/html", "X-CSRF-Token": token if method == "POST" else ""}
        )
        assert (answer.status_code == 403) == (not may_role(role, action)), f"{role} {method} {path}"
        assert answer.status_code < 500, f"{role} {method} {path}: {answer.text}"


def may_role(role: Role, action: str) -> bool:
    who = POLICY[action]
    return bool(who & {role, Audience.ANYONE, Audience.SIGNED_IN})


async def test_while_the_database_is_down_a_page_says_so_and_the_stylesheet_still_comes(
    app: Litestar, database: Database, client: httpx.AsyncClient
) -> None:
    browser = await Browser(client).open("/")
    client.cookies.set("fairhold_session", "x" * 43)
    await database.close()
    nobody_there = Database("postgresql://nobody@127.0.0.1:9/nothing")
    database.engine, kept = nobody_there.engine, database.engine
    database._sessions.configure(bind=nobody_there.engine)
    await browser.open("/help")
    assert (browser.status, browser.heading) == (503, "Part of Fairhold does not answer right now")
    assert browser.headers["retry-after"] == "5"
    assert (await client.get("/static/fairhold.css")).status_code == 200
    database.engine = kept
