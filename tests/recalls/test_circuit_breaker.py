"""Three independent verified buyers freeze a batch; less does not."""

import asyncio
from collections.abc import Awaitable, Callable

from service.batches.actions import register_batch
from service.batches.corrections import correct_batch
from service.batches.schemas import NewBatch, NewBatchCorrection
from service.core.actor import COMMONS, Role
from tests.recalls.street import Street
from tests.world import Whose

Drain = Callable[[], Awaitable[None]]


async def test_the_third_buyer_freezes_open_holds_and_one_that_is_funded_a_moment_later(
    street: Street, drain: Drain
) -> None:
    waiting, _ = await street.order(ships=False)
    delivered, _ = await street.order()
    for _ in range(2):
        await street.complains()
    assert await street.evaluate() == "screening"
    assert not (await street.hold(delivered)).is_frozen
    await street.complains()
    assert await street.evaluate() == "preliminary"
    later, _ = await street.order(batch_id=street.goods.batch_id)
    await drain()
    for order_id in (waiting, delivered, later):
        assert [freeze.kind for freeze in (await street.hold(order_id)).freezes] == ["scope"]
    assert await street.statuses() == ["held"]
    assert await street.events() == ["signal.opened", "signal.frozen"]
    ((numbers,),) = await street.sql("SELECT frozen_numbers FROM signal")
    assert (numbers["buyers"], numbers["new_buyers"], numbers["units"]) == (3, 3, 4)
    assert (numbers["base"], numbers["limit"]) == (0.6, 1.2)
    assert numbers["low"] > numbers["limit"]


async def test_the_event_of_a_link_leads_to_the_evaluation(street: Street, drain: Drain) -> None:
    for _ in range(3):
        complaint_id = await street.complains()
    await street.sql(
        "INSERT INTO event (id, name, subject_kind, subject_id, at, facts)"
        " VALUES (uuidv7(), 'complaint.linked', 'complaint', :id, fairhold_now(), '{}') RETURNING id",
        id=complaint_id,
    )
    await drain()
    assert await street.signals() == [("preliminary", None)]


async def test_a_third_buyer_who_shares_a_device_does_not_freeze(street: Street, drain: Drain) -> None:
    await street.complains(device="phone-1")
    await street.complains(device="phone-2", payer="card-2")
    await street.complains(device="PHONE-1 ")
    await street.complains(payer="card-2", address="Road 1")
    await street.complains(address="road 1")
    assert await street.evaluate() == "screening"
    rows = await street.sql("SELECT group_number FROM signal_member ORDER BY complaint_id")
    assert [row.group_number for row in rows] == [1, 2, 1, 2, 2]
    assert await street.sql("SELECT id FROM scope_freeze") == []
    assert await street.statuses() == []


async def test_one_buyer_with_three_orders_counts_once(street: Street) -> None:
    order_id, buyer = await street.order()
    await street.complain(order_id, buyer)
    for _ in range(2):
        again, _ = await street.order(buyer)
        await street.complain(again, buyer)
    assert await street.evaluate() == "screening"
    ((numbers,),) = await street.sql("SELECT numbers FROM signal")
    assert (numbers["buyers"], numbers["complaints"]) == (1, 3)


async def test_the_sellers_own_people_and_who_shares_with_them_do_not_count(street: Street) -> None:
    insider = street.world.account(Role.SELLER, whose=Whose.OTHERS)
    other_seller = street.world.things["seller", Whose.OTHERS]
    await street.sql(
        "INSERT INTO role_grant (id, person_id, role, tenant_id, granted_at)"
        " VALUES (uuidv7(), :id, 'buyer', :commons, fairhold_now()) RETURNING id",
        id=insider.person_id,
        commons=COMMONS,
    )
    await street.order(seller_id=other_seller, ships=False)  # a competitor sells the same product
    mine, _ = await street.order(insider, payer="card-9")
    await street.complain(mine, insider)
    await street.complains(payer="card-9")
    for _ in range(2):
        await street.complains()
    assert await street.evaluate() == "screening"
    ((numbers,),) = await street.sql("SELECT numbers FROM signal")
    assert numbers["buyers"] == 2


