"""A complaint is moved from one batch to another: what it did goes with it, freezes and held payments included."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.batches.actions import register_batch
from service.batches.schemas import NewBatch
from service.core.actor import Role
from service.escrow.sweep import release_due
from service.recalls.actions import evaluate_batch
from service.recalls.rules import Base, stays_founded
from tests.recalls.street import Street
from tests.trade import Goods
from tests.world import Account

Drain = Callable[[], Awaitable[None]]
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def second_batch(street: Street, lot: str = "SY26K0001") -> Goods:
    """Another batch of the street's product."""
    async with street.database.begin() as tx:
        seller = await street.actor(street.world.account(Role.SELLER))
        data = NewBatch(product_id=street.goods.product_id, lot_code=lot)
        batch = await register_batch(tx, seller, data, now=await tx.now())
    return Goods(street.goods.product_id, batch.id)


async def link(
    client: httpx.AsyncClient, street: Street, complaint_id: UUID, batch_id: UUID | None, by: Account | None = None
) -> None:
    """Link a complaint as a mediator, or take its link away."""
    body = {"batch_id": None if batch_id is None else str(batch_id)}
    by = by or street.world.account(Role.MEDIATOR)
    answer = await client.post(f"/api/v1/complaints/{complaint_id}/link", json=body, headers=by.by_key)
    assert answer.status_code in (200, 201), answer.text


async def frozen_on(street: Street, drain: Drain, buyers: int = 3) -> list[UUID]:
    """Freeze the street's batch; the complaints."""
    found = [await street.complains() for _ in range(buyers)]
    assert await street.evaluate() == "preliminary"
    await drain()
    return found


async def is_frozen(street: Street, *order_ids: UUID) -> list[bool]:
    return [(await street.hold(order_id)).is_frozen for order_id in order_ids]


async def released(street: Street) -> None:
    """Release what is due now."""
    async with street.database.begin() as tx:
        await release_due(tx, now=await tx.now())


async def moves(street: Street) -> list[str]:
    return [row.step for row in await street.sql("SELECT step FROM signal_member_move ORDER BY id")]


async def test_moved_complaints_unfreeze_one_batch_and_freeze_the_other_and_the_money_follows(
    street: Street, drain: Drain, clock: Any, client: httpx.AsyncClient
) -> None:
    first, other = street.goods, await second_batch(street)
    of_first, _ = await street.order()
    of_other, _ = await street.order(goods=other)
    clock.forward(timedelta(days=8))
    complaints = await frozen_on(street, drain)
    assert await is_frozen(street, of_first, of_other) == [True, False]
    left = (await street.hold(of_first)).window_left
    assert left is not None
    assert timedelta(days=1, hours=23) < left <= timedelta(days=2)
    clock.forward(timedelta(days=1))
    for complaint_id in complaints:
        await link(client, street, complaint_id, other.batch_id)
    await drain()
    assert await street.signals() == [("closed", "links_moved"), ("preliminary", None)]
    assert await is_frozen(street, of_first, of_other) == [False, True]
    resumed = await street.hold(of_first)
    async with street.database.begin() as tx:
        now = await tx.now()
    assert resumed.window_ends_at is not None
    assert timedelta(days=2, hours=23) < resumed.window_ends_at - now <= timedelta(days=3)  # at the least, as ever
    assert await street.statuses() == ["held", "active"]
    ((began_with,),) = await street.sql("SELECT batch_id FROM signal WHERE state = 'preliminary'")
    assert began_with == other.batch_id
    assert await moves(street) == ["left"] * 3
    assert "signal.dissolved" in await street.events()
    ((signal_id,),) = await street.sql("SELECT id FROM signal WHERE state = 'preliminary'")
    mediator = street.judges[Role.MEDIATOR]
    answer = await client.post(f"/api/v1/signals/{signal_id}/confirmation", json={}, headers=mediator.by_key)
    assert answer.status_code == 201
    clock.forward(timedelta(days=2, hours=20))
    await released(street)
    assert (await street.hold(of_first)).is_open
    clock.forward(timedelta(hours=5))
    await released(street)
    ends = [(await street.hold(order_id)).state for order_id in (of_first, of_other)]
    assert ends == ["released", "in_window"]
    assert await is_frozen(street, of_other) == [True]
    assert first.batch_id != other.batch_id


