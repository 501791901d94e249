"""What both servers share: the folder's lock, the guarded process, waiting, and secrets on disk."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from service.core.errors import Unavailable

LOG_BYTES_MAX = 10_000_000
LOG_TAIL_CHARACTERS = 2_000
POLL_SECONDS = 0.02
PREVIOUS_RUN_SECONDS = 60.0
SOCKET_PATH_BYTES_MAX = 103


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that a server runs as when it must not be the one who started it."""

    uid: int
    gid: int


class FolderLock:
    """Only one process at a time runs a server in a folder.

    Two locks: the starter's own, which ends with the starter and so tells at once that somebody else is here; and one
    that guard and server inherit, so that a new start waits until the servers of a killed run are really gone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._starter: IO[str] | None = None
        self._server: IO[str] | None = None

    def take(self) -> int:
        """Take both locks; returns the descriptor for the server to inherit. Raises `Unavailable`."""
        try:
            self._starter = (self._folder / "starter.lock").open("w")
            self._server = (self._folder / "server.lock").open("w")
        except PermissionError as error:
            message = f"{self._folder} belongs to another user; set FAIRHOLD_HOME to a folder of your own"
            raise Unavailable("folder_not_ours", message, folder=str(self._folder)) from error
        try:
            fcntl.lockf(self._starter, fcntl.LOCK_EX | fcntl.LOCK_NB)
            wait_until(self._try_server_lock, PREVIOUS_RUN_SECONDS)
        except (BlockingIOError, TimeoutError) as error:
            self.release()
            message = f"another Fairhold is running in {self._folder}; stop it, or set FAIRHOLD_HOME to another folder"
            raise Unavailable("already_running", message, folder=str(self._folder)) from error
        return self._server.fileno()

    def hand_over(self) -> None:
        """Leave the second lock to guard and server alone, so that no fork of ours keeps it after them."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def release(self) -> None:
        """Give both locks back; the server, if it still runs, keeps its own."""
        for lock in (self._server, self._starter):
            if lock is not None:
                lock.close()
        self._starter = self._server = None

    def _try_server_lock(self) -> bool:
        if self._server is None:
            return False
        try:
            fcntl.flock(self._server, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class GuardedProcess:
    """A server under a guard process; see `guard.py`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self._guard: subprocess.Popen[bytes] | None = None

    def start(
        self,
        command: Sequence[str],
        *,
        stop_signal: int,
        grace_seconds: float,
        keep: int,
        cwd: Path,
        environment: Mapping[str, str],
        identity: Identity | None = None,
    ) -> None:
        """Start `command`. On `stop` it gets `stop_signal`, and is killed `grace_seconds` + 5 s later."""
        options: dict[str, Any] = {"stop": stop_signal, "grace_seconds": grace_seconds, "keep": [keep]}
        if identity is not None:
            options |= {"uid": identity.uid, "gid": identity.gid}
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), json.dumps(options), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=dict(environment),
                pass_fds=[keep],
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        """Whether the guard, and so the server, still runs."""
        return self._guard is not None and self._guard.poll() is None

    def log_tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]

    def wait_ready(self, ready: Callable[[], bool], seconds: float, name: str) -> None:
        """Wait until `ready()`; raises `Unavailable` with the end of the log when the server dies or takes longer."""

        def settled() -> bool:
            return ready() or not self.is_running

        with contextlib.suppress(TimeoutError):
            wait_until(settled, seconds)
        if not ready():
            tail = self.log_tail()
            what = "did not become ready in time" if self.is_running else "could not start"
            self.stop()
            raise Unavailable(f"{name}_not_started", f"{name} {what}; the end of {self.log}:\n{tail}")

    def stop(self) -> None:
        """Stop the server and wait until it is gone; does nothing when it does not run."""
        guard, self._guard = self._guard, None
        if guard is not None:
            if guard.stdin is not None:
                guard.stdin.close()
            guard.wait()


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Return as soon as `condition()` holds; raises `TimeoutError` after `seconds` by the monotonic clock."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(POLL_SECONDS)


def own_folder(path: Path) -> Path:
    """Make `path` for us alone. Folders that are there already keep their permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def remember(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The facts stored in `path`, made by `make()` and stored for us alone when there are none yet."""
    if path.exists():
        stored: dict[str, Any] = json.loads(path.read_text())
        return stored
    facts = make()
    store(path, facts)
    return facts


def store(path: Path, facts: Mapping[str, Any]) -> None:
    """Write `facts` to `path` whole or not at all, readable for us alone."""
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
    new.replace(path)


def socket_folder(folder: Path, longest_name: str, identity: Identity | None = None) -> Path:
    """A folder for Unix sockets: `folder`/run, or one with a short path when the system's limit asks for it.

    It belongs to `identity` where one is given. Raises `Unavailable` when somebody else has taken the short path.
    """
    chosen = folder / "run"
    if len(os.fsencode(chosen / longest_name)) > SOCKET_PATH_BYTES_MAX:
        chosen = _short_folder(folder, longest_name)
    own_folder(chosen)
    status = chosen.lstat()
    owners = {os.getuid()} if identity is None else {os.getuid(), identity.uid}
    if chosen.is_symlink() or status.st_uid not in owners or status.st_mode & 0o077:
        raise Unavailable("socket_folder_unsafe", f"{chosen} is not a private folder of ours; remove it")
    if identity is not None:
        os.chown(chosen, identity.uid, identity.gid)
    return chosen


def _short_folder(folder: Path, longest_name: str) -> Path:
    """A path in the folder for temporary files that fits the limit and is the same each time."""
    name = f"fairhold-{os.getuid()}-{sha256(os.fsencode(folder)).hexdigest()[:12]}"
    base = Path(tempfile.gettempdir())
    if len(os.fsencode(base / name / longest_name)) > SOCKET_PATH_BYTES_MAX:
        base = Path("/tmp")  # noqa: S108 - the caller checks that the folder in it is ours
    return base / name
