"""Chargebacks: held money first, then what was released is owed; what the buyer has had back moves nothing."""

import asyncio
import json
import random
from uuid import UUID

import msgspec
import pytest

from service.core.actor import Actor
from service.core.errors import Conflict, NotFound
from service.core.ids import new_id
from service.core.money import Money
from service.core.wire import ChargebackNotice, encode
from service.escrow import actions
from service.escrow.actions.notices import apply_notice, store_notice
from service.escrow.rules import OpenPart, share_chargeback
from tests.conftest import Clock
from tests.escrow.moves import OPERATOR, Moves, seller_of
from tests.escrow.world import World
from tests.sandbox.running import SECRET, sign_message


async def states(world: World) -> dict[str, int]:
    """Return what is in each state of hold, in minor units."""
    found = await world.value(
        "SELECT coalesce(jsonb_object_agg(state, minor), '{}') FROM"
        " (SELECT state, sum(amount_minor) AS minor FROM hold GROUP BY state) s"
    )
    return dict(found)


@pytest.mark.parametrize("is_delivered", [True, False])
async def test_a_chargeback_before_release_ends_the_hold_with_no_refund(moves: Moves, is_delivered: bool) -> None:
    hold = await (moves.world.delivered() if is_delivered else moves.world.fund())
    capture = await moves.world.capture_of(hold.id)
    assert await moves.charge_back(capture, 10_000, name="cb_1") == "applied"
    assert await moves.charge_back(capture, 10_000, name="cb_1") == "no_change"
    assert await moves.world.balances() == {}
    assert await states(moves.world) == {"charged_back": 10_000}
    assert await moves.world.value("SELECT count(*) FROM payment WHERE kind = 'refund'") == 0
    assert await moves.world.value("SELECT count(*) FROM event WHERE name = 'hold.charged_back'") == 1
    assert await moves.alerts() == []
    await moves.world.assert_clean()


async def test_a_frozen_hold_and_its_divided_rest_are_both_charged_back(moves: Moves) -> None:
    hold = await moves.world.delivered(10_000)
    await moves.world.claim(hold.id, 4_000, new_id())
    await moves.charge_back(await moves.world.capture_of(hold.id), 10_000)
    assert await states(moves.world) == {"divided": 10_000, "charged_back": 10_000}
    assert await moves.world.balances() == {}
    await moves.world.assert_clean()


async def test_a_part_ends_only_as_much_and_the_claimed_part_goes_first(moves: Moves) -> None:
    hold = await moves.world.delivered(10_000)
    source_id = new_id()
    await moves.world.claim(hold.id, 4_000, source_id)
    await moves.charge_back(await moves.world.capture_of(hold.id), 2_500)
    whole = await moves.world.hold(hold.reference_id)
    left = [(each.amount.amount_minor, each.is_frozen) for each in whole.open_holds]
    assert sorted(left) == [(1_500, True), (6_000, False)]
    assert await moves.world.balances() == {"gateway": -7_500, "held": 7_500}
    await moves.world.assert_clean()


async def test_a_chargeback_after_release_is_owed_by_the_seller_with_the_fee(moves: Moves) -> None:
    capture = await moves.earn(10_000)
    await moves.deposit(5_000)
    await moves.charge_back(capture, 4_000)
    await moves.charge_back(capture, 6_000)
    assert await moves.world.balances() == {
        "gateway": -5_000, "fees": 300, "payable": 9_700, "receivable": -10_000, "deposit": 5_000
    }  # fmt: skip
    assert await moves.alerts() == []
    await moves.world.assert_clean()


async def test_what_was_refunded_already_moves_nothing_and_people_are_told(moves: Moves) -> None:
    hold = await moves.world.delivered(10_000)
    source_id = new_id()
    await moves.world.claim(hold.id, 10_000, source_id)
    await moves.world.settle(hold.id, 3_000, source_id)
    await moves.charge_back(await moves.world.capture_of(hold.id), 9_000)
    assert await moves.world.balances() == {
        "gateway": -3_000, "refunds": 3_000, "fees": 210, "payable": 6_790, "receivable": -7_000
    }  # fmt: skip
    assert await moves.world.value("SELECT unmoved_minor FROM chargeback") == 2_000
    assert await moves.alerts() == ["chargeback_of_refund"]
    await moves.world.assert_clean()


