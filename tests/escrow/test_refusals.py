"""Each refusal has its code, and nothing moves."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from service.core.actor import COMMONS, SignIn
from service.core.errors import Conflict, FairholdError, Forbidden, Invalid, NotFound
from service.core.ids import new_id
from service.core.money import AMOUNT_MINOR_MAX, Money
from service.escrow import actions
from tests.conftest import Clock
from tests.escrow.unmoved import unmoved
from tests.escrow.world import BUYER, MEDIATOR, WINDOW, World


async def refused(world: World, kind: type[FairholdError], code: str, act: Callable[[], Awaitable[Any]]) -> None:
    """Assert that `act` is refused with `code` and that no row changed."""
    async with unmoved(world.database):
        with pytest.raises(kind) as refusal:
            await act()
        assert refusal.value.code == code
    await world.assert_clean()


async def test_a_payment_of_nothing_less_or_too_much_is_refused(world: World) -> None:
    await refused(world, Invalid, "amount_not_positive", lambda: world.request(Money(0, "CNY")))
    for amount in (-1, AMOUNT_MINOR_MAX + 1):
        await refused(world, Invalid, "amount_out_of_range", partial(world.fund, amount))
    await refused(world, Invalid, "currency_unknown", lambda: world.fund(100, "XXX"))


async def test_a_fee_below_nothing_or_above_the_whole_is_refused(world: World) -> None:
    for fee_bps in (-1, 10_001, AMOUNT_MINOR_MAX):

        async def ask(fee_bps: int = fee_bps) -> None:
            async with world.database.begin() as tx:
                await actions.request_payment(
                    tx, tenant_id=COMMONS, reference_id=new_id(), seller_id=world.seller_id, buyer_id=None,
                    product_id=world.product_id, batch_id=None, amount=Money(100, "CNY"), fee_bps=fee_bps,
                    now=await tx.now(),
                )  # fmt: skip

        await refused(world, Invalid, "fee_out_of_range", ask)


async def test_a_freeze_of_no_scope_and_a_lift_of_an_unknown_one_are_refused(world: World) -> None:
    await refused(world, Invalid, "scopes_missing", world.freeze_scopes)
    await refused(world, NotFound, "freeze_not_found", lambda: world.lift_scopes(new_id()))


async def test_a_freeze_of_an_ended_hold_and_one_twice_are_refused(world: World) -> None:
    hold = await world.delivered()
    source_id = new_id()
    await world.freeze(hold.id, source_id)
    await refused(world, Conflict, "freeze_exists", lambda: world.freeze(hold.id, source_id))
    await world.refund(hold.id)
    await refused(world, Conflict, "hold_state", lambda: world.freeze(hold.id, new_id()))


async def test_a_second_live_payment_of_a_reference_is_refused_until_the_first_failed(world: World) -> None:
    reference_id = new_id()
    first = await world.request(Money(100, "CNY"), reference_id=reference_id)
    again = partial(world.request, Money(100, "CNY"), reference_id=reference_id)
    await refused(world, Conflict, "payment_exists", again)
    await world.record(first, "failed")
    second = await again()
    await world.record(second, "done")
    await refused(world, Conflict, "payment_exists", again)
    assert await world.balances() == {"gateway": -100, "held": 100}


async def test_an_outcome_is_recorded_once(world: World) -> None:
    payment_id = await world.request(Money(100, "CNY"))
    assert await world.record(payment_id, "done")
    async with unmoved(world.database):
        for state in ("done", "failed", "unknown", "pending"):
            assert not await world.record(payment_id, state)


async def test_a_claim_of_nothing_or_more_than_the_hold_is_refused(world: World) -> None:
    hold = await world.delivered(10_000)
    for claimed_minor, code in ((0, "claim_not_positive"), (-5, "claim_not_positive"), (10_001, "claim_above_hold")):
        await refused(world, Invalid, code, partial(world.claim, hold.id, claimed_minor, new_id()))


async def test_a_claim_after_the_windows_end_is_refused_though_the_sweep_has_not_come(
    world: World, clock: Clock
) -> None:
    hold = await world.delivered()
    clock.forward(WINDOW + timedelta(seconds=1))
    await refused(world, Conflict, "window_closed", lambda: world.claim(hold.id, 10_000, new_id()))


async def test_a_second_claim_of_one_source_is_refused(world: World) -> None:
    hold = await world.delivered()
    source_id = new_id()
    await world.claim(hold.id, 10_000, source_id)
    await refused(world, Conflict, "freeze_exists", lambda: world.claim(hold.id, 10_000, source_id))


async def test_unknown_holds_are_not_found(world: World) -> None:
    unknown = new_id()
    for act in (
        lambda: world.claim(unknown, 1, new_id()),
        lambda: world.settle(unknown, 0, new_id()),
        lambda: world.refund(unknown),
        lambda: world.waive(unknown),
        lambda: world.deliver(unknown),
        lambda: world.freeze(unknown, new_id()),
    ):
        await refused(world, NotFound, "hold_not_found", act)


async def test_an_ended_hold_takes_no_further_action(world: World) -> None:
    hold = await world.delivered()
    await world.refund(hold.id)
    for act in (
        lambda: world.claim(hold.id, 1, new_id()),
        lambda: world.settle(hold.id, 0, new_id()),
        lambda: world.settle(hold.id, 5, new_id()),
        lambda: world.refund(hold.id),
        lambda: world.waive(hold.id),
        lambda: world.deliver(hold.id),
        lambda: world.freeze(hold.id, new_id()),
    ):
        await refused(world, Conflict, "hold_state", act)


async def test_a_window_starts_once_and_within_a_year(world: World) -> None:
    hold = await world.delivered()
    await refused(world, Conflict, "hold_state", lambda: world.deliver(hold.id))
    other = await world.fund()
    for window in (timedelta(0), timedelta(days=366)):
        await refused(world, Invalid, "window_out_of_range", partial(world.deliver, other.id, window))


async def test_only_the_buyer_from_a_session_waives_and_only_an_unfrozen_window(world: World) -> None:
    undelivered = await world.fund()
    await refused(world, Conflict, "hold_state", lambda: world.waive(undelivered.id))
    hold = await world.delivered()
    await refused(world, NotFound, "hold_not_found", lambda: world.waive(hold.id, MEDIATOR))
    by_key = replace(BUYER, sign_in=SignIn.API_KEY)
    await refused(world, Forbidden, "waiver_needs_session", lambda: world.waive(hold.id, by_key))
    await world.freeze(hold.id, new_id())
    await refused(world, Conflict, "hold_frozen", lambda: world.waive(hold.id))


async def test_a_decision_shares_at_most_the_hold(world: World) -> None:
    hold = await world.delivered()
    source_id = new_id()
    await world.claim(hold.id, 10_000, source_id)
    await refused(world, Invalid, "amount_above_hold", lambda: world.settle(hold.id, 10_001, source_id))
    await refused(world, Invalid, "amount_out_of_range", lambda: world.settle(hold.id, -1, source_id))
