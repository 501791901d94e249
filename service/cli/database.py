"""`fairhold migrate` and `fairhold seed`."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psycopg
import rich_click as click
from rich.console import Console

from service import settings as environment
from service.cli.home import DEMO_FILE, running_settings
from service.cli.metadata import all_tables
from service.core.errors import Invalid
from service.db.schema import upgrade
from service.db.session import driver_url
from service.embedded.process import store
from service.files.store import Store
from service.samples.people import demonstration_people
from service.samples.seeding import Amounts, seed_database
from service.settings import Mode, Settings

FIRST_AMOUNTS = Amounts(batches=400, orders=600, complaints=120)
COUNT_MAX = 10_000_000


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date, as the owner role of FAIRHOLD_OWNER_DATABASE_URL."""
    settings = running_settings(environment.read())
    migrate_database(settings)
    Console().print("The schema is up to date.")


@click.command()
@click.option(
    "--batches", default=10_000, show_default=True, type=click.IntRange(0, COUNT_MAX), help="how many to make"
)
@click.option("--orders", default=10_000, show_default=True, type=click.IntRange(0, COUNT_MAX), help="how many to make")
@click.option(
    "--complaints", default=1_000, show_default=True, type=click.IntRange(0, COUNT_MAX), help="how many to make"
)
@click.option("--seed", default=1, show_default=True, type=int, help="the same seed makes the same data")
def seed(batches: int, orders: int, complaints: int, seed: int) -> None:
    """Fill the database with made-up sellers, agents, products, batches, orders and complaints, in both languages."""
    settings = running_settings(environment.read())
    if settings.mode is Mode.PRODUCTION:
        raise Invalid("seed_in_production", "sample data does not belong in a production database")
    console = Console()
    started = time.monotonic()
    seed_database(settings, Amounts(batches=batches, orders=orders, complaints=complaints), seed=seed, console=console)
    console.print(f"Done in {time.monotonic() - started:.1f} s.")


def migrate_database(settings: Settings) -> None:
    """Run the missing migrations; raises `Invalid` ("owner_url_missing")."""
    if not settings.owner_database_url:
        raise Invalid("owner_url_missing", "set FAIRHOLD_OWNER_DATABASE_URL to the database as its owner role")
    role = urlsplit(driver_url(settings.database_url)).username or "fairhold_app"
    upgrade(
        settings.owner_database_url, app_role=role, metadata=all_tables(), is_clock_movable=settings.is_clock_movable
    )


def prepare(settings: Settings, home: Path, console: Console) -> None:
    """Migrate, make the buckets, and on the first start make people and sample data and write demo.json."""
    with console.status("Bringing the schema up to date"):
        migrate_database(settings)
    with console.status("Making the buckets"):
        asyncio.run(_make_buckets(settings))
    if settings.mode is Mode.PRODUCTION:
        return
    if (home / DEMO_FILE).exists():  # the port may be another one this time
        told = msgspec.json.decode((home / DEMO_FILE).read_bytes())
        store(home / DEMO_FILE, {**told, "base_url": settings.public_url})
    elif not _has_people(settings):
        console.print("First start: making sample data.")
        accounts = asyncio.run(demonstration_people(settings))
        # Before the rest, so that a start that is cut off here still has its sign-ins the next time.
        store(home / DEMO_FILE, {"base_url": settings.public_url, "accounts": msgspec.to_builtins(accounts)})
        seed_database(settings, FIRST_AMOUNTS, seed=1, console=console)


async def _make_buckets(settings: Settings) -> None:
    storage = Store.of(settings)
    try:
        await storage.ensure_buckets()
    finally:
        storage.close()


def _has_people(settings: Settings) -> bool:
    with psycopg.connect(driver_url(settings.database_url)) as connection:
        return connection.execute("SELECT 1 FROM person LIMIT 1").fetchone() is not None