async def test_a_big_seller_with_a_low_rate_is_not_frozen(street: Street) -> None:
    await street.order(units=5_000)
    for _ in range(4):
        await street.complains()
    assert await street.evaluate() == "screening"
    ((numbers,),) = await street.sql("SELECT numbers FROM signal")
    assert (numbers["buyers"], numbers["units"]) == (4, 5_004)
    assert numbers["low"] < numbers["limit"]


async def test_a_link_below_strict_without_a_fitting_order_does_not_count(street: Street) -> None:
    async with street.database.begin() as tx:
        seller = await street.actor(street.world.account(Role.SELLER))
        data = NewBatch(product_id=street.goods.product_id, lot_code="SY26K0001")
        other = await register_batch(tx, seller, data, now=await tx.now())
    bought_other = type(street.goods)(street.goods.product_id, other.id)
    for _ in range(3):
        order_id, buyer = await street.order(goods=bought_other)
        await street.complain(order_id, buyer, is_strict=False)
    assert await street.evaluate() is None
    assert await street.signals() == []
    for _ in range(3):
        order_id, buyer = await street.order(goods=bought_other)
        await street.complain(order_id, buyer, is_strict=True)
    assert await street.evaluate() == "preliminary"


async def test_who_has_not_got_the_goods_is_no_verified_buyer(street: Street) -> None:
    for _ in range(3):
        order_id, buyer = await street.order(ships=False)
        await street.complain(order_id, buyer)
    assert await street.evaluate() is None


async def test_two_third_complaints_at_once_make_one_signal_and_one_freeze(street: Street) -> None:
    for _ in range(4):
        await street.complains()
    states = await asyncio.gather(*(street.evaluate() for _ in range(6)))
    assert states == ["preliminary"] * 6
    assert await street.signals() == [("preliminary", None)]
    assert len(await street.sql("SELECT id FROM scope_freeze")) == 1
    assert len(await street.sql("SELECT 1 FROM signal_member")) == 4
    assert await street.events() == ["signal.opened", "signal.frozen"]


async def test_a_lot_registered_after_the_freeze_is_no_way_out(street: Street, drain: Drain) -> None:
    async with street.database.begin() as tx:
        seller = await street.actor(street.world.account(Role.SELLER))
        told = NewBatchCorrection(reason="left_out", maker_lot_code="M1")
        await correct_batch(tx, seller, street.goods.batch_id, told, now=await tx.now())
    for _ in range(3):
        await street.complains()
    await street.evaluate()
    async with street.database.begin() as tx:
        seller = await street.actor(street.world.account(Role.SELLER))
        data = NewBatch(product_id=street.goods.product_id, lot_code="NEW-1", maker_lot_code="M1")
        new = await register_batch(tx, seller, data, now=await tx.now())
    await drain()
    order_id, _ = await street.order(batch_id=new.id, ships=False)
    assert (await street.hold(order_id)).is_frozen
    assert "signal.extended" in await street.events()
    rows = await street.sql("SELECT expires_at FROM scope_freeze ORDER BY at")
    assert len({row.expires_at for row in rows}) == 1


async def test_three_complaints_about_three_parts_made_from_one_batch_freeze_that_batch(street: Street) -> None:
    seller = await street.actor(street.world.account(Role.SELLER))
    for number in range(3):
        async with street.database.begin() as tx:
            data = NewBatch(
                product_id=street.goods.product_id, lot_code=f"PART-{number}", parent_ids=[street.goods.batch_id]
            )
            part = await register_batch(tx, seller, data, now=await tx.now())
        order_id, buyer = await street.order(goods=type(street.goods)(street.goods.product_id, part.id))
        await street.complain(order_id, buyer, batch_id=part.id)
        assert await street.evaluate(part.id) == "screening"
    assert await street.evaluate() == "preliminary"
    ((count,),) = await street.sql("SELECT count(*) FROM scope_freeze_member WHERE kind = 'batch'")
    assert count == 4
