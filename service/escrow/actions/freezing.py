"""Freezes on single holds. Triggers count them on the hold, pause and resume its window, and write the events."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, text, update

from service.core.actor import Actor
from service.core.errors import Conflict, ensure
from service.core.ids import new_id
from service.db.session import Tx
from service.escrow.actions.locking import lock_hold
from service.escrow.rules import FREEZE_KINDS
from service.escrow.tables import Hold, HoldFreeze


async def freeze_hold(tx: Tx, actor: Actor, hold_id: UUID, *, kind: str, source_id: UUID, now: datetime) -> None:
    """Freeze an open hold: its seller is not paid until `source_id` lifts it. `kind` is one of `rules.FREEZE_KINDS`.

    Raises `NotFound` ("hold_not_found"), `Conflict` ("hold_state", "freeze_exists"). Locks the hold.
    """
    ensure(kind in FREEZE_KINDS, f"{kind} is a kind of freeze")
    hold = await lock_hold(tx, hold_id)
    await add_freeze(tx, actor, hold, kind=kind, source_id=source_id, now=now)


async def add_freeze(tx: Tx, actor: Actor, hold: Hold, *, kind: str, source_id: UUID, now: datetime) -> None:
    """Freeze a hold that is locked, and read it again. Raises `Conflict` ("hold_state", "freeze_exists")."""
    if hold.ended_at is not None:
        raise Conflict("hold_state", f"freeze is not possible while {hold.state}", state=hold.state, action="freeze")
    live = await tx.scalar(
        select(HoldFreeze.id).where(
            HoldFreeze.hold_id == hold.id, HoldFreeze.source_id == source_id, HoldFreeze.lifted_at.is_(None)
        )
    )
    if live is not None:
        raise Conflict("freeze_exists", "this source has frozen the hold already", source_id=str(source_id))
    await tx.execute(
        insert(HoldFreeze).values(
            id=new_id(), hold_id=hold.id, kind=kind, source_id=source_id, actor_id=actor.person_id, at=now
        )
    )
    await tx.refresh(hold)


async def lift_freeze(tx: Tx, actor: Actor, *, source_id: UUID, now: datetime) -> int:
    """Lift every live freeze of a source and return how many holds that was; windows resume with the last freeze.

    Locks the holds, by id.
    """
    frozen = select(HoldFreeze.hold_id).where(HoldFreeze.source_id == source_id, HoldFreeze.lifted_at.is_(None))
    await tx.execute(select(Hold.id).where(Hold.id.in_(frozen)).order_by(Hold.id).with_for_update())
    lifted = await tx.execute(
        update(HoldFreeze)
        .where(HoldFreeze.source_id == source_id, HoldFreeze.lifted_at.is_(None))
        .values(lifted_at=func.greatest(HoldFreeze.at, now), lifted_by=actor.person_id)
        .returning(HoldFreeze.hold_id)
        .execution_options(synchronize_session=False)
    )
    hold_ids = [row.hold_id for row in lifted]
    await tell_resumed(tx, hold_ids, now=now)
    return len(hold_ids)


async def tell_resumed(tx: Tx, hold_ids: Collection[UUID], *, now: datetime) -> None:
    """Append "hold.window_resumed" for those of the holds, just lifted, whose window runs again."""
    await tx.execute(
        text(
            "INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)"
            " SELECT uuidv7(), 'hold.window_resumed', 'hold', h.id, h.tenant_id, :now, jsonb_build_object("
            "  'reference_id', h.reference_id, 'window_ends_at', h.window_ends_at)"
            " FROM hold h WHERE h.id = ANY(:hold_ids) AND h.window_ends_at IS NOT NULL"
        ),
        {"hold_ids": list(hold_ids), "now": now},
    )
