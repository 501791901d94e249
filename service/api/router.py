"""The JSON routes of every domain under `/api/v1`, and what the API says about itself."""

import importlib
import importlib.util
from typing import Any

from litestar import Request, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Server
from litestar.types import ControllerRouterHandler

from service.api.describe import describe
from service.api.requests import StrictRequest, refuse_nul_in_query

PREFIX = "/api/v1"
DOMAINS = (
    "accounts",
    "sellers",
    "batches",
    "escrow",
    "orders",
    "complaints",
    "disputes",
    "recalls",
    "reporting",
)


def api_router() -> Router:
    """Return one router with the handlers of each domain's `api.py`."""
    handlers: list[ControllerRouterHandler] = []
    for domain in DOMAINS:
        if importlib.util.find_spec(f"service.{domain}.api"):
            handlers += importlib.import_module(f"service.{domain}.api").HANDLERS
    return Router(path=PREFIX, route_handlers=handlers, request_class=StrictRequest, before_request=refuse_nul_in_query)


class DescribedSchema(JsonRenderPlugin):
    """The document as `describe` completes it, made at its first reading."""

    _made: dict[str, Any] | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the document as JSON."""
        if self._made is None:
            self._made = describe(openapi_schema, request.app.routes)
        return self.render_json(request, self._made)


def openapi_config() -> OpenAPIConfig:
    """Return what `/api/schema` says; JSON only, because viewers load scripts from elsewhere."""
    return OpenAPIConfig(
        title="Fairhold",
        version="1",
        description="Complaints traced to the product batch that caused them, with every payment held until the"
        " delivery window has passed with no dispute. Errors are application/problem+json with a stable `code`.",
        path="/api/schema",
        render_plugins=[DescribedSchema(path=["/", "/openapi.json"])],
        use_handler_docstrings=True,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url="/")],
        components=Components(
            security_schemes={
                "key": SecurityScheme(type="http", scheme="bearer", description="An API key of /api-keys"),
                "session": SecurityScheme(type="apiKey", name="fairhold_session", security_scheme_in="cookie"),
            }
        ),
        security=[{"key": []}, {"session": []}],
    )
