"""The wheels' PostgreSQL and S3 under a home folder: kept, private, and gone with their starter."""

import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from minio import Minio
from minio.error import S3Error

from service.core.errors import Unavailable
from service.embedded import EmbeddedPostgres, EmbeddedS3, S3Access, embedded
from service.embedded.account import choose_account
from service.embedded.postgres import _programs
from service.embedded.process import wait_until

ROOT = Path(__file__).parent.parent
GONE_SECONDS = 30.0
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root meets this")

STARTER = """
import json, os, signal, sys
from pathlib import Path
from service.embedded import embedded
with embedded(Path(sys.argv[1]), throw_away=True) as servers:
    fork = os.fork()
    if fork == 0:  # a worker that outlives us and holds every descriptor that we have
        signal.pause()
    with open(sys.argv[2], "w") as ready:
        json.dump({"fork": fork, "owner": servers.postgres.owner}, ready)
    signal.pause()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path that only its owner may enter."""
    with tempfile.TemporaryDirectory(prefix="fh-") as folder:
        yield Path(folder)


def client(access: S3Access) -> Minio:
    return Minio(access.endpoint, access.access_key, access.secret_key, secure=False)


def processes_in(home: Path) -> list[str]:
    """The command lines of the processes that serve `home`, guards included."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        is_starter = "-c" in words[:2]
        if not is_starter and any(str(home) in word for word in words[1:]):
            found.append(" ".join(words))
    return found


def test_rows_and_objects_survive_a_restart_under_the_same_addresses(home: Path) -> None:
    with embedded(home, throw_away=True) as first, psycopg.connect(first.postgres.owner) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('上海光明')")
        connection.commit()
        client(first.s3).make_bucket("kept", object_lock=True)
        client(first.s3).put_object("kept", "photo", io.BytesIO(b"\xff\xd8\xff"), 3)

    assert processes_in(home) == []
    with embedded(home, throw_away=True) as second, psycopg.connect(second.postgres.owner) as connection:
        assert second == first
        assert connection.execute("SELECT word FROM kept").fetchall() == [("上海光明",)]
        assert client(second.s3).get_object("kept", "photo").read() == b"\xff\xd8\xff"
        assert client(second.s3).get_object_lock_config("kept") is not None


def test_two_homes_run_side_by_side_and_share_nothing(home: Path) -> None:
    with embedded(home / "one", throw_away=True) as one, embedded(home / "two", throw_away=True) as two:
        with psycopg.connect(one.postgres.owner, autocommit=True) as connection:
            connection.execute("CREATE TABLE only_here ()")
        with psycopg.connect(two.postgres.owner) as connection:
            assert connection.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
        client(one.s3).make_bucket("only-here")
        assert client(two.s3).list_buckets() == []
        assert one.s3.endpoint != two.s3.endpoint
        assert one.postgres.app != two.postgres.app


def test_a_second_start_in_the_same_home_is_refused_while_the_first_goes_on(home: Path) -> None:
    other = "import sys\nfrom pathlib import Path\nfrom service.embedded import EmbeddedS3\n"
    other += "try:\n    EmbeddedS3(Path(sys.argv[1])).start()\nexcept Exception as error:\n    print(error.code)\n"
    with_s3 = EmbeddedS3(home)
    access = with_s3.start()
    try:
        said = subprocess.run(
            [sys.executable, "-c", other, str(home)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        )
        assert said.stdout == "already_running\n"
        assert client(access).list_buckets() == []
    finally:
        with_s3.stop()


def test_killing_the_starter_leaves_no_server_and_the_next_start_finds_the_data(home: Path) -> None:
    ready = home / "ready.json"
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(home / "var"), str(ready)], cwd=ROOT)
    fork = 0
    try:
        wait_until(lambda: ready.exists() and ready.stat().st_size > 0, 60)
        facts = json.loads(ready.read_text())
        fork = facts["fork"]
        with psycopg.connect(facts["owner"], autocommit=True) as connection:
            connection.execute("CREATE TABLE committed ()")
        assert len(processes_in(home / "var")) >= 4

        starter.kill()
        starter.wait()
        wait_until(lambda: processes_in(home / "var") == [], GONE_SECONDS)

        with embedded(home / "var", throw_away=True) as again, psycopg.connect(again.postgres.owner) as connection:
            assert connection.execute("SELECT to_regclass('committed') IS NOT NULL").fetchone() == (True,)
    finally:
        starter.kill()
        if fork:
            os.kill(fork, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a child of its parent's death")
def test_killing_guard_and_starter_at_once_leaves_no_server_either(home: Path) -> None:
    ready = home / "ready.json"
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(home / "var"), str(ready)], cwd=ROOT)
    wait_until(lambda: ready.exists() and ready.stat().st_size > 0, 60)
    fork = json.loads(ready.read_text())["fork"]
    children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()
    for number in (starter.pid, fork, *(int(word) for word in children if int(word) != fork)):
        os.kill(number, signal.SIGKILL)
    starter.wait()
    wait_until(lambda: processes_in(home / "var") == [], GONE_SECONDS)


def test_a_process_number_left_by_a_crash_does_not_stop_the_next_start(home: Path) -> None:
    server = EmbeddedPostgres(home, throw_away=True)
    server.start()
    server.stop()
    data = home / "postgres" / "data"
    left = f"{os.getpid()}\n{data}\n1700000000\n5432\n{home}\n\n  0 0\nready   \n"
    (data / "postmaster.pid").write_text(left)

    urls = server.start()
    try:
        with psycopg.connect(urls.app) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()


def test_a_home_with_a_very_long_path_works(home: Path) -> None:
    server = EmbeddedPostgres(home / ("long-" * 30) / "var", throw_away=True)
    urls = server.start()
    try:
        with psycopg.connect(urls.app) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
        shutil.rmtree(server.sockets)


def test_the_database_finds_trigrams_in_chinese_and_the_roles_have_only_their_rights(home: Path) -> None:
    server = EmbeddedPostgres(home, throw_away=True)
    urls = server.start()
    try:
        with psycopg.connect(urls.owner, autocommit=True) as owner:
            owner.execute("CREATE EXTENSION pg_trgm")
            assert owner.execute("SELECT cardinality(show_trgm('上海')) = 3").fetchone() == (True,)
            owner.execute("CREATE TABLE private ()")
            rights = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
            assert owner.execute(rights).fetchone() == (False, False, False)
        with psycopg.connect(urls.app, autocommit=True) as app:
            assert app.execute(rights).fetchone() == (False, False, False)
            for refused in ("CREATE TABLE mine ()", "CREATE TEMP TABLE mine ()", "SELECT FROM private"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(refused)
            assert app.execute("SELECT to_regclass('mine')").fetchone() == (None,)
    finally:
        server.stop()


def test_wrong_passwords_and_keys_are_refused_and_secrets_are_for_the_owner_alone(home: Path) -> None:
    with embedded(home, throw_away=True) as servers:
        secret = servers.postgres.app.split(":")[2].split("@")[0]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(servers.postgres.app.replace(secret, "wrong"))
        with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
            client(S3Access(servers.s3.endpoint, servers.s3.access_key, "wrong-secret")).list_buckets()
        for name in ("postgres/passwords.json", "s3/keys.json"):
            assert stat.S_IMODE((home / name).stat().st_mode) == 0o600


def test_tests_lose_only_fsync_and_commits_stay_synchronous(home: Path) -> None:
    wanted = ("fsync", "synchronous_commit", "jit", "max_connections", "listen_addresses", "password_encryption")
    query = "SELECT " + ", ".join(f"current_setting('{name}')" for name in wanted)
    for throw_away, fsync in ((True, "off"), (False, "on")):
        server = EmbeddedPostgres(home, throw_away=throw_away)
        try:
            with psycopg.connect(server.start().app) as connection:
                assert connection.execute(query).fetchone() == (fsync, "on", "off", "200", "", "scram-sha-256")
        finally:
            server.stop()


@as_root
def test_root_in_a_closed_folder_leaves_every_permission_as_it_was(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    (closed / "inner").mkdir(mode=0o750)
    around = [*closed.parents, closed, closed / "inner"]
    before = [(path, path.stat().st_mode, path.stat().st_uid) for path in around]
    server = EmbeddedPostgres(closed / "inner" / "var", throw_away=True)
    try:
        with psycopg.connect(server.start().app) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.stop()
    assert [(path, path.stat().st_mode, path.stat().st_uid) for path in around] == before


@as_root
@pytest.mark.full
def test_root_without_user_namespaces_works_as_another_account_where_that_may_go(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    folder = home / "var" / "postgres"
    folder.mkdir(parents=True, mode=0o700)

    with tempfile.TemporaryDirectory(prefix="fh-shared-") as shared:
        Path(shared).chmod(0o755)
        moved = choose_account(_programs(), folder, shared=Path(shared))
        assert moved.place.parent == Path(shared)
        assert moved.may_work()
        assert (folder.stat().st_uid, stat.S_IMODE(home.stat().st_mode)) == (0, 0o700)

    home.chmod(0o755)
    if not os.access(ROOT, os.X_OK) or choose_account(_programs(), folder).place != folder:
        pytest.skip("the programs lie in a folder that only root may enter")
    server = EmbeddedPostgres(home / "var", throw_away=True)
    try:
        with psycopg.connect(server.start().app) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert (folder / "data").stat().st_uid != 0
    finally:
        server.stop()


def test_a_cluster_of_another_version_is_refused_in_words_and_left_alone(home: Path) -> None:
    server = EmbeddedPostgres(home, throw_away=True)
    server.start()
    server.stop()
    version = home / "postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(Unavailable, match="made by PostgreSQL 17") as refused:
        server.start()
    assert refused.value.code == "postgres_version_differs"
    assert processes_in(home) == []
    assert version.read_text() == "17\n"
