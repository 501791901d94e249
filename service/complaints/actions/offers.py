"""Offers: made by the seller, decided by the buyer, at any time before a ruling."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.complaints import rules
from service.complaints.actions.promises import promise_escalation
from service.complaints.actions.steps import (
    advance,
    cancel_deadlines,
    check_entries,
    end_offer,
    open_offer,
    take_offer_back,
    tell,
    write_entry,
)
from service.complaints.queries.access import get_row, require_side
from service.complaints.rules import COMPLAINT
from service.complaints.schemas import NewOffer
from service.complaints.tables import Complaint, Offer
from service.core.actor import Actor
from service.core.errors import Conflict, Invalid, NotFound
from service.core.ids import new_id
from service.core.money import Money
from service.db.locks import locked
from service.db.session import Tx
from service.deadlines.actions import cancel, promise
from service.deadlines.queries import policy
from service.escrow import actions as escrow


async def make_offer(tx: Tx, actor: Actor, complaint_id: UUID, data: NewOffer, *, now: datetime) -> Offer:
    """Offer to end a claim; a new offer takes the place of the open one. A first offer is the answer too.

    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("complaint_state", "nothing_claimed",
    "ruled_already", "entries_too_many"), `Invalid` ("offer_amount_missing", "offer_amount_wrong",
    "claim_currency_differs"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    require_side(actor, complaint, "seller")
    if complaint.status not in ("with_seller", "answered", "disputed"):
        COMPLAINT.next(complaint.status, "answer")
    if complaint.status == "with_seller":
        await cancel_deadlines(tx, complaint.id, now=now)
        await advance(tx, actor, complaint, "answer", side="seller", now=now, facts={"decision": "offer"})
    return await put_offer(tx, actor, complaint, data, now=now)


async def accept_offer(tx: Tx, actor: Actor, complaint_id: UUID, offer_id: UUID, *, now: datetime) -> Complaint:
    """Accept as the buyer: the case is settled and the money moves. Raises as `refuse_offer`; locks the hold too."""
    complaint, offer = await _decide(tx, actor, complaint_id, offer_id)
    await end_offer(tx, actor, complaint, offer, "accept", side="buyer", now=now)
    await tx.flush()  # the offer is accepted before the case's end would take it back
    facts = {"offer_id": str(offer.id), "buyer_minor": offer.amount_minor, "currency": offer.currency}
    await advance(tx, actor, complaint, "settle", side="buyer", outcome="offer", now=now, facts=facts)
    if complaint.hold_id is not None:
        await tx.flush()  # the case's end is written before its money moves
        await escrow.settle_hold(
            tx,
            actor,
            complaint.hold_id,
            buyer_minor=offer.amount_minor,
            decided_by=offer.id,
            source_id=complaint.id,
            now=now,
        )
    return complaint


async def refuse_offer(tx: Tx, actor: Actor, complaint_id: UUID, offer_id: UUID, *, now: datetime) -> Complaint:
    """Refuse as the buyer; then there is time to ask a mediator, or for the seller to offer again.

    Raises `NotFound` ("complaint_not_found", "offer_not_found"), `Forbidden` ("not_your_part"), `Conflict`
    ("offer_state", "ruled_already"). Locks the complaint.
    """
    complaint, offer = await _decide(tx, actor, complaint_id, offer_id)
    await end_offer(tx, actor, complaint, offer, "refuse", side="buyer", now=now)
    await _forget_offer(tx, complaint, now=now)
    if complaint.status == "answered":
        await promise_escalation(tx, complaint, now=now)
    return complaint


async def put_offer(tx: Tx, actor: Actor, complaint: Complaint, data: NewOffer, *, now: datetime) -> Offer:
    """Write an offer to a complaint that the caller locked, and promise its end; raises as `make_offer`."""
    amount = _amount(complaint, data)
    await check_entries(tx, complaint, "seller")
    await take_offer_back(tx, actor, complaint, now=now)
    entry = write_entry(tx, actor, complaint, "offer", side="seller", text=data.text, now=now)
    await tx.flush()  # the offer's row refers to its entry
    wait = await policy(tx, "accept_offer", now=now)
    offer = Offer(
        id=new_id(),
        tenant_id=complaint.tenant_id,
        complaint_id=complaint.id,
        entry_id=entry.id,
        kind=data.kind,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        status=rules.OFFER.initial,
        made_by=actor.person_id,
        made_at=now,
        expires_at=now + wait.duration,
    )
    tx.add(offer)
    await cancel(tx, "escalate", complaint.id, now=now)
    await _promise_end(tx, complaint, offer, now=now)
    facts = {
        "offer_id": str(offer.id),
        "kind": offer.kind,
        "amount_minor": offer.amount_minor,
        "currency": offer.currency,
    }
    await tell(tx, actor, complaint, "complaint.offer_made", side="seller", now=now, facts=facts)
    return offer


async def expire_offer(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> bool:
    """End the open offer of a locked complaint by silence, if it is due; whether it was."""
    offer = await open_offer(tx, complaint.id)
    if offer is None or offer.expires_at > now:
        return False
    await end_offer(tx, actor, complaint, offer, "expire", side="system", now=now)
    await tx.flush()  # the offer has ended before the case's end would take it back
    return True


async def _promise_end(tx: Tx, complaint: Complaint, offer: Offer, *, now: datetime) -> None:
    handler = "complaints.offer_expired"
    await promise(tx, "accept_offer", complaint.id, due_at=offer.expires_at, handler=handler, now=now)
    warn_at = offer.expires_at - rules.OFFER_WARNING_BEFORE
    if warn_at > now:
        await promise(tx, "warn_offer", complaint.id, due_at=warn_at, handler="complaints.warn_offer", now=now)


async def _forget_offer(tx: Tx, complaint: Complaint, *, now: datetime) -> None:
    await cancel(tx, "accept_offer", complaint.id, now=now)
    await cancel(tx, "warn_offer", complaint.id, now=now)


async def _decide(tx: Tx, actor: Actor, complaint_id: UUID, offer_id: UUID) -> tuple[Complaint, Offer]:
    """Return the actor's own complaint and one of its offers, both locked, before a ruling."""
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    require_side(actor, complaint, "buyer")
    query = select(Offer).where(Offer.id == offer_id, Offer.complaint_id == complaint.id)
    offer = (await tx.scalars(locked(query))).one_or_none()
    if offer is None:
        raise NotFound("offer_not_found")
    if complaint.ruled_at is not None:
        raise Conflict("ruled_already", "a mediator has ruled on this case")
    return complaint, offer


def _amount(complaint: Complaint, data: NewOffer) -> Money:
    """Return what is offered: a refund is the whole claim, a part refund less than it."""
    if complaint.claim_minor is None or complaint.currency is None:
        raise Conflict("nothing_claimed", "no money is asked for, so there is nothing to offer")
    if complaint.ruled_at is not None:
        raise Conflict("ruled_already", "a mediator has ruled on this case")
    if data.kind == "refund":
        return Money(complaint.claim_minor, complaint.currency)
    if data.amount is None:
        raise Invalid("offer_amount_missing", "a part refund names its amount", field="amount")
    offered = data.amount.money()
    if offered.currency != complaint.currency:
        raise Invalid("claim_currency_differs", f"the claim is in {complaint.currency}", field="amount")
    if not 0 < offered.amount_minor < complaint.claim_minor:
        raise Invalid("offer_amount_wrong", "a part is more than nothing and less than the claim", field="amount")
    return offered
