"""How many of one side's words the other side has, each word weighing by how few candidates share it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from math import log

from rapidfuzz import fuzz, process

_ALIKE_MIN = 78  # RapidFuzz ratio (0 to 100) from which two words may be the same with a typo
_TYPO_LENGTH_MIN = 4  # shorter words and numbers must be equal


class Vocabulary:
    """The words of a query and of its candidates' names, which of them are alike, and what each weighs."""

    def __init__(self, *, told: AbstractSet[str], documents: Mapping[str, AbstractSet[str]]) -> None:
        self._counts: Counter[str] = Counter()
        for words in documents.values():
            self._counts.update(words)
        self._documents = max(len(documents), 1)
        self._weights: dict[str, float] = {}
        self._told_weights: dict[str, float] = {}
        self._alike: dict[str, dict[str, float]] = {}
        self._alike_back: dict[str, dict[str, float]] = {}
        vocabulary = sorted(word for word in self._counts if _may_have_typo(word))
        for word in sorted(told):
            self._link(word, vocabulary)

    def _link(self, word: str, vocabulary: list[str]) -> None:
        alike = {word: 1.0} if word in self._counts else {}
        if _may_have_typo(word):
            for other, ratio, _ in process.extract(
                word, vocabulary, scorer=fuzz.ratio, score_cutoff=_ALIKE_MIN, limit=None
            ):
                if other != word:
                    alike[other] = (ratio / 100) ** 2
        self._alike[word] = alike
        for other, ratio in alike.items():
            self._alike_back.setdefault(other, {})[word] = ratio

    def weight(self, word: str) -> float:
        """Return the weight of a word: larger the fewer candidates have it; a single letter or digit counts less."""
        known = self._weights.get(word)
        if known is None:
            known = self._weights[word] = self._weigh(word)
        return known

    def _weigh(self, word: str) -> float:
        return log(1 + self._documents / (0.5 + self._counts[word])) * min(1.0, 0.4 + 0.2 * len(word))

    def told_found(self, told: Iterable[str], known: AbstractSet[str]) -> float:
        """Return the weighted share, 0 to 1, of the told words that the known words hold, typos allowed."""
        return self._share(told, known, self._alike, self._told_weight)

    def name_found(self, registered: Iterable[str], told: AbstractSet[str]) -> float:
        """Return the weighted share, 0 to 1, of a registered name's words that were told, typos allowed."""
        return self._share(registered, told, self._alike_back, self.weight)

    def _told_weight(self, word: str) -> float:
        # A misspelt word weighs as the commonest word it may stand for, or as unknown if it resembles none.
        known = self._told_weights.get(word)
        if known is None:
            known = min((self.weight(other) for other in self._alike.get(word, ())), default=self.weight(word))
            self._told_weights[word] = known
        return known

    @staticmethod
    def _share(
        words: Iterable[str],
        others: AbstractSet[str],
        alike: Mapping[str, Mapping[str, float]],
        weight: Callable[[str], float],
    ) -> float:
        total = found = 0.0
        for word in words:
            own = weight(word)
            total += own
            ways = alike.get(word)
            if ways:
                found += own * max((ratio for other, ratio in ways.items() if other in others), default=0.0)
        return found / total if total else 0.0


def _may_have_typo(word: str) -> bool:
    return len(word) >= _TYPO_LENGTH_MIN and word.isalpha()
