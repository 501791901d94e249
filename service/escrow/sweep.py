"""Release the holds whose window has passed."""

from datetime import datetime

from service.db.session import Tx

BATCH = 500


async def release_due(tx: Tx, *, now: datetime, limit: int = BATCH) -> int:
    """Release up to `limit` holds that were due 5 s before `now`, and return how many.

    Frozen holds and those of frozen scopes are never met. Holds that another transaction has locked are passed over.
    """
    raise NotImplementedError
