"""Write the whole ledger into a file that anybody can verify offline."""

from collections.abc import Callable
from datetime import datetime

import psycopg

from service.core import ledger_file
from service.core.chain import START_HASH, Block
from service.core.sealed import decode_row, write_time
from service.db.session import driver_url
from service.escrow.verify import marks_of, read_rows, seals_after

UNSEALED_XID_MAX = 2**62
Told = Callable[[int, int], None]
"""Is told how many seals were written, of how many."""


def export_ledger(
    database_url: str, write: Callable[[str], object], told: Told = lambda _done, _all: None
) -> Block | None:
    """Give every line of an export to `write`, seal by seal; return the last seal, None if there is none.

    Rows that no seal covers yet come last. All is one snapshot; memory does not grow with the ledger.
    """
    with psycopg.connect(driver_url(database_url), options="-c timezone=UTC") as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL enable_seqscan = off")  # the planner must not read whole tables for each block
        now, total = connection.execute("SELECT fairhold_now(), (SELECT count(*) FROM seal)").fetchone() or (None, 0)
        return _write(connection, write, now, lambda done: told(done, total))


def _write(
    connection: psycopg.Connection[tuple[object, ...]],
    write: Callable[[str], object],
    now: datetime,
    told: Callable[[int], None],
) -> Block | None:
    page = seals_after(connection, 0)
    write(ledger_file.header_line(page[0].ledger_id if page else None, write_time(now)))
    rows = 0
    last: Block | None = None
    while page:
        for block in page:
            rows += _write_rows(connection, write, block.from_xid, block.to_xid)
            write(ledger_file.seal_line(block, marks_of(connection, [block])[block.number]))
            last = block
            told(block.number)
        page = seals_after(connection, page[-1].number)
    rows += _write_rows(connection, write, 0 if last is None else last.to_xid, UNSEALED_XID_MAX)
    head, seals = (START_HASH, 0) if last is None else (last.chain_hash, last.number)
    write(ledger_file.end_line(head, seals=seals, rows=rows))
    return last


def _write_rows(
    connection: psycopg.Connection[tuple[object, ...]], write: Callable[[str], object], from_xid: int, to_xid: int
) -> int:
    count = 0
    for table, row in read_rows(connection, from_xid, to_xid):
        write(ledger_file.row_line(table.name, decode_row(table, row)))
        count += 1
    return count
