"""What the sides add to a case after it was sent."""

from datetime import datetime
from uuid import UUID

from service.complaints import rules
from service.complaints.actions.steps import check_entries, tell, write_entry
from service.complaints.queries.access import course_of, get_row, require_side
from service.complaints.schemas import NewEntry
from service.complaints.tables import ComplaintEntry
from service.core.actor import Actor
from service.core.errors import Conflict, Forbidden
from service.db.session import Tx


async def add_entry(tx: Tx, actor: Actor, complaint_id: UUID, data: NewEntry, *, now: datetime) -> ComplaintEntry:
    """Add words to a case: an addition by a party, a note or an addition by a mediator.

    Whose complaint became part of another's case adds to their own part of it, for as long as the case goes on. Raises
    `NotFound`, `Forbidden` ("not_your_part", "notes_for_mediators"), `Conflict` ("complaint_not_sent",
    "complaint_ended", "entries_too_many"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer", "seller", "mediator")
    if data.is_note and side != "mediator":
        raise Forbidden("notes_for_mediators", "notes are among mediators")
    if complaint.status == "draft":
        raise Conflict("complaint_not_sent", "change the draft instead")
    if not data.is_note:
        rules.check_not_ended(await course_of(tx, complaint))
    await check_entries(tx, complaint, side)
    kind: rules.EntryKind = "note" if data.is_note else "addition"
    entry = write_entry(tx, actor, complaint, kind, side=side, text=data.text, now=now)
    name = "complaint.noted" if data.is_note else "complaint.entry_added"
    await tell(tx, actor, complaint, name, side=side, now=now, facts={"entry_id": str(entry.id)})
    return entry
