"""From scores to two probabilities: that the first batch is right, and that its product is.

Two small models, each of boosted trees and a logistic regression, read the evidence of the winner, its margins over the
second batch, the second product and the sibling lots, and what the runners-up have that it lacks. Their numbers are in
`model.json`, the story of those numbers in `MODEL.md`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.complaints.matching.evidence import COLUMNS, PLACES, Evidence, Table
from service.complaints.matching.facts import Scored
from service.complaints.matching.lot_fits import EQUAL_MAX, FAR, ONE_MAX
from service.complaints.matching.score import GROUPS
from service.complaints.matching.shapes import standardised
from service.complaints.matching.trees import Trees, read_trees

MARGIN_MAX = 12.0  # log-odds; a larger lead says no more
TREES_SHARE = 0.7
_FAR_BACK = 30.0
# What is read of the winner beside its own row of the table, each with how it may move the chance.
MARGINS = {
    "total": 1, "lead_batch": 1, "lead_product": 1, "lead_sibling": 1, "lead_of_seller": 1, "lead_same_lot": 1,
    "share_batch": 1, "share_product": 1, "clear_batch": 0, "clear_product": 0, "lots_equal": 0, "lots_near": 0,
    "products_equal": 0, "best_lot": 0, "lot_elsewhere": 0, "lot_of_sibling": 0, "more_told": 0, "more_named": 0,
    "equal": 0, "equal_told": 0, "equal_named": 0, "equal_seller": 0, "equal_length": 0, "equal_clear": 0,
    "unequal_told": 0, "unequal_named": 0, "unequal_clear": 0, "unequal_unfound": 0, "both_ways": 0,
}  # fmt: skip
GATE_COLUMNS = (*MARGINS, *COLUMNS)


@dataclass(frozen=True, slots=True)
class Gate:
    """A chance by trees and by a logistic regression: a mean of both log-odds, then scaled."""

    trees: Trees
    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    slope: float
    shift: float

    def logit(self, row: NDArray[np.float64]) -> float:
        """Return the scaled log-odds of a row of `GATE_COLUMNS`."""
        return float(self.slope * self.raw(row[None, :])[0] + self.shift)

    def raw(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of rows, not yet scaled."""
        by_trees = self.trees.sums(rows.astype(np.float32), 1)[:, 0]
        by_line = standardised(rows, self.middle, self.spread) @ self.weights
        return np.asarray(TREES_SHARE * by_trees + (1 - TREES_SHARE) * by_line)


@dataclass(frozen=True, slots=True)
class Model:
    """The numbers of one trained model; thresholds are probabilities."""

    version: str
    ranking: Trees
    by_hand: Mapping[str, float]  # log-odds of a column that training has no data for
    batch: Gate
    product: Gate
    standard_threshold: float
    strict_threshold: float
    suggest_threshold: float


@cache
def shipped_model() -> Model:
    """Return the model that is part of the package."""
    return model_from(json.loads(files("service.complaints.matching").joinpath("model.json").read_text("utf-8")))


def model_from(facts: Mapping[str, Any]) -> Model:
    """Return the model of a parsed file; raises KeyError, IndexError, TypeError or ValueError if it is not one."""
    thresholds = facts["thresholds"]
    return Model(
        version=str(facts["version"]),
        ranking=read_trees(facts["ranking"], GROUPS, PLACES),
        by_hand={str(column): float(weight) for column, weight in facts["by_hand"].items() if PLACES[column] >= 0},
        batch=gate_from(facts["batch"]),
        product=gate_from(facts["product"]),
        standard_threshold=float(thresholds["standard"]),
        strict_threshold=float(thresholds["strict"]),
        suggest_threshold=float(thresholds["suggest"]),
    )


def gate_from(facts: Mapping[str, Any]) -> Gate:
    """Return a gate; raises as `model_from`."""
    logistic = facts["logistic"]
    if tuple(facts["columns"]) != GATE_COLUMNS:
        raise ValueError("the model reads other evidence than this version of the service gives")
    return Gate(
        trees=read_trees(facts["trees"], ("all",), {column: place for place, column in enumerate(GATE_COLUMNS)}),
        middle=np.array(logistic["middle"], float),
        spread=np.array(logistic["spread"], float),
        weights=np.array(logistic["weights"], float),
        slope=float(facts["slope"]),
        shift=float(facts["shift"]),
    )


