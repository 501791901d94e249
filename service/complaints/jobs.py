"""What complaints do by themselves: look for their batch, and keep what was promised."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from service.complaints import challenges, rules
from service.complaints.actions.answering import accept_claim
from service.complaints.actions.course import close, reduce_claim
from service.complaints.actions.offers import expire_offer
from service.complaints.actions.steps import open_offer, tell
from service.complaints.actions.tries import match_complaints
from service.complaints.queries.access import get_row
from service.complaints.queries.facts import cases_of_holds
from service.complaints.queries.silence import silence_of
from service.complaints.recognise.work import read_evidence, read_photo
from service.complaints.tables import Complaint
from service.core.actor import SYSTEM
from service.core.names import name_key
from service.db.session import Database, Tx
from service.events.log import Later, Together, heard
from service.jobs.queue import Payload, enqueue_many

_UNLINKED = "FROM complaint WHERE batch_id IS NULL AND status <> 'draft' AND status NOT IN ('withdrawn', 'merged')"
# Arms and not an OR over the columns, so that each uses its own index.
_MAY_FIT = text(
    f"""
    WITH may_fit AS (
        (SELECT id {_UNLINKED} AND lots_told ?| CAST(:lots AS text[]) LIMIT :limit)
        UNION (SELECT id {_UNLINKED} AND product_id = :product_id LIMIT :limit)
        UNION (SELECT id {_UNLINKED} AND told_key %> :name_en LIMIT :limit)
        UNION (SELECT id {_UNLINKED} AND told_key %> :name_zh LIMIT :limit)
    )
    SELECT c.id FROM complaint c JOIN may_fit USING (id)
    ORDER BY c.lots_told ?| CAST(:lots AS text[]) DESC,
             greatest(word_similarity(:name_en, c.told_key), word_similarity(:name_zh, c.told_key)) DESC, c.id DESC
    LIMIT :limit
    """  # noqa: S608 - made of constants
)
_log = structlog.get_logger("fairhold.complaints")
_THRESHOLD = text("SELECT set_config('pg_trgm.word_similarity_threshold', '0.5', true)")


async def match_sent(payload: Payload, *, database: Database) -> None:
    """Look for the batches of the complaints that were sent."""
    async with database.reading() as tx:
        found = [each.subject_id for each in await heard(tx, payload)]
    await _match_all(database, found)


async def match(payload: Payload, *, database: Database) -> None:
    """Look for the batch of one complaint, with which a chunk failed."""
    await _match(database, [UUID(payload["subject_id"])])


async def rematch_batch(payload: Payload, *, database: Database) -> None:
    """Try the complaints again that a newly registered batch may fit: by a told lot, by name, or by their product."""
    async with database.begin() as tx:
        found = await _that_may_fit(tx, UUID(payload["facts"]["batch_id"]))
    await _match_all(database, found)


async def _match_all(database: Database, complaint_ids: Sequence[UUID]) -> None:
    """Match complaints by the chunk. One that fails holds up no other: each of its chunk becomes a job of its own."""
    for start in range(0, len(complaint_ids), rules.MATCH_CHUNK):
        chunk = complaint_ids[start : start + rules.MATCH_CHUNK]
        try:
            await _match(database, chunk)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by the job of the one it is of
            _log.warning("complaints_tried_singly", error=type(error).__name__, count=len(chunk))
            async with database.begin() as tx:
                await enqueue_many(tx, "complaints.match", [{"subject_id": str(each)} for each in chunk])


async def _match(database: Database, complaint_ids: Sequence[UUID]) -> None:
    async def work(tx: Tx) -> None:
        await match_complaints(tx, complaint_ids, now=await tx.now())

    await database.run(work)


async def answer_overdue(payload: Payload, *, database: Database) -> None:
    """The seller said nothing in time: the claim is granted within the limits, or a mediator decides."""
    async with database.begin() as tx:
        complaint, now = await _locked(tx, payload), await tx.now()
        if complaint.status != "with_seller":
            return
        refused = rules.silence_refused(await silence_of(tx, complaint, now=now))
        if refused is None:
            await accept_claim(
                tx, SYSTEM, complaint, side="system", outcome="silence", decided_by=complaint.id, now=now
            )
        else:
            await _need_mediator(tx, complaint, refused)


async def offer_expired(payload: Payload, *, database: Database) -> None:
    """The buyer said nothing to an offer: the claim closes and the window resumes; an injury goes to a mediator."""
    async with database.begin() as tx:
        complaint, now = await _locked(tx, payload), await tx.now()
        if await expire_offer(tx, SYSTEM, complaint, now=now) and complaint.status == "answered":
            await _end_by_silence(tx, complaint, reason="offer_expired")


async def escalate_expired(payload: Payload, *, database: Database) -> None:
    """The buyer did not ask a mediator after a refusal: the claim closes and the window resumes."""
    async with database.begin() as tx:
        complaint = await _locked(tx, payload)
        if complaint.status == "answered" and await open_offer(tx, complaint.id) is None:
            await _end_by_silence(tx, complaint, reason="not_escalated")


async def warn_offer(payload: Payload, *, database: Database) -> None:
    """Two days before an offer ends, say so: whoever tells people subscribes."""
    async with database.begin() as tx:
        complaint, now = await _locked(tx, payload), await tx.now()
        offer = await open_offer(tx, complaint.id)
        if offer is not None:
            facts = {"offer_id": str(offer.id), "due_at": offer.expires_at.isoformat()}
            await tell(tx, SYSTEM, complaint, "complaint.offer_expiring", side="system", now=now, facts=facts)


async def triage_overdue(payload: Payload, *, database: Database) -> None:
    """No mediator looked in time: say so, for a supervisor. Nothing is decided by silence."""
    async with database.begin() as tx:
        complaint, now = await _locked(tx, payload), await tx.now()
        if complaint.status == "triage":
            await tell(tx, SYSTEM, complaint, "complaint.triage_overdue", side="system", now=now)


async def challenge_expired(payload: Payload, *, database: Database) -> None:
    """The asked side did not open the request for a photo, or did not answer it, in time: that is recorded."""
    async with database.begin() as tx:
        case_id, challenge_id = UUID(payload["subject_id"]), UUID(payload["challenge_id"])
        await challenges.expire(tx, case_id, challenge_id, now=await tx.now())


async def hold_ended(payload: Payload, *, database: Database) -> None:
    """The held payment of a claim was charged back or refunded by something else: the claim has nothing left to ask."""
    async with database.begin() as tx:
        for case in await cases_of_holds(tx, [UUID(payload["subject_id"])]):
            if case.status in rules.OPEN_SENT:
                reason = str(payload["event"]).replace(".", "_")
                await close(tx, SYSTEM, case.id, reason=reason, now=await tx.now())


async def claim_divided(payload: Payload, *, database: Database) -> None:
    """A part of a claimed held payment was charged back: the claim goes on for the rest, on the rest's hold."""
    facts = payload["facts"]
    if facts["cause"] != "chargeback":
        return
    async with database.begin() as tx:
        for case in await cases_of_holds(tx, [UUID(payload["subject_id"])]):
            if case.status in rules.OPEN_SENT:
                await reduce_claim(tx, case.id, UUID(facts["rest_hold_id"]), now=await tx.now())


