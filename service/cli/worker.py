"""`fairhold worker`."""

import asyncio
import os
import signal
from datetime import timedelta

import rich_click as click
import uvloop

from service import settings as environment
from service.app import assemble
from service.cli.home import running_settings
from service.cli.logs import configure_logs
from service.files.ownership import check_at_start
from service.settings import Mode, Settings
from service.worker.host import run as run_worker

WORKER_NICENESS = 10
"""Where processors are short, whoever waits for an answer comes before work that nobody waits for."""


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
