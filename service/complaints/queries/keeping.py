"""What was ordered about keeping what a case holds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.complaints.keeping_schemas import KeepingOrder, KeepingView
from service.complaints.queries.access import get_row, require_side
from service.complaints.tables import Complaint, ComplaintKeeping
from service.core.actor import SYSTEM, Actor, Role
from service.db.session import Tx
from service.files.queries import files_of_cases, key_facts
from service.orders.packing import days_locked
from service.orders.queries import order_facts


async def get_keeping(tx: Tx, actor: Actor, complaint_id: UUID) -> KeepingView:
    """Return how a case is kept, for staff who may see it; an operator may ask about a draft, too.

    Of a draft that became an addition, how the case is kept.
    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("not_your_part").
    """
    complaint = await get_row(tx, SYSTEM if actor.has(Role.OPERATOR) else actor, complaint_id)
    if not actor.has(Role.OPERATOR):
        require_side(actor, complaint, "mediator", "regulator")
    if (case_id := case_of(complaint)) != complaint.id:
        complaint = await get_row(tx, SYSTEM, case_id)
    keys = await key_facts(tx, await held_together(tx, complaint.id))
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


async def retention_of(tx: Tx, complaint: Complaint, *, days_min: int, now: datetime) -> int:
    """Return for how many days an original that comes into a case now stays locked.

    What counts is the category of the case's product and the jurisdiction of its order (`days_locked`).
    """
    order = None
    if complaint.order_id is not None:
        order = (await order_facts(tx, [complaint.order_id])).get(complaint.order_id)
    product_id = complaint.product_id or (order.product_id if order else None)
    jurisdiction = "" if order is None else order.jurisdiction
    return await days_locked(tx, product_id=product_id, jurisdiction=jurisdiction, days_min=days_min, now=now)


def case_of(complaint: Complaint) -> UUID:
    """Return the case that an unsent draft became an addition to, of every other complaint its own id."""
    if complaint.merged_into_id is None or complaint.submitted_at is not None:
        return complaint.id
    return complaint.merged_into_id


async def held_together(tx: Tx, case_id: UUID) -> list[UUID]:
    """Return the case and the unsent drafts that became additions to it: they are kept and erased as one.

    Of what is no case (an order or a batch has files, too) its own id.
    """
    drafts = await tx.scalars(
        select(Complaint.id)
        .where(Complaint.merged_into_id == case_id, Complaint.submitted_at.is_(None))
        .order_by(Complaint.id)
    )
    return [case_id, *drafts]
