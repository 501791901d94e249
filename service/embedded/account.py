"""Which operating-system account PostgreSQL runs as, because it refuses to run as root.

An ordinary user runs it directly. Root runs it in a user namespace of its own, where root is called by another number:
it then works in folders that only root may enter, and the files stay root's. Where namespaces are not allowed (many
containers), it runs as the folder's owner or as `nobody`, in the home folder if that account may go there, else under
/var/lib/fairhold with a copy of the binaries. No permission of a folder that we did not make is changed.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from service.core.errors import Unavailable
from service.embedded.process import Identity, own_folder, remember

MAPPED_ID = "1000"
SHARED_PLACE = Path("/var/lib/fairhold")
PROBE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Account:
    """How to run the server's programs: from where, in which folder, as whom."""

    programs: Path
    place: Path
    prefix: tuple[str, ...] = ()
    identity: Identity | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """The full command line of one of PostgreSQL's programs."""
        return [*self.prefix, str(self.programs / program), *arguments]

    def run(self, command: Sequence[str], *, text: str | None, environment: Mapping[str, str]) -> str:
        """Run `command` as this account with `text` on standard input; returns its output. Raises `Unavailable`."""
        done = _run(command, self.identity, self.place, text, environment)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            raise Unavailable("postgres_not_prepared", f"{Path(command[len(self.prefix)]).name} failed: {said}")
        return done.stdout

    def may_work(self) -> bool:
        """Whether this account can start the programs and write into the folder."""
        script = '"$1" --version && cd "$2" && test -w .'
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            command = [*self.prefix, "/bin/sh", "-c", script, "sh", str(self.programs / "postgres"), str(self.place)]
            return _run(command, self.identity, Path("/"), None, os.environ).returncode == 0
        return False

    def give(self, folder: Path) -> Path:
        """Make `folder` inside the place, owned by this account."""
        own_folder(folder)
        if self.identity is not None:
            os.chown(folder, self.identity.uid, self.identity.gid)
        return folder

    def take_over(self, folder: Path) -> None:
        """Give `folder`, which we made, to this account with all in it, when an earlier run had another account."""
        if self.identity is None or folder.stat().st_uid == self.identity.uid:
            return
        for path in (*folder.rglob("*"), folder):
            os.chown(path, self.identity.uid, self.identity.gid, follow_symlinks=False)


def choose_account(programs: Path, folder: Path, *, shared: Path = SHARED_PLACE) -> Account:
    """The first account that works for `folder`, which exists and is ours. Raises `Unavailable` with what to do.

    `shared` is where data and programs go when no account but root's may enter `folder`.
    """
    if os.getuid() != 0:
        return Account(programs, folder)
    for account in _accounts_for_root(programs, folder, shared):
        if account.may_work():
            return account
    message = (
        "PostgreSQL does not run as root, and here neither a user namespace nor another account works. "
        "Run this as an ordinary user, or set FAIRHOLD_DATABASE_URL to a PostgreSQL of your own."
    )
    raise Unavailable("postgres_refuses_root", message)


def _accounts_for_root(programs: Path, folder: Path, shared: Path) -> Iterator[Account]:
    """What root may try, best first. Folders are prepared only when their turn comes."""
    moved_note = folder / "place.json"
    is_moved = moved_note.exists() and (shared / json.loads(moved_note.read_text())["name"] / "data").exists()
    if not is_moved and folder.stat().st_uid == 0 and shutil.which("unshare"):
        yield Account(programs, folder, prefix=("unshare", "--user", f"--map-user={MAPPED_ID}"))
    for identity in _ordinary_identities(folder):
        if not is_moved:
            os.chown(folder, identity.uid, identity.gid)
            yield Account(programs, folder, identity=identity)
            os.chown(folder, 0, 0)
        # By a name of its own, kept in the home folder: a new home in the same place never meets old data.
        note = remember(moved_note, lambda: {"name": secrets.token_hex(8)})
        yield _moved(programs, shared / note["name"], identity)


def _ordinary_identities(folder: Path) -> Iterator[Identity]:
    """The owner of the folder around, when that is a person, then `nobody`."""
    around = folder.parent.stat()
    if around.st_uid != 0:
        yield Identity(around.st_uid, around.st_gid)
    with contextlib.suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        yield Identity(nobody.pw_uid, nobody.pw_gid)


def _moved(programs: Path, elsewhere: Path, identity: Identity) -> Account:
    """An account that works away from the home folder, with its own copy of the programs."""
    elsewhere.parent.mkdir(parents=True, exist_ok=True)
    own_folder(elsewhere)
    os.chown(elsewhere, identity.uid, identity.gid)
    wheel = programs.parent.parent
    copy = elsewhere.with_name(
        f"programs-{sha256(os.fsencode(programs)).hexdigest()[:12]}-{int(wheel.stat().st_mtime)}"
    )
    if not copy.exists():
        half = copy.with_name(f"{copy.name}.{os.getpid()}")
        for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
            if part.is_dir():
                shutil.copytree(part, half / part.name, symlinks=True)
        half.replace(copy)
    return Account(copy / wheel.name / programs.relative_to(wheel), elsewhere, identity=identity)


def _run(
    command: Sequence[str], identity: Identity | None, cwd: Path, text: str | None, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run one short-lived program to its end."""
    user = None if identity is None else identity.uid
    group = None if identity is None else identity.gid
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        input="" if text is None else text,
        cwd=cwd,
        env=dict(environment),
        user=user,
        group=group,
        extra_groups=None if identity is None else [],
        timeout=PROBE_SECONDS * 10,
    )
