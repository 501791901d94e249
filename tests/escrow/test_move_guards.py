"""What the database refuses of payouts, deposits and chargebacks by itself; reconciliation finds what is forged."""

from itertools import product
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from service.core.actor import COMMONS
from service.core.ids import new_id
from service.db.session import driver_url
from service.escrow.check import reconcile
from tests.conftest import DatabaseUrls
from tests.escrow.moves import Moves
from tests.escrow.test_guards import RESOLVE, refused, release_of
from tests.escrow.unmoved import unmoved
from tests.escrow.world import World

ASK = """
    INSERT INTO payment (id, tenant_id, kind, reference_id, hold_id, original_id, seller_id, product_id, currency,
                         amount_minor, fee_bps, state, ended_at, requested_at)
    VALUES (:id, :tenant_id, :kind, :reference_id, :hold_id, :original_id, :seller_id, :product_id, 'CNY', :amount, 0,
            :state, CASE WHEN :state IN ('done', 'failed') THEN now() END, now())
"""
TAKE = """
    INSERT INTO chargeback (id, provider_id, payment_id, tenant_id, seller_id, currency, amount_minor, held_minor,
                            owed_minor, unmoved_minor, reason, raised_at, at)
    VALUES (:id, :provider_id, :payment_id, :tenant_id, :seller_id, :currency, :amount, :held, :owed, :unmoved, 'fraud',
            now(), now())
"""
PAY_OUT = "SELECT refusal FROM fairhold_request_payout(:id, :tenant_id, :seller_id, :currency, :amount, NULL, now())"
WITHDRAW = PAY_OUT.replace("payout(", "withdrawal(")


def operation(world: World, kind: str, **changed: Any) -> dict[str, Any]:
    """Return the values of an operation of 100 minor units."""
    new = new_id()
    plain: dict[str, Any] = {"id": new, "tenant_id": COMMONS, "kind": kind, "reference_id": new, "hold_id": None}
    plain |= {"original_id": None, "seller_id": world.seller_id, "product_id": None, "amount": 100}
    return plain | {"state": "requested"} | changed


def taken(world: World, payment_id: UUID, **changed: Any) -> dict[str, Any]:
    """Return the values of a chargeback of 100 minor units that were released."""
    plain: dict[str, Any] = {"id": new_id(), "provider_id": "cb_1", "payment_id": payment_id, "tenant_id": COMMONS}
    plain |= {"seller_id": world.seller_id, "currency": "CNY", "amount": 100, "held": 0, "owed": 100, "unmoved": 0}
    return plain | changed


async def test_the_application_asks_for_no_payout_beside_the_functions(moves: Moves) -> None:
    await moves.earn(10_000)
    await moves.deposit(10_000)
    for kind in ("payout", "deposit_return"):
        for state in ("requested", "done", "failed"):
            assert await refused(moves.world, ASK, operation(moves.world, kind, state=state)) == "FH409"
    for state in ("done", "failed", "unknown"):
        assert await refused(moves.world, ASK, operation(moves.world, "deposit", state=state)) == "FH409"
    assert await refused(moves.world, ASK, operation(moves.world, "deposit", amount=0)) == "23514"
    assert await refused(moves.world, ASK, operation(moves.world, "gift")) == "FH409"
    await moves.world.assert_clean()


async def test_the_functions_give_no_more_than_there_is_whatever_they_are_asked(moves: Moves) -> None:
    await moves.earn(10_000)
    await moves.deposit(500)
    stranger = new_id()
    wrong: list[tuple[Any, Any, Any, str]] = [
        (moves.world.seller_id, "CNY", 9_701, "amount_above_balance"),
        (moves.world.seller_id, "CNY", 2**62, "amount_above_balance"),
        (moves.world.seller_id, "CNY", 0, "amount_not_positive"),
        (moves.world.seller_id, "CNY", -9_700, "amount_not_positive"),
        (moves.world.seller_id, "JPY", 1, "amount_above_balance"),
        (moves.world.seller_id, None, 1, "amount_above_balance"),
        (stranger, "CNY", 1, "amount_above_balance"),
    ]
    async with unmoved(moves.world.database):
        for query, (seller_id, currency, amount, why) in product((PAY_OUT, WITHDRAW), wrong):
            values = {"id": new_id(), "tenant_id": COMMONS, "seller_id": seller_id, "currency": currency}
            async with moves.world.database.begin() as tx:
                assert (await tx.execute(text(query), values | {"amount": amount})).scalar_one() == why
                await tx.rollback()
    nothing = {"id": new_id(), "tenant_id": COMMONS, "seller_id": moves.world.seller_id, "currency": "CNY"}
    for query in (PAY_OUT, WITHDRAW):
        assert await refused(moves.world, query, nothing | {"amount": None}) == "23502"


