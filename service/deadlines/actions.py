"""Make, cancel and fire promises."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service.core.ids import new_id
from service.db.session import Tx
from service.jobs.queue import enqueue

SWEEP_BATCH = 500


async def promise(
    tx: Tx,
    name: str,
    subject_id: UUID,
    *,
    due_at: datetime,
    handler: str,
    now: datetime,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Promise that `handler` runs at `due_at` with {subject_id, deadline, ...payload}; replaces a pending one."""
    await cancel(tx, name, subject_id, now=now)
    await tx.execute(
        text(
            "INSERT INTO deadline (id, name, subject_id, due_at, handler, payload, state, made_at)"
            " VALUES (:id, :name, :subject_id, :due_at, :handler, CAST(:payload AS jsonb), 'pending', :now)"
        ),
        {
            "id": new_id(),
            "name": name,
            "subject_id": subject_id,
            "due_at": due_at,
            "handler": handler,
            "payload": _json(payload or {}),
            "now": now,
        },
    )


async def cancel(tx: Tx, name: str, subject_id: UUID, *, now: datetime) -> bool:
    """Cancel the pending promise of this name, if there is one; whether there was."""
    ended = await tx.execute(
        text(
            "UPDATE deadline SET state = 'cancelled', ended_at = :now"
            " WHERE name = :name AND subject_id = :subject_id AND state = 'pending' RETURNING 1"
        ),
        {"name": name, "subject_id": subject_id, "now": now},
    )
    return ended.first() is not None


async def fire_due(tx: Tx, *, now: datetime, limit: int = SWEEP_BATCH) -> int:
    """Enqueue the handlers of promises that are due and mark them fired, each once; return how many."""
    due = (
        await tx.execute(
            text(
                "UPDATE deadline SET state = 'fired', ended_at = :now WHERE id = ANY(ARRAY("
                " SELECT id FROM deadline WHERE state = 'pending' AND due_at <= :now"
                " ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED))"
                " RETURNING name, subject_id, handler, payload"
            ),
            {"now": now, "limit": limit},
        )
    ).all()
    for each in due:
        await enqueue(tx, each.handler, {"subject_id": str(each.subject_id), "deadline": each.name, **each.payload})
    return len(due)


def _json(payload: Mapping[str, Any]) -> str:
    return json.dumps(dict(payload))
