"""How a case goes on and ends: withdrawn, disputed, ruled, settled, closed."""

from datetime import datetime
from uuid import UUID

from service.complaints.actions.promises import promise_escalation
from service.complaints.actions.steps import (
    advance,
    cancel_deadlines,
    end_offer,
    lift_claim,
    open_offer,
    take_offer_back,
    tell,
)
from service.complaints.queries.access import get_row, require_side, side_of
from service.complaints.rules import Outcome
from service.complaints.schemas import ComplaintView
from service.complaints.tables import Complaint
from service.core.actor import SYSTEM, Actor
from service.core.errors import Conflict
from service.db.session import Tx
from service.escrow.queries import get_hold


async def withdraw(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime) -> Complaint:
    """End a complaint because its buyer takes it back; its freeze is lifted. A draft is simply given up.

    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("complaint_state", "ruled_already"). Locks the
    complaint, then the hold.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer")
    _refuse_ruled(complaint)
    await advance(tx, actor, complaint, "withdraw", side=side, now=now)
    await lift_claim(tx, actor, complaint, now=now)
    return complaint


async def mark_disputed(
    tx: Tx,
    actor: Actor,
    complaint_id: UUID,
    *,
    now: datetime,
    dispute_id: UUID | None = None,
    reason: str | None = None,
) -> Complaint:
    """Hand a complaint to a mediator, as its buyer, as the system, or as a mediator.

    Promises end; an open offer counts as refused. `dispute_id` puts the dispute's events into the case's timeline.
    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("complaint_state"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer", "mediator", "system")
    facts = {} if reason is None else {"reason": reason}
    await advance(tx, actor, complaint, "dispute", side=side, now=now, facts=facts)
    complaint.dispute_id = dispute_id
    await cancel_deadlines(tx, complaint.id, now=now)
    offer = await open_offer(tx, complaint.id)
    if offer is not None:
        await end_offer(tx, actor, complaint, offer, "refuse", side="buyer" if side == "buyer" else "system", now=now)
    return complaint


async def mark_ruled(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime) -> Complaint:
    """Note that a mediator ruled on a disputed complaint: from now on no offer and no withdrawal ends it.

    Raises `NotFound`, `Conflict` ("complaint_state"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    if complaint.status != "disputed":
        raise Conflict("complaint_state", "only a disputed complaint is ruled on", state=complaint.status)
    complaint.ruled_at = complaint.ruled_at or now
    offer = await open_offer(tx, complaint.id)
    if offer is not None:
        await end_offer(tx, actor, complaint, offer, "withdraw", side="system", now=now)
    return complaint


async def mark_settled(
    tx: Tx, actor: Actor, complaint_id: UUID, *, outcome: Outcome = "ruling", now: datetime
) -> Complaint:
    """End a complaint because its dispute was decided for good; the caller moves the money (`escrow.settle_hold`).

    Whoever may see the complaint may call this: the caller has checked who decides. Raises `NotFound`, `Conflict`
    ("complaint_state"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    await advance(tx, actor, complaint, "settle", side=side_of(actor, complaint), outcome=outcome, now=now)
    return complaint


async def return_to_parties(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime) -> Complaint:
    """Take a complaint out of mediation, back to where the buyer may escalate again or let it end.

    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("complaint_state"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "mediator", "system")
    await advance(tx, actor, complaint, "return", side=side, now=now)
    complaint.dispute_id, complaint.ruled_at = None, None
    await promise_escalation(tx, complaint, now=now)
    return complaint


async def close(tx: Tx, actor: Actor, complaint_id: UUID, *, reason: str, now: datetime) -> Complaint:
    """End a complaint without a decision for the buyer; its freeze is lifted. `reason` is a code.

    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("complaint_state"). Locks the complaint and the hold.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "mediator", "system")
    await advance(tx, actor, complaint, "close", side=side, now=now, facts={"reason": reason})
    await lift_claim(tx, actor, complaint, now=now)
    return complaint


async def reduce_claim(tx: Tx, complaint_id: UUID, rest_hold_id: UUID, *, now: datetime) -> None:
    """Let a claim go on for what a chargeback left of its held payment; an open offer is taken back.

    Doing it again changes nothing. Locks the complaint.
    """
    complaint = await get_row(tx, SYSTEM, complaint_id, is_locked=True)
    rest = await get_hold(tx, SYSTEM, rest_hold_id)
    if complaint.claim_minor is None or complaint.hold_id != rest.parent_hold_id:
        return
    given_minor = complaint.claim_minor - rest.amount.amount_minor
    complaint.hold_id, complaint.claim_minor = rest.id, rest.amount.amount_minor
    await take_offer_back(tx, SYSTEM, complaint, now=now)
    facts = {"currency": rest.amount.currency, "amount_minor": rest.amount.amount_minor, "given_minor": given_minor}
    await tell(tx, SYSTEM, complaint, "complaint.claim_reduced", side="system", now=now, facts=facts)


async def record_view(tx: Tx, actor: Actor, view: ComplaintView, *, now: datetime) -> None:
    """Record that a regulator read a case: they see across tenants, so each sensitive view is logged."""
    if view.viewer == "regulator":
        complaint = await get_row(tx, actor, view.id)
        await tell(tx, actor, complaint, "complaint.viewed", side="regulator", now=now)


def _refuse_ruled(complaint: Complaint) -> None:
    if complaint.ruled_at is not None:
        raise Conflict("ruled_already", "a mediator has ruled on this case")
