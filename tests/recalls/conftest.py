import pytest

from service.db.session import Database
from tests.recalls.street import Street
from tests.world import World


@pytest.fixture
async def street(database: Database, world: World) -> Street:
    return await Street.build(database, world)
