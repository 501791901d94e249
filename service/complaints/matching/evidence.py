"""What speaks for each candidate: a table of numbers, a row for each candidate and a column for each feature.

All candidates are compared at once, names once a product. Every feature is 0 or more, and -1 where one side does not
tell. Words weigh by how few of the candidates share them, so the words that tell candidates apart decide.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from service.complaints.matching.facts import Candidate, Key, Query
from service.complaints.matching.lot_fits import LOT_FEATURES, LotFit, fit_lots, lot_columns
from service.complaints.matching.lot_readings import readings_of
from service.complaints.matching.normalise import Name, gtin14, name
from service.complaints.matching.words import Vocabulary

NARRATIVE_LENGTH_MAX = 1_000  # characters of a narrative whose words are compared
PURCHASE_DAYS_MAX = 400  # a purchase this far from the only known date of a batch still fits
DAYS_MAX = 10_000  # between a purchase and the only known date of a batch
NOT_TOLD: Final = -1.0

# The features of a field, each with how it may move the field's own score: 1 up, -1 down, 0 either way.
FIELDS: Final[dict[str, dict[str, int]]] = {
    "lot": LOT_FEATURES,
    "product": {
        "likeness": 1, "set": 1, "sort": 1, "partial": 1, "ordered": 1, "told": 1, "told_in_name": 1, "told_global": 1,
        "name": 1, "name_any": 1, "text": 1, "name_text": 1, "unfound": -1, "told_weight": 0,
        "sound": 1,
    },
    "seller": {"set": 1, "told": 1, "found": 1, "found_text": 1, "found_any": 1},
    "strength": {"shared": 1, "missing": -1, "extra": -1, "numbers_shared": 1, "numbers_missing": -1},
    "date": {"fits": 1, "days": 0, "before": 0},
    "gtin": {"equal": 1, "differs": -1},
    "order": {"batch": 1, "product": 1, "seller": 1},
}  # fmt: skip
COLUMNS: Final = tuple(f"{field}.{feature}" for field, features in FIELDS.items() for feature in features)
PLACES: Final = {column: place for place, column in enumerate(COLUMNS)}

Table = NDArray[np.float32]


def names_of(candidate: Candidate) -> tuple[Name, Name]:
    """Return the comparable forms of a batch's brand and names together, and of its seller and brand together."""
    own = (candidate.brand, candidate.name_en, candidate.name_zh)
    return name_of(*own), name_of(candidate.seller_name, candidate.brand)


def name_of(*texts: str) -> Name:
    """Return the comparable form of texts together."""
    return name(" ".join(text for text in texts if text))


@dataclass(frozen=True, slots=True)
class Found:
    """Candidates, and how much each one's names resemble what was told beside the best (0 to 1), from retrieval."""

    candidates: tuple[Candidate, ...]
    likeness: tuple[float, ...]
    rarity: Callable[[str], float]
    """How rare a word is among all registered products: the logarithm of all by those that have it."""
    names_of: Callable[[Candidate], tuple[Name, Name]] = names_of

    def first(self, count: int) -> "Found":
        """Return the first so many."""
        return dataclasses.replace(self, candidates=self.candidates[:count], likeness=self.likeness[:count])

    def without(self, is_hidden: Sequence[bool]) -> "Found":
        """Return it as if the marked candidates were not registered."""
        kept = [place for place, hidden in enumerate(is_hidden) if not hidden]
        return dataclasses.replace(
            self,
            candidates=tuple(self.candidates[at] for at in kept),
            likeness=tuple(self.likeness[at] for at in kept),
        )


def gtins_of(query: Query) -> tuple[str, ...]:
    """Return the barcode number that was told, else those that photos seem to show; 14 digits each."""
    if told := gtin14(query.gtin):
        return (told,)
    return tuple(dict.fromkeys(gtin for each in query.photo_gtins if (gtin := gtin14(each))))


