"""`fairhold up` as people start it: kept data, no process left, and refusals that say what to do."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from service.cli.database import FIRST_AMOUNTS
from service.cli.supervisor import Stopped, StopSignals, watch
from service.core.actor import Role
from service.db.session import driver_url
from service.embedded.process import wait_until
from tests.sandbox.running import free_port

ROOT = Path(__file__).parent.parent
FIRST_START_SECONDS = 200.0  # of a machine that does much else
STOP_SECONDS = 60.0
pytestmark = pytest.mark.timeout(400)


@dataclass
class Up:
    """A started `fairhold up`."""

    home: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def demo(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "demo.json").read_text()))

    def key(self, role: Role) -> dict[str, str]:
        key = next(each["api_key"] for each in self.demo["accounts"] if each["role"] == role)
        return {"Authorization": f"Bearer {key}"}

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"`up` ended: {self.process.communicate()}"
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def has_people(self) -> bool:
        assert self.process.poll() is None, f"`up` ended: {self.process.communicate()}"
        return (self.home / "demo.json").exists()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; the exit code and all that was printed."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        said, complained = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, said + complained


def environment(home: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAIRHOLD_")}
    return kept | {"FAIRHOLD_HOME": str(home), "FAIRHOLD_PORT": str(port)}


@contextmanager
def up(home: Path, *, before: str = "") -> Iterator[Up]:
    """`fairhold up`, ready; ended with the block. `before` is a shell's line before it."""
    with launched(home, before=before) as started:
        wait_until(started.is_ready, FIRST_START_SECONDS)
        yield started


@contextmanager
def launched(home: Path, *, before: str = "") -> Iterator[Up]:
    port = free_port()
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'{before} exec "$0" -m service.cli up', sys.executable],
        cwd=ROOT,
        env=environment(home, port),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Up(home, port, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=STOP_SECONDS)


