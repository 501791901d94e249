"""The sweep: what it writes, when it does not begin, how it paces itself, and the windows that only it may end."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.ids import new_id
from service.escrow.alerts import clear_alert, raise_alert
from service.escrow.rules import SHARDS, SWEEP_MARGIN
from service.escrow.sweep import BATCH, BATCH_MIN, SLOW_SECONDS, Sweep, release_due
from tests.conftest import Clock
from tests.escrow.test_guards import RESOLVE, refused, release_of
from tests.escrow.world import WINDOW, World

WRITTEN = """
    SELECT jsonb_agg(x ORDER BY x->>'table', x->>'code') FROM (
        SELECT to_jsonb(h) - '{id,reference_id,payment_id,proof_id,funded_at,delivered_at}'::text[]
            || '{"table": "hold"}' AS x FROM hold h WHERE id = :id
        UNION ALL SELECT to_jsonb(r) - '{hold_id,xid}'::text[] || '{"table": "resolution"}' FROM resolution r
            WHERE hold_id = :id
        UNION ALL SELECT to_jsonb(t) - '{subject_id,hold_id,xid}'::text[] || '{"table": "transfer"}' FROM transfer t
            WHERE hold_id = :id AND code <> 'fund'
        UNION ALL SELECT (to_jsonb(e) #- '{facts,reference_id}'::text[]) - '{seq,xid,id,subject_id}'::text[]
            || '{"table": "event"}' FROM event e WHERE subject_id = :id AND name = 'hold.released'
        UNION ALL SELECT jsonb_build_object('table', 'due', 'rows', count(*)) FROM hold_due WHERE hold_id = :id) w
"""


async def test_the_sweep_writes_what_a_resolution_writes(world: World, clock: Clock) -> None:
    swept, resolved = await world.delivered(12_345), await world.delivered(12_345)
    clock.forward(WINDOW + timedelta(seconds=6))
    values = release_of(world, resolved.id, cause="sweep", amount_minor=12_345, seller_minor=11_975, fee_minor=370)
    async with world.database.begin() as tx:
        await tx.execute(text(RESOLVE), values)
        assert await release_due(tx, now=await tx.now()) == 1
    written = [await world.value(WRITTEN, id=hold.id) for hold in (swept, resolved)]
    assert written[0] == written[1]
    assert [row["table"] for row in written[0]] == ["due", "event", "hold", "resolution", "transfer", "transfer"]
    assert await world.payable() == 2 * 11_975
    await world.assert_clean()


async def test_a_sweeps_commit_alone_does_not_wait_for_the_disk(world: World) -> None:
    waits = text("SELECT current_setting('synchronous_commit')")
    async with world.database.begin() as tx:
        await release_due(tx, now=await tx.now())
        assert (await tx.execute(waits)).scalar_one() == "off"
        driver = await tx.driver()
    async with world.database.begin() as tx:
        assert await tx.driver() is driver
        assert (await tx.execute(waits)).scalar_one() == "on"


async def test_nothing_is_released_while_an_alert_stops_the_sweep(world: World, clock: Clock) -> None:
    await world.delivered()
    clock.forward(WINDOW + timedelta(seconds=6))
    async with world.database.begin() as tx:
        now = await tx.now()
        await raise_alert(tx, "refund_failed", ("thing", "other"), facts={}, now=now)
        await raise_alert(tx, "seal_failure", ("thing", "this"), facts={}, stops_sweep=True, now=now)
    assert await world.sweep() == 0
    assert await world.balances() == {"gateway": -10_000, "held": 10_000}
    async with world.database.begin() as tx:
        await clear_alert(tx, "seal_failure", ("thing", "this"), now=await tx.now())
    assert await world.sweep() == 1


async def test_the_margin_and_the_shards_are_those_of_the_rules(world: World, clock: Clock) -> None:
    await world.delivered()
    ends_at = await world.value("SELECT window_ends_at FROM hold")
    clock.forward(ends_at - await world.value("SELECT fairhold_now()") + SWEEP_MARGIN + timedelta(seconds=1))
    async with world.database.begin() as tx:
        assert await release_due(tx, now=ends_at + SWEEP_MARGIN - timedelta(microseconds=1)) == 0
        assert await release_due(tx, now=ends_at + SWEEP_MARGIN) == 1
    shards = "SELECT count(DISTINCT fairhold_shard(uuidv7())) FROM generate_series(1, 5000)"
    assert await world.value(shards) == SHARDS


async def test_nobody_releases_ahead_of_time(world: World) -> None:
    await world.delivered()
    early = "SELECT fairhold_release_due(fairhold_now() + interval '11 days', ARRAY(SELECT generate_series(0, 63)), 10)"
    assert await refused(world, early) == "FH422"


FIXED = [
    "UPDATE hold SET window_ends_at = window_ends_at - interval '9 days'",
    "UPDATE hold SET window_ends_at = window_ends_at + interval '1 day'",
    "UPDATE hold SET has_used_floor = true",
    "UPDATE hold SET delivered_at = delivered_at - interval '1 day'",
    "UPDATE hold SET proof_kind = 'receipt'",
    "UPDATE hold SET proof_id = uuidv7()",
    "UPDATE hold SET state = 'awaiting_delivery', window_ends_at = NULL",
    "SELECT fairhold_owe_seller(id) FROM hold",
]


async def test_a_running_window_is_nobodys_to_change(world: World) -> None:
    await world.delivered()
    for query in FIXED:
        assert await refused(world, query) == "FH409", query


async def test_a_frozen_window_is_nobodys_to_change(world: World) -> None:
    hold = await world.delivered()
    await world.freeze(hold.id, new_id())
    for query in ("UPDATE hold SET window_left_seconds = 0", "UPDATE hold SET has_used_floor = true"):
        assert await refused(world, query) == "FH409", query


async def test_a_delivery_starts_a_window_that_is_not_over(world: World) -> None:
    await world.fund()
    deliver = (
        "UPDATE hold SET state = 'in_window', delivered_at = now(), proof_kind = 'carrier', window_ends_at = now()"
    )
    for more in ("", " - interval '1 s'", " + interval '1 day', has_used_floor = true"):
        assert await refused(world, deliver + more) == "FH409", more
    async with world.database.begin() as tx:
        await tx.execute(text(deliver + " + interval '1 day'"))
    await world.assert_clean()


QUEUE: list[tuple[str, dict[str, Any]]] = [
    ("INSERT INTO hold_due (shard, ends_at, hold_id) VALUES (0, now(), :id)", {"id": new_id()}),
    ("UPDATE hold_due SET ends_at = now()", {}),
    ("DELETE FROM hold_due", {}),
    ("TRUNCATE hold_due", {}),
]


async def test_the_queue_is_the_triggers_alone(world: World) -> None:
    await world.delivered()
    for query, values in QUEUE:
        assert await refused(world, query, values) == "42501", query


async def test_the_owner_ends_holds_by_the_sweep_alone(world: World, owner_url: str) -> None:
    """A function of the owner that inserted a resolution would not meet the trigger: it is refused instead."""
    hold = await world.delivered()
    owner = World(type(world.database)(owner_url, pool_max=1), world.seller_id)
    try:
        with pytest.raises(DBAPIError) as refusal:
            async with owner.database.begin() as tx:
                await tx.execute(text(RESOLVE), release_of(world, hold.id))
    finally:
        await owner.database.close()
    assert getattr(refusal.value.orig, "sqlstate", "") == "FH409"
    assert await world.balances() == {"gateway": -10_000, "held": 10_000}


def test_a_slow_batch_halves_the_next_and_a_fast_full_one_doubles_it() -> None:
    sweep = Sweep()
    sweep.pace(BATCH, SLOW_SECONDS + 0.01)
    assert sweep.batch == BATCH // 2
    sweep.pace(sweep.batch, SLOW_SECONDS * 0.9)
    assert sweep.batch == BATCH // 2
    sweep.pace(10, 0.001)
    assert sweep.batch == BATCH // 2
    sweep.pace(sweep.batch, 0.001)
    assert sweep.batch == BATCH
    for _ in range(20):
        sweep.pace(BATCH, 1)
    assert sweep.batch == BATCH_MIN
