"""Queued work: after files came into a case, each photo is read once, and what it says is kept as suggestions."""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from service.complaints.queries.parts import not_removed
from service.complaints.recognise.codes import read_codes
from service.complaints.recognise.findings import Finding, Other, surest_first
from service.complaints.recognise.labels import read_lines
from service.complaints.recognise.reader import ReadingFailed, Recogniser, Seen
from service.complaints.tables import Complaint, ComplaintEvidence, PhotoReading, Reading
from service.core.actor import SYSTEM
from service.core.errors import Conflict, NotFound
from service.core.ids import new_id
from service.db.session import Database, Tx
from service.events.log import emit
from service.files.queries import get_file
from service.files.reading import Part, Ticket, fetch, open_file
from service.files.sealing import BytesChanged, KeyRing
from service.files.store import Store
from service.jobs.queue import Payload, enqueue

LANES: Final = 4
"""At most so many photos are being read at a time, so that a flood of them leaves places for other work."""
_log = structlog.get_logger("fairhold.complaints")


async def read_evidence(payload: Payload, *, database: Database) -> None:
    """Queue the reading of each file that was added."""
    async with database.begin() as tx:
        for file_id in payload["facts"]["file_ids"]:
            facts = {"complaint_id": str(payload["subject_id"]), "file_id": file_id}
            lane = f"complaints.read_photo.{UUID(file_id).int % LANES}"
            await enqueue(tx, "complaints.read_photo", facts, lock=lane, once=f"complaints.read_photo:{file_id}")


async def read_photo(
    payload: Payload, *, database: Database, store: Store, ring: KeyRing, recogniser: Recogniser
) -> None:
    """Read one photo, unless it was read, removed or erased; what cannot be read is recorded as such.

    If the case is erased just as its reading is written, the database refuses that, and the next try finds it erased.
    """
    complaint_id, file_id = UUID(payload["complaint_id"]), UUID(payload["file_id"])
    async with database.begin() as tx:
        ticket = await _ticket(tx, ring, complaint_id, file_id, now=await tx.now())
    if ticket is None:
        return
    seen, failure = await _read(store, recogniser, ticket)

    async def keep(tx: Tx) -> None:
        await _keep(tx, complaint_id, file_id, seen, failure, now=await tx.now())

    await database.run(keep)


async def _ticket(tx: Tx, ring: KeyRing, complaint_id: UUID, file_id: UUID, *, now: datetime) -> Ticket | None:
    """Return what opens the photo's view, or None where there is nothing to read (any more)."""
    wanted = select(ComplaintEvidence.file_id).where(
        ComplaintEvidence.file_id == file_id, ComplaintEvidence.complaint_id == complaint_id, not_removed()
    )
    if await tx.scalar(wanted) is None or await tx.get(PhotoReading, file_id) is not None:
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
    """Write that the photo was looked at and what it says, unless it was erased or another run was faster."""
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
    written = insert(PhotoReading).values(row).on_conflict_do_nothing().returning(PhotoReading.file_id)
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
