"""What lines of print say of lot, days and serial, by the labels that packs use in English and Chinese. Pure.

A label and its value often stand in two boxes: then the value is looked for at the right, else beneath.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from service.complaints.matching.lot_readings import labelled_codes, loose_codes
from service.complaints.matching.normalise import gtin14
from service.complaints.recognise.dates import Printed, last_day, printed_dates
from service.complaints.recognise.findings import TEXT_MAX, Finding, may_be
from service.complaints.recognise.places import beneath, beside
from service.complaints.recognise.reader import Line
from service.complaints.rules import ReadingKind
from service.core.lots import fold_lot
from service.core.names import plain

OCR: Final = "ocr"
_NEIGHBOUR, _LOOSE, _DIGITS = 0.85, 0.4, 0.6
"""How sure a value is whose label stands in another box; without any label; a number that is only counted right."""
_LOOSE_MAX: Final = 3
_SEE: Final = (
    r"(?!\s*[:.]?\s*(?:见|請見|详见|如图|SEE\b|\d+\s*(?:个月|月(?!\d)|年(?!\d)|天|日(?!\d)|MONTHS?|YEARS?|DAYS?)))"
)
"""A label that points elsewhere ("see the base") or tells a length of time has no value of its own."""
_LABEL: Final = re.compile(
    r"(?P<lot>(?:生产|产品|制造)?批(?:次编号|次号|编号|号|次)码?(?:及|和|/|、|&)?(?:限期?使?用日期|有效期[至限]?)?"
    r"|(?:(?<![A-Z])LOT|(?<![A-Z0-9])[L1][O0]T)(?:(?![A-Z])|(?=[A-Z]{1,4}\d)|(?=N[O0]\W))\s*(?:N[O0](?![A-Z\d])|NUMBER|NUM|CODE|NR)?|\bBATCH(?:(?![A-Z])|(?=N[O0]\W))\s*(?:N[O0](?![A-Z\d])|NUMBER|NUM|CODE|NR(?![A-Z\d]))?"
    r"|\bB\s?\.\s?N(?:[O0]\b)?|\bB\s?/\s?N\b|\bBN(?=\s*[:.#])|\bCHARGE\b)"
    r"|(?P<expiry>(?<![A-Z])EXP(?:IRY|IRES|IRATION)?(?![A-Z])\s*\.?\s*(?:DATE|ON)?|\bBEST\s*(?:BEFORE|BY)(?:\s*END)?|\bUSE\s*(?:BY|BEFORE)"
    r"|\bBBE?D?(?=\s*[:.\d])|限期?使?用(?:日期|期限)|有效(?:日期|期)[至到限]?|[保有][质存]期[至到限]?|失效日?期|到期日?期?|此日期前\S{0,2}最佳)"
    r"|(?P<made_on>(?<![A-Z])(?:MFG|MFD|MANUFACTUR(?:ED|ING)|PROD(?:UCTION)?|PACKED|PKD)(?![A-Z])\s*\.?\s*(?:DATE|ON)?|\bDATE\s+OF\s+MANUFACTURE"
    r"|(?:生产|制造|出厂|包装|灌装|加工)日?期|生产日)"
    r"|(?P<serial>\bS\s?/\s?N\b|\bSERIAL\s*(?:NO|NUMBER|NUM)?\b|序列号|机身号)"
)  # fmt: skip
_TIME: Final = re.compile(r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)")
_SERIAL: Final = re.compile(r"^[\s.:#]*([A-Z0-9][A-Z0-9-]{3,29})(?![A-Z0-9])")
_GTIN: Final = re.compile(r"(?<![\dA-Z.-])(?:\d ?\d{6} ?\d{6}|\d{14})(?![\dA-Z])")
_SEES: Final = re.compile(_SEE)


@dataclass(frozen=True, slots=True)
class _Label:
    """A label in a text of capitals, and the text up to the next one."""

    kind: ReadingKind
    start: int
    end: int
    until: int


def read_lines(lines: Sequence[Line], *, today: date) -> list[Finding]:
    """Return what the print of a photo says, of every source of certainty."""
    upright = [replace_text(line, capitals(line.text)) for line in lines]
    labels = [_labels(line.text) for line in upright]
    found: list[Finding] = []
    for place, line in enumerate(upright):
        mine, without = _labelled(line, labels[place], today=today, source=OCR)
        found += mine
        found += _from_neighbours(upright, labels, place, without, today=today)
        found += _numbers(line)
    return found + _unlabelled(upright, labels, found, today=today)


def findings_of_line(line: Line, *, today: date, source: str) -> list[Finding]:
    """Return what a single text says under its own labels, such as the words in a QR code."""
    upright = replace_text(line, capitals(line.text))
    return _labelled(upright, _labels(upright.text), today=today, source=source)[0]


def capitals(text: str) -> str:
    """Return a text in capitals of one width, in simplified Chinese."""
    return unicodedata.normalize("NFKC", plain(text).upper())


def replace_text(line: Line, text: str) -> Line:
    """Return the line with another text."""
    return Line(text=text, sure=line.sure, region=line.region)


def _labels(text: str) -> list[_Label]:
    matches = list(_LABEL.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text)][: len(matches)]
    return [
        _Label(match.lastgroup, match.start(), match.end(), until)  # type: ignore[arg-type]  # the groups are the kinds
        for match, until in zip(matches, ends, strict=True)
    ]


def _labelled(line: Line, labels: Sequence[_Label], *, today: date, source: str) -> tuple[list[Finding], list[_Label]]:
    """Return the findings under a line's labels, and the labels that have no value in this line."""
    found: list[Finding] = []
    without: list[_Label] = []
    waiting: list[_Label] = []
    for label in labels:
        if not _SEES.match(line.text, label.end):
            continue
        part = line.text[label.end : label.until]
        if label.kind in {"made_on", "expiry"}:
            waiting.append(label)
            dates = printed_dates(part, today=today, is_labelled=True)
            for each in dates[: len(waiting)]:
                found += _days(line, waiting.pop(0), each, today=today, source=source)
            continue
        code = _lot_in(part, today=today) if label.kind == "lot" else _serial_in(part)
        if code:
            text = line.text[label.start : label.until].strip()
            found.append(_finding(line, label.kind, code, _cut(text, code), source))
            if label.kind == "lot":
                waiting += [replace(label, kind="expiry")] if "期" in line.text[label.start : label.end] else []
                found += _dates_after_lot(line, label, code, waiting, today=today, source=source)
        else:
            without.append(label)
    return found, [*without, *waiting]


