"""What people do with disputes. A ruling moves money only when it is final."""

from datetime import datetime
from uuid import UUID

from service.accounts.queries import people_of_seller, people_with_role
from service.complaints.actions import mark_disputed, mark_ruled, mark_settled
from service.complaints.queries import CaseFacts, case_facts
from service.core.actor import SYSTEM, Actor, Role
from service.core.errors import Conflict, Forbidden, NotFound, ensure, unreachable
from service.core.ids import new_id
from service.db.session import Tx
from service.deadlines.actions import cancel, promise
from service.deadlines.queries import policy
from service.disputes import rules
from service.disputes.queries import accepted_sides, get_row, held_of, newest_ruling, ruled_before, sides_of
from service.disputes.schemas import NewRuling
from service.disputes.tables import Dispute, Ruling, RulingAcceptance, RulingText
from service.escrow.actions import settle_hold
from service.events.log import emit


async def escalate(tx: Tx, actor: Actor, complaint_id: UUID, *, now: datetime) -> Dispute:
    """Put a claim before a mediator; first ruling within the policy's time, else a supervisor takes it.

    Raises what `complaints.mark_disputed` raises: `NotFound`, `Forbidden`, `Conflict` ("complaint_state").
    """
    dispute_id = new_id()
    await mark_disputed(tx, actor, complaint_id, dispute_id=dispute_id, now=now)
    case = await _case(tx, complaint_id)
    dispute = Dispute(
        id=dispute_id,
        tenant_id=case.tenant_id,
        complaint_id=case.id,
        buyer_id=case.buyer_id,
        seller_id=case.seller_id,
        state=rules.DISPUTE.initial,
        needs_supervisor=False,
        opened_by=actor.person_id,
        opened_at=now,
    )
    tx.add(dispute)
    await tx.flush()  # the promise and later readers find the row
    hard = await policy(tx, "first_ruling_hard", now=now)
    handler = "disputes.ruling_overdue"
    await promise(tx, "first_ruling", dispute.id, due_at=now + hard.duration, handler=handler, now=now)
    await _emit(tx, actor, dispute, "dispute.opened", now=now)
    return dispute


async def assign(tx: Tx, actor: Actor, dispute_id: UUID, mediator_id: UUID | None, *, now: datetime) -> Dispute:
    """Let a mediator take a dispute: oneself, or by a supervisor another of the same tenant.

    Raises `NotFound`, `Forbidden` ("not_mediator_here", "supervisor_needed", "mediator_is_party",
    "mediator_ruled_before"), `Conflict` ("dispute_state", "dispute_assigned_already"). Locks the dispute.
    """
    dispute = await get_row(tx, actor, dispute_id, is_locked=True)
    case = await _case(tx, dispute.complaint_id)
    sides = sides_of(actor, case, dispute)
    step = rules.DISPUTE.next(dispute.state, "assign")
    _check_may_assign(actor, dispute, sides, mediator_id)
    chosen = mediator_id or actor.person_id
    if chosen is None:
        unreachable("the policy lets only people assign")
    await _check_mediator(tx, case, dispute, chosen)
    dispute.mediator_id, dispute.assigned_at, dispute.state = chosen, now, step.to
    await _emit(tx, actor, dispute, step.event, now=now, mediator_id=str(chosen))
    return dispute


def _check_may_assign(actor: Actor, dispute: Dispute, sides: set[str], mediator_id: UUID | None) -> None:
    if not sides & {"mediator", "supervisor"}:
        raise Forbidden("not_mediator_here", "mediators of this case's tenant take it")
    if "supervisor" in sides:
        return
    if mediator_id not in (None, actor.person_id) or dispute.needs_supervisor:
        raise Forbidden("supervisor_needed", "a supervisor does this")
    if dispute.mediator_id not in (None, actor.person_id):
        raise Conflict("dispute_assigned_already", "another mediator has this case")


