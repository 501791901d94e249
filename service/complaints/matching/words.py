"""How many of one side's words the other side has, each word weighing by how few candidates share it.

A word fits another if they are equal, alike but for a typo, or if one begins the other ("tabs", "tablets"). Only pairs
that fit are looked at, so the time grows with what candidates share with the query and not with their number.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from math import log

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

_ALIKE_MIN = 78  # RapidFuzz ratio (0 to 100) from which two words may be the same with a typo
_TYPO_LENGTH_MIN = 4  # shorter words and numbers must be equal
_BEGINNING_LENGTH_MIN = 3
_BEGINNING = 0.8  # what a word that begins another counts of it

Shares = NDArray[np.float64]
_Holders = dict[str, list[int]]


class Vocabulary:
    """The words of a query and of its candidates' names and sellers, and which of them fit."""

    def __init__(
        self,
        *,
        told: AbstractSet[str],
        names: Sequence[Sequence[str]],
        sellers: Sequence[Sequence[str]],
        rarity: Callable[[str], float],
    ) -> None:
        """Names and sellers have each word once, in ascending order; `rarity` is that of a word among all products."""
        self._size = len(names)
        self._rarity = rarity
        self._rarities: dict[str, float] = {}
        self._names, self._sellers = _holders(names), _holders(sellers)
        counts = {word: len(places) for word, places in self._names.items()}
        for word, places in self._sellers.items():
            counts[word] = len({*places, *self._names[word]} if word in counts else places)
        self._weights = _weights(counts, self._size)
        self._fits = _fits(told, counts)
        self._name_words = _Words(self._names, self._size, self._weight)
        self._seller_words = _Words(self._sellers, self._size, self._weight)

    def told_found(
        self, told: AbstractSet[str], *, in_names_alone: bool = False, among_all: bool = False
    ) -> tuple[Shares, float]:
        """Return the weighted share (0 to 1) of the told words that each candidate has, and the words' whole weight.

        `among_all` weighs words by how rare they are among all products, not among the candidates.
        """
        holders = (self._names,) if in_names_alone else (self._names, self._sellers)
        found, whole = np.zeros(self._size), 0.0
        for word in sorted(told):
            fits = self._fits[word]
            # A misspelt word weighs as the commonest word that it may stand for, or as unknown if it resembles none.
            weigh = self._weight_among_all if among_all else self._weight
            own = min(map(weigh, fits), default=weigh(word))
            whole += own
            best: dict[int, float] = {}
            for other, ratio in fits.items():
                for each in holders:
                    for place in each.get(other, ()):
                        if ratio > best.get(place, 0.0):
                            best[place] = ratio
            for place, ratio in best.items():
                found[place] += own * ratio
        return (found / whole if whole else found), whole

    def names_told(self, told: AbstractSet[str]) -> Shares:
        """Return the weighted share (0 to 1) of each candidate's name that was told."""
        return self._name_words.share(self._ratios(told))

    def sellers_told(self, told: AbstractSet[str]) -> Shares:
        """Return the weighted share (0 to 1) of each candidate's seller that was told."""
        return self._seller_words.share(self._ratios(told))

    def _ratios(self, told: AbstractSet[str]) -> dict[str, float]:
        """Return how well each known word was told; those that were not are left out."""
        ratios: dict[str, float] = {}
        for word in told:
            for other, ratio in self._fits[word].items():
                if ratio > ratios.get(other, 0.0):
                    ratios[other] = ratio
        return ratios

    def _weight(self, word: str) -> float:
        known = self._weights.get(word)
        if known is None:
            known = self._weights[word] = log(1 + self._size / 0.5) * _length(word)  # no candidate has it
        return known

    def _weight_among_all(self, word: str) -> float:
        known = self._rarities.get(word)
        if known is None:
            known = self._rarities[word] = self._rarity(word) * _length(word)
        return known


class _Words:
    """The words of all candidates' names, or sellers, in one list, with their weights."""

    def __init__(self, holders: _Holders, size: int, weight: Callable[[str], float]) -> None:
        self._size = size
        self._numbers = {word: number for number, word in enumerate(holders)}
        self._weights = np.array([weight(word) for word in holders])
        counts = [len(places) for places in holders.values()]
        self._places = np.fromiter(chain.from_iterable(holders.values()), np.intp, sum(counts))
        self._words = np.repeat(np.arange(len(counts)), counts)
        self._whole = np.bincount(self._places, self._weights[self._words], minlength=size)

    def share(self, ratios: Mapping[str, float]) -> Shares:
        """Return, for each candidate, the weighted share (0 to 1) of its words that these are."""
        told = np.zeros(len(self._weights))
        for word, ratio in ratios.items():
            number = self._numbers.get(word)
            if number is not None:
                told[number] = ratio
        found = np.bincount(self._places, (self._weights * told)[self._words], minlength=self._size)
        return np.divide(found, self._whole, out=np.zeros(self._size), where=self._whole > 0)


def _weights(counts: Mapping[str, int], size: int) -> dict[str, float]:
    """Return what each word weighs that so many of the candidates have."""
    shares = size / (0.5 + np.fromiter(counts.values(), float, len(counts)))
    weights = np.log1p(shares) * np.fromiter(map(_length, counts), float, len(counts))
    return dict(zip(counts, weights.tolist(), strict=True))


def _length(word: str) -> float:
    """A single letter or digit counts less."""
    letters = len(word)
    return 1.0 if letters >= 3 else 0.4 + 0.2 * letters


def _holders(texts: Sequence[Sequence[str]]) -> _Holders:
    holders: _Holders = {}
    for place, words in enumerate(texts):
        for word in words:
            if word in holders:
                holders[word].append(place)
            else:
                holders[word] = [place]
    return holders


def _fits(told: AbstractSet[str], known: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Return which known words each told word may stand for, and how well (0 to 1)."""
    fits = {word: {word: 1.0} if word in known else {} for word in told}
    asked, vocabulary = sorted(filter(_may_have_typo, told)), sorted(filter(_may_have_typo, known))
    if asked and vocabulary:
        table = process.cdist(asked, vocabulary, scorer=fuzz.ratio, score_cutoff=_ALIKE_MIN, dtype=np.float32)
        for row, column in zip(*(places.tolist() for places in table.nonzero()), strict=True):
            if asked[row] != vocabulary[column]:
                fits[asked[row]][vocabulary[column]] = (float(table[row, column]) / 100) ** 2
    beginnings = sorted(word for word in known if _may_be_cut(word))
    for word in filter(_may_be_cut, told):
        for at in range(bisect_left(beginnings, word), len(beginnings)):
            if not beginnings[at].startswith(word):
                break
            fits[word].setdefault(beginnings[at], _BEGINNING)
        for length in range(_BEGINNING_LENGTH_MIN, len(word)):
            if word[:length] in known:
                fits[word].setdefault(word[:length], _BEGINNING)
    return fits


def _may_be_cut(word: str) -> bool:
    return len(word) >= _BEGINNING_LENGTH_MIN and word.isascii() and word.isalpha()


def _may_have_typo(word: str) -> bool:
    return len(word) >= _TYPO_LENGTH_MIN and word.isalpha()
