"""Errors to `application/problem+json`: the one place that knows how refusals become HTTP."""

import re
from collections.abc import Mapping
from traceback import walk_tb
from typing import Any

import msgspec
import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    PermissionDeniedException,
    ValidationException,
)
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.api.requests import BODY
from service.core import errors
from service.db.requests import RETRY_FLAG, Replayed

MEDIA_TYPE = "application/problem+json"
_STATUS: Mapping[type[errors.FairholdError], int] = {
    errors.Invalid: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
_RAISED_IN_SQL = {"FH409": errors.Conflict, "FH422": errors.Invalid}
_CODES_OF_STATUS = {
    400: "request_malformed",
    401: "not_signed_in",
    403: "forbidden",
    413: "body_too_large",
    415: "media_type_unsupported",
}
_ABSENT = re.compile(r"^Object (?:missing required|contains unknown) field `(.*)`")
_log = structlog.get_logger("fairhold.problems")
RETRY_AFTER_SECONDS = 5


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 9457, with our stable `code`, the wrong `fields` and the `facts` that a client needs to explain it."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    fields: list[dict[str, str]] = []
    facts: dict[str, Any] = {}


def of_domain(error: errors.FairholdError) -> Problem:
    """Return the problem of a domain refusal."""
    status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
    fields = [{"field": str(error.facts["field"]), "code": error.code}] if "field" in error.facts else []
    return _problem(status, error.code, error.message, fields=fields, facts=dict(error.facts))


def of_exception(error: Exception, names: Mapping[str, str] = {}) -> Problem:
    """Return the problem of any exception; what nobody foresaw is a 500 without details.

    `names` says how clients call a handler's parameters, where that differs.
    """
    if isinstance(error, errors.FairholdError):
        return of_domain(error)
    if isinstance(error, DBAPIError):
        return _of_database(error)
    if isinstance(error, PoolTimeout | psycopg.OperationalError):
        return _database_down()
    if isinstance(error, ValidationException):
        return _problem(422, "fields_wrong", "some fields are wrong", fields=_fields_of(error, names))
    if isinstance(error, NotFoundException):
        return _problem(404, "path_unknown", "there is nothing at this path")
    if isinstance(error, MethodNotAllowedException):
        return _problem(405, "method_not_allowed", "this path does not know this method")
    if isinstance(error, PermissionDeniedException) and "CSRF" in str(error.detail):
        return _problem(403, "csrf_missing", "the form's token is missing or old")
    if isinstance(error, ClientException | HTTPException):
        code = _CODES_OF_STATUS.get(
            error.status_code, "request_refused" if error.status_code < 500 else "internal_error"
        )
        return _problem(error.status_code, code, str(error.detail))
    if isinstance(error, UnicodeError | LookupError) and _comes_from_a_form(error):
        return _problem(400, "request_malformed", "a field of the form is not text in the charset that it names")
    return _problem(500, "internal_error", "something went wrong on our side; nothing was changed")


def _comes_from_a_form(error: Exception) -> bool:
    """Whether the framework's reader of forms failed: it decodes fields, and files without a name, as they come."""
    return any(frame.f_globals.get("__name__") == "litestar._multipart" for frame, _ in walk_tb(error.__traceback__))


def _of_database(error: DBAPIError) -> Problem:
    origin = error.orig
    state = getattr(origin, "sqlstate", None) or ""
    if state in _RAISED_IN_SQL and isinstance(origin, psycopg.Error):
        detail = origin.diag.message_detail
        return of_domain(_RAISED_IN_SQL[state](origin.diag.message_primary or "conflict", detail or ""))
    if isinstance(error, IntegrityError) and isinstance(origin, psycopg.Error):
        name = origin.diag.constraint_name or "constraint"
        return of_domain(errors.Conflict("conflict_with_stored", "it does not fit what is stored", constraint=name))
    if state == "25P04":
        return of_domain(
            errors.Unavailable("transaction_too_slow", "the transaction took too long; nothing was changed")
        )
    if state.startswith("22") or isinstance(origin, psycopg.DataError):  # a NUL is refused by psycopg, without a state
        return of_domain(errors.Invalid("value_not_storable", "a value cannot be stored"))
    if state in {"40001", "40P01", "55P03"}:
        return of_domain(errors.Unavailable("busy", "too many changes at once; try again"))
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return _database_down()
    return _problem(500, "internal_error", "something went wrong on our side; nothing was changed")


def _database_down() -> Problem:
    return of_domain(errors.Unavailable("database_unavailable", "the database does not answer; nothing was changed"))


def _fields_of(error: ValidationException, names: Mapping[str, str]) -> list[dict[str, str]]:
    """Name each wrong field as the client knows it; a missing or unknown one is named by the message alone."""
    extra = error.extra if isinstance(error.extra, list) else []
    found = []
    for each in extra:
        if not isinstance(each, dict):
            continue
        place, message = str(each.get("key", "")), str(each.get("message", ""))
        absent = _ABSENT.search(message)
        if absent is not None:
            place = f"{'' if place == BODY else place + '.'}{absent[1]}"
        found.append({"field": names.get(place, place), "message": message})
    return found


def _problem(status: int, code: str, detail: str, **more: Any) -> Problem:
    return Problem(
        type=f"urn:fairhold:problem:{code}",
        title=code.replace("_", " "),
        status=status,
        code=code,
        detail=detail,
        **more,
    )


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer any exception with its problem; unforeseen ones are logged with their trace."""
    if isinstance(error, Replayed):
        raise error  # a late claim found its stored answer; the middleware around this handler sends it
    problem = of_exception(error, _names_of_parameters(request))
    if isinstance(error, DBAPIError):
        request.scope["state"][RETRY_FLAG] = error
    if problem.status >= 500:
        _log.error("request_failed", code=problem.code, method=request.method, route=_route(request), exc_info=error)
    headers = {}
    if problem.status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if "retry_after_seconds" in problem.facts:
        headers["Retry-After"] = str(problem.facts["retry_after_seconds"])
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status == 405:
        headers.update(getattr(error, "headers", None) or {})
    return Response(msgspec.json.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _names_of_parameters(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return handler's parameter -> name in the address, for those that have another name there."""
    handler = request.scope.get("route_handler")
    if not isinstance(handler, HTTPRouteHandler):
        return {}
    return {
        parameter: definition.kwarg_definition.name
        for parameter, definition in handler.parsed_fn_signature.parameters.items()
        if isinstance(definition.kwarg_definition, ParameterKwarg) and definition.kwarg_definition.name
    }


def _route(request: Request[Any, Any, Any]) -> str:
    return str(request.scope.get("route_handler", "none"))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {Exception: answer, 404: answer, 405: answer, 500: answer}
