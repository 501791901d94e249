"""Is the process alive, and can it do its work?"""

from typing import Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.types import ControllerRouterHandler
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.core.errors import FairholdError
from service.db.session import Database
from service.escrow.alerts import count_live_alerts
from service.files.images import ImageWorkshop
from service.files.scanning import Scanner
from service.files.store import Store

State = Literal["ok", "down"]


class Readiness(msgspec.Struct, frozen=True):
    """Each part that the service needs. `clock_offset_seconds` is null where the clock is the database's own.

    `alerts` counts what somebody must look at, by kind; the service works on meanwhile. While a malware `scanner` is
    down no file is taken, and all else goes on; it is null where none is configured.
    """

    database: State
    storage: State
    locks_objects: bool | None
    clock_offset_seconds: int | None
    alerts: dict[str, int] | None
    scanner: State | None


@get("/health/live", opt={"allow": "service.health"}, summary="Is the process alive", tags=["Health"])
async def live() -> dict[str, str]:
    """Answer at once, whatever else is down."""
    return {"status": "ok"}


@get("/health/ready", opt={"allow": "service.health"}, summary="Can the service do its work", tags=["Health"])
async def ready(
    database: NamedDependency[Database], store: NamedDependency[Store], workshop: NamedDependency[ImageWorkshop]
) -> Response[Readiness]:
    """Ask database and storage; 503 while either is down."""
    database_state, offset, alerts = await _ask_database(database)
    storage_state, locks = await _ask_storage(store)
    is_ready = database_state == storage_state == "ok"
    told = Readiness(database_state, storage_state, locks, offset, alerts, await _ask_scanner(workshop.scanner))
    return Response(told, status_code=200 if is_ready else 503)


async def _ask_database(database: Database) -> tuple[State, int | None, dict[str, int] | None]:
    try:
        async with database.begin() as tx:
            return "ok", await tx.clock_offset_seconds(), await count_live_alerts(tx)
    except (DBAPIError, PoolTimeout, OSError):
        return "down", None, None


async def _ask_storage(store: Store) -> tuple[State, bool | None]:
    try:
        await store.check()
        return "ok", (await store.lock_capability()).works
    except FairholdError:
        return "down", None


async def _ask_scanner(scanner: Scanner | None) -> State | None:
    if scanner is None:
        return None
    try:
        await scanner.check()
    except FairholdError:
        return "down"
    return "ok"


HEALTH: list[ControllerRouterHandler] = [live, ready]
