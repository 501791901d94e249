"""The routes with what they take, read from the application itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, ParameterKwarg, PathParameter, QueryParameter
from litestar.routes import HTTPRoute
from msgspec import Meta

from service.api.router import PREFIX
from service.core.actor import Role
from tests.permissions_table import PERMISSIONS
from tests.world import Whose, World

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PLACE = re.compile(r"\{(\w+)\}")
_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern")


@dataclass(frozen=True, slots=True)
class Route:
    """Method and path below the API's prefix, the body's type, and parameters with their limits by their names."""

    name: str
    body: Any
    query: dict[str, Any]
    path: dict[str, Any]

    @property
    def method(self) -> str:
        return self.name.partition(" ")[0]

    def address(self, world: World, **other: str) -> str:
        """The path with own things in it, but for what `other` says."""
        row = PERMISSIONS[self.name]
        role = min(row.may) if row.may else Role.BUYER

        def fill(place: re.Match[str]) -> str:
            kind = row.things[place[1]]
            return other.get(place[1]) or ("sandbox" if kind == "carrier" else str(world.thing(kind, Whose.OWN, role)))

        return PREFIX + _PLACE.sub(fill, self.name.partition(" ")[2])

    def right_query(self, world: World) -> dict[str, str]:
        """What the query has to say."""
        row = PERMISSIONS[self.name]
        return {} if row.query is None else row.query(world)

    def right_body(self, world: World) -> dict[str, Any]:
        """A body that the route takes."""
        row = PERMISSIONS[self.name]
        assert row.body is not None, f"{self.name} takes a body, and the table of permissions has none that is right"
        return dict(row.body(world))

    def key(self, world: World) -> dict[str, str]:
        """The key of somebody who may ask."""
        row = PERMISSIONS[self.name]
        if row.anyone:
            return {}
        role = min(row.may)
        account = world.for_commons.get(role) if row.for_commons else None
        return (account or world.account(role)).by_key


def handlers_of(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Give every route of the API: method and path below the API's prefix, and its handler."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or not route.path.startswith(PREFIX):
            continue
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                yield f"{method} {route.path_format.removeprefix(PREFIX)}", handler


def routes_of(app: Litestar) -> dict[str, Route]:
    """Return every route of the API by its name."""
    return {name: _route(name, handler.parsed_fn_signature.parameters) for name, handler in handlers_of(app)}


def _route(name: str, parameters: Any) -> Route:
    body: Any = None
    query, path = {}, {}
    for parameter, definition in parameters.items():
        told = definition.kwarg_definition
        if isinstance(told, BodyKwarg):
            body = definition.annotation
        elif isinstance(told, QueryParameter):
            query[told.name or parameter] = _limited(definition.annotation, told)
        elif isinstance(told, PathParameter):
            path[parameter] = _limited(definition.annotation, told)
    return Route(name, body, query, path)


def _limited(annotation: Any, told: ParameterKwarg) -> Any:
    limits = {name: getattr(told, name) for name in _LIMITS if getattr(told, name) is not None}
    if not limits:
        return annotation
    if annotation == str | None:
        return Annotated[str, Meta(**limits)] | None
    return Annotated[annotation, Meta(**limits)]


def takes_json(route: Route) -> bool:
    """Whether the body is a struct."""
    return isinstance(route.body, type) and issubclass(route.body, msgspec.Struct)
