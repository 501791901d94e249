"""What was ordered about keeping what a case holds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.batches.queries import get_product
from service.complaints.keeping_schemas import KeepingOrder, KeepingView
from service.complaints.queries.access import get_row, require_side
from service.complaints.tables import Complaint, ComplaintKeeping
from service.core.actor import SYSTEM, Actor, Role
from service.db.session import Tx
from service.deadlines.queries import policy
from service.files.queries import files_of_cases, key_facts
from service.orders.queries import order_facts

DAY_SECONDS = 86_400


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


async def retention_of(tx: Tx, complaint: Complaint, *, days_min: int, now: datetime) -> int:
    """Return for how many days an original that comes into a case now stays locked.

    That is the installation's own time, or that of the policy `keep_evidence` for the category of the case's product
    and the jurisdiction of its order, whichever is longer: a lock can be made longer, and never shorter.
    """
    order = None
    if complaint.order_id is not None:
        order = (await order_facts(tx, [complaint.order_id])).get(complaint.order_id)
    product_id = complaint.product_id or (order.product_id if order else None)
    wanted = await policy(
        tx,
        "keep_evidence",
        now=now,
        category="" if product_id is None else (await get_product(tx, product_id)).category,
        jurisdiction="" if order is None else order.jurisdiction,
    )
    return max(days_min, -(-wanted.value // DAY_SECONDS))


async def held_together(tx: Tx, complaint: Complaint) -> list[UUID]:
    """Return the case and the unsent drafts that became additions to it: they are kept and erased as one."""
    drafts = await tx.scalars(
        select(Complaint.id)
        .where(Complaint.merged_into_id == complaint.id, Complaint.submitted_at.is_(None))
        .order_by(Complaint.id)
    )
    return [complaint.id, *drafts]
