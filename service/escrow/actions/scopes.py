"""Freezes on whole scopes: one row each, effective at commit; the holds are paused behind it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from service.core.actor import Actor
from service.db.session import Tx
from service.escrow.rules import ScopeKey


async def freeze_scopes(  # noqa: PLR0913 - a freeze has this many parts
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

    `reason` is a code; at `expires_at` it lifts by itself. Raises `Invalid` ("scopes_missing"). Locks the scope rows FOR
    UPDATE, ordered; a job then pauses the holds in chunks of 1,000.
    """
    raise NotImplementedError


async def lift_scope_freeze(tx: Tx, actor: Actor, freeze_id: UUID, *, now: datetime) -> None:
    """Lift a scope freeze; a job lets the holds' windows resume. Lifting twice changes nothing.

    Raises `NotFound` ("freeze_not_found"). Locks the freeze, then the scope rows FOR UPDATE.
    """
    raise NotImplementedError
