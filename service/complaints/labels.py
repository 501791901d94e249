"""What people said of matches, as the matcher's trainer reads it; and the registry that they chose from."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from service.complaints.actions.finding import queries_of
from service.complaints.matching.facts import Candidate, Query
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
_REGISTERED = text(
    """
SELECT b.id AS batch_id, b.product_id, b.seller_id, b.lot_code, b.maker_lot_code, b.made_on, b.expires_on,
    (b.registered_at AT TIME ZONE 'UTC')::date AS registered_on,
    p.name_en, p.name_zh, p.brand, p.gtin, trim(concat_ws(' ', s.name, s.name_zh)) AS seller_name
FROM batch b JOIN product p ON p.id = b.product_id JOIN seller s ON s.id = b.seller_id ORDER BY b.id
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


async def registered(tx: Tx) -> list[Candidate]:
    """Return every registered batch as the matcher reads it, by id."""
    found = await tx.execute(_REGISTERED)
    return [
        Candidate(
            batch_id=row.batch_id,
            product_id=row.product_id,
            seller_id=row.seller_id,
            name_en=row.name_en or "",
            name_zh=row.name_zh or "",
            brand=row.brand or "",
            seller_name=row.seller_name or "",
            gtin=row.gtin or "",
            lot_code=row.lot_code or "",
            maker_lot_code=row.maker_lot_code or "",
            registered_on=row.registered_on,
            made_on=row.made_on,
            expires_on=row.expires_on,
        )
        for row in found
    ]
