"""What stands before every handler: who is it, may they, and does the request come from our own pages.

Middleware order, outermost first: `AuthenticationMiddleware`, `db.requests.RequestTransaction`, `CsrfMiddleware`. (CSRF
reads forms, so it must stand within the transaction's middleware, which keeps the body.)
"""

import functools
from collections.abc import Iterable
from typing import Any

from litestar import Request
from litestar.config.csrf import CSRFConfig
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.middleware.csrf import CSRFMiddleware, generate_csrf_token
from litestar.routes import HTTPRoute
from litestar.routes.base import BaseRoute
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.accounts.identity import actor_for_key, actor_for_pass, actor_for_token
from service.accounts.policy import POLICY, require
from service.accounts.rules import PASS_START, SESSION_LASTS
from service.core.actor import NOBODY, Actor
from service.core.errors import Forbidden, Unauthenticated, Unavailable, ensure
from service.db.requests import Claim
from service.db.session import HasDatabase, Tx
from service.settings import Mode, Settings

ALLOW = "allow"
SESSION_COOKIE = "fairhold_session"
CSRF_COOKIE = "fairhold_csrf"
CSRF_HEADER = "x-csrf-token"
OPEN_PREFIXES = ("/api/schema", "/static")
"""Paths outside the policy table: what the API says about itself, and files that every page needs."""

_BEARER = "bearer "
_INBOUND = "/api/v1/inbound/"
_API = "/api/"
_FOREIGN_SITES = frozenset({"cross-site", "same-site"})


class AuthenticationMiddleware:
    """Sets `scope["user"]` to the `Actor` of the bearer key or pass, else of the session cookie, else to `NOBODY`.

    A key that is not good is refused (`Unauthenticated` "api_key_wrong"), and so is a pass that is over ("pass_over");
    a session that is over is nobody, so that public pages stay readable. Raises `Unavailable` ("database_unavailable")
    when the database does not answer.
    """

    def __init__(self, app: ASGIApp, parts: HasDatabase) -> None:
        self.app = app
        self.parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the actor by reads of their own, whose notes of use outlive a refusal; then go on."""
        if scope["type"] == ScopeType.HTTP:
            scope["user"] = NOBODY  # for the page that explains a refusal
            if not scope["path"].startswith(OPEN_PREFIXES):  # a stylesheet is needed while the database is down too
                scope["user"] = await self._actor(ASGIConnection(scope))
        await self.app(scope, receive, send)

    async def _actor(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
        key, token = bearer_key(connection), connection.cookies.get(SESSION_COOKIE)
        if key is None and not token:
            return NOBODY
        try:
            async with self.parts.database.reading() as tx:
                if key is not None and key.startswith(PASS_START):
                    actor = await actor_for_pass(tx, key, now=await tx.now())
                elif key is not None:
                    actor = await actor_for_key(tx, key, now=await tx.now())
                else:
                    actor = await actor_for_token(tx, token or "", now=await tx.now())
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise Unavailable("database_unavailable", "the database does not answer") from error
        if actor is None and key is not None and key.startswith(PASS_START):
            raise Unauthenticated("pass_over", "open the report again with its receipt")
        if actor is None and key is not None:
            raise Unauthenticated("api_key_wrong", "this API key is unknown or revoked")
        return actor or NOBODY


def bearer_key(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Return what follows `Authorization: Bearer`, or None; raises `Unauthenticated` for another scheme."""
    given = connection.headers.get("authorization")
    if given is None:
        return None
    if not given.lower().startswith(_BEARER):
        raise Unauthenticated("authorization_malformed", "the header is `Authorization: Bearer fh_...`")
    return given[len(_BEARER) :].strip()


async def require_allowed(connection: ASGIConnection[Any, Any, Any, Any], route_handler: BaseRouteHandler) -> None:
    """Refuse whoever the policy table does not allow the handler's action; the handler names it in `opt["allow"]`.

    It awaits nothing, but Litestar would run a plain function in a thread.
    """
    if connection.scope["path"].startswith(OPEN_PREFIXES):
        return
    if connection.scope.get("method") == "OPTIONS":
        return  # Litestar's own answer, which says what methods there are and nothing else
    action = route_handler.opt.get(ALLOW)
    ensure(action in POLICY, f"{route_handler} names no action of the policy table")
    require(connection.scope["user"], str(action))


