"""Photos with a one-time code: a mediator asks, the asked side opens and answers, the mediator judges.

Whoever takes the photo calls `begin_answer`, `files.receiving.receive_photos` and `answer`, in this order. What counts
is when the photo had come whole, which `begin_answer` judges. Lock order: complaint, challenge.
"""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from service.complaints import challenge_rules, rules
from service.complaints.actions.steps import end_challenge, tell_challenge
from service.complaints.challenge_rules import CHALLENGE, LIVE
from service.complaints.challenge_schemas import NewChallenge
from service.complaints.evidence import put_files, was_shown
from service.complaints.queries.access import get_row, require_side
from service.complaints.tables import Challenge, ChallengeText, Complaint
from service.core.actor import SYSTEM, Actor
from service.core.errors import Conflict, Forbidden, Invalid, NotFound, ensure
from service.core.ids import new_id
from service.db.locks import locked
from service.db.session import Database, Tx
from service.deadlines.actions import cancel, promise
from service.deadlines.queries import policy
from service.files.actions import open_case_key
from service.files.intake import CaseKey, Received
from service.files.queries import key_facts
from service.files.sealing import KeyRing

EXPIRED = "complaints.challenge_expired"


async def ask(tx: Tx, actor: Actor, complaint_id: UUID, data: NewChallenge, *, now: datetime) -> Challenge:
    """Ask a side, as a mediator of the case, for a photo with a code; they have some days to open it.

    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("not_your_part"), `Conflict` ("complaint_ended",
    "challenge_open_already", "challenges_too_many", "side_not_reached", "file_erased": nobody could answer it). Locks
    the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    require_side(actor, complaint, "mediator")
    rules.check_not_ended(complaint.status)
    _check_reached(complaint, data.side)
    await _check_free(tx, complaint, data.side)
    if any(each.destroyed_at is not None for each in await key_facts(tx, [complaint.id])):
        raise Conflict("file_erased", "the files of this case were erased, and it takes no more")
    wait = await policy(tx, "open_challenge", now=now)
    challenge = Challenge(
        id=new_id(),
        tenant_id=complaint.tenant_id,
        complaint_id=complaint.id,
        side=data.side,
        status=CHALLENGE.initial,
        asked_by=actor.person_id,
        asked_at=now,
        open_by=now + wait.duration,
    )
    tx.add(challenge)
    await tx.flush()  # its words refer to it
    tx.add(ChallengeText(challenge_id=challenge.id, text=data.text.strip()))
    await _promise_end(tx, challenge, challenge.open_by, now=now)
    facts = {"due_at": challenge.open_by.isoformat()}
    event = "complaint.challenge_asked"
    await tell_challenge(tx, actor, complaint, challenge, event, side="mediator", now=now, facts=facts)
    return challenge


async def open_challenge(tx: Tx, actor: Actor, complaint_id: UUID, challenge_id: UUID, *, now: datetime) -> Challenge:
    """Show the asked side its code; the quarter of an hour runs from now. Opening it again changes nothing.

    Raises `NotFound` ("complaint_not_found", "challenge_not_found"), `Forbidden` ("not_your_part"), `Conflict`
    ("challenge_expired", "challenge_state"). Locks the complaint and the challenge.
    """
    complaint, challenge = await _asked(tx, actor, complaint_id, challenge_id)
    if challenge.status == "opened":
        return challenge
    step = CHALLENGE.next(challenge.status, "open")
    challenge_rules.check_openable(challenge.open_by, now)
    time = await policy(tx, "answer_challenge", now=now)
    challenge.status, challenge.opened_at = step.to, now
    challenge.code, challenge.answer_by = challenge_rules.code_of(secrets.token_bytes(3)), now + time.duration
    await _promise_end(tx, challenge, challenge.answer_by, now=now)
    facts = {"due_at": challenge.answer_by.isoformat()}
    side = require_side(actor, complaint, "buyer", "seller")
    await tell_challenge(tx, actor, complaint, challenge, step.event, side=side, now=now, facts=facts)
    return challenge


async def begin_answer(
    database: Database, actor: Actor, complaint_id: UUID, challenge_id: UUID, *, ring: KeyRing, new: int = 1
) -> CaseKey:
    """Judge, in a transaction of its own, whether the photo that has just come is in time; return the case's key.

    A late one is recorded, and ends the challenge. Raises `NotFound` ("complaint_not_found", "challenge_not_found"),
    `Forbidden` ("not_your_part"), `Conflict` ("challenge_late", "challenge_state", "file_erased"), `Invalid`
    ("file_missing", "one_photo_only").
    """
    if new != 1:
        code, message = ("one_photo_only", "one photo answers it") if new else ("file_missing", "the form has no file")
        raise Invalid(code, message, field="photo")
    async with database.begin() as tx:
        now = await tx.now()
        complaint, challenge = await _asked(tx, actor, complaint_id, challenge_id)
        if not challenge_rules.is_late(challenge.status, challenge.answer_by, now):
            CHALLENGE.next(challenge.status, "answer")
            return await open_case_key(tx, ring, tenant_id=complaint.tenant_id, case_id=complaint.id, now=now)
        await _record_late(tx, actor, complaint, challenge, now=now)
    raise _late(challenge)


async def answer(
    tx: Tx,
    actor: Actor,
    complaint_id: UUID,
    challenge_id: UUID,
    received: Received,
    *,
    retention_days: int,
    now: datetime,
) -> Challenge:
    """Put the photo into the case as the challenge's answer. `begin_answer` has judged that it came in time.

    Raises as `begin_answer`, `Conflict` ("photo_sent_before") and `Unavailable` ("file_expired"). Locks the complaint
    and the challenge.
    """
    complaint, challenge = await _asked(tx, actor, complaint_id, challenge_id)
    if challenge_rules.is_late(challenge.status, challenge.answer_by, now, grace=challenge_rules.STORING_GRACE):
        raise _late(challenge)
    step = CHALLENGE.next(challenge.status, "answer")
    side = require_side(actor, complaint, "buyer", "seller")
    if await was_shown(tx, complaint, received.sha256_plain):
        raise Conflict("photo_sent_before", "this photo is in the case already, so it cannot show the code")
    (file_id,) = await put_files(tx, actor, complaint, side, [received], retention_days=retention_days, now=now)
    challenge.status, challenge.file_id, challenge.ended_at = step.to, file_id, now
    await cancel(tx, challenge_rules.promise_name(challenge.side), complaint.id, now=now)
    facts = {"file_id": str(file_id)}
    await tell_challenge(tx, actor, complaint, challenge, step.event, side=side, now=now, facts=facts)
    return challenge


async def judge(
    tx: Tx, actor: Actor, complaint_id: UUID, challenge_id: UUID, verdict: str, *, now: datetime
) -> Challenge:
    """Record, as a mediator of the case, whether the code is in the frame; once, and it stays.

    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("challenge_state", "challenge_judged_already").
    """
    complaint, challenge = await _of_mediator(tx, actor, complaint_id, challenge_id)
    step = CHALLENGE.next(challenge.status, "judge")
    if challenge.verdict is not None:
        raise Conflict("challenge_judged_already", "somebody has judged this photo")
    challenge.verdict, challenge.judged_by, challenge.judged_at = verdict, actor.person_id, now
    facts = {"verdict": verdict}
    await tell_challenge(tx, actor, complaint, challenge, step.event, side="mediator", now=now, facts=facts)
    return challenge


async def withdraw(tx: Tx, actor: Actor, complaint_id: UUID, challenge_id: UUID, *, now: datetime) -> Challenge:
    """Take a challenge back, as a mediator of the case, before it is answered.

    Raises `NotFound`, `Forbidden` ("not_your_part"), `Conflict` ("challenge_state").
    """
    complaint, challenge = await _of_mediator(tx, actor, complaint_id, challenge_id)
    await end_challenge(tx, actor, complaint, challenge, "withdraw", side="mediator", now=now)
    return challenge


async def expire(tx: Tx, complaint_id: UUID, challenge_id: UUID, *, now: datetime) -> None:
    """End a challenge whose time has passed. A photo that came in time may still be on its way into the store."""
    complaint = await get_row(tx, SYSTEM, complaint_id, is_locked=True)
    challenge = await _locked(tx, complaint, challenge_id)
    if challenge.status not in LIVE:
        return
    last = challenge.open_by
    if challenge.answer_by is not None:
        last = challenge.answer_by + challenge_rules.STORING_GRACE
    if now < last:
        await _promise_end(tx, challenge, last, now=now)
        return
    await end_challenge(tx, SYSTEM, complaint, challenge, "expire", side="system", now=now)


async def _record_late(tx: Tx, actor: Actor, complaint: Complaint, challenge: Challenge, *, now: datetime) -> None:
    """Record the first photo that came too late; the refusal itself leaves nothing behind."""
    if challenge.status in LIVE:
        await end_challenge(tx, SYSTEM, complaint, challenge, "expire", side="system", now=now)
    if challenge.late_at is not None:
        return
    challenge.late_at = now
    side = require_side(actor, complaint, "buyer", "seller")
    await tell_challenge(tx, actor, complaint, challenge, "complaint.challenge_late", side=side, now=now)


def _late(challenge: Challenge) -> Conflict:
    due_at = challenge.answer_by or challenge.open_by
    return Conflict("challenge_late", "the photo came after its time", due_at=due_at.isoformat())


async def _asked(tx: Tx, actor: Actor, complaint_id: UUID, challenge_id: UUID) -> tuple[Complaint, Challenge]:
    """Return a case and a challenge of the actor's own side, both locked."""
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer", "seller")
    challenge = await _locked(tx, complaint, challenge_id)
    if challenge.side != side:
        raise Forbidden("not_your_part", f"this is for the {challenge.side}", side=side)
    return complaint, challenge


