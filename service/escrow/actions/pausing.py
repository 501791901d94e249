"""Pause and resume the holds of a scope freeze, a chunk at a time. The freeze itself is in force since its commit."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from service.db.session import Tx
from service.escrow.actions.freezing import tell_resumed
from service.escrow.tables import IN_SCOPE, ScopeFreeze

CHUNK = 1_000

_PAUSE = (
    "WITH chunk AS MATERIALIZED (SELECT h.id FROM hold h WHERE h.ended_at IS NULL AND {scope}"
    " AND NOT EXISTS (SELECT FROM hold_freeze x WHERE x.hold_id = h.id AND x.source_id = :freeze_id"
    "  AND x.lifted_at IS NULL) ORDER BY h.id LIMIT :limit FOR UPDATE)"
    " INSERT INTO hold_freeze (id, hold_id, kind, source_id, at)"
    " SELECT uuidv7(), id, 'scope', :freeze_id, :now FROM chunk ON CONFLICT DO NOTHING RETURNING hold_id"
)


async def pause_chunk(tx: Tx, freeze_id: UUID, *, now: datetime, limit: int = CHUNK) -> int:
    """Pause up to `limit` open holds in the scopes of a live freeze; return how many, 0 when all are.

    Locks the freeze FOR SHARE, so that it is not lifted meanwhile, then the holds by id.
    """
    live = await tx.scalar(
        select(ScopeFreeze.id)
        .where(ScopeFreeze.id == freeze_id, ScopeFreeze.lifted_at.is_(None))
        .with_for_update(read=True)
    )
    if live is None:
        return 0
    members = await tx.execute(
        text("SELECT kind, key FROM scope_freeze_member WHERE freeze_id = :freeze_id ORDER BY kind, key"),
        {"freeze_id": freeze_id},
    )
    for member in members.all():
        paused = await tx.execute(
            text(_PAUSE.format(scope=IN_SCOPE[member.kind])),
            {"freeze_id": freeze_id, "key": member.key, "now": now, "limit": limit},
        )
        count = len(paused.all())
        if count:
            return count
    return 0


async def resume_chunk(tx: Tx, freeze_id: UUID, *, now: datetime, limit: int = CHUNK) -> int:
    """Lift a lifted scope freeze from up to `limit` holds; return how many, 0 at the end. Locks the holds by id."""
    locked = await tx.execute(
        text(
            "SELECT h.id FROM hold h WHERE h.id IN ("
            "  SELECT x.hold_id FROM hold_freeze x JOIN scope_freeze f ON f.id = x.source_id"
            "  WHERE x.source_id = :freeze_id AND x.lifted_at IS NULL AND f.lifted_at IS NOT NULL)"
            " ORDER BY h.id LIMIT :limit FOR UPDATE"
        ),
        {"freeze_id": freeze_id, "limit": limit},
    )
    hold_ids = list(locked.scalars())
    if not hold_ids:
        return 0
    await tx.execute(
        text(
            "UPDATE hold_freeze SET lifted_at = greatest(at, :now)"
            " WHERE source_id = :freeze_id AND lifted_at IS NULL AND hold_id = ANY(:hold_ids)"
        ),
        {"freeze_id": freeze_id, "hold_ids": hold_ids, "now": now},
    )
    await tell_resumed(tx, hold_ids, now=now)
    return len(hold_ids)