async def rule(tx: Tx, actor: Actor, dispute_id: UUID, data: NewRuling, *, now: datetime) -> Ruling:
    """Decide a dispute. The money moves when both sides accept or the time for an appeal has passed.

    Raises `NotFound`, `Forbidden` ("not_your_case" and what `assign` raises about parties), `Conflict`
    ("dispute_state"), `Invalid` ("currency_mismatch", "amount_above_hold", "nothing_held"). Locks the dispute, then the
    complaint.
    """
    dispute = await get_row(tx, actor, dispute_id, is_locked=True)
    step = rules.DISPUTE.next(dispute.state, "rule")
    if dispute.mediator_id is None or dispute.mediator_id != actor.person_id:
        raise Forbidden("not_your_case", "only the mediator who has the case rules")
    await mark_ruled(tx, actor, dispute.complaint_id, now=now)  # locks the complaint: no claim comes in after this look
    case = await _case(tx, dispute.complaint_id)
    await _check_mediator(tx, case, dispute, dispute.mediator_id)
    buyer, held = data.buyer.money(), held_of(case)
    rules.check_share(buyer, held)
    before = await newest_ruling(tx, dispute.id)
    ruling = Ruling(
        id=new_id(),
        tenant_id=dispute.tenant_id,
        dispute_id=dispute.id,
        round=1 if before is None else before.round + 1,
        mediator_id=dispute.mediator_id,
        held_minor=0 if held is None else held.amount_minor,
        buyer_minor=buyer.amount_minor,
        currency=buyer.currency,
        at=now,
    )
    tx.add(ruling)
    await tx.flush()  # the reasons point at the ruling
    tx.add(RulingText(ruling_id=ruling.id, reasons=data.reasons.strip()))
    dispute.state, dispute.ruled_at = step.to, now
    await cancel(tx, "first_ruling", dispute.id, now=now)
    appeal = await policy(tx, "appeal", now=now)
    await promise(tx, "appeal", dispute.id, due_at=now + appeal.duration, handler="disputes.appeal_over", now=now)
    parts = {"buyer_minor": ruling.buyer_minor, "held_minor": ruling.held_minor, "currency": ruling.currency}
    await _emit(tx, actor, dispute, step.event, now=now, ruling_id=str(ruling.id), **parts)
    return ruling


async def accept(tx: Tx, actor: Actor, dispute_id: UUID, *, now: datetime) -> Dispute:
    """Accept the ruling for one's side; with both sides it is final and the money moves, in this transaction.

    Raises `NotFound`, `Forbidden` ("not_a_party"), `Conflict` ("dispute_state", "accepted_already"). Locks the dispute.
    """
    dispute = await get_row(tx, actor, dispute_id, is_locked=True)
    step = rules.DISPUTE.next(dispute.state, "accept")
    case = await _case(tx, dispute.complaint_id)
    mine = sides_of(actor, case, dispute) & set(rules.SIDES)
    if not mine or actor.person_id is None:
        raise Forbidden("not_a_party", "the two sides accept a ruling")
    ruling = await newest_ruling(tx, dispute.id)
    if ruling is None:
        unreachable("a ruled dispute has its ruling")
    accepted = await accepted_sides(tx, ruling.id)
    for side in sorted(mine - accepted):
        tx.add(RulingAcceptance(ruling_id=ruling.id, side=side, person_id=actor.person_id, at=now))
        await _emit(tx, actor, dispute, step.event, now=now, side=side)
    if mine <= accepted:
        raise Conflict("accepted_already", "your side has accepted this ruling")
    if accepted | mine >= set(rules.SIDES):
        await _finalise(tx, actor, dispute, case, ruling, now=now)
    return dispute


