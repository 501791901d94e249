"""`fairhold evidence`: what it prints, and the code it ends with."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from service.cli.evidence import case_ids
from service.embedded import EmbeddedServers
from tests.complaints.attaching import form, png, upload
from tests.complaints.conftest import Cases, cases
from tests.conftest import DatabaseUrls
from tests.files.conftest import SECRET
from tests.files.watch import Watch

__all__ = ["cases"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said and ended with."""

    status: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Command:
    """The command on this test's servers."""

    environment: dict[str, str]

    async def run(self, *words: str, **settings: str) -> Told:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "service.cli", "evidence", *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=self.environment | settings,
        )  # fmt: skip
        out, error = await asyncio.wait_for(process.communicate(), 60)
        return Told(process.returncode or 0, out.decode(), error.decode())


@pytest.fixture
def command(servers: EmbeddedServers, urls: DatabaseUrls, prefix: str) -> Command:
    s3 = servers.s3
    ours = {
        "FAIRHOLD_DATABASE_URL": urls.app,
        "FAIRHOLD_S3_ENDPOINT": s3.endpoint,
        "FAIRHOLD_S3_ACCESS_KEY": s3.access_key,
        "FAIRHOLD_S3_SECRET_KEY": s3.secret_key,
        "FAIRHOLD_S3_PREFIX": prefix,
        "FAIRHOLD_SECRET": SECRET,
        "COLUMNS": "250",
    }
    return Command({name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | ours)


async def test_a_store_that_is_whole_ends_with_0_and_damage_with_3(command: Command, watch: Watch) -> None:
    file_id = await watch.locked()
    clean = await command.run("verify")
    assert (clean.status, "Everything is as it was stored." in clean.out) == (0, True), clean
    name = await watch.name(file_id)
    watch.put("views", f"{name}-view", b"forged")
    damaged = await command.run("verify", "--json")
    assert damaged.status == 3
    assert damaged.json["findings"] == [
        {
            "what": "changed", "file_id": str(file_id), "part": "view", "bucket": "views",
            "object_name": f"{name}-view", "version_id": None,
        }
    ]  # fmt: skip
    assert (damaged.json["check"]["files"], damaged.json["check"]["findings"]) == (1, 1)
    words = await command.run("verify")
    assert (words.status, f"{name}-view" in words.out, "is not as it was stored" in words.out) == (3, True, True)


async def test_a_part_is_chosen_by_case_or_by_day(command: Command, watch: Watch) -> None:
    await watch.locked()
    for words, files in (
        (("--case", str(watch.shelf.case_id)), 1),
        (("--since", "2020-01-01"), 1),
        (("--since", "2999-01-01T00:00:00+08:00"), 0),
    ):
        told = await command.run("verify", "--json", *words)
        assert (told.status, told.json["check"]["files"], told.json["check"]["is_whole"]) == (0, files, False)


async def test_a_case_is_checked_with_its_additions(cases: Cases) -> None:
    order_id = await cases.order()
    first, draft = await cases.filed(order_id), await cases.draft(order_id)
    assert (await upload(cases, draft, form(png()))).status_code == 201
    await cases.ok(f"/{draft}/submission")
    together = (UUID(first["id"]), UUID(draft))
    for name in (first["reference"], first["id"]):
        assert await case_ids(cases.database, name) == together


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--since", "yesterday"), "instant_malformed"),
        (("--case", "FH-0000"), "reference_wrong"),
        (("--case", "018f0000-0000-7000-8000-0000000000ff"), "file_key_not_found"),
    ],
)
async def test_words_that_mean_nothing_end_with_1_and_check_nothing(
    command: Command, watch: Watch, words: tuple[str, str], code: str
) -> None:
    told = await command.run("verify", *words)
    assert (told.status, code in told.error) == (1, True), told
    assert (await command.run("checks", "--json")).json == []


async def test_a_store_that_is_down_ends_with_1_and_its_run_is_listed_as_cut_off(
    command: Command, watch: Watch
) -> None:
    await watch.locked()
    told = await command.run("verify", FAIRHOLD_S3_ENDPOINT="127.0.0.1:9")
    assert (told.status, "storage_unavailable" in told.error) == (1, True), told
    (run,) = (await command.run("checks", "--json")).json
    assert (run["ended_at"], run["findings"], run["started_by"]) == (None, 0, "command")
    assert "cut off" in (await command.run("checks")).out
