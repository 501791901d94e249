"""Freezes on single holds."""

from datetime import datetime
from uuid import UUID

from service.core.actor import Actor
from service.db.session import Tx


async def freeze_hold(
    tx: Tx, actor: Actor, hold_id: UUID, *, kind: str, source_id: UUID, now: datetime
) -> None:
    """Freeze an open hold: its seller is not paid until `source_id` lifts it. `kind` is one of `rules.FREEZE_KINDS`.

    Raises `NotFound` ("hold_not_found"), `Conflict` ("hold_state", "freeze_exists"). Locks the hold.
    """
    raise NotImplementedError


async def lift_freeze(tx: Tx, actor: Actor, *, source_id: UUID, now: datetime) -> int:
    """Lift every live freeze of a source and return how many holds that was; windows resume with the last freeze.

    Locks the holds, by id.
    """
    raise NotImplementedError
