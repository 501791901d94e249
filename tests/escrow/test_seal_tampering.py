"""Whatever a superuser does to sealed rows behind the triggers is found, and the block is named."""

import os
import random
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from service.escrow.verify import verify_chain
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.sealed import grow, superuser
from tests.escrow.world import World

Connection = psycopg.Connection[Any]
BLOCKS = 6
ROUNDS = 30
ROUNDS_FULL = 400
SEED = int(os.environ.get("CHANCE_SEED", "20261122"))

EDITS = {
    "transfer": (
        "amount_minor = amount_minor + 1",
        "at = at + interval '1 microsecond'",
        "subject_id = uuidv7()",
        "debit_account = debit_account || ':' || currency",
    ),
    "resolution": (
        "actor_id = uuidv7()",
        "decision_id = uuidv7()",
        "cause = CASE cause WHEN 'waiver' THEN 'ruling' ELSE 'waiver' END",
        "at = at - interval '1 day'",
        "seller_id = uuidv7()",
    ),
    "event": (
        "name = name || 'x'",
        "facts = facts || '{\"amount_minor\": 1}'",
        "actor_id = uuidv7()",
        "subject_id = uuidv7()",
        "at = at + interval '1 microsecond'",
    ),
}
XID = "xid::text::bigint"


def one(connection: Connection, query: str, *values: object) -> Any:
    found = connection.execute(query, values).fetchone()
    assert found is not None, query
    return found[0] if len(found) == 1 else found


def some_row(connection: Connection, table: str, chance: random.Random) -> tuple[str, int]:
    """Return a random sealed row's place and the number of its block."""
    offset = chance.randrange(one(connection, f"SELECT count(*) FROM {table}"))
    ctid, xid = one(connection, f"SELECT ctid::text, {XID} FROM {table} ORDER BY ctid OFFSET {offset} LIMIT 1")
    return ctid, block_of(connection, xid)


def block_of(connection: Connection, xid: int) -> int:
    return int(one(connection, "SELECT number FROM seal WHERE to_xid::text::bigint > %s ORDER BY number LIMIT 1", xid))


def edit(connection: Connection, table: str, chance: random.Random) -> int:
    ctid, block = some_row(connection, table, chance)
    connection.execute(f"UPDATE {table} SET {chance.choice(EDITS[table])} WHERE ctid = '{ctid}'")
    return block


def delete(connection: Connection, table: str, chance: random.Random) -> int:
    ctid, block = some_row(connection, table, chance)
    connection.execute(f"DELETE FROM {table} WHERE ctid = '{ctid}'")
    return block


def insert(connection: Connection, table: str, chance: random.Random) -> int:
    ctid, block = some_row(connection, table, chance)
    changed = {"transfer": ("subject_id",), "resolution": ("hold_id",), "event": ("id",)}[table]
    columns = one(
        connection,
        "SELECT array_agg(column_name::text) FROM information_schema.columns"
        " WHERE table_name = %s AND column_name <> 'seq'",
        table,
    )
    made = ["uuidv7()" if name in changed else name for name in columns]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(made)} FROM {table} WHERE ctid = '{ctid}'"
    )
    return block


def reorder(connection: Connection, table: str, chance: random.Random) -> int:
    """Swap the transactions of two rows."""
    (first, one_block), (second, other_block) = (some_row(connection, table, chance) for _ in range(2))
    swapped = connection.execute(
        f"UPDATE {table} t SET xid = o.xid FROM {table} o WHERE t.xid <> o.xid"
        f" AND ((t.ctid = '{first}' AND o.ctid = '{second}') OR (t.ctid = '{second}' AND o.ctid = '{first}'))"
    )
    if swapped.rowcount == 0:  # two rows of one transaction
        return reorder(connection, table, chance)
    return min(one_block, other_block)


def cut_off(connection: Connection, table: str, chance: random.Random) -> int:
    """Take away all rows behind a random one."""
    ctid, _ = some_row(connection, table, chance)
    xid = one(connection, f"SELECT {XID} FROM {table} WHERE ctid = '{ctid}'")
    gone = one(connection, f"SELECT min({XID}) FROM {table} WHERE {XID} >= {xid}")
    connection.execute(f"DELETE FROM {table} WHERE {XID} >= {xid}")
    return block_of(connection, gone)


