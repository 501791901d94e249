"""Kinds, life and names of reports; pure."""

from typing import Final, Literal

from service.core.lifecycle import Lifecycle, row

Kind = Literal["batch_dossier"]
Language = Literal["en", "zh"]
Paper = Literal["A4", "Letter"]

KINDS: Final = ("batch_dossier",)
LANGUAGES: Final = ("en", "zh")
PAPERS: Final = ("A4", "Letter")
REDACTIONS: Final = ("regulator_only",)
"""What is left out: buyers' names are, always."""

REPORT: Final = Lifecycle(
    "report",
    "requested",
    [
        row("requested", "finish", "ready", "system", "report.ready"),
        row("requested", "fail", "failed", "system", "report.failed"),
    ],
)
FAILURES: Final = ("render_failed", "evidence_changed", "storage_unavailable")
TRIES_MAX: Final = 10
"""How often an outside part (S3) may fail a report; fewer than a job is tried again."""
RENDER_TRIES_MAX: Final = 3
"""How often drawing may fail: the same facts will hardly do better."""
PHOTOS_MAX: Final = 6
ANSWERS_MAX: Final = 3
OPEN_PER_PERSON_MAX: Final = 20


def reference(year: int, number: int) -> str:
    """Return what people call a report: R-2026-00871."""
    return f"R-{year}-{number:05d}"


def is_final(failure: str, tries: int) -> bool:
    """Whether a report that failed so, at this try (from 1), is given up."""
    return tries >= (TRIES_MAX if failure == "storage_unavailable" else RENDER_TRIES_MAX)
