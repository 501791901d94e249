"""Every lot code that a complaint may be naming: in its own field, on a barcode, in running text, or split over two."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from service.complaints.matching.facts import Query
from service.core.lots import fold_lot, strip_label
from service.core.names import plain

TEXT_LENGTH_MAX = 5_000  # characters of a narrative that are read
READINGS_MAX = 16


class Source(StrEnum):
    """Where a reading comes from: `LOOSE` is an unlabelled code in running text, `SPLIT` is joined of two fields.

    `BARCODE` and `PRINT` were read on a photo and taken over by a person; `PHOTO` nobody has confirmed.
    """

    FIELD = "field"
    BARCODE = "barcode"
    PRINT = "print"
    PHOTO = "photo"
    NARRATIVE = "narrative"
    LOOSE = "loose"
    SPLIT = "split"


FROM_PHOTOS = frozenset({Source.BARCODE, Source.PRINT, Source.PHOTO})


@dataclass(frozen=True, slots=True)
class Reading:
    """A code as it was written (without label and date) and folded."""

    written: str
    folded: str
    source: Source


_MONTH = r"(?:0?[1-9]|1[0-2])"
_NAMED_DATE = re.compile(
    r"[\s,;/_(（，。-]*(?:EXP(?:IRY|IRES|IRATION)?|BEST\s*BEFORE|USE\s*BY|BBE?|MFG|MFD|有?效期[至限]?|到期日?|保[质質]期[至限]?)"
    r"[\s.:：]*(?:DATE)?[\s.:：]*\d[\d./年月日 -]*.*$"
)
_BARE_DATE = re.compile(
    rf"(?:[\s/,;]+{_MONTH}[/.-](?:20)?\d\d|[\s/,;]+20\d\d[./-]?(?:0[1-9]|1[0-2])(?:[./-]?[0-3]\d)?)\s*$"
)
_CODE = r"[A-Z0-9][A-Z0-9@:./+#_*-]*"
_LABELLED = re.compile(
    r"(?:\b(?:LOT|BATCH)\b\s*(?:NUMBER|NUM|CODE|NO|NR|ID)?\b[\s.:#]*(?:(?:IS|WAS|READS|SAYS)\b[\s:]*)?"
    r"|\bB\s*/\s*N\b[\s.:#]*|\(\s*L\s*\)\s*|\bLOT(?=\d)|\bSAYS\s+(?=.{1,25}\bNEXT\s+TO\b)"
    r"|(?:批[号號次][码碼]?|[底盖蓋身侧側面盒瓶罐袋]上?[印刻][着著有的]?|喷码|噴碼|钢印|鋼印)\s*(?:是|为|為)?[\s:,]*)"
    rf"({_CODE}(?:\s+@?{_CODE}){{0,3}})"
)
_NOT_A_LOT = (
    re.compile(r"\b(?:ORDER|INVOICE|TRACKING|REFERENCE|REF|TICKET)\b\s*(?:NUMBER|NO|ID)?\b[\s.:#]*[A-Z]{0,3}\d[\d-]*"),
    re.compile(r"\b(?:CALL|PHONE|TEL|MOBILE|CELL|WHATSAPP|FAX)\b[^\d+.!?]{0,20}\+?\d[\d ()-]{5,}\d"),
    re.compile(r"(?:[$£€¥]|US\$|RMB|CNY|USD)\s*\d[\d,]*(?:\.\d+)?"),
    re.compile(r"\b\d[\d,]*(?:\.\d+)?\s*(?:BUCKS|DOLLARS?|USD|EUROS?|POUNDS|YUAN|RMB|元|块|塊|圆|圓)"),
    re.compile(
        r"(?:订单|訂單|快递|快遞|运单|運單|物流)(?:编号|編號|号码|號碼|单号|單號|号|號)?[\s:是为為#]*[A-Z]{0,3}\d[\d-]*"
    ),
    re.compile(r"(?:电话|電話|手机|手機|微信|致电|致電)(?:号码|號碼|号|號)?[\s:是为為]*\+?\d[\d -]{4,}\d"),
    re.compile(r"(?:花了|付了|价格|價格)\s*\d[\d.]*"),
)
_DATES = re.compile(
    rf"(?<!\d)(?:20|19)\d\d\s*[-/.年]\s*\d{{1,2}}(?:\s*[-/.月]\s*\d{{1,2}}\s*日?)?(?!\d)|(?<!\d){_MONTH}/(?:20)?\d\d(?!\d)"
    r"|\d{1,2}月\d{1,2}日"
)
_LOOSE = re.compile(r"(?<![A-Z0-9.])(?=[A-Z0-9@:/+#-]*\d[A-Z0-9@:/+#-]*\d)[A-Z0-9][A-Z0-9@:/+#-]{4,19}(?![A-Z0-9%])")
_STRENGTH_LIKE = re.compile(r"^[\d./,]+(?:MG|G|MCG|UG|ML|L|IU|KG|CC|OZ|UNITS?|CT)(?:/[\d.]*(?:MG|G|MCG|ML|L|OZ))?$")
_TAIL_PARTS = re.compile(r"(?<![A-Z0-9@:./+#-])[A-Z0-9@:./+#-]{0,18}[A-Z0-9](?![A-Z0-9@:./+#-])")
_TAIL_LENGTH_MAX = 40  # characters of the end of a product text that may hold the rest of a lot
_TAIL_PARTS_MAX = 3


def read_lots(
    *, lot_text: str, barcode_lot: str = "", printed_lot: str = "", product_text: str = "", narrative: str = ""
) -> list[Reading]:
    """Return the readings of all sources, surest first, each folded code once; never more than `READINGS_MAX`."""
    readings: list[Reading] = []
    if barcode_lot:
        readings.append(_reading(barcode_lot, Source.BARCODE))
    if printed_lot:
        readings.append(_reading(printed_lot, Source.PRINT))
    readings += [_reading(code, Source.FIELD) for code in without_date(lot_text)]
    readings += [_reading(code, Source.NARRATIVE) for code in labelled_codes(narrative)]
    readings += [_reading(code, Source.LOOSE) for code in loose_codes(narrative)]
    readings += [_reading(code, Source.SPLIT) for code in joined_codes(lot_text, product_text)]
    kept: list[Reading] = []
    seen: set[tuple[str, bool]] = set()
    for reading in readings:
        # The same code in the field and in the text is kept twice: two witnesses are worth more than one.
        key = (reading.folded, reading.source in (Source.FIELD, Source.BARCODE, Source.PRINT))
        if key not in seen and len(reading.folded) >= 2:
            seen.add(key)
            kept.append(reading)
    return kept[:READINGS_MAX]


@lru_cache(maxsize=256)  # retrieval, scores and what is kept each read the same query, a chunk of them at a time
def readings_of(query: Query) -> tuple[Reading, ...]:
    """Return the readings of what a query tells, surest first; then what photos seem to say beyond that."""
    told = read_lots(
        lot_text=query.lot_text,
        barcode_lot=query.barcode_lot,
        printed_lot=query.printed_lot,
        product_text=query.product_text,
        narrative=query.narrative,
    )
    known = {each.folded for each in told}
    for lot in query.photo_lots:
        reading = _reading(lot, Source.PHOTO)
        if reading.folded not in known and len(reading.folded) >= 2:
            known.add(reading.folded)
            told.append(reading)
    return tuple(told)


def without_date(text: str) -> list[str]:
    """Return the ways to read a lot field: without a date that is named as such or stands bare at its end; whole."""
    whole = strip_label(text)
    if not whole:
        return []
    named = _NAMED_DATE.sub("", whole)
    if len(fold_lot(named)) < 2:
        named = whole
    bare = _BARE_DATE.sub("", named)
    ways = [bare, named, whole] if len(fold_lot(bare)) >= 3 else [named, whole]
    return list(dict.fromkeys(ways))


def labelled_codes(text: str) -> list[str]:
    """Return the codes that running text calls a lot or a batch (批号), in English or Chinese."""
    codes: list[str] = []
    for found in _LABELLED.finditer(_without_other_numbers(text)):
        codes += _ways_to_end(found[1].split())
    return codes


def loose_codes(text: str) -> list[str]:
    """Return codes in running text that nothing labels: two digits or more, five characters or more, no strength."""
    bare = _DATES.sub(" ", _without_other_numbers(text))
    return [code for code in _LOOSE.findall(bare) if not _STRENGTH_LIKE.match(code)]


def joined_codes(lot_text: str, product_text: str) -> list[str]:
    """Return the lot field joined with the code-like end of the product text, both ways round.

    The end is read without a date, and may be a code that was written with spaces.
    """
    text = _capitals(product_text)[-_TAIL_LENGTH_MAX:]
    bare = _BARE_DATE.sub("", _NAMED_DATE.sub("", text))
    tails: dict[str, None] = {}
    for end in (bare, text):
        parts = _TAIL_PARTS.findall(end)[-_TAIL_PARTS_MAX:]
        if not parts or not end.rstrip().endswith(parts[-1]):
            continue
        tails[parts[-1]] = None
        for count in range(2, len(parts) + 1):
            if all(len(part) <= 2 or any(letter.isdigit() for letter in part) for part in parts[-count:]):
                tails["".join(parts[-count:])] = None
    heads = without_date(lot_text)[:2]
    ways = [head + tail for head in heads for tail in tails]
    return list(dict.fromkeys(ways + [tail + head for head in heads[:1] for tail in list(tails)[:1]]))


def _ways_to_end(parts: list[str]) -> list[str]:
    """A code in a sentence may hold spaces: "G 010766 next to": read on while the parts look like code."""
    ways: list[str] = []
    code = ""
    for place, part in enumerate(parts):
        trimmed = part.rstrip(".:/+#_*-")
        if place and not (any(letter.isdigit() for letter in part) or len(trimmed) <= 2):
            break
        code = f"{code} {trimmed}".strip()
        if any(letter.isdigit() for letter in code) and len(fold_lot(code)) >= 2:
            ways.append(code)
        if trimmed != part and part[-1] in ".:":
            break
    ways.reverse()
    dated = [cut for way in ways for cut in without_date(way)]
    return list(dict.fromkeys(dated))


def _without_other_numbers(text: str) -> str:
    bare = _capitals(text)
    for pattern in _NOT_A_LOT:
        bare = pattern.sub(" ; ", bare)
    return bare


def _capitals(text: str) -> str:
    return unicodedata.normalize("NFKC", plain(text[:TEXT_LENGTH_MAX]).upper())


def _reading(code: str, source: Source) -> Reading:
    written = "".join(letter for letter in strip_label(code) if letter.isalnum())
    return Reading(written=written, folded=fold_lot(code), source=source)
