"""A phrase: a code and its facts. View models carry phrases; only the phrase book turns them into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Union

from service.core.money import Money


class Lot(str):
    """A lot code, barcode or hash: written in mono, never wrapped."""

    __slots__ = ()


class Reference(str):
    """A reference such as FH-7K3M-9QXT: written in mono, never wrapped."""

    __slots__ = ()


Fact = Union[str, int, Money, datetime, date, "Phrase"]
"""What stands in a sentence's places. A number is written with thousands parted; a phrase is said in turn."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Something to say, by its code in the phrase book (`service.web.words`)."""

    code: str
    facts: Mapping[str, Fact] = field(default_factory=dict)


def say(code: str, /, **facts: Fact) -> Phrase:
    """Return the phrase `code` with its facts."""
    return Phrase(code, facts)
