"""How a registered lot fits the lots that were told: equal, one mistake away and which, or different."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from service.complaints.matching.facts import Candidate
from service.complaints.matching.lot_readings import Reading, Source
from service.core.lots import fold_lot

FAR = 4.0
EQUAL_MAX = 0.25  # costs up to this are of codes that are equal once look-alikes are folded
ONE_MAX = 1.75
_NEAR = 2  # mistakes; codes that are further apart are compared no closer
JOINED_LENGTH_MIN = 5  # a shorter code that was joined of two is too easily like another
_WITNESS = {
    Source.FIELD: 0, Source.BARCODE: 0, Source.PRINT: 0, Source.PHOTO: 0,
    Source.NARRATIVE: 1, Source.LOOSE: 2, Source.SPLIT: 2,
}  # fmt: skip
# What a mistake costs: what hands and eyes do often is cheap, what tells sibling lots apart is dear.
_COSTS: Final = {
    "equal": 0.0, "folded": 0.2, "joined": 0.2, "doubled": 1.0, "swapped": 1.0, "missing": 1.1, "extra": 1.3,
    "other": 1.6, "part": 2.0, "two": 2.4, "far": FAR,
}  # fmt: skip
LOT_FEATURES: Final[dict[str, int]] = {
    "cost": -1, "cost_field": -1, "cost_text": -1, "cost_loose": -1, "swapped": -1, "doubled": -1, "missing": -1,
    "extra": -1, "other": -1, "both": 1, "length": 0, "digits": 0, "same_lots": 0, "siblings": 0, "others_best": 0,
    "readings": 0,
}  # fmt: skip


class LotFit(NamedTuple):
    """The best fit of one registered lot: the mistake's name, its cost, and the costs by witness.

    `mistake` is equal, folded, joined, doubled, swapped, missing, extra, other, part, two or far; `reading` is None of
    far. `costs` are of the field, the text, and of loose or joined readings.
    """

    mistake: str
    cost: float
    code: str
    folded: str
    reading: Reading | None
    costs: tuple[float, float, float]


_NOTHING_TOLD = LotFit("far", FAR, "", "", None, (FAR, FAR, FAR))


def fit_lots(readings: Sequence[Reading], candidates: Sequence[Candidate]) -> list[LotFit]:
    """Return how each candidate's lot, or its maker's, fits; each pair of codes is compared once."""
    if not readings:
        return [_NOTHING_TOLD] * len(candidates)
    codes = [tuple(code for code in (each.lot_code, each.maker_lot_code) if code) for each in candidates]
    known = {code: fold_lot(code) for own in codes for code in own}
    folded = list(dict.fromkeys(known.values()))
    told = list(dict.fromkeys(each.folded for each in readings))
    table = process.cdist(told, folded, scorer=OSA.distance, score_cutoff=_NEAR, dtype=np.uint8)
    # A row of distances for each folded code, in the order of the readings.
    rows = table[[told.index(each.folded) for each in readings]].T.tolist()
    far = dict(zip(folded, rows, strict=True))
    fits = {code: _fit(readings, code, own, far[own]) for code, own in known.items()}
    return [min((fits[code] for code in own), key=lambda fit: fit.cost, default=_NOTHING_TOLD) for own in codes]


def _fit(readings: Sequence[Reading], code: str, folded: str, distances: Sequence[int]) -> LotFit:
    costs = [FAR, FAR, FAR]
    best, best_cost, best_reading = "far", FAR, None
    for reading, distance in zip(readings, distances, strict=True):
        if distance > _NEAR and not (reading.folded in folded or folded in reading.folded):
            continue
        mistake = _mistake(reading, code, folded, distance)
        cost = _COSTS[mistake]
        witness = _WITNESS[reading.source]
        costs[witness] = min(costs[witness], cost)
        if cost < best_cost:
            best, best_cost, best_reading = mistake, cost, reading
    return LotFit(best, best_cost, code, folded, best_reading, (costs[0], costs[1], costs[2]))


def _mistake(reading: Reading, code: str, folded: str, distance: int) -> str:
    """Name what stands between two codes; of an unlabelled reading, or a short joined one, only equal ones count."""
    told = reading.folded
    if distance == 0:
        if reading.source is Source.SPLIT:
            return "joined"
        return "equal" if reading.written == _compact(code) else "folded"
    if reading.source is Source.SPLIT and distance == 1 and min(len(told), len(folded)) >= JOINED_LENGTH_MIN:
        return "other"
    if reading.source in (Source.SPLIT, Source.LOOSE) or min(len(told), len(folded)) < 3:
        return "far"
    if distance == 1:
        return _single_mistake(told, folded)
    if distance == 2 and min(len(told), len(folded)) >= 5:
        return "two"
    is_part = min(len(told), len(folded)) >= 4 and (told in folded or folded in told)
    return "part" if is_part else "far"


def _single_mistake(told: str, folded: str) -> str:
    if len(told) == len(folded):
        return "swapped" if sorted(told) == sorted(folded) else "other"
    if len(told) < len(folded):
        return "missing"
    at = next((place for place, letter in enumerate(folded) if told[place] != letter), len(folded))
    is_doubled = (at > 0 and told[at] == told[at - 1]) or told[at : at + 1] == told[at + 1 : at + 2]
    return "doubled" if is_doubled else "extra"


@lru_cache(maxsize=100_000)
def _compact(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isalnum())


def lot_columns(
    fits: Sequence[LotFit], candidates: Sequence[Candidate], readings: int
) -> dict[str, NDArray[np.float64]]:
    """Return the features of the lot by name; none where no lot was told."""
    if not readings:
        return {}
    cost = np.array([fit.cost for fit in fits])
    costs = np.array([fit.costs for fit in fits])
    mistakes = [fit.mistake for fit in fits]
    folded = [fit.folded for fit in fits]
    shared = Counter(folded)
    near: Counter[object] = Counter()
    for each, fit in zip(candidates, fits, strict=True):
        if fit.cost <= ONE_MAX:
            near[each.seller_id] += 1
    best_of: dict[str, float] = {}
    for fit in fits:
        best_of[fit.folded] = min(best_of.get(fit.folded, FAR), fit.cost)
    first, second = [*sorted(best_of.items(), key=lambda item: item[1]), ("", FAR), ("", FAR)][:2]
    return {
        "cost": cost,
        "cost_field": costs[:, 0],
        "cost_text": costs[:, 1],
        "cost_loose": costs[:, 2],
        **{name: np.array([float(each == name) for each in mistakes])
           for name in ("swapped", "doubled", "missing", "extra", "other")},
        "both": (costs[:, :2].max(axis=1) <= EQUAL_MAX).astype(float),
        "length": np.array([float(len(each)) for each in folded]),
        "digits": np.array([float(each.isdigit()) for each in folded]),
        "same_lots": np.array([float(shared[each]) for each in folded]),
        "siblings": np.array(
            [float(near[each.seller_id] - (fit.cost <= ONE_MAX)) for each, fit in zip(candidates, fits, strict=True)]
        ),
        "others_best": np.array([second[1] if each == first[0] else first[1] for each in folded]),
        "readings": np.full(len(fits), float(readings)),
    }  # fmt: skip
