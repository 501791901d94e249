"""What happened in a case, told to each side."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select

from service.complaints.queries.access import get_row, may_see, side_of
from service.complaints.rules import Side
from service.complaints.schemas import CaseEvent
from service.complaints.tables import Complaint
from service.complaints.telling import STAFF, told_facts_of
from service.core.actor import Actor
from service.db.session import Tx
from service.events.log import Happened, timeline


async def case_timeline(
    tx: Tx, actor: Actor, complaint_id: UUID, *, more_subjects: Collection[UUID] = ()
) -> list[CaseEvent]:
    """Return the events of a case (complaint, order, held payment, dispute), oldest first, as the actor may know them.

    Higher domains add their subjects. The parties do not learn who viewed what, nor of other cases; whose complaint was
    joined to another person's case learns of that case's course, and so do mediators who may not see it. Raises
    `NotFound`.
    """
    row = await get_row(tx, actor, complaint_id)
    side = side_of(actor, row)
    whole = await _whole(tx, row)
    is_open = side in STAFF and row.merged_into_id is not None and await may_see(tx, actor, row.merged_into_id)
    subjects = {row.id, row.order_id, row.hold_id, row.dispute_id, *whole, *more_subjects} - {None}
    found = await timeline(tx, [subject for subject in subjects if subject is not None])
    told = [_told(each, side, row.buyer_id, is_of_whole=each.subject_id in whole and not is_open) for each in found]
    return [each for each in told if each is not None]


async def _whole(tx: Tx, row: Complaint) -> set[UUID]:
    """Return the case that a complaint was joined to, and its dispute if it has one."""
    if row.merged_into_id is None or row.submitted_at is None:
        return set()
    dispute_id = await tx.scalar(select(Complaint.dispute_id).where(Complaint.id == row.merged_into_id))
    return {row.merged_into_id} if dispute_id is None else {row.merged_into_id, dispute_id}


def _told(event: Happened, side: Side, buyer_id: UUID | None, *, is_of_whole: bool) -> CaseEvent | None:
    facts = told_facts_of(side, event.name, event.facts, is_of_whole=is_of_whole)
    if facts is None:
        return None
    return CaseEvent(event.name, event.at, _side(event, buyer_id, event.facts), facts)


def _side(event: Happened, buyer_id: UUID | None, facts: Mapping[str, Any]) -> str | None:
    if "side" in facts:
        return str(facts["side"])
    if event.actor_id is None:
        return "system"
    return "buyer" if event.actor_id == buyer_id else None