async def close_appeal(tx: Tx, dispute_id: UUID, *, now: datetime) -> None:
    """Carry out a ruling whose time for an appeal has passed; doing it again changes nothing. Locks the dispute."""
    dispute = await get_row(tx, SYSTEM, dispute_id, is_locked=True)
    ruling = await newest_ruling(tx, dispute.id)
    if dispute.state == "ruled" and ruling is not None:
        await _finalise(tx, SYSTEM, dispute, await _case(tx, dispute.complaint_id), ruling, now=now)


async def give_to_supervisor(tx: Tx, dispute_id: UUID, *, now: datetime) -> None:
    """Take a dispute that nobody ruled in time from its mediator: only a supervisor may give it out again."""
    dispute = await get_row(tx, SYSTEM, dispute_id, is_locked=True)
    if dispute.state in ("ruled", "final"):
        return
    step = rules.DISPUTE.next(dispute.state, "escalate")
    dispute.state, dispute.needs_supervisor, dispute.mediator_id = step.to, True, None
    await _emit(tx, SYSTEM, dispute, step.event, now=now)


async def end_with_complaint(tx: Tx, complaint_id: UUID, dispute_id: UUID, *, now: datetime) -> None:
    """End a dispute whose complaint was settled, withdrawn or closed otherwise.

    A ruling that was not final then moves no money: the held payment was charged back, or refunded at the provider's
    limit. Locks the dispute.
    """
    dispute = await get_row(tx, SYSTEM, dispute_id, is_locked=True)
    if dispute.complaint_id != complaint_id or dispute.state == "final":
        return
    step = rules.DISPUTE.next(dispute.state, "settle")
    dispute.state, dispute.ended_at = step.to, now
    await cancel(tx, "first_ruling", dispute.id, now=now)
    await cancel(tx, "appeal", dispute.id, now=now)
    await _emit(tx, SYSTEM, dispute, step.event, now=now)


async def _finalise(tx: Tx, actor: Actor, dispute: Dispute, case: CaseFacts, ruling: Ruling, *, now: datetime) -> None:
    step = rules.DISPUTE.next(dispute.state, "finalise")
    dispute.state, dispute.ended_at = step.to, now
    await cancel(tx, "appeal", dispute.id, now=now)
    await tx.flush()  # the ruling stands before the money moves
    if case.hold_id is not None:
        await settle_hold(
            tx,
            actor,
            case.hold_id,
            buyer_minor=rules.still_due(ruling.buyer_minor, ruling.held_minor, case.claim_minor),
            decided_by=ruling.id,
            source_id=case.id,
            now=now,
        )
    await mark_settled(tx, actor, case.id, outcome="ruling", now=now)
    await _emit(tx, actor, dispute, step.event, now=now, ruling_id=str(ruling.id))


async def _case(tx: Tx, complaint_id: UUID) -> CaseFacts:
    found = (await case_facts(tx, [complaint_id])).get(complaint_id)
    if found is None:
        raise NotFound("complaint_not_found")
    return found


async def _check_mediator(tx: Tx, case: CaseFacts, dispute: Dispute, mediator_id: UUID) -> None:
    allowed = await people_with_role(tx, Role.MEDIATOR, [dispute.tenant_id])
    allowed += await people_with_role(tx, Role.SUPERVISOR, [dispute.tenant_id])
    if mediator_id not in allowed:
        raise Forbidden("not_mediator_here", "only mediators of this case's tenant decide it")
    people = [] if case.seller_id is None else await people_of_seller(tx, case.seller_id)
    before = await ruled_before(tx, case.id)
    rules.check_impartial(mediator_id, buyer_id=case.buyer_id, seller_people=people, ruled_before=before)


async def _emit(tx: Tx, actor: Actor, dispute: Dispute, name: str, *, now: datetime, **facts: object) -> None:
    ensure(dispute.tenant_id is not None, "a dispute has a tenant")
    told = {"complaint_id": str(dispute.complaint_id), **facts}
    await emit(tx, name, actor=actor, subject=("dispute", dispute.id), now=now, tenant_id=dispute.tenant_id, facts=told)
