import httpx
import pytest

from service.db.session import Database
from tests.orders.shop import Shop, open_shop
from tests.world import World


@pytest.fixture
async def shop(client: httpx.AsyncClient, database: Database, world: World) -> Shop:
    return await open_shop(client, database, world)