def probabilities(model: Model, evidence: Evidence, scored: Sequence[Scored]) -> tuple[float, float]:
    """Return (batch, product): how sure it is that the first batch, and its product, are right; (0, 0) of nothing.

    GTIN and order, of which training has no data, are weighed by hand here too.
    """
    if not scored:
        return 0.0, 0.0
    row = weigh(evidence.table, scored)
    told = evidence.table[scored[0].row]
    by_hand = sum(weight * max(float(told[PLACES[column]]), 0.0) for column, weight in model.by_hand.items())
    product = chance(model.product.logit(row) + by_hand)
    batch = chance(model.batch.logit(row) + by_hand) if evidence.readings else 0.0
    return min(batch, product) if evidence.readings else 0.0, product


def chance(logit: float) -> float:
    """Return the probability of log-odds."""
    return 1 / (1 + exp(-max(-35.0, min(35.0, logit))))


def weigh(table: Table, scored: Sequence[Scored]) -> NDArray[np.float64]:
    """Return the evidence for the first of the scored (best first, not empty), in the order of `GATE_COLUMNS`."""
    best = scored[0]
    own = table[best.row].astype(float)
    cost = table[:, PLACES["lot.cost"]]
    is_told = bool(own[PLACES["lot.cost"]] >= 0)
    rest = scored[1:]
    others = [one for one in rest if one.candidate.product_id != best.candidate.product_id]
    siblings = [one for one in rest if one.candidate.product_id == best.candidate.product_id]
    of_seller = [one for one in rest if one.candidate.seller_id == best.candidate.seller_id]
    same_lot = [one for one in rest if one.candidate.lot_code == best.candidate.lot_code]
    share_batch, share_product = _shares(scored)
    equal_rows = [one for one in scored if 0 <= cost[one.row] <= EQUAL_MAX]
    told, named = _at(own, "product.told"), _at(own, "product.name_any")
    lead_product, lead_batch = _lead(best, others), _lead(best, rest)
    equal = float(is_told and own[PLACES["lot.cost"]] <= EQUAL_MAX)
    clear_product, clear_batch = 1 - exp(-lead_product), 1 - exp(-lead_batch)
    margins = {
        "total": best.total,
        "lead_batch": lead_batch,
        "lead_product": lead_product,
        "lead_sibling": _lead(best, siblings),
        "lead_of_seller": _lead(best, of_seller),
        "lead_same_lot": _lead(best, same_lot),
        "share_batch": share_batch,
        "share_product": share_product,
        "clear_batch": clear_batch,
        "clear_product": clear_product,
        "lots_equal": float(len(equal_rows)) if is_told else -1.0,
        "lots_near": float(((cost >= 0) & (cost <= ONE_MAX)).sum()) if is_told else -1.0,
        "products_equal": float(len({one.candidate.product_id for one in equal_rows})) if is_told else -1.0,
        "best_lot": float(cost.min()) if is_told else -1.0,
        "lot_elsewhere": min((float(cost[one.row]) for one in others), default=FAR) if is_told else -1.0,
        "lot_of_sibling": min((float(cost[one.row]) for one in siblings), default=FAR) if is_told else -1.0,
        "more_told": _more(table, best, others, "product.told"),
        "more_named": _more(table, best, others, "product.name_any"),
        "equal": equal,
        "equal_told": equal * told,
        "equal_named": equal * named,
        "equal_seller": equal * _at(own, "seller.told"),
        "equal_length": equal * _at(own, "lot.length"),
        "equal_clear": equal * clear_product,
        "unequal_told": (1 - equal) * told,
        "unequal_named": (1 - equal) * named,
        "unequal_clear": (1 - equal) * clear_product,
        "unequal_unfound": (1 - equal) * _at(own, "product.unfound"),
        "both_ways": told * named,
    }
    return np.concatenate((np.array([margins[name] for name in MARGINS]), own))


def _at(row: NDArray[np.float64], column: str) -> float:
    return max(float(row[PLACES[column]]), 0.0)


def _lead(best: Scored, others: Sequence[Scored]) -> float:
    """The lead over the first of the others, who are best first."""
    return min(best.total - others[0].total, MARGIN_MAX) if others else MARGIN_MAX


def _more(table: Table, best: Scored, others: Sequence[Scored], column: str) -> float:
    """How much more of the query the best of the others holds than the winner."""
    place = PLACES[column]
    own = float(table[best.row, place])
    return max((float(table[one.row, place]) for one in others), default=own) - own


def _shares(scored: Sequence[Scored]) -> tuple[float, float]:
    """Return the logarithms of the softmax shares of the first batch and of its product."""
    best = scored[0]
    weights = [exp(max(one.total - best.total, -_FAR_BACK)) for one in scored]
    whole = sum(weights)
    of_product = sum(
        weight
        for weight, one in zip(weights, scored, strict=True)
        if one.candidate.product_id == best.candidate.product_id
    )
    return log(1 / whole), log(of_product / whole)
