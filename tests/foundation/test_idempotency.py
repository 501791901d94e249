"""One key, one effect, one answer: retried at once, after the connection was lost, and after the keys are forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.exceptions import LitestarException

from service.app import Service
from service.db.session import Database
from service.worker.host import prune_keys
from tests.conftest import Clock
from tests.orders.shop import Shop, open_shop
from tests.world import Account, World

RETRIES = 20
Step = Callable[[str], Awaitable[httpx.Response]]
COUNTS = {
    "place": "SELECT count(*) FROM \"order\" WHERE platform_ref = :ref || '-placed'",
    "pay": 'SELECT count(*) FROM payment p JOIN "order" o ON o.id = p.reference_id WHERE o.platform_ref = :ref',
    "receive": "SELECT count(*) FROM event e JOIN \"order\" o ON o.id = e.subject_id AND e.name = 'order.received'"
    " WHERE o.platform_ref = :ref",
    "claim": "SELECT count(*) FROM hold_freeze f JOIN hold h ON h.id = f.hold_id"
    ' JOIN "order" o ON o.id = h.reference_id WHERE o.platform_ref = :ref',
}
BOTH = pytest.mark.parametrize("kind", list(COUNTS))


class Retried:
    """Commands that are sent again and again under one key, each about an order of its own."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.orders: dict[str, str] = {}
        self.drafts: dict[str, str] = {}

    async def prepare(self, kind: str, ref: str) -> None:
        if kind == "pay":
            self.orders[ref] = str((await self.shop.place(ref)).json()["id"])
        elif kind in ("receive", "claim"):
            self.orders[ref] = await self.shop.shipped(ref)
        if kind == "claim":
            told = {"order_id": self.orders[ref], "kind": "fake", "harm": "none", "narrative": "x", "wanted": "refund"}
            self.drafts[ref] = str((await self.shop.post(self.shop.buyer, "/complaints", told)).json()["id"])

    async def send(self, kind: str, ref: str, *, other_body: bool = False, key: str | None = None) -> httpx.Response:
        who, path, body = self.request(kind, ref, other_body=other_body)
        headers = who.by_key | {"idempotency-key": key or f"{kind}-{ref}", "content-type": "application/json"}
        return await self.shop.client.post(f"/api/v1{path}", content=body, headers=headers)

    def request(self, kind: str, ref: str, *, other_body: bool = False) -> tuple[Account, str, bytes]:
        if kind == "place":
            units = b"2" if other_body else b"1"
            ids = f'"tenant_id":"{self.shop.tenant_id}","seller_id":"{self.shop.seller_id}"'
            body = f'{{{ids},"product_id":"{self.shop.goods.product_id}","platform_ref":"{ref}-placed",'.encode()
            amount = b'"amount":{"amount_minor":48000,"currency":"CNY"}'
            return self.shop.platform, "/orders", body + amount + b',"units":' + units + b"}"
        other = b'{"other":1}'
        if kind == "pay":
            return self.shop.platform, f"/orders/{self.orders[ref]}/payment", other if other_body else b""
        if kind == "receive":
            body = b'{"waive":true}' if other_body else b"{}"
            return self.shop.buyer, f"/orders/{self.orders[ref]}/receipt", body
        return self.shop.buyer, f"/complaints/{self.drafts[ref]}/submission", other if other_body else b""

    async def effects(self, kind: str, ref: str) -> int:
        return int((await self.shop.sql(COUNTS[kind], ref=ref))[0][0])


@pytest.fixture
def retried(shop: Shop) -> Retried:
    return Retried(shop)


@pytest.fixture
async def shop(client: httpx.AsyncClient, database: Database, world: World) -> Shop:
    return await open_shop(client, database, world)


async def check_keys(retried: Retried, keys: int) -> None:
    kinds = list(COUNTS)
    for number in range(keys):
        kind, ref = kinds[number % len(kinds)], f"WX-{number}"
        await retried.prepare(kind, ref)
        answers = await asyncio.gather(*(retried.send(kind, ref) for _ in range(RETRIES)))
        assert {answer.is_success for answer in answers} == {True}, [answer.text for answer in answers]
        assert len({(answer.status_code, answer.content) for answer in answers}) == 1
        assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False] + [True] * 19
        assert await retried.effects(kind, ref) == 1
        other = await retried.send(kind, ref, other_body=True)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        assert await retried.effects(kind, ref) == 1


