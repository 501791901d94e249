"""The regulator's pages: overview, search, batch, reports."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from service.core.money import Money
from service.web.charts import RateChart, Trace
from service.web.phrase import Fact, Phrase
from service.web.views.base import View
from service.web.views.mediator import Filter, SignalRow
from service.web.views.parts import EMPTY_FORM, Clock, Form, Option, Paging, Reason, Row


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its base. `label` and `base` are phrases."""

    label: Phrase
    value: Fact
    base: Phrase
    spark: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CategoryRate:
    """A category's rate per 1,000 against its base; `category` is a phrase `category.*`."""

    category: str
    rate: float
    base: float


@dataclass(frozen=True, slots=True)
class Overview(View):
    """Figures, open signals, the rate by week, categories."""

    template: ClassVar[str] = "regulator/overview.html"
    as_of: datetime
    figures: tuple[Figure, ...]
    signals: tuple[SignalRow, ...]
    chart: RateChart | None
    finding: Phrase | None
    categories: tuple[CategoryRate, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One search result. `path` leads to it; `kind` is product, batch or complaint."""

    kind: str
    path: str
    title: str
    code: str
    detail: Phrase
    state: str = ""


@dataclass(frozen=True, slots=True)
class Search(View):
    """Products, batches and complaints. GET fields: q, kind, and those of the filters."""

    template: ClassVar[str] = "regulator/search.html"
    as_of: datetime
    query: str
    filters: tuple[Filter, ...]
    results: tuple[Found, ...]
    paging: Paging
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a signal; `state` is done, now or nothing."""

    label: str
    state: str
    since: date | None = None


@dataclass(frozen=True, slots=True)
class SignalBox:
    """Where a batch's signal stands."""

    stages: tuple[Stage, ...]
    clock: Clock | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class BatchMoney:
    """The money of a batch."""

    held: Money
    payments: int
    facts: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class RegulatorBatch(View):
    """A batch with figures, chart, trace, money; and its reports. Fields of the request: language, redaction."""

    template: ClassVar[str] = "regulator/batch.html"
    id: str
    lot: str
    product: str
    category: str
    maker: str
    made_on: date | None
    as_of: datetime
    state: str
    finding: Phrase | None
    chart: RateChart | None
    trace: Trace | None
    signal: SignalBox | None
    money: tuple[BatchMoney, ...]
    problems: tuple[tuple[Phrase, int], ...]
    facts: tuple[Row, ...] = ()
    reports: tuple["ReportRow", ...] = ()
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report that was asked for. `state` is `report.*`; the file exists once it is ready."""

    id: str
    kind: str
    subject: str
    language: str
    as_of: datetime
    state: str
    size_bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Reports(View):
    """Ask for a report; the list of those made. Fields: kind, subject, language.

    With a `reference` it is the one report that bears it, as the code on its paper asks for it.
    """

    template: ClassVar[str] = "regulator/reports.html"
    kinds: tuple[Option, ...]
    rows: tuple[ReportRow, ...]
    paging: Paging
    form: Form = EMPTY_FORM
    reference: str = ""
