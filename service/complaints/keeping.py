"""Orders of operators about what a case holds: erase it, hold it against erasure, let it go.

Erased are the words of the case (the buyer's, both sides' entries, what mediators asked to see) and, by its key, the
files. The course of the case, amounts, times and hashes stay. Stored answers to requests (`Idempotency-Key`) repeat the
words, so those go, too. Lock order: complaint, then the keys of its files.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select

from service.complaints import keeping_rules
from service.complaints.actions.steps import refuse_own_case, take_challenges_back, tell
from service.complaints.keeping_schemas import NewErasure, NewLegalHold
from service.complaints.queries.access import course_of, get_row
from service.complaints.queries.keeping import case_of, held_together
from service.complaints.tables import (
    Challenge,
    ChallengeText,
    Complaint,
    ComplaintEntry,
    ComplaintEntryText,
    ComplaintKeeping,
    ComplaintText,
)
from service.core.actor import SYSTEM, Actor
from service.core.errors import Conflict, NotFound, ensure
from service.core.ids import new_id
from service.db.idempotency import forget_answers
from service.db.session import Tx
from service.events.log import actors_of
from service.files.actions import erase_case_files, open_case_key, set_legal_hold
from service.files.queries import key_facts
from service.files.sealing import KeyRing


async def erase(tx: Tx, actor: Actor, complaint_id: UUID, data: NewErasure, *, now: datetime) -> int:
    """Destroy the key of a case's files and delete its words; return how many files that were.

    What was taken in meanwhile under the key is refused when it is to be written. Done again, it deletes what was added
    since. Raises `NotFound` ("complaint_not_found"), `Forbidden` ("own_case"), `Conflict` ("case_open",
    "file_legal_hold"): then nothing is erased. Locks the complaint, then the keys.
    """
    complaint = await _locked(tx, actor, complaint_id)
    keeping_rules.check_may_erase(await course_of(tx, complaint), data.reason)
    cases = await held_together(tx, complaint.id)
    files = sum([await _erase_files(tx, actor, case_id, now=now) for case_id in cases])
    for case_id in cases:
        await _erase_words(tx, case_id)
    await _forget_answers(tx, cases)
    await take_challenges_back(tx, actor, complaint, now=now)  # nobody is silent who could not answer
    _write(tx, actor, complaint, "erase", data.reason, data.note, files=files, now=now)
    facts = {"reason": data.reason, "count": files}
    await tell(tx, actor, complaint, "complaint.erased", side="operator", now=now, facts=facts)
    return files


async def hold(tx: Tx, actor: Actor, complaint_id: UUID, data: NewLegalHold, *, ring: KeyRing, now: datetime) -> None:
    """Keep what a case holds: nothing of it is erased until it is let go, files that come later included.

    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("own_case"), `Conflict` ("legal_hold_state", "file_erased").
    Locks the complaint, then the keys.
    """
    complaint = await _locked(tx, actor, complaint_id)
    cases = await held_together(tx, complaint.id)
    if any(each.is_held for each in await key_facts(tx, cases)):
        raise Conflict("legal_hold_state", "this case is held already", is_held=True)
    for case_id in cases:  # a case without files gets its key now, for the hold to lie on
        await open_case_key(tx, ring, tenant_id=complaint.tenant_id, case_id=case_id, now=now)
        await set_legal_hold(tx, actor, case_id, is_held=True, now=now)
    _write(tx, actor, complaint, "hold", data.reason, data.note, files=0, now=now)
    facts = {"reason": data.reason}
    await tell(tx, actor, complaint, "complaint.legal_hold_set", side="operator", now=now, facts=facts)


async def let_go(
    tx: Tx, actor: Actor, complaint_id: UUID, *, reason: keeping_rules.ReleaseReason, note: str, now: datetime
) -> None:
    """Let what a case holds be erased again.

    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("own_case"), `Conflict` ("legal_hold_state"). Locks the
    complaint, then the keys.
    """
    complaint = await _locked(tx, actor, complaint_id)
    held = [each.case_id for each in await key_facts(tx, await held_together(tx, complaint.id)) if each.is_held]
    if not held:
        raise Conflict("legal_hold_state", "this case is not held", is_held=False)
    for case_id in held:
        await set_legal_hold(tx, actor, case_id, is_held=False, now=now)
    _write(tx, actor, complaint, "release", reason, note, files=0, now=now)
    await tell(tx, actor, complaint, "complaint.legal_hold_lifted", side="operator", now=now, facts={"reason": reason})


async def _locked(tx: Tx, actor: Actor, complaint_id: UUID) -> Complaint:
    """Return any case, a draft too: operators act on what they may not read. Of an addition, its case, locked as well.

    Else what a case holds could be erased part by part, past its hold and while it is open.
    """
    complaint = await get_row(tx, SYSTEM, complaint_id, is_locked=True)
    if (case_id := case_of(complaint)) != complaint.id:
        complaint = await get_row(tx, SYSTEM, case_id, is_locked=True)
    refuse_own_case(actor, complaint)
    return complaint


async def _erase_files(tx: Tx, actor: Actor, case_id: UUID, *, now: datetime) -> int:
    try:
        return await erase_case_files(tx, actor, case_id, now=now)
    except NotFound:  # it never had a file
        return 0


async def _erase_words(tx: Tx, case_id: UUID) -> None:
    entries = select(ComplaintEntry.id).where(ComplaintEntry.complaint_id == case_id)
    challenges = select(Challenge.id).where(Challenge.complaint_id == case_id)
    await tx.execute(delete(ComplaintText).where(ComplaintText.complaint_id == case_id))
    await tx.execute(delete(ComplaintEntryText).where(ComplaintEntryText.entry_id.in_(entries)))
    await tx.execute(delete(ChallengeText).where(ChallengeText.challenge_id.in_(challenges)))


async def _forget_answers(tx: Tx, cases: Sequence[UUID]) -> None:
    """Forget stored answers that name one of the cases. Whoever got one acted in it, or is who reported anonymously."""
    principals = {str(each) for each in [*cases, *await actors_of(tx, cases)]}
    for case_id in cases:
        await forget_answers(tx, principals, str(case_id))


def _write(  # noqa: PLR0913 - an order has this many parts
    tx: Tx,
    actor: Actor,
    complaint: Complaint,
    action: keeping_rules.Action,
    reason: str,
    note: str,
    *,
    files: int,
    now: datetime,
) -> None:
    ensure(actor.person_id is not None, "an order is a person's")
    tx.add(
        ComplaintKeeping(
            id=new_id(),
            tenant_id=complaint.tenant_id,
            complaint_id=complaint.id,
            action=action,
            reason=reason,
            note=note.strip(),
            files=files,
            ordered_by=actor.person_id,
            at=now,
        )
    )
