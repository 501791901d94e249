"""The seal: every minute all rows below the oldest running transaction are hashed and chained. docs/seal.md."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import func, select, text

from service.core.chain import FORMAT_VERSION, START_HASH, Block, BlockHasher, chain_hash
from service.core.sealed import EVENT, TABLES, Sealed
from service.db.session import Tx
from service.escrow.alerts import clear_alert, raise_alert
from service.escrow.tables import Seal
from service.jobs.queue import enqueue

SEAL_EVERY = timedelta(minutes=1)
BLOCK_EVENTS_MAX = 50_000
"""A block takes no further transactions once it has so many events; a single larger transaction is not split."""
SEAL_SECONDS_MAX = 600
BEHIND_AFTER = timedelta(minutes=10)
"""So long may a row wait behind an open transaction before people are told."""
CHAIN = ("ledger", "chain")
"""What alerts about the chain are about."""
TRANSACTIONS = ("ledger", "transaction_ids")

_LOCK = 0x5EA1
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_log = structlog.get_logger("fairhold.seal")


async def seal_next(tx: Tx, *, now: datetime) -> int:
    """Seal the next block, if a minute has passed since the last or much waits; return how many rows it has.

    Takes every row of transactions from the last block's end to before the oldest one that still runs: whatever
    commits later is not among them, and comes into a later block. One worker at a time; another gets 0.
    """
    await tx.execute(text(f"SET LOCAL statement_timeout = '{SEAL_SECONDS_MAX}s'; SET LOCAL enable_seqscan = off"))
    if not await tx.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return 0
    last = await last_block(tx)
    start = 0 if last is None else last.to_xid
    horizon = int(await tx.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")) or 0)
    if horizon < start:
        await _tell_backwards(tx, start, horizon, now)
        return 0
    await clear_alert(tx, "seal_failure", TRANSACTIONS, now=now)
    end, is_cut = await _end_of_block(tx, start, horizon)
    await _watch_waiting(tx, horizon, now)
    if end <= start or (last is not None and not is_cut and now < last.at + SEAL_EVERY):
        return 0
    hasher = BlockHasher(keeps_marks=True)
    connection = await tx.driver()
    for table in TABLES:
        async for row in _rows(connection, table, start, end):
            hasher.add(table, row)
    if not sum(hasher.counts.values()):
        return 0
    await _append(tx, last, hasher, start, end, now)
    await enqueue(tx, "escrow.lock_head", {}, once="escrow.lock_head")
    return sum(hasher.counts.values())


async def last_block(tx: Tx) -> Block | None:
    """Return the newest block of the chain; None before the first."""
    seal = await tx.scalar(select(Seal).order_by(Seal.number.desc()).limit(1))
    return None if seal is None else block_of(seal)


def block_of(seal: Seal) -> Block:
    """Return what a seal says, without its marks."""
    return Block(
        number=seal.number,
        ledger_id=seal.ledger_id,
        format_version=seal.format_version,
        from_xid=int(seal.from_xid),
        to_xid=int(seal.to_xid),
        counts=(seal.transfer_count, seal.resolution_count, seal.event_count),
        at=seal.at,
        previous_hash=seal.previous_hash,
        block_hash=seal.block_hash,
        chain_hash=seal.chain_hash,
    )


def copy_of(table: Sealed, from_xid: int, to_xid: int) -> sql.Composed:
    """Return the COPY of a table's rows of transactions from `from_xid` to before `to_xid`, in the chain's order."""
    by_number = sql.SQL("xid >= '{first}'::xid8 AND xid < '{end}'::xid8")  # a tree, for the relay
    by_range = sql.SQL("xid::text::bigint >= {first} AND xid::text::bigint < {end}")  # the BRIN's expression
    order = [sql.SQL('{} COLLATE "C"' if table.columns[name] == "text" else "{}") for name in table.key]
    return sql.SQL(
        "COPY (SELECT {columns} FROM {table} WHERE {range} ORDER BY {order}) TO STDOUT (FORMAT BINARY)"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, table.columns)),
        table=sql.Identifier(table.name),
        range=(by_number if table is EVENT else by_range).format(first=sql.Literal(from_xid), end=sql.Literal(to_xid)),
        order=sql.SQL(", ").join(
            each.format(sql.Identifier(name)) for each, name in zip(order, table.key, strict=True)
        ),
    )


def row_in(message: bytes | bytearray | memoryview) -> bytes:
    """Return the row in a message of a binary COPY, b"" if it has none. PostgreSQL sends one row a message."""
    row = bytes(message).removeprefix(_COPY_HEADER)
    return b"" if row == _COPY_END else row


async def _rows(
    connection: psycopg.AsyncConnection[object], table: Sealed, from_xid: int, to_xid: int
) -> AsyncIterator[bytes]:
    async with connection.cursor() as cursor, cursor.copy(copy_of(table, from_xid, to_xid)) as copy:
        async for message in copy:
            if row := row_in(message):
                yield row


async def _end_of_block(tx: Tx, start: int, horizon: int) -> tuple[int, bool]:
    """Return where the block ends, and whether the rest has to wait for the next one."""
    found = await tx.scalar(
        text(
            "SELECT xid::text FROM event WHERE xid >= CAST(:start AS xid8) AND xid < CAST(:horizon AS xid8)"
            " ORDER BY xid, seq OFFSET :most LIMIT 1"
        ),
        {"start": str(start), "horizon": str(horizon), "most": BLOCK_EVENTS_MAX},
    )
    if found is None:
        return horizon, False
    return min(max(int(found), start + 1), horizon), True


async def _append(tx: Tx, last: Block | None, hasher: BlockHasher, start: int, end: int, now: datetime) -> None:
    ledger_id: UUID = uuid4() if last is None else last.ledger_id
    number = 1 if last is None else last.number + 1
    previous = START_HASH if last is None else last.chain_hash
    at = now if last is None else max(now, last.at)
    block_hash = hasher.block_hash(ledger_id=ledger_id, number=number, from_xid=start, to_xid=end, at=at)
    transfers, resolutions, events = hasher.counts.values()
    tx.add(
        Seal(
            number=number,
            ledger_id=ledger_id,
            format_version=FORMAT_VERSION,
            from_xid=str(start),
            to_xid=str(end),
            transfer_count=transfers,
            resolution_count=resolutions,
            event_count=events,
            at=at,
            previous_hash=previous,
            block_hash=block_hash,
            chain_hash=chain_hash(previous, block_hash),
            row_marks=bytes(hasher.marks),
        )
    )
    await tx.flush()  # a seal that does not fit is refused before its head is sent anywhere
    _log.info("sealed", number=number, transfers=transfers, resolutions=resolutions, events=events)


async def _watch_waiting(tx: Tx, horizon: int, now: datetime) -> None:
    """Alert while rows wait for long because a transaction that began before them does not end."""
    since = await tx.scalar(
        text("SELECT at FROM event WHERE xid >= CAST(:horizon AS xid8) ORDER BY xid, seq LIMIT 1"),
        {"horizon": str(horizon)},
    )
    if since is None or since > now - BEHIND_AFTER:
        await clear_alert(tx, "seal_behind", CHAIN, now=now)
    else:
        await raise_alert(tx, "seal_behind", CHAIN, facts={"waiting_since": since.isoformat()}, now=now)


async def _tell_backwards(tx: Tx, start: int, horizon: int, now: datetime) -> None:
    """The database was loaded into a younger server, whose transaction ids the chain has used already."""
    facts = {"problem": "xids_went_back", "sealed_to_xid": start, "horizon_xid": horizon}
    await raise_alert(tx, "seal_failure", TRANSACTIONS, facts=facts, stops_sweep=True, now=now)
    _log.error("xids_went_back", **facts)
