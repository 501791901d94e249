"""A whole Fairhold of its own, started as people start it, and Chromium to look at it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from service.embedded.process import wait_until
from tests.test_up import Up, up

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
WORKER_SECONDS = 60.0
pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="session")
def service_up() -> Iterator[Up]:
    """`fairhold up` with its sample data in a folder that goes away."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine; install the package chromium")
    with tempfile.TemporaryDirectory(prefix="fh-") as folder, up(Path(folder) / "var") as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all browser tests."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine; install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@dataclass
class Visitor:
    """Somebody with a browser window."""

    page: Page
    up: Up
    faults: list[str]

    def open(self, path: str) -> None:
        self.page.goto(self.up.url + path)

    def open_until_it_has(self, path: str, selector: str) -> None:
        """Open a page, and again until it has that: the worker may not be done with the sample data yet."""

        def has() -> bool:
            self.open(path)
            return self.page.locator(selector).count() > 0

        wait_until(has, WORKER_SECONDS)

    def sign_in(self, role: str, place: int = 0) -> None:
        """Sign in with the sample account of a role."""
        account = account_of(self.up, role, place)
        self.open("/sign-in")
        self.page.fill("#email", account["email"])
        self.page.fill("#password", account["password"])
        self.page.click("main button[type=submit]")

    def go_on(self) -> None:
        """Press the main button of the page's form."""
        self.page.locator("main form .actions button:not([name])").last.click()

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def check_sound(self) -> None:
        """The page fits its window, and neither a script, a style nor a file of it was refused."""
        wide = self.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide[0] <= wide[1], f"{self.page.url} is {wide[0]} wide in a window of {wide[1]}"
        assert self.faults == []


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(service_up: Up, chromium: Browser) -> Iterator[Visit]:
    """Open a window: a phone's unless told otherwise, with its own cookies."""
    contexts: list[BrowserContext] = []

    def open_window(*, script: bool = True, language: str = "en", size: dict[str, int] = PHONE) -> Visitor:
        context = chromium.new_context(
            viewport={"width": size["width"], "height": size["height"]},
            java_script_enabled=script,
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
        )
        contexts.append(context)
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 500 else None)
        return Visitor(page, service_up, faults)

    yield open_window
    for context in contexts:
        context.close()


def account_of(service: Up, role: str, place: int = 0) -> dict[str, Any]:
    """A sample account; `place` chooses among several of one role."""
    accounts: list[dict[str, Any]] = service.demo["accounts"]
    return [each for each in accounts if each["role"] == role][place]


@dataclass(frozen=True)
class PushedOrder:
    """An order that a platform pushed and the provider captured, waiting for its buyer."""

    id: str
    code: str
    product: str


@pytest.fixture
def pushed_order(service_up: Up) -> PushedOrder:
    """A paid order of 480.00 CNY, with the code that makes it a buyer's."""
    platform = account_of(service_up, "platform")
    with httpx.Client(base_url=f"{service_up.url}/api/v1", trust_env=False, timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {platform['api_key']}"
        (batch,) = client.get("/batches", params={"limit": 1}).json()["data"]
        body = {
            "tenant_id": platform["tenant_id"],
            "platform_ref": f"B-{uuid4()}",
            "seller_id": batch["seller_id"],
            "product_id": batch["product_id"],
            "batch_id": batch["id"],
            "amount": {"amount_minor": 48_000, "currency": "CNY"},
        }
        order = client.post("/orders", json=body)
        assert order.status_code == 201, order.text
        path = f"/orders/{order.json()['id']}"
        assert client.post(f"{path}/payment").is_success
        wait_until(lambda: client.get(path).json()["status"] == "paid", WORKER_SECONDS)
        code = client.post(f"{path}/claim-code").json()["code"]
    return PushedOrder(order.json()["id"], code, batch["name_en"])
