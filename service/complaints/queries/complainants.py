"""Who complains in a case, and what of it belongs to them. The caller has checked the permission."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy import case as sql_case

from service.complaints.queries.access import may_see
from service.complaints.rules import Side
from service.complaints.schemas import JoinedComplaint, PartOf
from service.complaints.tables import Complaint
from service.core.actor import Actor
from service.db.session import Tx

_KNOWS_WHOLE: frozenset[Side] = frozenset({"mediator", "regulator", "system"})


@dataclass(frozen=True, slots=True)
class Complainant:
    """One who complains in a case, by their own complaint. `person_id` is None for an anonymous reporter."""

    complaint_id: UUID
    person_id: UUID | None
    is_first: bool


async def complainants_of(tx: Tx, case_id: UUID) -> list[Complainant]:
    """Return everybody who complains in a case, who began it first: whoever tells people of it tells all of these."""
    query = select(Complaint.id, Complaint.buyer_id).where(
        or_(Complaint.id == case_id, and_(Complaint.merged_into_id == case_id, Complaint.submitted_at.is_not(None)))
    )
    found = await tx.execute(query.order_by(Complaint.id != case_id, Complaint.submitted_at, Complaint.id))
    return [Complainant(row.id, row.buyer_id, row.id == case_id) for row in found]


def case_id_of(complaint: type[Complaint]) -> ColumnElement[UUID]:
    """Return the case in which a complaint is shown: itself, or the case that a draft became an addition to."""
    is_addition = and_(complaint.submitted_at.is_(None), complaint.merged_into_id.is_not(None))
    return sql_case((is_addition, complaint.merged_into_id), else_=complaint.id)


def of_one_buyer(case_id: UUID) -> Select[UUID]:
    """Return the ids of a complaint and of those drafts of its buyer that became additions to it."""
    return select(Complaint.id).where(
        or_(Complaint.id == case_id, and_(Complaint.merged_into_id == case_id, Complaint.submitted_at.is_(None)))
    )


async def shows_name(tx: Tx, row: Complaint) -> bool:
    """Whether the buyer lets the seller have their name: by the complaint, or by an addition to it."""
    if row.shows_name or row.merged_into_id is not None:
        return row.shows_name
    agreed = select(Complaint.id).where(Complaint.id.in_(of_one_buyer(row.id)), Complaint.shows_name).limit(1)
    return await tx.scalar(agreed) is not None


async def part_of(tx: Tx, actor: Actor, row: Complaint, side: Side) -> PartOf | None:
    """Return the case that a complaint became part of, as far as the actor, who looks from this side, may know it.

    A mediator of the complaint's tenant need not be one of the case's.
    """
    if row.merged_into_id is None:
        return None
    whole = await tx.get_one(Complaint, row.merged_into_id)
    is_same_buyer = whole.buyer_id is not None and whole.buyer_id == row.buyer_id
    is_told = is_same_buyer or (side in _KNOWS_WHOLE and await may_see(tx, actor, whole.id))
    return PartOf(
        complaint_id=whole.id if is_told else None,
        reference=whole.reference if is_told else None,
        status=whole.status,
        outcome=whole.outcome,
        ended_at=whole.ended_at,
    )


async def joined_to(tx: Tx, case_id: UUID, side: Side) -> list[JoinedComplaint]:
    """Return other people's complaints that became part of a case; the parties do not learn of them."""
    if side not in _KNOWS_WHOLE:
        return []
    query = select(Complaint).where(Complaint.merged_into_id == case_id, Complaint.submitted_at.is_not(None))
    found = await tx.scalars(query.order_by(Complaint.submitted_at, Complaint.id))
    return [JoinedComplaint(each.id, each.reference, each.buyer_id is None, each.submitted_at) for each in found]
