"""Lot codes as makers print them. Neighbours of one line differ in a single character, as real ones do."""

import random
from collections.abc import Callable
from datetime import date

from service.core.lots import fold_lot

_PUNCTUATION = str.maketrans("OILSBZ", "011582", " -/.")
_FOLD_IN_FULL = tuple("LBCN#(NO")
"""Codes that start so may carry a label ("LOT", "B/N", "No."): only `fold_lot` knows."""

Style = Callable[[str, date, int], str]


def _month_letter(maker: str, made: date, line: int) -> str:
    return f"{maker}{made:%y}{'ABCDEFGHJKLM'[made.month - 1]}{made:%d}{line:02}"


def _date_line(_: str, made: date, line: int) -> str:
    return f"{made:%Y%m%d}{'ABCD'[line % 4]}{line // 4 + 1}"


def _dashes(maker: str, made: date, line: int) -> str:
    return f"{maker}-{made:%y%m%d}-{line:02}"


def _day_of_year(maker: str, made: date, line: int) -> str:
    return f"{maker[0]}{made:%y%j}{'KMPTWX'[line % 6]}{line // 6 + 1}"


def _figures(_: str, made: date, line: int) -> str:
    return f"{made:%y%m%d}{line:03}"


def _week(maker: str, made: date, line: int) -> str:
    return f"{made:%y}/{made:%j} {maker}{line:03}"


STYLES: tuple[Style, ...] = (_month_letter, _date_line, _dashes, _day_of_year, _figures, _week)


def style_of(rng: random.Random) -> Style:
    """Return the style that a maker keeps to."""
    return rng.choice(STYLES)


def quick_fold(code: str) -> str:
    """Return `fold_lot(code)` of a code that one of the styles printed, without the work that labels need.

    The codes are plain ASCII capitals, figures, spaces and ``-/.``; a test compares the two on every style.
    """
    if code.startswith(_FOLD_IN_FULL):
        return fold_lot(code)
    return code.translate(_PUNCTUATION)
