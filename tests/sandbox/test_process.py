"""The process: alone in its folder and on its port, gone when told, with files that others cannot read."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from service.core.wire import Kind
from service.sandbox.app import PROVIDER_FILE
from service.sandbox.provider import import_captures
from tests.sandbox.running import Listener, Sandbox, capture, free_port, refund, spawn, wait_until


def test_a_second_sandbox_in_the_folder_or_on_the_port_does_not_start(
    sandbox: Sandbox, tmp_path: Path, listener: Listener
) -> None:
    assert spawn(sandbox.folder, listener.url, free_port()).wait(20) == 1
    assert spawn(tmp_path / "other", listener.url, sandbox.port).wait(20) == 1
    assert sandbox.ask(Kind.CAPTURE, capture()).status_code == 200


def test_its_folder_and_books_are_the_owners_alone(sandbox: Sandbox) -> None:
    assert sandbox.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in sandbox.folder.glob("*.sqlite*")} == {0}


def test_it_stops_at_once_even_while_it_keeps_a_caller_waiting(tmp_path: Path, listener: Listener) -> None:
    sandbox = Sandbox(tmp_path / "stopping", listener.url)
    sandbox.switch(time_out_after_work=1)

    def wait_in_vain() -> None:
        with pytest.raises(httpx.HTTPError):
            sandbox.ask(Kind.CAPTURE, capture(), timeout_s=20).raise_for_status()

    caller = threading.Thread(target=wait_in_vain)
    caller.start()
    wait_until(sandbox.lines)
    sandbox.process.terminate()
    assert sandbox.process.wait(8) == 0
    caller.join(10)
    assert not caller.is_alive()
    sandbox.close()


def test_captures_of_sample_data_can_be_refunded(sandbox: Sandbox, listener: Listener) -> None:
    at = datetime(2031, 1, 1, tzinfo=UTC)
    rows = [(capture(f"seed-{number}", 100 + number), at) for number in range(12_000)]
    assert import_captures(sandbox.folder / PROVIDER_FILE, rows) == 12_000
    assert import_captures(sandbox.folder / PROVIDER_FILE, rows[:10]) == 0
    assert sandbox.status(Kind.CAPTURE, "seed-11999").json()["amount_minor"] == 12_099
    assert sandbox.ask(Kind.REFUND, refund("ref-1", 100, original="seed-0")).json()["state"] == "done"
    assert [heard.json["client_id"] for heard in listener.wait_for(1)] == ["ref-1"]
