import httpx
import pytest

from service.core.actor import Role
from service.db.session import Database
from tests.orders.shop import Shop
from tests.trade import make_goods
from tests.world import Whose, World, person_actor


@pytest.fixture
async def shop(client: httpx.AsyncClient, database: Database, world: World) -> Shop:
    async with database.begin() as tx:
        seller = await person_actor(tx, world.account(Role.SELLER).person_id)
        goods = await make_goods(tx, seller, world.things["seller", Whose.OWN], now=await tx.now())
    return Shop(client, database, world, goods)
