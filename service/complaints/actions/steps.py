"""The one way in which a complaint's, an offer's or a challenge's status changes, and what all use cases share.

Lock order: complaint, then what escrow locks (scope, hold, accounts).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from service.complaints.challenge_rules import CHALLENGE, LIVE, promise_name
from service.complaints.rules import COMPLAINT, ENDS, ENTRIES_MAX, OFFER, EntryKind, Side, check_part
from service.complaints.tables import Challenge, Complaint, ComplaintEntry, ComplaintEntryText, Offer
from service.core.actor import Actor
from service.core.errors import Conflict, Forbidden
from service.core.ids import new_id
from service.db.locks import locked
from service.db.session import Tx
from service.deadlines.actions import cancel
from service.escrow import actions as escrow
from service.events.log import emit

DEADLINES = ("triage", "answer_claim", "accept_offer", "warn_offer", "escalate")


async def advance(  # noqa: PLR0913 - a step has this many parts
    tx: Tx,
    actor: Actor,
    complaint: Complaint,
    action: str,
    *,
    side: Side,
    now: datetime,
    outcome: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Take one step of the life cycle with a complaint that the caller locked, and emit its event.

    An end lifts nothing by itself, but cancels what was promised and takes back an open offer and live challenges.
    Raises `Conflict` ("complaint_state"), `Forbidden` ("not_your_part").
    """
    step = COMPLAINT.next(complaint.status, action)
    check_part(step, side)
    complaint.status = step.to
    if step.to == "with_seller":
        complaint.reached_at = complaint.reached_at or now
    elif step.to == "answered":
        complaint.answered_at = complaint.answered_at or now
    elif step.to in ENDS:
        complaint.ended_at, complaint.outcome = now, outcome
        await cancel_deadlines(tx, complaint.id, now=now)
        await take_offer_back(tx, actor, complaint, now=now)
        await take_challenges_back(tx, actor, complaint, now=now)
    more = {} if outcome is None else {"outcome": outcome}
    await tell(tx, actor, complaint, step.event, side=side, now=now, facts={**(facts or {}), **more})


