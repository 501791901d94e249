"""From scores to two probabilities: that the first batch is right, and that its product is.

Two small logistic models read the evidence of the winner and its margins over the second batch, the second product and
the sibling lots. Their numbers are in `model.json`, the story of those numbers in `MODEL.md`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp, log

from service.complaints.matching.facts import Scored

MARGIN_MAX = 8.0  # log-odds; a larger lead says no more


@dataclass(frozen=True, slots=True)
class Model:
    """The numbers of one trained model; thresholds are probabilities."""

    version: str
    weights: Mapping[str, float]  # log-odds a feature, for `score`
    batch: Mapping[str, float]  # calibration of the batch, "bias" among them
    product: Mapping[str, float]
    standard_threshold: float
    strict_threshold: float
    product_threshold: float
    suggest_threshold: float


@cache
def shipped_model() -> Model:
    """Return the model that is part of the package."""
    return model_from(json.loads(files("service.complaints.matching").joinpath("model.json").read_text("utf-8")))


def model_from(facts: Mapping[str, object]) -> Model:
    """Return the model of a parsed model file; raises KeyError or TypeError if the file is not one."""
    thresholds = _numbers(facts["thresholds"])
    return Model(
        version=str(facts["version"]),
        weights=_numbers(facts["weights"]),
        batch=_numbers(facts["batch"]),
        product=_numbers(facts["product"]),
        standard_threshold=thresholds["standard"],
        strict_threshold=thresholds["strict"],
        product_threshold=thresholds["product"],
        suggest_threshold=thresholds["suggest"],
    )


def probabilities(model: Model, scored: Sequence[Scored]) -> tuple[float, float]:
    """Return (batch, product): how sure it is that the first batch, and its product, are right; (0, 0) of nothing."""
    if not scored:
        return 0.0, 0.0
    evidence = weigh(scored)
    return logistic(model.batch, evidence), logistic(model.product, evidence)


def logistic(weights: Mapping[str, float], evidence: Mapping[str, float]) -> float:
    """Return the probability of a logistic model; evidence without a weight counts nothing."""
    logit = weights.get("bias", 0.0) + sum(weights.get(key, 0.0) * amount for key, amount in evidence.items())
    return 1 / (1 + exp(-max(-35.0, min(35.0, logit))))


def weigh(scored: Sequence[Scored]) -> dict[str, float]:
    """Return the evidence for the first of the scored (best first, not empty): its features, margins and shares."""
    best = scored[0]
    own = best.features
    told = own.get("product.told_found", 0.0)
    named = own.get("product.name_found", 0.0)
    same = own.get("lot.same", 0.0)
    lead_product = _margin(best, _best_other_product(scored))
    lead_sibling = _margin(best, _best_sibling(scored))
    lead_batch = _margin(best, scored[1] if len(scored) > 1 else None)
    return {
        "total": max(-20.0, min(20.0, best.total)) / 5,
        "lead_batch": lead_batch,
        "lead_product": lead_product,
        "lead_sibling": lead_sibling,
        "clear_batch": 1 - exp(-2 * lead_batch),
        "clear_product": 1 - exp(-2 * lead_product),
        "share_batch": log(_share(scored, {str(best.candidate.batch_id)}, by_product=False)),
        "share_product": log(_share(scored, {str(best.candidate.product_id)}, by_product=True)),
        "lot_told": float("lot.same" in own),
        "lot_same": same,
        "lot_equal": own.get("lot.equal", 0.0),
        "lot_one_off": own.get("lot.one", 0.0) - same,
        "lot_long": own.get("lot.long", 0.0),
        "two_witnesses": own.get("lot.two_witnesses", 0.0),
        "told_found": told,
        "name_found": named,
        "ordered": own.get("product.ordered", 0.0),
        "text_found": own.get("product.told_found_in_text", 0.0),
        "seller_told": float("seller.similar" in own),
        "seller_found": own.get("seller.told_found", 0.0),
        "seller_strange": float("seller.similar" in own) * (1 - own.get("seller.told_found", 0.0)),
        "date_fits": own.get("date.fits", 0.0),
        "date_outside": 1 - own.get("date.fits", 1.0),
        "gtin_equal": own.get("gtin.equal", 0.0),
        "gtin_differs": own.get("gtin.differs", 0.0),
        "order_product": own.get("order.product", 0.0),
        "strength_shared": own.get("strength.shared", 0.0),
        "strength_differs": 1 - own.get("strength.shared", 1.0),
        "lot_and_name": same * max(told, named),
        "lot_and_seller": same * own.get("seller.told_found", 0.0),
        "name_both_ways": min(told, named),
    }


def _best_other_product(scored: Sequence[Scored]) -> Scored | None:
    return next((one for one in scored if one.candidate.product_id != scored[0].candidate.product_id), None)


def _best_sibling(scored: Sequence[Scored]) -> Scored | None:
    best = scored[0].candidate
    return next((one for one in scored[1:] if one.candidate.seller_id == best.seller_id), None)


def _margin(best: Scored, other: Scored | None) -> float:
    """The lead in units of `MARGIN_MAX`, so from 0 to 1."""
    return 1.0 if other is None else min(best.total - other.total, MARGIN_MAX) / MARGIN_MAX


def _share(scored: Sequence[Scored], keys: set[str], *, by_product: bool) -> float:
    top = scored[0].total
    whole = part = 0.0
    for one in scored:
        weight = exp(max(one.total - top, -30.0))
        whole += weight
        key = one.candidate.product_id if by_product else one.candidate.batch_id
        if str(key) in keys:
            part += weight
    return part / whole


def _numbers(facts: object) -> dict[str, float]:
    if not isinstance(facts, dict):
        raise TypeError("a model file holds tables of numbers")
    return {str(key): float(value) for key, value in facts.items()}
