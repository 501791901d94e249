"""Beyond every limit of what stands in an address or a header: refused by name, and nothing moves."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from msgspec import inspect as kinds

from service.db.idempotency import KEY_LENGTH_MAX
from tests.api.limits.conftest import Ground
from tests.api.limits.routes import UNSAFE, Route
from tests.api.limits.shapes import Slot, slots_of
from tests.api.limits.wrong_values import FAR, Raw, limits_missing, values_at_limits, wrong_values
from tests.permissions_table import PERMISSIONS

_ADDRESS_LENGTH_MAX = 10_000  # longer ones are cut off before they get here
WITH_PLACES = sorted(name for name, row in PERMISSIONS.items() if row.things)


def query_slots(route: Route) -> list[Slot]:
    """The places of a query, as if they were fields."""
    return slots_of(msgspec.defstruct("Query", list(route.query.items()), kw_only=True))


def wrong_texts(slot: Slot) -> Iterator[str]:
    """Give what an address can say of a field's wrong values; there a number is a text, and "null" may be nothing."""
    kind = slot.types[0]
    for value in wrong_values(slot):
        is_text = isinstance(value, str) and not isinstance(value, Raw) and len(value) < _ADDRESS_LENGTH_MAX
        if is_text and value not in {"null", "", "true", "1"}:
            yield value
    if isinstance(kind, kinds.IntType):
        yield from (str(value) for value in (*FAR, (kind.ge or 0) - 1, (kind.le or 0) + 1))
        yield from ("", "1.5", "true", "\u0661", " 1", "0x1", "1,2")
    if isinstance(kind, kinds.BoolType):
        yield from ("", "maybe", "2", "-1")


def test_every_parameter_has_limits(ground: Ground) -> None:
    found = {
        name: [gap for slot in query_slots(each) for gap in limits_missing(slot)]
        for name, each in ground.routes.items()
    }
    assert {name: gaps for name, gaps in found.items() if gaps} == {}
    for route in ground.routes.values():
        for place, kind in route.path.items():
            [slot] = slots_of(msgspec.defstruct("Path", [(place, kind)]))
            assert limits_missing(slot) == []


async def test_values_beyond_the_limits_of_every_query_are_refused_by_name(ground: Ground) -> None:
    before, failures, walked = ground.rows(), [], 0
    for name, route in sorted(ground.routes.items()):
        for slot in query_slots(route):
            for value in wrong_texts(slot):
                query = {**route.right_query(ground.world), slot.name: value}
                problem = await refusal(ground, route, query=query)
                walked += 1
                if problem != (422, "fields_wrong", [slot.name]):
                    failures.append(f"{name} {slot.name}={value[:60]!r}: {problem}")
    assert failures == []
    assert walked > 250
    assert ground.rows() == before


async def test_a_list_is_filtered_by_states_that_there_are(ground: Ground) -> None:
    walked = []
    for name, route in sorted(ground.routes.items()):
        for filter_name in {"state", "status"} & set(route.query):
            query = {**route.right_query(ground.world), filter_name: "gone"}
            assert await refusal(ground, route, query=query) == (422, "state_unknown", [filter_name]), name
            walked.append(name)
    assert len(walked) >= 8


async def test_values_at_the_limits_of_every_query_are_taken(ground: Ground) -> None:
    for name, route in sorted(ground.routes.items()):
        if route.method in UNSAFE:
            continue
        for slot in query_slots(route):
            for value in values_at_limits(replace(slot, takes_null=False)):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                query = {**route.right_query(ground.world), slot.name: text}
                _, code, _ = await refusal(ground, route, query=query)
                assert code != "fields_wrong", f"{name} {slot.name}={text[:60]!r}"


@pytest.mark.parametrize("name", [name for name in WITH_PLACES if "carrier" not in name])
async def test_an_id_that_is_none_leads_nowhere(name: str, ground: Ground) -> None:
    route, before = ground.routes[name], ground.rows()
    for place in route.path:
        for wrong in ("0", "an id", "\0", "..", "'", "1" * 2000, "0198f3a1-7c2e-7d10-9b54-3f6a2c8e1d0", "\u0661"):
            spelt = quote(wrong, safe="").replace(".", "%2E")  # the client would fold a bare ".." and ask another path
            address = route.address(ground.world, **{place: spelt})
            status, code, _ = await refusal(ground, route, address=address)
            assert (status, code) == (404, "path_unknown"), (place, wrong)
    assert ground.rows() == before


async def test_a_carriers_name_has_a_limit(ground: Ground) -> None:
    route = ground.routes["POST /inbound/carriers/{carrier}"]
    before = ground.rows()
    address = route.address(ground.world, carrier="x" * 41)
    assert await refusal(ground, route, address=address) == (422, "fields_wrong", ["carrier"])
    status, code, _ = await refusal(ground, route, address=route.address(ground.world, carrier="x" * 40))
    assert (status, code) == (422, "carrier_differs")
    assert ground.rows() == before


@pytest.mark.parametrize("key", ["", "x" * (KEY_LENGTH_MAX + 1), "a key", "\u00ff", "\t", "a\x7f"])
async def test_an_idempotency_key_out_of_its_limits_is_refused(key: str, ground: Ground) -> None:
    route, before = ground.routes["POST /sellers"], ground.rows()
    status, code, _ = await refusal(ground, route, headers={"Idempotency-Key": key})
    assert (status, code) == (422, "idempotency_key_malformed")
    assert ground.rows() == before


async def refusal(
    ground: Ground,
    route: Route,
    *,
    address: str = "",
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, str, list[str]]:
    """Ask with one thing wrong; return status, code and the fields that are named."""
    row = PERMISSIONS[route.name]
    sent: dict[str, Any] = {"json": row.body(ground.world)} if row.body is not None else {}
    told = {**route.key(ground.world), **(headers or {})}
    answer = await ground.client.request(
        route.method,
        address or route.address(ground.world),
        params=route.right_query(ground.world) if query is None else query,
        headers={name.encode(): text.encode("latin-1") for name, text in told.items()},
        **sent,
    )
    if answer.status_code < 300:
        return answer.status_code, "", []
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    return answer.status_code, problem["code"], [each["field"] for each in problem.get("fields", [])]
