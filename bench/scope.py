"""A freeze of one batch with 100,000 held payments: how soon it holds, how long until all are paused, claims meanwhile.

Embedded PostgreSQL with fsync on; a fifth of the holds are due when the batch is frozen, and two sweepers are at them.
`effective_s` is the freezing transaction, from its beginning to its commit: from then on none is released, which the
sweeps and the ledger show. `paused_s` is the worker's job in a process of its own. `claim_p99_s` are claims on
those holds by eight clients until the job has ended, from the beginning of a claim's transaction to its commit.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import uvloop
from _due import AMOUNT_MINOR, open_database, seed_due
from _run import ROOT, Result, clean_environment, median, quantile, run
from sqlalchemy import text

from service.core.actor import SYSTEM, Actor, SignIn
from service.core.ids import new_id
from service.db.session import Database, Tx
from service.embedded import PostgresUrls
from service.escrow import actions
from service.escrow.check import reconcile
from service.escrow.rules import ScopeKey
from service.escrow.sweep import Sweep

HOLDS, HOLDS_QUICK = 100_000, 5_000
SELLERS = 1_000
CLIENTS = 8
SWEEPERS = 2
SWEPT_BEFORE = 2_000
TAIL_SAMPLES_MIN = 100
LATER = timedelta(days=24)  # of windows that end over 30 days, a fifth is over

RELEASED = "SELECT count(*) FROM resolution WHERE cause = 'sweep'"
NOT_PAUSED = "SELECT count(*) FROM hold WHERE ended_at IS NULL AND freeze_count = 0"
OPEN = (
    "SELECT h.id, h.buyer_id FROM hold h WHERE h.window_ends_at > fairhold_now() + interval '1 day' ORDER BY random()"
)


def measure(result: Result, *, quick: bool) -> None:
    """Measure a freeze of a batch with 100,000 held payments."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    batch_id, holds = new_id(), HOLDS_QUICK if quick else HOLDS
    try:
        with open_database(folder) as urls:
            seed_due(urls, holds=holds, sellers=min(SELLERS, holds), batch_id=batch_id, later=LATER)
            pausing = start_job(urls)
            try:
                uvloop.run(freeze(result, urls, pausing, batch_id, quick=quick))
            finally:
                pausing.kill()
                pausing.wait()
    finally:
        shutil.rmtree(folder)


async def freeze(
    result: Result, urls: PostgresUrls, pausing: "subprocess.Popen[str]", batch_id: UUID, *, quick: bool
) -> None:
    """Sweep, freeze amid the sweep, pause, and claim until all are paused."""
    database = Database(urls.app, pool_max=CLIENTS + SWEEPERS + 1)
    async with database.begin() as tx:
        claimable = [(row.id, row.buyer_id) for row in await tx.execute(text(OPEN))]
    stop = asyncio.Event()
    sweepers = [asyncio.create_task(sweep(database, stop)) for _ in range(SWEEPERS)]
    await until_released(database, 1 if quick else SWEPT_BEFORE)

    began = time.perf_counter()
    freeze_id = await database.run(lambda tx: freeze_batch(tx, batch_id))
    effective_s = time.perf_counter() - began
    released = await value(database, RELEASED)

    assert pausing.stdin is not None
    pausing.stdin.write(f"{freeze_id}\n")
    pausing.stdin.flush()
    paused = asyncio.create_task(asyncio.to_thread(pausing.communicate))
    rest = iter(claimable)
    clients = [asyncio.create_task(claim_until(database, rest, paused)) for _ in range(CLIENTS)]
    paused_s = float((await paused)[0].splitlines()[-1])
    claims = [seconds for each in await asyncio.gather(*clients) for seconds in each]
    stop.set()
    await asyncio.gather(*sweepers)

    assert await value(database, NOT_PAUSED) == 0, "every hold is paused"
    assert await value(database, RELEASED) == released, "nothing is released after the freeze's commit"
    async with database.begin() as tx:
        assert await reconcile(tx) == []
    await database.close()
    report(result, effective_s, paused_s, claims, released, quick=quick)


def report(
    result: Result, effective_s: float, paused_s: float, claims: Sequence[float], released: int, *, quick: bool
) -> None:
    """Write the keys; of fewer holds under names of their own."""
    size = "_at_5k" if quick else ""
    result.note("released_before", released, "holds")
    result.note(f"effective_s{size}", effective_s, "s")
    result.note(f"paused_s{size}", paused_s, "s")
    result.note("claims_meanwhile", len(claims), "claims")
    if claims:
        result.note("claim_p50_s", median(claims), "s")
    if len(claims) >= TAIL_SAMPLES_MIN:
        result.note(f"claim_p99_s{size}", quantile(claims, 0.99), "s")


async def freeze_batch(tx: Tx, batch_id: UUID) -> UUID:
    """Freeze as a signal does."""
    return await actions.freeze_scopes(
        tx, SYSTEM, [ScopeKey.batch(batch_id)], reason="signal", source_id=new_id(), expires_at=None, now=await tx.now()
    )


async def sweep(database: Database, stop: asyncio.Event) -> None:
    """Sweep as a worker does, without its pauses."""
    own = Sweep()
    while not stop.is_set():
        if not await database.run(own.release):
            await asyncio.sleep(0.05)


async def claim_until(
    database: Database, rest: Iterator[tuple[UUID, UUID]], paused: "asyncio.Task[tuple[str, str]]"
) -> list[float]:
    """Claim half of one hold after the other until all are paused; how long each took."""
    taken = []
    for hold_id, buyer_id in rest:
        if paused.done():
            break
        began = time.perf_counter()
        await database.run(partial(claim, hold_id=hold_id, buyer_id=buyer_id))
        taken.append(time.perf_counter() - began)
    return taken


async def claim(tx: Tx, hold_id: UUID, buyer_id: UUID) -> None:
    """Claim half of a held payment."""
    buyer = Actor(buyer_id, sign_in=SignIn.SESSION)
    await actions.claim_hold(
        tx, buyer, hold_id, claimed_minor=AMOUNT_MINOR // 2, source_id=new_id(), now=await tx.now()
    )


def start_job(urls: PostgresUrls) -> "subprocess.Popen[str]":
    """Start the job's process and wait until it is connected."""
    command = [sys.executable, str(Path(__file__).with_name("_pausing.py")), urls.app]
    environment = clean_environment({"PYTHONPATH": str(ROOT)})
    started = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


async def until_released(database: Database, holds: int) -> None:
    """Wait until the sweepers have released so many."""
    while await value(database, RELEASED) < holds:  # noqa: ASYNC110 - PostgreSQL tells it only when asked
        await asyncio.sleep(0.002)


async def value(database: Database, query: str) -> int:
    """Return one number."""
    async with database.reading() as tx:
        return int((await tx.execute(text(query))).scalar_one())


if __name__ == "__main__":
    run(measure, "scope")
