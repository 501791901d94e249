"""After a ledger was loaded into another PostgreSQL: its transaction ids must lie ahead of all that are stored.

The seal, and the relay of events, order rows by the transactions that wrote them. A dump that is loaded into a younger
server brings rows whose ids that server has yet to reach; what it writes until then would seem to lie in sealed blocks.
"""

from collections.abc import Callable
from typing import LiteralString

import psycopg
from psycopg.sql import SQL

from service.core.errors import Conflict
from service.db.session import driver_url

AT_ONCE = 20_000
CATCH_UP_MAX = 20_000_000
"""So many ids are used up one by one (some minutes); a greater gap is for `pg_resetwal`."""
_STORED = """
    SELECT greatest(
        (SELECT xid::text::bigint FROM event ORDER BY xid DESC LIMIT 1),
        (SELECT to_xid::text::bigint FROM seal ORDER BY number DESC LIMIT 1),
        (SELECT max(xid::text::bigint) FROM event_relay), 0)"""


def catch_up_transactions(owner_database_url: str, told: Callable[[int, int], None] = lambda _done, _all: None) -> int:
    """Use up transaction ids until the server's lie ahead of all stored ones; return how many (0 where they do).

    `told` is told how many of how many. Raises `Conflict` ("transaction_ids_far_behind").
    """
    with psycopg.connect(driver_url(owner_database_url), autocommit=True) as connection:
        stored, now = _number(connection, _STORED), _number(connection, "SELECT pg_current_xact_id()::text::bigint")
        gap = max(0, stored - now + 1)
        if gap > CATCH_UP_MAX:
            raise Conflict(
                "transaction_ids_far_behind",
                f"this server's transaction ids lie {gap} behind those of the data. Stop PostgreSQL, run"
                f" `pg_resetwal --epoch={(stored >> 32) + 1}` on its data folder, start it, and migrate again",
            )
        connection.execute("SET synchronous_commit = off")  # nothing is written but the ids' commits
        for done in range(0, gap, AT_ONCE):
            _use_up(connection, min(AT_ONCE, gap - done))
            told(min(gap, done + AT_ONCE), gap)
        return gap


def _use_up(connection: psycopg.Connection[tuple[int]], count: int) -> None:
    connection.execute(
        SQL("DO $$ BEGIN FOR i IN 1..{} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$").format(count)
    )


def _number(connection: psycopg.Connection[tuple[int]], query: LiteralString) -> int:
    found = connection.execute(query).fetchone()
    return 0 if found is None else int(found[0])
