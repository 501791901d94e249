"""`fairhold serve`: starts the processes that answer. Their application is imported by them alone."""

from typing import Any

import rich_click as click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from service import settings as environment
from service.cli.home import running_settings
from service.cli.importing import import_uncollected
from service.cli.logs import configure_logs
from service.cli.storage import check_storage

WORKERS_MAX = 64


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
        "service.cli.serve:application",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=workers,
        log_level=LogLevels.warning,
        respawn_failed_workers=workers > 1,
    ).serve()


def application() -> Any:
    """Return the ASGI application of this process's environment."""
    return import_uncollected("service.cli.application").application()
