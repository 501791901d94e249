"""The seller's answer to a complaint."""

from datetime import datetime
from uuid import UUID

from service.complaints.actions.offers import put_offer
from service.complaints.actions.promises import promise_escalation, promise_triage
from service.complaints.actions.steps import advance, cancel_deadlines, write_entry
from service.complaints.queries.access import get_row, require_side
from service.complaints.rules import COMPLAINT, Outcome, Side
from service.complaints.schemas import NewAnswer
from service.complaints.tables import Complaint
from service.core.actor import Actor
from service.core.errors import Conflict, Invalid
from service.db.session import Tx
from service.escrow import actions as escrow


async def answer(tx: Tx, actor: Actor, complaint_id: UUID, data: NewAnswer, *, now: datetime) -> Complaint:
    """Answer as the seller: accept in full (the claim is refunded), refuse with words, offer, or say it is another's.

    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("complaint_state", "seller_by_order"), `Invalid`
    ("text_missing", "offer_missing" and those of offers). Locks the complaint, then the hold.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    require_side(actor, complaint, "seller")
    COMPLAINT.next(complaint.status, "answer")
    if data.decision in ("refuse", "wrong_company") and not data.text.strip():
        raise Invalid("text_missing", "say why", field="text")
    if (data.decision == "offer") != (data.offer is not None):
        raise Invalid("offer_missing", "an offer comes with the answer that says so", field="offer")
    if data.decision == "wrong_company" and complaint.order_id is not None:
        raise Conflict("seller_by_order", "the order names its seller")
    entry = write_entry(tx, actor, complaint, "answer", side="seller", text=data.text, decision=data.decision, now=now)
    if data.decision == "accept":
        await accept_claim(tx, actor, complaint, side="seller", outcome="accepted", decided_by=entry.id, now=now)
    elif data.decision == "wrong_company":
        await _give_back(tx, actor, complaint, now=now)
    else:
        await _reply(tx, actor, complaint, data, now=now)
    return complaint


async def accept_claim(
    tx: Tx, actor: Actor, complaint: Complaint, *, side: Side, outcome: Outcome, decided_by: UUID, now: datetime
) -> None:
    """Settle a locked complaint by giving the buyer all that is claimed. Locks the hold."""
    facts = (
        {} if complaint.claim_minor is None else {"buyer_minor": complaint.claim_minor, "currency": complaint.currency}
    )
    await advance(tx, actor, complaint, "settle", side=side, outcome=outcome, now=now, facts=facts)
    if complaint.hold_id is None or complaint.claim_minor is None:
        return
    await tx.flush()  # the case's end is written before its money moves
    await escrow.settle_hold(
        tx,
        actor,
        complaint.hold_id,
        buyer_minor=complaint.claim_minor,
        decided_by=decided_by,
        source_id=complaint.id,
        now=now,
    )


async def _reply(tx: Tx, actor: Actor, complaint: Complaint, data: NewAnswer, *, now: datetime) -> None:
    await cancel_deadlines(tx, complaint.id, now=now)
    await advance(tx, actor, complaint, "answer", side="seller", now=now, facts={"decision": data.decision})
    if data.offer is not None:
        await put_offer(tx, actor, complaint, data.offer, now=now)
    else:
        await promise_escalation(tx, complaint, now=now)


async def _give_back(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> None:
    """The seller says that it is the wrong company: a mediator finds the right one."""
    await cancel_deadlines(tx, complaint.id, now=now)
    await advance(tx, actor, complaint, "send_back", side="seller", now=now, facts={"reason": "wrong_company"})
    await promise_triage(tx, complaint, now=now)