def try_up(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    """A start that is expected to be refused."""
    command = [sys.executable, "-m", "service.cli", "up"]
    return subprocess.run(
        command, cwd=ROOT, env=environment(home, port), capture_output=True, text=True, check=False, timeout=60
    )


def processes_of(home: Path) -> dict[int, str]:
    """Every process that has the home in its environment or its words, by number."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            marks = (entry / "environ").read_bytes() + b"\0" + (entry / "cmdline").read_bytes()
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if words and os.fsencode(home) in marks and int(entry.name) != os.getpid():
            found[int(entry.name)] = words
    return found


def numbers_of(home: Path, part: str) -> list[int]:
    """The processes of one part, the first started first; guards left out."""
    pattern = re.compile(rf"service\.cli {part}\b" if part != "postgres" else r"postgres -D")
    return sorted(n for n, words in processes_of(home).items() if pattern.search(words) and "guard.py" not in words)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home that was started once before; in a folder that only its owner may enter."""
    with tempfile.TemporaryDirectory(prefix="fh-") as folder:
        inner = Path(folder) / "inner"
        inner.mkdir(mode=0o750)
        with up(inner / "var") as first:
            assert first.end()[0] == 0
        yield inner / "var"


def test_sigterm_leaves_no_process_starting_again_keeps_the_data_and_folders_keep_their_permissions(home: Path) -> None:
    with up(home) as first:
        demo = first.demo
        assert demo["base_url"] == first.url
        roles = sorted(account["role"] for account in demo["accounts"])
        assert set(roles) == {role.value for role in Role}
        assert (roles.count("mediator"), roles.count("supervisor")) == (2, 1)
        assert {"email", "password", "api_key"} <= demo["accounts"][0].keys()
        key = first.key(Role.SELLER)
        named = {"name": "Kept Shop", "kind": "shop", "country": "CN"}
        made = httpx.post(f"{first.url}/api/v1/sellers", headers=key, json=named, trust_env=False).raise_for_status()
        me = httpx.get(f"{first.url}/api/v1/me", headers=key, trust_env=False).raise_for_status()
        assert len(processes_of(home)) >= 8
        around = (home.parent.parent, home.parent, home)
        assert [stat.S_IMODE(path.stat().st_mode) for path in around] == [0o700, 0o750, 0o700]  # as they were made
        assert {path.stat().st_uid for path in around} == {os.getuid()}
        code, said = first.end()
        assert (code, said.rstrip().endswith("Stopped.")) == (0, True)
        assert processes_of(home) == {}
        assert not (home / "running.json").exists()

    with up(home) as second:
        assert second.demo == {**demo, "base_url": second.url}
        for path, known in (("me", me), (f"sellers/{made.json()['id']}", made)):
            found = httpx.get(f"{second.url}/api/v1/{path}", headers=key, trust_env=False)
            assert found.raise_for_status().json() == known.json()


def test_a_first_start_that_is_killed_while_it_makes_sample_data_is_gone_on_with_by_the_next(home: Path) -> None:
    cut = home.parent / "cut"
    with launched(cut) as first:
        wait_until(first.has_people, FIRST_START_SECONDS)  # the rest is being made
        first.process.kill()
        first.wait()
        assert first.demo["is_whole"] is False
    wait_until(lambda: processes_of(cut) == {}, STOP_SECONDS)

    with up(cut) as second:
        assert second.demo["is_whole"] is True
        key = second.key(Role.PLATFORM)
        orders = httpx.get(f"{second.url}/api/v1/orders", headers=key, trust_env=False).raise_for_status().json()
        assert orders["data"]
        with psycopg.connect(driver_url(json.loads((cut / "running.json").read_text())["database_url"])) as connection:
            made = connection.execute("SELECT count(*) FROM complaint").fetchone()
        assert made == (FIRST_AMOUNTS.complaints,)


@pytest.mark.full
def test_two_homes_run_side_by_side_and_share_nothing(home: Path) -> None:
    with ExitStack() as stack:
        first, two = stack.enter_context(launched(home)), stack.enter_context(launched(home.parent / "two"))
        for each in (first, two):
            wait_until(each.is_ready, FIRST_START_SECONDS)
        answers = [
            httpx.get(f"{at.url}/api/v1/me", headers=of.key(Role.OPERATOR), trust_env=False).status_code
            for at in (first, two)
            for of in (first, two)
        ]
        assert answers == [200, 401, 401, 200]
        assert two.end()[0] == 0
        assert processes_of(two.home) == {}
        assert first.is_ready()


def test_a_second_up_on_a_home_or_on_its_port_is_refused(home: Path) -> None:
    with launched(home) as first:
        wait_until(first.is_ready, FIRST_START_SECONDS)
        again = try_up(home, free_port())
        assert (again.returncode, again.stdout) == (1, "")
        assert re.fullmatch(r"already_running: another Fairhold is running in \S+; stop it, or .*\n", again.stderr)

        other = home.parent / "other"
        taken = try_up(other, first.port)
        assert taken.returncode == 1
        assert taken.stderr == (
            f"port_taken: port {first.port} is taken: stop who uses it, or choose another with FAIRHOLD_PORT\n"
        )
        assert not (other / "postgres").exists()
        assert processes_of(other) == {}
        assert first.is_ready()


@pytest.mark.full
def test_ctrl_c_stops_it_even_where_the_shell_made_it_ignore_ctrl_c(home: Path) -> None:
    with up(home, before="trap '' INT;") as started:
        ignored = re.search(r"SigIgn:\s*([0-9a-f]+)", Path(f"/proc/{started.process.pid}/status").read_text())
        assert ignored is not None
        assert int(ignored[1], 16) & (1 << (signal.SIGINT - 1)) == 0
        code, said = started.end(signal.SIGINT)
    assert (code, said.rstrip().endswith("Stopped.")) == (0, True)
    assert processes_of(home) == {}


def test_a_signal_whose_exception_was_swallowed_stops_it_all_the_same() -> None:
    signals, before = StopSignals(), {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(Stopped):  # as Python does in a finaliser
            signals.take(signal.SIGTERM, None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    with pytest.raises(Stopped):
        watch({}, signals)


@pytest.mark.parametrize("part", ["serve", pytest.param("postgres", marks=pytest.mark.full)])
def test_a_part_that_dies_ends_all_with_its_reason(home: Path, part: str) -> None:
    with up(home) as started:
        os.kill(numbers_of(home, part)[0], signal.SIGKILL)
        code, said = started.wait()
    assert code == 1
    assert re.search(rf"part_ended: {part} ended by itself; the end of \S+{part}\.log:", said)
    wait_until(lambda: processes_of(home) == {}, STOP_SECONDS)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", started.port))
