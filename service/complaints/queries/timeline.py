"""What happened in a case, told to each side."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from service.complaints.queries.access import get_row, side_of
from service.complaints.rules import Side
from service.complaints.schemas import CaseEvent
from service.core.actor import Actor
from service.db.session import Tx
from service.events.log import Happened, timeline

_STAFF: frozenset[Side] = frozenset({"mediator", "regulator", "operator", "system"})
_FOR_STAFF_ONLY = frozenset(
    {
        "complaint.drafted",
        "complaint.evidence_removed",
        "complaint.viewed",
        "complaint.evidence_viewed",
        "complaint.likenesses_viewed",
        "complaint.noted",
        "order.packing_viewed",
        "complaint.unmatched",
        "complaint.suggested",
        "complaint.needs_mediator",
        "complaint.triage_overdue",
    }
)
_TELLING_FACTS = frozenset(
    "batch_id product_id offer_id kind harm risk reason decision outcome link_by is_strict match_status amount_minor"
    " buyer_minor seller_minor fee_minor claim_minor currency carrier proof proof_kind due_at window_ends_at cause"
    " count part asked_side verdict".split()
)
"""Facts that every viewer of a case may have. Ids of people are not among them."""


async def case_timeline(
    tx: Tx, actor: Actor, complaint_id: UUID, *, more_subjects: Collection[UUID] = ()
) -> list[CaseEvent]:
    """Return the events of a case (complaint, order, held payment, dispute), oldest first, as the actor may know them.

    Higher domains add their subjects. The parties do not learn who viewed what, nor of other cases. Raises `NotFound`.
    """
    row = await get_row(tx, actor, complaint_id)
    side = side_of(actor, row)
    subjects = {row.id, row.order_id, row.hold_id, row.dispute_id, *more_subjects} - {None}
    found = await timeline(tx, [subject for subject in subjects if subject is not None])
    return [_told(each, row.buyer_id) for each in found if side in _STAFF or each.name not in _FOR_STAFF_ONLY]


def _told(event: Happened, buyer_id: UUID | None) -> CaseEvent:
    facts = {name: value for name, value in event.facts.items() if name in _TELLING_FACTS}
    return CaseEvent(event.name, event.at, _side(event, buyer_id, event.facts), facts)


def _side(event: Happened, buyer_id: UUID | None, facts: Mapping[str, Any]) -> str | None:
    if "side" in facts:
        return str(facts["side"])
    if event.actor_id is None:
        return "system"
    return "buyer" if event.actor_id == buyer_id else None
