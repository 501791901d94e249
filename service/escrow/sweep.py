"""Release the holds whose window has passed."""

import random
import time
from datetime import datetime

from sqlalchemy import text

from service.db.session import Tx
from service.escrow.rules import SHARDS

BATCH = 500
BATCH_MIN = 20
SLOW_SECONDS = 0.1
"""A batch that took longer is followed by one of half its size, so that nobody waits long for a seller's account."""

# The commit does not wait for the disk while balances of sellers are locked: a release that a crash loses is made again
# by the next sweep, and whoever commits what follows from it waits until both are on the disk.
_RELEASE = text(
    """
    SELECT fairhold_release_due(:now, CAST(:shards AS bigint[]), :limit),
           set_config('synchronous_commit', 'off', true)
    """
)


async def release_due(tx: Tx, *, now: datetime, limit: int = BATCH, first_shard: int = 0) -> int:
    """Release up to `limit` holds that were due 5 s before `now`, and return how many.

    Frozen holds and those of frozen scopes are never met. Holds that another transaction has locked are passed over,
    and so are all holds of a shard of sellers that another sweep is at. Takes the shards from `first_shard` on, around
    the circle, until the limit is reached. While an alert stops the sweep, or a freeze is being made, it releases none.
    The transaction should hold nothing else: its commit does not wait for the disk.
    """
    shards = [(first_shard + step) % SHARDS for step in range(SHARDS)]
    found = await tx.execute(_RELEASE, {"now": now, "shards": shards, "limit": limit})
    released: int = found.one()[0]
    return released


class Sweep:
    """A worker's sweep: it goes around the shards, and its batches shrink when they are slow and grow again."""

    def __init__(self) -> None:
        """Begin anywhere, so that several workers seldom want the same shard."""
        self.batch = BATCH
        self.shard = random.randrange(SHARDS)  # noqa: S311 - to spread, no secret

    async def release(self, tx: Tx) -> int:
        """Release a batch of due holds and return how many."""
        began = time.monotonic()
        released = await release_due(tx, now=await tx.now(), limit=self.batch, first_shard=self.shard)
        self.shard = (self.shard + 1) % SHARDS
        self.pace(released, time.monotonic() - began)
        return released

    def pace(self, released: int, seconds: float) -> None:
        """Choose the next batch's size after one that released so many in so long."""
        if seconds > SLOW_SECONDS:
            self.batch = max(BATCH_MIN, self.batch // 2)
        elif released == self.batch and seconds < SLOW_SECONDS / 2:
            self.batch = min(BATCH, self.batch * 2)