def _dates_after_lot(
    line: Line, label: _Label, code: str, waiting: list[_Label], *, today: date, source: str
) -> list[Finding]:
    """Return the days that follow a lot under labels which stood before it: "made / lot: 20260312 A1"."""
    found: list[Finding] = []
    part = line.text[label.end : label.until].replace(code, " " * len(code), 1)
    for each in printed_dates(part, today=today, is_labelled=True)[: len(waiting)]:
        found += _days(line, waiting.pop(0), each, today=today, source=source)
    return found


def _lot_in(part: str, *, today: date) -> str:
    """Return the code after a lot's label; dates beside it are left out, unless there is nothing else."""
    timeless = _TIME.sub(" ", part)
    for text in (_blanked(timeless, printed_dates(timeless, today=today)), timeless):
        for code in labelled_codes(f"LOT {text.lstrip(' .:#')}"):
            if any(letter.isdigit() for letter in code.split()[-1]) and len(fold_lot(code)) >= 3:
                return code
    return ""


def _blanked(text: str, dates: Sequence[Printed]) -> str:
    for each in dates:
        text = text[: each.start] + " " * (each.end - each.start) + text[each.end :]
    return text


def _serial_in(part: str) -> str:
    found = _SERIAL.match(part)
    return found[1] if found and any(letter.isdigit() for letter in found[1]) else ""


