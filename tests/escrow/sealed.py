"""What tests of the seal share: a ledger with some blocks, and a superuser's hand on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg

from service.core.ids import new_id
from service.db.session import Database, driver_url
from service.escrow.sealing import seal_next
from tests.conftest import Clock
from tests.escrow.world import World


async def seal(database: Database) -> int:
    """Seal what is there, if it is time; return how many rows."""
    async with database.begin() as tx:
        return await seal_next(tx, now=await tx.now())


async def grow(world: World, clock: Clock, blocks: int) -> None:
    """Trade and seal so many blocks: funding, delivery, a claim, a refund, a release, a division in each."""
    for _ in range(blocks):
        for _ in range(2):
            hold = await world.delivered()
            await world.waive(hold.id)
        claimed = await world.delivered()
        source_id = new_id()
        part = await world.claim(claimed.id, 4_000, source_id)
        await world.settle(part, 1_500, source_id)
        clock.forward(timedelta(minutes=1))
        assert await seal(world.database) > 0


@contextmanager
def superuser(admin_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield a superuser's connection that no trigger stops; it keeps what it did unless it is rolled back."""
    with psycopg.connect(driver_url(admin_url)) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection
