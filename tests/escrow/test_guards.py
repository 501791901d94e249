"""What the database refuses by itself, whatever the code does: as the application role, by raw SQL."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.actor import COMMONS
from service.core.ids import new_id
from service.db.session import driver_url
from service.escrow.rules import ScopeKey
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.unmoved import unmoved
from tests.escrow.world import FEE_BPS, WINDOW, World

RESOLVE = """
    INSERT INTO resolution (hold_id, tenant_id, seller_id, outcome, cause, currency, amount_minor, fee_bps,
        buyer_minor, seller_minor, fee_minor, claimed_minor, rest_minor, claimed_hold_id, rest_hold_id, at)
    VALUES (:hold_id, :tenant_id, :seller_id, :outcome, :cause, :currency, :amount_minor, :fee_bps,
        :buyer_minor, :seller_minor, :fee_minor, :claimed_minor, :rest_minor, :claimed_hold_id, :rest_hold_id,
        fairhold_now())
"""


def release_of(world: World, right_hold_id: object, **changed: Any) -> dict[str, Any]:
    """Return the values of a right release of 10,000, or of a wrong one."""
    right: dict[str, Any] = {
        "hold_id": right_hold_id,
        "tenant_id": COMMONS,
        "seller_id": world.seller_id,
        "outcome": "released",
        "cause": "waiver",
        "currency": "CNY",
        "amount_minor": 10_000,
        "fee_bps": FEE_BPS,
        "buyer_minor": 0,
        "seller_minor": 9_700,
        "fee_minor": 300,
        "claimed_minor": 0,
        "rest_minor": 0,
        "claimed_hold_id": None,
        "rest_hold_id": None,
    }
    return right | changed


async def refused(world: World, query: str, values: Mapping[str, Any] | None = None) -> str:
    """Run SQL as the application role, assert that it fails and that no row changed; return the SQLSTATE."""
    async with unmoved(world.database):
        with pytest.raises(DBAPIError) as refusal:
            async with world.database.begin() as tx:
                await tx.execute(text(query), dict(values or {}))
    return str(getattr(refusal.value.orig, "sqlstate", ""))


async def test_a_second_resolution_is_impossible(world: World) -> None:
    hold = await world.delivered()
    await world.waive(hold.id)
    assert await refused(world, RESOLVE, release_of(world, hold.id)) == "23505"
    refund = release_of(world, hold.id, outcome="refunded", buyer_minor=10_000, seller_minor=0, fee_minor=0)
    assert await refused(world, RESOLVE, refund) == "23505"


WRONG_RELEASES: list[tuple[dict[str, Any], str]] = [
    ({"seller_minor": 9_701}, "23514"),  # parts above the amount
    ({"amount_minor": 20_000, "seller_minor": 19_400, "fee_minor": 600}, "FH409"),  # more than the hold
    ({"amount_minor": 5_000, "seller_minor": 4_850, "fee_minor": 150}, "FH409"),  # less than the hold
    ({"seller_minor": 10_000, "fee_minor": 0}, "23514"),  # no fee
    ({"seller_minor": 10_000, "fee_minor": 0, "fee_bps": 0}, "FH409"),  # another fee than the hold's
    ({"seller_minor": 10_300, "fee_minor": -300}, "23514"),
    ({"buyer_minor": 100, "seller_minor": 9_603, "fee_minor": 297}, "23514"),  # a release that pays the buyer
    ({"currency": "USD"}, "FH409"),
    ({"seller_id": new_id()}, "FH409"),
    ({"tenant_id": new_id()}, "FH409"),
    ({"hold_id": new_id()}, "FH409"),
    ({"outcome": "stolen"}, "23514"),
    ({"cause": "sweep"}, "FH409"),  # not due
]


async def test_a_resolution_that_differs_from_its_hold_is_refused(world: World) -> None:
    hold = await world.delivered()
    for changed, state in WRONG_RELEASES:
        assert await refused(world, RESOLVE, release_of(world, hold.id, **changed)) == state, changed
    await world.assert_clean()


async def test_an_undelivered_or_frozen_hold_is_not_released_but_a_frozen_one_refunded(world: World) -> None:
    undelivered = await world.fund()
    assert await refused(world, RESOLVE, release_of(world, undelivered.id)) == "FH409"
    frozen = await world.delivered()
    await world.freeze(frozen.id, new_id())
    assert await refused(world, RESOLVE, release_of(world, frozen.id)) == "FH409"
    split = release_of(world, frozen.id, outcome="split", buyer_minor=5_000, seller_minor=4_850, fee_minor=150)
    assert await refused(world, RESOLVE, split) == "FH409"
    refund = release_of(world, frozen.id, outcome="refunded", buyer_minor=10_000, seller_minor=0, fee_minor=0)
    async with world.database.begin() as tx:
        await tx.execute(text(RESOLVE), refund)
    assert await world.balances() == {"gateway": -20_000, "held": 10_000, "refunds": 10_000}


async def test_a_division_must_drain_its_hold(world: World) -> None:
    hold = await world.delivered()
    division = {
        "outcome": "divided",
        "seller_minor": 0,
        "fee_minor": 0,
        "claimed_hold_id": new_id(),
        "rest_hold_id": new_id(),
    }
    for claimed_minor, rest_minor in ((4_000, 5_999), (4_000, 6_001), (0, 10_000)):
        values = release_of(world, hold.id, **division, claimed_minor=claimed_minor, rest_minor=rest_minor)
        assert await refused(world, RESOLVE, values) == "23514"
    no_children = {
        **division,
        "claimed_hold_id": None,
        "rest_hold_id": None,
        "claimed_minor": 4_000,
        "rest_minor": 6_000,
    }
    assert await refused(world, RESOLVE, release_of(world, hold.id, **no_children)) == "23514"


async def test_the_application_writes_no_transfer_of_a_hold(world: World) -> None:
    hold = await world.delivered()
    await world.waive(hold.id)
    insert = (
        "INSERT INTO transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)"
        " VALUES (:subject_id, :code, :hold_id, 'held:CNY', 'refunds:CNY', 'CNY', 1, now())"
    )
    for code in ("fund", "divide", "release", "fee", "refund", "charge_back", "bonus"):
        for subject_id in (hold.id, new_id()):
            values = {"subject_id": subject_id, "code": code, "hold_id": hold.id}
            assert await refused(world, insert, values) == "42501", code


WRONG_TRANSFERS = [
    ("refund_paid", "refunds:CNY", "gateway:USD", 1),
    ("refund_paid", "refunds:USD", "gateway:USD", 1),
    ("refund_paid", "refunds:CNY", "gateway:CNY", 0),
    ("refund_paid", "refunds:CNY", "gateway:CNY", -1),
    ("refund_paid", "held:CNY", "gateway:CNY", 1),
    ("refund_paid", "refunds:CNY", "fees:CNY", 1),
    ("payout", "payable:a:CNY", "payouts:JPY", 1),
    ("payout", "payable:a:KWD", "payouts:CNY", 1),
    ("payout", "deposit:a:CNY", "payouts:CNY", 1),
    ("deposit_in", "gateway:BHD", "deposit:a:CNY", 1),
    ("chargeback", "receivable:a:CNY", "gateway:BHD", 1),
    ("net", "payable:a:CNY", "receivable:b:CNY", 1),
]


async def test_no_transfer_crosses_currencies_kinds_or_sellers_or_is_not_positive(
    world: World, urls: DatabaseUrls
) -> None:
    insert = (
        "INSERT INTO transfer (subject_id, code, debit_account, credit_account, currency, amount_minor, at)"
        " VALUES (%s, %s, %s, %s, 'CNY', %s, now())"
    )
    with psycopg.connect(driver_url(urls.owner), autocommit=True) as owner:
        for code, debit, credit, amount in WRONG_TRANSFERS:
            with pytest.raises(psycopg.errors.CheckViolation):
                owner.execute(insert, (new_id(), code, debit, credit, amount))
    right = ("refund_paid", "refunds:CNY", "gateway:CNY", 1)
    with psycopg.connect(driver_url(urls.app), autocommit=True) as app:  # the application writes none, right or wrong
        for code, debit, credit, amount in [*WRONG_TRANSFERS, right]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(insert, (new_id(), code, debit, credit, amount))
    assert await world.balances() == {}


async def test_append_only_tables_refuse_the_application_and_the_owner(world: World, urls: DatabaseUrls) -> None:
    hold = await world.delivered()
    await world.waive(hold.id)
    await world.freeze_scopes(ScopeKey.batch(world.batch_id))
    columns = {"transfer": "code", "resolution": "cause", "event": "name", "scope_freeze_member": "key"}
    for table, column in columns.items():
        changes = (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE")
        for query in (
            *changes,
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"DROP TABLE {table} CASCADE",
        ):
            assert await refused(world, query) == "42501", query
        with psycopg.connect(driver_url(urls.owner), autocommit=True) as owner:
            for query in changes:
                with pytest.raises(psycopg.Error) as refusal:
                    owner.execute(query)
                assert refusal.value.sqlstate == "FH409", query


FORBIDDEN = [
    "UPDATE hold SET amount_minor = 1",
    "UPDATE hold SET seller_id = uuidv7()",
    "UPDATE hold SET freeze_count = 0",
    "UPDATE hold SET ended_at = NULL",
    "UPDATE account SET balance_minor = balance_minor + 1",
    "INSERT INTO account (id, kind, currency, balance_mode) VALUES ('held:EUR', 'held', 'EUR', 'derived')",
    "DELETE FROM hold",
    "DELETE FROM hold_freeze",
    "DELETE FROM payment",
    "UPDATE payment SET amount_minor = 1",
    "UPDATE hold_freeze SET source_id = uuidv7()",
    "UPDATE scope SET freeze_count = 0",
    "SELECT fairhold_pay_sellers(ARRAY['x'], ARRAY[1::bigint])",
    "SELECT fairhold_divide_hold(uuidv7(), uuidv7(), 1, uuidv7(), 1, now())",
]


async def test_the_application_may_not_touch_amounts_counts_or_balances(world: World) -> None:
    hold = await world.delivered()
    await world.freeze(hold.id, new_id())
    for query in FORBIDDEN:
        assert await refused(world, query) == "42501", query


async def test_the_application_cannot_set_or_leave_an_end(world: World) -> None:
    hold = await world.delivered()
    for state in ("released", "refunded", "divided"):
        assert await refused(world, f"UPDATE hold SET state = '{state}', window_ends_at = NULL") == "23514"
    await world.waive(hold.id)
    assert await refused(world, "UPDATE hold SET state = 'awaiting_delivery'") == "23514"
    assert await refused(world, "UPDATE hold SET state = 'in_window', window_ends_at = now()") == "23514"


async def test_a_hold_without_a_done_capture_of_its_facts_cannot_be(world: World) -> None:
    insert = (
        "INSERT INTO hold (id, tenant_id, reference_id, payment_id, seller_id, product_id, currency, amount_minor,"
        " fee_bps, funded_at) SELECT uuidv7(), tenant_id, reference_id, id, seller_id, product_id, currency,"
        " amount_minor + :more, fee_bps, now() FROM payment WHERE id = :payment_id"
    )
    hold = await world.fund()
    done = await world.value("SELECT payment_id FROM hold WHERE id = :id", id=hold.id)
    assert await refused(world, insert, {"payment_id": done, "more": 0}) == "23505"
    async with world.database.begin() as tx:
        requested = (
            await tx.execute(
                text(
                    "INSERT INTO payment (id, tenant_id, kind, reference_id, seller_id, product_id, currency,"
                    " amount_minor, fee_bps, requested_at) SELECT uuidv7(), tenant_id, kind, uuidv7(), seller_id,"
                    " product_id, currency, amount_minor, fee_bps, requested_at FROM payment WHERE id = :id"
                    " RETURNING id"
                ),
                {"id": done},
            )
        ).scalar_one()
    assert await refused(world, insert, {"payment_id": requested, "more": 0}) == "FH409"
    async with world.database.begin() as tx:
        await tx.execute(text("UPDATE payment SET state = 'done', ended_at = now() WHERE id = :id"), {"id": requested})
    assert await refused(world, insert, {"payment_id": requested, "more": 1}) == "FH409"
    assert await refused(world, "UPDATE payment SET state = 'failed'") == "FH409"


async def test_a_lifted_freeze_stays_lifted(world: World) -> None:
    hold = await world.delivered()
    source_id = new_id()
    await world.freeze(hold.id, source_id)
    assert await world.lift(source_id) == 1
    assert await refused(world, "UPDATE hold_freeze SET lifted_at = NULL") == "FH409"
    assert await refused(world, "UPDATE hold_freeze SET lifted_at = now()") == "FH409"


async def test_the_sweeps_release_is_refused_before_the_windows_end(world: World, clock: Clock) -> None:
    hold = await world.delivered()
    sweep = release_of(world, hold.id, cause="sweep")
    clock.forward(WINDOW - timedelta(minutes=1))
    assert await refused(world, RESOLVE, sweep) == "FH409"
    clock.forward(timedelta(minutes=1, seconds=1))
    async with world.database.begin() as tx:
        await tx.execute(text(RESOLVE), sweep)
    assert await world.payable() == 9_700