async def test_what_is_left_of_a_freeze_counts_on_and_one_more_buyer_freezes_again(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    other = await second_batch(street)
    held, _ = await street.order()
    complaints = await frozen_on(street, drain)
    await link(client, street, complaints[0], other.batch_id)
    await drain()
    assert await is_frozen(street, held) == [False]
    assert await street.signals() == [("closed", "links_moved"), ("screening", None), ("screening", None)]
    rows = await street.sql("SELECT batch_id, numbers FROM signal WHERE state = 'screening'")
    assert {row.batch_id: row.numbers["buyers"] for row in rows} == {street.goods.batch_id: 2, other.batch_id: 1}
    await street.complains()
    assert await street.evaluate() == "preliminary"
    await drain()
    assert await is_frozen(street, held) == [True]


async def test_a_link_that_is_taken_away_and_given_back_leaves_its_trace(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    complaints = await frozen_on(street, drain, buyers=5)
    await link(client, street, complaints[0], None)
    await drain()
    assert await street.signals() == [("preliminary", None)]
    await link(client, street, complaints[0], street.goods.batch_id)
    await drain()
    assert await moves(street) == ["left", "returned"]
    ((numbers,),) = await street.sql("SELECT numbers FROM signal")
    assert numbers["buyers"] == 5
    told = await street.sql("SELECT facts FROM event WHERE name = 'signal.members_moved' ORDER BY seq")
    assert [(row.facts["left"], row.facts["returned"], row.facts["buyers"]) for row in told] == [(1, 0, 4), (0, 1, 5)]


async def test_a_confirmed_freeze_stays_for_people_who_see_what_has_changed(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    held, _ = await street.order()
    complaints = await frozen_on(street, drain)
    ((signal_id,),) = await street.sql("SELECT id FROM signal")
    mediator = street.judges[Role.MEDIATOR]
    await client.post(f"/api/v1/signals/{signal_id}/confirmation", json={}, headers=mediator.by_key)
    for complaint_id in complaints[:2]:
        await link(client, street, complaint_id, None)
    await drain()
    await drain()
    assert await street.signals() == [("analysis", None)]
    assert await is_frozen(street, held) == [True]
    seen = (await client.get(f"/api/v1/signals/{signal_id}", headers=mediator.by_key)).json()
    assert (seen["frozen_numbers"]["buyers"], seen["numbers"]["buyers"], seen["left_count"]) == (3, 1, 2)
    assert seen["left_complaint_ids"] == sorted(str(each) for each in complaints[:2])
    assert len(seen["complaint_ids"]) == 3
    seller = street.world.account(Role.SELLER)
    counts = (await client.get(f"/api/v1/signals/{signal_id}", headers=seller.by_key)).json()
    assert (counts["left_count"], counts["left_complaint_ids"]) == (2, None)
    told = await street.sql("SELECT facts FROM event WHERE name = 'signal.members_moved' ORDER BY seq")
    assert sum(row.facts["left"] for row in told) == 2
    regulator = street.world.account(Role.REGULATOR)
    for who, path in ((mediator, "/mediator/signals"), (regulator, f"/regulator/batches/{street.goods.batch_id}")):
        for language, words in (
            ("en", "2 complaints that the freeze was decided on"),
            ("zh", "有 2 宗已不再关联本批次"),
        ):
            cookies = f"{who.by_session['Cookie']}; fairhold_language={language}"
            page = await client.get(path, headers={"Cookie": cookies})
            assert (page.status_code, words in page.text) == (200, True)


async def test_buyers_who_withdraw_or_pick_another_batch_unfreeze_nothing(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    held, _ = await street.order()
    other = await second_batch(street)
    complaints = await frozen_on(street, drain)
    await street.sql(
        "UPDATE complaint SET status = 'withdrawn', ended_at = fairhold_now() WHERE id = :id RETURNING id",
        id=complaints[0],
    )
    await street.sql(
        "UPDATE complaint SET batch_id = :batch_id, link_by = 'buyer', link_is_strict = false WHERE id = :id"
        " RETURNING id",
        id=complaints[1], batch_id=other.batch_id,
    )  # fmt: skip
    assert await street.evaluate() == "preliminary"
    assert await is_frozen(street, held) == [True]
    assert await moves(street) == []
    ((numbers,),) = await street.sql("SELECT numbers FROM signal")
    assert numbers["buyers"] == 1
    # and when a mediator moves the last, those two still stand for the freeze, and are too few
    await link(client, street, complaints[2], other.batch_id)
    await drain()
    assert (await street.signals())[0] == ("closed", "links_moved")
    assert await is_frozen(street, held) == [False]


async def test_moves_and_counts_at_once_lift_a_freeze_once(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    other = await second_batch(street)
    complaints = await frozen_on(street, drain)
    for complaint_id in complaints:
        await link(client, street, complaint_id, other.batch_id)
    await asyncio.gather(*(street.evaluate(each) for each in (street.goods.batch_id, other.batch_id) * 3))
    await drain()
    assert await street.signals() == [("closed", "links_moved"), ("preliminary", None)]
    assert (await street.events()).count("signal.dissolved") == 1
    regulator = street.world.account(Role.REGULATOR)
    page = await client.get(f"/regulator/batches/{street.goods.batch_id}", headers=regulator.by_session)
    assert "Its complaints were not about this batch" in page.text
    assert await moves(street) == ["left"] * 3


async def test_a_batch_that_is_corrected_into_a_frozen_lot_is_frozen_with_it(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    other = await second_batch(street)
    of_other, _ = await street.order(goods=other)
    seller = street.world.account(Role.SELLER).by_key
    told = {"reason": "left_out", "maker_lot_code": "M1"}
    for batch_id in (street.goods.batch_id, other.batch_id):
        if batch_id == other.batch_id:
            await frozen_on(street, drain)
            assert await is_frozen(street, of_other) == [False]
        answer = await client.post(f"/api/v1/batches/{batch_id}/corrections", json=told, headers=seller)
        assert answer.status_code in (200, 201), answer.text
        await drain()
    assert await is_frozen(street, of_other) == [True]
    assert "signal.extended" in await street.events()


async def test_a_product_that_is_corrected_into_a_frozen_scope_is_frozen_with_it(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> None:
    seller = street.world.account(Role.SELLER).by_key
    named = {"brand": "Suyun", "name_en": "Suyun Hydrting Mask", "name_zh": "素芸补水面膜"}
    made = await client.post(
        "/api/v1/products",
        json={"seller_id": str(street.seller_id), "category": "cosmetics", **named},
        headers=seller,
    )
    product_id = made.json()["id"]
    body = {"product_id": product_id, "lot_code": "B2", "maker_lot_code": "M1"}
    other = Goods(
        UUID(product_id), UUID((await client.post("/api/v1/batches", json=body, headers=seller)).json()["id"])
    )
    told = {"reason": "left_out", "maker_lot_code": "M1"}
    await client.post(f"/api/v1/batches/{street.goods.batch_id}/corrections", json=told, headers=seller)
    of_other, _ = await street.order(goods=other)
    await frozen_on(street, drain)
    assert await is_frozen(street, of_other) == [False]
    right = {"reason": "typing_error", "name_en": "Suyun Hydrating Sheet Mask"}
    answer = await client.post(f"/api/v1/products/{product_id}/corrections", json=right, headers=seller)
    assert answer.status_code == 201, answer.text
    await drain()
    assert await is_frozen(street, of_other) == [True]


async def test_while_complaints_count_the_seller_changes_neither_lot_nor_name(
    street: Street, client: httpx.AsyncClient
) -> None:
    await street.complains()
    assert await street.evaluate() == "screening"
    seller, batch, product = street.world.account(Role.SELLER), street.goods.batch_id, street.goods.product_id
    for path, told, code in (
        (f"/batches/{batch}", {"lot_code": "ZZ9"}, "batch_in_signal"),
        (f"/batches/{batch}", {"maker_lot_code": "M9"}, "batch_in_signal"),
        (f"/products/{product}", {"name_en": "Another thing"}, "product_in_signal"),
    ):
        body = {"reason": "typing_error", **told}
        refused = await client.post(f"/api/v1{path}/corrections", json=body, headers=seller.by_key)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        mediator = street.judges[Role.MEDIATOR]
        made = await client.post(f"/api/v1{path}/corrections", json=body, headers=mediator.by_key)
        assert made.status_code == 201, made.text
    units: dict[str, object] = {"reason": "left_out", "units_made": 7}
    made = await client.post(f"/api/v1/batches/{batch}/corrections", json=units, headers=seller.by_key)
    assert made.status_code == 201


@pytest.mark.parametrize("of", ["batch", "product"])
async def test_a_correction_during_the_freeze_waits_and_is_refused(
    street: Street, client: httpx.AsyncClient, of: str
) -> None:
    for _ in range(3):
        await street.complains()
    seller, batch, product = street.world.account(Role.SELLER), street.goods.batch_id, street.goods.product_id
    path = f"/batches/{batch}" if of == "batch" else f"/products/{product}"
    told = {"reason": "typing_error", **({"lot_code": "ZZ9"} if of == "batch" else {"brand": "Zz"})}
    async with street.database.begin() as tx:
        await evaluate_batch(tx, batch, now=await tx.now())
        await tx.flush()
        made = asyncio.create_task(client.post(f"/api/v1{path}/corrections", json=told, headers=seller.by_key))
        async with asyncio.timeout(20):
            while not (await street.sql(WAITING))[0][0]:  # noqa: ASYNC110 - PostgreSQL tells it only when asked
                await asyncio.sleep(0.01)
    refused = await made
    assert (refused.status_code, refused.json()["code"]) == (409, f"{of}_frozen")
    assert await street.signals() == [("preliminary", None)]


@pytest.mark.parametrize(
    ("independent", "buyers", "units", "units_then", "stays"),
    [
        (3, 3, 10, 10, True),
        (3, 3, 100_000, 10, True),
        (2, 2, 10, 10, False),
        (3, 3, 10, 100_000, True),
        (2, 5, 1, 1, False),
    ],
)
def test_what_was_sold_since_unfreezes_nothing(
    independent: int,
    buyers: int,
    units: int,
    units_then: int,
    stays: bool,
) -> None:
    base = Base(rate=0.6, shape=0.25, version="1.1")
    found = stays_founded(independent, buyers=buyers, units=units, units_then=units_then, base=base)
    assert found is stays
