"""What sellers answered, for reports: never an answer to a person as it is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.complaints.tables import Complaint, ComplaintEntry, ComplaintEntryText
from service.db.session import Tx


@dataclass(frozen=True, slots=True)
class SellerAnswer:
    """One answer with its words."""

    complaint_id: UUID
    seller_id: UUID | None
    at: datetime
    text: str


async def newest_answers(tx: Tx, complaint_ids: Collection[UUID], *, limit: int) -> list[SellerAnswer]:
    """Return the newest answers that have words, newest first, without a permission filter."""
    query = (
        select(Complaint.id, Complaint.seller_id, ComplaintEntry.at, ComplaintEntryText.text)
        .join(ComplaintEntry, ComplaintEntry.complaint_id == Complaint.id)
        .join(ComplaintEntryText, ComplaintEntryText.entry_id == ComplaintEntry.id)
        .where(Complaint.id.in_(list(complaint_ids)), ComplaintEntry.kind == "answer")
        .order_by(ComplaintEntry.id.desc())
        .limit(limit)
    )
    return [SellerAnswer(*row) for row in await tx.execute(query)]
