"""One case of several complaints: a buyer's second of a kind is an addition, and mediators join what belongs together.

Nothing is copied: the merged complaint keeps its words, photos and consents, and the case reads them from there.
(docs/decisions/0018-one-case-of-several-complaints.md)
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.complaints import rules
from service.complaints.actions.claiming import claim
from service.complaints.actions.promises import promise_answer, promise_escalation
from service.complaints.actions.steps import advance, check_entries, refuse_own_case, tell, write_entry
from service.complaints.queries.access import get_row, require_side
from service.complaints.queries.parts import count_files_of
from service.complaints.tables import Complaint, ComplaintText
from service.core.actor import Actor
from service.core.errors import Conflict, Invalid
from service.db.session import Tx
from service.files.kinds import check_count


async def open_twin(tx: Tx, draft: Complaint) -> UUID | None:
    """Return the open case of the same buyer about the same order and kind, which a draft would double."""
    if draft.order_id is None:
        return None
    query = select(Complaint.id).where(
        Complaint.buyer_id == draft.buyer_id,
        Complaint.order_id == draft.order_id,
        Complaint.kind == draft.kind,
        Complaint.status.in_(rules.OPEN_SENT),
    )
    found: UUID | None = await tx.scalar(query)
    return found


async def merge(
    tx: Tx, actor: Actor, draft: Complaint, texts: ComplaintText, first_id: UUID, *, now: datetime
) -> Complaint:
    """Make an addition to the buyer's open case of a draft that the caller locked, and return the case.

    A graver harm raises the case's risk; what the draft asks for is claimed where the case claims nothing yet. Raises
    `Conflict` ("complaint_ended", "entries_too_many"), `Invalid` ("too_many_files"), and as `claim`. Locks the case.
    """
    first = await get_row(tx, actor, first_id, is_locked=True)
    rules.check_not_ended(first.status)
    await check_entries(tx, first, "buyer")
    added = await count_files_of(tx, draft.id)
    check_count(added, 0, await count_files_of(tx, first.id))
    draft.merged_into_id = first.id
    await advance(tx, actor, draft, "merge", side="buyer", now=now)
    text = texts.narrative
    entry = write_entry(tx, actor, first, "addition", side="buyer", text=text, draft_id=draft.id, now=now)
    facts = {"entry_id": str(entry.id), "count": added}
    await tell(tx, actor, first, "complaint.entry_added", side="buyer", now=now, facts=facts)
    await tell_harm(tx, actor, first, draft.harm, side="buyer", now=now)
    if first.claim_minor is None:
        await _claim_for(tx, actor, first, draft, now=now)
    return first


async def join(tx: Tx, actor: Actor, complaint_id: UUID, parent_id: UUID, *, text: str, now: datetime) -> Complaint:
    """Make one person's complaint part of another's case, as a mediator of both; return the complaint.

    Its complainant is told what becomes of the case, and may add to their own part. Raises `NotFound`, `Forbidden`
    ("not_your_part", "own_case"), `Conflict` ("complaint_state", "complaint_ended", "join_claims", "join_has_joined",
    "join_other_seller"), `Invalid` ("join_to_itself"). Locks the complaint, then the parent.
    """
    if complaint_id == parent_id:
        raise Invalid("join_to_itself", "a case is no part of itself", field="parent_id")
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    parent = await get_row(tx, actor, parent_id, is_locked=True)
    for each in (complaint, parent):
        require_side(actor, each, "mediator")
        refuse_own_case(actor, each)
    await _check_joinable(tx, complaint, parent)
    complaint.merged_into_id = parent.id
    await advance(tx, actor, complaint, "join", side="mediator", now=now)
    await tx.flush()  # the parent's complainants are counted with this one
    await tell(tx, actor, parent, "complaint.complainant_joined", side="mediator", now=now)
    await tell_harm(tx, actor, parent, complaint.gravest_harm, side="mediator", now=now)
    if text.strip():
        await check_entries(tx, parent, "mediator")
        write_entry(tx, actor, parent, "note", side="mediator", text=text, now=now)
    return complaint


async def tell_harm(
    tx: Tx, actor: Actor, complaint: Complaint, harm: str | None, *, side: rules.Side, now: datetime
) -> None:
    """Note a graver harm than was told so far, and the risk that it makes; the highest harm governs."""
    if not rules.is_graver(harm, complaint.gravest_harm):
        return
    found = rules.assess_risk(complaint.kind or "", harm or "")
    complaint.later_harm = harm
    complaint.risk, complaint.risk_reason, complaint.risk_rules = found.risk, found.reason, found.rules
    facts = {"harm": harm, "risk": found.risk, "reason": found.reason}
    await tell(tx, actor, complaint, "complaint.harm_raised", side=side, now=now, facts=facts)


async def _claim_for(tx: Tx, actor: Actor, first: Complaint, draft: Complaint, *, now: datetime) -> None:
    """Claim what an addition asks for; the clocks of a claim start where the case stands."""
    await tx.flush()  # the case's entry is written before its hold moves
    if not await claim(tx, actor, first, draft, now=now):
        return
    facts = {"claim_minor": first.claim_minor, "currency": first.currency, "hold_id": str(first.hold_id)}
    await tell(tx, actor, first, "complaint.claim_added", side="buyer", now=now, facts=facts)
    if first.status == "with_seller":
        await promise_answer(tx, first, now=now)
    elif first.status == "answered":
        await promise_escalation(tx, first, now=now)


async def _check_joinable(tx: Tx, complaint: Complaint, parent: Complaint) -> None:
    rules.COMPLAINT.next(complaint.status, "join")
    rules.check_not_ended(parent.status)
    if complaint.claim_minor is not None:
        raise Conflict("join_claims", "a complaint that claims money is a case of its own")
    if complaint.seller_id and parent.seller_id and complaint.seller_id != parent.seller_id:
        raise Conflict("join_other_seller", "the two name different sellers")
    if await tx.scalar(select(Complaint.id).where(Complaint.merged_into_id == complaint.id).limit(1)) is not None:
        raise Conflict("join_has_joined", "another complaint is part of this one: join the other case to it")
