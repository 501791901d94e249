"""Assembles the sandbox and serves it: provider under /provider, carrier under /carrier, in one process."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import httpx
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import Scope

from service.core.errors import FairholdError, Invalid, NotFound, Unavailable
from service.core.signatures import secret_bytes
from service.core.wire import BODY_BYTES_MAX
from service.sandbox.carrier import Carrier
from service.sandbox.outbox import Sender
from service.sandbox.provider import Provider
from service.sandbox.routes import CarrierRoutes, Desk, ProviderRoutes, http_refusal, refusal
from service.sandbox.store import Store
from service.sandbox.switches import Switches

ADDRESS = "127.0.0.1"
PROVIDER_FILE = "provider.sqlite"
CARRIER_FILE = "carrier.sqlite"
LOCK_FILE = "sandbox.lock"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Where the sandbox keeps its books, where notices go (Fairhold's base URL), the shared secret, its port."""

    folder: Path
    callback_base_url: str
    secret: str = field(repr=False)
    port: int


def create_app(settings: SandboxSettings, stopping: asyncio.Event | None = None) -> Litestar:
    """Return the application; it opens its books and starts sending notices in its lifespan.

    `stopping`, once set, ends requests that are held open on purpose. Raises `Invalid` if secret or base URL are wrong.
    """
    secret_bytes(settings.secret)
    _check_base_url(settings.callback_base_url)
    stop = stopping or asyncio.Event()

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        provider = Provider(settings.folder / PROVIDER_FILE)
        carrier = Carrier(settings.folder / CARRIER_FILE)
        senders = (
            Sender(provider.store, settings.callback_base_url, settings.secret, provider.end_due),
            Sender(carrier.store, settings.callback_base_url, settings.secret, lambda: None),
        )
        app.state.provider, app.state.carrier = provider, carrier
        app.state.provider_desk = Desk(provider.store, senders[0], settings.secret, stop)
        app.state.carrier_desk = Desk(carrier.store, senders[1], settings.secret, stop)
        tasks = [asyncio.create_task(sender.run()) for sender in senders]
        for task in tasks:
            task.add_done_callback(_report_end)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            provider.store.close()
            carrier.store.close()

    return Litestar(
        route_handlers=[ProviderRoutes, CarrierRoutes],
        lifespan=[lifespan],
        exception_handlers={FairholdError: refusal, HTTPException: http_refusal},
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        after_exception=[_report],
        logging_config=None,  # whoever runs the process decides
    )


def switches_of(folder: Path, service: str) -> Switches:
    """Return how the "provider" or the "carrier" with books in `folder` is set to fail; raises `NotFound`."""
    with contextlib.closing(_books(folder, service)) as store:
        return store.switches()


def turn_switches(folder: Path, service: str, switches: Switches) -> None:
    """Replace all switches, in the books themselves; a running sandbox follows within seconds. Raises `NotFound`."""
    with contextlib.closing(_books(folder, service)) as store:
        store.set_switches(switches)


def _books(folder: Path, service: str) -> Store:
    path = folder / {"provider": PROVIDER_FILE, "carrier": CARRIER_FILE}[service]
    if not path.exists():
        raise NotFound("sandbox_unknown", f"no sandbox has kept books in {folder}")
    return Store(path)


def _check_base_url(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Invalid("base_url_malformed", f"{url} is no URL", field="callback_base_url") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise Invalid("base_url_malformed", "notices go to an http(s) address", field="callback_base_url")


async def _report(error: Exception, _: Scope) -> None:
    if not isinstance(error, FairholdError | HTTPException):
        log.error("a request failed", exc_info=error)


def _report_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("notices are no longer sent", exc_info=error)


def run(settings: SandboxSettings, *, starting: Callable[[], None] = lambda: None) -> NoReturn:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT, then end the process with 0.

    `starting` is called once nothing stands in the way. Raises `Unavailable` if the folder or the port is in
    use, `Invalid` if secret or base URL are wrong.
    """
    with _alone(settings.folder):
        _check_port_free(settings.port)
        secret_bytes(settings.secret)
        _check_base_url(settings.callback_base_url)
        starting()
        asyncio.run(_serve(settings))
    # The embedded server's thread outlives it, and aborts the process where it meets an interpreter being taken down.
    # The books are closed by now, so nothing is lost by leaving at once.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _serve(settings: SandboxSettings) -> None:
    stopping = asyncio.Event()
    server = Server(
        create_app(settings, stopping),
        address=ADDRESS,
        port=settings.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.error,
    )

    def stop() -> None:
        stopping.set()
        server.stop()  # type: ignore[no-untyped-call]  # granian leaves it unannotated

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    await server.serve()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two senders on one outbox would send everything twice."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable("sandbox_folder_in_use", f"another sandbox uses {folder}") from error
        yield


def _check_port_free(port: int) -> None:
    # Granian sets SO_REUSEPORT: on a taken port it would start all the same and get every other connection.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise Unavailable("port_in_use", f"port {port} is in use") from error
