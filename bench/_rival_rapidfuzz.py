"""RapidFuzz over every batch: `token_set_ratio` of names and of sellers, `ratio` of folded lots, and their mean.

A field that was not told counts as nothing alike, so that a score says how much was told as well. Distinct names,
sellers and lots are compared once each, which is all that a careful user can save.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from _accuracy import FIRST
from _registry import Batch
from _rivals import lot_of
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from service.core.lots import fold_lot
from service.core.names import name_key

Scorer = Callable[..., float]


class RapidFuzz:
    """The distinct texts of each field, and which of them each batch has."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._fields = (
            _Field([name_key(batch.product_name) for batch in batches], fuzz.token_set_ratio),
            _Field([name_key(batch.seller) for batch in batches], fuzz.token_set_ratio),
            _Field([fold_lot(batch.lot_code) for batch in batches], fuzz.ratio),
        )

    def ask(self, told: Mapping[str, str]) -> list[tuple[int, float]]:
        """Return the batches whose told fields are the most alike; equal ones as they are registered."""
        texts = (name_key(told["product_text"]), name_key(told["brand_text"]), lot_of(told))
        alike = [field.alike(text) for field, text in zip(self._fields, texts, strict=True) if text]
        if not alike:
            return []
        mean = np.sum(alike, axis=0) / len(self._fields)
        least = np.partition(mean, -FIRST)[-FIRST]
        places = np.flatnonzero(mean >= least)
        best = places[np.argsort(-mean[places], kind="stable")][:FIRST]
        return [(int(place), float(mean[place])) for place in best]

    def close(self) -> None:
        """Nothing was started."""


class _Field:
    def __init__(self, texts: Sequence[str], scorer: Scorer) -> None:
        self._distinct = list(dict.fromkeys(texts))
        place = {text: at for at, text in enumerate(self._distinct)}
        self._places = np.array([place[text] for text in texts])
        self._scorer = scorer

    def alike(self, told: str) -> NDArray[np.float32]:
        """Return how alike each batch's text is, 0 to 100."""
        scores = process.cdist([told], self._distinct, scorer=self._scorer, dtype=np.float32, workers=1)[0]
        found: NDArray[np.float32] = scores[self._places]
        return found
