"""Lock one hold as docs/decisions/0002-lock-order.md says: its scopes FOR SHARE, then its row."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from service.core.errors import NotFound
from service.db.locks import locked
from service.db.session import Tx
from service.escrow.tables import Hold


async def lock_hold(tx: Tx, hold_id: UUID) -> Hold:
    """Return the hold, locked and fresh; raises `NotFound` ("hold_not_found")."""
    hold = await tx.scalar(locked(select(Hold).where(Hold.id == hold_id)))
    if hold is None:
        raise NotFound("hold_not_found", "there is no such held payment")
    return hold


async def lock_hold_in_scopes(tx: Tx, hold_id: UUID, *, now: datetime) -> Hold:
    """Return the hold, locked, with every freeze of its scopes written on it: `freeze_count` is the whole truth.

    Takes the scopes FOR SHARE first, so that no scope freeze commits before this transaction ends. If the batch was
    named in between, the new scope is taken behind the hold; that cannot deadlock, since whoever takes a scope FOR
    UPDATE never waits for a hold. Raises `NotFound`.
    """
    await tx.execute(
        text(
            "SELECT FROM scope x WHERE (x.kind, x.key) IN (SELECT s.kind, s.key FROM hold h,"
            " fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s WHERE h.id = :hold_id)"
            " ORDER BY x.kind, x.key FOR SHARE"
        ),
        {"hold_id": hold_id},
    )
    hold = await lock_hold(tx, hold_id)
    if hold.ended_at is None:
        await tx.execute(
            text("SELECT fairhold_inherit_freezes(ARRAY[CAST(:hold_id AS uuid)], :now)"),
            {"hold_id": hold_id, "now": now},
        )
        await tx.refresh(hold)
    return hold
