"""Any ISO 4217 currency in its own minor units, for the whole of an order's life; and no transfer between two."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from service.core.money import CURRENCIES, decimals
from service.db.session import driver_url
from service.escrow.check import reconcile
from tests.complaints.conftest import Cases
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.unmoved import standing, unmoved
from tests.money.life import Life

Drain = Callable[[], Awaitable[None]]
# A third is claimed, a third of that is refunded; the fee of 3 % is rounded down on each of the seller's parts.
LIVES = [
    # currency, decimals, amount, claimed, refund, release and fee of the claimed part, release and fee of the rest
    ("JPY", 0, 1_000, 333, 111, 216, 6, 647, 20),
    ("CNY", 2, 48_001, 16_000, 5_333, 10_347, 320, 31_041, 960),
    ("USD", 2, 9_999, 3_333, 1_111, 2_156, 66, 6_467, 199),
    ("BHD", 3, 12_345, 4_115, 1_371, 2_662, 82, 7_984, 246),
    ("KWD", 3, 100_001, 33_333, 11_111, 21_556, 666, 64_668, 2_000),
]


@pytest.mark.parametrize("life", LIVES, ids=[each[0] for each in LIVES])
async def test_an_order_lives_in_its_currency_to_the_last_minor_unit(
    cases: Cases, clock: Clock, drain: Drain, life: tuple[Any, ...]
) -> None:
    currency, places, amount, claimed, refund, release, fee, rest_release, rest_fee = life
    assert decimals(currency) == places
    run = Life(cases)
    order_id = await run.delivered(amount, currency)
    case_id = await run.claimed(order_id, claimed, currency)
    await run.ruled(await run.disputed(case_id), refund, currency)
    clock.forward(timedelta(days=10, seconds=6))
    await drain()
    moved = {
        ("divide", amount), ("fund", amount), ("fund", claimed), ("fund", amount - claimed), ("refund", refund),
        ("release", release), ("fee", fee), ("release", rest_release), ("fee", rest_fee),
    }  # fmt: skip
    assert await run.moved(order_id) == sorted((code, minor, currency) for code, minor in moved)
    shown = await cases.client.get(f"/api/v1/orders/{order_id}", headers=cases.buyer.by_key)
    assert shown.json()["amount"] == {"amount_minor": amount, "currency": currency}
    async with cases.database.begin() as tx:
        assert await reconcile(tx) == []


async def test_what_is_no_active_currency_is_refused_and_nothing_moves(cases: Cases) -> None:
    run = Life(cases)
    for currency, code in (("XXX", "currency_unknown"), ("DEM", "currency_unknown"), ("ZZZ", "currency_unknown"),
                           ("cny", "fields_wrong"), ("CNYY", "fields_wrong"), ("", "fields_wrong")):  # fmt: skip
        async with unmoved(cases.database):
            refused = await run.post(run.platform, "/orders", run.new_order({"amount_minor": 1, "currency": currency}))
            assert (refused.status_code, refused.json()["code"]) == (422, code), currency
            assert refused.headers["content-type"].startswith("application/problem+json")
    assert len(CURRENCIES) > 150


async def test_amounts_of_another_currency_than_the_payments_are_refused_and_nothing_moves(cases: Cases) -> None:
    run = Life(cases)
    order_id = await run.delivered(10_000, "JPY")
    async with unmoved(cases.database):
        claim = {"amount_minor": 100, "currency": "CNY"}
        drafted = await run.post(cases.buyer, "/complaints", run.complaint(order_id, claim))
        assert (drafted.status_code, drafted.json()["code"]) == (422, "claim_currency_differs")
    dispute_id = await run.disputed(await run.claimed(order_id, 10_000, "JPY"))
    async with unmoved(cases.database):
        buyer = {"amount_minor": 100, "currency": "USD"}
        ruled = await run.post(cases.mediator, f"/disputes/{dispute_id}/ruling", {"buyer": buyer, "reasons": "x"})
        assert (ruled.status_code, ruled.json()["code"]) == (422, "currency_mismatch")


_TRANSFER = (
    "INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)"
    " VALUES ('{{hold}}', 'release', '{{hold}}', {}, 1, fairhold_now())"
)
# What would move an amount from one currency into another; {hold}, {seller}, {payment} are of a hold in CNY.
CROSSINGS = [
    _TRANSFER.format("'held:CNY', 'payable:{seller}:JPY', 'CNY'"),
    _TRANSFER.format("'held:CNY', 'payable:{seller}:JPY', 'JPY'"),
    _TRANSFER.format("'held:JPY', 'payable:{seller}:CNY', 'CNY'"),
    _TRANSFER.format("'held:CNY', 'payable:{seller}:CNY', 'JPY'"),
    _TRANSFER.format("'held:CNY', 'payable:{seller}:CNY', 'cny'"),
    _TRANSFER.format("'held:CNY', 'payable:{seller}:xCNY', 'CNY'"),
    "UPDATE transfer SET currency = 'JPY' WHERE subject_id = '{hold}'",
    "UPDATE transfer SET credit_account = 'held:JPY' WHERE subject_id = '{hold}'",
    "UPDATE account SET currency = 'JPY' WHERE id = 'held:CNY'",
    "UPDATE account SET id = 'held:JPY' WHERE id = 'held:CNY'",
    "INSERT INTO account (id, kind, currency, balance_mode) VALUES ('held:USD', 'held', 'JPY', 'derived')",
    "INSERT INTO account (id, kind, currency, balance_mode) VALUES ('heldUSD', 'held', 'USD', 'derived')",
    """INSERT INTO resolution (hold_id, tenant_id, seller_id, outcome, cause, currency, amount_minor, fee_bps,
     buyer_minor, seller_minor, fee_minor, at) SELECT id, tenant_id, seller_id, 'refunded', 'refund', 'JPY',
     amount_minor, fee_bps, amount_minor, 0, 0, fairhold_now() FROM hold WHERE id = '{hold}'""",
    """INSERT INTO hold (id, tenant_id, reference_id, payment_id, seller_id, product_id, currency, amount_minor,
     fee_bps, funded_at) SELECT uuidv7(), tenant_id, uuidv7(), id, seller_id, product_id, 'JPY', amount_minor,
     fee_bps, fairhold_now() FROM payment WHERE id = '{payment}'""",
]


@pytest.mark.parametrize("role", ["app", "owner"])
async def test_no_sql_of_either_role_moves_money_between_currencies(
    cases: Cases, urls: DatabaseUrls, role: str
) -> None:
    run = Life(cases)
    order_id = await run.delivered(10_000, "CNY")
    await run.delivered(10_000, "JPY", ref="WX-2")
    (row,) = await cases.sql("SELECT id, seller_id, payment_id FROM hold WHERE reference_id = :id", id=order_id)
    names = {"hold": row.id, "seller": row.seller_id, "payment": row.payment_id}
    states = []
    async with unmoved(cases.database):
        with psycopg.connect(driver_url(getattr(urls, role)), autocommit=True) as connection:
            for statement in CROSSINGS:
                with pytest.raises(psycopg.Error) as refusal:
                    connection.execute(statement.format(**names))
                states.append(refusal.value.sqlstate)
    print(list(zip(states, CROSSINGS, strict=True)))
    assert set(states) <= {"42501", "23514", "23503", "23505", "FH409"}
    assert set((await standing(cases.database)).balances) >= {"held:CNY", "held:JPY"}
