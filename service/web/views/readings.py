"""What photos say, as pages show it: each reading with the piece of the photo that it was read from."""

from dataclasses import dataclass

from service.web.phrase import Fact, Phrase


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on a photo's view. `points` are its corners, `box` the piece around it, both as SVG writes them."""

    points: str
    box: str
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Said:
    """One reading. `likely`: 3 very likely, 2 possible, 1 less likely. `takes` is the address that takes it over."""

    file_id: str
    number: int
    label: Phrase
    value: Fact
    source: Phrase
    likely: int
    mark: Mark | None
    is_ambiguous: bool = False
    is_taken: bool = False
    takes: str = ""


@dataclass(frozen=True, slots=True)
class ReadPhoto:
    """A photo with everything that was read on it. `notes` are codes of which only the kind is kept."""

    file_id: str
    of: str
    width_px: int
    height_px: int
    said: tuple[Said, ...]
    notes: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotosSay:
    """What the photos of a case say; how many are still to be read, and how many could not be."""

    photos: tuple[ReadPhoto, ...] = ()
    waiting: int = 0
    failed: int = 0
    again: str = ""

    @property
    def said(self) -> tuple[Said, ...]:
        """All readings, photo by photo."""
        return tuple(each for photo in self.photos for each in photo.said)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.photos or self.waiting or self.failed)


NOTHING_SAID = PhotosSay()
