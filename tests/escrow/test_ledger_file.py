"""An export carries all that a verification needs, and shows every change that was made to it."""

import gzip
import json
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

import service
from service.cli.verify import verdict_of_file
from service.core.errors import Invalid
from service.core.ledger_file import verify_lines
from service.escrow.exporting import export_ledger
from service.escrow.verify import verify_database
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.sealed import grow, seal
from tests.escrow.world import World

SILENT = Console(quiet=True)
ROOT = Path(service.__file__).parents[1]
SEED = 20261122
ROUNDS = 60


def exported(url: str) -> list[str]:
    lines: list[str] = []
    export_ledger(url, lines.append)
    return lines


async def test_an_export_verifies_to_the_same_head_and_counts_what_is_not_sealed(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    await grow(world, clock, 3)
    await world.delivered()
    offline, online = verify_lines(exported(urls.app)), verify_database(urls.app)
    assert offline.problems == online.problems == []
    assert (offline.seals, offline.rows, offline.unsealed) == (3, online.rows, online.unsealed)
    assert offline.unsealed > 0
    assert (offline.head, offline.ledger_id) == (online.head, online.ledger_id)


async def test_an_empty_ledger_can_be_exported_too(urls: DatabaseUrls) -> None:
    verdict = verify_lines(exported(urls.app))
    assert (verdict.problems, verdict.seals, verdict.rows) == ([], 0, 0)


async def test_every_change_of_a_sealed_line_is_found_and_its_block_named(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    await grow(world, clock, 4)
    lines, chance = exported(urls.app), random.Random(SEED)
    ends = [at for at, line in enumerate(lines) if line.startswith('{"seal"')]
    rows = [at for at in range(1, ends[-1]) if at not in ends]
    for number in range(ROUNDS):
        at = chance.choice(rows)
        block = 1 + sum(end < at for end in ends)
        changed = list(lines)
        if number % 4 == 0:
            del changed[at]
        elif number % 4 == 1:
            changed.insert(at, changed[at])
        elif number % 4 == 2:
            other = chance.choice([each for each in rows if each != at])
            changed[at], changed[other] = changed[other], changed[at]
            block = min(block, 1 + sum(end < other for end in ends))
        else:
            ((kind, said),) = json.loads(changed[at]).items()
            said["at"] = said["at"].replace("Z", "")[:-1] + ("1Z" if said["at"][-2] == "0" else "0Z")
            changed[at] = json.dumps({kind: said})
        verdict = verify_lines(changed)
        assert verdict.problems[0].number == block, f"seed {SEED}, round {number}"


async def test_the_row_is_named_and_a_head_on_paper_found(
    world: World, clock: Clock, urls: DatabaseUrls, tmp_path: Path
) -> None:
    await grow(world, clock, 2)
    lines = exported(urls.app)
    at = next(number for number, line in enumerate(lines) if line.startswith('{"transfer"'))
    said = json.loads(lines[at])["transfer"]
    lines[at] = lines[at].replace('"amount_minor":', '"amount_minor":1')
    file = tmp_path / "ledger.jsonl.gz"
    file.write_bytes(gzip.compress("".join(lines).encode()))
    (problem,) = verdict_of_file(file, SILENT).problems
    assert problem.number == 1
    assert problem.row is not None
    assert (problem.row.what, problem.row.table) == ("changed", "transfer")
    assert problem.row.key == {name: said[name] for name in ("xid", "subject_id", "code")}
    good = exported(urls.app)
    first = json.loads(next(line for line in good if line.startswith('{"seal"')))["seal"]["chain_hash"]
    verdict = verify_lines(good, wanted_head=bytes.fromhex(first))
    assert (verdict.problems, verdict.wanted_at) == ([], 1)
    assert [p.number for p in verify_lines(good, wanted_head=bytes(32)).problems] == [2]


async def test_a_file_that_was_cut_off_or_is_no_export_is_refused(
    world: World, clock: Clock, urls: DatabaseUrls, tmp_path: Path
) -> None:
    await grow(world, clock, 1)
    lines = exported(urls.app)

    def refused(changed: list[str]) -> str:
        with pytest.raises(Invalid) as refusal:
            verify_lines(changed)
        return refusal.value.code

    assert refused(lines[:-1]) == refused([]) == "export_cut_off"
    for wrong in ("x", "[]", "{}", '{"seal":{}}', '{"transfer":{}}', '{"song":{}}', '{"seal":null}', lines[0]):
        assert refused([lines[0], wrong, *lines[1:]]) == "export_malformed", wrong
    assert refused(lines[1:]) == refused([*lines, lines[1]]) == "export_malformed"
    file = tmp_path / "ledger.jsonl.gz"
    file.write_bytes(gzip.compress("".join(lines).encode())[:-20])
    with pytest.raises(Invalid) as refusal:
        verdict_of_file(file, SILENT)
    assert refusal.value.code == "export_cut_off"


async def test_the_command_verifies_a_file_with_no_server_and_says_what_is_wrong(
    world: World, clock: Clock, urls: DatabaseUrls, tmp_path: Path
) -> None:
    await grow(world, clock, 1)
    clock.forward(timedelta(minutes=1))
    await seal(world.database)
    file = tmp_path / "ledger.jsonl"
    file.write_text("".join(exported(urls.app)))

    def run(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "service.cli", "verify", *words],
            cwd=ROOT,
            env={"PATH": "/nowhere", "COLUMNS": "300", "FAIRHOLD_HOME": str(tmp_path / "none")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, said = run(str(file))
    assert code == 0, said
    assert "The chain is whole." in said
    file.write_text(file.read_text().replace('"name":"hold.funded"', '"name":"hold.fondled"', 1))
    code, said = run(str(file))
    assert (code, "Seal 1: its rows are not those that were sealed" in said) == (3, True), said
    assert "changed: event" in said
    assert run(str(tmp_path / "absent"))[0] == 2
    assert run(str(file), "--head", "zz")[0] == 1
    assert run()[0] == 1  # no file, and nothing runs


async def test_the_programme_of_the_documentation_recomputes_the_chain_by_itself(
    world: World, clock: Clock, urls: DatabaseUrls, tmp_path: Path
) -> None:
    await grow(world, clock, 2)
    file = tmp_path / "ledger.jsonl"

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", str(ROOT / "docs/verify_export.py"), str(file)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    file.write_text("".join(exported(urls.app)))
    done = run()
    assert (done.returncode, done.stdout.split()[-1]) == (0, verify_database(urls.app).head.hex()), done.stderr
    file.write_text(file.read_text().replace('"code":"fee"', '"code":"fef"', 1))
    done = run()
    assert (done.returncode, done.stderr) == (1, "seal 1 is wrong\n")