INNER = [
    "SELECT fairhold_move(uuidv7(), 'payout_paid', 'payouts', 'gateway', uuidv7(), 'CNY', 1, now())",
    "SELECT fairhold_lock_balances(uuidv7(), 'CNY')",
    "SELECT fairhold_payouts_refused(uuidv7())",
    "UPDATE payout_block SET reason = 'review'",
    "UPDATE payout_block SET at = now()",
    "DELETE FROM payout_block",
    "INSERT INTO payout_block (id, seller_id, reason, at, lifted_at) SELECT uuidv7(), uuidv7(), 'review', now(), now()",
    "UPDATE chargeback SET owed_minor = 0",
    "DELETE FROM chargeback",
    "TRUNCATE chargeback",
    "DELETE FROM hold_near_limit",
    "UPDATE payment SET seller_id = uuidv7()",
    "UPDATE payment SET kind = 'deposit'",
    "UPDATE payment SET request_key = 'x'",
    "UPDATE account SET balance_minor = balance_minor",
    "ALTER TABLE payment DISABLE TRIGGER ALL",
    "ALTER TABLE account DROP CONSTRAINT account_balance_check",
]


@pytest.mark.parametrize("query", INNER)
async def test_the_application_may_not_reach_behind(moves: Moves, query: str) -> None:
    await moves.charge_back(await moves.earn(10_000), 100)
    await moves.block()
    assert await refused(moves.world, query) == "42501"


async def test_an_operation_ends_once(moves: Moves) -> None:
    await moves.earn(10_000)
    for first in ("done", "failed"):
        payout = await moves.pay_out(100)
        await moves.world.record(payout, first)
        for state in {"done", "failed"} - {first}:
            change = f"UPDATE payment SET state = '{state}' WHERE id = :id"
            assert await refused(moves.world, change, {"id": payout}) == "FH409"
        reopen = "UPDATE payment SET state = 'requested', ended_at = NULL WHERE id = :id"
        assert await refused(moves.world, reopen, {"id": payout}) == "FH409"
    await moves.world.assert_clean()


async def test_a_lifted_block_stays_lifted(moves: Moves) -> None:
    block = await moves.block()
    await moves.lift(block)
    for change in ("lifted_at = NULL, lifted_by = NULL", "lifted_at = now()"):
        assert await refused(moves.world, f"UPDATE payout_block SET {change}") == "FH409"


async def test_a_chargeback_takes_no_more_than_was_captured_and_released(moves: Moves) -> None:
    world = moves.world
    capture = await moves.earn(10_000)
    payout = await moves.pay_out(100)
    held = await world.delivered(5_000)
    open_capture = await world.capture_of(held.id)
    wrong = [
        taken(world, capture, amount=10_001, owed=10_001),
        taken(world, capture, currency="JPY"),
        taken(world, capture, seller_id=new_id()),
        taken(world, payout),
        taken(world, open_capture),  # nothing of it was released
        taken(world, open_capture, held=5_001, owed=0, amount=5_001),
        taken(world, capture, held=100, owed=0),  # nothing of it is held
    ]
    for values in wrong:
        assert await refused(world, TAKE, values) == "FH409", values
    for values in (taken(world, capture, owed=99), taken(world, capture, owed=-1, unmoved=101)):
        assert await refused(world, TAKE, values) == "23514", values
    async with world.database.begin() as tx:
        await tx.execute(text(TAKE), taken(world, capture, amount=6_000, owed=6_000))
    assert await refused(world, TAKE, taken(world, capture)) == "23505"  # of one name there is one
    more = taken(world, capture, provider_id="cb_2", amount=4_001, owed=4_001)
    assert await refused(world, TAKE, more) == "FH409"
    await world.assert_clean()


