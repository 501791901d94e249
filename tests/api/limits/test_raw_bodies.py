"""Bodies that are no structs: product lists, photos and the provider's notices. Refused, and nothing moves."""

import httpx
import pytest

from service.core.signatures import sign_message
from service.core.wire import parse_instant
from tests.api.limits.conftest import Ground

CSV = {"content-type": "text/csv"}
HEAD = b"brand,name_en,category,lot_code,units_made\n"
BOUND = "multipart/form-data; boundary=x"
EVIDENCE = "POST /complaints/{complaint_id}/evidence"


async def send(ground: Ground, name: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
    route = ground.routes[name]
    return await ground.client.request(
        route.method,
        route.address(ground.world),
        content=body,
        params=route.right_query(ground.world),
        headers={
            name.encode(): text.encode("latin-1") for name, text in {**route.key(ground.world), **headers}.items()
        },
    )


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", HEAD + b"\xed\xa0\x80,a,food,L-1,1\n", HEAD + b"a\0,b,food,L-1,1\n",
        HEAD + b"a,b,food,,1\n", HEAD + b"a,b,stars,L-1,1\n", HEAD + b"a,b,food,L-1,0\n", HEAD + b"a,b,food,L-1,x\n",
        HEAD + b"a,b,food,L-1," + b"9" * 5_000 + b"\n", HEAD + b"a,b,food," + b"L" * 61 + b",1\n",
        HEAD + b"a," + b"n" * 301 + b",food,L-1,1\n", HEAD + b"a,b,food,L-1,1,extra\n", b"unknown,columns\n1,2\n",
        HEAD.replace(b"brand", b"brand,brand") + b"a,a,b,food,L-1,1\n", b'{"brand": "a"}', HEAD + b'"a,b,food,L-1,1\n',
        HEAD + b"a" * 200_000 + b",b,food,L-1,1\n",
    ],
)  # fmt: skip
async def test_a_list_of_products_that_is_none_is_refused(body: bytes, ground: Ground) -> None:
    before = ground.rows()
    answer = await send(ground, "POST /batches/imports", body, CSV)
    assert answer.status_code in {413, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] not in {"internal_error", ""}
    assert ground.rows() == before


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"{}", "application/json"), (b"", "multipart/form-data"), (b"", BOUND),
        (b"--x\r\n", BOUND), (b"--x--\r\n", BOUND),
        (b"\xff\0", "multipart/form-data; boundary=\u00ff"), (b"files=1", "application/x-www-form-urlencoded"),
        (b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\ntext\r\n--x--\r\n', BOUND),
        (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a\xff.jpg"\r\n\r\n\r\n--x--\r\n',
            BOUND,
        ),
    ],
)  # fmt: skip
async def test_photos_that_are_none_are_refused(body: bytes, media_type: str, ground: Ground) -> None:
    before = ground.rows()
    answer = await send(ground, EVIDENCE, body, {"content-type": media_type})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    after = ground.rows()
    assert {name for name in after if after[name] != before[name]} <= {"file_key"}  # a case's first key may be made


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"id": "\xed\xa0\x80"}', b"[" * 15_000, b'{"a":' * 3_000, b'{"id": 7}'],
)
async def test_a_signed_notice_that_is_none_is_refused(body: bytes, ground: Ground) -> None:
    before = ground.rows()
    told = await ground.client.post("/api/v1/inbound/gateway", content=b"")
    now = parse_instant(told.headers["fairhold-now"])
    signed = sign_message(ground.gateway_secret, "msg-1", body, now=now)
    answer = await send(ground, "POST /inbound/gateway", body, signed)
    assert (answer.status_code, answer.json()["code"]) == (422, "notice_malformed"), answer.text
    assert ground.rows() == before
