"""Taking a reading over: the one way in which something that a photo says gets into a case."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.complaints.actions.drafts import update_draft
from service.complaints.actions.entries import add_entry
from service.complaints.actions.steps import tell
from service.complaints.queries.access import get_row, require_side
from service.complaints.queries.readings import seen_by
from service.complaints.rules import ReadingUse, Side
from service.complaints.schemas import DraftChanges, NewEntry
from service.complaints.tables import Complaint, Reading
from service.core.actor import Actor
from service.core.errors import Conflict, NotFound
from service.db.locks import locked
from service.db.session import Tx

_FIELDS: Mapping[str, ReadingUse] = {"lot": "lot_text", "gtin": "gtin"}
_SAYS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "lot": "Lot code on a photo: {value}",
        "gtin": "Barcode number on a photo: {value}",
        "made_on": "Date of making on a photo: {value}",
        "expiry": "Expiry date on a photo: {value}",
        "serial": "Serial number on a photo: {value}",
        "url": "Address on a photo: {value}",
    },
    "zh": {
        "lot": "照片上的批号：{value}",
        "gtin": "照片上的条码号：{value}",
        "made_on": "照片上的生产日期：{value}",
        "expiry": "照片上的有效期：{value}",
        "serial": "照片上的序列号：{value}",
        "url": "照片上的网址：{value}",
    },
}
"""An entry is a person's word to the others, and stays as it is in their language."""


async def accept_reading(tx: Tx, actor: Actor, complaint_id: UUID, reading_id: UUID, *, now: datetime) -> Complaint:
    """Take a reading over: into the field of the buyer's draft; after that as an addition, or as a mediator's note.

    Taking it over again sets the field of a draft again. Raises `NotFound` ("complaint_not_found",
    "reading_not_found"), `Forbidden` ("not_your_part"), `Conflict` ("reading_taken", "reading_without_field",
    "complaint_ended", "entries_too_many"). Locks the complaint, then the reading.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer", "mediator")
    reading = await _locked(tx, complaint, side, reading_id)
    if complaint.status == "draft":
        use = await _into_draft(tx, actor, complaint, reading, now=now)
    else:
        use = await _into_case(tx, actor, complaint, reading, side, now=now)
    reading.accepted_at, reading.accepted_by, reading.accepted_as = now, actor.person_id, use
    facts = {"reading_id": str(reading.id), "file_id": str(reading.file_id), "kind": reading.kind, "use": use}
    await tell(tx, actor, complaint, "complaint.reading_accepted", side=side, now=now, facts=facts)
    return complaint


async def _locked(tx: Tx, complaint: Complaint, side: Side, reading_id: UUID) -> Reading:
    query = select(Reading).where(Reading.id == reading_id, seen_by(complaint.id, side))
    found = (await tx.scalars(locked(query))).one_or_none()
    if found is None:
        raise NotFound("reading_not_found", "no such reading in this case")
    return found


async def _into_draft(tx: Tx, actor: Actor, complaint: Complaint, reading: Reading, *, now: datetime) -> ReadingUse:
    use = _FIELDS.get(reading.kind)
    if use is None:
        raise Conflict("reading_without_field", "a draft has no field for this; it stays with the photo")
    changes = DraftChanges(lot_text=reading.value) if use == "lot_text" else DraftChanges(gtin=reading.value)
    await update_draft(tx, actor, complaint.id, changes, now=now)
    return use


async def _into_case(
    tx: Tx, actor: Actor, complaint: Complaint, reading: Reading, side: Side, *, now: datetime
) -> ReadingUse:
    """Add it in words: what was sent stays as it was told. A note, unknown to the buyer, is no hindrance."""
    is_note = side == "mediator"
    if reading.accepted_as is not None and (is_note or reading.accepted_as != "note"):
        raise Conflict("reading_taken", "this was taken over already")
    says = _SAYS["zh" if actor.language == "zh" else "en"][reading.kind].format(value=reading.value)
    await add_entry(tx, actor, complaint.id, NewEntry(says, is_note=is_note), now=now)
    return "note" if is_note else "addition"