async def _of_mediator(tx: Tx, actor: Actor, complaint_id: UUID, challenge_id: UUID) -> tuple[Complaint, Challenge]:
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    require_side(actor, complaint, "mediator")
    return complaint, await _locked(tx, complaint, challenge_id)


async def _locked(tx: Tx, complaint: Complaint, challenge_id: UUID) -> Challenge:
    query = select(Challenge).where(Challenge.id == challenge_id, Challenge.complaint_id == complaint.id)
    found = (await tx.scalars(locked(query))).one_or_none()
    if found is None:
        raise NotFound("challenge_not_found", "no such challenge in this case")
    return found


def _check_reached(complaint: Complaint, side: str) -> None:
    """Raise `Conflict` ("side_not_reached") for a seller who does not see the case yet: nobody would open it."""
    if side == "seller" and complaint.reached_at is None:
        raise Conflict("side_not_reached", f"the {side} does not see this case", side=side)


async def _check_free(tx: Tx, complaint: Complaint, side: str) -> None:
    query = select(Challenge.status, func.count()).where(Challenge.complaint_id == complaint.id, Challenge.side == side)
    found: dict[str, int] = {row[0]: row[1] for row in await tx.execute(query.group_by(Challenge.status))}
    if any(status in found for status in LIVE):
        raise Conflict("challenge_open_already", "this side was asked, and has not answered yet", side=side)
    challenge_rules.check_count(sum(found.values()))


async def _promise_end(tx: Tx, challenge: Challenge, due_at: datetime, *, now: datetime) -> None:
    ensure(challenge.status in LIVE, "only a live challenge ends by itself")
    name, payload = challenge_rules.promise_name(challenge.side), {"challenge_id": str(challenge.id)}
    await promise(tx, name, challenge.complaint_id, due_at=due_at, handler=EXPIRED, now=now, payload=payload)
