"""Payouts: what was earned goes out once, what is owed is netted first, and refusals move nothing."""

import asyncio
from dataclasses import replace

import pytest

from service.core.actor import SYSTEM, Actor, Grant, Role
from service.core.errors import Conflict, Forbidden, Invalid
from service.core.ids import new_id
from service.core.money import AMOUNT_MINOR_MAX
from service.escrow import actions
from service.escrow.alerts import clear_alert, raise_alert
from service.escrow.rules import ScopeKey
from tests.escrow.moves import OPERATOR, Moves, seller_of
from tests.escrow.test_refusals import refused


@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD", "BHD", "EUR"])
async def test_a_payout_lies_in_transit_until_the_provider_has_paid_it(moves: Moves, currency: str) -> None:
    await moves.earn(100_000, currency)
    payout = await moves.pay_out(60_000, currency)
    assert await moves.world.balances(currency) == {
        "gateway": -100_000, "fees": 3_000, "payable": 37_000, "payouts": 60_000
    }  # fmt: skip
    await moves.world.record(payout, "done")
    assert await moves.world.balances(currency) == {"gateway": -40_000, "fees": 3_000, "payable": 37_000}
    await moves.world.assert_clean()


async def test_a_payout_that_failed_is_back_in_the_balance_and_can_be_asked_for_anew(moves: Moves) -> None:
    await moves.earn(100_000)
    payout = await moves.pay_out(97_000)
    assert await moves.balance("payable") == 0
    await moves.world.record(payout, "unknown")
    assert await moves.world.balances() == {"gateway": -100_000, "fees": 3_000, "payouts": 97_000}
    await moves.world.record(payout, "failed")
    assert await moves.world.balances() == {"gateway": -100_000, "fees": 3_000, "payable": 97_000}
    assert not await moves.world.record(payout, "done")
    again = await moves.pay_out(97_000)
    await moves.world.record(again, "done")
    assert await moves.world.balances() == {"gateway": -3_000, "fees": 3_000}
    await moves.world.assert_clean()


async def test_what_the_seller_owes_is_netted_before_the_rest_goes_out(moves: Moves) -> None:
    charged = await moves.earn(20_000)
    await moves.charge_back(charged, 20_000)
    await moves.earn(100_000)
    assert (await moves.balance("payable"), await moves.balance("receivable")) == (116_400, -20_000)
    payout = await moves.pay_out(50_000)
    assert (await moves.balance("payable"), await moves.balance("receivable")) == (66_400, 0)
    assert await moves.world.value("SELECT amount_minor FROM payment WHERE id = :id", id=payout) == 30_000
    assert await moves.world.value("SELECT amount_minor FROM transfer WHERE code = 'net'") == 20_000
    await moves.world.record(payout, "failed")  # what was owed stays netted
    assert (await moves.balance("payable"), await moves.balance("receivable")) == (96_400, 0)
    await moves.world.assert_clean()


async def test_a_payout_of_no_more_than_what_is_owed_is_refused(moves: Moves) -> None:
    charged = await moves.earn(20_000)
    await moves.charge_back(charged, 20_000)
    for amount in (1, 19_400):
        await refused(moves.world, Conflict, "payout_is_owed", lambda amount=amount: moves.pay_out(amount))
    await refused(moves.world, Conflict, "amount_above_balance", lambda: moves.pay_out(19_401))


async def test_wrong_amounts_currencies_and_sellers_are_refused(moves: Moves) -> None:
    world = moves.world
    await moves.earn(10_000)
    await refused(world, Invalid, "amount_not_positive", lambda: moves.pay_out(0))
    for amount in (-1, AMOUNT_MINOR_MAX + 1):
        await refused(world, Invalid, "amount_out_of_range", lambda amount=amount: moves.pay_out(amount))
    for amount in (9_701, AMOUNT_MINOR_MAX):
        await refused(world, Conflict, "amount_above_balance", lambda amount=amount: moves.pay_out(amount))
    await refused(world, Conflict, "amount_above_balance", lambda: moves.pay_out(1, "JPY"))
    await refused(world, Invalid, "currency_unknown", lambda: moves.pay_out(1, "XXX"))
    stranger = Actor(new_id(), frozenset({Grant(Role.SELLER, new_id(), new_id())}))
    await refused(world, Forbidden, "not_your_seller", lambda: moves.pay_out(1, actor=stranger))
    await refused(world, Forbidden, "not_your_seller", lambda: moves.deposit(1, actor=stranger))
    await moves.pay_out(1, actor=OPERATOR)


