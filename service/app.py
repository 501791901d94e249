"""The only assembly point: settings in, the parts of a process out, handlers registered by name."""

import asyncio
import functools
import importlib
import importlib.util
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from sqlalchemy.exc import DBAPIError

from service.accounts.guards import (
    DEPENDENCIES,
    AuthenticationMiddleware,
    check_policy,
    csrf_middleware,
    require_allowed,
)
from service.api.health import HEALTH
from service.api.problems import EXCEPTION_HANDLERS, answer
from service.api.router import DOMAINS, api_router, openapi_config
from service.complaints.matching.retrieve import catch_up
from service.complaints.recognise.reader import Recogniser
from service.db.hot import Connections, HotCommands
from service.db.requests import RequestTransaction
from service.db.session import Database
from service.escrow.gateway import HttpGateway
from service.files.images import ImageWorkshop
from service.files.scanning import Scanner
from service.files.sealing import KeyRing
from service.files.store import Store
from service.jobs.queue import Queue
from service.orders.carriers import Carriers
from service.reporting.renderer import Renderer
from service.settings import Settings
from service.web.pages import HANDLERS as PAGES
from service.web.pages import explain, is_for_people

_HANDLED = ("files", *DOMAINS, "notices")

_log = structlog.get_logger("fairhold.app")


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of a process. Everything that talks to the outside is here, and is closed by `close`."""

    settings: Settings
    database: Database
    hot_connections: Connections
    queue: Queue
    store: Store
    workshop: ImageWorkshop
    recogniser: Recogniser
    ring: KeyRing
    gateway: HttpGateway
    carriers: Carriers
    renderer: Renderer
    subscriptions: Mapping[str, Sequence[str]]

    async def close(self) -> None:
        """Close connections and worker processes."""
        await self.gateway.close()
        await self.carriers.close()
        await self.workshop.close()
        await self.recogniser.close()
        await self.renderer.close()
        self.store.close()
        await self.hot_connections.close()
        await self.database.close()


def assemble(settings: Settings) -> Service:
    """Return the parts of a process, connected to nothing yet."""
    database = Database(settings.database_url, pool_max=settings.database_pool_max)
    parts: dict[str, Any] = {
        "settings": settings,
        "database": database,
        "hot_connections": Connections(settings.database_url, pool_max=settings.database_pool_max),
        "store": Store.of(settings),
        "workshop": ImageWorkshop(scanner=Scanner.of(settings.clamd)),
        "recogniser": Recogniser(),
        "ring": KeyRing(settings.secret),
        "gateway": HttpGateway.of(settings),
        "carriers": Carriers.of(settings, database),
        "renderer": Renderer.of(settings),
    }
    queue = Queue(settings.database_url)
    subscriptions: dict[str, list[str]] = {}
    for domain in _HANDLED:
        if not importlib.util.find_spec(f"service.{domain}.jobs"):
            continue
        module = importlib.import_module(f"service.{domain}.jobs")
        for name, handler in module.HANDLERS.items():
            queue.register(name, _bind(handler, parts))
        for event, jobs in getattr(module, "SUBSCRIPTIONS", {}).items():
            subscriptions.setdefault(event, []).extend(jobs)
    return Service(**parts, queue=queue, subscriptions=subscriptions)


def _bind(handler: Callable[..., Any], parts: Mapping[str, Any]) -> Callable[..., Any]:
    """Give a handler the parts that it names as keyword-only parameters."""
    wanted = [p.name for p in inspect.signature(handler).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return functools.partial(handler, **{name: parts[name] for name in wanted})


def create_app(settings: Settings, service: Service | None = None) -> Litestar:
    """Return the ASGI application: pages, API and health. A given `service` stays the caller's to close.

    Requests look their parts up in it, each when it comes.
    """
    own = service is None
    parts = service or assemble(settings)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        if not own:
            yield
            return
        reading = asyncio.create_task(_read_registry(parts.database))
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await parts.close()

    app = Litestar(
        route_handlers=[api_router(), *HEALTH, *PAGES],
        exception_handlers=dict.fromkeys(EXCEPTION_HANDLERS, _refuse),
        middleware=[
            DefineMiddleware(cast("Any", HotCommands), parts=parts),
            DefineMiddleware(AuthenticationMiddleware, parts=parts),
            DefineMiddleware(cast("Any", RequestTransaction), parts=parts),
            csrf_middleware(settings),
        ],
        guards=[require_allowed],
        dependencies={
            **DEPENDENCIES,
            **{
                name: Provide(_giver(parts, name), sync_to_thread=False)
                for name in ("settings", "database", "store", "workshop", "ring", "gateway", "carriers")
            },
        },
        openapi_config=openapi_config(),
        lifespan=[lifespan],
        debug=False,
        logging_config=None,
    )
    check_policy(app.routes)
    return app


async def _read_registry(database: Database) -> None:
    """Read the batches before somebody waits for that; who asks while the database is away reads them then."""
    try:
        async with database.begin() as tx:
            await catch_up(tx)
    except (DBAPIError, OSError, TimeoutError) as error:
        _log.warning("registry_not_read", error=type(error).__name__)


def _giver(parts: Service, name: str) -> Callable[[], Any]:
    """Return a dependency that only gives a part: without parameters, so that nothing of the request gets into it."""
    return lambda: getattr(parts, name)


def _refuse(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an error: with a page where a person asked for one, else with problem+json."""
    problem = answer(request, error)
    if is_for_people(request):
        return explain(request, error, problem.status_code or 500, problem.headers)
    return problem