class Evidence:
    """A query beside its candidates."""

    def __init__(self, query: Query, found: Found) -> None:
        self.query = query
        self.found = found
        self.readings = readings_of(query)
        self._product = name(query.product_text)
        self._seller = name(f"{query.brand_text} {query.seller_text}".strip())
        self._text = name(query.narrative[:NARRATIVE_LENGTH_MAX])
        products: dict[tuple[Key, Key], int] = {}
        self._first: list[int] = []
        owners: list[int] = []
        for row, each in enumerate(found.candidates):
            place = products.setdefault((each.product_id, each.seller_id), len(products))
            if place == len(self._first):
                self._first.append(row)
            owners.append(place)
        self._owner = np.array(owners, np.intp)
        both = [found.names_of(found.candidates[row]) for row in self._first]
        self._names = [own for own, _ in both]
        self._sellers = [seller for _, seller in both]

    @cached_property
    def lots(self) -> list[LotFit]:
        """How each candidate's lot fits what was told."""
        return fit_lots(self.readings, self.found.candidates)

    @cached_property
    def table(self) -> Table:
        """The features: a row a candidate, a column for each of `COLUMNS`."""
        table = np.full((len(self.found.candidates), len(COLUMNS)), NOT_TOLD, np.float32)
        if len(table):
            for column, values in lot_columns(self.lots, self.found.candidates, len(self.readings)).items():
                table[:, PLACES[f"lot.{column}"]] = values
            for column, values in (self._of_names() | self._of_strengths()).items():
                table[:, PLACES[column]] = np.asarray(values, np.float32)[self._owner]
            if self._product.terms or self._seller.terms or self._text.terms:
                table[:, PLACES["product.likeness"]] = self.found.likeness
            for column, values in (self._of_keys() | _of_dates(self.query, self.found.candidates)).items():
                table[:, PLACES[column]] = values
        return table

    def _of_names(self) -> dict[str, NDArray[np.float64]]:
        told, seller, text = (frozenset(each.terms) for each in (self._product, self._seller, self._text))
        if not (told or seller or text):
            return {}
        words = Vocabulary(
            told=told | seller | text,
            names=[each.terms for each in self._names],
            sellers=[each.terms for each in self._sellers],
            rarity=self.found.rarity,
        )
        found = {
            "product.name": words.names_told(told),
            "product.name_any": words.names_told(told | seller | text),
            "seller.found": words.sellers_told(seller | told),
            "seller.found_any": words.sellers_told(told | seller | text),
        }
        if told:
            share, _ = words.told_found(told)
            rare, weight = words.told_found(told, among_all=True)
            found |= {
                "product.told": share,
                "product.told_in_name": words.told_found(told, in_names_alone=True)[0],
                "product.told_global": rare,
                "product.unfound": weight * (1 - rare),
                "product.told_weight": np.full(len(share), weight),
                **self._alike("product", self._product.key, [each.key for each in self._names]),
            }
        if text:
            found["product.text"] = words.told_found(text)[0]
            found["product.name_text"] = words.names_told(text)
            found["seller.found_text"] = words.sellers_told(text)
        if seller:
            found["seller.told"] = words.told_found(seller)[0]
            keys = [each.key for each in self._sellers]
            found["seller.set"] = _ratios(fuzz.token_set_ratio, self._seller.key, keys)
        return found

    def _alike(self, field: str, told: str, keys: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        whole = [f"{one.key} {other.key}" for one, other in zip(self._names, self._sellers, strict=True)]
        alike = {
            f"{field}.set": _ratios(fuzz.token_set_ratio, told, keys),
            f"{field}.sort": _ratios(fuzz.token_sort_ratio, told, keys),
            f"{field}.partial": _ratios(fuzz.partial_ratio, told, keys),
            f"{field}.ordered": _ratios(fuzz.partial_ratio, told, whole),
        }
        if self._product.sound:
            sounds = [each.sound or each.key for each in self._names]
            alike[f"{field}.sound"] = _ratios(fuzz.token_set_ratio, self._product.sound, sounds)
        return alike

    def _of_keys(self) -> dict[str, NDArray[np.float64]]:
        query, candidates = self.query, self.found.candidates
        found: dict[str, NDArray[np.float64]] = {}
        if told := gtins_of(query):
            known = [gtin14(each.gtin) for each in candidates]
            # An unconfirmed one may be of the carton, or of what lay beside the goods: it differs from nothing.
            differs = float(bool(gtin14(query.gtin)))
            found["gtin.equal"] = np.array([float(own in told) if own else NOT_TOLD for own in known])
            found["gtin.differs"] = np.array([differs * (own not in told) if own else NOT_TOLD for own in known])
        if query.order_batch_id or query.order_product_id or query.order_seller_id:
            found["order.batch"] = np.array([float(query.order_batch_id == each.batch_id) for each in candidates])
            found["order.product"] = np.array([float(query.order_product_id == each.product_id) for each in candidates])
            found["order.seller"] = np.array([float(query.order_seller_id == each.seller_id) for each in candidates])
        return found

    def _of_strengths(self) -> dict[str, NDArray[np.float64]]:
        told = self._product.strengths or self._text.strengths
        found: dict[str, NDArray[np.float64]] = {}
        if told:
            known = [each.strengths for each in self._names]
            found["strength.shared"] = np.array([len(told & own) if own else NOT_TOLD for own in known])
            found["strength.missing"] = np.array([len(told - own) if own else NOT_TOLD for own in known])
            found["strength.extra"] = np.array([len(own - told) for own in known], float)
        numbers = self._product.numbers
        if numbers or self._text.numbers:
            owned = [each.numbers for each in self._names]
            either = numbers | self._text.numbers
            found["strength.numbers_shared"] = np.array([len(either & own) for own in owned], float)
            found["strength.numbers_missing"] = np.array([len(numbers - own) if own else NOT_TOLD for own in owned])
        return found


def _ratios(scorer: Callable[..., float], told: str, keys: Sequence[str]) -> NDArray[np.float64]:
    ratios = process.cdist([told], keys, scorer=scorer, dtype=np.float32)
    return np.asarray(ratios[0], np.float64) / 100


def time_on_sale(candidate: Candidate) -> tuple[date, date] | None:
    """When a batch can have been bought: from making to expiry, or a year and a bit around the only known date."""
    return _time_on_sale(candidate.made_on, candidate.expires_on, candidate.registered_on)


@lru_cache(maxsize=20_000)
def _time_on_sale(made: date | None, expires: date | None, known: date | None) -> tuple[date, date] | None:
    slack = timedelta(days=PURCHASE_DAYS_MAX)
    first = made or (known - slack if known else None)
    last = expires or (known + slack if known else None)
    return None if first is None and last is None else (first or date.min, last or date.max)


def _of_dates(query: Query, candidates: Sequence[Candidate]) -> dict[str, NDArray[np.float64]]:
    bought = query.purchase_date
    if bought is None:
        return {}
    fits, days = np.full(len(candidates), NOT_TOLD), np.full(len(candidates), np.nan)
    for row, each in enumerate(candidates):
        span = time_on_sale(each)
        if span is not None:
            known = each.registered_on or each.made_on or span[0]
            fits[row] = span[0] <= bought <= span[1]
            days[row] = known.toordinal() - bought.toordinal()
    is_known = ~np.isnan(days)
    return {
        "date.fits": fits,
        "date.days": np.where(is_known, np.minimum(np.abs(days), DAYS_MAX), NOT_TOLD),
        "date.before": np.where(is_known, days > 0, NOT_TOLD),
    }
