"""A buyer's photo of another lot takes a link back; a freeze that it stands in does not lift by that."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx

from service.app import Service
from service.core.actor import Role
from tests.complaints.photographing import add_photo, says
from tests.recalls.street import Street
from tests.recalls.test_moved_links import is_frozen, moves, second_batch
from tests.trade import Goods
from tests.world import Account

Drain = Callable[[], Awaitable[None]]
OTHER_LOT = "SY26K0001"


async def complain(street: Street) -> tuple[UUID, Account]:
    order_id, buyer = await street.order()
    return await street.complain(order_id, buyer), buyer


async def frozen_and_photographed(
    street: Street, drain: Drain, client: httpx.AsyncClient
) -> tuple[Goods, UUID, UUID, Account, str]:
    """A batch that three complaints froze, one of which then shows another lot: that lot's batch, and a paid order.

    After them the complaint, its buyer, and what was read.
    """
    other = await second_batch(street, OTHER_LOT)
    held, _ = await street.order()
    (case_id, buyer), *_ = [await complain(street) for _ in range(3)]
    assert await street.evaluate() == "preliminary"
    await drain()
    reading_id = await says(street.database, await add_photo(client, str(case_id), buyer), OTHER_LOT)
    await drain()
    return other, held, case_id, buyer, reading_id


async def test_a_photo_of_another_lot_unfreezes_nothing_nor_does_taking_its_lot_over(
    street: Street, drain: Drain, client: httpx.AsyncClient, service: Service
) -> None:
    await service.store.ensure_buckets()
    other, held, case_id, buyer, reading_id = await frozen_and_photographed(street, drain, client)
    ((status, batch_id),) = await street.sql("SELECT match_status, batch_id FROM complaint WHERE id = :id", id=case_id)
    assert (status, batch_id) == ("suggested", None)
    assert await street.signals() == [("preliminary", None)]
    path = f"/api/v1/complaints/{case_id}"
    taken = await client.post(f"{path}/readings/{reading_id}/acceptance", headers=buyer.by_key)
    assert taken.status_code == 200, taken.text
    await drain()
    assert await street.signals() == [("preliminary", None)]
    assert await is_frozen(street, held) == [True]
    assert await moves(street) == []
    assert other.batch_id != street.goods.batch_id


async def test_a_mediator_who_agrees_moves_it(
    street: Street, drain: Drain, client: httpx.AsyncClient, service: Service
) -> None:
    await service.store.ensure_buckets()
    other, held, case_id, _, _ = await frozen_and_photographed(street, drain, client)
    mediator = street.world.account(Role.MEDIATOR)
    body = {"batch_id": str(other.batch_id)}
    moved = await client.post(f"/api/v1/complaints/{case_id}/link", json=body, headers=mediator.by_key)
    assert moved.status_code in (200, 201), moved.text
    await drain()
    assert await is_frozen(street, held) == [False]
    assert await moves(street) == ["left"]
