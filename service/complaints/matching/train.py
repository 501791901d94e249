"""Trains a model and says what models that did not see a complaint make of it.

Products are split into five folds. The ranking of a fold's complaints comes from the other folds; the two chances are
fitted on such rankings, again without the fold, and so are the thresholds. The model that comes out uses all folds. The
chances also learn from copies of each complaint whose true batch or true product was hidden, because an unregistered
lot is what they must learn to refuse.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.complaints.matching.calibrate import GATE_COLUMNS, MARGINS, Gate, chance, gate_from, weigh
from service.complaints.matching.cases import BATCH_HIDDEN, FOLDS, PRODUCT_HIDDEN, REAL, Case
from service.complaints.matching.decide import link_is_allowed, names_agree
from service.complaints.matching.evidence import COLUMNS, FIELDS, PLACES
from service.complaints.matching.facts import Key, Scored
from service.complaints.matching.fitting import fit_chance_trees, fit_logistic, fit_ranking
from service.complaints.matching.score import GROUPS, totals
from service.complaints.matching.trees import read_trees

VERSION: Final = "2026-11-23.2"
BATCH_HIDDEN_AMOUNT, PRODUCT_HIDDEN_AMOUNT = 0.2, 0.5  # how much a copy counts beside a real complaint
# Files of complaints have neither barcodes nor orders: these are set by hand. An order narrows and does not decide, so
# all of it together weighs less than an equal lot.
BY_HAND: Final = {
    "gtin.equal": 6.0,
    "gtin.differs": -6.0,
    "order.batch": 1.0,
    "order.product": 2.0,
    "order.seller": 1.0,
}
STANDARD_PRECISION = 0.991  # the promise is 0.99; a threshold chosen at exactly that misses it elsewhere
UNREGISTERED_LINKED_MAX = 0.0085  # share of unregistered products, and of batches, that the strict threshold links
STRICT_PRECISION = 0.997
CHANCE_MIN = 0.5  # nothing links itself below even odds, however precise the rest is
SUGGEST_THRESHOLD = 0.15
_FIELD_OF: Final = [column.partition(".")[0] for column in COLUMNS]
_WAYS: Final = [way for features in FIELDS.values() for way in features.values()]
_GATE_WAYS: Final = [*MARGINS.values(), *_WAYS]
Told = Callable[[str, int, int], None]
"""Hears of progress: (what, done, of how many)."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model file's content; the same of models that saw nothing of each fold; the trees' share of a ranking."""

    content: dict[str, Any]
    by_fold: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class _Seen:
    """What the chances are fitted on: a row a case."""

    rows: NDArray[np.float64]
    batch_right: NDArray[np.float64]
    product_right: NDArray[np.float64]
    amounts: NDArray[np.float64]
    folds: NDArray[np.intp]
    kinds: NDArray[np.str_]
    reads_lot: NDArray[np.bool_]
    lot_told: NDArray[np.bool_]
    is_registered: NDArray[np.bool_]
    may_link: NDArray[np.bool_]
    is_named: NDArray[np.bool_]


def train(cases: Sequence[Case], *, told: Told = lambda *_: None) -> Trained:
    """Train on all cases and without each fold. Raises `ValueError` where a fold's complaement has nothing to learn."""
    rankings = []
    for fold in range(FOLDS):
        rankings.append(train_ranking([case for case in cases if case.fold != fold]))
        told("training", fold + 1, FOLDS + 2)
    rankings.append(train_ranking(cases))
    told("training", FOLDS + 1, FOLDS + 2)
    seen = _see(cases, rankings)
    gates = [_train_gates(seen, seen.folds != fold) for fold in range(FOLDS)]
    scores = _scores(seen, gates)
    contents = [
        _content(rankings[fold], gates[fold], _thresholds(seen, scores, seen.folds != fold)) for fold in range(FOLDS)
    ]
    everything = np.ones(len(seen.folds), bool)
    content = _content(rankings[FOLDS], _train_gates(seen, everything), _thresholds(seen, scores, everything))
    told("training", FOLDS + 2, FOLDS + 2)
    return Trained(content, tuple(contents))


