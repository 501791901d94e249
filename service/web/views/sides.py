"""Parts of a case's page: both sides' photos beside each other, and photos with a code that a mediator asked for."""

from dataclasses import dataclass
from datetime import datetime

from service.web.phrase import Phrase
from service.web.views.parts import Clock, Option, Photo, Side


@dataclass(frozen=True, slots=True)
class Sides:
    """What each side shows. `packed` was committed to when the order was sent, at `committed_at`; `viewer` is "you"."""

    viewer: Side
    buyer: tuple[Photo, ...] = ()
    packed: tuple[Photo, ...] = ()
    seller: tuple[Photo, ...] = ()
    committed_at: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody has shown anything."""
        return not (self.buyer or self.packed or self.seller)


@dataclass(frozen=True, slots=True)
class ChallengeTimes:
    """How long an asked side has: until it opens the request, and from then until the photo must be there."""

    open_seconds: int = 0
    answer_seconds: int = 0


NO_TIMES = ChallengeTimes()


@dataclass(frozen=True, slots=True)
class AskedPhoto:
    """A photo with a one-time code that a mediator asked a side for.

    `step` is what the viewer may do: open, answer, judge, withdraw or nothing; `path` is where its form goes. `clock`
    runs until it must be opened, then until the photo must be there. Fields: photo (answer), verdict (judge), which
    stands at `verdict_place`.
    """

    id: str
    side: Side
    is_mine: bool
    state: str
    text: str
    asked_at: datetime
    step: str = ""
    path: str = ""
    clock: Clock | None = None
    code: str = ""
    photo: Photo | None = None
    late_at: datetime | None = None
    verdict: Phrase | None = None
    verdicts: tuple[Option, ...] = ()
    verdict_place: str = ""
    times: ChallengeTimes = NO_TIMES


@dataclass(frozen=True, slots=True)
class Asking:
    """The mediator's form that asks for one. Fields: asked_side (one of `sides`), asked_text."""

    path: str
    sides: tuple[Option, ...]
    text_max: int
    times: ChallengeTimes = NO_TIMES
