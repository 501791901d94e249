"""`fairhold up`, `serve`, `worker`: the processes."""

import asyncio
import ctypes
import os
import signal
from datetime import timedelta

import rich_click as click
import structlog
import uvloop
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.utils.proxies import wrap_asgi_with_proxy_headers
from litestar import Litestar
from litestar.types import ASGIApp

from service import settings as environment
from service.app import assemble, create_app
from service.cli.home import running_settings
from service.cli.storage import check_storage
from service.cli.supervisor import supervise
from service.files.ownership import check_at_start
from service.settings import Mode, Settings
from service.worker.host import run as run_worker

WORKERS_MAX = 64
LARGE_BLOCK_BYTES = 256 * 1024
MEMORY_ARENAS_MAX = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of glibc's malloc.h
WORKER_NICENESS = 10
"""Where processors are short, whoever waits for an answer comes before work that nobody waits for."""


@click.command()
def up() -> None:
    """Start everything: PostgreSQL, S3, sandbox provider, pages, API and worker; Ctrl-C stops all of it.

    Without FAIRHOLD_DATABASE_URL and FAIRHOLD_S3_ENDPOINT both servers are started under FAIRHOLD_HOME, migrated, and
    filled with sample data on the first start. Sign-ins are printed and written to demo.json there.
    """
    supervise(environment.read())


@click.command()
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, WORKERS_MAX), help="processes that serve"
)
def serve(workers: int) -> None:
    """Serve pages and API on FAIRHOLD_HOST:FAIRHOLD_PORT, against servers that run already."""
    settings = running_settings(environment.read())
    configure_logs(settings)
    check_storage(settings)
    Granian(
        "service.cli.running:application",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=workers,
        log_level=LogLevels.warning,
        respawn_failed_workers=workers > 1,
    ).serve()


def application() -> ASGIApp:
    """Return the ASGI application of this process's environment."""
    give_back_large_blocks()
    settings = running_settings(environment.read())
    configure_logs(settings)
    return behind_proxies(create_app(settings), settings)


def give_back_large_blocks() -> None:
    """Let glibc give each large block back to the system when it is freed; elsewhere this does nothing.

    Left to itself it learns from the first parts of an upload to keep such blocks, in an arena for each thread: twenty
    uploads at once then cost the serving process 60 MB more, and it keeps them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(_M_ARENA_MAX, MEMORY_ARENAS_MAX)


def behind_proxies(app: Litestar, settings: Settings) -> ASGIApp:
    """Return the application with each client's own address, where a trusted proxy names it.

    Without trusted proxies, and for all other peers, `X-Forwarded-For` means nothing: anybody can write it. Of the
    header that a trusted peer sends, the right-most address that is no trusted proxy counts.
    """
    if not settings.proxy_networks:
        return app
    wrapped: ASGIApp = wrap_asgi_with_proxy_headers(app, trusted_hosts=settings.proxy_networks)
    return wrapped


@click.command()
def worker() -> None:
    """Do queued work and sweeps until SIGTERM; any number may run."""
    os.nice(WORKER_NICENESS)
    settings = running_settings(environment.read())
    configure_logs(settings)
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    service = assemble(settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        is_lock_needed = settings.mode is Mode.PRODUCTION
        await check_at_start(service.database, service.store, is_lock_needed=is_lock_needed)
        stalled = timedelta(seconds=settings.worker_stalled_seconds)
        await run_worker(service.database, service.queue, service.subscriptions, stop, stalled=stalled)
    finally:
        await service.close()


def configure_logs(settings: Settings) -> None:
    """Log one JSON line an event, with the time; never request bodies."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level.upper()),
    )
