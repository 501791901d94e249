"""The mediator's pages: queue, case with ruling, triage, signals."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from service.core.money import Money
from service.web.phrase import Fact, Phrase
from service.web.views.base import View
from service.web.views.buyer import RulingNotice
from service.web.views.likenesses import NOTHING_SIMILAR, SimilarPhotos
from service.web.views.parts import (
    EMPTY_FORM,
    Candidate,
    Clock,
    Effect,
    Form,
    Happening,
    Held,
    Option,
    Paging,
    Photo,
    Reason,
    Row,
    SavedView,
)
from service.web.views.readings import NOTHING_SAID, PhotosSay
from service.web.views.sides import AskedPhoto, Asking, Sides


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One case of the queue; `summary` is the buyer's own words, cut."""

    reference: str
    product: str
    summary: str
    risk: str  # risk.* state, or nothing
    amount: Money | None
    state: str
    clock: Clock | None


@dataclass(frozen=True, slots=True)
class Filter:
    """One select of a filter form; an empty value means any."""

    name: str
    label: str
    options: tuple[Option, ...]
    value: str = ""


@dataclass(frozen=True, slots=True)
class Queue(View):
    """Cases by due time, with saved views and filters (GET)."""

    template: ClassVar[str] = "mediator/queue.html"
    as_of: datetime
    views: tuple[SavedView, ...]
    filters: tuple[Filter, ...]
    rows: tuple[QueueRow, ...]
    paging: Paging


@dataclass(frozen=True, slots=True)
class SideOfCase:
    """What one side says."""

    name: str
    words: str
    facts: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SourcedFact:
    """A fact with where it comes from."""

    label: str
    value: Fact
    source: Phrase


@dataclass(frozen=True, slots=True)
class Precedent:
    """How often similar cases ended so."""

    outcome: Phrase
    count: int


@dataclass(frozen=True, slots=True)
class Letter:
    """The exact words that a side will be sent, in that side's language."""

    to: str  # buyer | seller
    language: str  # en | zh
    paragraphs: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class MediatorCase(View):
    """Two sides, evidence, facts, then the ruling.

    Fields of the ruling: outcome (refund | split | release), amount, reasons; `show=effect` only shows the effect.
    Regulators read the same page, without anything to decide.
    """

    template: ClassVar[str] = "mediator/case.html"
    reference: str
    product: str
    quantity: int
    risk: str
    state: str
    clock: Clock | None
    buyer: SideOfCase
    seller: SideOfCase
    sides: Sides
    facts: tuple[SourcedFact, ...]
    held: Held | None
    precedents: tuple[Precedent, ...]
    checks: tuple[Reason, ...]
    timeline: tuple[Happening, ...]
    effects: tuple[tuple[str, Effect], ...] = ()
    letters: tuple[Letter, ...] = ()
    amount_max: Money | None = None
    outcomes: tuple[Option, ...] = ()
    rulable: bool = False
    assignable: bool = False
    ruling: RulingNotice | None = None
    form: Form = EMPTY_FORM
    asked_photos: tuple[AskedPhoto, ...] = ()
    asking: Asking | None = None
    similar: SimilarPhotos = NOTHING_SIMILAR
    readings: PhotosSay = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class TriageRow:
    """A complaint that waits for a person."""

    reference: str
    product: str
    summary: str
    why: Phrase
    clock: Clock | None


@dataclass(frozen=True, slots=True)
class TriageList(View):
    """Complaints that wait for a person, by due time."""

    template: ClassVar[str] = "mediator/triage_list.html"
    as_of: datetime
    rows: tuple[TriageRow, ...]
    paging: Paging


@dataclass(frozen=True, slots=True)
class Triage(View):
    """Pick the batch from the top three, with reasons. Fields: batch (id | none), next (seller | close), reasons.

    `waits` says that the case has not gone to its seller yet; if it has, only its batch is to be named.
    """

    template: ClassVar[str] = "mediator/triage.html"
    reference: str
    story: str
    why: Phrase
    clock: Clock | None
    typed: tuple[Row, ...]
    photos: tuple[Photo, ...]
    candidates: tuple[Candidate, ...]
    waits: bool = True
    form: Form = EMPTY_FORM
    similar: SimilarPhotos = NOTHING_SIMILAR
    readings: PhotosSay = NOTHING_SAID


@dataclass(frozen=True, slots=True)
class SignalRow:
    """A batch whose complaints are more than its base rate explains."""

    id: str
    batch_id: str
    lot: str
    product: str
    buyers: int
    rate: float
    rate_low: float
    rate_high: float
    base: float
    state: str
    clock: Clock | None
    payments: int
    amount: Money | None
    decidable: bool = False  # the freeze can be lifted
    confirmable: bool = False
    left: Phrase | None = None  # how many of its complaints were moved away


@dataclass(frozen=True, slots=True)
class Signals(View):
    """Open signals; a mediator confirms a freeze or lifts it. Fields: reason (one of `lift_reasons`, to lift)."""

    template: ClassVar[str] = "mediator/signals.html"
    as_of: datetime
    rows: tuple[SignalRow, ...]
    lift_reasons: tuple[Option, ...] = ()
    form: Form = EMPTY_FORM
