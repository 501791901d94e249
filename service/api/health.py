"""Is the process alive, and can it do its work?"""

from dataclasses import dataclass
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.types import ControllerRouterHandler
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.core.errors import Conflict, FairholdError
from service.db.session import Database
from service.escrow.alerts import count_live_alerts
from service.files.images import ImageWorkshop
from service.files.ownership import check_buckets
from service.files.scanning import Scanner
from service.files.store import LockCapability, Store
from service.settings import Mode, Settings

State = Literal["ok", "down"]
OURS = "ours"


class Readiness(msgspec.Struct, frozen=True):
    """Each part that the service needs. `clock_offset_seconds` is null where the clock is the database's own.

    `buckets` is "ours" or the code of what is wrong with them; `lock_problem` says why `locks_objects` is false.
    `alerts` counts what somebody must look at, by kind; the service works on meanwhile. While a malware `scanner` is
    down no file is taken, and all else goes on; it is null where none is configured.
    """

    database: State
    storage: State
    buckets: str | None
    locks_objects: bool | None
    lock_problem: str | None
    clock_offset_seconds: int | None
    alerts: dict[str, int] | None
    scanner: State | None


@dataclass(frozen=True, slots=True)
class Storage:
    """What is known of the storage; what cannot be known while something is down is None."""

    state: State
    buckets: str | None = None
    capability: LockCapability | None = None

    def is_enough(self, mode: Mode) -> bool:
        """Whether the service can work with it."""
        locks = self.capability is not None and self.capability.works
        return self.state == "ok" and self.buckets == OURS and (locks or mode is not Mode.PRODUCTION)


@get("/health/live", opt={"allow": "service.health"}, summary="Is the process alive", tags=["Health"])
async def live() -> dict[str, str]:
    """Answer at once, whatever else is down."""
    return {"status": "ok"}


@get("/health/ready", opt={"allow": "service.health"}, summary="Can the service do its work", tags=["Health"])
async def ready(
    database: NamedDependency[Database],
    store: NamedDependency[Store],
    workshop: NamedDependency[ImageWorkshop],
    settings: NamedDependency[Settings],
) -> Response[Readiness]:
    """Ask database and storage; 503 while either is down, the buckets are not ours, or, in production, cannot lock."""
    database_state, offset, alerts = await _ask_database(database)
    storage = await _ask_storage(database, store)
    capability = storage.capability
    told = Readiness(
        database=database_state,
        storage=storage.state,
        buckets=storage.buckets,
        locks_objects=None if capability is None else capability.works,
        lock_problem=None if capability is None or capability.works else capability.reason,
        clock_offset_seconds=offset,
        alerts=alerts,
        scanner=await _ask_scanner(workshop.scanner),
    )
    is_ready = database_state == "ok" and storage.is_enough(settings.mode)
    return Response(told, status_code=200 if is_ready else 503)


async def _ask_database(database: Database) -> tuple[State, int | None, dict[str, int] | None]:
    try:
        async with database.begin() as tx:
            return "ok", await tx.clock_offset_seconds(), await count_live_alerts(tx)
    except (DBAPIError, PoolTimeout, OSError):
        return "down", None, None


async def _ask_storage(database: Database, store: Store) -> Storage:
    try:
        await store.check()
        capability = await store.lock_capability()
    except FairholdError:
        return Storage("down")
    try:
        await check_buckets(database, store)
    except Conflict as refusal:
        return Storage("ok", refusal.code, capability)
    except (FairholdError, DBAPIError, PoolTimeout, OSError):  # one of the two went down meanwhile
        return Storage("ok", None, capability)
    return Storage("ok", OURS, capability)


async def _ask_scanner(scanner: Scanner | None) -> State | None:
    if scanner is None:
        return None
    try:
        await scanner.check()
    except FairholdError:
        return "down"
    return "ok"


HEALTH: list[ControllerRouterHandler] = [live, ready]
