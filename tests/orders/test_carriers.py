"""Carriers over HTTP: a sandbox carrier that is a process of its own is asked, believed, and left alone when silent."""

import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service import outbound
from service.core.errors import NotFound, Unauthenticated, Unavailable
from service.core.wire import ParcelRequest, encode, format_instant, parse_instant
from service.db.session import Database
from service.orders import carriers as module
from service.orders.carriers import Carriers
from service.sandbox.app import CARRIER_FILE
from service.settings import Settings
from tests.conftest import Clock
from tests.orders.shop import Shop
from tests.sandbox.running import SECRET, Listener, Sandbox, free_port
from tests.trade import AREA

Drain = Callable[[], Awaitable[None]]
PARCELS = "/carrier/v1/parcels"
INBOUND = "/api/v1/inbound/carriers/sandbox"
HELD = {"gateway": -48_000, "held": 48_000}


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A service that knows the sandbox's carrier by its address alone."""
    monkeypatch.setattr(outbound, "ANSWER_SECONDS", 1.0)
    carrier_url = f"http://127.0.0.1:{free_port()}/carrier"
    return msgspec.structs.replace(settings, carrier_url=carrier_url, carrier_public_key="", gateway_secret=SECRET)


class Post:
    """The shop, and the carrier that it hands its parcels to."""

    def __init__(self, shop: Shop, sandbox: Sandbox, listener: Listener, clock: Clock, drain: Drain) -> None:
        self.shop, self.sandbox, self.listener, self.clock, self.drain = shop, sandbox, listener, clock, drain

    async def now(self) -> datetime:
        found: datetime = (await self.shop.sql("SELECT fairhold_now() AS now"))[0].now
        return found

    async def call(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        answer = self.sandbox.call(method, path, body, now=await self.now())
        assert answer.is_success, answer.text
        return dict(answer.json())

    async def switch(self, **switches: Any) -> None:
        await self.call("PUT", "/carrier/v1/switches", json.dumps(switches).encode())

    async def shipped(self, ref: str = "WX-1", *, area: str = AREA, created_at: str | None = None) -> str:
        """An order that was paid and is on its way with a parcel of the carrier."""
        order_id = await self.shop.paid(ref)
        await self.call("POST", PARCELS, encode(ParcelRequest(f"SB-{ref}", area, created_at)))
        body = {
            "carrier": "sandbox", "tracking_number": f"SB-{ref}", "batch_id": str(self.shop.goods.batch_id),
        }  # fmt: skip
        answer = await self.shop.post(self.shop.seller, f"/orders/{order_id}/shipment", body)
        assert answer.status_code == 201, answer.text
        return order_id

    async def deliver(self, ref: str = "WX-1") -> None:
        """Let the courier deliver."""
        await self.call("POST", f"{PARCELS}/SB-{ref}/delivery", b"{}")

    async def after(self, by: timedelta) -> None:
        """Let time pass and everything that is due happen."""
        self.clock.forward(by)
        await self.drain()

    async def stands(self, order_id: str) -> tuple[str, str]:
        """Return the states of order and hold."""
        order = await self.shop.order(order_id)
        return order["status"], order["hold"]["state"]

    async def pauses(self, order_id: str) -> list[timedelta]:
        """Return how long the promises to ask the carrier were, oldest first."""
        query = (
            "SELECT due_at - made_at AS pause FROM deadline"
            " WHERE name = 'ask_carrier' AND subject_id = :id ORDER BY made_at"
        )
        return [row.pause for row in await self.shop.sql(query, id=order_id)]


@pytest.fixture
async def post(settings: Settings, tmp_path: Path, shop: Shop, clock: Clock, drain: Drain) -> AsyncIterator[Post]:
    listener = Listener()
    port = int(settings.carrier_url.rpartition(":")[2].partition("/")[0])
    sandbox = Sandbox(tmp_path / "sandbox", listener.url, port)
    yield Post(shop, sandbox, listener, clock, drain)
    sandbox.close()
    listener.close()


async def test_a_delivery_whose_notice_was_lost_is_found_by_asking(post: Post) -> None:
    await post.switch(drop_notices=True)
    order_id = await post.shipped()
    await post.after(timedelta(hours=6, seconds=1))
    assert await post.stands(order_id) == ("shipped", "awaiting_delivery")
    await post.deliver()
    await post.after(timedelta(hours=12, seconds=1))
    assert await post.stands(order_id) == ("delivered", "in_window")
    assert await post.shop.balances() == HELD
    assert post.listener.heard == []
    assert [row.outcome for row in await post.shop.sql("SELECT outcome FROM carrier_notice")] == ["applied"]
    await post.after(timedelta(days=1, seconds=1))
    assert await post.pauses(order_id) == [timedelta(hours=6), timedelta(hours=12)]


async def test_carriers_are_asked_with_growing_pauses(post: Post) -> None:
    order_id = await post.shipped()
    for hours in (6, 12, 24, 24):
        await post.after(timedelta(hours=hours, seconds=1))
    pauses = [timedelta(hours=hours) for hours in (6, 12, 24, 24, 24)]
    assert await post.pauses(order_id) == pauses
    assert await post.stands(order_id) == ("shipped", "awaiting_delivery")


async def test_the_notice_of_the_carrier_and_an_answer_to_us_are_one_proof(post: Post) -> None:
    order_id = await post.shipped()
    await post.deliver()
    (heard,) = post.listener.wait_for(1)
    for _ in range(2):
        answer = await post.shop.client.post(INBOUND, content=heard.body, headers={"content-type": "application/json"})
        assert answer.status_code == 202, answer.text
    await post.after(timedelta(hours=6, seconds=1))
    assert await post.stands(order_id) == ("delivered", "in_window")
    assert [row.outcome for row in await post.shop.sql("SELECT outcome FROM carrier_notice")] == ["applied"]
    started = await post.shop.sql(
        "SELECT count(*) AS n FROM event WHERE name = 'order.delivered' AND subject_id = :id", id=order_id
    )
    assert started[0].n == 1


async def test_a_forged_notice_of_the_sandbox_is_refused_and_the_right_one_taken(post: Post) -> None:
    await post.switch(forge_notices=True)
    post.listener.answers = [(401, {})]
    order_id = await post.shipped()
    await post.deliver()
    (forged,) = post.listener.wait_for(1)
    answer = await post.shop.client.post(INBOUND, content=forged.body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "record_signature_wrong")
    assert await post.shop.sql("SELECT 1 FROM carrier_notice") == []
    assert await post.stands(order_id) == ("shipped", "awaiting_delivery")
    await post.switch()
    right = post.listener.wait_for(2)[-1]
    answer = await post.shop.client.post(INBOUND, content=right.body, headers={"content-type": "application/json"})
    assert answer.status_code == 202
    await post.drain()
    assert await post.stands(order_id) == ("delivered", "in_window")


async def test_a_parcel_delivered_before_the_seller_told_its_number_is_found(post: Post) -> None:
    order_id = await post.shop.paid()
    await post.call("POST", PARCELS, encode(ParcelRequest("SB-WX-1", AREA)))
    await post.deliver()
    (heard,) = post.listener.wait_for(1)
    await post.shop.client.post(INBOUND, content=heard.body, headers={"content-type": "application/json"})
    await post.drain()
    assert [row.outcome for row in await post.shop.sql("SELECT outcome FROM carrier_notice")] == ["order_unknown"]
    body = {"carrier": "sandbox", "tracking_number": "SB-WX-1", "batch_id": str(post.shop.goods.batch_id)}
    assert (await post.shop.post(post.shop.seller, f"/orders/{order_id}/shipment", body)).status_code == 201
    await post.after(timedelta(hours=6, seconds=1))
    assert await post.stands(order_id) == ("delivered", "in_window")


@pytest.mark.parametrize("how", ["old", "foreign"])
async def test_an_old_or_foreign_parcel_proves_nothing_however_often_it_is_asked_for(post: Post, how: str) -> None:
    before = format_instant(await post.now() - timedelta(days=9))
    order_id = await (post.shipped(created_at=before) if how == "old" else post.shipped(area="110000"))
    await post.deliver()
    for _ in range(3):
        await post.after(timedelta(days=1, seconds=1))
    outcome = {"old": "proof_too_old", "foreign": "proof_of_other_area"}[how]
    assert [row.outcome for row in await post.shop.sql("SELECT outcome FROM carrier_notice")] == [outcome]
    assert await post.stands(order_id) == ("shipped", "awaiting_delivery")
    await post.after(timedelta(days=38))
    await post.after(timedelta(days=8))
    assert await post.stands(order_id) == ("cancelled", "refunded")


async def test_the_carrier_is_asked_a_last_time_before_the_buyer_is_asked_or_refunded(post: Post) -> None:
    await post.switch(drop_notices=True)
    first, second = await post.shipped("WX-1"), await post.shipped("WX-2")
    stop_asking = "UPDATE deadline SET state = 'cancelled', ended_at = made_at WHERE name = 'ask_carrier' RETURNING 1"
    await post.shop.sql(stop_asking)
    await post.deliver("WX-1")
    await post.after(timedelta(days=30, seconds=1))
    assert await post.stands(first) == ("delivered", "in_window")
    assert (await post.shop.order(first))["arrival_asked_at"] is None
    assert (await post.shop.order(second))["arrival_asked_at"] is not None
    await post.deliver("WX-2")
    await post.after(timedelta(days=7, seconds=1))
    assert await post.stands(second) == ("delivered", "in_window")


async def test_a_carrier_that_does_not_answer_delays_no_refund(post: Post) -> None:
    order_id = await post.shipped()
    post.sandbox.kill()
    await post.after(timedelta(days=30, seconds=1))
    await post.after(timedelta(days=7, seconds=1))
    assert await post.stands(order_id) == ("cancelled", "refunded")
    assert await post.shop.balances() == {"gateway": -48_000, "refunds": 48_000}


async def test_every_question_carries_fairholds_time_and_the_sandbox_stamps_with_it(post: Post) -> None:
    order_id = await post.shipped()
    await post.after(timedelta(days=20))
    with contextlib.closing(sqlite3.connect(post.sandbox.folder / CARRIER_FILE)) as books:
        heard = parse_instant(books.execute("SELECT fairhold_now FROM clock").fetchone()[0])
    assert timedelta(0) <= await post.now() - heard < timedelta(minutes=5)
    await post.deliver()
    record = post.sandbox.http.get(f"{PARCELS}/SB-WX-1").json()["record"]
    delivered_at = parse_instant(record["delivered_at"])
    assert timedelta(0) <= await post.now() - delivered_at < timedelta(minutes=5)
    assert parse_instant(record["created_at"]) < delivered_at - timedelta(days=19)
    await post.after(timedelta(days=1, seconds=1))
    assert await post.stands(order_id) == ("delivered", "in_window")


async def test_a_new_key_is_asked_for_but_not_for_every_forgery(
    post: Post, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    carriers = Carriers.of(settings, database)
    await post.call("POST", PARCELS, encode(ParcelRequest("SB-1", AREA)))
    old = await carriers.ask("sandbox", "SB-1")
    assert (await carriers.verify(old)).tracking_number == "SB-1"
    post.sandbox.kill()
    for file in post.sandbox.folder.glob("carrier.sqlite*"):
        file.unlink()
    post.sandbox.start()
    await post.call("POST", PARCELS, encode(ParcelRequest("SB-1", AREA)))
    new = await carriers.ask("sandbox", "SB-1")
    with pytest.raises(Unauthenticated) as raised:  # the keys were asked for less than a minute ago
        await carriers.verify(new)
    assert raised.value.code == "record_key_unknown"
    monkeypatch.setattr(module, "KEYS_SECONDS", 0.0)
    assert (await carriers.verify(new)).tracking_number == "SB-1"
    with pytest.raises(Unauthenticated) as raised:  # the old key is the carrier's no more
        await carriers.verify(old)
    assert raised.value.code == "record_key_unknown"
    await carriers.close()


async def test_a_silent_carrier_is_left_alone_for_a_while(
    post: Post, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    carriers = Carriers.of(settings, database)
    with pytest.raises(NotFound) as unknown:
        await carriers.ask("sandbox", "SB-NONE")
    assert unknown.value.code == "parcel_not_found"
    with pytest.raises(NotFound) as nobody:
        await carriers.ask("pigeon", "SB-NONE")
    assert nobody.value.code == "carrier_unknown"
    await post.call("POST", PARCELS, encode(ParcelRequest("SB-1", AREA)))
    await post.switch(down=True)
    with pytest.raises(Unavailable):
        await carriers.ask("sandbox", "SB-1")
    await post.switch()
    assert (await carriers.ask("sandbox", "SB-1")).record.tracking_number == "SB-1"  # it did answer
    post.sandbox.kill()
    for message in ("the carrier does not answer", "the carrier did not answer a moment ago"):
        with pytest.raises(Unavailable, match=message):
            await carriers.ask("sandbox", "SB-1")
    post.sandbox.start()
    with pytest.raises(Unavailable, match="a moment ago"):
        await carriers.ask("sandbox", "SB-1")
    later = time.monotonic() + module.SILENT_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert (await carriers.ask("sandbox", "SB-1")).record.tracking_number == "SB-1"
    await carriers.close()
