"""`fairhold verify`: the chain of seals, from an export offline, or from the database and its locked heads."""

import asyncio
import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service import settings as environment
from service.cli.home import running_settings
from service.core.errors import Invalid
from service.core.ledger_file import name_rows, verify_lines
from service.core.verdict import BadRow, Problem, Verdict
from service.db.session import Database
from service.escrow.heads import compare_heads
from service.escrow.verify import verify_database
from service.files.store import Store
from service.settings import Settings

EXIT_FOUND = 3
"""Exit code of a check that was made and found something wrong."""
HEAD_HEX_LENGTH = 64


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--head", default=None, help="a chain head as a report prints it: it must be in the chain")
@click.option("--json", "as_json", is_flag=True, help="print JSON, for programs")
def verify(file: Path | None, head: str | None, as_json: bool) -> None:
    """Hash every sealed row again and follow the chain; name the first block that is wrong.

    With FILE, an export, it needs no server and no settings. Without, it reads the database, and compares the chain
    with the heads that lie locked in the object store. Exits with 0 if all is well, with 3 if anything is wrong, with
    1 if it could not be checked.
    """
    wanted = None if head is None else _head(head)
    console = Console(stderr=as_json)
    if file is not None:
        verdict = verdict_of_file(file, console, wanted)
    else:
        verdict = asyncio.run(verdict_of_database(running_settings(environment.read()), console, wanted))
    if as_json:
        print(msgspec.json.encode(verdict, enc_hook=_plain).decode())
    else:
        console.print(verdict_words(verdict), soft_wrap=True, highlight=False)
    if not verdict.is_clean:
        sys.exit(EXIT_FOUND)


def verdict_of_file(file: Path, console: Console, wanted_head: bytes | None = None) -> Verdict:
    """Verify an export; raises `Invalid` ("export_malformed", "export_cut_off")."""
    size = file.stat().st_size
    with progress_bar(console, "Reading", size) as told, file.open("rb") as raw:
        verdict = verify_lines(_lines(raw, file), lambda _: told(raw.tell(), size), wanted_head=wanted_head)
    if any(problem.row is not None for problem in verdict.problems):
        with file.open("rb") as raw:
            name_rows(verdict, _lines(raw, file))
    return verdict


async def verdict_of_database(settings: Settings, console: Console, wanted_head: bytes | None = None) -> Verdict:
    """Verify the chain in the database, and compare it with its locked heads."""
    with progress_bar(console, "Verifying seals", None) as told:
        verdict = await asyncio.to_thread(verify_database, settings.database_url, told, wanted_head=wanted_head)
    database, store = Database(settings.database_url, pool_max=1), Store.of(settings)
    try:
        with console.status("Comparing with the locked heads"):
            async for each in compare_heads(database, store):
                verdict.add(Problem(each.number, each.reason))
    finally:
        store.close()
        await database.close()
    verdict.problems.sort(key=lambda problem: problem.number)
    return verdict


def verdict_words(verdict: Verdict) -> str:
    """Return what a verification found, for people; the first problem first."""
    said = [f"{verdict.seals} seals over {verdict.rows} rows; {verdict.unsealed} rows are not sealed yet."]
    if verdict.seals:
        said.append(f"Chain head: {verdict.head.hex()}")
    if verdict.wanted_at is not None:
        said.append(f"The head that you have is that of seal {verdict.wanted_at}.")
    for problem in verdict.problems:
        said.append(f"[red]Seal {problem.number}:[/red] {problem.reason}")
        if problem.row is not None:
            said.append(f"    {_row_words(problem.row)}")
    if verdict.problems:
        said.append("Leave this database as it is, and compare an export with the newest good one: docs/seal.md.")
    else:
        said.append("[green]The chain is whole.[/green]")
    return "\n".join(said)


def _row_words(row: BadRow) -> str:
    place = "the end of the block" if row.key is None else f"{row.table} {dict(row.key)}"
    return f"a row is missing before {place}" if row.what == "missing" else f"{row.what}: {place}"


@contextmanager
def progress_bar(console: Console, what: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the block runs; yields what to call with (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def _lines(raw: BinaryIO, file: Path) -> Iterator[str]:
    stream = gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw
    try:
        for line in stream:
            yield line.decode()
    except EOFError as error:
        raise Invalid("export_cut_off", "the packed file is not whole. Export it again") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("export_malformed", f"{file} cannot be read as an export: {error}") from error


def _head(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.replace(" ", ""))
    except ValueError:
        found = b""
    if len(found) * 2 != HEAD_HEX_LENGTH:
        raise Invalid("head_malformed", f"a chain head is {HEAD_HEX_LENGTH} hexadecimal figures")
    return found


def _plain(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
