"""A worker's sweep in a process of its own: `python _sweeping.py DATABASE_URL HOLDS` releases so many, and says how.

Prints "ready", waits for a line on standard input, sweeps as the worker does, and prints JSON.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop

from service.db.session import Database
from service.escrow.sweep import Sweep

WARM_BATCHES = 20


async def sweep(url: str, holds: int) -> dict[str, float]:
    """Release `holds` due holds; rate, longest transaction, growth of resident memory after the first batches."""
    database, own = Database(url, pool_max=1), Sweep()
    async with database.begin() as tx:
        await tx.now()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    released, batches, empty, longest, before = 0, 0, 0, 0.0, 0.0
    began = time.perf_counter()
    while released < holds and empty < WARM_BATCHES:
        start = time.perf_counter()
        done = await database.run(own.release)
        longest = max(longest, time.perf_counter() - start)
        released, batches, empty = released + done, batches + 1, 0 if done else empty + 1
        if batches == WARM_BATCHES:
            before = resident_mb()
    seconds = time.perf_counter() - began
    await database.close()
    return {
        "released": released,
        "seconds": seconds,
        "longest_ms": longest * 1000,
        "rss_growth_mb": resident_mb() - before if before else 0.0,
    }


def resident_mb() -> float:
    """Return this process's resident memory."""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(uvloop.run(sweep(sys.argv[1], int(sys.argv[2])))), flush=True)
