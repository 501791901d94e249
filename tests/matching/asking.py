"""A process that looks for batches: a line of standard input is a question as JSON, a line of output its answer."""

import asyncio
import json
import sys
from typing import Any

from service.complaints.matching.facts import Query
from service.complaints.matching.retrieve import find
from service.db.session import Database

Answer = list[tuple[str, str, str]]


async def ask(database: Database, **told: Any) -> Answer:
    """Return id, lot and name of the batches that a process finds, in their order."""
    async with database.begin() as tx:
        found = (await find(tx, Query(**told))).candidates
    return [(str(one.batch_id), one.lot_code, one.name_en) for one in found]


async def main() -> None:
    """Answer until there are no more questions."""
    database = Database(sys.argv[1], pool_max=1)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await ask(database, **json.loads(line))), flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
