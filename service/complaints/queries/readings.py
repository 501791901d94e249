"""What was read on photos of a case, for the side that added the photo and for mediators."""

from uuid import UUID

from sqlalchemy import ColumnElement, select

from service.complaints.queries.access import get_row, require_side
from service.complaints.queries.complainants import of_one_buyer
from service.complaints.queries.parts import not_removed
from service.complaints.reading_schemas import PhotoReadingView, Point, ReadingsView, ReadingView, UnreadCode
from service.complaints.rules import Side
from service.complaints.tables import ComplaintEvidence, PhotoReading, Reading
from service.core.actor import Actor
from service.db.session import Tx
from service.files.queries import files_of_cases

_SEES_ALL: frozenset[Side] = frozenset({"mediator", "system"})
_SEES_OWN: frozenset[Side] = frozenset({"buyer", "seller"})


def seen_by(complaint_id: UUID, side: Side) -> ColumnElement[bool]:
    """Return the filter of the readings of a case that a side may see: of files that were not taken out again."""
    return Reading.file_id.in_(
        select(ComplaintEvidence.file_id).where(_photos_of(complaint_id, side)).scalar_subquery()
    )


async def readings_of(tx: Tx, complaint_id: UUID, side: Side) -> list[ReadingView]:
    """Return what the photos of a case say, the oldest photo first and of each the surest first."""
    if side not in _SEES_ALL | _SEES_OWN:
        return []
    found = await tx.scalars(
        select(Reading)
        .where(seen_by(complaint_id, side))
        .order_by(Reading.file_id, Reading.confidence_percent.desc(), Reading.kind, Reading.value)
        .execution_options(populate_existing=True)
    )
    return [view_of_reading(each, side) for each in found]


async def get_readings(tx: Tx, actor: Actor, complaint_id: UUID) -> ReadingsView:
    """Return the photos of a case and what they say, as far as the actor may see them.

    Raises `NotFound` ("complaint_not_found"), `Forbidden` ("not_your_part").
    """
    complaint = await get_row(tx, actor, complaint_id)
    side = require_side(actor, complaint, "buyer", "seller", "mediator")
    found = await tx.execute(
        select(ComplaintEvidence, PhotoReading)
        .outerjoin(PhotoReading, PhotoReading.file_id == ComplaintEvidence.file_id)
        .where(_photos_of(complaint.id, side))
        .order_by(ComplaintEvidence.file_id)
        .execution_options(populate_existing=True)
    )
    kept = [(file, reading) for file, reading in found]
    with_view = {file.id for file in await files_of_cases(tx, {file.complaint_id for file, _ in kept}) if file.has_view}
    photos = [_photo(file.file_id, file.side, reading) for file, reading in kept if file.file_id in with_view]
    return ReadingsView(photos, await readings_of(tx, complaint.id, side))


def view_of_reading(row: Reading, side: Side) -> ReadingView:
    """Return a reading as a side sees it: that a mediator noted it is not the parties' to know."""
    is_shown = row.accepted_as != "note" or side in _SEES_ALL
    return ReadingView(
        id=row.id,
        file_id=row.file_id,
        kind=row.kind,
        value=row.value,
        text=row.text,
        source=row.source,
        confidence=row.confidence_percent / 100,
        is_ambiguous=row.is_ambiguous,
        region=[Point(each["x"], each["y"]) for each in row.region],
        accepted_at=row.accepted_at if is_shown else None,
        accepted_as=row.accepted_as if is_shown else None,
    )


def _photos_of(complaint_id: UUID, side: Side) -> ColumnElement[bool]:
    inside = ComplaintEvidence.complaint_id.in_(of_one_buyer(complaint_id)) & not_removed()
    return inside if side in _SEES_ALL else inside & (ComplaintEvidence.side == side)


def _photo(file_id: UUID, side: str, reading: PhotoReading | None) -> PhotoReadingView:
    if reading is None:
        return PhotoReadingView(file_id, side, "waiting")
    return PhotoReadingView(
        file_id=file_id,
        side=side,
        state="failed" if reading.failure else "read",
        failure=reading.failure,
        engine=reading.engine,
        width_px=reading.width_px,
        height_px=reading.height_px,
        others=[UnreadCode(each["symbology"], each["what"]) for each in reading.others],
        at=reading.at,
    )
