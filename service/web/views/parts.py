"""The parts that view models share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from service.core.errors import FairholdError
from service.core.money import Money
from service.web.phrase import Fact, Phrase

Side = Literal["buyer", "seller", "mediator", "system"]
_SOON_SECONDS = 12 * 3_600
_BAR_GAP = 0.9  # of 100, the white line between two parts of a bar


@dataclass(frozen=True, slots=True)
class FieldError:
    """A refusal beside a field; `name` is the field's name in the form."""

    name: str
    message: Phrase


@dataclass(frozen=True, slots=True)
class Form:
    """What was typed and what is wrong with it: a form that is refused comes back with its answers kept."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[FieldError, ...] = ()

    def value(self, name: str) -> str:
        """Return what was typed, or nothing."""
        return self.values.get(name, "")

    def error(self, name: str) -> Phrase | None:
        """Return what is wrong with a field, or None."""
        return next((each.message for each in self.errors if each.name == name), None)

    def refused(self, error: FairholdError) -> "Form":
        """Return the form with a domain refusal beside the field that the error's facts name, or above the form."""
        name = str(error.facts.get("field", "form"))
        return Form(self.values, (*self.errors, FieldError(name, refusal(error))))


def refusal(error: FairholdError) -> Phrase:
    """Return the phrase for a domain refusal (`error.<code>`) with those of its facts that words can hold.

    Facts are written for JSON, so a time among them, whose name ends in `_at`, is a text.
    """
    facts: dict[str, Fact] = {
        name: datetime.fromisoformat(value) if name.endswith("_at") and isinstance(value, str) else value
        for name, value in error.facts.items()
        if isinstance(value, str | int | Money | datetime | Phrase)
    }
    return Phrase(f"error.{error.code}", facts)


EMPTY_FORM = Form()


@dataclass(frozen=True, slots=True)
class Option:
    """One radio or checkbox row. `alternative` puts the word "or" before it."""

    value: str
    label: Phrase
    hint: Phrase | None = None
    alternative: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A promise. `now` is the transaction's time; `what` says what is due, `otherwise` what silence does."""

    due_at: datetime
    now: datetime
    what: Phrase | None = None
    otherwise: Phrase | None = None
    paused: bool = False

    @property
    def left_seconds(self) -> int:
        """Seconds until it is due; negative when late."""
        return int((self.due_at - self.now).total_seconds())

    @property
    def tone(self) -> str:
        """paused, bad (late), soon (under twelve hours) or calm."""
        if self.paused:
            return "paused"
        if self.left_seconds < 0:
            return "bad"
        return "soon" if self.left_seconds < _SOON_SECONDS else "calm"


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of a money bar, in hundredths of its width."""

    part: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Effect:
    """Where a payment goes: three amounts of one currency that add up to the payment. `when` introduces it."""

    when: Phrase
    seller: Money
    held: Money
    buyer: Money

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The bar's parts from left to right; empty parts are left out."""
        filled = [
            (name, amount.amount_minor)
            for name, amount in (("seller", self.seller), ("held-part", self.held), ("buyer", self.buyer))
            if amount.amount_minor
        ]
        whole = sum(amount for _, amount in filled)
        room = 100 - _BAR_GAP * (len(filled) - 1)
        bars, x = [], 0.0
        for name, amount in filled:
            width = room * amount / whole
            bars.append(Bar(name, round(x, 2), round(width, 2)))
            x += width + _BAR_GAP
        return tuple(bars)


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a timeline. `at` is None for what has only a condition; `due` marks what is still to come."""

    what: Phrase
    at: datetime | None = None
    detail: Phrase | None = None
    batch_id: str = ""
    due: bool = False


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as people see it, or a document, which has `pages` and no picture.

    `caption` is a person's own words. `original` is a document's address, empty for who may not open it.
    """

    id: str
    caption: str
    of: Side
    state: str = "photo.ready"
    size_bytes: int = 0
    taken_in_at: datetime | None = None
    read_lot: str = ""
    sha256: str = ""
    removable: bool = False
    pages: int = 0
    original: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A name and its value; `change` is the question that it can be changed at, `detail` a softer second line."""

    label: str
    value: Fact
    detail: Phrase | None = None
    change: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: one line of an explanation, for (`fits`) or against."""

    text: Phrase
    fits: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A batch that a complaint may be about. `likely`: 3 very likely, 2 possible, 1 less likely; no percentage."""

    batch_id: str
    lot: str
    product: str
    made_on: datetime | None
    likely: int
    reasons: tuple[Reason, ...]
    score: float | None = None  # shown to mediators only


@dataclass(frozen=True, slots=True)
class SavedView:
    """A view of a list with its count."""

    key: str
    count: int
    current: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """The held payment line: how much, in which state (`held.*` phrase), with its reasons or its end."""

    amount: Money
    state: str
    detail: Phrase | None = None

    @property
    def phrase(self) -> Phrase:
        """The line's first sentence."""
        return Phrase(self.state, {"amount": self.amount})


@dataclass(frozen=True, slots=True)
class Paging:
    """Keyset pages: the address of the next page, or nothing, and how many rows are shown."""

    shown: int
    next_path: str = ""
    total: int | None = None
