"""From probabilities to an outcome that a buyer, a mediator and a signal can rely on.

A lot code is never corrected on its own: 72 % of real lots have a sibling a substitution away, so a batch whose code
differs by one links itself only if another witness tells its very code. A code that was doubled, swapped or cut short
by hand may link where everything else agrees, and never strictly: a signal counts equal codes only.
"""

from collections.abc import Sequence

from service.complaints.matching.calibrate import Model, probabilities
from service.complaints.matching.evidence import PLACES, Evidence, Table
from service.complaints.matching.facts import Candidate, Decision, Outcome, Query, RunnerUp, Scored
from service.complaints.matching.lot_fits import EQUAL_MAX, ONE_MAX

RUNNERS_UP_MAX = 3
RUNNER_UP_MARGIN_MAX = 14.0  # log-odds: what weighs less than a millionth of the best is not worth a look
NAMED_MIN = 0.2  # weighted share of the told words that the batch's names must hold
_BELOW = 1e-6
_NAMED = [PLACES[column] for column in ("product.told", "product.text", "seller.told", "gtin.equal")]


def decide(evidence: Evidence, scored: Sequence[Scored], model: Model) -> Decision:
    """Return the outcome for the scored candidates (best first)."""
    query = evidence.query
    batch, product = probabilities(model, evidence, scored)
    best = scored[0] if scored else None
    row = evidence.table[best.row] if best else None
    batch_score = batch if best is not None and row is not None and may_link(query, best.candidate, row) else 0.0
    if row is not None and not lot_is_equal(row):
        batch_score = min(batch_score, model.strict_threshold - _BELOW)
    product_score = product if row is not None and names_agree(row) else 0.0
    linked = batch_score >= model.standard_threshold
    if linked:
        outcome = Outcome.LINKED
    elif product_score >= model.standard_threshold:
        outcome = Outcome.PRODUCT_ONLY
    elif max(batch, product) >= model.suggest_threshold:
        outcome = Outcome.SUGGESTED
    else:
        outcome = Outcome.UNMATCHED
    return Decision(
        outcome=outcome,
        strict=linked and batch_score >= model.strict_threshold,
        best=best,
        runners_up=runners_up(scored, lot_told=bool(evidence.readings)),
        probability=batch,
        product_probability=product,
        batch_score=batch_score,
        product_score=product_score,
        model_version=model.version,
    )


def may_link(query: Query, candidate: Candidate, row: Table) -> bool:
    """Tell whether a link may be automatic at all: the evidence allows it, and the buyer's order names nothing else."""
    return (
        link_is_allowed(row)
        and query.order_batch_id in (None, candidate.batch_id)
        and query.order_product_id in (None, candidate.product_id)
    )


def link_is_allowed(row: Table) -> bool:
    """Tell whether a candidate's row of evidence allows an automatic link.

    The told lot must equal the batch's, or differ as hands slip and not as sibling lots differ; and a name or a barcode
    must agree as well: many codes are in use at several firms, and the batch may be one that nobody registered.
    """
    cost = row[PLACES["lot.cost"]]
    is_near = 0 <= cost <= ONE_MAX and row[PLACES["lot.other"]] <= 0 and row[PLACES["lot.extra"]] <= 0
    return bool((lot_is_equal(row) or is_near) and row[PLACES["gtin.differs"]] <= 0 and names_agree(row))


def lot_is_equal(row: Table) -> bool:
    """Tell whether a told lot equals the batch's, look-alikes, labels, glued dates and a split in two aside."""
    return bool(0 <= row[PLACES["lot.cost"]] <= EQUAL_MAX)


def names_agree(row: Table) -> bool:
    """Tell whether anything but the lot speaks for the product: a word of a name, or the barcode."""
    return bool(row[_NAMED].max() >= NAMED_MIN)


def order_fits(query: Query, candidate: Candidate) -> bool:
    """Tell whether the buyer's order is of this seller and product (and of this batch, where the order knows it)."""
    return (
        query.order_seller_id == candidate.seller_id
        and query.order_product_id == candidate.product_id
        and query.order_batch_id in (None, candidate.batch_id)
    )


def runners_up(scored: Sequence[Scored], *, lot_told: bool) -> tuple[RunnerUp, ...]:
    """Return the next batches that may be meant, of the scored (best first).

    Where no lot was told, the first batch of each next product.
    """
    if not scored:
        return ()
    best = scored[0]
    if lot_told:
        others = list(scored[1:])
    else:
        others, seen = [], {best.candidate.product_id}
        for one in scored[1:]:
            if one.candidate.product_id not in seen:
                seen.add(one.candidate.product_id)
                others.append(one)
    near = [one for one in others[:RUNNERS_UP_MAX] if best.total - one.total <= RUNNER_UP_MARGIN_MAX]
    return tuple(RunnerUp(one, best.total - one.total) for one in near)


def score_of(decision: Decision, *, lot_told: bool) -> float:
    """Return what is held against the thresholds: of the batch where a lot was told, else of the product."""
    return decision.batch_score if lot_told else decision.product_score
