"""Sending a complaint: from then on it is immutable, and what it claims is frozen in the same transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from service.complaints import rules
from service.complaints.actions.claiming import claim
from service.complaints.actions.drafts import locked_draft, texts_of
from service.complaints.actions.finding import tell_link
from service.complaints.actions.merging import merge, open_twin
from service.complaints.actions.promises import promise_answer, promise_triage
from service.complaints.actions.steps import advance
from service.complaints.matching.lot_readings import read_lots
from service.complaints.tables import Complaint, ComplaintText
from service.core.actor import Actor
from service.core.errors import Conflict, ensure
from service.core.names import name_key
from service.db.session import Tx


async def submit(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime) -> Complaint:
    """Send the actor's draft: freeze what it claims, judge its risk, and give it to the seller or first to a mediator.

    A draft about an order and kind of which the buyer has an open case becomes an addition to that case, which is
    returned. The transaction may take 3 s, so that the sweep cannot pass it. Raises `NotFound`, `Conflict`
    ("complaint_sent", "nothing_held", "hold_claimed_already", "window_closed"), `Invalid` for what is missing. Locks
    the complaint, then the case that it is added to, then the hold.
    """
    await tx.limit_seconds(rules.SUBMIT_SECONDS_MAX)
    complaint = await locked_draft(tx, actor, complaint_id)
    texts = await texts_of(tx, complaint)
    check_sendable(complaint, texts.narrative)
    twin_id = await open_twin(tx, complaint)
    if twin_id is None:
        try:
            async with tx.begin_nested():
                await _send_alone(tx, actor, complaint, texts, now=now)
                await tx.flush()  # here the key finds a twin
        except (Conflict, IntegrityError):
            await tx.refresh(complaint)
            twin_id = await open_twin(tx, complaint)  # sent in the same moment: the key, or the hold, made us wait
            if twin_id is None:
                raise
        else:
            return complaint
    return await merge(tx, actor, complaint, texts, twin_id, now=now)


async def _send_alone(tx: Tx, actor: Actor, complaint: Complaint, texts: ComplaintText, *, now: datetime) -> None:
    await claim(tx, actor, complaint, complaint, now=now)
    for name, value in judged(complaint, texts.narrative).items():
        setattr(complaint, name, value)
    await forward(tx, actor, complaint, now=now)


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


async def forward(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> None:
    """Take a locked draft, which was judged, to the seller or first to a mediator; its claim is frozen already."""
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
