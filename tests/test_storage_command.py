"""`fairhold migrate`, `serve`, `worker` and `storage` as people start them: on their own buckets and on another's."""

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from service.cli.database import prepare
from service.cli.supervisor import environment_of
from service.core.errors import Conflict
from service.embedded import EmbeddedServers
from service.embedded.s3 import S3Access
from service.settings import Mode, Settings
from tests.conftest import fresh_database
from tests.files.conftest import second_s3

__all__ = ["second_s3"]

ROOT = Path(__file__).parent.parent
SECONDS_MAX = 60
pytestmark = pytest.mark.timeout(300)


def fairhold(settings: Settings, *words: str) -> tuple[int, str]:
    """Run a command to its end; return its exit code and all that it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAIRHOLD_")}
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", *words],
        cwd=ROOT,
        env=kept | environment_of(settings),
        capture_output=True,
        check=False,
        text=True,
        timeout=SECONDS_MAX,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def ours(servers: EmbeddedServers, settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """A database that nobody has migrated, and buckets that nobody has made."""
    prefix = f"c{secrets.token_hex(5)}"
    with fresh_database(servers) as urls:
        yield msgspec.structs.replace(
            settings, home=tmp_path, database_url=urls.app, owner_database_url=urls.owner, s3_prefix=prefix
        )


@pytest.fixture
def another(servers: EmbeddedServers, ours: Settings) -> Iterator[Settings]:
    """A second database, that was told of the same buckets."""
    with fresh_database(servers) as urls:
        yield msgspec.structs.replace(ours, database_url=urls.app, owner_database_url=urls.owner)


def test_the_buckets_belong_to_the_database_that_was_migrated_first_until_another_takes_them(
    ours: Settings, another: Settings
) -> None:
    for _ in range(2):
        code, said = fairhold(ours, "migrate")
        assert (code, "The buckets are there, and ours." in said) == (0, True), said
    code, said = fairhold(ours, "storage", "show")
    assert (code, "Evidence can be locked." in said) == (0, True), said
    installation = re.findall(r"is the installation ([0-9a-f-]{36})\.", said)[0]
    assert said.count(installation) == 6

    code, said = fairhold(another, "migrate")
    assert (code, f"--from {installation}" in said.replace("\n", " ")) == (1, True), said
    for words in (("serve",), ("worker",), ("storage", "show"), ("storage", "adopt")):
        code, said = fairhold(another, *words)
        assert (code, "storage_of_another:" in said) == (1, True), said

    code, said = fairhold(another, "storage", "adopt", "--from", installation)
    assert code == 0, said
    assert fairhold(another, "migrate")[0] == 0
    code, said = fairhold(ours, "serve")
    assert (code, "storage_of_another:" in said) == (1, True), said


def test_a_home_whose_database_alone_was_deleted_says_what_to_delete_too(
    ours: Settings, another: Settings, tmp_path: Path
) -> None:
    assert fairhold(ours, "migrate")[0] == 0
    (tmp_path / "s3").mkdir()
    with pytest.raises(Conflict) as refusal:
        prepare(another, tmp_path, Console(quiet=True))
    assert refusal.value.code == "storage_of_another"
    assert f"delete {tmp_path / 's3'} too" in refusal.value.message


def test_storage_that_cannot_lock_is_told_in_a_demonstration_and_refused_in_production(
    ours: Settings, second_s3: S3Access
) -> None:
    here = msgspec.structs.replace(
        ours, s3_endpoint=second_s3.endpoint, s3_access_key=second_s3.access_key, s3_secret_key=second_s3.secret_key
    )
    code, said = fairhold(here, "migrate")
    assert (code, "cannot lock evidence" in said) == (0, True), said
    production = msgspec.structs.replace(here, mode=Mode.PRODUCTION)
    for words in ("migrate", "serve", "worker"):
        code, said = fairhold(production, words)
        assert (code, "storage_cannot_lock:" in said) == (1, True), said
