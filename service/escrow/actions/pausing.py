"""Pause and resume the holds of a scope freeze, a chunk at a time. The freeze itself is in force since its commit."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from service.core.ids import new_id
from service.db.session import Tx
from service.escrow.actions.freezing import tell_resumed
from service.escrow.tables import IN_SCOPE

CHUNK = 1_000
_BEFORE_ALL = UUID(int=0)

# A chunk's commit does not wait for the disk: one that PostgreSQL loses in a crash is done again by its job, whose own
# end is flushed, and all before it.
_MEMBER = (
    "SELECT m.kind, m.key, set_config('synchronous_commit', 'off', true)"
    " FROM scope_freeze f JOIN scope_freeze_member m ON m.freeze_id = f.id"
    " WHERE f.id = :freeze_id AND f.lifted_at IS NULL ORDER BY m.kind, m.key OFFSET :scope LIMIT 1 FOR SHARE OF f"
)

# The holds come in the order of an index of each scope and id, and each chunk goes on behind the last one: holds that
# come into the scope meanwhile inherit its freeze as they come. Those that have it already conflict, and are not looked
# up: with old statistics the planner takes all rows of the freeze for each hold. The ids of a chunk are one id that
# counts, since uuidv7() asks the kernel for each.
_PAUSE = (
    "WITH chunk AS MATERIALIZED (SELECT h.id FROM hold h WHERE h.ended_at IS NULL AND {scope} AND h.id > :after"
    " ORDER BY h.id LIMIT :limit FOR UPDATE), paused AS ("
    " INSERT INTO hold_freeze (id, hold_id, kind, source_id, at)"
    " SELECT encode(substring(uuid_send(CAST(:first_id AS uuid)) FOR 12) || int4send((row_number() OVER ())::int),"
    "  'hex')::uuid, id, 'scope', :freeze_id, :now FROM chunk ON CONFLICT DO NOTHING RETURNING hold_id)"
    " SELECT (SELECT count(*) FROM paused) AS paused, (SELECT id FROM chunk ORDER BY id DESC LIMIT 1) AS last"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the holds of a freeze were paused: in the scope of that place, up to that hold."""

    scope: int = 0
    hold_id: UUID = _BEFORE_ALL


async def pause_chunk(
    tx: Tx, freeze_id: UUID, *, after: Mark, now: datetime, limit: int = CHUNK
) -> tuple[int, Mark | None]:
    """Pause up to `limit` open holds in a live freeze's scopes, behind `after`; return how many, and the next mark.

    No mark: all are paused, or the freeze was lifted. The commit is not flushed. Locks the freeze FOR SHARE, so that it
    is not lifted meanwhile, then the holds by id.
    """
    member = (await tx.execute(text(_MEMBER), {"freeze_id": freeze_id, "scope": after.scope})).one_or_none()
    if member is None:
        return 0, None
    asked = {"freeze_id": freeze_id, "key": member.key, "after": after.hold_id, "now": now, "limit": limit}
    asked["first_id"] = new_id()
    chunk = (await tx.execute(text(_PAUSE.format(scope=IN_SCOPE[member.kind])), asked)).one()
    next_mark = Mark(after.scope + 1) if chunk.last is None else Mark(after.scope, chunk.last)
    return chunk.paused, next_mark


async def resume_chunk(tx: Tx, freeze_id: UUID, *, now: datetime, limit: int = CHUNK) -> int:
    """Lift a lifted scope freeze from up to `limit` holds; return how many, 0 at the end. Locks the holds by id."""
    locked = await tx.execute(
        text(
            "SELECT h.id FROM hold_freeze x JOIN hold h ON h.id = x.hold_id"
            " WHERE x.source_id = :freeze_id AND x.lifted_at IS NULL"
            " AND EXISTS (SELECT FROM scope_freeze f WHERE f.id = :freeze_id AND f.lifted_at IS NOT NULL)"
            " ORDER BY x.hold_id LIMIT :limit FOR UPDATE OF h"
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
