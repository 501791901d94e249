from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from service import outbound
from service.settings import Settings
from tests.conftest import Clock
from tests.escrow.faults.provider import Provider
from tests.escrow.world import World
from tests.sandbox.running import SECRET, Listener, Sandbox, free_port


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A service that talks to the sandbox's port and gives up after a second."""
    monkeypatch.setattr(outbound, "ANSWER_SECONDS", 1.0)
    gateway_url = f"http://127.0.0.1:{free_port()}/provider"
    return msgspec.structs.replace(settings, gateway_url=gateway_url, gateway_secret=SECRET)


@pytest.fixture
async def provider(
    settings: Settings,
    tmp_path: Path,
    world: World,
    client: httpx.AsyncClient,
    drain: Callable[[], Awaitable[None]],
    clock: Clock,
) -> AsyncIterator[Provider]:
    """The provider, whose notices wait with a listener."""
    listener = Listener()
    port = int(settings.gateway_url.rpartition(":")[2].partition("/")[0])
    sandbox = Sandbox(tmp_path / "sandbox", listener.url, port)
    yield Provider(world, sandbox, listener, client, drain, clock)
    sandbox.close()
    listener.close()
