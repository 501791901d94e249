"""What was read on the photos of a case, for the buyer's draft and the mediator's case."""

from collections.abc import Callable, Sequence
from datetime import date
from uuid import UUID

from service.complaints.queries.readings import get_readings
from service.complaints.reading_schemas import PhotoReadingView, ReadingsView, ReadingView
from service.core.actor import Actor
from service.db.session import Tx
from service.web import paths
from service.web.phrase import Fact, Lot, say
from service.web.views.readings import Mark, PhotosSay, ReadPhoto, Said

_MARGIN = 0.6  # of a region's height, so that the piece shows what stands around it
_BOX_MIN_PX = 40
_SURE, _LIKELY = 0.9, 0.6
_FOR_DRAFTS = frozenset({"lot", "gtin"})


async def said_in_draft(tx: Tx, buyer: Actor, draft_id: UUID, step: str) -> PhotosSay:
    """Return what the photos of a draft say that has a field in it; one press takes it over and returns to `step`."""
    found = await get_readings(tx, buyer, draft_id)

    def takes(reading: ReadingView) -> str:
        return "" if reading.accepted_at else paths.draft_reading(draft_id, reading.id, step)

    fitting = [each for each in found.readings if each.kind in _FOR_DRAFTS]
    return _photos_say(found, fitting, takes, again=paths.filing(draft_id, step))


async def codes_in_case(tx: Tx, buyer: Actor, case_id: UUID, reference: str) -> PhotosSay:
    """Return the codes on the photos of a case that was sent; one press adds one to the case in words."""
    found = await get_readings(tx, buyer, case_id)

    def takes(reading: ReadingView) -> str:
        return "" if reading.accepted_at else paths.case_reading(reference, reading.id)

    fitting = [each for each in found.readings if each.kind in _FOR_DRAFTS]
    return _photos_say(found, fitting, takes, again=paths.case(reference))


async def said_in_case(tx: Tx, actor: Actor, case_id: UUID) -> PhotosSay:
    """Return all that the photos of a case say, for mediators."""
    found = await get_readings(tx, actor, case_id)
    return _photos_say(found, found.readings, lambda _: "", again="")


def _photos_say(
    found: ReadingsView, readings: Sequence[ReadingView], takes: Callable[[ReadingView], str], *, again: str
) -> PhotosSay:
    photos, number = [], 0
    for photo in found.photos:
        said = []
        for reading in (each for each in readings if each.file_id == photo.file_id):
            number += 1
            said.append(_said(reading, photo, number, takes(reading)))
        unread = dict.fromkeys(each.what for each in photo.others) if not again else ()
        notes = tuple(say(f"unread.{what}") for what in unread)
        if said or notes:
            size = (photo.width_px or 0, photo.height_px or 0)
            photos.append(ReadPhoto(str(photo.file_id), photo.side, *size, tuple(said), notes))
    states = [photo.state for photo in found.photos]
    return PhotosSay(tuple(photos), states.count("waiting"), states.count("failed"), again)


def _said(reading: ReadingView, photo: PhotoReadingView, number: int, takes: str) -> Said:
    return Said(
        file_id=str(reading.file_id),
        number=number,
        label=say(f"reading.{reading.kind}"),
        value=_value(reading),
        source=say("read_from.print" if reading.source == "ocr" else "read_from.code"),
        likely=3 if reading.confidence >= _SURE else 2 if reading.confidence >= _LIKELY else 1,
        mark=_mark(reading, photo),
        is_ambiguous=reading.is_ambiguous,
        is_taken=reading.accepted_at is not None,
        takes=takes,
    )


def _value(reading: ReadingView) -> Fact:
    if reading.kind in {"made_on", "expiry"} and reading.value.count("-") == 2:
        return date.fromisoformat(reading.value)
    return reading.value if reading.kind == "url" else Lot(reading.value)


def _mark(reading: ReadingView, photo: PhotoReadingView) -> Mark | None:
    """Return where a reading stands, with a margin around it that stays within the photo."""
    if not reading.region or not photo.width_px or not photo.height_px:
        return None
    across, down = [point.x for point in reading.region], [point.y for point in reading.region]
    margin = round(max(_MARGIN * min(max(down) - min(down), max(across) - min(across)), _BOX_MIN_PX / 2))
    left, top = max(min(across) - margin, 0), max(min(down) - margin, 0)
    width, height = min(max(across) + margin, photo.width_px) - left, min(max(down) + margin, photo.height_px) - top
    points = " ".join(f"{point.x},{point.y}" for point in reading.region)
    return Mark(points, f"{left} {top} {max(width, 1)} {max(height, 1)}", photo.width_px, photo.height_px)
