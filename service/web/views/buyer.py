"""The buyer's pages: my orders and cases, one case, claim an order, confirm receipt."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from service.core.money import Money
from service.web.phrase import Phrase
from service.web.views.base import View
from service.web.views.parts import EMPTY_FORM, Candidate, Clock, Effect, Form, Happening, Held, Photo, Side
from service.web.views.readings import NOTHING_SAID, PhotosSay
from service.web.views.sides import AskedPhoto, Sides


@dataclass(frozen=True, slots=True)
class MyCase:
    """One case in the list. `state` is a state phrase (`state.*`; `state.your_turn` when it is the buyer's)."""

    reference: str
    product: str
    state: str
    sent_at: datetime
    clock: Clock | None = None
    claimed: Money | None = None


@dataclass(frozen=True, slots=True)
class MyDraft:
    """A complaint that is not sent yet; `path` leads to the question it stopped at."""

    path: str
    product: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class MyOrder:
    """One order with its held payment."""

    id: str
    product: str
    shop: str
    quantity: int
    amount: Money
    state: str
    ordered_at: datetime
    window: Clock | None = None  # until the seller is paid, or what else is awaited
    note: Phrase | None = None  # why it was cancelled
    asked: bool = False  # it is late: has it come?
    receivable: bool = False  # may be confirmed as received
    waivable: bool = False  # the rest of the window may be waived
    complainable: bool = False


@dataclass(frozen=True, slots=True)
class Mine(View):
    """My orders and cases."""

    template: ClassVar[str] = "buyer/mine.html"
    cases: tuple[MyCase, ...]
    drafts: tuple[MyDraft, ...]
    orders: tuple[MyOrder, ...]


@dataclass(frozen=True, slots=True)
class ClaimOrder(View):
    """Fields: code."""

    template: ClassVar[str] = "buyer/claim_order.html"
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class Receipt(View):
    """Say that the goods came or, when asked, did not; or waive. Fields: answer (received | waive | not_come | no)."""

    template: ClassVar[str] = "buyer/receipt.html"
    order: MyOrder
    window_ends_at: datetime | None
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class Offer:
    """What the other side proposes. `kind` is a phrase `offer.*`; the effects are of accepting, refusing, going on."""

    id: str
    kind: Phrase
    words: str
    by: str
    made_at: datetime
    if_accepted: Effect
    if_refused: Effect
    ruling_hours: int = 48


@dataclass(frozen=True, slots=True)
class RulingNotice:
    """A ruling as its parties see it."""

    outcome: Phrase
    reasons: str
    made_at: datetime
    effect: Effect
    appeal: Clock | None
    acceptable: bool  # this party has not accepted yet
    appealable: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose move it is. `you` shows the strong banner."""

    whose: Side
    you: bool
    text: Phrase
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class CasePage(View):
    """One case as its buyer sees it. Fields of the reply: reply (accept | escalate | talk), words; of the batch: batch.

    `batches` to pick from are there where a photo has a say in them, with what the photos say.
    """

    template: ClassVar[str] = "buyer/case.html"
    reference: str
    product: str
    sent_at: datetime
    state: str
    turn: Turn | None
    held: Held | None
    story: str
    sides: Sides
    timeline: tuple[Happening, ...]
    offer: Offer | None = None
    ruling: RulingNotice | None = None
    evidence_open: bool = True
    withdrawable: bool = False
    escalatable: bool = False
    asked_photos: tuple[AskedPhoto, ...] = ()
    batches: tuple[Candidate, ...] = ()
    readings: PhotosSay = NOTHING_SAID
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class AddEvidence(View):
    """Fields: photos (many files, while the case `takes_files`), caption, words."""

    template: ClassVar[str] = "buyer/evidence.html"
    reference: str
    product: str
    photos: tuple[Photo, ...]
    takes_files: bool = True
    photos_max: int = 10
    size_max_bytes: int = 20_000_000
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class Withdraw(View):
    """Asks before a case is withdrawn. Fields: sure."""

    template: ClassVar[str] = "buyer/withdraw.html"
    reference: str
    product: str
    held: Held | None
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class Escalate(View):
    """Asks a mediator. Fields: words."""

    template: ClassVar[str] = "buyer/escalate.html"
    reference: str
    product: str
    ruling_hours: int = 48
    form: Form = EMPTY_FORM