async def test_chargebacks_above_the_capture_move_no_more_than_was_captured(moves: Moves) -> None:
    capture = await moves.earn(10_000)
    for _ in range(3):
        await moves.charge_back(capture, 4_000)
    assert await moves.balance("receivable") == -10_000
    assert await moves.world.value("SELECT sum(unmoved_minor)::int FROM chargeback") == 2_000
    assert await moves.alerts() == ["chargeback_of_refund"]


async def test_a_chargeback_that_fits_nothing_moves_nothing_and_people_are_told(moves: Moves) -> None:
    capture = await moves.earn(10_000)
    payout = await moves.pay_out(100)
    before = await moves.world.balances()
    assert await moves.charge_back(new_id(), 1) == "unknown_payment"
    assert await moves.charge_back("not an id", 1) == "unknown_payment"
    assert await moves.charge_back(payout, 1) == "unknown_payment"
    for amount, currency in ((10_001, "CNY"), (0, "CNY"), (-5, "CNY"), (1, "JPY")):
        assert await moves.charge_back(capture, amount, currency) == "differs"
    await moves.charge_back(capture, 100, name="cb_1")
    assert await moves.charge_back(capture, 101, name="cb_1") == "differs"
    assert await moves.alerts() == ["chargeback_unmatched"] * 8
    assert await moves.world.balances() == before | {"gateway": before["gateway"] + 100, "receivable": -100}
    await moves.world.assert_clean()


async def test_a_notice_is_stored_first_and_applied_once(moves: Moves) -> None:
    capture = await moves.earn(10_000)
    body = encode(ChargebackNotice("nt_1", "chargeback", "cb_1", str(capture), 2_500, "CNY", "unheard of", "yesterday"))
    for is_new in (True, False):
        async with moves.world.database.begin() as tx:
            now = await tx.now()
            headers = sign_message(SECRET, "nt_1", body, now=now)
            assert await store_notice(tx, headers=headers, body=body, secret=SECRET, now=now) == is_new
    assert await moves.balance("receivable") == 0
    for _ in range(3):
        async with moves.world.database.begin() as tx:
            await apply_notice(tx, "nt_1", now=await tx.now())
    assert await moves.balance("receivable") == -2_500
    assert await moves.world.value("SELECT reason FROM chargeback") == "other"
    assert await moves.world.value("SELECT outcome FROM gateway_notice") == "applied"


async def test_a_chargeback_that_overtakes_its_capture_waits_for_it(moves: Moves, clock: Clock) -> None:
    payment_id = await moves.world.request(Money(10_000, "CNY"))
    assert await moves.charge_back(payment_id, 10_000, name="cb_1") is None
    waiting = await moves.world.value("SELECT payload FROM deadline WHERE name = 'apply_chargeback'")
    assert set(waiting) == {"notice_id"}
    await moves.world.record(payment_id, "done")
    assert await moves.charge_back(payment_id, 10_000, name="cb_1") == "applied"
    assert await moves.world.balances() == {}


async def test_a_chargeback_of_a_capture_that_failed_fits_nothing(moves: Moves) -> None:
    payment_id = await moves.world.request(Money(10_000, "CNY"))
    await moves.world.record(payment_id, "failed")
    assert await moves.charge_back(payment_id, 10_000) == "differs"
    assert await moves.world.balances() == {}


async def test_a_claim_a_waiver_and_a_chargeback_at_once_leave_nothing_twice(moves: Moves) -> None:
    for _ in range(8):
        hold = await moves.world.delivered(10_000)
        capture = await moves.world.capture_of(hold.id)
        barrier = asyncio.Barrier(4)

        async def act(work: object, barrier: asyncio.Barrier = barrier) -> str:
            await barrier.wait()
            try:
                await work()  # type: ignore[operator]  # one of the three below
            except Conflict as refusal:
                return refusal.code
            return "done"

        tasks = [
            act(lambda hold=hold: moves.world.claim(hold.id, 3_000, new_id())),
            act(lambda hold=hold: moves.world.waive(hold.id)),
            act(lambda capture=capture: moves.charge_back(capture, 6_000)),
            act(lambda capture=capture: moves.charge_back(capture, 4_000)),
        ]
        await asyncio.gather(*tasks)
    taken = await moves.world.value("SELECT sum(held_minor + owed_minor)::int FROM chargeback")
    assert taken == 80_000
    assert "gateway" not in await moves.world.balances()  # all of it went back
    await moves.world.assert_clean()


