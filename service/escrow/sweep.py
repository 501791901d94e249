"""Release the holds whose window has passed."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, text

from service.db.session import Tx
from service.escrow.rules import SWEEP_MARGIN

BATCH = 500

# The sweep waits for nobody: holds that anyone has locked are passed over, and so are holds of scopes that a freeze is
# just taking. Both are judged as they are when locked. Everything comes from the locked rows themselves: a join of a
# locking CTE to `hold` makes a plan that scans the whole table.
_RELEASE = text(
    """
    WITH due AS MATERIALIZED (
        SELECT h.id, h.tenant_id, h.seller_id, h.product_id, h.batch_id, h.currency, h.amount_minor,
               h.fee_bps,
               h.amount_minor / 10000 * h.fee_bps + mod(h.amount_minor, 10000) * h.fee_bps / 10000 AS fee_minor
        FROM hold h
        WHERE h.window_ends_at <= :due AND NOT EXISTS (
            SELECT FROM fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
            LEFT JOIN scope x ON x.kind = s.kind AND x.key = s.key WHERE x.freeze_count IS DISTINCT FROM 0)
        ORDER BY h.window_ends_at LIMIT :limit FOR UPDATE OF h SKIP LOCKED
    ), wanted AS MATERIALIZED (
        SELECT DISTINCT s.kind, s.key FROM due d, fairhold_scopes(d.seller_id, d.product_id, d.batch_id) s
    ), payable AS MATERIALIZED (
        SELECT x.kind, x.key FROM wanted w JOIN scope x ON x.kind = w.kind AND x.key = w.key
        WHERE x.freeze_count = 0 ORDER BY x.kind, x.key FOR SHARE OF x SKIP LOCKED
    )
    INSERT INTO resolution (hold_id, tenant_id, seller_id, outcome, cause, currency, amount_minor, fee_bps,
                            buyer_minor, seller_minor, fee_minor, at)
    SELECT d.id, d.tenant_id, d.seller_id, 'released', 'sweep', d.currency, d.amount_minor, d.fee_bps,
           0, d.amount_minor - d.fee_minor, d.fee_minor, :now
    FROM due d WHERE NOT EXISTS (
        SELECT FROM fairhold_scopes(d.seller_id, d.product_id, d.batch_id) s
        WHERE (s.kind, s.key) NOT IN (SELECT kind, key FROM payable))
    """
)


async def release_due(tx: Tx, *, now: datetime, limit: int = BATCH) -> int:
    """Release up to `limit` holds that were due 5 s before `now`, and return how many.

    Frozen holds and those of frozen scopes are never met. Holds that another transaction has locked are passed over.
    """
    await tx.execute(text("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off"))
    released = await tx.execute(_RELEASE, {"due": now - SWEEP_MARGIN, "now": now, "limit": limit})
    return cast("CursorResult[Any]", released).rowcount
