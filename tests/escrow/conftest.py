from collections.abc import AsyncIterator

import pytest

from service.db.session import Database
from tests.conftest import DatabaseUrls
from tests.escrow.world import World


@pytest.fixture
async def database(urls: DatabaseUrls) -> AsyncIterator[Database]:
    """The test's database as the application role, without the rest of the service."""
    pool = Database(urls.app, pool_max=20)
    yield pool
    await pool.close()


@pytest.fixture
def world(database: Database) -> World:
    """A seller to trade with on this test's database."""
    return World(database)
