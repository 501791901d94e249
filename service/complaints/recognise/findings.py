"""What a reading may be, in one form for barcodes and print. Pure."""

from dataclasses import dataclass, replace
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
    """Return each value of a kind once, the surest of them, and the surest first; never more than `FINDINGS_MAX`.

    A code may hold any character. A value that cannot be printed is no label's, and the database takes no zero bytes.
    """
    kept: dict[tuple[str, str], Finding] = {}
    for each in findings:
        if not 0 < len(each.value) <= VALUE_MAX or not each.value.isprintable():
            continue
        known = kept.get((each.kind, each.value))
        if known is None or (each.is_ambiguous, -each.sure) < (known.is_ambiguous, -known.sure):
            kept[each.kind, each.value] = replace(each, text=_printable(each.text))
    return sorted(kept.values(), key=lambda each: -each.sure)[:FINDINGS_MAX]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def may_be(kind: ReadingKind, day: date, today: date) -> bool:
    """Whether a day can be of this kind: nothing was made in the future; what expired years ago may still be sold."""
    return kind != "made_on" or day <= today
