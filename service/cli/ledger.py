"""`fairhold ledger check`, `show` and `export`: look into the ledger, and take it away."""

import asyncio
import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from uuid import UUID

import msgspec
import rich_click as click
from rich.console import Console

from service import settings as environment
from service.cli.home import running_settings
from service.cli.ledger_tables import account_table, check_table, hold_tables
from service.cli.verify import EXIT_FOUND, progress_bar, verdict_of_database
from service.core.errors import Conflict
from service.core.verdict import Verdict
from service.db.session import Database
from service.escrow.check import RULES, Checked, check_rules
from service.escrow.exporting import export_ledger
from service.escrow.gateway import HttpGateway
from service.escrow.queries.statements import AccountStatement, HoldLife, account_statement, hold_life
from service.escrow.statement import read_statement
from service.settings import Settings

LINES_DEFAULT = 50
LINES_MAX = 100_000


@click.group()
def ledger() -> None:
    """The ledger: check it, look into it, export it."""


@ledger.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
def check(as_json: bool) -> None:
    """Prove every rule of the ledger, the provider's statement and the chain of seals.

    Exits with 0 if all is well, with 3 if anything is broken, with 1 if it could not be checked. Nothing is changed
    but the copy of the provider's statement, which is read first.
    """
    settings = running_settings(environment.read())
    console = Console(stderr=as_json)
    is_read, checked = asyncio.run(_check(settings, console))
    verdict = asyncio.run(verdict_of_database(settings, console))
    if as_json:
        told = {"statement_read": is_read, "rules": checked, "chain": msgspec.to_builtins(_chain(verdict))}
        print(msgspec.json.encode(told, enc_hook=str).decode())
    else:
        console.print(check_table(checked, verdict))
        if not is_read:
            console.print("The provider's statement could not be read now: its rules know the last reading only.")
    if not verdict.is_clean or not all(each.holds for each in checked):
        if not as_json:
            console.print("[red]The ledger is not clean.[/red] docs/reconciliation.md says what each rule means.")
        sys.exit(EXIT_FOUND)


async def _check(settings: Settings, console: Console) -> tuple[bool, list[Checked]]:
    database, gateway = Database(settings.database_url, pool_max=1), HttpGateway.of(settings)
    try:
        with console.status("Reading the provider's statement"):
            is_read = bool(settings.gateway_url) and await read_statement(database, gateway)
        checked = []
        with progress_bar(console, "Checking rules", len(RULES)) as told:
            async for each in check_rules(database):
                checked.append(each)
                told(len(checked), len(RULES))
        return is_read, checked
    finally:
        await gateway.close()
        await database.close()


def _chain(verdict: Verdict) -> dict[str, Any]:
    return {
        "seals": verdict.seals,
        "rows": verdict.rows,
        "unsealed": verdict.unsealed,
        "head": verdict.head.hex(),
        "problems": verdict.problems,
    }


@ledger.command()
@click.argument("what", metavar="ACCOUNT|HOLD")
@click.option(
    "--lines", default=LINES_DEFAULT, show_default=True, type=click.IntRange(1, LINES_MAX), help="an account's newest"
)
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
def show(what: str, lines: int, as_json: bool) -> None:
    """Show an account's statement ("held:CNY", "payable:SELLER:CNY"), or the life of a hold by its id."""
    settings = running_settings(environment.read())
    found = asyncio.run(_find(settings, what, lines))
    console = Console()
    if as_json:
        print(msgspec.json.encode(found, enc_hook=str).decode())
    elif isinstance(found, AccountStatement):
        console.print(account_table(found))
    else:
        for table in hold_tables(found):
            console.print(table)


async def _find(settings: Settings, what: str, lines: int) -> AccountStatement | HoldLife:
    database = Database(settings.database_url, pool_max=1)
    try:
        async with database.begin() as tx:
            hold_id = _as_id(what)
            return await account_statement(tx, what, limit=lines) if hold_id is None else await hold_life(tx, hold_id)
    finally:
        await database.close()


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@ledger.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="replace FILE if it is there")
def export(file: Path, force: bool) -> None:
    """Write every transfer, resolution, event and seal to FILE (packed if it ends with .gz).

    The file is JSON lines, described in docs/seal.md, and whole in itself: `fairhold verify FILE` needs nothing else.
    """
    if file.exists() and not force:
        raise Conflict("file_exists", f"{file} is there already: name another file, or say --force")
    settings = running_settings(environment.read())
    console = Console()
    part = file.with_name(f"{file.name}.part")
    try:
        with (
            _opened(part, is_packed=file.suffix == ".gz") as out,
            progress_bar(console, "Exporting seals", None) as told,
        ):
            last = export_ledger(settings.database_url, out.write, told)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    head = "nothing is sealed yet" if last is None else f"{last.number} seals, chain head {last.chain_hash.hex()}"
    console.print(f"{file}: {head}", soft_wrap=True, highlight=False)


@contextmanager
def _opened(file: Path, *, is_packed: bool) -> Iterator[TextIO]:
    if is_packed:
        with gzip.open(file, "wt", encoding="utf-8", compresslevel=5) as packed:
            yield packed
    else:
        with file.open("w", encoding="utf-8") as plain:
            yield plain
