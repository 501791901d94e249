"""Verify the chain against the rows in the database: every block again, from the first."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, LiteralString, TypeAlias

import psycopg
from psycopg.rows import DictRow, dict_row

from service.core.chain import Block, BlockHasher
from service.core.sealed import TABLES, Sealed, key_of, xid_of
from service.core.verdict import BadRow, Problem, Verdict, row_problem
from service.db.session import driver_url
from service.escrow.sealing import copy_of, row_in

GROUP_ROWS = 50_000
GROUP_SEALS = 2_000
_SEALS = """
    SELECT number, ledger_id, format_version, from_xid::text::bigint AS from_xid, to_xid::text::bigint AS to_xid,
           transfer_count, resolution_count, event_count, at, previous_hash, block_hash, chain_hash
    FROM seal WHERE number > %s ORDER BY number LIMIT %s"""
_UNSEALED = """
    SELECT (SELECT count(*) FROM event WHERE xid >= %(end)s::text::xid8)
         + (SELECT count(*) FROM transfer WHERE xid::text::bigint >= %(end)s)
         + (SELECT count(*) FROM resolution WHERE xid::text::bigint >= %(end)s)"""

Connection: TypeAlias = psycopg.Connection[Any]
Told = Callable[[int, int], None]
"""Is told how many seals were checked, of how many."""


def verify_database(
    database_url: str, told: Told = lambda _done, _all: None, *, after: int = 0, wanted_head: bytes | None = None
) -> Verdict:
    """Hash sealed rows in a database again and compare, as `verify_chain` does. Blocks the thread."""
    with psycopg.connect(driver_url(database_url), autocommit=True, options="-c timezone=UTC") as connection:
        return verify_chain(connection, told, after=after, wanted_head=wanted_head)


def verify_chain(
    connection: Connection,
    told: Told = lambda _done, _all: None,
    *,
    after: int = 0,
    wanted_head: bytes | None = None,
) -> Verdict:
    """Return what is wrong with any seal behind `after`, its place in the chain, its rows or their marks.

    Reads in groups of blocks, each in its own short transaction unless the connection has one open: what is sealed
    never changes.
    """
    connection.execute("SET enable_seqscan = off")  # the planner must not read whole tables for each group
    verdict = Verdict(wanted_head=wanted_head)
    verdict.before = next(iter(seals_after(connection, after - 1, 1)), None) if after else None
    total = _number(connection, "SELECT count(*) FROM seal WHERE number > %(after)s", {"after": after})
    for group in _groups(connection, after):
        _verify_group(connection, group, verdict)
        told(verdict.seals, total)
    end = 0 if verdict.before is None else verdict.before.to_xid
    verdict.unsealed = _number(connection, _UNSEALED, {"end": end})
    verdict.look_for_head()
    return verdict


def read_rows(connection: Connection, from_xid: int, to_xid: int) -> Iterator[tuple[Sealed, bytes]]:
    """Yield the rows of the transactions from `from_xid` to before `to_xid`, table by table, in the chain's order."""
    for table in TABLES:
        with connection.cursor() as cursor, cursor.copy(copy_of(table, from_xid, to_xid)) as copy:
            for message in copy:
                if row := row_in(message):
                    yield table, row


def seals_after(connection: Connection, number: int, limit: int = GROUP_SEALS) -> list[Block]:
    """Return up to `limit` seals behind `number`, without the marks of their rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_block(row) for row in cursor.execute(_SEALS, (number, limit))]


def marks_of(connection: Connection, blocks: Sequence[Block]) -> dict[int, bytes]:
    """Return the marks of the rows of some seals, by their numbers."""
    numbers = [block.number for block in blocks]
    return dict(connection.execute("SELECT number, row_marks FROM seal WHERE number = ANY (%s)", (numbers,)).fetchall())


def _groups(connection: Connection, number: int) -> Iterator[list[Block]]:
    """Yield the seals behind `number` in groups of at least one and of some ten thousand rows."""
    while page := seals_after(connection, number):
        number = page[-1].number
        waiting = iter(page)
        while group := list(islice(waiting, 1)):
            rows = group[0].row_count
            while rows < GROUP_ROWS and (more := list(islice(waiting, 1))):
                group += more
                rows += more[0].row_count
            yield group


def _verify_group(connection: Connection, blocks: Sequence[Block], verdict: Verdict) -> None:
    links = [verdict.link(block) for block in blocks]
    ends = [block.to_xid for block in blocks]
    hashers = [BlockHasher(keeps_marks=True) for _ in blocks]
    for table, row in read_rows(connection, min(block.from_xid for block in blocks), max(ends)):
        at = min(bisect_right(ends, xid_of(row)), len(blocks) - 1)
        hashers[at].add(table, row)
    marks = marks_of(connection, blocks)
    for block, link, hasher in zip(blocks, links, hashers, strict=True):
        verdict.rows += sum(hasher.counts.values())
        wrong, differs = row_problem(hasher, block, marks[block.number])
        if link is not None or wrong is not None:
            bad = None if differs is None else _bad_row(connection, block, *differs)
            verdict.add(Problem(block.number, link or wrong or "", bad))


def _bad_row(connection: Connection, block: Block, position: int, what: str) -> BadRow:
    found = next(islice(read_rows(connection, block.from_xid, block.to_xid), position, None), None)
    return BadRow(what, position) if found is None else BadRow(what, position, found[0].name, key_of(*found))


def _block(row: DictRow) -> Block:
    counts = tuple(row.pop(f"{table.name}_count") for table in TABLES)
    return Block(**row, counts=counts)


def _number(connection: Connection, query: LiteralString, values: Mapping[str, int] | None = None) -> int:
    (found,) = connection.execute(query, values).fetchone() or (0,)
    return int(found)