async def refund_failed(moves: Moves, minor: int = 4_000) -> UUID:
    """Refund a claimed part of 10,000 and let the provider refuse it; return the refund's id."""
    hold = await moves.world.delivered(10_000)
    source_id = new_id()
    claimed = await moves.world.claim(hold.id, minor, source_id)
    await moves.world.settle(claimed, minor, source_id)
    refund = UUID(str(await moves.world.value("SELECT id FROM payment WHERE kind = 'refund'")))
    await moves.world.record(refund, "failed")
    return refund


async def test_a_refund_that_failed_is_an_alert_and_a_new_one_is_asked_for_by_people_only(moves: Moves) -> None:
    refund = await refund_failed(moves)
    assert await moves.alerts() == ["refund_failed"]
    assert (await moves.world.balances())["refunds"] == 4_000
    await moves.world.assert_clean()  # an alert, not a broken ledger

    async def retry(actor: Actor) -> UUID:
        async with moves.world.database.begin() as tx:
            made = await actions.retry_refund(tx, actor, refund, now=await tx.now())
            return UUID(str(made.id))

    with pytest.raises(NotFound):
        await retry(seller_of(moves.world))
    again = await retry(OPERATOR)
    assert again != refund
    assert await moves.alerts() == []
    for code in ("refund_exists", "refund_exists"):
        with pytest.raises(Conflict) as refusal:
            await retry(OPERATOR)
        assert refusal.value.code == code
    await moves.world.record(again, "done")
    assert "refunds" not in await moves.world.balances()
    await moves.world.assert_clean()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_charged_back_nobody_gets_more_than_was_captured(moves: Moves, seed: int) -> None:
    chance = random.Random(f"chargebacks {seed}")
    for _ in range(6):
        hold = await moves.world.delivered(10_000)
        capture = await moves.world.capture_of(hold.id)
        claimed = chance.choice([0, chance.randint(1, 9_999), 10_000])
        source_id = new_id()
        if claimed:
            part = await moves.world.claim(hold.id, claimed, source_id)
            if chance.random() < 0.5:
                await moves.charge_back(capture, chance.randint(1, 10_000))
            open_part = await moves.world.value("SELECT ended_at IS NULL FROM hold WHERE id = :id", id=part)
            if open_part:
                await moves.world.settle(part, chance.randint(0, claimed), source_id)
        elif chance.random() < 0.5:
            await moves.world.waive(hold.id)
        for _ in range(chance.randint(0, 3)):
            await moves.charge_back(capture, chance.randint(1, 10_000))
        await moves.world.assert_clean()
    over = await moves.world.value(
        "SELECT count(*) FROM (SELECT c.payment_id, sum(c.held_minor + c.owed_minor) AS taken FROM chargeback c"
        " GROUP BY 1) t JOIN payment p ON p.id = t.payment_id WHERE t.taken > p.amount_minor"
    )
    assert over == 0, f"seed {seed}"


def test_a_chargeback_is_shared_frozen_holds_first_then_by_id_then_what_was_released() -> None:
    ids = sorted(new_id() for _ in range(3))
    parts = [OpenPart(ids[0], 100, False), OpenPart(ids[1], 50, True), OpenPart(ids[2], 70, False)]
    shared = share_chargeback(200, parts, 30)
    assert shared.held == ((ids[1], 50), (ids[0], 100), (ids[2], 50))
    assert (shared.held_minor, shared.owed_minor, shared.unmoved_minor) == (200, 0, 0)
    shared = share_chargeback(270, parts, 30)
    assert (shared.held_minor, shared.owed_minor, shared.unmoved_minor) == (220, 30, 20)
    assert share_chargeback(5, [], -1).unmoved_minor == 5


def test_a_stored_notice_is_read_as_it_was_written() -> None:
    notice = ChargebackNotice("nt_1", "chargeback", "cb_1", "x", 1, "CNY", "fraud", "2026-11-22T08:00:00.000000Z")
    assert msgspec.convert(json.loads(encode(notice)), ChargebackNotice) == notice
