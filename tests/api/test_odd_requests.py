"""What no client should send, on every route: each gets a clean refusal, and the service goes on."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from service.core.actor import Role
from tests.furnished import Furnished
from tests.permissions_table import PERMISSIONS, Row
from tests.world import Whose, World

UNSAFE = sorted(name for name in PERMISSIONS if not name.startswith("GET "))
WITH_BODY = [name for name in UNSAFE if PERMISSIONS[name].body is not None]
SECRET_ROUTES = {"POST /sessions", "POST /people"}  # they count tries, and refuse with 429 after a while
OWN = Whose.OWN


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/api/v1", timeout=60) as talking:
        yield talking


@pytest.fixture
def world(furnished: Furnished) -> World:
    return furnished.world


def by(world: World, row: Row) -> dict[str, str]:
    """The key of somebody who may."""
    return {} if row.anyone else world.account(min(row.may)).by_key


def path_of(name: str, world: World) -> str:
    """The path with ids of things that are there; of keys and grants, with ids that nobody has."""
    row, path = PERMISSIONS[name], name.partition(" ")[2]
    role = min(row.may) if row.may else Role.BUYER
    for place, kind in row.things.items():
        is_spared = kind in {"api_key", "mediator_grant", "carrier"}
        path = path.replace(f"{{{place}}}", str(world.tenant_ids[OWN] if is_spared else world.thing(kind, OWN, role)))
    return path


def expect_refusal(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    assert answer.status_code in statuses, f"{answer.request.method} {answer.request.url}: {answer.text}"
    assert answer.headers["content-type"] == "application/problem+json"
    return dict(answer.json())


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_body_of_a_wrong_type_is_refused(name: str, client: httpx.Client, world: World) -> None:
    row = PERMISSIONS[name]
    for body in ("[]", "null", "1e999", '"text"', "{", "", "\ufeff{}", '{"nobody_knows_this": 1}', "[" * 2000):
        answer = client.request(
            name.partition(" ")[0], path_of(name, world), content=body.encode(), headers=by(world, row)
        )
        expect_refusal(answer, 400, 422, 429) if name in SECRET_ROUTES else expect_refusal(answer, 400, 401, 422)


@pytest.mark.parametrize("name", WITH_BODY)
def test_odd_texts_within_a_right_body_are_refused_or_kept(name: str, client: httpx.Client, world: World) -> None:
    row = PERMISSIONS[name]
    assert row.body is not None
    right = row.body(world)
    for field, value in right.items():
        for odd in ODD_TEXTS if isinstance(value, str) else ODD_NUMBERS:
            body = json.dumps(right).replace(json.dumps(value), odd, 1) if value else json.dumps({**right, field: 0})
            answer = client.request(
                name.partition(" ")[0], path_of(name, world), content=body.encode(), headers=by(world, row)
            )
            assert answer.status_code < 500, answer.text


ODD_TEXTS = (
    '"a\\u0000b"', '"\\ud800"', '"\\udfff\\ud800"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"',
    '"\\uffff\\u202e"', '"' + "长" * 300 + '"', '" "', "0",
)  # fmt: skip
ODD_NUMBERS = ("-1", "9223372036854775808", "1e400", "-0.0", "true", "null", "[]", "{}", str(10**400))


@pytest.mark.parametrize("name", sorted(set(PERMISSIONS) - set(UNSAFE)))
def test_odd_queries_are_refused_or_ignored(name: str, client: httpx.Client, world: World) -> None:
    row = PERMISSIONS[name]
    for query in (
        "nobody_knows_this=1", "limit=1&limit=2", "q=a%00b", "q=%ed%a0%80", "q=%ff", "after=%00", "after=AAAA",
        "after=WyJhIl0", "after=W10", "after=WzFlOTk5XQ", "limit=99999999999999999999", "limit=%D9%A1", "status=%00",
        "state=%00", "seller_id=%00", "batch_id=0", "email=%00%00%00", "&&==&", "q=" + "x" * 5000,
    ):  # fmt: skip
        answer = client.get(f"{path_of(name, world)}?{query}", headers=by(world, row))
        assert answer.status_code < 500, f"{answer.request.url}: {answer.text}"


@pytest.mark.parametrize(
    ("path", "query"), [("/orders", "status=%00"), ("/disputes", "state=a%00b"), ("/complaints", "status=%00")]
)
def test_a_nul_is_refused_by_name(path: str, query: str, client: httpx.Client, world: World) -> None:
    answer = client.get(f"{path}?{query}", headers=world.account(Role.SUPERVISOR).by_key)
    problem = expect_refusal(answer, 422)
    assert problem["code"] == "fields_wrong"
    assert [each["field"] for each in problem["fields"]] == [query.partition("=")[0]]


def test_a_nul_in_a_body_is_refused_and_nothing_is_stored(client: httpx.Client, world: World) -> None:
    headers = world.account(Role.SELLER).by_key
    body = {"name": "Nul\u0000Shop", "kind": "shop", "country": "CN"}
    problem = expect_refusal(client.post("/sellers", json=body, headers=headers), 422)
    assert (problem["code"], [each["field"] for each in problem["fields"]]) == ("fields_wrong", ["name"])
    assert client.get("/sellers?q=Nul", headers=headers).json()["data"] == []


@pytest.mark.parametrize("value", ["\u00ff\u00fe", "\t", "x" * 7000])
@pytest.mark.parametrize(
    "header", ["Authorization", "Cookie", "Idempotency-Key", "Content-Type", "Accept-Language", "X-CSRF-Token"]
)
def test_odd_headers_are_refused_or_ignored(header: str, value: str, address: str, world: World) -> None:
    there = urlsplit(address)
    key = world.account(Role.BUYER).key
    lines = [f"Host: {there.netloc}", "Content-Length: 2", "Connection: close", f"{header}: {value}"]
    lines += [] if header == "Authorization" else [f"Authorization: Bearer {key}"]
    with socket.create_connection((str(there.hostname), int(there.port or 0)), timeout=30) as raw:
        raw.sendall(("POST /api/v1/complaints HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n{}").encode("latin-1"))
        status = raw.makefile("rb").readline().split()
    assert int(status[1]) < 500


def test_an_id_that_is_none_leads_nowhere(client: httpx.Client, world: World) -> None:
    headers = world.account(Role.REGULATOR).by_key
    for text in ("0", "%00", "..%2f..", "%ed%a0%80", "00000000-0000-0000-0000-00000000000", "1" * 5000):
        expect_refusal(client.get(f"/orders/{text}", headers=headers), 404, 422)


def test_a_status_that_no_carrier_has_is_refused(client: httpx.Client, world: World) -> None:
    order_id = world.things["order", OWN]
    record = {
        "carrier": "sandbox", "tracking_number": "SB-1", "status": "eaten", "created_at": "2026-11-20T08:00:00Z",
        "delivered_at": None, "destination_area": "330100",
    }  # fmt: skip
    body = {"proof": {"record": record, "signature": "AA==", "key_id": "x"}}
    answer = client.post(f"/orders/{order_id}/delivery", json=body, headers=world.account(Role.PLATFORM).by_key)
    assert expect_refusal(answer, 422)["code"] == "fields_wrong"
    answer = client.post("/inbound/carriers/sandbox", json=body["proof"])
    assert expect_refusal(answer, 422)["code"] == "fields_wrong"
