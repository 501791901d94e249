"""`fairhold ledger` and `fairhold verify` on seeded data: clean, and what they show is what there is."""

import json
import os
import subprocess
import sys
from asyncio import to_thread
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console

from service.cli.supervisor import environment_of
from service.core.ledger_file import verify_lines
from service.db.session import Database, driver_url
from service.escrow.heads import lock_head
from service.escrow.queries.statements import account_statement, hold_life
from service.escrow.sealing import seal_next
from service.files.store import Store
from service.samples.people import demonstration_people
from service.samples.seeding import Amounts, seed_database
from service.settings import Settings
from tests.conftest import Clock, DatabaseUrls

ROOT = Path(__file__).parents[2]
AMOUNTS = Amounts(batches=60, orders=200, complaints=60)


@pytest.fixture
async def seeded(settings: Settings, database: Database, clock: Clock) -> Settings:
    """Seeded data, sealed, its head locked."""
    await demonstration_people(settings)
    await to_thread(seed_database, settings, AMOUNTS, seed=1, console=Console(quiet=True))
    for _ in range(3):
        clock.forward(timedelta(minutes=1))
        async with database.begin() as tx:
            await seal_next(tx, now=await tx.now())
    store = Store.of(settings)
    await lock_head({}, database=database, store=store, settings=settings)
    store.close()
    return settings


@pytest.fixture
def superuser(urls: DatabaseUrls) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(driver_url(urls.admin), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def fairhold(settings: Settings, *words: str) -> tuple[int, str]:
    """Run the command on the test's database; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", *words],
        cwd=ROOT,
        env={**os.environ, **environment_of(settings), "COLUMNS": "200", "FAIRHOLD_GATEWAY_URL": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout if done.returncode in {0, 3} else done.stderr


async def test_seeded_data_is_clean_sealed_and_verifies_from_database_and_file(
    seeded: Settings, tmp_path: Path, superuser: psycopg.Connection[Any]
) -> None:
    code, said = fairhold(seeded, "ledger", "check", "--json")
    told = json.loads(said)
    assert (code, [each["rule"] for each in told["rules"] if each["findings"]]) == (0, [])
    assert told["chain"]["problems"] == []
    assert told["chain"]["rows"] > 1_000
    code, said = fairhold(seeded, "verify")
    assert (code, "The chain is whole." in said) == (0, True), said
    file = tmp_path / "ledger.jsonl.gz"
    code, said = fairhold(seeded, "ledger", "export", str(file))
    assert (code, told["chain"]["head"] in said) == (0, True), said
    code, said = fairhold(seeded, "ledger", "export", str(file))
    assert (code, said.startswith("file_exists:")) == (1, True)
    code, said = fairhold(seeded, "verify", str(file), "--head", told["chain"]["head"], "--json")
    offline = json.loads(said)
    assert (code, offline["problems"], offline["rows"]) == (0, [], told["chain"]["rows"])
    assert offline["wanted_at"] == offline["seals"]

    superuser.execute(
        "UPDATE account SET balance_minor = balance_minor + 7 WHERE kind = 'payable' AND balance_minor > 0"
    )
    superuser.execute("UPDATE transfer SET at = at + interval '1 s' WHERE code = 'release'")
    code, said = fairhold(seeded, "ledger", "check")
    assert code == 3
    for words in ("locked_is_derived", "broken", "its rows are not those that were sealed", "zero_sum"):
        assert words in said, said
    code, said = fairhold(seeded, "verify")
    assert (code, "Seal 1:" in said) == (3, True), said


async def test_an_accounts_statement_runs_from_its_opening_to_its_balance(
    seeded: Settings, database: Database, superuser: psycopg.Connection[Any]
) -> None:
    account, locked = superuser.execute(
        "SELECT id, balance_minor FROM account WHERE kind = 'payable' ORDER BY balance_minor DESC LIMIT 1"
    ).fetchone()  # type: ignore[misc]  # there is one
    async with database.begin() as tx:
        short, whole = [await account_statement(tx, account, limit=limit) for limit in (2, 100_000)]
    assert (whole.opening_minor, whole.balance_minor, whole.locked_minor) == (0, locked, locked)
    assert whole.lines[-1].balance_minor == locked
    assert sum(line.amount_minor for line in whole.lines) == locked
    assert short.lines == whole.lines[-2:]
    assert short.opening_minor == locked - sum(line.amount_minor for line in short.lines)
    code, said = fairhold(seeded, "ledger", "show", account, "--lines", "2", "--json")
    assert (code, json.loads(said)["balance_minor"]) == (0, locked)
    code, said = fairhold(seeded, "ledger", "show", account)
    assert (code, "opening balance" in said, account[:30] in said) == (0, True, True)
    code, said = fairhold(seeded, "ledger", "show", "payable:nobody:CNY")
    assert (code, said.startswith("account_not_found:")) == (1, True)


async def test_a_holds_life_is_shown_from_its_funding_to_its_end(
    seeded: Settings, database: Database, superuser: psycopg.Connection[Any]
) -> None:
    (hold_id,) = (
        superuser.execute(
            "SELECT h.id FROM hold h JOIN resolution r ON r.hold_id = h.id JOIN hold_freeze f ON f.hold_id = h.id"
            " WHERE r.outcome = 'split' LIMIT 1"
        ).fetchone()
        or superuser.execute("SELECT hold_id FROM resolution WHERE outcome = 'released' LIMIT 1").fetchone()
    )  # type: ignore[misc]  # there is one
    async with database.begin() as tx:
        life = await hold_life(tx, hold_id)
    assert life.end is not None
    assert life.lines[0].code == "fund"
    assert sum(line.amount.amount_minor for line in life.lines if line.debit_account.startswith("held:")) == (
        life.hold.amount.amount_minor
    )
    code, said = fairhold(seeded, "ledger", "show", str(hold_id))
    assert (code, "Transfers" in said, life.end.outcome in said, "fund" in said) == (0, True, True, True)
    code, said = fairhold(seeded, "ledger", "show", str(hold_id), "--json")
    assert json.loads(said)["end"]["outcome"] == life.end.outcome
    code, said = fairhold(seeded, "ledger", "show", "00000000-0000-7000-8000-000000000009")
    assert (code, said.startswith("hold_not_found:")) == (1, True)


async def test_an_export_of_seeded_data_has_every_sealed_row_once(
    seeded: Settings, tmp_path: Path, superuser: psycopg.Connection[Any]
) -> None:
    file = tmp_path / "ledger.jsonl"
    assert fairhold(seeded, "ledger", "export", str(file))[0] == 0
    lines = file.read_text("utf-8").splitlines()
    verdict = verify_lines(lines)
    for table in ("transfer", "resolution", "event"):
        (count,) = superuser.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[call-overload, misc]  # one row
        assert sum(line.startswith(f'{{"{table}"') for line in lines) == count
    assert (verdict.problems, verdict.unsealed) == ([], 0)
