"""What photos seem to say and nobody has confirmed: it suggests batches and holds a link back, and never links.

The decision is made on what was told alone. Beside it the complaint is looked at as if what its photos say had been
told: what that finds is suggested, at most. An automatic link does not stand against a photo that shows another
registered lot of the product (or a barcode of another registered product): an innocent batch must not be frozen.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from service.complaints.matching.decide import RUNNER_UP_MARGIN_MAX, RUNNERS_UP_MAX
from service.complaints.matching.evidence import PLACES, Evidence
from service.complaints.matching.facts import Candidate, Decision, FieldScore, Key, Outcome, Query, RunnerUp, Scored
from service.complaints.matching.lot_fits import ONE_MAX
from service.complaints.matching.lot_readings import Source
from service.complaints.matching.normalise import gtin14
from service.core.lots import fold_lot

HELD_BACK_MAX = 0.5
"""So probable is a batch at most that a photo speaks against: it is one of two. Training has no such complaints."""
OTHER_LOT, OTHER_PRODUCT = "photo_shows_other_lot", "photo_shows_other_product"


def told_alone(query: Query) -> Query:
    """Return what was told, without what photos seem to say."""
    if not (query.photo_lots or query.photo_gtins):
        return query
    return dataclasses.replace(query, photo_lots=(), photo_gtins=())


def looks(query: Query) -> tuple[Query, ...]:
    """Return what is to be looked up: what was told and, where photos say more, that with what they say."""
    told = told_alone(query)
    return (told,) if told is query else (told, query)


def with_photos(told: Decision, evidence: Evidence, scored: Sequence[Scored], seen: Decision) -> Decision:
    """Return the decision on what was told as photos change it.

    `seen` is what would be decided, on `evidence` and `scored`, if what the photos seem to say had been told.
    """
    shown = _shown(evidence, scored)
    decision = dataclasses.replace(told, shown=tuple(shown))
    best = told.best
    if told.outcome is Outcome.LINKED and best is not None:
        reason = _against(decision, best.candidate, evidence, scored)
        return decision if reason is None else _held_back(decision, best, reason, shown, scored, seen)
    if seen.best is None or not _is_by_photo(evidence, seen.best):
        return decision
    if told.outcome is Outcome.PRODUCT_ONLY and best is not None:
        # That the product is certain is not for a photo to say, nor that it is another one.
        is_same = seen.best.candidate.product_id == best.candidate.product_id
        first, outcome = (seen.best if is_same else best), Outcome.PRODUCT_ONLY
    elif seen.outcome is not Outcome.UNMATCHED:
        first, outcome = seen.best, Outcome.SUGGESTED
    else:
        return decision
    known = [best] if best is not None and told.outcome is not Outcome.UNMATCHED else []
    others = [seen.best, *known, *shown, *(each.scored for each in (*seen.runners_up, *told.runners_up))]
    return dataclasses.replace(
        decision,
        outcome=outcome,
        best=first,
        runners_up=_runners_up(first, others, scored),
        probability=seen.probability if first is seen.best else told.probability,
        product_probability=seen.product_probability if first is seen.best else told.product_probability,
        alone=told,
    )


def shows_other_lot(decision: Decision, batch_id: Key, product_id: Key) -> Scored | None:
    """Return the other batch of the product whose lot a photo shows, if none shows that of this batch."""
    if any(each.candidate.batch_id == batch_id for each in decision.shown):
        return None
    return next((each for each in decision.shown if each.candidate.product_id == product_id), None)


def other_lot_reason(other: Scored) -> FieldScore:
    """Return the reason that a batch is not linked because a photo shows the lot of another one."""
    facts = {"registered": other.candidate.lot_code, "source": Source.PHOTO.value}
    return FieldScore("photo", 0.0, 0.0, OTHER_LOT, facts)


def _against(decision: Decision, linked: Candidate, evidence: Evidence, scored: Sequence[Scored]) -> FieldScore | None:
    """Return what a photo says against an automatic link, or None."""
    other = shows_other_lot(decision, linked.batch_id, linked.product_id)
    if other is not None:
        return other_lot_reason(other)
    own = gtin14(linked.gtin)
    is_shown = any(each.candidate.batch_id == linked.batch_id for each in decision.shown)
    if is_shown or not own or gtin14(evidence.query.gtin) or not evidence.query.photo_gtins:
        return None
    equal = evidence.table[:, PLACES["gtin.equal"]]
    others = {gtin14(one.candidate.gtin) for one in scored if equal[one.row] > 0}
    if not others or own in others:
        return None
    return FieldScore("photo", 0.0, 0.0, OTHER_PRODUCT, {"registered": min(others), "source": Source.PHOTO.value})


def _held_back(
    decision: Decision,
    best: Scored,
    reason: FieldScore,
    shown: Sequence[Scored],
    scored: Sequence[Scored],
    seen: Decision,
) -> Decision:
    """Return a link as a suggestion, beside the batches that speak against it."""
    product_id = best.candidate.product_id
    first = [one for one in shown if one.candidate.product_id == product_id]
    by_photo = [seen.best] if seen.best is not None else []
    others = [*first, *by_photo, *(each.scored for each in (*seen.runners_up, *decision.runners_up))]
    return dataclasses.replace(
        decision,
        outcome=Outcome.SUGGESTED,
        strict=False,
        best=dataclasses.replace(best, fields=(*best.fields, reason)),
        runners_up=_runners_up(best, others, scored),
        probability=min(decision.probability, HELD_BACK_MAX),
        batch_score=0.0,
        alone=decision,
    )


def _shown(evidence: Evidence, scored: Sequence[Scored]) -> list[Scored]:
    """Return the batches whose lot a photo seems to show, the likeliest first, each with its reasons."""
    lots = {fold_lot(each) for each in evidence.query.photo_lots} - {""}
    found = []
    for one in scored:
        codes = [each for each in (one.candidate.lot_code, one.candidate.maker_lot_code) if fold_lot(each) in lots]
        if codes:
            facts = {"registered": codes[0], "source": Source.PHOTO.value}
            fields = one.fields or (FieldScore("lot", 1.0, 0.0, "lot_equal", facts),)
            found.append(dataclasses.replace(one, fields=fields))
    return found


def _is_by_photo(evidence: Evidence, best: Scored) -> bool:
    """Whether it is a photo that speaks for the batch: its lot is as told nowhere else, or its barcode is."""
    fit = evidence.lots[best.row] if evidence.readings else None
    by_lot = fit is not None and fit.reading is not None and fit.reading.source is Source.PHOTO and fit.cost <= ONE_MAX
    by_gtin = not gtin14(evidence.query.gtin) and evidence.table[best.row, PLACES["gtin.equal"]] > 0
    return bool(by_lot or by_gtin)


def _runners_up(best: Scored, others: Iterable[Scored], scored: Sequence[Scored]) -> tuple[RunnerUp, ...]:
    """Return the first few of the others, each batch once, and how far they are behind with all that is said."""
    totals = {one.candidate.batch_id: one.total for one in scored}
    own = totals.get(best.candidate.batch_id, best.total)
    kept: dict[Key, RunnerUp] = {}
    for one in others:
        batch_id = one.candidate.batch_id
        margin = min(max(own - totals.get(batch_id, one.total), 0.0), RUNNER_UP_MARGIN_MAX)
        if batch_id != best.candidate.batch_id:
            kept.setdefault(batch_id, RunnerUp(one, margin))
    return tuple(kept.values())[:RUNNERS_UP_MAX]