async def test_no_hold_is_charged_back_without_its_chargeback(moves: Moves) -> None:
    world = moves.world
    hold, other = await world.delivered(), await world.delivered()
    end = release_of(
        world, hold.id, outcome="charged_back", cause="chargeback", buyer_minor=10_000, seller_minor=0, fee_minor=0
    )
    assert await refused(world, RESOLVE, end) == "FH409"
    named = RESOLVE.replace("rest_hold_id, at)", "rest_hold_id, decision_id, at)", 1).replace(
        ":rest_hold_id,", ":rest_hold_id, :decision_id,"
    )
    for payment_of, held in ((other.id, 10_000), (hold.id, 9_999)):
        capture = await world.capture_of(payment_of)
        made = taken(world, capture, provider_id=f"cb_{held}", amount=held, held=held, owed=0)
        async with world.database.begin() as tx:
            await tx.execute(text(TAKE), made)
        assert await refused(world, named, end | {"decision_id": made["id"]}) == "FH409"


async def test_a_refund_is_asked_for_again_only_as_it_was_owed(moves: Moves) -> None:
    world = moves.world
    hold = await world.delivered(10_000)
    await world.refund(hold.id)
    refund = await world.value("SELECT id FROM payment WHERE kind = 'refund'")
    await world.record(refund, "failed")
    right = operation(
        world, "refund", hold_id=hold.id, original_id=await world.capture_of(hold.id), amount=10_000,
        reference_id=hold.reference_id, product_id=world.product_id,
    )  # fmt: skip
    elsewhere = await world.delivered(10_000)
    wrong = [
        {"amount": 9_999},
        {"amount": 10_001},
        {"hold_id": elsewhere.id},
        {"original_id": await world.capture_of(elsewhere.id)},
        {"seller_id": new_id()},
        {"state": "done"},
    ]
    for changed in wrong:
        assert await refused(world, ASK, right | changed) == "FH409", changed
    await moves.charge_back(right["original_id"], 1)
    assert await refused(world, ASK, right) == "FH409"  # the buyer has that much from the bank
    other = await world.delivered(10_000)
    await world.refund(other.id)
    live = right | {"hold_id": other.id, "original_id": await world.capture_of(other.id)}
    assert await refused(world, ASK, live | {"reference_id": other.reference_id}) == "FH409"  # a live one is out
    await world.assert_clean()


FORGED = [
    ("payout_of_operation", "payout", "payable", "payouts"),
    ("payout_paid_of_operation", "payout_paid", "payouts", "gateway"),
    ("payout_returned_of_operation", "payout_returned", "payouts", "payable"),
    ("deposit_in_of_operation", "deposit_in", "gateway", "deposit"),
    ("deposit_out_of_operation", "deposit_out", "deposit", "payouts"),
    ("deposit_returned_of_operation", "deposit_returned", "payouts", "deposit"),
    ("net_of_payout", "net", "payable", "receivable"),
    ("chargeback_owed", "chargeback", "receivable", "gateway"),
    ("refunds_waiting", "refund_paid", "refunds", "gateway"),
]


@pytest.mark.parametrize(("rule", "code", "debit", "credit"), FORGED)
async def test_reconciliation_finds_a_transfer_that_the_owner_forged(
    moves: Moves, urls: DatabaseUrls, rule: str, code: str, debit: str, credit: str
) -> None:
    await moves.earn(10_000)
    await moves.deposit(10_000)

    def account(kind: str) -> str:
        mine = kind in {"payable", "deposit", "receivable"}
        return f"{kind}:{moves.world.seller_id}:CNY" if mine else f"{kind}:CNY"

    with psycopg.connect(driver_url(urls.owner), autocommit=True) as owner:
        owner.execute(
            "INSERT INTO transfer (subject_id, code, debit_account, credit_account, currency, amount_minor, at)"
            " VALUES (uuidv7(), %s, %s, %s, 'CNY', 7, now())",
            (code, account(debit), account(credit)),
        )
    async with moves.world.database.begin() as tx:
        assert rule in {finding.rule for finding in await reconcile(tx)}
