"""Facts for other domains, without a permission filter: never an answer to a person as they are."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from service.complaints.rules import UNCOUNTED
from service.complaints.tables import Complaint, ComplaintMatch
from service.db.session import Tx

FROM_PHOTOS: Final = frozenset({"barcode", "print", "photo"})
"""The sources of a match's reasons (`matching.lot_readings.Source`) that are photos, taken over or not."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What disputes, recalls and reports know of a complaint. Amounts in minor units of `currency`."""

    id: UUID
    tenant_id: UUID
    reference: str
    buyer_id: UUID | None
    seller_id: UUID | None
    order_id: UUID | None
    product_id: UUID | None
    batch_id: UUID | None
    hold_id: UUID | None
    dispute_id: UUID | None
    claim_minor: int | None
    currency: str | None
    purpose: str
    kind: str | None
    harm: str | None
    risk: str | None
    wanted: str | None
    status: str
    outcome: str | None
    match_status: str
    link_by: str | None
    link_is_strict: bool
    submitted_at: datetime | None
    ended_at: datetime | None


LinkedComplaint = CaseFacts
"""A complaint that is linked to a batch; `batch_id` and `submitted_at` are set."""


async def case_facts(tx: Tx, complaint_ids: Collection[UUID]) -> dict[UUID, CaseFacts]:
    """Return the facts of those of the complaints that exist, by id."""
    found = await tx.scalars(select(Complaint).where(Complaint.id.in_(list(complaint_ids))))
    return {each.id: facts_of(each) for each in found}


async def batches_of(tx: Tx, complaint_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the batches that those of the complaints are linked to which are linked, by complaint."""
    query = select(Complaint.id, Complaint.batch_id).where(
        Complaint.id.in_(list(complaint_ids)), Complaint.batch_id.is_not(None)
    )
    return {row.id: row.batch_id for row in await tx.execute(query)}


async def placed_by_photos(tx: Tx, complaint_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the complaints that the matcher last placed by what photos of their buyers' say.

    Held back by one, or linked by a lot that was taken over from one.
    """
    newest = (
        select(ComplaintMatch.complaint_id, ComplaintMatch.link_by, ComplaintMatch.reasons)
        .ext(distinct_on(ComplaintMatch.complaint_id))
        .where(ComplaintMatch.complaint_id.in_(list(complaint_ids)))
        .order_by(ComplaintMatch.complaint_id, ComplaintMatch.id.desc())
    )
    return {
        row.complaint_id
        for row in await tx.execute(newest)
        if row.link_by == "automatic"
        and any(each.get("facts", {}).get("source") in FROM_PHOTOS for each in row.reasons)
    }


async def linked_complaints(tx: Tx, batch_ids: Collection[UUID], *, strict_only: bool = False) -> list[CaseFacts]:
    """Return the complaints linked to any of the batches, in the order they were sent.

    Drafts, withdrawn complaints, parts of other cases and statutory withdrawals are left out: signals and grades ignore
    them. With `strict_only`, only links that a signal may count.
    """
    query = select(Complaint).where(
        Complaint.batch_id.in_(list(batch_ids)),
        Complaint.status.not_in(UNCOUNTED),
        Complaint.kind != "withdrawal",
    )
    if strict_only:
        query = query.where(Complaint.link_is_strict)
    return [facts_of(each) for each in await tx.scalars(query.order_by(Complaint.submitted_at, Complaint.id))]


async def cases_of_holds(tx: Tx, hold_ids: Collection[UUID]) -> list[CaseFacts]:
    """Return the complaints that claim any of the holds."""
    found = await tx.scalars(select(Complaint).where(Complaint.hold_id.in_(list(hold_ids))).order_by(Complaint.id))
    return [facts_of(each) for each in found]


def facts_of(complaint: Complaint) -> CaseFacts:
    """Return the facts of a row; its harm is the gravest told so far."""
    told = {name: getattr(complaint, name) for name in CaseFacts.__dataclass_fields__}
    return CaseFacts(**{**told, "harm": complaint.gravest_harm})
