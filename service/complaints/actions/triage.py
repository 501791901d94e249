"""The first look of a mediator: to a seller, or closed."""

from datetime import datetime
from uuid import UUID

from service.complaints.actions.course import close
from service.complaints.actions.promises import promise_answer
from service.complaints.actions.steps import advance, cancel_deadlines, refuse_own_case, write_entry
from service.complaints.queries.access import get_row, require_side
from service.complaints.schemas import NewTriage
from service.complaints.tables import Complaint
from service.core.actor import Actor
from service.core.errors import Conflict, Invalid
from service.db.session import Tx
from service.sellers.queries import get_seller


async def triage(tx: Tx, actor: Actor, complaint_id: UUID, data: NewTriage, *, now: datetime) -> Complaint:
    """Give a complaint to its seller, whose clock starts now, or close it with words.

    Raises `NotFound` ("complaint_not_found", "seller_not_found"), `Forbidden` ("not_your_part", "own_case"), `Conflict`
    ("complaint_state", "seller_by_order"), `Invalid` ("text_missing", "seller_missing"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "mediator")
    refuse_own_case(actor, complaint)
    if data.is_closed:
        if not data.text.strip():
            raise Invalid("text_missing", "say why", field="text")
        complaint = await close(tx, actor, complaint_id, reason="triage", now=now)
        write_entry(tx, actor, complaint, "note", side=side, text=data.text, now=now)
        return complaint
    await _name_seller(tx, complaint, data.seller_id)
    await cancel_deadlines(tx, complaint.id, now=now)
    await advance(tx, actor, complaint, "send", side=side, now=now)
    if data.text.strip():
        write_entry(tx, actor, complaint, "note", side=side, text=data.text, now=now)
    await promise_answer(tx, complaint, now=now)
    return complaint


async def _name_seller(tx: Tx, complaint: Complaint, seller_id: UUID | None) -> None:
    if seller_id is not None and seller_id != complaint.seller_id:
        if complaint.order_id is not None:
            raise Conflict("seller_by_order", "the order names its seller")
        complaint.seller_id = (await get_seller(tx, seller_id)).id
    if complaint.seller_id is None:
        raise Invalid("seller_missing", "name the seller", field="seller_id")
