"""The worker's job that pauses the holds of a scope freeze, in a process of its own: `python _pausing.py DATABASE_URL`.

Prints "ready", waits for the freeze's id on standard input, does the job, and prints the seconds that it took.
"""

import asyncio
import sys
import time

import uvloop

from service.db.session import Database
from service.escrow.jobs import pause_holds


async def pause(url: str) -> float:
    """Pause every hold of the freeze."""
    database = Database(url, pool_max=1)
    async with database.begin() as tx:
        await tx.now()
    print("ready", flush=True)
    freeze_id = (await asyncio.to_thread(sys.stdin.readline)).strip()
    began = time.perf_counter()
    await pause_holds({"freeze_id": freeze_id}, database=database)
    seconds = time.perf_counter() - began
    await database.close()
    return seconds


if __name__ == "__main__":
    print(uvloop.run(pause(sys.argv[1])), flush=True)
