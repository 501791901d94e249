"""`fairhold migrate` and `fairhold seed`."""

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psycopg
import rich_click as click
from rich.console import Console
from rich.markup import escape

from service import settings as environment
from service.cli.home import DEMO_FILE, running_settings
from service.cli.metadata import all_tables
from service.cli.storage import prepare_buckets
from service.core.errors import Conflict, Invalid
from service.db.schema import upgrade
from service.db.session import driver_url
from service.embedded.process import store
from service.embedded.s3 import HOST as S3_HOST
from service.escrow.restoring import catch_up_transactions
from service.files.store import LockCapability
from service.samples.people import DemoAccount, demonstration_people
from service.samples.seeding import Amounts, seed_database, seed_first
from service.settings import Mode, Settings

FIRST_AMOUNTS = Amounts(batches=400, orders=600, complaints=120)
COUNT_MAX = 10_000_000


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date, as the owner role of FAIRHOLD_OWNER_DATABASE_URL, and the buckets.

    Missing buckets are made, and marked as this database's. What another database has marked is refused.
    """
    settings = running_settings(environment.read())
    console = Console()
    migrate_database(settings)
    console.print("The schema is up to date.")
    _tell_of_locks(asyncio.run(prepare_buckets(settings)), console)
    console.print("The buckets are there, and ours.")


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
    """Run the missing migrations, and let transaction ids catch up with those of data from another server.

    Raises `Invalid` ("owner_url_missing"), `Conflict` ("transaction_ids_far_behind").
    """
    if not settings.owner_database_url:
        raise Invalid("owner_url_missing", "set FAIRHOLD_OWNER_DATABASE_URL to the database as its owner role")
    role = urlsplit(driver_url(settings.database_url)).username or "fairhold_app"
    upgrade(
        settings.owner_database_url, app_role=role, metadata=all_tables(), is_clock_movable=settings.is_clock_movable
    )
    catch_up_transactions(settings.owner_database_url)


def prepare(settings: Settings, home: Path, console: Console) -> None:
    """Migrate, make the buckets, and make people and sample data where demo.json does not say that they are whole.

    A start that is cut off at any point is gone on with by the next one. A database that has people whom this home did
    not make is left as it is.
    """
    with console.status("Bringing the schema up to date"):
        migrate_database(settings)
    with console.status("Making the buckets"):
        capability = _prepare_own_buckets(settings, home)
    _tell_of_locks(capability, console)
    if settings.mode is Mode.PRODUCTION:
        return
    file = home / DEMO_FILE
    if not _is_whole(file):
        if not _has_people(settings):
            console.print("First start: making sample data.")
            asyncio.run(demonstration_people(settings, lambda accounts: _keep(file, accounts)))
        elif not file.exists():
            return
        seed_first(settings, FIRST_AMOUNTS, seed=1, console=console)
    told = msgspec.json.decode(file.read_bytes())
    store(file, {**told, "base_url": settings.public_url, "is_whole": True})  # the port may be another one each time


def _is_whole(file: Path) -> bool:
    return file.exists() and msgspec.json.decode(file.read_bytes()).get("is_whole", True) is True


def _keep(file: Path, accounts: list[DemoAccount]) -> None:
    store(file, {"base_url": "", "accounts": msgspec.to_builtins(accounts), "is_whole": False})


def _prepare_own_buckets(settings: Settings, home: Path) -> LockCapability:
    """Prepare the buckets; where they lie in the home and its database was deleted alone, say what helps there."""
    try:
        return asyncio.run(prepare_buckets(settings))
    except Conflict as refusal:
        own = home / "s3"
        if refusal.code != "storage_of_another" or not own.is_dir() or not settings.s3_endpoint.startswith(S3_HOST):
            raise
        said = f"the storage in {own} belongs to a database that is not in {home} any more: delete {own} too, or start"
        raise Conflict(refusal.code, f"{said} with another FAIRHOLD_S3_PREFIX", **refusal.facts) from refusal


def _tell_of_locks(capability: LockCapability, console: Console) -> None:
    if not capability.works:
        console.print(f"[yellow]The storage cannot lock evidence:[/yellow] {escape(capability.reason)}")


def _has_people(settings: Settings) -> bool:
    with psycopg.connect(driver_url(settings.database_url)) as connection:
        return connection.execute("SELECT 1 FROM person LIMIT 1").fetchone() is not None
