"""What the pages say, in both languages: the catalogue `words.json`, and dates, numbers and money as people write them.

Values put into a sentence are escaped; sentences of the catalogue may carry <b>. Times are Beijing time.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Final, Literal

from markupsafe import Markup

from reports.facts import Currency, Language
from reports.fonts import han_characters

NAME_EM_MAX: Final = 60
BEIJING: Final = timezone(timedelta(hours=8))
CATALOGUE: Final[Mapping[str, Mapping[str, str | Mapping[str, str]]]] = json.loads(
    Path(__file__).with_name("words.json").read_text(encoding="utf-8")
)

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_SPELLED_EN: Final = (
    "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
).split()
_SPELLED_ZH: Final = tuple("零一两三四五六七八九十")
_INSIDE_MAX: Final = 10
_UNSEEN: Final = frozenset("\u200b\u2060\ufeff\u200e\u200f\u061c")
_BIDI: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MARKS: Final = ("Mn", "Me", "Cf")
_NARROW: Final = frozenset(" .,:;·|!'()[]fijlrtI-")
_BROAD: Final = frozenset("mwMW@%—…&")
_BASIC_PLANE_LAST: Final = "\uffff"
_SQUARE: Final = "\u25a1"
_SQUARES: Final = re.compile("\u25a1[\u200d\u25a1]*")
_MARKS_MAX: Final = 4  # a real syllable has few; a tower of them would cover the lines above

Spelling = Literal["digits", "start", "inside"]


def clean(text: str) -> str:
    """Return text that can be printed: no controls, overrides of direction, private or unassigned characters.

    Line breaks become spaces, and more than four combining marks on one letter are dropped. Emoji and other rare signs
    beyond the basic plane that the Chinese font lacks become one white square: PDF/A allows no missing glyph.
    """
    out: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in _MARKS else 0
        if char in "\n\r\t\v\f\x85\u2028\u2029":
            out.append(" ")
        elif char > _BASIC_PLANE_LAST and category != "Mn" and ord(char) not in han_characters():
            out.append(_SQUARE)
        elif char in _UNSEEN or _is_variant(char) or char in _BIDI or category == "Cc" or marks > _MARKS_MAX:
            continue
        else:
            out.append(_SQUARE if category in ("Cs", "Co", "Cn") else char)
    return _SQUARES.sub(_SQUARE, "".join(out)).strip()


def _is_variant(char: str) -> bool:
    """Tell whether a character only chooses another drawing of the one before it."""
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0000" <= char <= "\U000e0fff"


def width_em(text: str) -> float:
    """Estimate how wide a text runs in a bold sans, in em; a little too wide rather than too narrow."""
    return sum(_char_em(char) for char in text)


def _char_em(char: str) -> float:
    if char in _NARROW:
        return 0.37
    if char in _BROAD or unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if unicodedata.category(char) in _MARKS:
        return 0.0
    return 0.7 if char.isupper() else 0.58


def fit(text: str, em_max: float) -> str:
    """Clean a text and cut it to a width, with an ellipsis if something was cut."""
    text = clean(text)
    if width_em(text) <= em_max:
        return text
    kept = 0
    room = em_max - 1
    for char in text:
        room -= _char_em(char)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def short_hash(value: str, first: int = 4) -> str:
    """Return the first and the last four characters of a hash."""
    return f"{value[:first]}…{value[-4:]}"


@dataclass(frozen=True, slots=True)
class Speech:
    """One language's way to say things."""

    language: Language

    def say(self, key: str, **values: object) -> Markup:
        """Return one sentence of the catalogue; raises `KeyError` for a word that it does not have."""
        text = CATALOGUE[key][self.language]
        if not isinstance(text, str):
            raise KeyError(f"{key} needs a number")
        return Markup(text).format(**values)  # noqa: S704 - the catalogue is ours; format() escapes the values

    def count(self, key: str, n: int, spelling: Spelling = "digits", **values: object) -> Markup:
        """Return a phrase that depends on a number, in the form that the number asks for."""
        forms = CATALOGUE[key][self.language]
        text = forms if isinstance(forms, str) else forms["one" if n == 1 else "other"]
        return Markup(text).format(n=self.spelled(n, spelling), **values)  # noqa: S704 - as above

    def joined(self, sentences: Iterable[Markup]) -> Markup:
        """Put sentences one after another: English has a space between them, Chinese has none."""
        return Markup("" if self.language == "zh" else " ").join(sentences)  # noqa: S704 - a space

    def spelled(self, n: int, spelling: Spelling) -> str:
        """Spell a small number as prose does: at a sentence's start (English only), or inside it up to ten."""
        if self.language == "en" and spelling == "start" and n < len(_SPELLED_EN):
            return _SPELLED_EN[n].capitalize()
        if spelling == "inside" and n <= _INSIDE_MAX:
            return _SPELLED_EN[n] if self.language == "en" else _SPELLED_ZH[n]
        return f" {n:,} " if self.language == "zh" and spelling == "inside" else f"{n:,}"

    def number(self, n: int) -> str:
        """Write a whole number with thousands marked."""
        return f"{n:,}"

    def rate(self, value: float) -> str:
        """Write a rate with one decimal, or two significant figures below 0.1."""
        return f"{value:,.1f}" if value == 0 or value >= 0.1 else f"{value:.2g}"

    def bare_amount(self, amount_minor: int, currency: Currency) -> str:
        """Write an amount without its currency, with all decimals."""
        sign, rest = ("-", -amount_minor) if amount_minor < 0 else ("", amount_minor)
        whole, part = divmod(rest, 10**currency.decimals)
        return f"{sign}{whole:,}.{part:0{currency.decimals}d}" if currency.decimals else f"{sign}{whole:,}"

    def figure(self, amount_minor: int, currency: Currency) -> str:
        """Write an amount for a headline: decimals only where they are not zero."""
        text = self.bare_amount(amount_minor, currency)
        return text.partition(".")[0] if amount_minor % 10**currency.decimals == 0 else text

    def plain_money(self, amount_minor: int, currency: Currency) -> str:
        """Write money as text: `CNY 480.00` in English, `¥480.00` in Chinese (only the yuan has the sign)."""
        amount = self.bare_amount(amount_minor, currency)
        if self.language == "zh" and currency.code == "CNY":
            return f"¥{amount}"
        return f"{currency.code}\N{NO-BREAK SPACE}{amount}"

    def money(self, amount_minor: int, currency: Currency) -> Markup:
        """Write money as an unbreakable piece of a page."""
        return Markup('<span class="amount">{}</span>').format(self.plain_money(amount_minor, currency))

    def unit(self, currency: Currency) -> str:
        """Name the currency in a column's heading."""
        return "元" if self.language == "zh" and currency.code == "CNY" else currency.code

    def full_date(self, value: date) -> str:
        """Write a day in full: `26 November 2026`, `2026年11月26日`."""
        if self.language == "zh":
            return f"{value.year}年{value.month}月{value.day}日"
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"

    def day(self, value: date) -> str:
        """Write a day within a sentence, without its year: `24 November`, `11 月 24 日`."""
        if self.language == "zh":
            return f"{value.month} 月 {value.day} 日"
        return f"{value.day} {_MONTHS[value.month - 1]}"

    def tick(self, value: date, *, with_year: bool = False) -> str:
        """Write a day for an axis or a table: `17 Nov`, `11/17`."""
        if self.language == "zh":
            return f"{value.year}/{value.month}/{value.day}" if with_year else f"{value.month}/{value.day}"
        return f"{value.day} {_MONTHS[value.month - 1][:3]}" + (f" {value.year}" if with_year else "")

    def plain_moment(self, value: datetime) -> str:
        """Write an instant as text, in Beijing time."""
        local = value.astimezone(BEIJING)
        return str(self.say("beijing_time", date=self.full_date(local.date()), clock=f"{local:%H:%M}"))

    def short_moment(self, value: datetime) -> Markup:
        """Write an instant for a table's narrow column, in Beijing time: `2026-11-26 12:00`."""
        local = value.astimezone(BEIJING)
        stamp = local.isoformat(timespec="seconds")
        return Markup('<time datetime="{}">{}</time>').format(stamp, f"{local:%Y-%m-%d %H:%M}")

    def moment(self, value: datetime) -> Markup:
        """Write an instant as a page's time element."""
        local = value.astimezone(BEIJING).isoformat(timespec="seconds")
        return Markup('<time datetime="{}">{}</time>').format(local, self.plain_moment(value))
