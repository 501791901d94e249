"""Starts every part of a Fairhold on one machine, waits, and stops all of it."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.table import Table

from service.cli.database import prepare
from service.cli.home import DEMO_FILE, home_of, with_secrets, write_running
from service.cli.listening import check_port, free_port, is_ready
from service.core.errors import Unavailable
from service.embedded import EmbeddedPostgres, EmbeddedS3
from service.embedded.process import FolderLock, GuardedProcess, wait_until
from service.settings import PREFIX, Settings

READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 25.0
WATCH_SECONDS = 0.5
_COMMAND = (sys.executable, "-m", "service.cli")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """SIGINT or SIGTERM came. A kind of `KeyboardInterrupt`, which event loops pass on and do not log away."""


class StopSignals:
    """SIGINT and SIGTERM: each raises `Stopped` where it comes, and stays known.

    Python ignores what is raised within a finaliser or a weak reference's callback, so the exception alone can be lost.
    """

    def __init__(self) -> None:
        self._came = False

    def take(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        self._came = True
        for number in _STOP_SIGNALS:  # a second one must not cut the stopping short
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    def check(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self._came:
            raise Stopped


def supervise(settings: Settings) -> None:
    """Start everything, print where it is, and wait for Ctrl-C or SIGTERM.

    Raises `Unavailable` when a part cannot start or ends by itself, `Conflict` ("port_taken").
    """
    console = Console()
    # Ours, because a shell that starts us in the background lets us inherit SIGINT as ignored.
    signals = StopSignals()
    previous = {number: signal.signal(number, signals.take) for number in _STOP_SIGNALS}
    try:
        with ExitStack() as stack:
            home = home_of(settings)
            lock = FolderLock(home)
            descriptor = lock.take()
            stack.callback(lock.release)
            check_port(settings)
            settings = with_secrets(settings, home)
            with console.status("Starting PostgreSQL and S3"):
                settings, servers = _with_servers(settings, home, stack)
            settings = _with_addresses(settings)
            prepare(settings, home, console)
            write_running(settings, home)
            stack.callback((home / "running.json").unlink, missing_ok=True)
            with console.status("Starting Fairhold"):
                parts = {**servers, **_start_parts(settings, home, descriptor, stack)}
                _wait_ready(settings, parts, signals)
            _greet(settings, home, console)
            watch(parts, signals)
    except KeyboardInterrupt:
        console.print("Stopped.")
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _with_servers(settings: Settings, home: Path, stack: ExitStack) -> tuple[Settings, Mapping[str, GuardedProcess]]:
    """Start the embedded servers that the settings do not replace by others; return them by name too."""
    servers: dict[str, GuardedProcess] = {}
    storage = None
    if not settings.s3_endpoint:
        storage = EmbeddedS3(home)
        stack.callback(storage.stop)
        storage.launch()
        servers["s3"] = storage.process
    if not settings.database_url:
        postgres = EmbeddedPostgres(home)
        stack.callback(postgres.stop)
        urls = postgres.start()
        servers["postgres"] = postgres.process
        settings = msgspec.structs.replace(settings, database_url=urls.app, owner_database_url=urls.owner)
    if storage is not None:
        access = storage.start()
        settings = msgspec.structs.replace(
            settings, s3_endpoint=access.endpoint, s3_access_key=access.access_key, s3_secret_key=access.secret_key
        )
    return settings, servers


def _with_addresses(settings: Settings) -> Settings:
    """Name our own address and, where no provider is set, the sandbox's."""
    settings = msgspec.structs.replace(settings, base_url=settings.public_url)
    if settings.gateway_url:
        return settings
    sandbox = f"http://127.0.0.1:{free_port()}"
    return msgspec.structs.replace(settings, gateway_url=f"{sandbox}/provider", carrier_url=f"{sandbox}/carrier")


def _start_parts(settings: Settings, home: Path, descriptor: int, stack: ExitStack) -> Mapping[str, GuardedProcess]:
    """Start the processes of Fairhold; they are stopped, the last first, when the stack unwinds."""
    environment = {**os.environ, **environment_of(settings)}
    commands = {"serve": ["serve"], "worker": ["worker"]}
    if settings.carrier_url:
        port = settings.carrier_url.removesuffix("/carrier").rpartition(":")[2]
        commands = {"sandbox": ["sandbox", "--port", port, "--folder", str(home / "sandbox")], **commands}
    parts: dict[str, GuardedProcess] = {}
    for name, words in commands.items():
        part = GuardedProcess(home / f"{name}.log")
        stack.callback(part.stop)
        part.start(
            [*_COMMAND, *words],
            stop_signal=signal.SIGTERM,
            grace_seconds=STOP_SECONDS_MAX,
            keep=descriptor,
            cwd=Path.cwd(),
            environment=environment,
        )
        parts[name] = part
    return parts


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the settings as variables; secrets go by the environment, not by arguments that others can read."""
    told = {}
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if value not in ("", None):
            told[PREFIX + name.upper()] = str(value).lower() if isinstance(value, bool) else str(value)
    told[f"{PREFIX}HOME"] = str(settings.home.absolute())
    return told


def _wait_ready(settings: Settings, parts: Mapping[str, GuardedProcess], signals: StopSignals) -> None:
    address = f"http://{settings.host}:{settings.port}"

    def answers() -> bool:
        signals.check()
        _check_running(parts)
        return is_ready(address)

    try:
        wait_until(answers, READY_SECONDS_MAX)
    except TimeoutError as error:
        raise Unavailable("not_ready", "the service did not become ready; its logs are in the home folder") from error


def _check_running(parts: Mapping[str, GuardedProcess]) -> None:
    for name, part in parts.items():
        if not part.is_running:
            raise Unavailable("part_ended", f"{name} ended by itself; the end of {part.log}:\n{part.log_tail()}")


def watch(parts: Mapping[str, GuardedProcess], signals: StopSignals) -> None:
    """Wait until a signal comes (`Stopped`) or a part ends (`Unavailable`)."""
    waiting = threading.Event()
    while not waiting.wait(WATCH_SECONDS):
        signals.check()
        _check_running(parts)


def _greet(settings: Settings, home: Path, console: Console) -> None:
    console.print(f"\n[bold]Fairhold[/bold] serves pages and API at [bold]{settings.public_url}[/bold]")
    file = home / DEMO_FILE
    if file.exists():
        table = Table(title="Sign-ins (sample data)")
        for heading in ("role", "e-mail", "password"):
            table.add_column(heading)
        for account in msgspec.json.decode(file.read_bytes())["accounts"]:
            table.add_row(account["role"], account["email"], account["password"])
        console.print(table)
        console.print(f"API keys are in {file}")
    console.print("Ctrl-C stops everything.")
