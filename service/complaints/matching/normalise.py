"""Names, strengths, trade numbers and dates in comparable form. Lots are in `lot_readings`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from sys import intern

from service.core.names import is_han, plain, words

PINYIN_LENGTH_MAX = 6  # letters of the longest syllable ("zhuang")
_UNITS = {
    "mg": ("mg", 1.0), "毫克": ("mg", 1.0), "公丝": ("mg", 1.0), "milligram": ("mg", 1.0),
    "g": ("mg", 1000.0), "gm": ("mg", 1000.0), "gram": ("mg", 1000.0), "克": ("mg", 1000.0), "公克": ("mg", 1000.0),
    "mcg": ("mg", 0.001), "ug": ("mg", 0.001), "µg": ("mg", 0.001), "μg": ("mg", 0.001), "微克": ("mg", 0.001),
    "kg": ("mg", 1e6), "公斤": ("mg", 1e6), "千克": ("mg", 1e6),
    "ml": ("ml", 1.0), "毫升": ("ml", 1.0), "公撮": ("ml", 1.0), "cc": ("ml", 1.0),
    "l": ("ml", 1000.0), "升": ("ml", 1000.0), "公升": ("ml", 1000.0), "oz": ("oz", 1.0), "盎司": ("oz", 1.0),
    "%": ("%", 1.0), "iu": ("iu", 1.0), "单位": ("iu", 1.0), "units": ("iu", 1.0), "unit": ("iu", 1.0),
}  # fmt: skip
_STRENGTH = re.compile(
    r"(\d+(?:,\d{3})*(?:\.\d+)?)\s*(" + "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True)) + r")(?![a-z])"
)
_DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?!\d)")


@dataclass(frozen=True, slots=True)
class Name:
    """A text as it is compared.

    Its spaced key, its terms (Latin words, numbers, pairs of Han; each once, in ascending order), the numbers among
    them, its strengths, and how it sounds, if it has Chinese.
    """

    key: str
    terms: tuple[str, ...]
    numbers: frozenset[str]
    strengths: frozenset[str]
    sound: str


def name(text: str) -> Name:
    """Return the comparable form of a name; the same for full or half width, either script of Chinese, any case."""
    told = words(text)
    found = sorted(set(terms(told)))
    return Name(
        key=" ".join(told),
        terms=tuple(map(intern, found)),  # names share their words
        numbers=frozenset(intern(term) for term in found if term[0].isdigit()),
        strengths=strengths(text),
        sound=" ".join(sounds(told)) if any(is_han(word) for word in told) else "",
    )


def terms(told: Iterable[str]) -> list[str]:
    """Return the Latin words and numbers of words, and pairs of neighbouring Chinese characters.

    A lone character stands for itself.
    """
    found: list[str] = []
    run: list[str] = []
    for word in [*told, ""]:
        if word and is_han(word):
            run.append(word)
            continue
        found.extend(a + b for a, b in pairwise(run))
        if len(run) == 1:
            found.append(run[0])
        run = []
        if word:
            found.append(word)
    return found


@lru_cache(maxsize=30_000)
def _sound(letter: str) -> str:
    # Its tables take 0.4 s to load: no process pays for that before somebody writes Chinese.
    from pypinyin import lazy_pinyin  # noqa: PLC0415

    return str(lazy_pinyin(letter)[0])


def sounds(told: Sequence[str]) -> tuple[str, ...]:
    """Return the syllables of words among which Chinese is, without tones, the Latin ones among them in their places.

    Buyers write a name as it sounds, in other characters or in pinyin. Words without Chinese have no sounds of their
    own, unless they are all short, which may be pinyin.
    """
    if any(is_han(word) for word in told):
        return tuple(_sound(word) if is_han(word) else word for word in told)
    return tuple(told) if told and all(len(word) <= PINYIN_LENGTH_MAX and word.isalpha() for word in told) else ()


def strengths(text: str) -> frozenset[str]:
    """Return strengths and sizes in base units, for example {"mg 500", "ml 5", "% 0.9"}."""
    found = set()
    for number, unit in _STRENGTH.findall(plain(text)):
        base, factor = _UNITS[unit]
        found.add(f"{base} {float(number.replace(',', '')) * factor:.6g}")
    return frozenset(found)


def gtin14(text: str) -> str:
    """Return a GTIN of 8, 12, 13 or 14 digits as 14 digits, or "" if its length or check digit is wrong."""
    digits = "".join(letter for letter in plain(text[:40]) if letter.isdigit())
    if len(digits) not in (8, 12, 13, 14):
        return ""
    whole = digits.zfill(14)
    # GS1 General Specifications 7.9: weights 3 and 1 from the left of 14 digits, the sum a multiple of ten.
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(whole))
    return whole if total % 10 == 0 and int(whole) > 0 else ""


def day(text: str) -> date | None:
    """Return the first full date (2026-11-22, 2026/11/22, 2026年11月22日) in the text, or None."""
    for year, month, month_day in _DAY.findall(plain(text[:2_000])):
        try:
            return date(int(year), int(month), int(month_day))
        except ValueError:
            continue
    return None
