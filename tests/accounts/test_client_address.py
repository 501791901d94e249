"""Whose address tries are counted for: the peer's, or the one that a trusted proxy names."""

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from service.cli.application import behind_proxies
from service.db.session import Database
from service.db.throttle import digest_of
from service.settings import Settings
from tests.accounts.asking import rows

PROXY, ANOTHER_PROXY, CLIENT, OTHER = "10.0.0.2", "10.0.7.7", "203.0.113.7", "198.51.100.9"
BODY = {"email": "nobody@example.com", "password": "wrong"}


@pytest.fixture
def proxied(app: Litestar, settings: Settings) -> ASGIApp:
    return behind_proxies(app, msgspec.structs.replace(settings, trusted_proxies="10.0.0.0/16"))


async def counted(app: ASGIApp, peer: str, forwarded: list[str], database: Database, settings: Settings) -> str:
    """Try to sign in from a peer, and say which address it was counted for."""
    transport = httpx.ASGITransport(app=app, client=(peer, 4711))  # type: ignore[arg-type]  # two spellings of ASGI
    headers = [("X-Forwarded-For", each) for each in forwarded]
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local", headers=headers) as client:
        assert (await client.post("/api/v1/sessions", json=BODY)).status_code == 401
    [[digest]] = await rows(database, "SELECT digest FROM attempt WHERE kind = 'sign_in_address'")
    named = {digest_of(each, settings.secret): each for each in (PROXY, ANOTHER_PROXY, CLIENT, OTHER)}
    return named[digest]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (PROXY, [CLIENT], CLIENT),
        (PROXY, [f"{OTHER}, {CLIENT}"], CLIENT),  # the client wrote what is on the left
        (PROXY, [OTHER, CLIENT], CLIENT),
        (PROXY, [f"{CLIENT}, {ANOTHER_PROXY}"], CLIENT),  # two proxies in a row
        (PROXY, [], PROXY),
        (PROXY, [""], PROXY),
        (CLIENT, [OTHER], CLIENT),  # nobody trusts this peer
        (CLIENT, [f"{OTHER}, {PROXY}"], CLIENT),
    ],
)
async def test_only_a_trusted_proxy_names_the_client(
    peer: str, forwarded: list[str], expected: str, proxied: ASGIApp, database: Database, settings: Settings
) -> None:
    assert await counted(proxied, peer, forwarded, database, settings) == expected


async def test_without_trusted_proxies_nobody_does(app: Litestar, database: Database, settings: Settings) -> None:
    asked = behind_proxies(app, settings)
    assert await counted(asked, PROXY, [CLIENT], database, settings) == PROXY
