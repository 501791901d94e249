from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from service import outbound
from service.db.session import Database
from service.escrow.gateway import HttpGateway
from service.files.store import Store
from service.settings import Settings
from tests.conftest import DatabaseUrls
from tests.escrow.moves import Moves
from tests.escrow.world import World
from tests.sandbox.running import SECRET, Listener, Sandbox


@pytest.fixture
async def database(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """The test's database as the application role, without the rest of the service."""
    pool = Database(urls.app, pool_max=20)
    yield pool
    await pool.close()


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    """The session's S3."""
    made = Store.of(settings)
    yield made
    made.close()


@pytest.fixture
def world(database: Database) -> World:
    """A seller to trade with on this test's database."""
    return World(database)


@pytest.fixture
def moves(world: World) -> Moves:
    """That seller's money beyond the hold."""
    return Moves(world)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A provider that sends its notices to a listener of ours."""
    listener = Listener()
    made = Sandbox(tmp_path / "sandbox", listener.url)
    yield made
    made.close()
    listener.close()


@pytest.fixture
async def gateway(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HttpGateway]:
    """Our client of it; it gives up after a second."""
    monkeypatch.setattr(outbound, "ANSWER_SECONDS", 1.0)
    made = HttpGateway(f"http://127.0.0.1:{sandbox.port}/provider", SECRET)
    yield made
    await made.close()