def train_ranking(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return the trees of a ranking: the right batch first if a lot was told, else any batch of the right product."""
    taught = [(case.table, case.rights) for case in cases if case.kind == REAL]
    taught = [(table, rights) for table, rights in taught if rights.any() and not rights.all()]
    if not taught:
        raise ValueError("no complaint has its right batch among others")
    return fit_ranking([table for table, _ in taught], [rights for _, rights in taught], COLUMNS, _WAYS, _FIELD_OF)


def _see(cases: Sequence[Case], rankings: Sequence[Sequence[Mapping[str, Any]]]) -> _Seen:
    """Rank each case by the ranking that did not see its fold, and read the evidence for the first."""
    trees = [read_trees(each, GROUPS, PLACES) for each in rankings[:FOLDS]]
    bests: list[Scored] = []
    rows = []
    for case in cases:
        ranked = case.ranked(totals(trees[case.fold], BY_HAND, case.table))
        bests.append(ranked[0])
        rows.append(weigh(case.table, ranked))
    amounts = {REAL: 1.0, BATCH_HIDDEN: BATCH_HIDDEN_AMOUNT, PRODUCT_HIDDEN: PRODUCT_HIDDEN_AMOUNT}
    pairs = list(zip(cases, bests, strict=True))
    return _Seen(
        rows=np.stack(rows),
        batch_right=np.array([_is(best.candidate.batch_id, case, case.batch) for case, best in pairs]),
        product_right=np.array([_is(best.candidate.product_id, case, case.product) for case, best in pairs]),
        amounts=np.array([amounts[case.kind] for case in cases]),
        folds=np.array([case.fold for case in cases], np.intp),
        kinds=np.array([case.kind for case in cases]),
        reads_lot=np.array([case.reads_lot for case in cases]),
        lot_told=np.array([case.complaint.lot_told for case in cases]),
        is_registered=np.array([bool(case.batch) for case in cases]),
        may_link=np.array([link_is_allowed(case.table[best.row]) for case, best in pairs]),
        is_named=np.array([names_agree(case.table[best.row]) for case, best in pairs]),
    )


def _is(key: Key, case: Case, truth: str) -> float:
    return float(bool(case.batch) and str(key) == truth)


def _train_gates(seen: _Seen, among: NDArray[np.bool_]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit the chance of the batch where a lot was read, and that of the product, on the marked cases."""
    return (
        _train_gate(seen, seen.batch_right, among & seen.reads_lot),
        _train_gate(seen, seen.product_right, among),
    )


def _train_gate(seen: _Seen, truths: NDArray[np.float64], among: NDArray[np.bool_]) -> dict[str, Any]:
    """Fit a chance, and scale it so that it is true of real complaints (Platt): copies make it doubt too much."""
    rows, amounts = seen.rows[among], seen.amounts[among]
    gate = {
        "trees": fit_chance_trees(rows, truths[among], amounts, GATE_COLUMNS, _GATE_WAYS),
        "logistic": fit_logistic(rows, truths[among], amounts),
        "columns": list(GATE_COLUMNS),
        "slope": 1.0,
        "shift": 0.0,
    }
    real = among & (seen.kinds == REAL)
    raw = gate_from(gate).raw(seen.rows[real])
    fitted = fit_logistic(raw[:, None], truths[real], np.ones(int(real.sum())), ridge=1e-3)
    spread = fitted["spread"][0] or 1.0
    slope = fitted["weights"][0] / spread
    return gate | {"slope": round(slope, 6), "shift": round(fitted["weights"][1] - slope * fitted["middle"][0], 6)}


def _scores(seen: _Seen, gates: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> NDArray[np.float64]:
    """Return what is held against the thresholds, of each case by the gates that did not see its fold."""
    read: list[tuple[Gate, Gate]] = [(gate_from(batch), gate_from(product)) for batch, product in gates]
    scores = np.zeros(len(seen.folds))
    for place, row in enumerate(seen.rows):
        batch, product = read[seen.folds[place]]
        of_product = chance(product.logit(row))
        if not seen.lot_told[place]:
            scores[place] = of_product if seen.is_named[place] else 0.0
        elif seen.may_link[place]:
            scores[place] = min(chance(batch.logit(row)), of_product) if seen.reads_lot[place] else 0.0
    return scores


def _thresholds(seen: _Seen, scores: NDArray[np.float64], among: NDArray[np.bool_]) -> dict[str, float]:
    """Choose the thresholds on the marked cases; the strict one also holds on copies whose truth is hidden."""
    right = np.where(seen.lot_told, seen.batch_right, seen.product_right) > 0
    real = among & (seen.kinds == REAL)
    standard = max(_threshold_for(scores[real], right[real], STANDARD_PRECISION), CHANCE_MIN)
    # Products that are hidden are refused as often as those that really are unknown, of which there are few.
    unregistered = [
        (real & ~seen.is_registered) | (among & (seen.kinds == PRODUCT_HIDDEN)),
        among & (seen.kinds == BATCH_HIDDEN),
    ]
    strict = max(
        _threshold_for(scores[real], right[real], STRICT_PRECISION),
        *(_share_at_most(scores[each], UNREGISTERED_LINKED_MAX) for each in unregistered),
        standard,
    )
    return {"standard": round(standard, 6), "strict": round(strict, 6), "suggest": SUGGEST_THRESHOLD}


def _threshold_for(scores: NDArray[np.float64], right: NDArray[np.bool_], precision: float) -> float:
    """Return the lowest score at and above which at least `precision` are right (2 if there is none)."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    is_last_of_its_score = np.append(ordered[1:] < ordered[:-1], True)
    good = np.flatnonzero((shares >= precision) & is_last_of_its_score)
    return float(ordered[good[-1]]) if len(good) else 2.0


def _share_at_most(scores: NDArray[np.float64], most: float) -> float:
    """Return the score above which at most this share lies."""
    ordered = np.sort(scores)[::-1]
    return float(ordered[int(len(ordered) * most)]) + 1e-6 if len(ordered) else 0.0


def _content(
    ranking: Sequence[Mapping[str, Any]], gates: tuple[dict[str, Any], dict[str, Any]], thresholds: dict[str, float]
) -> dict[str, Any]:
    return {
        "version": VERSION,
        "ranking": list(ranking),
        "by_hand": dict(BY_HAND),
        "batch": gates[0],
        "product": gates[1],
        "thresholds": thresholds,
    }
