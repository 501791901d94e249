"""`fairhold sandbox`: says where it listens, keeps its books, and is told to misbehave."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import httpx
import pytest

from service.cli import main
from service.core.wire import Kind
from tests.sandbox.running import SECRET, Listener, Sandbox, capture, wait_until


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAIRHOLD_")}
    return {**kept, "FAIRHOLD_HOME": str(home), **more}


def fairhold(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service.cli", "sandbox", *words],
        env=environment(home, **more), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _listens(carrier: str) -> bool:
    try:
        return httpx.get(f"{carrier}/v1/keys", trust_env=False).is_success
    except httpx.ConnectError:
        return False


def test_it_prints_its_addresses_answers_there_and_stops_when_told(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "sandbox"],
            env=environment(tmp_path / "home", FAIRHOLD_BASE_URL="http://127.0.0.1:9"),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        told = dict(process.stdout.readline().split() for _ in range(3))
        assert told["notices"] == "http://127.0.0.1:9"

        wait_until(partial(_listens, told["carrier"]))
        refused = fairhold(tmp_path / "home")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("sandbox_folder_in_use: ")
        process.send_signal(number)
        assert process.wait(20) == 0
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == ["sandbox", "secrets.json"]


def test_it_leaves_without_taking_the_interpreter_down_under_its_servers_thread(tmp_path: Path) -> None:
    told = tmp_path / "taken_down"
    (tmp_path / "sitecustomize.py").write_text(f"import atexit\natexit.register(open, {str(told)!r}, 'w')\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "sandbox"],
        env=environment(tmp_path / "home", FAIRHOLD_BASE_URL="http://127.0.0.1:9", PYTHONPATH=str(tmp_path)),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    addresses = dict(process.stdout.readline().split() for _ in range(3))
    wait_until(partial(_listens, addresses["carrier"]))
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert not told.exists()
    assert fairhold(tmp_path / "home", "switch", "provider", PYTHONPATH=str(tmp_path)).returncode == 0
    assert told.exists()  # the hook works where a command ends in the ordinary way


def test_what_stands_in_the_way_is_said_and_nothing_starts(sandbox: Sandbox, tmp_path: Path) -> None:
    for words, variables, code, said in (
        (("--port", str(sandbox.port)), {}, 1, "port_in_use: "),
        ((), {"FAIRHOLD_GATEWAY_SECRET": "whsec_short"}, 1, "secret_malformed: "),
        ((), {"FAIRHOLD_BASE_URL": "ftp://example.org"}, 1, "base_url_malformed: "),
        (("--port", "70000"), {}, 2, ""),
        (("switch", "provider"), {}, 1, "sandbox_unknown: "),
    ):
        refused = fairhold(tmp_path / "home", *words, **variables)
        assert (refused.returncode, refused.stdout) == (code, "")
        assert refused.stderr.startswith(said), refused.stderr


def test_switches_are_turned_from_the_command_line_while_it_runs(sandbox: Sandbox, listener: Listener) -> None:
    folder = ("--folder", str(sandbox.folder))
    shown = fairhold(sandbox.folder, "switch", *folder, "provider", "refuse_next=1", "duplicate_notices=true")
    assert shown.returncode == 0, shown.stderr
    assert {"refuse_next=1", "duplicate_notices=true", "delay_ms=0"} <= set(shown.stdout.split())
    assert sandbox.ask(Kind.CAPTURE, capture()).json()["state"] == "failed"
    assert len({each.headers["webhook-id"] for each in listener.wait_for(2)}) == 1
    for word in ("bogus=1", "delay_ms=soon", "delay_ms=-1", "down"):
        wrong = fairhold(sandbox.folder, "switch", *folder, "provider", word)
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert wrong.stderr.startswith("switches_wrong: ")
    assert "duplicate_notices=true" in fairhold(sandbox.folder, "switch", *folder, "provider").stdout
    off = fairhold(sandbox.folder, "switch", *folder, "provider", "--off")
    assert "duplicate_notices=false" in off.stdout
    assert sandbox.call("GET", "/provider/v1/switches").json()["duplicate_notices"] is False


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_says_what_it_does(tmp_path: Path, word: str) -> None:
    shown = fairhold(tmp_path, word)
    assert shown.returncode == 0
    assert "127.0.0.1" in shown.stdout
    assert "switch" in shown.stdout
    assert SECRET not in shown.stdout


def test_it_does_not_wait_for_what_only_other_commands_need() -> None:
    heavy = "{'sqlalchemy', 'psycopg', 'minio', 'service.app'}"
    listing = f"import sys, service.cli.main, service.cli.sandbox; print(*{heavy} & {{*sys.modules}})"
    assert subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True).stdout == "\n"


def test_every_command_is_found_by_its_name() -> None:
    group = main.fairhold
    context = click.Context(group)
    for name in main.COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
    assert group.get_command(context, "bogus") is None
