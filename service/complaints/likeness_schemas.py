"""Answers about photos that look alike."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from service.files.likeness import Comparison


class SimilarPhoto(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier photo. `distance` is how many bits of 256 differ; `is_same_file`: not one byte does.

    `is_mirrored`: left and right are swapped. Of a case there are its reference and the side that added the photo, of a
    listing its batch, and when the photo was taken away, of a packing photo its order. Buyer, seller and side are
    compared with those of the case. There is no thumbnail of a document, nor of what the reader may not open.
    """

    file_id: UUID
    distance: int
    is_same_file: bool
    is_mirrored: bool
    received_at: datetime
    found_in: Literal["case", "listing", "packing"]
    is_same_buyer: bool
    is_same_seller: bool
    is_same_side: bool
    seller_id: UUID | None
    thumbnail: str | None
    complaint_id: UUID | None = None
    reference: str | None = None
    side: str | None = None
    order_id: UUID | None = None
    batch_id: UUID | None = None
    lot_code: str | None = None
    removed_at: datetime | None = None


class PhotoLikenesses(msgspec.Struct, frozen=True):
    """What one photo of the case is like, the nearest first. `more` are left out because there are many.

    `elsewhere` is how many copies lie in cases that the reader may not see. `comparison` says whether the photo could
    be compared by its looks; otherwise, as for documents, only copies with the same bytes are found.
    """

    file_id: UUID
    side: str
    comparison: Comparison
    quality: int | None
    similar: list[SimilarPhoto]
    more: int
    elsewhere: int


class Likenesses(msgspec.Struct, frozen=True):
    """The files of a case with the earlier ones that are at most `reach` bits of 256 from each.

    `complaints_of_buyer_photos` is in how many other complaints photos of the buyer's appear: cases, not copies, and
    those that the reader may not see are among them.
    """

    complaint_id: UUID
    reach: int
    photos: list[PhotoLikenesses]
    complaints_of_buyer_photos: int
