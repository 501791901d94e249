"""The sweep of 1,000,000 due holds of 5,000 sellers, against a floor without guarantees.

Embedded PostgreSQL with fsync on. Floor: plain copies of the tables with the same columns and the indexes that it
needs; update the due holds with FOR UPDATE SKIP LOCKED, insert one transfer each, no other check. Floor and product
take turns batch by batch, in sessions of their own, and neither's commits wait for the disk. A ratio is the floor's
time per hold by the product's: the backend's processor time (`sweep_vs_floor`), and the wall's beside it. Workers are
processes that run the worker's loop.

`growth_10k_to_1m` is the time per hold while all are due by that while 10,000 are, of the same data: the clock goes
back and forth. Afterwards the ledger must reconcile. `--quick` has 20,000 holds and the ratio to the floor alone.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from _due import Connection, open_database, seed_due, tidy
from _run import ROOT, Result, clean_environment, median, run

from service.db.session import Database, driver_url
from service.embedded import PostgresUrls
from service.escrow.check import reconcile
from service.escrow.rules import SHARDS
from service.escrow.sweep import BATCH

HOLDS, HOLDS_QUICK = 1_000_000, 20_000
SELLERS, SELLERS_QUICK = 5_000, 100
TURNS, TURNS_QUICK = 400, 15
WARM_UP, WARM_UP_QUICK = 64, 4
FEW = 10_000
GROWTH_ROUNDS = 5
WORKER_ROUNDS = 3
WORKER_HOLDS = 40_000

FLOOR_TABLES = """
CREATE TABLE floor_hold (LIKE hold INCLUDING DEFAULTS);
INSERT INTO floor_hold SELECT * FROM hold ORDER BY id;
ALTER TABLE floor_hold ADD PRIMARY KEY (id);
CREATE INDEX ON floor_hold (window_ends_at) WHERE window_ends_at IS NOT NULL;
CREATE TABLE floor_transfer (LIKE transfer INCLUDING DEFAULTS);
INSERT INTO floor_transfer SELECT * FROM transfer ORDER BY subject_id;
ALTER TABLE floor_transfer ADD PRIMARY KEY (subject_id, code);
GRANT SELECT, INSERT, UPDATE ON floor_hold, floor_transfer TO fairhold_app
"""
# It goes on from where it was: index entries of holds that it has released would cost it more and more.
FLOOR = """
WITH due AS MATERIALIZED (
    SELECT id, window_ends_at FROM floor_hold WHERE window_ends_at BETWEEN %(since)s AND %(due)s
    ORDER BY window_ends_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE floor_hold SET state = 'released', ended_at = %(now)s, window_ends_at = NULL
    WHERE id = ANY (ARRAY(SELECT id FROM due)) RETURNING id, seller_id, currency, amount_minor
), moved AS (
    INSERT INTO floor_transfer (subject_id, code, hold_id, debit_account, credit_account, currency, amount_minor, at)
    SELECT id, 'release', id, 'held:' || currency, 'payable:' || seller_id || ':' || currency, currency, amount_minor,
           %(now)s FROM ended
)
SELECT count(*), max(window_ends_at), set_config('synchronous_commit', 'off', true) FROM due
"""
PRODUCT = """
SELECT fairhold_release_due(%(now)s, %(shards)s::bigint[], %(limit)s), set_config('synchronous_commit', 'off', true)
"""
PLANNER = "-c enable_hashjoin=off -c enable_mergejoin=off -c jit=off -c timezone=UTC"
CLOCK = "UPDATE fairhold_clock SET clock_offset = coalesce((%s)::timestamptz + interval '5 s' - now(), interval '0')"
NTH_DUE = "SELECT ends_at FROM hold_due ORDER BY ends_at OFFSET %s LIMIT 1"


@dataclass
class Turns:
    """One side's session, and what its turns took."""

    connection: Connection
    batch: Callable[["Turns"], int]
    since: datetime | str = "-infinity"
    shard: int = 0
    released: int = 0
    wall: float = 0.0
    longest: float = 0.0
    cpu_at_start: float = 0.0

    def turn(self) -> int:
        """Release a batch."""
        began = time.perf_counter()
        released = self.batch(self)
        self.connection.commit()
        taken = time.perf_counter() - began
        self.released, self.wall, self.longest = self.released + released, self.wall + taken, max(self.longest, taken)
        return released

    def forget(self) -> None:
        """Begin to measure here."""
        self.released, self.wall, self.longest, self.cpu_at_start = 0, 0.0, 0.0, self._cpu()

    def cpu_us(self) -> float:
        """Return the backend's processor time per hold."""
        return (self._cpu() - self.cpu_at_start) / self.released * 1e6

    def wall_us(self) -> float:
        """Return the time per hold."""
        return self.wall / self.released * 1e6

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(result: Result, *, quick: bool) -> None:
    """Measure the sweep against a floor without guarantees."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    try:
        with open_database(folder) as urls:
            seed_due(urls, holds=HOLDS_QUICK if quick else HOLDS, sellers=SELLERS_QUICK if quick else SELLERS)
            with psycopg.connect(driver_url(urls.owner)) as owner:
                owner.execute(FLOOR_TABLES)
            tidy(urls)
            longest = against_floor(result, urls, quick=quick)
            if not quick:
                growth(result, urls)
                workers(result, urls, longest)
            asyncio.run(check(urls))
    finally:
        shutil.rmtree(folder)


def against_floor(result: Result, urls: PostgresUrls, *, quick: bool) -> float:
    """Floor and product in turns; return the product's longest transaction in seconds."""
    with open_turns(urls, floor_batch) as floor, open_turns(urls, product_batch) as product:
        sides = (Turns(floor, floor_batch), Turns(product, product_batch))
        for number in range((WARM_UP_QUICK if quick else WARM_UP) + (TURNS_QUICK if quick else TURNS)):
            if number == (WARM_UP_QUICK if quick else WARM_UP):
                for side in sides:
                    side.forget()
            for side in sides:
                assert side.turn() == BATCH, "every batch is full"
        lower, ours = sides
        result.note("floor_cpu_us", lower.cpu_us(), "us")
        result.note("sweep_cpu_us", ours.cpu_us(), "us")
        result.note("floor_wall_us", lower.wall_us(), "us")
        result.note("sweep_wall_us", ours.wall_us(), "us")
        size = "_at_20k" if quick else ""
        result.compare(f"sweep_vs_floor{size}", lower.cpu_us() / ours.cpu_us())
        result.compare(f"sweep_vs_floor_wall{size}", lower.wall_us() / ours.wall_us())
        return ours.longest


