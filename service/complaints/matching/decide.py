"""From probabilities to an outcome that a buyer, a mediator and a signal can rely on.

A lot code is never corrected silently: only a batch whose code equals what was told (look-alikes, spacing and a split
over two fields aside) links itself. A lot one character away is at most suggested, because linking a sibling by mistake
would freeze an innocent batch's money.
"""

from collections.abc import Mapping, Sequence

from service.complaints.matching.calibrate import Model, probabilities, shipped_model
from service.complaints.matching.facts import Candidate, Decision, Outcome, Query, RunnerUp, Scored

RUNNERS_UP_MAX = 3
NAMED_MIN = 0.2  # weighted share of the told words that the batch's names must hold


def decide(query: Query, scored: Sequence[Scored], model: Model | None = None) -> Decision:
    """Return the outcome for the scored candidates (best first); the shipped model decides unless another is given."""
    judge = model or shipped_model()
    batch, product = probabilities(judge, scored)
    best = scored[0] if scored else None
    linked = best is not None and may_link(query, best) and batch >= judge.standard_threshold
    if linked:
        outcome = Outcome.LINKED
    elif best is not None and names_agree(best.features) and product >= judge.product_threshold:
        outcome = Outcome.PRODUCT_ONLY
    elif max(batch, product) >= judge.suggest_threshold:
        outcome = Outcome.SUGGESTED
    else:
        outcome = Outcome.UNMATCHED
    return Decision(
        outcome=outcome,
        strict=linked and batch >= judge.strict_threshold,
        best=best,
        runners_up=_runners_up(scored),
        probability=batch,
        product_probability=product,
        model_version=judge.version,
    )


def may_link(query: Query, best: Scored) -> bool:
    """Tell whether a link may be automatic at all: the evidence allows it, and the buyer's order names nothing else."""
    candidate = best.candidate
    return (
        evidence_allows(best.features)
        and query.order_batch_id in (None, candidate.batch_id)
        and query.order_product_id in (None, candidate.product_id)
    )


def evidence_allows(features: Mapping[str, float]) -> bool:
    """Tell whether a candidate's features allow an automatic link.

    The told lot must equal the batch's, and a name or a barcode must agree as well: many codes are in use at several
    firms, and the complaint may be about a batch that nobody registered.
    """
    is_same = features.get("lot.same", 0.0) > 0 and features.get("gtin.differs", 0.0) == 0
    return is_same and names_agree(features)


def names_agree(features: Mapping[str, float]) -> bool:
    """Tell whether anything but the lot speaks for the product: a word of a name, or the barcode."""
    named = max(
        features.get(key, 0.0)
        for key in ("product.told_found", "product.told_found_in_text", "seller.told_found", "gtin.equal")
    )
    return named >= NAMED_MIN


def order_fits(query: Query, candidate: Candidate) -> bool:
    """Tell whether the buyer's order is of this seller and product (and of this batch, where the order knows it)."""
    return (
        query.order_seller_id == candidate.seller_id
        and query.order_product_id == candidate.product_id
        and query.order_batch_id in (None, candidate.batch_id)
    )


def _runners_up(scored: Sequence[Scored]) -> tuple[RunnerUp, ...]:
    """The next batches; where no lot was told, the first batch of each next product, since their lots say nothing."""
    if not scored:
        return ()
    best = scored[0]
    if "lot.same" in best.features:
        others = list(scored[1:])
    else:
        others, seen = [], {best.candidate.product_id}
        for one in scored[1:]:
            if one.candidate.product_id not in seen:
                seen.add(one.candidate.product_id)
                others.append(one)
    return tuple(RunnerUp(one, best.total - one.total) for one in others[:RUNNERS_UP_MAX])