async def test_twenty_retries_at_once_of_each_key_have_one_effect_and_one_answer(
    retried: Retried, service: Service
) -> None:
    await check_keys(retried, keys=12)
    assert service.hot_connections.answered == 6  # receipts and claims, the first of each


@pytest.mark.full
@pytest.mark.timeout(1200)
async def test_two_hundred_keys_with_twenty_retries_each(retried: Retried) -> None:
    await check_keys(retried, keys=200)


@BOTH
async def test_a_connection_cut_right_after_the_commit_has_its_effect_and_the_retry_replays(
    retried: Retried, app: Litestar, kind: str
) -> None:
    await retried.prepare(kind, "WX-1")
    effects_when_cut = await cut(retried, app, kind, "WX-1")
    assert effects_when_cut == 1  # committed before the first byte of the answer
    again = await retried.send(kind, "WX-1")
    assert (again.is_success, again.headers["idempotency-replayed"]) == (True, "true"), again.text
    assert await retried.effects(kind, "WX-1") == 1


async def cut(retried: Retried, app: Litestar, kind: str, ref: str) -> int:
    """Send a request whose connection is lost at the answer's first byte; return what effects there were then."""
    who, path, body = retried.request(kind, ref)
    seen: list[int] = []
    headers = {**who.by_key, "idempotency-key": f"{kind}-{ref}", "content-type": "application/json"}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def lost(_: Mapping[str, Any]) -> None:
        if not seen:
            seen.append(await retried.effects(kind, ref))
        raise ConnectionResetError

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": f"/api/v1{path}", "raw_path": f"/api/v1{path}".encode(), "query_string": b"", "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("testserver.local", 80), "state": {},
    }  # fmt: skip
    with pytest.raises(LitestarException, match="after response started"):
        await app(scope, receive, lost)  # type: ignore[arg-type]  # as any ASGI server calls it
    return seen[0]


async def test_once_the_keys_are_forgotten_no_money_moves_twice(
    retried: Retried, clock: Clock, database: Database
) -> None:
    for kind in ("pay", "receive", "claim"):
        await retried.prepare(kind, f"WX-{kind}")
        assert (await retried.send(kind, f"WX-{kind}")).is_success
    await refund(retried.shop, retried.drafts["WX-claim"])
    before = await moved(retried.shop)
    clock.forward(timedelta(days=30, seconds=1))
    assert await database.run(prune_keys) >= 3
    assert (await retried.shop.sql("SELECT count(*) FROM idempotency_key"))[0][0] == 0
    codes = {kind: (await retried.send(kind, f"WX-{kind}")).json().get("code") for kind in ("pay", "claim")}
    assert codes == {"pay": "payment_exists", "claim": "complaint_sent"}
    again = await refund(retried.shop, retried.drafts["WX-claim"])
    assert (again.status_code, again.json()["code"]) == (409, "complaint_state")
    assert await moved(retried.shop) == before


async def refund(shop: Shop, case_id: str) -> httpx.Response:
    """The seller accepts the claim: the buyer is refunded."""
    return await shop.client.post(
        f"/api/v1/complaints/{case_id}/answer",
        json={"decision": "accept"},
        headers=shop.seller.by_key | {"idempotency-key": "accept"},
    )


async def moved(shop: Shop) -> list[Any]:
    """Every operation, hold and transfer there is."""
    return [
        await shop.sql("SELECT id, kind, state, amount_minor FROM payment ORDER BY id"),
        await shop.sql("SELECT id, state, amount_minor FROM hold ORDER BY id"),
        await shop.sql("SELECT subject_id, code, amount_minor FROM transfer ORDER BY 1, 2"),
    ]


async def test_keys_are_forgotten_after_thirty_days_the_oldest_first_and_a_batch_at_a_time(
    database: Database, clock: Clock
) -> None:
    async def add(count: int) -> None:
        async with database.begin() as tx:
            connection = await tx.driver()
            await connection.execute(
                "INSERT INTO idempotency_key (principal, key, fingerprint, status, body, created_at)"
                " SELECT 'p', uuidv7()::text, ''::bytea, 200, ''::bytea, fairhold_now() FROM generate_series(1, %s)",
                (count,),
            )

    await add(1_100)
    clock.forward(timedelta(days=29))
    await add(3)
    assert await database.run(prune_keys) == 0
    clock.forward(timedelta(days=1, seconds=1))
    assert [await database.run(prune_keys) for _ in range(3)] == [1_000, 100, 0]
    async with database.begin() as tx:
        connection = await tx.driver()
        assert await (await connection.execute("SELECT count(*) FROM idempotency_key")).fetchone() == (3,)
