"""A body that is too deep is bad input, and a refusal; too deep a recursion of our own is a bug, and in the log."""

import httpx
import pytest
from litestar import Litestar, post
from structlog.testing import capture_logs

from service.api.router import PREFIX
from tests.api.limits.conftest import Ground

DEEP = ("[" * 100_000, '{"name":' * 100_000, "[" * 100_000 + "]" * 100_000)


@pytest.mark.parametrize("body", DEEP)
async def test_a_body_too_deep_is_refused_without_a_word_in_the_log(body: str, ground: Ground) -> None:
    route, before = ground.routes["POST /sellers"], ground.rows()
    with capture_logs() as logged:
        answer = await ground.client.post(
            route.address(ground.world),
            content=body.encode(),
            headers={"content-type": "application/json", **route.key(ground.world)},
        )
    assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed")
    assert logged == []
    assert ground.rows() == before


async def test_a_recursion_of_our_own_is_an_error_of_ours_and_logged(own_app: Litestar) -> None:
    @post(f"{PREFIX}/bottomless", opt={"allow": "web.open"})
    async def bottomless() -> None:
        """A handler with a bug."""

        def again() -> None:
            again()

        again()

    own_app.register(bottomless)
    transport = httpx.ASGITransport(app=own_app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
        with capture_logs() as logged:
            answer = await client.post(f"{PREFIX}/bottomless", json={})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert [(each["event"], each["log_level"], each["code"]) for each in logged] == [
        ("request_failed", "error", "internal_error")
    ]
    assert isinstance(logged[0]["exc_info"], RecursionError)
