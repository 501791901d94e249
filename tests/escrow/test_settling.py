"""Exact balances after each way that a hold can go."""

from datetime import timedelta

from service.core.ids import new_id
from tests.conftest import Clock
from tests.escrow.world import WINDOW, World


async def test_a_done_capture_funds_a_hold_and_nothing_else_moves(world: World) -> None:
    hold = await world.fund(36_000)
    assert (hold.state, hold.amount.amount_minor, hold.window_ends_at) == ("awaiting_delivery", 36_000, None)
    assert await world.balances() == {"gateway": -36_000, "held": 36_000}
    assert await world.lines(hold.id) == [("fund", "gateway", "held", 36_000)]
    await world.assert_clean()


async def test_an_undisputed_hold_is_released_with_the_fee_rounded_down(world: World, clock: Clock) -> None:
    hold = await world.delivered(9_999)
    clock.forward(WINDOW + timedelta(seconds=6))
    assert await world.sweep() == 1
    assert await world.balances() == {"gateway": -9_999, "payable": 9_700, "fees": 299}
    assert await world.payable() == 9_700
    ended = await world.hold(hold.reference_id)
    assert ended.state == "released"
    assert ended.parts is not None
    assert (ended.parts.buyer.amount_minor, ended.parts.seller.amount_minor, ended.parts.fee.amount_minor) == (
        0,
        9_700,
        299,
    )
    assert await world.sweep() == 0
    await world.assert_clean()


async def test_thirty_per_cent_to_the_buyer_leaves_refund_release_and_fee(world: World) -> None:
    hold = await world.delivered(48_000)
    source_id = new_id()
    claimed = await world.claim(hold.id, 48_000, source_id)
    assert claimed == hold.id
    frozen = await world.hold(hold.reference_id)
    assert (frozen.window_ends_at, frozen.window_left) == (None, WINDOW)
    await world.settle(hold.id, 14_400, source_id)
    assert sorted(await world.lines(hold.id)) == [
        ("fee", "held", "fees", 1_008),
        ("fund", "gateway", "held", 48_000),
        ("refund", "held", "refunds", 14_400),
        ("release", "held", "payable", 32_592),
    ]
    assert await world.balances() == {"gateway": -48_000, "refunds": 14_400, "payable": 32_592, "fees": 1_008}
    assert await world.payable() == 32_592
    refund_id = await world.value("SELECT id FROM payment WHERE hold_id = :id", id=hold.id)
    assert await world.record(refund_id, "done")
    assert await world.balances() == {"gateway": -33_600, "payable": 32_592, "fees": 1_008}
    await world.assert_clean()


async def test_a_refund_takes_no_fee_and_passes_freezes(world: World) -> None:
    hold = await world.fund(5_001)
    await world.freeze(hold.id, new_id())
    await world.refund(hold.id)
    assert await world.balances() == {"gateway": -5_001, "refunds": 5_001}
    assert (await world.hold(hold.reference_id)).state == "refunded"
    await world.assert_clean()


async def test_a_ruling_for_the_seller_releases_at_once_and_for_the_buyer_refunds(world: World) -> None:
    first, second = await world.delivered(1_000), await world.delivered(2_000)
    for hold, buyer_minor in ((first, 0), (second, 2_000)):
        source_id = new_id()
        await world.claim(hold.id, hold.amount.amount_minor, source_id)
        await world.settle(hold.id, buyer_minor, source_id)
    assert await world.balances() == {"gateway": -3_000, "payable": 970, "fees": 30, "refunds": 2_000}
    await world.assert_clean()


async def test_the_ruling_on_an_undelivered_hold_for_the_seller_only_lifts_the_freeze(world: World) -> None:
    hold = await world.fund()
    source_id = new_id()
    await world.claim(hold.id, 10_000, source_id)
    await world.settle(hold.id, 0, source_id)
    after = await world.hold(hold.reference_id)
    assert (after.state, after.freezes) == ("awaiting_delivery", [])
    assert await world.balances() == {"gateway": -10_000, "held": 10_000}


async def test_a_waiver_by_the_buyer_releases_at_once(world: World) -> None:
    hold = await world.delivered(10_000)
    await world.waive(hold.id)
    assert await world.balances() == {"gateway": -10_000, "payable": 9_700, "fees": 300}
    await world.assert_clean()


async def test_currencies_of_no_and_three_decimals_stay_apart(world: World, clock: Clock) -> None:
    yen, dinar = await world.fund(333, "JPY"), await world.fund(1_001, "KWD")
    for hold in (yen, dinar):
        await world.deliver(hold.id)
    clock.forward(WINDOW + timedelta(seconds=6))
    assert await world.sweep() == 2
    assert await world.balances("JPY") == {"gateway": -333, "payable": 324, "fees": 9}
    assert await world.balances("KWD") == {"gateway": -1_001, "payable": 971, "fees": 30}
    await world.assert_clean()


async def test_the_largest_amount_is_shared_to_the_unit(world: World, clock: Clock) -> None:
    hold = await world.delivered(10**15)
    clock.forward(WINDOW + timedelta(seconds=6))
    assert await world.sweep() == 1
    assert await world.balances() == {"gateway": -(10**15), "payable": 97 * 10**13, "fees": 3 * 10**13}
    assert (await world.hold(hold.reference_id)).state == "released"