async def tell(
    tx: Tx,
    actor: Actor,
    complaint: Complaint,
    name: str,
    *,
    side: Side,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Emit an event of a complaint: every one says which side acted, and the ids that subscribers start from."""
    await emit(
        tx,
        name,
        actor=actor,
        subject=("complaint", complaint.id),
        now=now,
        tenant_id=complaint.tenant_id,
        facts=told_facts(complaint, side, facts or {}),
    )


def told_facts(complaint: Complaint | Row[Any], side: Side, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of an event of a complaint, with what every one of them says."""
    ids = {"complaint_id": complaint.id, "seller_id": complaint.seller_id, "order_id": complaint.order_id}
    known = {key: str(value) for key, value in ids.items() if value is not None}
    return {**known, "side": side, **facts}


async def cancel_deadlines(tx: Tx, complaint_id: UUID, *, now: datetime) -> None:
    """Cancel everything that a complaint promised."""
    for name in DEADLINES:
        await cancel(tx, name, complaint_id, now=now)


async def lift_claim(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> None:
    """Lift the freeze of the complaint's claim, if it has one: the window resumes."""
    if complaint.hold_id is not None:
        await tx.flush()  # the case's end is written before its hold moves
        await escrow.lift_freeze(tx, actor, source_id=complaint.id, now=now)


async def open_offer(tx: Tx, complaint_id: UUID) -> Offer | None:
    """Return the open offer of a complaint, locked."""
    query = select(Offer).where(Offer.complaint_id == complaint_id, Offer.status == "open")
    return (await tx.scalars(locked(query))).one_or_none()


async def end_offer(
    tx: Tx, actor: Actor, complaint: Complaint, offer: Offer, action: str, *, side: Side, now: datetime
) -> None:
    """End an open offer of a complaint that the caller locked, and emit; raises `Conflict` ("offer_state")."""
    step = OFFER.next(offer.status, action)
    check_part(step, side)
    offer.status, offer.ended_at = step.to, now
    facts = {
        "offer_id": str(offer.id),
        "kind": offer.kind,
        "amount_minor": offer.amount_minor,
        "currency": offer.currency,
    }
    await tell(tx, actor, complaint, step.event, side=side, now=now, facts=facts)


async def take_offer_back(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> None:
    """Withdraw the open offer, if there is one, because something else was decided."""
    offer = await open_offer(tx, complaint.id)
    if offer is not None:
        await end_offer(tx, actor, complaint, offer, "withdraw", side="system", now=now)


async def end_challenge(
    tx: Tx, actor: Actor, complaint: Complaint, challenge: Challenge, action: str, *, side: Side, now: datetime
) -> None:
    """End a live challenge of a complaint that the caller locked without an answer, and emit.

    Raises `Conflict` ("challenge_state").
    """
    step = CHALLENGE.next(challenge.status, action)
    check_part(step, side)
    was_opened = challenge.opened_at is not None
    challenge.status, challenge.ended_at = step.to, now
    await cancel(tx, promise_name(challenge.side), complaint.id, now=now)
    facts = {"reason": "not_answered" if was_opened else "not_opened"}
    await tell_challenge(tx, actor, complaint, challenge, step.event, side=side, now=now, facts=facts)


async def take_challenges_back(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> None:
    """Withdraw the challenges that nobody has answered, because the case has ended or takes no more files."""
    query = select(Challenge).where(Challenge.complaint_id == complaint.id, Challenge.status.in_(LIVE))
    for challenge in await tx.scalars(locked(query)):
        await end_challenge(tx, actor, complaint, challenge, "withdraw", side="system", now=now)


async def tell_challenge(  # noqa: PLR0913 - what `tell` takes, and the challenge
    tx: Tx,
    actor: Actor,
    complaint: Complaint,
    challenge: Challenge,
    name: str,
    *,
    side: Side,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Emit an event of a challenge, under its complaint; never with its code."""
    known = {"challenge_id": str(challenge.id), "asked_side": challenge.side, **(facts or {})}
    await tell(tx, actor, complaint, name, side=side, now=now, facts=known)


async def check_entries(tx: Tx, complaint: Complaint, side: Side) -> None:
    """Raise `Conflict` ("entries_too_many") where a case has no room for one more of this side."""
    own = select(func.count()).where(ComplaintEntry.complaint_id == complaint.id, ComplaintEntry.side == side)
    if (await tx.scalar(own) or 0) >= ENTRIES_MAX:
        raise Conflict("entries_too_many", f"a side makes at most {ENTRIES_MAX} entries in a case", limit=ENTRIES_MAX)


def write_entry(  # noqa: PLR0913 - an entry has this many parts
    tx: Tx,
    actor: Actor,
    complaint: Complaint,
    kind: EntryKind,
    *,
    side: Side,
    text: str,
    now: datetime,
    decision: str | None = None,
    draft_id: UUID | None = None,
) -> ComplaintEntry:
    """Add an entry to a complaint; its words go to the table that can be erased.

    `draft_id` is the draft that the entry was made of, if it was.
    """
    entry = ComplaintEntry(
        id=new_id(),
        tenant_id=complaint.tenant_id,
        complaint_id=complaint.id,
        kind=kind,
        side=side,
        author_id=actor.person_id,
        decision=decision,
        at=now,
        draft_id=draft_id,
    )
    tx.add(entry)
    tx.add_all([ComplaintEntryText(entry_id=entry.id, text=text)] if text.strip() else [])
    return entry


def refuse_own_case(actor: Actor, complaint: Complaint) -> None:
    """Raise `Forbidden` ("own_case") when somebody would decide a case that they are party to."""
    if actor.person_id is not None and (
        complaint.buyer_id == actor.person_id or complaint.seller_id in actor.seller_ids
    ):
        raise Forbidden("own_case", "nobody decides a case that they are party to")
