"""Freezes on whole scopes: one row each, effective at commit; the holds are paused behind it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.core.ids import new_id
from service.db.locks import locked
from service.db.session import Tx
from service.deadlines.actions import cancel, promise
from service.escrow.rules import ScopeKey
from service.escrow.tables import Scope, ScopeFreeze, ScopeFreezeMember
from service.events.log import emit
from service.jobs.queue import enqueue

EXPIRY = "scope_freeze_expiry"


async def freeze_scopes(
    tx: Tx,
    actor: Actor,
    scopes: Sequence[ScopeKey],
    *,
    reason: str,
    source_id: UUID,
    expires_at: datetime | None,
    now: datetime,
) -> UUID:
    """Freeze scopes and return the freeze's id. From the commit on no hold in them is paid, nor one funded later.

    `reason` is a code; at `expires_at` it lifts by itself. Raises `Invalid` ("scopes_missing"). Locks the scope rows
    FOR UPDATE, ordered; a job then pauses the holds in chunks of 1,000.
    """
    keys = sorted(set(scopes))
    if not keys:
        raise Invalid("scopes_missing", "a freeze covers at least one scope")
    rows = [{"kind": each.kind, "key": each.key} for each in keys]
    await tx.execute(upsert(Scope).on_conflict_do_nothing(), rows)
    await _lock(tx, keys)
    freeze_id = new_id()
    await tx.execute(
        insert(ScopeFreeze).values(
            id=freeze_id, reason=reason, source_id=source_id, actor_id=actor.person_id, at=now, expires_at=expires_at
        )
    )
    await tx.execute(insert(ScopeFreezeMember), [{"freeze_id": freeze_id, **row} for row in rows])
    if expires_at is not None:
        await promise(tx, EXPIRY, freeze_id, due_at=expires_at, handler="escrow.expire_scope_freeze", now=now)
    await _tell(tx, actor, "scope.frozen", freeze_id, source_id, keys, now)
    await enqueue(tx, "escrow.pause_holds", {"freeze_id": str(freeze_id)})
    return freeze_id


async def lift_scope_freeze(tx: Tx, actor: Actor, freeze_id: UUID, *, now: datetime) -> None:
    """Lift a scope freeze; a job lets the holds' windows resume. Lifting twice changes nothing.

    Raises `NotFound` ("freeze_not_found"). Locks the freeze, then the scope rows FOR UPDATE.
    """
    freeze = await tx.scalar(locked(select(ScopeFreeze).where(ScopeFreeze.id == freeze_id)))
    if freeze is None:
        raise NotFound("freeze_not_found", "there is no such freeze")
    if freeze.lifted_at is not None:
        return
    members = await tx.execute(
        select(ScopeFreezeMember.kind, ScopeFreezeMember.key).where(ScopeFreezeMember.freeze_id == freeze_id)
    )
    keys = sorted(ScopeKey(row.kind, row.key) for row in members)
    await _lock(tx, keys)
    await tx.execute(
        update(ScopeFreeze)
        .where(ScopeFreeze.id == freeze_id)
        .values(lifted_at=func.greatest(ScopeFreeze.at, now), lifted_by=actor.person_id)
        .execution_options(synchronize_session=False)
    )
    await cancel(tx, EXPIRY, freeze_id, now=now)
    await _tell(tx, actor, "scope.lifted", freeze_id, freeze.source_id, keys, now)
    await enqueue(tx, "escrow.resume_holds", {"freeze_id": str(freeze_id)})


async def _lock(tx: Tx, keys: Sequence[ScopeKey]) -> None:
    await tx.execute(
        select(Scope.kind)
        .where(tuple_(Scope.kind, Scope.key).in_([(each.kind, each.key) for each in keys]))
        .order_by(Scope.kind, Scope.key)
        .with_for_update()
    )


async def _tell(
    tx: Tx, actor: Actor, name: str, freeze_id: UUID, source_id: UUID, keys: Sequence[ScopeKey], now: datetime
) -> None:
    facts = {"source_id": str(source_id), "scopes": [[each.kind, each.key] for each in keys]}
    await emit(tx, name, actor=actor, subject=("scope_freeze", freeze_id), now=now, facts=facts)
