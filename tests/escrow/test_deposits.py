"""Deposits: in by a capture, out only while nothing is owed and nothing frozen."""

import pytest

from service.core.errors import Conflict, Invalid
from service.core.ids import new_id
from tests.escrow.moves import Moves
from tests.escrow.test_refusals import refused


@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD"])
async def test_a_deposit_comes_in_when_captured_and_goes_out_when_paid(moves: Moves, currency: str) -> None:
    await moves.deposit(50_000, currency)
    assert await moves.world.balances(currency) == {"gateway": -50_000, "deposit": 50_000}
    out = await moves.withdraw(20_000, currency)
    assert await moves.world.balances(currency) == {"gateway": -50_000, "deposit": 30_000, "payouts": 20_000}
    await moves.world.record(out, "done")
    assert await moves.world.balances(currency) == {"gateway": -30_000, "deposit": 30_000}
    await moves.world.assert_clean()


async def test_a_refused_deposit_moves_nothing_and_a_withdrawal_that_failed_is_back(moves: Moves) -> None:
    await moves.deposit(50_000)
    out = await moves.withdraw(50_000)
    await moves.world.record(out, "failed")
    assert await moves.world.balances() == {"gateway": -50_000, "deposit": 50_000}
    asked = await moves.world.value("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'escrow.send_payout'")
    assert asked == 1
    await moves.world.assert_clean()


async def test_more_than_the_deposit_is_not_given_back(moves: Moves) -> None:
    await moves.earn(100_000)
    await moves.deposit(50_000)
    for amount in (50_001, 100_000):
        await refused(moves.world, Conflict, "amount_above_balance", lambda amount=amount: moves.withdraw(amount))
    await refused(moves.world, Conflict, "amount_above_balance", lambda: moves.withdraw(1, "JPY"))
    await refused(moves.world, Invalid, "amount_not_positive", lambda: moves.withdraw(0))


async def test_a_deposit_stays_while_a_held_payment_is_frozen(moves: Moves) -> None:
    await moves.deposit(50_000)
    hold = await moves.world.delivered(10_000)
    source_id = new_id()
    await moves.world.claim(hold.id, 4_000, source_id)
    await refused(moves.world, Conflict, "deposit_locked", lambda: moves.withdraw(1))
    await moves.world.lift(source_id)
    await moves.withdraw(50_000)


async def test_a_deposit_stays_while_the_seller_owes_in_any_currency(moves: Moves) -> None:
    await moves.deposit(50_000)
    await moves.charge_back(await moves.earn(8_000, "JPY"), 8_000, "JPY")
    await refused(moves.world, Conflict, "deposit_locked", lambda: moves.withdraw(1))
    await moves.earn(10_000, "JPY")
    await moves.pay_out(8_001, "JPY")
    await moves.withdraw(50_000)
    await moves.world.assert_clean()


async def test_a_deposit_that_is_charged_back_is_owed_and_stays(moves: Moves) -> None:
    paid_in = await moves.deposit(50_000)
    assert await moves.charge_back(paid_in, 50_000) == "applied"
    assert (await moves.balance("deposit"), await moves.balance("receivable")) == (50_000, -50_000)
    await refused(moves.world, Conflict, "deposit_locked", lambda: moves.withdraw(1))
    await moves.world.assert_clean()
