"""`fairhold storage`: whose the buckets are, what they can do, and handing them over to another database."""

import asyncio

import rich_click as click
from rich.console import Console

from service import settings as environment
from service.cli.home import running_settings
from service.core.errors import Invalid
from service.db.session import Database
from service.files.ownership import check_at_start, check_buckets, claim_buckets, identity, rename
from service.files.store import LockCapability, Store
from service.settings import Mode, Settings


@click.group()
def storage() -> None:
    """Show whose the buckets are; take them over for this database."""


@storage.command()
def show() -> None:
    """Print whose each bucket is and whether evidence can be locked; exit with 1 if something is wrong with that."""
    settings = running_settings(environment.read())
    asyncio.run(_show(settings, Console()))


@storage.command()
@click.option(
    "--from", "taken_from", default="", help="the installation that the buckets belong to now, as `show` says"
)
def adopt(taken_from: str) -> None:
    """Make this database the one that the buckets belong to, as its owner.

    For a database that was restored on another server, or that replaces one which is gone. Whoever had the buckets
    before is refused from then on, and files that this database does not know are swept from quarantine.
    """
    settings = running_settings(environment.read())
    if not settings.owner_database_url:
        raise Invalid("owner_url_missing", "set FAIRHOLD_OWNER_DATABASE_URL to the database as its owner role")
    taken = asyncio.run(_adopt(settings, taken_from))
    Console().print(f"The buckets {settings.s3_prefix}-* belong to this database now, as {taken}.")


async def prepare_buckets(settings: Settings) -> LockCapability:
    """Make the buckets that are missing and mark them as ours; return whether evidence can be locked.

    Raises as `ownership.claim_buckets`, and `Unavailable` ("storage_cannot_lock") in production.
    """
    database, store = Database(settings.database_url, pool_max=1), Store.of(settings)
    try:
        capability = await store.ensure_buckets()
        await claim_buckets(database, store)
        await check_at_start(database, store, is_lock_needed=settings.mode is Mode.PRODUCTION)
        return capability
    finally:
        store.close()
        await database.close()


def check_storage(settings: Settings) -> None:
    """Refuse to start on buckets that are not ours, and in production on buckets that cannot lock.

    Raises as `ownership.check_at_start`.
    """
    asyncio.run(_check(settings))


async def _check(settings: Settings) -> None:
    database, store = Database(settings.database_url, pool_max=1), Store.of(settings)
    try:
        await check_at_start(database, store, is_lock_needed=settings.mode is Mode.PRODUCTION)
    finally:
        store.close()
        await database.close()


async def _show(settings: Settings, console: Console) -> None:
    database, store = Database(settings.database_url, pool_max=1), Store.of(settings)
    try:
        async with database.begin() as tx:
            ours = await identity(tx)
        console.print(f"This database is the installation {ours.id}.", highlight=False)
        for bucket, mark in (await store.read_marks()).items():
            console.print(f"{settings.s3_prefix}-{bucket}: {mark or 'no mark'}", highlight=False)
        capability = await store.lock_capability()
        console.print("Evidence can be locked." if capability.works else f"No lock: {capability.reason}")
        await check_buckets(database, store)
    finally:
        store.close()
        await database.close()


async def _adopt(settings: Settings, taken_from: str) -> str:
    database, store = Database(settings.owner_database_url, pool_max=1), Store.of(settings)
    try:
        await store.ensure_buckets()
        return str(await rename(database, store, taken_from))
    finally:
        store.close()
        await database.close()
