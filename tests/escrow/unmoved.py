"""That nothing moved: after a refusal every balance, transfer, hold, operation and event is what it was before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from service.db.session import Database

_ROWS = (
    "transfer",
    "resolution",
    "hold",
    "hold_freeze",
    "payment",
    "account",
    "scope",
    "scope_freeze",
    "payout_block",
    "chargeback",
    "event",
)
_DIGESTS = " UNION ALL ".join(
    f"SELECT '{name}' AS name, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS digest FROM {name} t"
    for name in _ROWS
)
_BALANCES = (
    "SELECT a.id, CASE a.balance_mode WHEN 'locked' THEN a.balance_minor ELSE"
    "  coalesce((SELECT sum(amount_minor) FROM transfer WHERE credit_account = a.id), 0)"
    "  - coalesce((SELECT sum(amount_minor) FROM transfer WHERE debit_account = a.id), 0) END::bigint AS minor"
    " FROM account a"
)
_HOLDS = "SELECT id, state, amount_minor, freeze_count, window_ends_at, window_left_seconds FROM hold"


@dataclass(frozen=True, slots=True)
class Standing:
    """How the ledger stands. `digests` has one of every row of each table, and so names the table that changed."""

    balances: dict[str, int]
    transfers: int
    holds: dict[Any, tuple[Any, ...]]
    digests: dict[str, str]


async def standing(database: Database) -> Standing:
    """Read how the ledger stands."""
    async with database.begin() as tx:
        balances = {row.id: row.minor for row in await tx.execute(text(_BALANCES))}
        transfers = (await tx.execute(text("SELECT count(*) FROM transfer"))).scalar_one()
        holds = {row.id: tuple(row)[1:] for row in await tx.execute(text(_HOLDS))}
        digests = {row.name: row.digest for row in await tx.execute(text(_DIGESTS))}
    return Standing(balances, int(transfers), holds, digests)


@asynccontextmanager
async def unmoved(database: Database) -> AsyncIterator[None]:
    """Assert that whatever happens inside leaves the ledger as it stood."""
    before = await standing(database)
    yield
    assert await standing(database) == before
