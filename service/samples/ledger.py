"""What happens to generated holds, by the same triggers as everything else; nothing is written beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.samples.loading import Connection


@dataclass(frozen=True, slots=True)
class Window:
    """The window of a hold, as its delivery started it."""

    hold_id: UUID
    delivered_at: datetime
    ends_at: datetime
    proof_kind: str
    proof_id: UUID


_START = """
UPDATE hold h SET state = 'in_window', delivered_at = w.delivered_at, window_ends_at = w.ends_at,
                  proof_kind = w.proof_kind, proof_id = w.proof_id
FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::uuid[])
     AS w (id, delivered_at, ends_at, proof_kind, proof_id)
WHERE h.id = w.id
"""
_LIFT = """
UPDATE hold_freeze f SET lifted_at = l.at FROM unnest(%s::uuid[], %s::timestamptz[]) AS l (source_id, at)
WHERE f.source_id = l.source_id AND f.lifted_at IS NULL
"""
_DONE = """
UPDATE payment SET state = 'done', asked_count = 1, ended_at = requested_at + interval '3 s'
WHERE hold_id = ANY (%s) AND kind = 'refund' AND state = 'requested'
"""


def start_windows(connection: Connection, windows: Sequence[Window]) -> None:
    """Start the windows of delivered holds."""
    if windows:
        columns = ("hold_id", "delivered_at", "ends_at", "proof_kind", "proof_id")
        connection.execute(_START, [[getattr(each, name) for each in windows] for name in columns])


def end_freezes(connection: Connection, lifted: Sequence[tuple[UUID, datetime]]) -> None:
    """Lift the freezes of the sources; their windows resume."""
    if lifted:
        connection.execute(_LIFT, ([source for source, _ in lifted], [at for _, at in lifted]))


def pay_refunds(connection: Connection, hold_ids: Sequence[UUID]) -> None:
    """Record that the provider paid the refunds of ended holds; a trigger writes their transfers."""
    if hold_ids:
        connection.execute(_DONE, (list(hold_ids),))
