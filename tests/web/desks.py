"""Signed-in browsers for the desks, and cases for them to work on."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from service.accounts.guards import SESSION_COOKIE
from service.web.language import Language
from tests.complaints.conftest import Cases, cases
from tests.web.browsing import Browser
from tests.world import Account

Desk = Callable[..., Browser]
__all__ = ["Cases", "Desk", "cases", "desk", "option"]


@pytest.fixture
async def desk(app: Litestar) -> AsyncIterator[Desk]:
    """Make a browser that somebody is signed in with; each has its own cookies."""
    async with AsyncExitStack() as open_clients:

        def sit_down(account: Account, language: Language = "en") -> Browser:
            transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://testserver.local")
            client.cookies.set(SESSION_COOKIE, account.session_token)
            client.cookies.set("fairhold_language", language)
            open_clients.push_async_callback(client.aclose)
            return Browser(client, language)

        yield sit_down


def option(page: str, label: str) -> str:
    """The value of the radio row whose words hold `label`."""
    for row in page.split('<input type="radio"')[1:]:
        if label in row:
            return row.partition('value="')[2].partition('"')[0]
    raise AssertionError(f"no row says {label}")
