"""A row that somebody waited for is read as it is then, not as the session saw it before."""

from sqlalchemy import select, update

from service.accounts.tables import Tenant
from service.core.actor import COMMONS
from service.db.locks import locked
from service.db.session import Database


async def test_a_locked_row_is_as_it_is_now_although_it_was_read_before(database: Database) -> None:
    commons = select(Tenant).where(Tenant.id == COMMONS)
    async with database.begin() as tx:
        read = (await tx.scalars(commons)).one()
        before = read.name
        async with database.begin() as other:
            await other.execute(update(Tenant).where(Tenant.id == COMMONS).values(name="Everybody's"))
        assert (await tx.scalars(commons.with_for_update())).one().name == before != "Everybody's"
        assert (await tx.scalars(locked(commons))).one().name == "Everybody's"


async def test_what_was_changed_and_not_written_yet_is_not_lost(database: Database) -> None:
    commons = select(Tenant).where(Tenant.id == COMMONS)
    async with database.begin() as tx:
        (await tx.scalars(commons)).one().name = "Everybody's"
        assert (await tx.scalars(locked(commons))).one().name == "Everybody's"
