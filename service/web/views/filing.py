"""Filing a complaint, question by question. Every page posts to its own address; the handler answers 303 to the next.

Fields by page: order: `order` (an order's id, or "none"); problem: `problem`; harm: `harm`, `who`; product: `product`,
`brand`, `lot`, `gtin`, `shop`, `channel`, `bought_on`; story: `story`; photos: `photos` (many files); batch: `batch` (a
batch's id, "none" or "unsure"), `lot`; wanted: `wanted`, `amount`; contact: `email`, `phone`, `share_name`,
`share_public`; check: `true`.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from service.core.money import Money
from service.web.views.base import View
from service.web.views.parts import EMPTY_FORM, Candidate, Clock, Form, Happening, Held, Option, Photo, Reason, Row
from service.web.views.readings import NOTHING_SAID, PhotosSay


@dataclass(frozen=True, slots=True)
class Step:
    """Where the filer stands; `minutes_left` 0 is the last step."""

    number: int
    total: int
    minutes_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(View):
    """What all questions share. `path` is the address that the form goes to, `back` that of the question before."""

    step: Step
    path: str
    back: str
    form: Form = EMPTY_FORM
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class OrderChoice:
    """An order that the complaint may be about."""

    id: str
    product: str
    quantity: int
    shop: str
    amount: Money
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOrder(Question):
    """Which order is it about?"""

    template: ClassVar[str] = "filing/order.html"
    orders: tuple[OrderChoice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskProblem(Question):
    """What went wrong? The kinds are the domain's."""

    template: ClassVar[str] = "filing/problem.html"
    kinds: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskHarm(Question):
    """Was anyone hurt?"""

    template: ClassVar[str] = "filing/harm.html"
    harms: tuple[Option, ...]
    people: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskProduct(Question):
    """What is the product, and where was it bought? `asks_shop` and channels without an order."""

    template: ClassVar[str] = "filing/product.html"
    asks_shop: bool = True
    channels: tuple[Option, ...] = ()
    places: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStory(Question):
    """What happened?"""

    template: ClassVar[str] = "filing/story.html"
    story_max: int = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPhotos(Question):
    """Add photos. A file's state is a phrase `photo.*`."""

    template: ClassVar[str] = "filing/photos.html"
    draft_id: str
    photos: tuple[Photo, ...] = ()
    photos_max: int = 10
    size_max_bytes: int = 20_000_000
    next: str = ""
    readings: PhotosSay = NOTHING_SAID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBatch(Question):
    """Is this the batch? Nothing is preselected."""

    template: ClassVar[str] = "filing/batch.html"
    candidates: tuple[Candidate, ...]
    readings: PhotosSay = NOTHING_SAID


@dataclass(frozen=True, slots=True, kw_only=True)
class AskWanted(Question):
    """What would put it right? `paid` is None without an order: then no money can be claimed."""

    template: ClassVar[str] = "filing/wanted.html"
    options: tuple[Option, ...]
    paid: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskContact(Question):
    """How may we reach you?"""

    template: ClassVar[str] = "filing/contact.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswers(Question):
    """Everything on one page, each with a link to change it, and what sending does."""

    template: ClassVar[str] = "filing/check.html"
    rows: tuple[Row, ...]
    consequences: tuple[tuple[str, Reason], ...] = ()  # (icon, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(View):
    """The receipt. `access_code` is shown once, to people without an account."""

    template: ClassVar[str] = "filing/sent.html"
    reference: str
    sent_at: datetime
    held: Held | None = None
    next: tuple[Happening, ...] = ()
    access_code: str = ""
    injury: bool = False
    clock: Clock | None = field(default=None)
