"""A door to the S3 server at which a chosen request waits: whoever sent it can be killed there."""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_SECONDS = 60.0
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True)
class Stop:
    """The first request like this one waits: before it reaches the server, or after the server has done it."""

    request: str
    is_done: bool


@dataclass
class Door:
    """What passes to the server at `target`. Whoever stands at the stop has come; nobody is ever let through."""

    target: str
    stop: Stop | None = None
    came: threading.Event = field(default_factory=threading.Event)
    go_home: threading.Event = field(default_factory=threading.Event)

    def close_at(self, stop: Stop) -> None:
        self.stop = stop
        self.came.clear()
        self.go_home.clear()

    def open(self) -> None:
        """Let everything pass; what waits has been killed meanwhile and gets no answer."""
        self.stop = None
        self.go_home.set()

    def stops(self, request: str, *, is_done: bool) -> bool:
        """Whether a request ends here."""
        stop = self.stop
        if stop is None or stop.is_done is not is_done or not re.search(stop.request, request):
            return False
        self.came.set()
        self.go_home.wait(WAIT_SECONDS)
        return True


@contextmanager
def stalling(target: str) -> Iterator[tuple[Door, str]]:
    """Give a door to `target`, and its own address."""
    door = Door(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                super().handle_one_request()

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = f"{self.command} {self.path}"
            if door.stops(request, is_done=False):
                self.close_connection = True
                return
            status, headers, answer = _ask(door.target, self.command, self.path, dict(self.headers), body)
            if door.stops(request, is_done=True):
                self.close_connection = True
                return
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            length = dict(headers).get("Content-Length", "0") if self.command == "HEAD" else str(len(answer))
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield door, f"127.0.0.1:{server.server_address[1]}"
    finally:
        door.open()
        server.shutdown()
        server.server_close()
        thread.join(WAIT_SECONDS)


def _ask(
    target: str, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Send a request as it came, its `Host` too: it is signed."""
    connection = http.client.HTTPConnection(target, timeout=WAIT_SECONDS)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()