def check_policy(routes: Iterable[BaseRoute], *, open_prefixes: tuple[str, ...] = OPEN_PREFIXES) -> None:
    """Raise `InvariantBroken` at start-up if a handler is not guarded, or names no action of the policy table.

    `open_prefixes` are paths that stand outside.
    """
    for route in routes:
        if not isinstance(route, HTTPRoute) or route.path.startswith(open_prefixes):
            continue
        for handler in route.route_handlers:
            if set(handler.http_methods) == {"OPTIONS"}:  # Litestar's own
                continue
            action = handler.opt.get(ALLOW)
            ensure(action in POLICY, f"{_name(handler)} {route.path}: opt allow={action!r} is not in the policy table")
            ensure(require_allowed in handler.resolve_guards(), f"{_name(handler)} {route.path}: is not guarded")


def _name(handler: HTTPRouteHandler) -> str:
    return "/".join(sorted(handler.http_methods))


def provide_tx(scope: Scope) -> Tx:
    """The request's transaction."""
    tx: Tx = scope["state"]["tx"]
    return tx


def provide_claim(scope: Scope) -> Claim:
    """The request's idempotency key."""
    claim: Claim = scope["state"]["claim"]
    return claim


def provide_actor(request: Request[Actor, Any, Any]) -> Actor:
    """Who asks."""
    return request.user


DEPENDENCIES = {
    "tx": Provide(provide_tx, sync_to_thread=False),
    "claim": Provide(provide_claim, sync_to_thread=False),
    "actor": Provide(provide_actor, sync_to_thread=False),
}


class CsrfMiddleware(CSRFMiddleware):
    """Litestar's double-submitted, signed token, wherever a browser could be made to ask by another site.

    Not asked of a bearer key, which no browser sends by itself, of signed inbound notices, or of API requests without a
    session that no other site caused (`Sec-Fetch-Site`). Raises `Forbidden` ("csrf_missing").
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check unsafe requests; give the cookie to pages, to reads of the signed-in and to who signs in."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        if bearer_key(connection) is not None or scope["path"].startswith(_INBOUND):
            await self.app(scope, receive, send)
        elif _is_harmless_api_call(connection):
            await self._call_with_cookie(connection, receive, send)
        else:
            try:
                await super().__call__(scope, receive, send)
            except PermissionDeniedException as error:
                raise Forbidden("csrf_missing", f"send {CSRF_HEADER} or the form field _csrf_token") from error

    async def _call_with_cookie(
        self, connection: ASGIConnection[Any, Any, Any, Any], receive: Receive, send: Send
    ) -> None:
        if connection.scope.get("method") in self.config.safe_methods:  # public reads stay free of cookies
            await self.app(connection.scope, receive, send)
            return
        cookie = connection.cookies.get(CSRF_COOKIE)
        token = cookie or generate_csrf_token(secret=self.config.secret)
        ScopeState.from_scope(connection.scope).csrf_token = token
        await self.app(connection.scope, receive, self.create_send_wrapper(send=send, csrf_cookie=cookie, token=token))


def _is_harmless_api_call(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether an API request rides on nobody's sign-in and is not sent by another site's page (login CSRF)."""
    return (
        connection.scope["path"].startswith(_API)
        and not connection.cookies.get(SESSION_COOKIE)
        and connection.headers.get("sec-fetch-site", "none") not in _FOREIGN_SITES
    )


def csrf_middleware(settings: Settings) -> Any:
    """Return the CSRF middleware for `Litestar(middleware=[...])`, as a factory of an application."""
    return functools.partial(CsrfMiddleware, config=csrf_config(settings))


def csrf_config(settings: Settings) -> CSRFConfig:
    """Return Litestar's configuration; cookies are secure in production."""
    ensure(settings.secret, "a secret is set before the application is made")
    return CSRFConfig(
        secret=settings.secret,
        cookie_name=CSRF_COOKIE,
        header_name=CSRF_HEADER,
        cookie_secure=is_secure(settings),
        cookie_httponly=True,
        cookie_samesite="lax",
    )


def csrf_token(request: Request[Any, Any, Any]) -> str:
    """Return the token that a page's forms send back as `_csrf_token` and htmx as a header."""
    token = ScopeState.from_scope(request.scope).csrf_token
    return token if isinstance(token, str) else ""


def is_secure(settings: Settings) -> bool:
    """Whether cookies only travel over TLS."""
    return settings.mode is Mode.PRODUCTION or settings.public_url.startswith("https://")


def session_cookie(token: str, settings: Settings) -> Cookie:
    """Return the cookie that signs a browser in; with an empty token, the one that removes it."""
    return Cookie(
        key=SESSION_COOKIE,
        value=token,
        path="/",
        max_age=int(SESSION_LASTS.total_seconds()) if token else 0,
        secure=is_secure(settings),
        httponly=True,
        samesite="lax",
    )
