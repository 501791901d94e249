"""The seal over transfers, resolutions and events: complete, chained, and no row escapes it."""

import asyncio
import hashlib
import struct
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.actor import SYSTEM
from service.core.sealed import TABLE_BY_NAME, TABLES, decode_row, encode_row
from service.db.session import Tx, driver_url
from service.escrow import sealing
from service.escrow.alerts import live_alerts
from service.escrow.verify import read_rows, verify_database
from service.worker.host import Sweeper, _loop
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.sealed import grow, seal, superuser
from tests.escrow.world import World

EVENT = (
    "INSERT INTO event (id, name, subject_kind, subject_id, at, facts)"
    " VALUES (uuidv7(), 'test.happened', 'test', uuidv7(), fairhold_now(), '{}')"
)
BEHIND = "SELECT count(*) FROM alert WHERE kind = 'seal_behind' AND cleared_at IS NULL"
ROWS = "SELECT (SELECT count(*) FROM transfer) + (SELECT count(*) FROM resolution) + (SELECT count(*) FROM event)"


async def test_every_minute_all_committed_rows_are_sealed_and_chained(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    assert await seal(world.database) == 0  # nothing to seal is no block
    await grow(world, clock, 3)
    verdict = verify_database(urls.app)
    assert (verdict.problems, verdict.seals, verdict.unsealed) == ([], 3, 0)
    assert verdict.rows == await world.value(ROWS)
    hold = await world.delivered()
    assert await seal(world.database) == 0  # not yet a minute
    assert verify_database(urls.app).unsealed > 0
    clock.forward(timedelta(minutes=1))
    assert await seal(world.database) > 0
    await world.waive(hold.id)
    clock.forward(timedelta(minutes=1))
    sealed = await asyncio.gather(*(seal(world.database) for _ in range(4)))
    assert len([rows for rows in sealed if rows]) == 1  # many workers make one block
    verdict = verify_database(urls.app)
    assert (verdict.problems, verdict.seals, verdict.unsealed) == ([], 5, 0)
    assert verdict.rows == await world.value(ROWS)


async def test_a_transaction_that_commits_late_is_sealed_in_a_later_block(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    await grow(world, clock, 1)
    with psycopg.connect(driver_url(urls.app)) as late:
        late.execute(EVENT)  # opened before the seal, committed after it
        xid = late.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
        await world.delivered()  # begins later, commits earlier
        clock.forward(timedelta(minutes=1))
        assert await seal(world.database) == 0  # nothing at or behind a transaction that still runs
        assert xid is not None
        assert verify_database(urls.app).unsealed > 1
        assert await world.value(BEHIND) == 0
        clock.forward(sealing.BEHIND_AFTER)
        assert await seal(world.database) == 0
        assert await world.value(BEHIND) == 1  # people are told, and paying goes on
        late.commit()
    clock.forward(timedelta(minutes=1))
    assert await seal(world.database) > 0
    assert await world.value(BEHIND) == 0
    clock.forward(timedelta(minutes=1))
    assert await seal(world.database) == 1  # the end of the alert
    verdict = verify_database(urls.app)
    assert (verdict.problems, verdict.unsealed, verdict.rows) == ([], 0, await world.value(ROWS))
    holds = "SELECT number FROM seal WHERE from_xid::text::bigint <= :xid AND to_xid::text::bigint > :xid"
    assert await world.value(holds, xid=xid[0]) == 2


async def test_a_backlog_is_sealed_in_bounded_blocks_that_never_split_a_transaction(
    world: World, clock: Clock, urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "BLOCK_EVENTS_MAX", 5)
    for events in (2, 3, 12, 1, 4, 4):
        async with world.database.begin() as tx:
            for _ in range(events):
                await tx.execute(text(EVENT))
    blocks = []
    while rows := await seal(world.database):
        blocks.append(rows)
    assert blocks == [5, 12, 5]
    clock.forward(timedelta(minutes=1))
    assert await seal(world.database) == 4
    assert verify_database(urls.app).problems == []


async def test_every_column_of_the_sealed_tables_is_sealed(world: World) -> None:
    for table in TABLES:
        async with world.database.begin() as tx:
            found = await tx.execute(
                text("SELECT column_name FROM information_schema.columns WHERE table_name = :name"),
                {"name": table.name},
            )
            assert set(found.scalars()) == set(table.columns)


async def test_a_rows_bytes_are_the_same_made_by_the_database_and_from_its_values(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    await grow(world, clock, 1)
    async with world.database.begin() as tx:
        facts = '{"text": "批次 “SY26”\\u0001\\\\", "n": 1.50, "deep": [null, true, {"ä": 10000000000000000000}]}'
        await tx.execute(text(EVENT.replace("'{}'", "CAST(:facts AS jsonb)")), {"facts": facts})
    seen = dict.fromkeys((table.name for table in TABLES), 0)
    with psycopg.connect(driver_url(urls.app)) as connection:
        for table, row in read_rows(connection, 0, 2**62):
            assert encode_row(table, decode_row(table, row)) == row
            seen[table.name] += 1
    assert all(seen.values())


async def test_the_first_block_recomputed_by_hand_from_docs_seal(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    async with world.database.begin() as tx:
        await tx.execute(text(EVENT))
    assert await seal(world.database) == 1
    with psycopg.connect(driver_url(urls.app)) as app:
        seal_row = app.execute(
            "SELECT ledger_id, from_xid::text::bigint, to_xid::text::bigint, at, previous_hash, block_hash, chain_hash"
            " FROM seal"
        ).fetchone()
        event = app.execute(
            "SELECT xid::text::bigint, seq, id, name, subject_kind, subject_id, at, facts::text FROM event"
        ).fetchone()
        assert seal_row is not None
        assert event is not None

        def microseconds(at: object) -> int:
            found = app.execute("SELECT (extract(epoch FROM %s - '2000-01-01Z'::timestamptz) * 1000000)::bigint", (at,))
            return int(found.fetchone()[0])  # type: ignore[index]  # one row

        ledger_id, from_xid, to_xid, at, previous, block, chain = seal_row
        null = struct.pack(">i", -1)

        def field(value: bytes) -> bytes:
            return struct.pack(">i", len(value)) + value

        row = struct.pack(">h", 10)
        row += field(struct.pack(">q", event[0])) + field(struct.pack(">q", event[1])) + field(event[2].bytes)
        row += field(event[3].encode()) + field(event[4].encode()) + field(event[5].bytes) + null + null
        row += field(struct.pack(">q", microseconds(event[6]))) + field(b"\x01" + event[7].encode())
        rows = hashlib.sha256(hashlib.sha256(b"E" + row).digest()).digest()
        head = struct.pack(">qqqq", 1, from_xid, to_xid, microseconds(at)) + struct.pack(">qqq", 0, 0, 1)
        assert block == hashlib.sha256(b"fairhold-seal-1\n" + ledger_id.bytes + head + rows).digest()
        assert previous == bytes(32)
        assert chain == hashlib.sha256(bytes(32) + block).digest()


async def test_a_seal_that_does_not_build_on_the_newest_is_refused(world: World, clock: Clock) -> None:
    await grow(world, clock, 2)
    copied = (
        "INSERT INTO seal SELECT {} AS number, ledger_id, format_version, {} AS from_xid, {} AS to_xid, transfer_count,"
        " resolution_count, event_count, at, {} AS previous_hash, block_hash, sha256({} || block_hash), row_marks"
        " FROM seal WHERE number = 2"
    )
    right = ("3", "to_xid", "(to_xid::text::bigint + 1)::text::xid8", "chain_hash", "chain_hash")
    for at, wrong in enumerate(("4", "from_xid", None, "previous_hash", None)):
        if wrong is not None:
            values = list(right)
            values[at] = wrong
            values[4] = values[3]
            with pytest.raises(DBAPIError) as refusal:
                async with world.database.begin() as tx:
                    await tx.execute(text(copied.format(*values)))
            assert getattr(refusal.value.orig, "sqlstate", "") == "FH409", wrong
    assert await world.value("SELECT count(*) FROM seal") == 2


async def test_transaction_ids_that_went_back_stop_paying_and_seal_nothing(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    await grow(world, clock, 1)
    with superuser(urls.admin) as admin:
        admin.execute("UPDATE seal SET to_xid = (to_xid::text::bigint + 1000000)::text::xid8")
    await world.delivered()
    clock.forward(timedelta(minutes=2))
    assert await seal(world.database) == 0
    async with world.database.begin() as tx:
        (alert,) = await live_alerts(tx, SYSTEM)
    assert (alert.kind, alert.stops_sweep, alert.facts["problem"]) == ("seal_failure", True, "xids_went_back")


async def test_a_seal_whose_connection_breaks_while_rows_are_read_is_tried_again(world: World) -> None:
    async with world.database.begin() as tx:
        await tx.execute(text(EVENT))
    tries, stop = [], asyncio.Event()

    async def sealing_twice(tx: Tx) -> int:
        sealed = await sealing.seal_next(tx, now=await tx.now())
        tries.append(sealed)
        if len(tries) == 1:
            await (await tx.driver()).execute("SELECT pg_terminate_backend(pg_backend_pid())")
        stop.set()
        return sealed

    await asyncio.wait_for(_loop(Sweeper("seal", sealing_twice, timedelta(0)), world.database, stop), 20)
    assert tries == [1, 1]
    assert await world.value("SELECT count(*) FROM seal") == 1


def test_a_row_that_is_no_row_is_told_from_one() -> None:
    event = TABLE_BY_NAME["event"]
    for wrong in (b"\x00\x09", b"\x00\x0a" + b"\xff\xff\xff\xff" * 11):
        with pytest.raises(ValueError, match="row"):
            decode_row(event, wrong)
