"""What `/api/schema` says beyond the handlers' own words: refusals, keys, who may ask, examples. All in one place."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.routes.base import BaseRoute

from service.accounts.guards import ALLOW
from service.accounts.policy import POLICY, Audience
from service.api.examples import example_of
from service.api.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem
from service.db.idempotency import KEY_LENGTH_MAX
from service.db.requests import LATE_CLAIM

Json = dict[str, Any]

TAGS = {
    "Accounts": "People, their sessions, API keys and roles.",
    "Sellers": "Who sells, and who sells for whom.",
    "Products": "What is sold.",
    "Batches": "Production lots: their status and where they went.",
    "Orders": "Orders on their way: paid, shipped, delivered, received.",
    "Holds": "Held payments with their windows, freezes and ledger lines.",
    "Payments": "What the payment provider was asked for.",
    "Payouts": "What sellers have, deposit and are paid, and what blocks that.",
    "Alerts": "What people who run the service must look at.",
    "Complaints": "Cases from the draft to their end.",
    "Evidence": "Photos and documents of a case.",
    "Matching": "How complaints find their batches: the model in force, and how it does.",
    "Disputes": "Claims that mediators decide.",
    "Signals": "Batches whose complaints are more than their base rate explains.",
    "Reports": "Reports as PDF.",
    "Inbound": "Signed notices of the payment provider and of carriers.",
    "Health": "Is the service alive, and can it do its work.",
}
_REFUSALS = {
    400: ("request_malformed", "The request cannot be read, for example because its JSON is broken."),
    401: ("sign_in_needed", "Nobody is signed in, or the API key is not good."),
    403: ("role_not_allowed", "None of the caller's roles allows this, or a form's token is missing."),
    404: ("order_not_found", "There is no such thing, or the caller may not know of it."),
    409: ("order_state", "It does not fit the present state, or what is stored."),
    413: ("body_too_large", "The body is over the limit."),
    415: ("media_type_unsupported", "The body is of another media type than this takes."),
    422: ("fields_wrong", "Some values are wrong; `fields` names them."),
    429: ("too_many_attempts", "Too many tries; wait for `Retry-After` seconds."),
    503: ("database_unavailable", "Database or storage does not answer; nothing was changed. Try again."),
}
_COUNTED = frozenset(
    "accounts.sign_in accounts.register orders.deliver reports.request complaints.file complaints.add_entry"
    " complaints.add_evidence complaints.report complaints.open_report".split()
)
_UNSAFE = frozenset({"post", "put", "patch", "delete"})
_RAW_BODIES = {
    ("post", "/api/v1/batches/imports"): (
        "text/csv",
        "brand,name_en,category,lot_code,units_made\nSuyun,Suyun Hydrating Sheet Mask,cosmetics,SY26J1807,6000\n",
    ),
    ("post", "/api/v1/inbound/gateway"): (
        "application/json",
        '{"type":"payment.captured","timestamp":"2026-11-20T08:00:00.000000Z","data":{}}',
    ),
}
_EVIDENCE = "/api/v1/complaints/{complaint_id}/evidence/{file_id}"
_PACKING = "/api/v1/orders/{order_id}/packing-photos/{file_id}"
_LISTING = "/api/v1/batches/{batch_id}/photos/{file_id}"
_PHOTOS = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif", "image/avif")
_FILES = {
    ("get", f"{_EVIDENCE}/view"): ("image/webp",),
    ("get", f"{_EVIDENCE}/thumbnail"): ("image/webp",),
    ("get", f"{_EVIDENCE}/original"): (*_PHOTOS, "application/pdf"),
    ("get", f"{_LISTING}/view"): ("image/webp",),
    ("get", f"{_LISTING}/thumbnail"): ("image/webp",),
    ("get", f"{_PACKING}/view"): ("image/webp",),
    ("get", f"{_PACKING}/thumbnail"): ("image/webp",),
    ("get", f"{_PACKING}/original"): _PHOTOS,
    ("get", "/api/v1/reports/{report_id}/pdf"): ("application/pdf",),
}
_PAGE_NAME = re.compile(r"PageOf_service\.\w+\.schemas\.(\w+)_")


@dataclass(frozen=True, slots=True)
class _Route:
    """What the post-processing needs to know of a handler."""

    action: str
    takes_key: bool

    @classmethod
    def of(cls, handler: HTTPRouteHandler) -> "_Route":
        late = bool(handler.opt.get(LATE_CLAIM, False))
        return cls(str(handler.opt[ALLOW]), not late or "claim" in handler.parsed_fn_signature.parameters)


def describe(document: Json, routes: Iterable[BaseRoute]) -> Json:
    """Return the document with everything that is the same for all operations; `document` stays as it is."""
    text = _PAGE_NAME.sub(r"PageOf\1", msgspec.json.encode(document).decode())
    whole: Json = msgspec.json.decode(text)
    known = {
        (method.lower(), route.path_format): _Route.of(handler)
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if ALLOW in handler.opt
        for method in handler.http_methods
    }
    components = whole["components"]
    _close_bodies(whole)
    components["schemas"]["Problem"] = _problem_schema()
    components["responses"] = {_name(status): _refusal(status) for status in _REFUSALS}
    components["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            _complete(operation, (method, path), known[method, path], components["schemas"])
    whole["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    return whole


def _complete(operation: Json, place: tuple[str, str], route: _Route, schemas: Json) -> None:
    method, _ = place
    if place in _RAW_BODIES:
        media_type, example = _RAW_BODIES[place]
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": {"type": "string"}}}}
        operation["requestBody"]["content"][media_type]["example"] = example
    elif "requestBody" in operation:
        for content in operation["requestBody"]["content"].values():
            content["example"] = example_of(content["schema"], schemas)
    if place in _FILES:
        binary = {media_type: {"schema": {"type": "string"}} for media_type in _FILES[place]}
        operation["responses"]["200"]["content"] = binary
    if method in _UNSAFE and route.takes_key:
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    who = POLICY[route.action]
    if Audience.ANYONE in who:
        operation["security"] = []
    operation["x-allowed-to"] = sorted(who)
    operation["responses"].pop("400", None)  # the framework's own form, which we do not use
    for status in _statuses(operation, place, route):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/{_name(status)}"}


def _statuses(operation: Json, place: tuple[str, str], route: _Route) -> list[int]:
    method, path = place
    if not path.startswith("/api/"):
        return [503]
    is_unsafe, has_body = method in _UNSAFE, "requestBody" in operation
    asked = operation.get("parameters", [])
    names_something = any(each.get("required") for each in asked)
    found = {
        400: has_body,
        401: True,
        403: is_unsafe or Audience.ANYONE not in POLICY[route.action],
        404: is_unsafe or names_something,
        409: is_unsafe or place in _FILES,
        413: has_body,
        415: has_body,
        422: bool(asked) or is_unsafe,
        429: route.action in _COUNTED,
        503: True,
    }
    return [status for status, applies in found.items() if applies]


def _close_bodies(whole: Json) -> None:
    """Say of every object that is taken in that it takes no other fields: its struct forbids them."""
    waiting = [
        content["schema"]
        for operations in whole["paths"].values()
        for operation in operations.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    schemas, seen = whole["components"]["schemas"], set()
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, list):
            waiting += schema
        elif isinstance(schema, dict):
            name = str(schema.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen:
                seen.add(name)
                waiting.append(schemas[name])
            if schema.get("type") == "object" and "properties" in schema:
                schema["additionalProperties"] = False
            waiting += [value for value in schema.values() if isinstance(value, dict | list)]


_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same request gives the first answer again (`Idempotency-Replayed: true`).",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": "^[!-~]+$"},
    "example": "order-WX-20261120-0001",
}


def _problem_schema() -> Json:
    _, components = msgspec.json.schema_components([Problem], ref_template="#/components/schemas/{name}")
    problem: Json = components["Problem"]
    return problem


def _name(status: int) -> str:
    return f"Problem{status}"


def _refusal(status: int) -> Json:
    code, description = _REFUSALS[status]
    example = Problem(f"urn:fairhold:problem:{code}", code.replace("_", " "), status, code, description)
    schema = {"$ref": "#/components/schemas/Problem"}
    found: Json = {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": schema, "example": msgspec.to_builtins(example)}},
    }
    if status in {429, 503}:
        wait = {"type": "string", "pattern": "^[0-9]+$", "examples": [str(RETRY_AFTER_SECONDS)]}
        found["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": wait}}
    return found
