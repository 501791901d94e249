"""Receipts of anonymous reports: 16 figures, of which six find and ten open. Pure; ranks as `rules`."""

import unicodedata
from dataclasses import dataclass
from typing import Final

from service.core.errors import Invalid

PREFIX_FIGURES: Final = 6
SECRET_FIGURES: Final = 10
CANDIDATES_MAX: Final = 3
"""How many reports may share a prefix. Every opening does the work of so many, whatever it finds."""
_GROUP: Final = 4
_BETWEEN: Final = dict.fromkeys(map(ord, " \t\r\n-‐‑–—"))


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt. Only its prefix is ever stored as it is."""

    prefix: str
    secret: str

    def __repr__(self) -> str:
        """Leave the figures out of logs."""
        return "Receipt()"

    @property
    def written(self) -> str:
        """The figures as people read and type them: four groups of four."""
        figures = self.prefix + self.secret
        return " ".join(figures[start : start + _GROUP] for start in range(0, len(figures), _GROUP))


def from_numbers(prefix: int, secret: int) -> Receipt:
    """Return the receipt of two numbers drawn at random, each below ten to the power of its figures."""
    return Receipt(f"{prefix:0{PREFIX_FIGURES}}", f"{secret:0{SECRET_FIGURES}}")


def parse(typed: str) -> Receipt:
    """Return a receipt as it was typed, in groups or not, on any keyboard; raises `Invalid` ("receipt_malformed")."""
    figures = unicodedata.normalize("NFKC", typed).translate(_BETWEEN)
    if len(figures) != PREFIX_FIGURES + SECRET_FIGURES or not (figures.isascii() and figures.isdigit()):
        raise Invalid("receipt_malformed", "a receipt has 16 figures", field="receipt")
    return Receipt(figures[:PREFIX_FIGURES], figures[PREFIX_FIGURES:])