def growth(result: Result, urls: PostgresUrls) -> None:
    """Sweep 10,000 due holds while no more are due, and while all are; in turns."""
    few, all_due, walls = [], [], []
    with (
        open_turns(urls, product_batch) as connection,
        psycopg.connect(driver_url(urls.owner), autocommit=True) as owner,
    ):
        side = Turns(connection, product_batch)
        for _ in range(GROWTH_ROUNDS):
            last = owner.execute(NTH_DUE, (FEW,)).fetchone()
            assert last is not None, "more than enough are due"
            owner.execute(CLOCK, last)
            side.forget()
            while side.turn():
                pass
            few.append(side.cpu_us())
            wall = side.wall_us()
            owner.execute(CLOCK, (None,))
            side.forget()
            while side.released < FEW:
                side.turn()
            all_due.append(side.cpu_us())
            walls.append(side.wall_us() / wall)
    result.note("sweep_10k_due_cpu_us", median(few), "us")
    result.note("sweep_1m_due_cpu_us", median(all_due), "us")
    result.compare("growth_10k_to_1m", median([b / a for a, b in zip(few, all_due, strict=True)]))
    result.compare("growth_10k_to_1m_wall", median(walls))


def workers(result: Result, urls: PostgresUrls, longest: float) -> None:
    """One worker against two, in turns; then one worker releases what is left."""
    ratios, ones = [], []
    for _ in range(WORKER_ROUNDS):
        (one,) = run_workers(urls, 1, WORKER_HOLDS)
        two = run_workers(urls, 2, WORKER_HOLDS)
        ones.append(one["released"] / one["seconds"])
        ratios.append(sum(each["released"] / each["seconds"] for each in two) / ones[-1])
        longest = max(longest, *(each["longest_ms"] / 1000 for each in (one, *two)))
    (last,) = run_workers(urls, 1, HOLDS)
    result.note("one_worker_per_s", median(ones), "1/s")
    result.note("released_by_last_worker", last["released"], "holds")
    result.compare("two_workers_vs_one", median(ratios))
    result.note("sweep_rss_growth_mb", last["rss_growth_mb"], "MB")
    result.note("max_lock_ms", max(longest * 1000, last["longest_ms"]), "ms")


def run_workers(urls: PostgresUrls, count: int, holds: int) -> list[dict[str, float]]:
    """Start workers, let them begin together, and return what each says."""
    command = [sys.executable, str(Path(__file__).with_name("_sweeping.py")), urls.app, str(holds)]
    environment = clean_environment({"PYTHONPATH": str(ROOT)})
    started = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(count)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    said = [each.communicate()[0] for each in started]
    return [json.loads(each) for each in said]


def open_turns(urls: PostgresUrls, batch: Callable[[Turns], int]) -> Connection:
    """Open a session of the application role; the floor's planner is told what the product's functions tell theirs."""
    connection = psycopg.connect(driver_url(urls.app), options=PLANNER if batch is floor_batch else "")
    connection.prepare_threshold = 0
    return connection


def floor_batch(turns: Turns) -> int:
    """Release a batch without guarantees."""
    now = current(turns.connection)
    values = {"now": now, "due": now, "since": turns.since, "limit": BATCH}
    released, turns.since, _ = only(turns.connection.execute(FLOOR, values).fetchone())
    return int(released)


def product_batch(turns: Turns) -> int:
    """Release a batch as the worker does: from one shard of sellers after the other."""
    shards = [(turns.shard + step) % SHARDS for step in range(SHARDS)]
    turns.shard = (turns.shard + 1) % SHARDS
    values = {"now": current(turns.connection), "shards": shards, "limit": BATCH}
    return int(only(turns.connection.execute(PRODUCT, values).fetchone())[0])


def current(connection: Connection) -> datetime:
    """Return the transaction's time, as a worker asks for it first."""
    now = only(connection.execute("SELECT fairhold_now()").fetchone())[0]
    assert isinstance(now, datetime)
    return now


def only(row: Sequence[Any] | None) -> tuple[Any, ...]:
    """Return the one row."""
    assert row is not None, "there is a row"
    return tuple(row)


async def check(urls: PostgresUrls) -> None:
    """Reconcile: a fast ledger that is wrong does not count."""
    database = Database(urls.app, pool_max=1)
    async with database.begin() as tx:
        findings = await reconcile(tx)
    await database.close()
    assert findings == [], findings


if __name__ == "__main__":
    run(measure, "sweep")
