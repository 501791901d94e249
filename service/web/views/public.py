"""Pages for anybody about batches and complaints, without personal data."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from service.web.phrase import Phrase
from service.web.views.base import View
from service.web.views.parts import EMPTY_FORM, Form, Happening


@dataclass(frozen=True, slots=True)
class BatchHit:
    """A batch that fits the code somebody typed."""

    id: str
    lot: str
    product: str
    made_on: date | None
    state: str


@dataclass(frozen=True, slots=True)
class CheckBatch(View):
    """Check a batch. GET field: code. `searched` with no hits says so."""

    template: ClassVar[str] = "public/check.html"
    hits: tuple[BatchHit, ...] = ()
    searched: bool = False
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class PublicBatch(View):
    """What anybody may know about a batch. `state` is `batch.*`; a suppressed count (too few) is None."""

    template: ClassVar[str] = "public/batch.html"
    id: str
    lot: str
    product: str
    maker: str
    made_on: date | None
    expires_on: date | None
    state: str
    since: datetime
    buyers: int | None
    complaints: int | None
    sold: int
    rate: float | None
    base: float | None
    problems: tuple[tuple[Phrase, int], ...]
    history: tuple[Happening, ...]
    response: str = ""
    response_by: str = ""
    response_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Status(View):
    """Where a complaint stands, by its reference. GET field: reference; without one it is the form."""

    template: ClassVar[str] = "public/status.html"
    reference: str = ""
    state: str = ""
    detail: Phrase | None = None
    steps: tuple[Happening, ...] = ()
    form: Form = EMPTY_FORM
