"""Sending a complaint: from then on it is immutable, and what it claims is frozen in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from service.complaints import rules
from service.complaints.actions.drafts import locked_draft
from service.complaints.actions.finding import tell_link
from service.complaints.actions.steps import advance
from service.complaints.matching.lot_readings import read_lots
from service.complaints.tables import Complaint, ComplaintText
from service.core.actor import Actor
from service.core.errors import Conflict, ensure
from service.core.names import name_key
from service.db.session import Tx
from service.deadlines.actions import promise
from service.deadlines.queries import policy
from service.escrow import actions as escrow
from service.escrow.queries import HoldView, hold_by_reference


@dataclass(frozen=True, slots=True)
class Promised:
    """A deadline's name, which is that of its policy, and who handles it when it passes."""

    name: str
    handler: str


ANSWER = Promised("answer_claim", "complaints.answer_overdue")


async def submit(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime) -> Complaint:
    """Send the actor's draft: freeze what it claims, judge its risk, and give it to the seller or first to a mediator.

    The transaction may take 3 s, so that the sweep cannot pass it. Raises `NotFound`, `Conflict` ("complaint_sent",
    "complaint_open_already", "nothing_held", "hold_claimed_already", "window_closed"), `Invalid` for what is missing.
    Locks the complaint, then the hold.
    """
    await tx.limit_seconds(rules.SUBMIT_SECONDS_MAX)
    complaint = await locked_draft(tx, actor, complaint_id)
    texts = await tx.get_one(ComplaintText, complaint.id)
    check_sendable(complaint, texts.narrative)
    await _refuse_duplicate(tx, complaint)
    await _claim(tx, actor, complaint, now=now)
    for name, value in judged(complaint, texts.narrative).items():
        setattr(complaint, name, value)
    await _send(tx, actor, complaint, now=now)
    return complaint


def check_sendable(complaint: Complaint, narrative: str) -> None:
    """Raise `Invalid` for what a draft lacks."""
    rules.check_complete(
        kind=complaint.kind,
        harm=complaint.harm,
        narrative=narrative,
        order_id=complaint.order_id,
        purpose=complaint.purpose,
        seller=complaint.seller_text or str(complaint.seller_id or ""),
        product=complaint.product_text,
    )
    rules.check_claim(wanted=complaint.wanted, claim_minor=complaint.claim_minor, order_id=complaint.order_id)


async def _refuse_duplicate(tx: Tx, complaint: Complaint) -> None:
    """One open complaint per buyer, order and kind; a race is refused by the key `complaint_open_key`."""
    if complaint.order_id is None:
        return
    known = await tx.scalar(
        select(Complaint.reference).where(
            Complaint.buyer_id == complaint.buyer_id,
            Complaint.order_id == complaint.order_id,
            Complaint.kind == complaint.kind,
            Complaint.status.in_(rules.OPEN_SENT),
        )
    )
    if known is not None:
        raise Conflict("complaint_open_already", "add to the case that is open", reference=known)


async def _claim(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> None:
    """Freeze what is claimed; who wants all their money back claims all that is held."""
    wants_all = complaint.wanted == "refund" and complaint.claim_minor is None and complaint.order_id is not None
    if complaint.order_id is None or not (wants_all or complaint.claim_minor is not None):
        return
    hold = await _claimable(tx, complaint.order_id)
    claimed = hold.amount.amount_minor if complaint.claim_minor is None else complaint.claim_minor
    frozen = await escrow.claim_hold(tx, actor, hold.id, claimed_minor=claimed, source_id=complaint.id, now=now)
    complaint.hold_id, complaint.claim_minor, complaint.currency = frozen.id, claimed, frozen.currency


async def _claimable(tx: Tx, order_id: UUID) -> HoldView:
    """Return the largest part of the order's payment that is held and that no claim has frozen yet."""
    whole = await hold_by_reference(tx, order_id)
    held = [] if whole is None else whole.open_holds
    if not held:
        raise Conflict("nothing_held", "no payment of this order is held any more", order_id=str(order_id))
    free = [hold for hold in held if not any(freeze.kind == "claim" for freeze in hold.freezes)]
    if not free:
        raise Conflict("hold_claimed_already", "another complaint has claimed this payment", order_id=str(order_id))
    return max(free, key=lambda hold: (hold.amount.amount_minor, hold.id))


def judged(complaint: Complaint, narrative: str) -> dict[str, Any]:
    """Return the columns that note the risk, and what a later batch is compared with."""
    ensure(complaint.kind is not None and complaint.harm is not None, "checked before")
    found = rules.assess_risk(complaint.kind or "", complaint.harm or "")
    readings = read_lots(
        lot_text=complaint.lot_text, barcode_lot="", product_text=complaint.product_text, narrative=narrative
    )
    return {
        "risk": found.risk,
        "risk_reason": found.reason,
        "risk_rules": found.rules,
        "told_key": name_key(complaint.product_text, complaint.brand_text, complaint.seller_text),
        "lots_told": list(dict.fromkeys(reading.folded for reading in readings if reading.folded)),
    }


def sent_facts(complaint: Complaint) -> dict[str, Any]:
    """Return what the event of a complaint that was sent says."""
    facts: dict[str, Any] = {
        "kind": complaint.kind,
        "harm": complaint.harm,
        "risk": complaint.risk,
        "purpose": complaint.purpose,
    }
    if complaint.claim_minor is None:
        return facts
    claim = {"claim_minor": complaint.claim_minor, "currency": complaint.currency, "hold_id": str(complaint.hold_id)}
    return facts | claim


async def _send(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> None:
    complaint.submitted_at = now
    await advance(tx, actor, complaint, "submit", side="buyer", now=now, facts=sent_facts(complaint))
    reason = rules.needs_triage(purpose=complaint.purpose, harm=complaint.harm or "", seller_id=complaint.seller_id)
    if reason is None:
        await advance(tx, actor, complaint, "send", side="system", now=now)
        await promise_answer(tx, complaint, now=now)
    else:
        await advance(tx, actor, complaint, "triage", side="system", now=now, facts={"reason": reason})
        await promise_triage(tx, complaint, now=now)
    if complaint.batch_id is not None:
        await tell_link(tx, actor, complaint, side="buyer", now=now)


async def promise_answer(tx: Tx, complaint: Complaint, *, now: datetime) -> None:
    """Promise what happens if the seller says nothing to a claim. Without a claim nothing runs."""
    if complaint.claim_minor is None:
        return
    wait = await policy(tx, ANSWER.name, now=now)
    await promise(tx, ANSWER.name, complaint.id, due_at=now + wait.duration, handler=ANSWER.handler, now=now)


async def promise_triage(tx: Tx, complaint: Complaint, *, now: datetime) -> None:
    """Promise that somebody is told if no mediator looks in time."""
    wait = await policy(tx, "triage", now=now)
    await promise(tx, "triage", complaint.id, due_at=now + wait.duration, handler="complaints.triage_overdue", now=now)