def _days(line: Line, label: _Label, printed: Printed, *, today: date, source: str) -> list[Finding]:
    days = [day for day in printed.days if may_be(label.kind, last_day(day), today)]
    text = f"{line.text[label.start : label.end].strip()} {printed.text}"
    return [
        replace(_finding(line, label.kind, day, text, source), is_ambiguous=len(days) > 1, sure=line.sure / len(days))
        for day in days
    ]


def _from_neighbours(
    lines: Sequence[Line], labels: Sequence[Sequence[_Label]], place: int, without: Sequence[_Label], *, today: date
) -> list[Finding]:
    """Return what stands at the right of a line, else beneath, for its labels that have no value of their own."""
    if not without:
        return []
    free = [other for other, named in enumerate(labels) if other != place and not named]
    for look in (beside, beneath):
        other = look(lines[place].region, [(each, lines[each].region) for each in free])
        if other is None:
            continue
        found: list[Finding] = []
        for label in without:
            named = lines[place].text[label.start : label.end]
            joined = Line(text=f"{named}: {lines[other].text}", sure=lines[other].sure, region=lines[other].region)
            found += _labelled(joined, _labels(joined.text), today=today, source=OCR)[0]
        if found:
            return [replace(each, sure=each.sure * _NEIGHBOUR) for each in found]
    return []


def _numbers(line: Line) -> Iterator[Finding]:
    """Yield trade numbers that are printed under their bars, where the check digit is right."""
    for match in _GTIN.finditer(line.text):
        gtin = gtin14(match[0])
        if gtin:
            yield replace(_finding(line, "gtin", gtin, match[0], OCR), sure=line.sure * _DIGITS)


def _unlabelled(
    lines: Sequence[Line], labels: Sequence[Sequence[_Label]], known: Sequence[Finding], *, today: date
) -> list[Finding]:
    """Return days without a label, and codes that stand with them, where the photo names no lot.

    What a machine stamps on a foil often has no words at all. Of a day alone nobody knows whether it is the first or
    the last of the goods, unless it has not come yet.
    """
    used = {each.region for each in known if each.kind in {"made_on", "expiry", "lot"}}
    bare = [line for line, named in zip(lines, labels, strict=True) if not named and line.region not in used]
    dated = [(line, printed_dates(line.text, today=today)) for line in bare]
    dated = [(line, dates) for line, dates in dated if dates]
    kinds: tuple[ReadingKind, ...] = ("made_on", "expiry")
    taken = {each.kind for each in known}
    found = [
        replace(_finding(line, kind, day, each.text, OCR), sure=line.sure * _LOOSE, is_ambiguous=True)
        for line, dates in dated
        for each in dates
        for day in each.days
        for kind in kinds
        if kind not in taken and may_be(kind, last_day(day), today)
    ]
    if "lot" in taken:
        return found
    near = {line.region for line, _ in dated}
    for line, _ in dated:
        others = [(place, each.region) for place, each in enumerate(bare) if each.region != line.region]
        near |= {bare[place].region for look in (beside, beneath) if (place := look(line.region, others)) is not None}
        near |= {each.region for each in bare if _is_above(each, line)}
    codes = [
        (line, code)
        for line in bare
        if line.region in near
        for code in loose_codes(_blanked(line.text, printed_dates(line.text, today=today)))
    ]
    loose = [replace(_finding(line, "lot", code, code, OCR), sure=line.sure * _LOOSE) for line, code in codes]
    return found + loose[:_LOOSE_MAX]


def _is_above(line: Line, other: Line) -> bool:
    return beneath(line.region, [(0, other.region)]) is not None


def _finding(line: Line, kind: ReadingKind, value: str, text: str, source: str) -> Finding:
    return Finding(kind, value, text[:TEXT_MAX], source, line.sure, line.region)


def _cut(text: str, code: str) -> str:
    """Return a label with its value, and without what follows: that may be anything, a name or a telephone."""
    at = text.find(code)
    return text if at < 0 else text[: at + len(code)]
