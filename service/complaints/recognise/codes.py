"""What a barcode means to us: GTIN, lot, dates, serial, Digital Link. The rest is noted by its kind alone. Pure."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from service.complaints.matching.normalise import gtin14
from service.complaints.recognise.dates import gs1_day
from service.complaints.recognise.findings import TEXT_MAX, Finding, Other
from service.complaints.recognise.labels import findings_of_line
from service.complaints.recognise.reader import Code, Line
from service.complaints.rules import ReadingKind

_GTIN_SYMBOLOGIES: Final = ("ean_13", "ean_8", "upc_a", "upc_e", "itf", "databar", "databar_limited")
_DATED: Final[dict[str, ReadingKind]] = {"11": "made_on", "15": "expiry", "16": "expiry", "17": "expiry"}
"""GS1 application identifiers of days: production; best before, sell by, expiry."""
_PLAIN: Final[dict[str, ReadingKind]] = {"10": "lot", "21": "serial"}


def _begins(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:{pattern})", re.IGNORECASE)


_OTHERS: Final = (
    ("payment", _begins(r"(?:wxp|weixin|alipays?|bitcoin|upi):|https?://(?:qr\.alipay|wxpay|payapp\.weixin)\.|000201")),
    ("contact", _begins(r"(?:mailto|tel|sms|smsto|mecard):|begin:vcard|https?://(?:u\.wechat\.com|weixin\.qq\.com/r/)")),
    ("network", _begins("wifi:")),
    ("web_address", _begins("https?://")),
    ("number", _begins(r"[\d\s-]+$")),
)  # fmt: skip


def read_codes(codes: Sequence[Code], *, today: date) -> tuple[list[Finding], list[Other]]:
    """Return what the barcodes of a photo say, and a note of those that are none of our kinds."""
    findings: list[Finding] = []
    others: list[Other] = []
    for code in codes:
        found, wrong = _structured(code, today) if code.elements else _plain(code, today)
        findings += found
        if wrong or not found:
            others.append(Other(code.symbology, wrong or _what(code.text)))
    return findings, others


def _structured(code: Code, today: date) -> tuple[list[Finding], str | None]:
    """Return what GS1 application identifiers say; a GTIN whose check digit is wrong is told, and not taken."""
    is_link = code.text.lower().startswith(("http://", "https://"))
    found: list[Finding] = []
    wrong = None
    for identifier, value in code.elements:
        text = f"({identifier}){value}"
        if identifier in {"01", "02"}:
            gtin = gtin14(value)
            wrong = wrong if gtin else "check_digit_wrong"
            found += [_finding(code, "gtin", gtin, text)] if gtin else []
        elif identifier in _DATED:
            day = gs1_day(value, today=today)
            found += [_finding(code, _DATED[identifier], day, text)] if day else []
        elif identifier in _PLAIN:
            found.append(_finding(code, _PLAIN[identifier], value, text))
    if is_link and any(each.kind == "gtin" for each in found):
        link = _link(code.text)
        found.append(_finding(code, "url", link, link))
    return found, wrong


def _plain(code: Code, today: date) -> tuple[list[Finding], str | None]:
    """Return what a code without GS1 structure says: a trade number, or words as a label prints them."""
    digits = code.text.strip()
    if code.symbology in _GTIN_SYMBOLOGIES and digits.isdecimal():
        if code.symbology == "itf" and len(digits) != 14:
            return [], "number"
        gtin = gtin14(digits)
        return ([_finding(code, "gtin", gtin, digits)], None) if gtin else ([], "check_digit_wrong")
    found = findings_of_line(Line(code.text, code.sure, code.region), today=today, source=code.symbology)
    return [each for each in found if each.sure >= code.sure], None


def _finding(code: Code, kind: ReadingKind, value: str, text: str) -> Finding:
    return Finding(kind, value, text[:TEXT_MAX], code.symbology, code.sure, code.region)


def _link(text: str) -> str:
    """Return a Digital Link without what is not GS1's: name and password, query, fragment."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    return urlunsplit((parts.scheme.lower(), host, parts.path, "", ""))


def _what(text: str) -> str:
    return next((what for what, pattern in _OTHERS if pattern.search(text.strip())), "text")
