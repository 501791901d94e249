"""Queued work: after files came into a case, each photo is read, and what it says is kept as suggestions.

Once, unless the reading process failed: it may have been killed, or had no time amid other work. Such a photo, and one
whose job gave up because the storage was gone for long, is queued again by a sweep, at most for so many tries.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.dialects.postgresql import insert

from service.complaints.queries.parts import not_removed
from service.complaints.recognise.codes import read_codes
from service.complaints.recognise.findings import Finding, Other, surest_first
from service.complaints.recognise.labels import read_lines
from service.complaints.recognise.reader import ReadingFailed, Recogniser, Seen
from service.complaints.tables import Complaint, ComplaintEvidence, PhotoReading, Reading
from service.complaints.tables.readings import PASSING
from service.core.actor import SYSTEM
from service.core.errors import Conflict, NotFound, Unavailable
from service.core.ids import new_id
from service.db.session import Database, Tx
from service.events.log import emit
from service.files.queries import get_file, with_view
from service.files.reading import Part, Ticket, fetch, open_file
from service.files.sealing import BytesChanged, KeyRing
from service.files.store import Store
from service.jobs.queue import Payload, enqueue

LANES: Final = 4
"""First tries wait for each other in so many lanes, so that a flood of photos leaves places for other work."""
TRIES_MAX: Final = 3
AGAIN_AFTER: Final = timedelta(hours=1)
LOOKED_FOR: Final = timedelta(days=3)
"""How long after it came a photo is looked for that no job has read."""
AGAIN_MAX: Final = 500
_AGAIN: Final = "again"
"""The lane of later tries: what fails there keeps no photo from its first."""
_OF_A_TRY: Final = ("failure", "engine", "width_px", "height_px", "others", "at")
_log = structlog.get_logger("fairhold.complaints")


async def read_evidence(payload: Payload, *, database: Database) -> None:
    """Queue the reading of each file that was added."""
    async with database.begin() as tx:
        for file_id in map(UUID, payload["facts"]["file_ids"]):
            await _queue(tx, UUID(payload["subject_id"]), file_id, lane=str(file_id.int % LANES))


async def queue_unread(tx: Tx) -> int:
    """Queue photos whose reading failed or never came about, `AGAIN_MAX` of each at most; for a worker.

    Always 0: there is nothing more to do at once.
    """
    now = await tx.now()
    kept = (
        select(ComplaintEvidence.complaint_id, ComplaintEvidence.file_id)
        .outerjoin(PhotoReading, PhotoReading.file_id == ComplaintEvidence.file_id)
        .where(not_removed())
        .limit(AGAIN_MAX)
    )
    failed = kept.where(_may_be_tried(now)).order_by(PhotoReading.at)
    unread = kept.where(
        PhotoReading.file_id.is_(None),
        ComplaintEvidence.at.between(now - LOOKED_FOR, now - AGAIN_AFTER),
        ComplaintEvidence.file_id.in_(with_view()),
    ).order_by(ComplaintEvidence.at)
    for query in (failed, unread):
        for complaint_id, file_id in await tx.execute(query):
            await _queue(tx, complaint_id, file_id, lane=_AGAIN)
    return 0


def _may_be_tried(now: datetime) -> ColumnElement[bool]:
    """Return the filter of failed readings that are to be tried again."""
    return PhotoReading.failure.in_(PASSING) & (PhotoReading.tries < TRIES_MAX) & (PhotoReading.at <= now - AGAIN_AFTER)


async def _queue(tx: Tx, complaint_id: UUID, file_id: UUID, *, lane: str) -> None:
    facts = {"complaint_id": str(complaint_id), "file_id": str(file_id), "lane": lane}
    lock, once = f"complaints.read_photo.{lane}", f"complaints.read_photo:{file_id}"
    await enqueue(tx, "complaints.read_photo", facts, lock=lock, once=once)


async def read_photo(
    payload: Payload, *, database: Database, store: Store, ring: KeyRing, recogniser: Recogniser
) -> None:
    """Read one photo, unless it was read or tried just now, removed or erased; what cannot be read is recorded so.

    A photo that the storage does not give goes on in the lane of later tries: here it would keep all behind it waiting
    while its job is tried again. There it raises `Unavailable`. If the case is erased just as its reading is written,
    the database refuses that, and the next try finds it erased.
    """
    complaint_id, file_id = UUID(payload["complaint_id"]), UUID(payload["file_id"])
    async with database.begin() as tx:
        ticket = await _ticket(tx, ring, complaint_id, file_id, now=await tx.now())
    if ticket is None:
        return
    try:
        seen, failure = await _read(store, recogniser, ticket)
    except Unavailable as error:
        if error.code != "storage_unavailable" or payload.get("lane") == _AGAIN:
            raise
        _log.warning("photo_not_fetched", file_id=str(file_id), cause=str(error))
        async with database.begin() as tx:
            await _queue(tx, complaint_id, file_id, lane=_AGAIN)
        return

    async def keep(tx: Tx) -> None:
        await _keep(tx, complaint_id, file_id, seen, failure, now=await tx.now())

    await database.run(keep)


async def _ticket(tx: Tx, ring: KeyRing, complaint_id: UUID, file_id: UUID, *, now: datetime) -> Ticket | None:
    """Return what opens the photo's view, or None where there is nothing to read (any more)."""
    wanted = (
        select(ComplaintEvidence.file_id)
        .outerjoin(PhotoReading, PhotoReading.file_id == ComplaintEvidence.file_id)
        .where(ComplaintEvidence.file_id == file_id, ComplaintEvidence.complaint_id == complaint_id, not_removed())
        .where(or_(PhotoReading.file_id.is_(None), _may_be_tried(now)))
    )
    if await tx.scalar(wanted) is None:
        return None
    try:
        return await open_file(tx, SYSTEM, ring, file_id, Part.VIEW, case_id=complaint_id, now=now)
    except (NotFound, Conflict):  # a document, or erased
        return None


