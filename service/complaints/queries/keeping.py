"""What was ordered about keeping what a case holds."""

from uuid import UUID

from sqlalchemy import select

from service.complaints.keeping_schemas import KeepingOrder, KeepingView
from service.complaints.queries.access import get_row, require_side
from service.complaints.tables import Complaint, ComplaintKeeping
from service.core.actor import SYSTEM, Actor, Role
from service.db.session import Tx
from service.files.queries import files_of_cases, key_facts


async def get_keeping(tx: Tx, actor: Actor, complaint_id: UUID) -> KeepingView:
    """Return how a case is kept, for staff who may see it; an operator may ask about a draft, too.

    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("not_your_part").
    """
    complaint = await get_row(tx, SYSTEM if actor.has(Role.OPERATOR) else actor, complaint_id)
    if not actor.has(Role.OPERATOR):
        require_side(actor, complaint, "mediator", "regulator")
    keys = await key_facts(tx, await held_together(tx, complaint))
    files = await files_of_cases(tx, [each.case_id for each in keys])
    orders = await tx.scalars(
        select(ComplaintKeeping).where(ComplaintKeeping.complaint_id == complaint.id).order_by(ComplaintKeeping.id)
    )
    told = [KeepingOrder(e.action, e.reason, e.note, e.files, e.ordered_by, e.at) for e in orders]
    return KeepingView(
        complaint_id=complaint.id,
        is_held=any(each.is_held for each in keys),
        is_erased=any(each.action == "erase" for each in told),
        files=len(files),
        locked_until=max((each.retain_until for each in files if each.locked_at is not None), default=None),
        orders=told,
    )


async def held_together(tx: Tx, complaint: Complaint) -> list[UUID]:
    """Return the case and the unsent drafts that became additions to it: they are kept and erased as one."""
    drafts = await tx.scalars(
        select(Complaint.id)
        .where(Complaint.merged_into_id == complaint.id, Complaint.submitted_at.is_(None))
        .order_by(Complaint.id)
    )
    return [complaint.id, *drafts]