async def _that_may_fit(tx: Tx, batch_id: UUID) -> list[UUID]:
    batch = (
        await tx.execute(
            text(
                "SELECT b.lot_folded, b.maker_lot_folded, p.id, p.name_en, p.name_zh"
                " FROM batch b JOIN product p ON p.id = b.product_id WHERE b.id = :batch_id"
            ),
            {"batch_id": batch_id},
        )
    ).one_or_none()
    if batch is None:
        return []
    await tx.execute(_THRESHOLD)
    lots = [lot for lot in (batch.lot_folded, batch.maker_lot_folded) if lot]
    name_en, name_zh = name_key(batch.name_en), name_key(batch.name_zh)
    facts = {
        "lots": lots,
        "name_en": name_en or name_zh,  # an empty name would be looked for without an index
        "name_zh": name_zh or name_en,
        "product_id": batch.id,
        "limit": rules.REMATCH_MAX,
    }
    return list(await tx.scalars(_MAY_FIT, facts))


async def _locked(tx: Tx, payload: Payload) -> Complaint:
    return await get_row(tx, SYSTEM, UUID(payload["subject_id"]), is_locked=True)


async def _end_by_silence(tx: Tx, complaint: Complaint, *, reason: str) -> None:
    """Close a claim because its buyer said nothing; an injury never closes by silence."""
    if rules.is_injury(complaint.gravest_harm):
        await _need_mediator(tx, complaint, "injury")
    else:
        await close(tx, SYSTEM, complaint.id, reason=reason, now=await tx.now())


async def _need_mediator(tx: Tx, complaint: Complaint, reason: str) -> None:
    """Ask for a mediator; disputes subscribe and take the complaint over."""
    await tell(
        tx, SYSTEM, complaint, "complaint.needs_mediator", side="system", now=await tx.now(), facts={"reason": reason}
    )


HANDLERS: Mapping[str, Callable[..., Any]] = {
    "complaints.match_sent": match_sent,
    "complaints.match": match,
    "complaints.rematch_batch": rematch_batch,
    "complaints.read_evidence": read_evidence,
    "complaints.read_photo": read_photo,
    "complaints.answer_overdue": answer_overdue,
    "complaints.offer_expired": offer_expired,
    "complaints.escalate_expired": escalate_expired,
    "complaints.warn_offer": warn_offer,
    "complaints.triage_overdue": triage_overdue,
    challenges.EXPIRED: challenge_expired,
    "complaints.hold_ended": hold_ended,
    "complaints.claim_divided": claim_divided,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {
    "complaint.submitted": [Together("complaints.match_sent")],
    "complaint.evidence_added": ["complaints.read_evidence"],
    "batch.registered": [Later("complaints.rematch_batch")],
    "hold.charged_back": ["complaints.hold_ended"],
    "hold.divided": ["complaints.claim_divided"],
    "hold.refunded": ["complaints.hold_ended"],
}
