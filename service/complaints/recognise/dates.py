"""Dates as packs print them, with every day that a print can honestly mean. Pure: nothing knows today by itself."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

YEARS_BACK, YEARS_AHEAD = 15, 15
"""A day further away than this is no date of goods on sale, but a number that looks like one."""
_MONTHS: Final = {
    name: place
    for place, names in enumerate(
        "JAN JANUARY;FEB FEBRUARY;MAR MARCH;APR APRIL;MAY;JUN JUNE;JUL JULY;AUG AUGUST;SEP SEPT SEPTEMBER;OCT OCTOBER;"
        "NOV NOVEMBER;DEC DECEMBER".split(";"),
        start=1,
    )
    for name in names.split()
}
_NAME = "|".join(sorted(_MONTHS, key=len, reverse=True))
_GAP = r"\s?[-./·\s年月]\s?"
_PRINTED: Final = re.compile(
    r"(?<![\dA-Z])(?:"
    rf"(?P<y1>(?:19|20)\d\d){_GAP}(?P<m1>\d{{1,2}}){_GAP}(?P<d1>\d{{1,2}})日?"
    r"|(?P<y2>(?:19|20)\d\d)(?P<m2>0[1-9]|1[0-2])(?P<d2>0[1-9]|[12]\d|3[01])"
    rf"|(?P<d3>\d{{1,2}})\s?[-./\s]?\s?(?P<n3>{_NAME})\.?,?\s?[-./\s]?\s?(?P<y3>(?:20)?\d\d)"
    rf"|(?P<n4>{_NAME})\.?\s?[-./\s]?\s?(?P<y4>20\d\d)"
    r"|(?P<a5>\d{1,2})\s?[-./]\s?(?P<b5>\d{1,2})\s?[-./]\s?(?P<y5>20\d\d)"
    r"|(?P<a6>\d\d)\s?[-./]\s?(?P<b6>\d\d)\s?[-./]\s?(?P<c6>\d\d)"
    rf"|(?P<y7>20\d\d){_GAP}(?P<m7>1[0-2]|0?[1-9])月?"
    r"|(?P<m8>0?[1-9]|1[0-2])\s?[-./]\s?(?P<y8>20\d\d)"
    r")(?![\dA-Z])"
)
_MONTH_YEAR: Final = re.compile(r"(?<![\dA-Z./-])(0[1-9]|1[0-2])\s?[-./]\s?([2-4]\d)(?![\dA-Z./-])")
_SIX: Final = re.compile(r"(?<![\dA-Z])(\d\d)(\d\d)(\d\d)(?![\dA-Z])")


@dataclass(frozen=True, slots=True)
class Printed:
    """A date as it stands in a text, from `start` to `end`. `days`: all that it can mean, "2029-03-11" or "2029-03"."""

    start: int
    end: int
    text: str
    days: tuple[str, ...]


def printed_dates(text: str, *, today: date, is_labelled: bool = False) -> list[Printed]:
    """Return the dates in a text of capitals, in their order. Where a label says so, 290311 and 03/29 count as well.

    03/04/2029 is two days, 26/03/12 up to three: nobody can know from the print alone.
    """
    found = [_printed(match.start(), match.end(), match[0], _meant(match), today) for match in _PRINTED.finditer(text)]
    if is_labelled:
        for match in (*_SIX.finditer(text), *_MONTH_YEAR.finditer(text)):
            if not any(each.start < match.end() and match.start() < each.end for each in found):
                parts = [int(each) for each in match.groups()]
                days = _of_two_digits(*parts) if len(parts) == 3 else [_month(2000 + parts[1], parts[0])]
                found.append(_printed(match.start(), match.end(), match[0], days, today))
    return sorted((each for each in found if each.days), key=lambda each: each.start)


def gs1_day(value: str, *, today: date) -> str | None:
    """Return the day of a GS1 date YYMMDD as "2029-03-11"; day 00 is the month's last, by rule "2029-03".

    The century is the one that lies nearest, 49 years back to 50 ahead (GS1 General Specifications, 7.12).
    """
    if len(value) < 6 or not value[:6].isdecimal():
        return None
    short, month, day = int(value[:2]), int(value[2:4]), int(value[4:6])
    year = min((century + short for century in (1900, 2000, 2100)), key=lambda each: (abs(each - today.year), -each))
    if not 1 <= month <= 12:
        return None
    return f"{year:04}-{month:02}" if day == 0 else _day(year, month, day)


def last_day(value: str) -> date:
    """Return the last day that "2029-03-11" or "2029-03" names: a month of expiry ends with its last day."""
    parts = [int(each) for each in value.split("-")]
    if len(parts) == 3:
        return date(parts[0], parts[1], parts[2])
    return date(parts[0], parts[1], calendar.monthrange(parts[0], parts[1])[1])


def _printed(start: int, end: int, text: str, days: list[str | None], today: date) -> Printed:
    near = [day for day in days if day is not None and _is_near(day, today)]
    return Printed(start, end, text.strip(), tuple(dict.fromkeys(near)))


def _is_near(day: str, today: date) -> bool:
    span = timedelta(days=366)
    return today - YEARS_BACK * span <= last_day(day) <= today + YEARS_AHEAD * span


def _meant(match: re.Match[str]) -> list[str | None]:
    said = {name: value for name, value in match.groupdict().items() if value is not None}
    which = next(iter(said))[-1]
    number = {name[0]: int(value) for name, value in said.items() if value.isdecimal()}
    if which in "12":
        return [_day(number["y"], number["m"], number["d"])]
    if which in "78":
        return [_month(number["y"], number["m"])]
    if which == "3":
        year = number["y"] if number["y"] > 99 else 2000 + number["y"]
        return [_day(year, _MONTHS[said["n3"]], number["d"])]
    if which == "4":
        return [_month(number["y"], _MONTHS[said["n4"]])]
    if which == "5":
        a, b, year = number["a"], number["b"], number["y"]
        return [_day(year, b, a), _day(year, a, b)]
    return _of_two_digits(number["a"], number["b"], number["c"])


def _of_two_digits(a: int, b: int, c: int) -> list[str | None]:
    """Return what 26/03/12 can mean: year first (as in China), day first, month first."""
    return [_day(2000 + a, b, c), _day(2000 + c, b, a), _day(2000 + c, a, b)]


def _month(year: int, month: int) -> str | None:
    return f"{year:04}-{month:02}" if 1 <= month <= 12 else None


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
