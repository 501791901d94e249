"""What a reading may be, in one form for barcodes and print. Pure."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from service.complaints.recognise.reader import Region
from service.complaints.rules import ReadingKind

TEXT_MAX: Final = 200
VALUE_MAX: Final = 120
FINDINGS_MAX: Final = 24


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a photo seems to say. `text` is as it stands there, `value` in our form; `sure` is 0 to 1.

    `is_ambiguous`: the print can mean something else too, which is then another finding of the same place.
    """

    kind: ReadingKind
    value: str
    text: str
    source: str
    sure: float
    region: Region
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """A code that is none of our kinds. What it says is not kept: it may name a person or an account."""

    symbology: str
    what: str


def surest_first(findings: list[Finding]) -> list[Finding]:
    """Return each value of a kind once, the surest of them, and the surest first; never more than `FINDINGS_MAX`."""
    kept: dict[tuple[str, str], Finding] = {}
    for each in findings:
        if len(each.value) > VALUE_MAX:
            continue
        known = kept.get((each.kind, each.value))
        if known is None or (each.is_ambiguous, -each.sure) < (known.is_ambiguous, -known.sure):
            kept[each.kind, each.value] = each
    return sorted(kept.values(), key=lambda each: -each.sure)[:FINDINGS_MAX]


def may_be(kind: ReadingKind, day: date, today: date) -> bool:
    """Whether a day can be of this kind: nothing was made in the future; what expired years ago may still be sold."""
    return kind != "made_on" or day <= today
