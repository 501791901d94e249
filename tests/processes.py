"""The service's processes on a test's database, each of which can be killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import msgspec
import psycopg
from psycopg.rows import dict_row

from service.cli.supervisor import environment_of
from service.db.session import driver_url
from service.settings import Settings
from tests.sandbox.running import SECRET, Sandbox, free_port, wait_until

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0
STOP_SECONDS = 30.0
STALLED_SECONDS = 3


class Processes:
    """`serve`, `worker` and the sandbox. What is still running at the end of the block is stopped."""

    def __init__(self, settings: Settings, sandbox: Sandbox, folder: Path) -> None:
        self.settings = settings
        self.sandbox = sandbox
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lines: list[dict[str, Any]] = []
        self._last_line: int | str = 0
        self.http = httpx.Client(base_url=settings.public_url, trust_env=False, timeout=30)

    def start(self, *parts: str, host: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start `serve` or `worker`, on a host with these variables; wait until `serve` is ready.

        On a host with a wrong clock S3 takes no signature, so there it is enough that it is alive.
        """
        environment = {**os.environ, **environment_of(self.settings), **host}
        for part in parts:
            with (self._folder / f"{part}.log").open("ab") as log:
                self._running[part] = subprocess.Popen(
                    [sys.executable, "-m", "service.cli", part],
                    cwd=ROOT,
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        if "serve" in parts:
            health = "live" if host else "ready"
            wait_until(lambda: self._is_well(health), START_SECONDS)

    def kill(self, part: str) -> None:
        """kill -9, with the processes that it has started."""
        process = self._running.pop(part)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)

    def stop(self) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(STOP_SECONDS)
        self._running.clear()
        self.http.close()

    def is_running(self, part: str) -> bool:
        return self._running[part].poll() is None

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What the database holds, as its owner."""
        with psycopg.connect(driver_url(self.settings.owner_database_url), row_factory=dict_row) as connection:
            return connection.execute(query, values).fetchall()

    def switch(self, **switches: object) -> None:
        """Make the provider misbehave."""
        body = json.dumps(switches).encode()
        assert self.sandbox.call("PUT", "/provider/v1/switches", body, now=self._now()).is_success

    def provider_lines(self) -> list[dict[str, Any]]:
        """What the provider has done; pages that were read are not asked for again, because lines never change."""
        while True:
            path = f"/provider/v1/lines?after={self._last_line}"
            page = self.sandbox.call("GET", path, now=self._now()).json()
            self._lines += page["lines"]
            self._last_line = page["last"] or self._last_line
            if page["next"] is None:
                return list(self._lines)

    def _now(self) -> Any:
        return self.rows("SELECT fairhold_now() AS now")[0]["now"]

    def _is_well(self, health: str) -> bool:
        assert self.is_running("serve"), (self._folder / "serve.log").read_text()
        try:
            return self.http.get(f"/health/{health}").is_success
        except httpx.HTTPError:
            return False


def on_real_ports(settings: Settings, folder: Path) -> Settings:
    """Settings of processes on a test's database: a free port, and a worker that takes over soon."""
    port = free_port()
    return msgspec.structs.replace(
        settings,
        home=folder,
        port=port,
        base_url=f"http://127.0.0.1:{port}",
        gateway_secret=SECRET,
        worker_stalled_seconds=STALLED_SECONDS,
    )


@contextmanager
def processes(settings: Settings, folder: Path) -> Iterator[Processes]:
    """A sandbox that runs, and the service's parts to start. The settings name a free port."""
    sandbox = Sandbox(folder, settings.public_url)
    running = Processes(settings, sandbox, folder)
    try:
        yield running
    finally:
        running.stop()
        sandbox.close()
