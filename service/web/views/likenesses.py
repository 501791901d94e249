"""Earlier photos that look like those of a case, as mediators and regulators read them."""

from dataclasses import dataclass
from datetime import datetime

from service.web.phrase import Phrase
from service.web.views.parts import Side


@dataclass(frozen=True, slots=True)
class SimilarPhoto:
    """An earlier photo: `picture` and `large` are its addresses, `case` that of its case where it has one.

    `distance` is of 256 bits, None for the same file. Without a `picture` the reader may not open it.
    """

    picture: str
    large: str
    where: Phrase
    who: Phrase
    at: datetime
    distance: int | None
    case: str = ""
    is_listing: bool = False
    taken_away: bool = False
    mirrored: bool = False


@dataclass(frozen=True, slots=True)
class LikePhoto:
    """A photo of the case with what it is like. `more` and `elsewhere` are counted only."""

    id: str
    of: Side
    similar: tuple[SimilarPhoto, ...]
    more: int = 0
    elsewhere: int = 0


@dataclass(frozen=True, slots=True)
class SimilarPhotos:
    """The block of a case: photos that are like earlier ones, and how many could not be compared.

    `complaints_of_buyer_photos` is how many other complaints photos of the buyer's appear in.
    """

    photos: tuple[LikePhoto, ...] = ()
    complaints_of_buyer_photos: int = 0
    compared: int = 0
    plain: int = 0
    waiting: int = 0

    @property
    def is_lifted(self) -> bool:
        """Whether a photo of the buyer's was shown in a listing before."""
        return any(each.is_listing for photo in self.photos if photo.of == "buyer" for each in photo.similar)


NOTHING_SIMILAR = SimilarPhotos()
