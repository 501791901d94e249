"""Photos and documents of a case, over `files`: checked first, taken in with no transaction open, then written.

Whoever takes files calls `take_in`, then `attach`; whoever shows one calls `open_evidence`,
commits, and then `files.reading.fetch`.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import func, select

from service.complaints import rules
from service.complaints.actions.drafts import locked_draft
from service.complaints.actions.steps import tell
from service.complaints.queries.access import course_of, get_row, require_side
from service.complaints.queries.complainants import of_one_buyer
from service.complaints.queries.keeping import retention_of
from service.complaints.queries.parts import count_in_additions, may_read_original, not_removed
from service.complaints.rules import Side
from service.complaints.tables import Challenge, Complaint, ComplaintEvidence, ComplaintEvidenceRemoval
from service.core.actor import Actor
from service.core.errors import Forbidden, Invalid, NotFound
from service.db.session import Database, Tx
from service.files.actions import open_case_key, register_file
from service.files.images import ImageWorkshop
from service.files.intake import CaseKey, Received
from service.files.kinds import check_count
from service.files.queries import files_with
from service.files.reading import Part, Ticket, open_file
from service.files.receiving import UPLOAD_BYTES_MAX, receive_all
from service.files.sealing import KeyRing
from service.files.store import Store
from service.files.uploads import digest_of
from service.orders.packing import order_of_photo, packing_of
from service.settings import Settings

__all__ = [
    "UPLOAD_BYTES_MAX",
    "Desk",
    "attach",
    "check_may_add",
    "count_by_side",
    "file_of",
    "open_case",
    "open_evidence",
    "put_files",
    "receive_all",
    "remove",
    "take_in",
    "was_shown",
]


@dataclass(frozen=True, slots=True)
class Desk:
    """What files are taken in with, outside a transaction."""

    database: Database
    store: Store
    workshop: ImageWorkshop
    ring: KeyRing
    settings: Settings


async def take_in(desk: Desk, actor: Actor, complaint_id: UUID, sources: Sequence[BinaryIO]) -> list[Received]:
    """Check that the actor may add these files, and take in those that its side has not put into the case already.

    A form that is sent again, because its answer was lost, so brings nothing new. No transaction may be open. Raises as
    `open_case` and `receive_all`.
    """
    digests = [await asyncio.to_thread(digest_of, source) for source in sources]
    async with desk.database.begin() as tx:
        complaint = await get_row(tx, actor, complaint_id)
        side = require_side(actor, complaint, "buyer", "seller")
        known = await _known(tx, complaint.id, side, digests)
    again = {place for place, digest in enumerate(digests) if digest in known or digest in digests[:place]}
    if sources and len(again) == len(sources):
        return []
    key = await open_case(desk.database, actor, complaint_id, ring=desk.ring, new=len(sources) - len(again))
    return await receive_all(desk.store, desk.workshop, key, sources, left_out=again)


async def open_case(database: Database, actor: Actor, complaint_id: UUID, *, ring: KeyRing, new: int) -> CaseKey:
    """Check in a short transaction that the actor may add `new` files, and return the case's key.

    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("not_your_part"), `Conflict` ("complaint_ended",
    "file_erased"), `Invalid` ("file_missing", "too_many_files").
    """
    if new == 0:
        raise Invalid("file_missing", "the form has no file", field="files")
    async with database.begin() as tx:
        complaint = await get_row(tx, actor, complaint_id)
        await check_may_add(tx, actor, complaint, new)
        return await open_case_key(tx, ring, tenant_id=complaint.tenant_id, case_id=complaint.id, now=await tx.now())


async def attach(
    tx: Tx, actor: Actor, complaint_id: UUID, received: Sequence[Received], *, retention_days: int, now: datetime
) -> Complaint:
    """Write the files into the case, with their events. Checks everything again, now that the complaint is locked.

    Bytes that the side has put into the case meanwhile make no second entry. Raises as `open_case`, and `Unavailable`
    ("file_expired").
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer", "seller")
    known = await _known(tx, complaint.id, side, [each.sha256_plain for each in received])
    new = list({each.sha256_plain: each for each in received if each.sha256_plain not in known}.values())
    await check_may_add(tx, actor, complaint, len(new))
    if new:
        await put_files(tx, actor, complaint, side, new, retention_days=retention_days, now=now)
    return complaint


async def file_of(tx: Tx, complaint_id: UUID, side: Side, sha256: bytes) -> UUID | None:
    """Return the file of this side of a case that has these bytes, None if none has."""
    return (await _known(tx, complaint_id, side, [sha256])).get(sha256)


