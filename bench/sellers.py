"""One hot seller against many: 32 clients give up windows, each of its own held payment.

Embedded PostgreSQL with fsync on. The command is the waiver, through its action, with a connection for each client: it
locks the hold in its scopes FOR SHARE, ends it, and changes the seller's payable balance, which all clients of the hot
seller share until their commit. The same clients release holds of 1,000 sellers in the turns between. `hot_vs_spread`
is the hot seller's rate by the others', the median of the turns. Afterwards the ledger must reconcile.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import uvloop
from _due import open_database, seed_due
from _run import Result, median, quantile, run
from sqlalchemy import text

from service.core.actor import Actor, SignIn
from service.db.session import Database, Tx
from service.embedded import PostgresUrls
from service.escrow import actions
from service.escrow.check import reconcile

CLIENTS = 32
SELLERS = 1_000
TURNS, TURNS_QUICK = 5, 2
HOLDS, HOLDS_QUICK = 1_600, 320
LATER = timedelta(days=40)  # no window is over: the sweep has no part in it

OF_SELLERS = """
    SELECT h.id, h.buyer_id FROM hold h
    WHERE h.seller_id IN (SELECT seller_id FROM hold GROUP BY seller_id HAVING (count(*) > :many) = :is_hot)
    ORDER BY hashtext(h.id::text)
"""


def measure(result: Result, *, quick: bool) -> None:
    """Measure one hot seller against many."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    turns, holds = (TURNS_QUICK, HOLDS_QUICK) if quick else (TURNS, HOLDS)
    try:
        with open_database(folder) as urls:
            count = holds * (turns + 1)
            seed_due(urls, holds=count, sellers=1, later=LATER)
            seed_due(urls, holds=count, sellers=SELLERS, later=LATER)
            uvloop.run(take_turns(result, urls, turns=turns, holds=holds))
    finally:
        shutil.rmtree(folder)


async def take_turns(result: Result, urls: PostgresUrls, *, turns: int, holds: int) -> None:
    """Release by the hot seller's holds and by the others', in turns; the first pair only warms up."""
    database = Database(urls.app, pool_max=CLIENTS)
    many = holds * turns
    hot = iter(await holds_of(database, many, is_hot=True))
    spread = iter(await holds_of(database, many, is_hot=False))
    rates: dict[str, list[float]] = {"hot": [], "spread": []}
    latencies: dict[str, list[float]] = {"hot": [], "spread": []}
    for turn in range(turns + 1):
        for name, rest in (("hot", hot), ("spread", spread)):
            began = time.perf_counter()
            shares = [[next(rest) for _ in range(holds // CLIENTS)] for _ in range(CLIENTS)]
            taken = await asyncio.gather(*(client(database, iter(share)) for share in shares))
            if turn:
                rates[name].append(holds / (time.perf_counter() - began))
                latencies[name] += [each * 1000 for own in taken for each in own]
    async with database.begin() as tx:
        assert await reconcile(tx) == []
    await database.close()
    for name, each in rates.items():
        result.note(f"{name}_per_s", median(each), "1/s")
        result.note(f"{name}_p50_ms", median(latencies[name]), "ms")
        result.note(f"{name}_p99_ms", quantile(latencies[name], 0.99), "ms")
    result.compare("hot_vs_spread", median([a / b for a, b in zip(rates["hot"], rates["spread"], strict=True)]))


async def client(database: Database, holds: Iterator[tuple[UUID, UUID]]) -> list[float]:
    """Give up the windows of these holds, one after the other; the seconds of each."""
    taken = []
    for hold_id, buyer_id in holds:
        began = time.perf_counter()
        await database.run(partial(waive, hold_id=hold_id, buyer_id=buyer_id))
        taken.append(time.perf_counter() - began)
    return taken


async def waive(tx: Tx, hold_id: UUID, buyer_id: UUID) -> None:
    """Release one hold at its buyer's word."""
    await actions.waive_window(tx, Actor(buyer_id, sign_in=SignIn.SESSION), hold_id, now=await tx.now())


async def holds_of(database: Database, many: int, *, is_hot: bool) -> list[tuple[UUID, UUID]]:
    """Return the holds of the hot seller, or of the others, mixed; with their buyers."""
    async with database.begin() as tx:
        found = await tx.execute(text(OF_SELLERS), {"many": many, "is_hot": is_hot})
        return [(row.id, row.buyer_id) for row in found]


if __name__ == "__main__":
    run(measure, "sellers")
