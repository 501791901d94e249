"""How amounts, times and numbers are written in each language. Pure: text out, no HTML.

English: `CNY 480.00` (no-break space), `3 December 2026, 18:00 Beijing time`. Chinese: `¥480.00`,
`2026年12月3日 18:00（北京时间）`, a space between Han and figures but none in dates or beside punctuation.
"""

from datetime import date, datetime, timedelta, timezone

from babel.numbers import format_currency, format_decimal

from service.core.money import Money, decimals
from service.web.language import Language

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")  # China has had one zone without summer time since 1991
NO_BREAK = "\u00a0"
_MONTHS = ("January February March April May June July August September October November December").split()
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_DAYS_ONLY_FROM = 3 * _DAY
_KILOBYTE = 1_000


def money(amount: Money, language: Language) -> str:
    """Return an amount with its currency, all its decimals and thousands parted."""
    if language == "zh":
        return str(format_currency(amount.major, amount.currency, locale="zh_Hans_CN"))
    return f"{amount.currency}{NO_BREAK}{amount.major:,.{decimals(amount.currency)}f}"


def day(when: date | datetime, language: Language) -> str:
    """Return a calendar day; a moment is first turned into Beijing time."""
    if isinstance(when, datetime):
        when = when.astimezone(BEIJING)
    if language == "zh":
        return f"{when.year}年{when.month}月{when.day}日"
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def short_day(when: date | datetime, language: Language) -> str:
    """Return day and month for a chart's axis: `22 Nov`, `11/22`."""
    if isinstance(when, datetime):
        when = when.astimezone(BEIJING)
    return f"{when.month}/{when.day}" if language == "zh" else f"{when.day} {_MONTHS[when.month - 1][:3]}"


def moment(when: datetime, language: Language) -> str:
    """Return a day and time of day with its zone."""
    local = when.astimezone(BEIJING)
    if language == "zh":
        return f"{day(local, language)} {local:%H:%M}（北京时间）"
    return f"{day(local, language)}, {local:%H:%M} Beijing time"


def machine(when: date | datetime) -> str:
    """Return the value of a `datetime` attribute."""
    if isinstance(when, datetime):
        return when.astimezone(BEIJING).isoformat(timespec="minutes")
    return when.isoformat()


def duration(seconds: int, language: Language) -> str:
    """Return a length of time in its two largest units; whole days only from three days on; always rounded down."""
    units = _split(abs(seconds))
    if language == "zh":
        names = {"day": "天", "hour": "小时", "minute": "分钟"}
        return " ".join(f"{count} {names[unit]}" for count, unit in units) or "不到 1 分钟"
    words = {"hour": "h", "minute": "min"}
    parts = [f"{n} {words.get(unit) or ('day' if n == 1 else 'days')}" for n, unit in units]
    return " ".join(parts).replace(" ", NO_BREAK) or "less than a minute"


def _split(seconds: int) -> list[tuple[int, str]]:
    if seconds >= _DAYS_ONLY_FROM:
        return [(seconds // _DAY, "day")]
    if seconds >= _DAY:
        pairs = [(seconds // _DAY, "day"), (seconds % _DAY // _HOUR, "hour")]
    else:
        pairs = [(seconds // _HOUR, "hour"), (seconds % _HOUR // _MINUTE, "minute")]
    return [pair for pair in pairs if pair[0]]


def number(value: float, places: int = 0) -> str:
    """Return a number with thousands parted and exactly `places` decimals; both languages write it alike."""
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return str(format_decimal(value, format=pattern, locale="en"))


def size(count_bytes: int) -> str:
    """Return a file size in kB or MB (powers of ten), as phones show it."""
    if count_bytes < _KILOBYTE * _KILOBYTE:
        return f"{max(1, round(count_bytes / _KILOBYTE))}{NO_BREAK}kB"
    megabytes = f"{count_bytes / _KILOBYTE / _KILOBYTE:.1f}".removesuffix(".0")
    return f"{megabytes}{NO_BREAK}MB"