async def was_shown(tx: Tx, complaint: Complaint, sha256: bytes) -> bool:
    """Whether these bytes came before: from any side, with an addition, for the packing, or taken out of the draft."""
    kept = select(ComplaintEvidence.file_id).where(ComplaintEvidence.complaint_id.in_(of_one_buyer(complaint.id)))
    if await files_with(tx, list(await tx.scalars(kept)), [sha256]):
        return True
    packed = None if complaint.order_id is None else await packing_of(tx, complaint.order_id)
    return packed is not None and sha256.hex() in {each.sha256 for each in packed.photos}


async def put_files(
    tx: Tx,
    actor: Actor,
    complaint: Complaint,
    side: Side,
    received: Sequence[Received],
    *,
    retention_days: int,
    now: datetime,
) -> list[UUID]:
    """Write the files of a side into a complaint that the caller locked and may add to, and emit; return their ids.

    Raises `Unavailable` ("file_expired"), `Conflict` ("file_erased").
    """
    days = await retention_of(tx, complaint, days_min=retention_days, now=now) if received else 0
    file_ids = [await register_file(tx, actor, each, retention_days=days, now=now) for each in received]
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
    return file_ids


async def open_evidence(
    tx: Tx, actor: Actor, complaint_id: UUID, file_id: UUID, part: Part, *, ring: KeyRing, now: datetime
) -> Ticket:
    """Return a ticket for a file that the actor may read, and record the view. Commit before fetching.

    Packing photos of the case's order are shown through the case too, though they are kept under the order. Originals
    keep their metadata, so they are for mediators, regulators and the side that added them. Raises `NotFound`
    ("complaint_not_found", "file_not_found"), `Forbidden` ("not_your_part", "original_not_yours"), `Conflict`.
    """
    complaint = await get_row(tx, actor, complaint_id)
    side = require_side(actor, complaint, "buyer", "seller", "mediator", "regulator")
    kept = await tx.execute(
        select(ComplaintEvidence.side, ComplaintEvidence.complaint_id).where(
            ComplaintEvidence.complaint_id.in_(of_one_buyer(complaint.id)),
            ComplaintEvidence.file_id == file_id,
            not_removed(),
        )
    )
    found = kept.one_or_none()
    if found is None:
        added_by, kept_under = "seller", await _packed_under(tx, complaint, file_id)
    else:
        added_by, kept_under = found.side, found.complaint_id
    if part is Part.ORIGINAL and not may_read_original(side, added_by):
        raise Forbidden("original_not_yours", "the other side's files are shown without their metadata")
    ticket = await open_file(tx, actor, ring, file_id, part, case_id=kept_under, now=now)
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


async def count_by_side(tx: Tx, complaint_id: UUID) -> dict[str, int]:
    """Return how many files each side has put into a case of its own accord, without what mediators asked for."""
    asked_for = select(Challenge.file_id).where(Challenge.complaint_id == complaint_id, Challenge.file_id.is_not(None))
    counted = await tx.execute(
        select(ComplaintEvidence.side, func.count())
        .where(ComplaintEvidence.complaint_id == complaint_id, not_removed())
        .where(ComplaintEvidence.file_id.not_in(asked_for))
        .group_by(ComplaintEvidence.side)
    )
    return {row[0]: row[1] for row in counted}


async def _known(tx: Tx, complaint_id: UUID, side: Side, digests: Sequence[bytes]) -> dict[bytes, UUID]:
    """Return the side's files with these bytes, by their hash."""
    own = select(ComplaintEvidence.file_id).where(
        ComplaintEvidence.complaint_id == complaint_id, ComplaintEvidence.side == side, not_removed()
    )
    return await files_with(tx, list(await tx.scalars(own)), digests)


async def _packed_under(tx: Tx, complaint: Complaint, file_id: UUID) -> UUID:
    """Return the case's order if the file is one of its packing photos, which a case shows once it was sent."""
    packed = await order_of_photo(tx, file_id)
    if packed is None or packed != complaint.order_id or complaint.submitted_at is None:
        raise NotFound("file_not_found", "no such file in this case")
    return packed


async def check_may_add(
    tx: Tx, actor: Actor, complaint: Complaint, new: int, *, awaited: Mapping[str, int] = MappingProxyType({})
) -> Side:
    """Return the actor's side if it may add so many files to those that are here and those `awaited` from each side.

    Raises as `open_case`.
    """
    side = require_side(actor, complaint, "buyer", "seller")
    rules.check_not_ended(await course_of(tx, complaint))
    by_side = Counter(await count_by_side(tx, complaint.id)) + Counter(awaited)
    check_count(new, by_side[side], sum(by_side.values()) + await count_in_additions(tx, complaint.id))
    return side