def empty(connection: Connection, table: str, _: random.Random) -> int:
    first = one(connection, f"SELECT min({XID}) FROM {table}")
    block = block_of(connection, first)
    connection.execute(f"TRUNCATE {table} CASCADE")
    return block


WAYS: tuple[Callable[[Connection, str, random.Random], int], ...] = (edit, delete, insert, reorder, cut_off, empty)


async def tamper(world: World, clock: Clock, admin_url: str, rounds: int) -> None:
    chance = random.Random(SEED)
    await grow(world, clock, BLOCKS)
    with superuser(admin_url) as connection:
        assert verify_chain(connection).problems == []
        connection.rollback()
        for number in range(rounds):
            way, table = WAYS[number % len(WAYS)], chance.choice(sorted(EDITS))
            connection.execute("SET session_replication_role = replica")
            block = way(connection, table, chance)
            verdict = verify_chain(connection)
            connection.rollback()
            assert verdict.problems, f"{way.__name__} of {table} was not found (seed {SEED}, round {number})"
            first = verdict.problems[0]
            assert first.number == block, f"{way.__name__} of {table}: {first} (seed {SEED}, round {number})"
            assert first.row is not None
        assert verify_chain(connection).problems == []


async def test_edits_deletions_insertions_swaps_and_truncations_are_found(
    world: World, clock: Clock, urls: DatabaseUrls
) -> None:
    await tamper(world, clock, urls.admin, ROUNDS)


@pytest.mark.full
@pytest.mark.timeout(900)
async def test_hundreds_of_tamperings_are_found(world: World, clock: Clock, urls: DatabaseUrls) -> None:
    await tamper(world, clock, urls.admin, ROUNDS_FULL)


async def test_the_bad_row_is_named(world: World, clock: Clock, urls: DatabaseUrls) -> None:
    await grow(world, clock, 2)
    with superuser(urls.admin) as connection:
        subject_id, code = one(connection, "SELECT subject_id::text, code FROM transfer ORDER BY xid DESC LIMIT 1")
        connection.execute(
            "UPDATE transfer SET amount_minor = amount_minor + 1 WHERE subject_id = %s AND code = %s",
            (subject_id, code),
        )
        (problem,) = verify_chain(connection).problems
        assert (problem.number, problem.reason) == (2, OTHER_ROWS)
        assert problem.row is not None
        assert (problem.row.what, problem.row.table) == ("changed", "transfer")
        assert problem.row.key is not None
        assert (problem.row.key["subject_id"], problem.row.key["code"]) == (subject_id, code)


OTHER_ROWS = "its rows are not those that were sealed"
UNLINKED = "it does not build on the one before"
SEAL_EDITS = {
    "block_hash = sha256('x'), chain_hash = sha256(previous_hash || sha256('x'))": OTHER_ROWS,
    "previous_hash = sha256('x'), chain_hash = sha256(sha256('x') || block_hash)": UNLINKED,
    "at = at + interval '1 second'": OTHER_ROWS,
    "from_xid = (from_xid::text::bigint - 1)::text::xid8": "it does not begin where the one before ends",
    "row_marks = decode(repeat('00', octet_length(row_marks)), 'hex')": "the marks of its rows were changed",
    "ledger_id = gen_random_uuid()": "it is of another ledger",
    "format_version = 2": "it has format 2, and this program knows format 1",
    "number = 7": "seal 2 is missing",
}


async def test_edits_and_deletions_of_seals_are_found(world: World, clock: Clock, urls: DatabaseUrls) -> None:
    await grow(world, clock, 4)
    with superuser(urls.admin) as connection:
        for change, reason in SEAL_EDITS.items():
            connection.execute("SET session_replication_role = replica")
            connection.execute(f"UPDATE seal SET {change} WHERE number = 2")
            problem = verify_chain(connection).problems[0]
            connection.rollback()
            assert (problem.number, problem.reason) == (3 if change == "number = 7" else 2, reason)
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM seal WHERE number = 2")
        problem = verify_chain(connection).problems[0]
        assert (problem.number, problem.reason) == (3, "seal 2 is missing")
        connection.rollback()
