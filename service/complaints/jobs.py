"""What complaints do by themselves: look for their batch, and keep what was promised."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog

from service.complaints import challenges, rematching, rules
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
from service.db.session import Database, Tx
from service.events.log import Together, TogetherLater, heard
from service.jobs.queue import LATER, Payload, enqueue_many

_log = structlog.get_logger("fairhold.complaints")


async def match_sent(payload: Payload, *, database: Database) -> None:
    """Look for the batches of the complaints that were sent."""
    async with database.reading() as tx:
        found = [each.subject_id for each in await heard(tx, payload)]
    await _match_all(database, found)


async def match(payload: Payload, *, database: Database) -> None:
    """Look for the batch of one complaint, with which a chunk failed."""
    await _match(database, [UUID(payload["subject_id"])], with_linked=payload.get("with_linked", False))


async def rematch(payload: Payload, *, database: Database) -> None:
    """Batches were registered or corrected: have the complaints that they may fit tried again, each once.

    So have those that the matcher itself linked to what was corrected. The tries are jobs of many complaints each, for
    any worker.
    """

    async def work(tx: Tx) -> None:
        events = await heard(tx, payload)
        registered, corrected = await rematching.batches_of(tx, events)
        found = await rematching.that_may_fit(tx, registered, corrected)
        for start in range(0, len(found), rules.REMATCH_CHUNK):
            ids = [str(each) for each in found[start : start + rules.REMATCH_CHUNK]]
            await enqueue_many(tx, "complaints.match_again", [{"complaint_ids": ids}], priority=LATER)
        shown = await rematching.whose_photos_show(tx, registered, corrected)
        for start in range(0, len(shown), rules.REMATCH_CHUNK):
            some = {"complaint_ids": [str(each) for each in shown[start : start + rules.REMATCH_CHUNK]]}
            await enqueue_many(tx, "complaints.match_again", [{**some, "with_linked": True}], priority=LATER)
        linked = await rematching.with_automatic_links(tx, corrected)
        await enqueue_many(tx, "complaints.relink", [{"batch_id": str(each)} for each in linked], priority=LATER)

    await database.run(work)


async def match_again(payload: Payload, *, database: Database) -> None:
    """Look again for the batches of complaints that a registered or corrected one may fit."""
    found = [UUID(each) for each in payload["complaint_ids"]]
    await _match_all(database, found, with_linked=payload.get("with_linked", False))


async def match_photos(payload: Payload, *, database: Database) -> None:
    """Photos say more than before: look again for the batches of their cases, also of those that the matcher linked.

    A photo of a draft, which is told of here as well, speaks when the draft is sent.
    """
    async with database.reading() as tx:
        found = await rematching.whose_photos_say_more(tx, await heard(tx, payload))
    await _match_all(database, found, with_linked=True)


async def relink(payload: Payload, *, database: Database) -> None:
    """Try the complaints again that the matcher linked to a corrected batch; those that are more are another job."""
    batch_id = UUID(payload["batch_id"])
    async with database.begin() as tx:
        found = await rematching.linked_by_matcher(tx, batch_id, after=payload.get("after"), limit=rules.REMATCH_CHUNK)
    await _match_all(database, found, with_linked=True)
    if len(found) == rules.REMATCH_CHUNK:
        more = {"batch_id": str(batch_id), "after": str(found[-1])}
        async with database.begin() as tx:
            await enqueue_many(tx, "complaints.relink", [more], priority=LATER)


async def _match_all(database: Database, complaint_ids: Sequence[UUID], *, with_linked: bool = False) -> None:
    """Match complaints by the chunk. One that fails holds up no other: each of its chunk becomes a job of its own."""
    for start in range(0, len(complaint_ids), rules.MATCH_CHUNK):
        chunk = complaint_ids[start : start + rules.MATCH_CHUNK]
        try:
            await _match(database, chunk, with_linked=with_linked)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised again by the job of the one it is of
            _log.warning("complaints_tried_singly", error=type(error).__name__, count=len(chunk))
            singly = [{"subject_id": str(each), "with_linked": with_linked} for each in chunk]
            async with database.begin() as tx:
                await enqueue_many(tx, "complaints.match", singly)


async def _match(database: Database, complaint_ids: Sequence[UUID], *, with_linked: bool = False) -> None:
    async def work(tx: Tx) -> None:
        await match_complaints(tx, complaint_ids, now=await tx.now(), with_linked=with_linked)

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
    "complaints.rematch": rematch,
    "complaints.match_again": match_again,
    "complaints.match_photos": match_photos,
    "complaints.relink": relink,
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
    "complaint.photo_read": [Together("complaints.match_photos")],
    "complaint.reading_accepted": [Together("complaints.match_photos")],
    "complaint.merged": [Together("complaints.match_photos")],
    "batch.registered": [TogetherLater("complaints.rematch")],
    "batch.corrected": [TogetherLater("complaints.rematch")],
    "product.corrected": [TogetherLater("complaints.rematch")],
    "hold.charged_back": ["complaints.hold_ended"],
    "hold.divided": ["complaints.claim_divided"],
    "hold.refunded": ["complaints.hold_ended"],
}
