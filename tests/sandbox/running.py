"""A sandbox that really runs, and a listener in Fairhold's place."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx

from service.core.signatures import secret_from_bytes, sign_message
from service.core.wire import FAIRHOLD_NOW, IDEMPOTENCY_KEY, Kind, MoneyRequest, encode, format_instant

SECRET = secret_from_bytes(b"0123456789abcdef0123456789abcdef")
NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)  # far from any host clock
WAIT_S = 20.0
T = TypeVar("T")


def wait_until(find: Callable[[], T], wait_s: float = WAIT_S) -> T:
    until = time.monotonic() + wait_s
    while not (found := find()):
        assert time.monotonic() < until, "the condition did not come true in time"
        time.sleep(0.01)
    return found


@dataclass
class Heard:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Listener:
    """Takes notices like Fairhold; `answers` are the next statuses, then 204."""

    heard: list[Heard] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.heard.append(Heard(self.path, headers, body))
                status, extra = listener.answers.pop(0) if listener.answers else (204, {})
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def wait_for(self, count: int) -> list[Heard]:
        wait_until(lambda: len(self.heard) >= count)
        return list(self.heard)


class Sandbox:
    """The process, and signed requests to it."""

    def __init__(self, folder: Path, callback_base_url: str, port: int | None = None) -> None:
        self.folder = folder
        self.callback_base_url = callback_base_url
        self.port = port or free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=10)
        self.start()

    def start(self) -> None:
        self.process = spawn(self.folder, self.callback_base_url, self.port)
        wait_until(self._answers)

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the sandbox ended"
        try:
            return self.http.get("/carrier/v1/keys").is_success
        except httpx.ConnectError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(10) == 0

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        now: datetime = NOW,
        timeout_s: float = 10,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        sent = {**sign_message(SECRET, "msg_1", body, now=now), FAIRHOLD_NOW: format_instant(now), **(headers or {})}
        if idempotency_key is not None:
            sent[IDEMPOTENCY_KEY] = idempotency_key
        return self.http.request(method, path, content=body, headers=sent, timeout=timeout_s)

    def ask(self, kind: Kind, request: MoneyRequest, **options: Any) -> httpx.Response:
        options = {"idempotency_key": request.client_id, **options}
        return self.call("POST", f"/provider{kind.path}", encode(request), **options)

    def status(self, kind: Kind, client_id: str) -> httpx.Response:
        return self.call("GET", f"/provider{kind.path}/{client_id}")

    def lines(self) -> list[dict[str, Any]]:
        return list(self.call("GET", "/provider/v1/lines").json()["lines"])

    def switch(self, service: str = "provider", **switches: object) -> None:
        answer = self.call("PUT", f"/{service}/v1/switches", json.dumps(switches).encode())
        assert answer.status_code == 200, answer.text


def spawn(folder: Path, callback_base_url: str, port: int) -> subprocess.Popen[bytes]:
    settings = {"folder": str(folder), "callback_base_url": callback_base_url, "secret": SECRET, "port": port}
    process = subprocess.Popen([sys.executable, "-m", "service.sandbox"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(json.dumps(settings).encode())
    process.stdin.close()
    return process


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def capture(client_id: str = "cap-1", amount_minor: int = 36_000, currency: str = "CNY") -> MoneyRequest:
    return MoneyRequest(client_id, amount_minor, currency, "FH-7K3M-9QXT", payer="buyer-1")


def refund(client_id: str, amount_minor: int, original: str = "cap-1", currency: str = "CNY") -> MoneyRequest:
    return MoneyRequest(client_id, amount_minor, currency, "FH-7K3M-9QXT", payee="buyer-1", original=original)


def payout(client_id: str, amount_minor: int) -> MoneyRequest:
    return MoneyRequest(client_id, amount_minor, "CNY", "FH-7K3M-9QXT", payee="seller-1")
