"""A claim on part of a hold divides it: the parent ends, two children drain it, the unclaimed one keeps its window."""

from datetime import timedelta

from service.core.ids import new_id
from tests.conftest import Clock
from tests.escrow.world import WINDOW, World


async def test_a_part_claim_freezes_only_its_part(world: World, clock: Clock) -> None:
    hold = await world.delivered(10_000)
    source_id = new_id()
    claimed_id = await world.claim(hold.id, 3_001, source_id)
    parent = await world.hold(hold.reference_id)
    assert parent.state == "divided"
    claimed, rest = sorted(parent.children, key=lambda child: child.amount.amount_minor)
    assert (claimed.id, claimed.amount.amount_minor, rest.amount.amount_minor) == (claimed_id, 3_001, 6_999)
    assert [freeze.source_id for freeze in claimed.freezes] == [source_id]
    assert (list(rest.freezes), rest.window_ends_at) == ([], hold.window_ends_at)
    assert await world.balances() == {"gateway": -10_000, "held": 10_000}
    await world.assert_clean()
    clock.forward(WINDOW + timedelta(seconds=6))
    assert await world.sweep() == 1
    assert await world.balances() == {"gateway": -10_000, "held": 3_001, "payable": 6_790, "fees": 209}
    await world.settle(claimed_id, 1_000, source_id)
    assert await world.balances() == {"gateway": -10_000, "refunds": 1_000, "payable": 8_731, "fees": 269}
    assert await world.payable() == 8_731
    assert sorted(await world.lines(hold.id)) == [
        ("divide", "held", "dividing", 10_000),
        ("fee", "held", "fees", 60),
        ("fee", "held", "fees", 209),
        ("fund", "dividing", "held", 3_001),
        ("fund", "dividing", "held", 6_999),
        ("fund", "gateway", "held", 10_000),
        ("refund", "held", "refunds", 1_000),
        ("release", "held", "payable", 1_941),
        ("release", "held", "payable", 6_790),
    ]
    await world.assert_clean()


async def test_a_child_can_be_claimed_and_divided_again(world: World) -> None:
    hold = await world.delivered(10_000)
    await world.claim(hold.id, 1_000, new_id())
    rest = next(child for child in (await world.hold(hold.reference_id)).children if not child.freezes)
    await world.claim(rest.id, 2_000, new_id())
    children = (await world.hold(hold.reference_id)).children
    assert sorted(child.amount.amount_minor for child in children if child.is_open) == [1_000, 2_000, 7_000]
    await world.assert_clean()


async def test_delivery_starts_the_window_of_the_open_parts(world: World) -> None:
    hold = await world.fund(10_000)
    source_id = new_id()
    await world.claim(hold.id, 4_000, source_id)
    await world.deliver(hold.id)
    parts = {child.amount.amount_minor: child for child in (await world.hold(hold.reference_id)).children}
    assert (parts[4_000].window_ends_at, parts[4_000].window_left) == (None, WINDOW)
    assert parts[6_000].window_ends_at is not None


async def test_the_parts_of_a_frozen_hold_stay_frozen(world: World) -> None:
    hold = await world.delivered(10_000)
    other, source_id = new_id(), new_id()
    await world.freeze(hold.id, other)
    claimed_id = await world.claim(hold.id, 2_500, source_id)
    children = (await world.hold(hold.reference_id)).children
    assert {c.amount.amount_minor: {f.source_id for f in c.freezes} for c in children} == {
        2_500: {other, source_id},
        7_500: {other},
    }
    assert all(child.window_left == WINDOW for child in children)
    assert await world.lift(other) == 2
    assert await world.lift(source_id) == 1
    assert all(child.window_ends_at is not None for child in (await world.hold(hold.reference_id)).children)
    assert claimed_id in {child.id for child in children}
    await world.assert_clean()


async def test_the_sellers_part_waits_for_other_freezes_and_then_goes_at_once(world: World, clock: Clock) -> None:
    hold = await world.delivered(10_000)
    other, source_id = new_id(), new_id()
    await world.claim(hold.id, 10_000, source_id)
    await world.freeze(hold.id, other)
    await world.settle(hold.id, 4_000, source_id)
    assert await world.balances() == {"gateway": -10_000, "held": 6_000, "refunds": 4_000}
    waiting = (await world.hold(hold.reference_id)).open_holds
    assert [(part.amount.amount_minor, part.window_left) for part in waiting] == [(6_000, timedelta(0))]
    await world.lift(other)
    clock.forward(timedelta(seconds=6))
    assert await world.sweep() == 1
    assert await world.balances() == {"gateway": -10_000, "refunds": 4_000, "payable": 5_820, "fees": 180}
    await world.assert_clean()
