"""`fairhold evidence verify` and `checks`: is every stored byte what it was, and when was that last looked at?"""

import asyncio
import sys
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Column, Table

from service import settings as environment
from service.cli.home import running_settings
from service.cli.verify import EXIT_FOUND, progress_bar
from service.complaints.queries import find_by_reference
from service.complaints.queries.keeping import held_together
from service.core.actor import SYSTEM
from service.core.errors import Invalid, NotFound
from service.db.session import Database
from service.files.check_queries import FindingView, RunView, Scope, count_to_check, findings_of, latest_runs
from service.files.check_runs import begin_check, verify_stored
from service.files.queries import key_facts
from service.files.sealing import KeyRing
from service.files.store import Store
from service.settings import Settings

SHOWN_MAX = 200
RUNS_SHOWN = 20
_COUNTS = [Column(name, justify="right") for name in ("Files", "Objects", "Bytes", "Findings")]


@click.group()
def evidence() -> None:
    """The stored evidence: check all of its bytes, and see when that was done."""


@evidence.command()
@click.option(
    "--case",
    "case",
    default=None,
    help="only the files of one case, by its reference or id, or of an order or batch, by its id",
)
@click.option("--since", default=None, help="only files received since then: 2026-11-20, or with a time and zone")
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
def verify(case: str | None, since: str | None, as_json: bool) -> None:
    """Read everything that is stored again and hold it against its hashes.

    Originals by their locked version or in quarantine, views and thumbnails; other versions, markers of deletion,
    shortened locks, and objects that no row knows. Exits with 0 if all is well, with 3 if anything is not as it was
    stored, with 1 if it could not be checked. The run is written down, and damage raises the operators' alert.
    """
    settings = running_settings(environment.read())
    moment = None if since is None else _moment(since)
    console = Console(stderr=as_json)
    run, found = asyncio.run(_verify(settings, console, case, moment))
    if as_json:
        print(msgspec.json.encode({"check": run, "findings": found}).decode())
    else:
        console.print(run_table([run]))
        if found:
            console.print(findings_table(found))
            left = run.findings - len(found[:SHOWN_MAX])
            more = f" {left} more are not shown: --json has all that were written down." if left else ""
            console.print(f"[red]Stored evidence is not as it was stored.[/red]{more} See docs/evidence.md.")
        else:
            console.print("[green]Everything is as it was stored.[/green]")
    if run.findings:
        sys.exit(EXIT_FOUND)


@evidence.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
def checks(as_json: bool) -> None:
    """List the latest checks, nightly ones and those by hand; one without an end was cut off."""
    settings = running_settings(environment.read())
    runs = asyncio.run(_runs(settings))
    if as_json:
        print(msgspec.json.encode(runs).decode())
    else:
        Console().print(run_table(runs))


async def _verify(
    settings: Settings, console: Console, case: str | None, since: datetime | None
) -> tuple[RunView, list[FindingView]]:
    database, store = Database(settings.database_url, pool_max=2), Store.of(settings)
    try:
        scope = Scope(() if case is None else await case_ids(database, case), since)
        async with database.begin() as tx:
            check_id = await begin_check(tx, scope, now=await tx.now())
            total = await count_to_check(tx, scope)
        with progress_bar(console, "Reading files", total) as told:
            run = await verify_stored(
                database, store, KeyRing(settings.secret), check_id, scope, lambda done: told(done, total)
            )
        async with database.begin() as tx:
            return run, await findings_of(tx, check_id)
    finally:
        store.close()
        await database.close()


async def _runs(settings: Settings) -> list[RunView]:
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            return await latest_runs(tx, limit=RUNS_SHOWN)
    finally:
        await database.close()


async def case_ids(database: Database, case: str) -> tuple[UUID, ...]:
    """Return the ids of what has files: a case by reference or id, with its additions, or an order or batch by its id.

    Raises as `find_by_reference`, and `NotFound` ("file_key_not_found") where nothing has ever been stored.
    """
    async with database.begin() as tx:
        try:
            case_id = UUID(case)
        except ValueError:
            case_id = await find_by_reference(tx, SYSTEM, case)
        together = await held_together(tx, case_id)
        if not await key_facts(tx, together):
            raise NotFound("file_key_not_found", f"{case} has no files, so that there is nothing to check")
    return tuple(together)


def _moment(text: str) -> datetime:
    """Return a moment; a day or time without a zone is in UTC. Raises `Invalid` ("instant_malformed")."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("instant_malformed", f"{text} is no day or time, such as 2026-11-20") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def run_table(runs: list[RunView]) -> Table:
    """Return checks as people read them."""
    table = Table("Check", "By", "What", "Began", "Ended", *_COUNTS)
    for run in runs:
        ended = "cut off" if run.ended_at is None else f"{run.ended_at:%Y-%m-%d %H:%M:%S}"
        counts = [f"{count:,}" for count in (run.files, run.objects, run.bytes, run.findings)]
        what = "everything" if run.is_whole else "a part"
        table.add_row(str(run.id), run.started_by, what, f"{run.started_at:%Y-%m-%d %H:%M:%S}", ended, *counts)
    return table


def findings_table(found: list[FindingView]) -> Table:
    """Return what a check found, as people read it."""
    table = Table("What", "Part", "File", "Bucket", "Object", "Version")
    for each in found[:SHOWN_MAX]:
        file_id = "" if each.file_id is None else str(each.file_id)
        what = each.what.replace("_", " ")
        table.add_row(what, each.part or "", file_id, each.bucket, each.object_name, each.version_id or "")
    return table
