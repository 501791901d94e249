"""The service as a process of its own, as `fairhold serve` runs it, on a copy of the world with cases."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg

from service.db.session import driver_url
from service.embedded import EmbeddedServers
from service.settings import PREFIX
from tests.furnished import WORLD_DATABASE, Furnished, on

START_SECONDS_MAX = 60


@contextlib.contextmanager
def serving(servers: EmbeddedServers, furnished: Furnished, folder: Path) -> Iterator[str]:
    """Run the service on a database of its own; yield its address. Its errors go to `errors.log` in the folder."""
    name = f"api_{secrets.token_hex(6)}"
    with psycopg.connect(driver_url(servers.postgres.admin), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {WORLD_DATABASE} OWNER fairhold_owner")
    port = _free_port()
    told = {
        "mode": "test",
        "home": str(folder),
        "port": str(port),
        "database_url": on(servers.postgres.app, name),
        "log_level": "ERROR",
        **{
            each: str(getattr(furnished.settings, each))
            for each in (
                "s3_endpoint", "s3_access_key", "s3_secret_key", "s3_prefix", "secret", "carrier_public_key",
                "gateway_url", "gateway_secret", "evidence_retention_days",
            )
        },
    }  # fmt: skip
    kept = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    with (folder / "errors.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve"],
            env={**kept, **{PREFIX + key.upper(): value for key, value in told.items()}},
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        with psycopg.connect(driver_url(servers.postgres.admin), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while True:
        assert process.poll() is None, "the service ended at its start"
        assert time.monotonic() < until, "the service does not answer"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/health/ready").status_code == 200:
                return
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