async def test_eight_payouts_of_the_whole_balance_at_once_are_one(moves: Moves) -> None:
    await moves.earn(100_000)
    barrier = asyncio.Barrier(8)

    async def ask() -> str:
        await barrier.wait()
        try:
            await moves.pay_out(97_000)
        except Conflict as refusal:
            return refusal.code
        return "asked"

    found = sorted(await asyncio.gather(*(ask() for _ in range(8))))
    assert found == ["amount_above_balance"] * 7 + ["asked"]
    assert await moves.world.balances() == {"gateway": -100_000, "fees": 3_000, "payouts": 97_000}
    await moves.world.assert_clean()


async def test_a_key_asks_once_for_ever(moves: Moves) -> None:
    await moves.earn(100_000)
    await moves.pay_out(10_000, key="monday")
    await refused(moves.world, Conflict, "payout_exists", lambda: moves.pay_out(10_000, key="monday"))
    await moves.pay_out(10_000, key="tuesday")
    assert await moves.balance("payable") == 77_000


async def test_a_blocked_seller_is_paid_nothing_until_the_last_block_is_lifted(moves: Moves) -> None:
    await moves.earn(10_000)
    await moves.deposit(5_000)
    review, fraud = await moves.block("review"), await moves.block("suspected_fraud")
    await refused(moves.world, Conflict, "block_exists", lambda: moves.block("review"))
    for _ in range(2):
        await moves.lift(review)
        await refused(moves.world, Conflict, "payouts_blocked", lambda: moves.pay_out(1))
        await refused(moves.world, Conflict, "payouts_blocked", lambda: moves.withdraw(1))
    await moves.lift(fraud)
    await moves.pay_out(9_700)
    await moves.withdraw(5_000)
    await moves.world.assert_clean()


async def test_a_freeze_of_the_seller_blocks_payouts_and_so_does_an_alert_that_stops_the_sweep(moves: Moves) -> None:
    await moves.earn(10_000)
    freeze = await moves.world.freeze_scopes(ScopeKey.seller(moves.world.seller_id))
    await refused(moves.world, Conflict, "payouts_blocked", lambda: moves.pay_out(1))
    await moves.world.lift_scopes(freeze)
    subject = ("ledger", "all")
    async with moves.world.database.begin() as tx:
        await raise_alert(tx, "seal_failure", subject, facts={}, stops_sweep=True, now=await tx.now())
    await refused(moves.world, Conflict, "paying_stopped", lambda: moves.pay_out(1))
    async with moves.world.database.begin() as tx:
        await clear_alert(tx, "seal_failure", subject, now=await tx.now())
    await moves.pay_out(1)


async def test_a_payout_waits_for_a_block_that_is_being_made_and_then_sees_it(moves: Moves) -> None:
    await moves.earn(10_000)
    async with moves.world.database.begin() as tx:
        now = await tx.now()
        await actions.block_payouts(tx, OPERATOR, moves.world.seller_id, reason="review", now=now)
        asked = asyncio.create_task(moves.pay_out(9_700))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while await moves.world.value(waiting) == 0:
            assert not asked.done()
        # the block commits while the payout waits for the seller's scope
    with pytest.raises(Conflict) as refusal:
        await asked
    assert refusal.value.code == "payouts_blocked"
    assert await moves.balance("payable") == 9_700


async def test_nobody_blocks_or_frees_a_seller_that_they_act_for(moves: Moves) -> None:
    both = replace(OPERATOR, grants=OPERATOR.grants | seller_of(moves.world).grants)

    async def by_both() -> None:
        async with moves.world.database.begin() as tx:
            await actions.block_payouts(tx, both, moves.world.seller_id, reason="review", now=await tx.now())

    await refused(moves.world, Forbidden, "own_case", by_both)


async def test_a_suspension_blocks_once_and_its_end_lifts(moves: Moves) -> None:
    for is_suspended in (True, True, False, False):
        async with moves.world.database.begin() as tx:
            await actions.keep_suspension(
                tx, SYSTEM, moves.world.seller_id, is_suspended=is_suspended, now=await tx.now()
            )
    found = await moves.world.value("SELECT array_agg(lifted_at IS NOT NULL) FROM payout_block")
    assert found == [True]
