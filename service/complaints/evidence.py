"""Photos and documents of a case, over `files`: checked first, taken in with no transaction open, then written.

Whoever takes files calls `open_case`, `receive_all`, `attach`, in this order; whoever shows one calls `open_evidence`,
commits, and then `files.reading.fetch`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from service.complaints import rules
from service.complaints.actions.drafts import locked_draft
from service.complaints.actions.steps import tell
from service.complaints.queries.access import get_row, require_side
from service.complaints.queries.parts import may_read_original, not_removed
from service.complaints.rules import Side
from service.complaints.tables import Complaint, ComplaintEvidence, ComplaintEvidenceRemoval
from service.core.actor import Actor
from service.core.errors import Forbidden, Invalid, NotFound
from service.db.session import Database, Tx
from service.files.actions import open_case_key, register_file
from service.files.intake import CaseKey, Received
from service.files.kinds import check_count
from service.files.reading import Part, Ticket, open_file
from service.files.receiving import UPLOAD_BYTES_MAX, receive_all
from service.files.sealing import KeyRing

__all__ = ["UPLOAD_BYTES_MAX", "attach", "open_case", "open_evidence", "receive_all", "remove"]


async def open_case(database: Database, actor: Actor, complaint_id: UUID, *, ring: KeyRing, new: int) -> CaseKey:
    """Check in a short transaction that the actor may add `new` files, and return the case's key.

    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("not_your_part"), `Conflict` ("complaint_ended",
    "file_erased"), `Invalid` ("file_missing", "too_many_files").
    """
    if new == 0:
        raise Invalid("file_missing", "the form has no file", field="files")
    async with database.begin() as tx:
        complaint = await get_row(tx, actor, complaint_id)
        await _check_may_add(tx, actor, complaint, new)
        return await open_case_key(tx, ring, tenant_id=complaint.tenant_id, case_id=complaint.id, now=await tx.now())


async def attach(
    tx: Tx, actor: Actor, complaint_id: UUID, received: Sequence[Received], *, retention_days: int, now: datetime
) -> Complaint:
    """Write the files into the case, with their events. Checks everything again, now that the complaint is locked.

    Raises as `open_case`, and `Unavailable` ("file_expired").
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = await _check_may_add(tx, actor, complaint, len(received))
    file_ids = [await register_file(tx, actor, each, retention_days=retention_days, now=now) for each in received]
    for file_id in file_ids:
        tx.add(
            ComplaintEvidence(
                file_id=file_id,
                tenant_id=complaint.tenant_id,
                complaint_id=complaint.id,
                side=side,
                added_by=actor.person_id,
                at=now,
            )
        )
    await tx.flush()  # the answer lists what was written
    facts = {"file_ids": [str(file_id) for file_id in file_ids], "count": len(file_ids)}
    await tell(tx, actor, complaint, "complaint.evidence_added", side=side, now=now, facts=facts)
    return complaint


async def open_evidence(
    tx: Tx, actor: Actor, complaint_id: UUID, file_id: UUID, part: Part, *, ring: KeyRing, now: datetime
) -> Ticket:
    """Return a ticket for a file that the actor may read, and record the view. Commit before fetching.

    Originals keep their metadata, so they are for mediators, regulators and the side that added them. Raises `NotFound`
    ("complaint_not_found", "file_not_found"), `Forbidden` ("not_your_part", "original_not_yours"), `Conflict`.
    """
    complaint = await get_row(tx, actor, complaint_id)
    side = require_side(actor, complaint, "buyer", "seller", "mediator", "regulator")
    added_by = await tx.scalar(
        select(ComplaintEvidence.side).where(
            ComplaintEvidence.complaint_id == complaint.id, ComplaintEvidence.file_id == file_id, not_removed()
        )
    )
    if added_by is None:
        raise NotFound("file_not_found", "no such file in this case")
    if part is Part.ORIGINAL and not may_read_original(side, added_by):
        raise Forbidden("original_not_yours", "the other side's files are shown without their metadata")
    ticket = await open_file(tx, actor, ring, file_id, part, case_id=complaint.id, now=now)
    facts = {"file_id": str(file_id), "part": part.value}
    await tell(tx, actor, complaint, "complaint.evidence_viewed", side=side, now=now, facts=facts)
    return ticket


async def remove(tx: Tx, actor: Actor, complaint_id: UUID, file_id: UUID, *, now: datetime) -> Complaint:
    """Take a file out of the actor's own draft; taking it out again changes nothing. What was sent stays.

    Raises `NotFound` ("complaint_not_found", "file_not_found"), `Forbidden` ("not_your_part"), `Conflict`
    ("complaint_sent"). Locks the complaint.
    """
    complaint = await locked_draft(tx, actor, complaint_id)
    known = await tx.get(ComplaintEvidence, file_id)
    if known is None or known.complaint_id != complaint.id:
        raise NotFound("file_not_found", "no such file in this draft")
    if await tx.get(ComplaintEvidenceRemoval, file_id) is not None:
        return complaint
    tx.add(ComplaintEvidenceRemoval(file_id=file_id, tenant_id=complaint.tenant_id, complaint_id=complaint.id, at=now))
    facts = {"file_id": str(file_id)}
    await tell(tx, actor, complaint, "complaint.evidence_removed", side="buyer", now=now, facts=facts)
    return complaint


async def _check_may_add(tx: Tx, actor: Actor, complaint: Complaint, new: int) -> Side:
    side = require_side(actor, complaint, "buyer", "seller")
    rules.check_not_ended(complaint.status)
    counted = await tx.execute(
        select(ComplaintEvidence.side, func.count())
        .where(ComplaintEvidence.complaint_id == complaint.id, not_removed())
        .group_by(ComplaintEvidence.side)
    )
    by_side: dict[str, int] = {row[0]: row[1] for row in counted}
    check_count(new, by_side.get(side, 0), sum(by_side.values()))
    return side
