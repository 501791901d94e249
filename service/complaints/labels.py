"""What people said of matches, as the matcher's trainer reads it; and the registry that they chose from."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from service.complaints.actions.finding import queries_of
from service.complaints.matching.facts import Query
from service.db.session import Tx

CHUNK = 1_000
_CHOSEN = text(
    """
SELECT * FROM (
    SELECT DISTINCT ON (m.complaint_id) m.complaint_id, m.batch_id, b.product_id, m.link_by, m.at
    FROM complaint_match m JOIN complaint c ON c.id = m.complaint_id LEFT JOIN batch b ON b.id = m.batch_id
    WHERE m.link_by <> 'automatic' AND c.status <> 'draft'
    ORDER BY m.complaint_id, m.link_by = 'mediator' DESC, m.id DESC
) chosen WHERE batch_id IS NOT NULL OR link_by = 'mediator' ORDER BY complaint_id
"""
)


@dataclass(frozen=True, slots=True)
class Label:
    """The last word of people on a complaint: its batch, or (None) that it is none that is registered."""

    complaint_id: UUID
    query: Query
    batch_id: UUID | None
    product_id: UUID | None
    by: str
    at: datetime


async def labels(tx: Tx) -> list[Label]:
    """Return each sent complaint that somebody linked or took a link from, with what was told, by the complaint's id.

    The newest word counts, a mediator's before a buyer's. A buyer who took a choice back was unsure: that is no label.
    """
    chosen = (await tx.execute(_CHOSEN)).all()
    queries: dict[UUID, Query] = {}
    for start in range(0, len(chosen), CHUNK):
        queries |= await queries_of(tx, [each.complaint_id for each in chosen[start : start + CHUNK]])
    return [
        Label(each.complaint_id, queries[each.complaint_id], each.batch_id, each.product_id, each.link_by, each.at)
        for each in chosen
    ]
