"""The operator's page: is everything well?"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from service.web.phrase import Fact, Phrase
from service.web.views.base import View


@dataclass(frozen=True, slots=True)
class Check:
    """One part that we need: its phrase (`part.*`), whether it answers, and what it says."""

    part: str
    well: bool
    detail: Phrase


@dataclass(frozen=True, slots=True)
class QueueFigure:
    """Work that waits: its phrase (`queue.*`), how much, how old the oldest is in seconds, and how often it failed."""

    name: str
    waiting: int
    oldest_seconds: int
    failed: int


@dataclass(frozen=True, slots=True)
class AlertFigure:
    """What is wrong: its phrase (`alert.*`), how often, and since when."""

    name: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class DriftRow:
    """What the matcher did: of whom and since when (`drift.*`), counts, and shares from 0 to 1; None says nothing."""

    name: Phrase
    tried: int | None
    unmatched: int | None
    unmatched_share: float | None
    links: int | None
    overridden: int | None
    overridden_share: float | None


@dataclass(frozen=True, slots=True)
class Matching:
    """The model in force (`model.*`), what came of it lately (None: not counted yet), what of its newest links."""

    model: Phrase
    deployed_at: datetime | None
    counted_at: datetime | None
    rows: tuple[DriftRow, ...]
    newest_links: int
    overridden: int
    overridden_max: int


@dataclass(frozen=True, slots=True)
class Health(View):
    """Alerts, parts, queues, the last runs and the matcher."""

    template: ClassVar[str] = "operator/health.html"
    as_of: datetime
    clock_offset_seconds: int
    alerts: tuple[AlertFigure, ...]
    checks: tuple[Check, ...]
    queues: tuple[QueueFigure, ...]
    runs: tuple[tuple[str, Fact], ...]  # (run.* phrase, when or what)
    matching: Matching
