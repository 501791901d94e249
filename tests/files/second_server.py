"""A second S3 server: MinIO's own server code, as the gateway that comes with JuiceFS, over a folder and SQLite.

It has no versions and no object lock, and says so in answers of its own: what a service does then can be tried on it.
"""

import os
import secrets
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from service.embedded.process import wait_until
from service.embedded.s3 import S3Access
from tests.sandbox.running import free_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0
SWITCHES = ("--multi-buckets", "--keep-etag", "--object-tag", "--object-meta", "--no-usage-report")


@contextmanager
def second_server() -> Iterator[S3Access]:
    """Give the address and keys of a server that runs for this block, on loopback, with its data in a folder."""
    program = str(Path(sysconfig.get_path("scripts")) / "juicefs")
    access = S3Access(f"127.0.0.1:{free_port()}", f"user-{secrets.token_hex(4)}", secrets.token_urlsafe(24))
    with tempfile.TemporaryDirectory(prefix="fh-second-") as folder:
        facts, log = f"sqlite3://{folder}/facts.db", Path(folder) / "log"
        keys = {"MINIO_ROOT_USER": access.access_key, "MINIO_ROOT_PASSWORD": access.secret_key}
        make = [program, "format", facts, "second", "--storage", "file", "--bucket", f"{folder}/data/"]
        subprocess.run(make, check=True, capture_output=True, timeout=START_SECONDS)
        with log.open("wb") as sink:
            server = subprocess.Popen(
                [program, "gateway", *SWITCHES, facts, access.endpoint],
                env={**os.environ, **keys},
                stdout=sink,
                stderr=sink,
            )
        try:
            wait_until(lambda: _is_up(server, access.endpoint, log), START_SECONDS)
            yield access
        finally:
            server.terminate()
            server.wait(STOP_SECONDS)


def _is_up(server: "subprocess.Popen[bytes]", endpoint: str, log: Path) -> bool:
    assert server.poll() is None, log.read_text()
    try:
        return httpx.get(f"http://{endpoint}/minio/health/live", trust_env=False).is_success
    except httpx.HTTPError:
        return False