async def _read(store: Store, recogniser: Recogniser, ticket: Ticket) -> tuple[Seen | None, str | None]:
    """Return what the photo says, or why it cannot be read; raises what may pass, so that the job is tried again."""
    try:
        return await recogniser.read(await fetch(store, ticket)), None
    except ReadingFailed as failure:
        _log.warning("photo_not_read", file_id=str(ticket.file_id), reason=failure.reason)
        return None, failure.reason
    except BytesChanged:  # logged and alerted where bytes are fetched
        return None, "damaged"


async def _keep(
    tx: Tx, complaint_id: UUID, file_id: UUID, seen: Seen | None, failure: str | None, *, now: datetime
) -> None:
    """Write that the photo was looked at and what it says, unless it was erased or another run was faster.

    A failed try is replaced by this one.
    """
    if not (await get_file(tx, file_id, case_id=complaint_id)).has_view:
        return
    complaint = await tx.get_one(Complaint, complaint_id)
    findings, others = _meaning(seen, now=now) if seen is not None else ([], [])
    row = {
        "file_id": file_id,
        "tenant_id": complaint.tenant_id,
        "complaint_id": complaint_id,
        "failure": failure,
        "engine": seen.engine if seen else None,
        "width_px": seen.width if seen else None,
        "height_px": seen.height if seen else None,
        "others": [{"symbology": each.symbology, "what": each.what} for each in others],
        "at": now,
    }
    first = insert(PhotoReading).values(row)
    again = {name: first.excluded[name] for name in _OF_A_TRY} | {"tries": PhotoReading.tries + 1}
    written = first.on_conflict_do_update(
        index_elements=[PhotoReading.file_id], set_=again, where=_may_be_tried(now)
    ).returning(PhotoReading.file_id)
    if (await tx.execute(written)).first() is None:
        return
    tx.add_all([_row(each, complaint, file_id) for each in findings])
    facts = {"complaint_id": str(complaint_id), "file_id": str(file_id), "count": len(findings)}
    await emit(
        tx,
        "complaint.photo_read",
        actor=SYSTEM,
        subject=("complaint", complaint_id),
        now=now,
        tenant_id=complaint.tenant_id,
        facts=facts if failure is None else {**facts, "reason": failure},
    )


def _meaning(seen: Seen, *, now: datetime) -> tuple[list[Finding], list[Other]]:
    findings, others = read_codes(seen.codes, today=now.date())
    return surest_first(findings + read_lines(seen.lines, today=now.date())), list(dict.fromkeys(others))


def _row(finding: Finding, complaint: Complaint, file_id: UUID) -> Reading:
    return Reading(
        id=new_id(),
        tenant_id=complaint.tenant_id,
        complaint_id=complaint.id,
        file_id=file_id,
        kind=finding.kind,
        value=finding.value,
        text=finding.text,
        source=finding.source,
        confidence_percent=round(min(finding.sure, 1.0) * 100),
        is_ambiguous=finding.is_ambiguous,
        region=[{"x": x, "y": y} for x, y in finding.region],
    )
