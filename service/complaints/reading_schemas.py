"""Responses about what was read on photos."""

from datetime import datetime
from uuid import UUID

import msgspec


class Point(msgspec.Struct, frozen=True):
    """A place in a photo's view, in pixels from its upper left corner."""

    x: int
    y: int


class ReadingView(msgspec.Struct, frozen=True):
    """Something that a photo seems to say: a suggestion, which is in the case only once somebody took it over.

    `kind` is gtin, lot, made_on, expiry, serial or url; `value` is its normal form (14 digits, 2029-03-11 or 2029-03),
    `text` what stands on the photo. `source` is the barcode's symbology, or ocr for print. `confidence` is 0 to 1.
    `is_ambiguous`: the print can mean something else as well. `region` has its corners in the photo's view.
    """

    id: UUID
    file_id: UUID
    kind: str
    value: str
    text: str
    source: str
    confidence: float
    is_ambiguous: bool
    region: list[Point]
    accepted_at: datetime | None
    accepted_as: str | None


class UnreadCode(msgspec.Struct, frozen=True):
    """A code that says nothing of the goods, or has a wrong check digit. What it says is not kept.

    `what` is payment, contact, network, web_address, number, text or check_digit_wrong.
    """

    symbology: str
    what: str


class PhotoReadingView(msgspec.Struct, frozen=True):
    """How far a photo was read. `state` is waiting, read or failed; `width_px` and `height_px` are those of the view.

    `failure` is crashed, memory or timeout, which are tried again after an hour, three times in all, or unreadable or
    damaged. `engine` names programs and models with versions.
    """

    file_id: UUID
    side: str
    state: str
    failure: str | None = None
    engine: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    others: list[UnreadCode] = []
    at: datetime | None = None


class ReadingsView(msgspec.Struct, frozen=True):
    """The photos of a case and what they say, as far as your side may see them."""

    photos: list[PhotoReadingView]
    readings: list[ReadingView]
