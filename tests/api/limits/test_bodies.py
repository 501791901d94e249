"""Beyond every limit of every field of every body: refused by name, and nothing moves.

Places and limits are read from the structs themselves, right bodies from the table of permissions. A new route is
walked by itself; one without a right body fails.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from service.batches.schemas import ImportRow
from tests.api.limits.conftest import Ground
from tests.api.limits.routes import UNSAFE, Route, takes_json
from tests.api.limits.shapes import Slot, placed, slots_of, spelt, structs_of, without
from tests.api.limits.wrong_values import Raw, limits_missing, values_at_limits, wrong_values
from tests.permissions_table import PERMISSIONS

WITH_JSON = sorted(name for name, row in PERMISSIONS.items() if row.body is not None)
NOT_JSON = {
    "POST /batches/{batch_id}/photos": "files; their limits are in tests/batches/test_photos.py",
    "POST /orders/{order_id}/packing-photos": "files; their limits are in tests/orders/test_packing.py",
    "POST /complaints/{complaint_id}/challenges/{challenge_id}/photo": "a file; complaints/test_challenge_photos.py",
    "POST /complaints/{complaint_id}/evidence": "files; their limits are in tests/complaints/test_evidence.py",
}
"""Bodies that are no structs, and why."""
UNLIMITED: dict[str, str] = {}
"""Places without a limit, and why: none."""
_RAW = "a text that stands for the value to come"


def test_every_route_with_a_body_is_walked(ground: Ground) -> None:
    taking = {name for name, route in ground.routes.items() if route.body is not None}
    assert taking - set(NOT_JSON) == set(WITH_JSON)
    for name in WITH_JSON:
        assert takes_json(ground.routes[name]), name
        assert ground.routes[name].method in UNSAFE, name


@pytest.mark.parametrize("name", WITH_JSON)
def test_every_field_has_limits(name: str, ground: Ground) -> None:
    struct = ground.routes[name].body
    assert struct.__struct_config__.forbid_unknown_fields
    found = [each for slot in slots_of(struct) for each in limits_missing(slot)]
    assert [each for each in found if each not in UNLIMITED] == []


def test_every_column_of_an_import_has_limits() -> None:
    assert [each for slot in slots_of(ImportRow) for each in limits_missing(slot)] == []


def test_a_field_without_limits_is_found() -> None:
    class Loose(msgspec.Struct):
        word: str
        number: int
        many: list[str]
        anything: Any

    found = [each for slot in slots_of(Loose) for each in limits_missing(slot)]
    assert [each.partition(":")[0] for each in found] == ["word", "number", "many", "many[0]", "anything"]


@pytest.mark.parametrize("name", WITH_JSON)
def test_values_at_each_limit_are_taken(name: str, ground: Ground) -> None:
    route = ground.routes[name]
    right = route.right_body(ground.world)
    msgspec.convert(right, route.body)
    for slot in slots_of(route.body):
        for value in values_at_limits(slot):
            body = placed(right, route.body, slot.path, value)
            assert msgspec.json.decode(json.dumps(body), type=route.body) is not None, (slot.name, value)


@pytest.mark.parametrize("name", WITH_JSON)
async def test_values_beyond_each_limit_are_refused_by_name_and_nothing_moves(name: str, ground: Ground) -> None:
    route = ground.routes[name]
    before, failures = ground.rows(), []
    for place, body in wrong_bodies(route, route.right_body(ground.world)):
        answer = await send(ground, route, body)
        if not is_refused(answer, place):
            failures.append(f"{place} in {body[:200]}: {answer.status_code} {answer.text[:300]}")
    assert failures == []
    assert ground.rows() == before


@pytest.mark.parametrize("name", WITH_JSON)
async def test_a_body_that_is_none_is_refused_and_nothing_moves(name: str, ground: Ground) -> None:
    route = ground.routes[name]
    before = ground.rows()
    right = json.dumps(route.right_body(ground.world))
    for body in (
        "", "{", right[:-1], right + right, "[]", "null", '"text"', "7", "1e999", "\ufeff" + right, "{'a': 1}", "NaN",
        "[" * 100_000, '{"a":' * 100_000, "[" * 400 + "]" * 400, '{"a":' * 400 + "1" + "}" * 400,
    ):  # fmt: skip
        expect(await send(ground, route, body), 400, 422)
    for octets in (b"\xff\xfe{\x00}\x00", right.encode("utf-16"), b'{"text": "\xed\xa0\x80"}', b"\x00", b'"\xff"'):
        expect(await send(ground, route, octets), 400, 422)
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "image/png", "json"):
        answer = await send(ground, route, right, {"content-type": media_type})
        assert expect(answer, 415)["code"] == "media_type_unsupported"
    assert ground.rows() == before


def wrong_bodies(route: Route, right: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    """Give bodies that are right but for one place, and the place; None where the body cannot be read at all."""
    for slot in slots_of(route.body):
        for value in wrong_values(slot):
            is_readable = not isinstance(value, Raw) or value.is_readable
            yield (
                named(slot, value) if is_readable else None,
                written(placed(right, route.body, slot.path, _RAW), value),
            )
    for path, struct in structs_of(route.body):
        for field in struct.fields:
            if field.required:
                yield spelt((*path, field.encode_name)), json.dumps(without(right, route.body, path, field.encode_name))
        for unknown in ("nobody_knows_this", "", "Id", "__class__"):
            place = (*path, unknown)
            whole = placed(right, route.body, path, {**part_of(right, route, path), unknown: 1}) if path else None
            yield spelt(place), json.dumps(whole or {**right, unknown: 1})


def part_of(right: dict[str, Any], route: Route, path: tuple[str | int, ...]) -> dict[str, Any]:
    """What stands at a place of a right body, or would."""
    slot = next(each for each in slots_of(route.body) if each.path == path)
    return dict(slot.example)


def named(slot: Slot, value: Any) -> str:
    """The place that a refusal names: the value's own, or that of the item within."""
    return f"{slot.name}[0]" if value == [None] else slot.name


def written(body: dict[str, Any], value: Any) -> str:
    """The body as JSON with a value that is no JSON perhaps."""
    return json.dumps(body).replace(json.dumps(_RAW), str(value) if isinstance(value, Raw) else json.dumps(value))


async def send(
    ground: Ground, route: Route, body: str | bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Send a body as somebody who may."""
    content = body.encode() if isinstance(body, str) else body
    return await ground.client.request(
        route.method,
        route.address(ground.world),
        content=content,
        params=route.right_query(ground.world),
        headers={"content-type": "application/json", **route.key(ground.world), **(headers or {})},
    )


def is_refused(answer: httpx.Response, place: str | None) -> bool:
    """Whether a body was refused for this place; one that cannot be read has no places."""
    if answer.headers["content-type"] != "application/problem+json":
        return False
    problem = answer.json()
    if place is None:
        return (answer.status_code, problem["code"]) == (400, "request_malformed")
    fields = [each["field"] for each in problem.get("fields", [])]
    return (answer.status_code, problem["code"], fields) == (422, "fields_wrong", [place])


def expect(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, f"{answer.request.method} {answer.request.url}: {answer.text[:300]}"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = dict(answer.json())
    assert problem["code"] in {"request_malformed", "fields_wrong", "media_type_unsupported"}
    return problem
