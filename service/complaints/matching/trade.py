"""What the way of goods says of batches: who sold them (`agent`), and where (`region`). Weighed by hand.

It orders what people pick from and links nothing; of two like batches, for one of which it speaks, people choose.
Sellers write down themselves to whom their goods went, so what speaks against a batch takes no link away.
(docs/decisions/0027-agent-and-region.md)
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.complaints.matching.calibrate import Model, probabilities
from service.complaints.matching.decide import RUNNERS_UP_MAX, runners_up
from service.complaints.matching.evidence import Evidence
from service.complaints.matching.facts import Candidate, Decision, FieldScore, Key, Outcome, Query, RunnerUp, Scored
from service.complaints.matching.score import EXPLAINED
from service.core.names import name_key

WEIGHED: Final = EXPLAINED
"""How many of the best candidates the way of goods may order: those that have reasons."""
WEIGHTS: Final[Mapping[str, float]] = {
    "agent_handed": 1.0, "agent_own": 0.8, "agent_handed_above": 0.6, "agent_of_principal": 0.5,
    "agent_elsewhere": -0.5, "agent_handed_later": -0.5, "agent_not_told": 0.0,
    "region_same_area": 0.6, "region_same_country": 0.2, "region_elsewhere": -0.3, "region_not_told": 0.0,
}  # fmt: skip
"""Log-odds of each reason. An order of the buyer's weighs 1 to 4, another lot far more."""
_VALUES: Final[Mapping[str, float]] = {
    "agent_handed": 1.0, "agent_own": 1.0, "agent_handed_above": 0.7, "agent_of_principal": 0.5,
    "agent_elsewhere": 0.0, "agent_handed_later": 0.0,
    "region_same_area": 1.0, "region_same_country": 0.5, "region_elsewhere": 0.0,
}  # fmt: skip
SALES_MIN: Final = 3
"""Fewer other orders into an area say nothing: whoever asks should not learn where one buyer lives."""
PLACED_MIN: Final = 30
"""So many orders must be known, none of them of the told place, before a batch counts as sold elsewhere."""
NAMES_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Way:
    """What is recorded of a batch beside one complaint: who got it by the day of the purchase, and where it was sold.

    `to_seller` is whether it came to who sold the goods, `to_seller_ever` later as well, `to_above` to somebody whose
    goods they sell, `to_others` from its owner to anybody. The numbers are of orders and stop just above `SALES_MIN` or
    `PLACED_MIN`; `in_province` is as wide as the first two figures of a Chinese area, `placed` counts orders of the
    country whose area can be compared with the told one.
    """

    is_of_principal: bool = False
    to_seller: bool = False
    to_above: bool = False
    to_seller_ever: bool = False
    to_others: bool = False
    in_area: int = 0
    in_province: int = 0
    in_country: int = 0
    placed: int = 0
    abroad: int = 0
    held_in_country: bool = False


Ways = Mapping[Key, Way]


def is_code(area: str) -> bool:
    """Whether an area is a code in figures, as China's divisions are: the first two are the province."""
    return area.isascii() and area.isdigit()


def tells(query: Query) -> bool:
    """Whether a complaint says by whom or where the goods were sold."""
    return query.sold_by is not None or bool(query.country)


def names_told(query: Query) -> tuple[tuple[str, ...], ...]:
    """Return the keys of names that a buyer wrote of who sold the goods: of the agent, then of the seller.

    The whole of each text and its parts between marks, because people write "Suyun shop, WeChat".
    """
    return tuple(keys for text in (query.agent_text, query.seller_text) if (keys := _keys(text)))


def _keys(text: str) -> tuple[str, ...]:
    parts = [text, *_split(text)]
    return tuple(dict.fromkeys(key for part in parts if (key := name_key(part))))[:NAMES_MAX]


def _split(text: str) -> list[str]:
    for mark in ",，、;；/|()（）@\n":
        text = text.replace(mark, "\t")
    return text.split("\t")


def fields_of(query: Query, candidate: Candidate, way: Way) -> tuple[FieldScore, ...]:
    """Return what the way of a batch says for it, of what the complaint tells."""
    found = []
    if query.sold_by is not None:
        # That the order's seller registered the batch is weighed as evidence of the order.
        is_counted = query.order_seller_id is not None and query.order_seller_id == candidate.seller_id
        found.append(_field("agent", _agent(query, candidate, way), is_counted=is_counted))
    if query.country:
        found.append(_field("region", _region(query, candidate, way), is_counted=False))
    return tuple(found)


def _field(field: str, reason: str, *, is_counted: bool) -> FieldScore:
    weight = 0.0 if is_counted and reason == "agent_own" else WEIGHTS[reason]
    return FieldScore(field, _VALUES.get(reason), weight, reason)


def _agent(query: Query, candidate: Candidate, way: Way) -> str:
    if way.to_seller:
        return "agent_handed"
    if query.sold_by == candidate.seller_id:
        return "agent_own"
    if way.to_above:
        return "agent_handed_above"
    if way.to_seller_ever:
        return "agent_handed_later"
    if way.to_others:
        return "agent_elsewhere"
    return "agent_of_principal" if way.is_of_principal else "agent_not_told"


def _region(query: Query, candidate: Candidate, way: Way) -> str:
    own = int(query.order_batch_id == candidate.batch_id)  # a buyer's own order is no witness of where a batch was sold
    own_in_area = own if query.area else 0
    if query.area and way.in_area - own_in_area >= SALES_MIN:
        return "region_same_area"
    is_here = way.in_country - own > 0 or way.held_in_country
    if is_code(query.area):
        is_elsewhere = way.in_province - own <= 0 and way.placed - own + way.abroad >= PLACED_MIN
    else:
        is_elsewhere = not is_here and way.abroad >= PLACED_MIN
    if is_elsewhere:
        return "region_elsewhere"
    return "region_same_country" if is_here else "region_not_told"


def with_ways(
    decision: Decision,
    query: Query,
    evidence: Evidence,
    scored: Sequence[Scored],
    ways: Ways,
    model: Model,
    *,
    is_curated: bool,
) -> Decision:
    """Return the decision with what the way of goods says of its batches, and what people pick from in that order.

    `query` is that of the evidence with who sold the goods. Nothing is linked and no product certain that was not. A
    link, and a certain product, stays unless another batch passes it for which the way of goods itself speaks: then
    people pick. Where another batch comes first, no score of it is above that of the batch that it passed. `is_curated`
    says that photos chose the runners-up, which then stay behind the first as they are.
    """
    best = decision.best
    if best is None or not ways:
        return decision
    weighed = _weighed(query, scored, ways)
    by_id = {one.candidate.batch_id: one for one in weighed}
    first = _first(decision, best, by_id, weighed)
    others = [_same(each.scored, by_id) for each in decision.runners_up]
    if is_curated:
        behind = _behind(first, [_same(best, by_id), *others])
    else:
        rest = [one for one in weighed if one.candidate.batch_id != first.candidate.batch_id]
        behind = runners_up([first, *rest], lot_told=bool(evidence.readings))
        behind = tuple(RunnerUp(each.scored, max(each.margin, 0.0)) for each in behind)
    found = dataclasses.replace(decision, best=first, runners_up=behind)
    if first.candidate.batch_id == best.candidate.batch_id:
        return found
    order = [next(one for one in scored if one.row == first.row), *(one for one in scored if one.row != first.row)]
    batch, product = probabilities(model, evidence, order)
    is_same = first.candidate.product_id == best.candidate.product_id
    found = dataclasses.replace(
        found,
        probability=min(batch, decision.probability),
        product_probability=decision.product_probability if is_same else min(product, decision.product_probability),
        batch_score=min(batch, decision.batch_score),
        product_score=decision.product_score if is_same else min(product, decision.product_score),
    )
    if _settles(decision, best, first):
        found = dataclasses.replace(found, outcome=Outcome.SUGGESTED, strict=False, batch_score=0.0, product_score=0.0)
    return found


def _settles(decision: Decision, best: Scored, other: Scored) -> bool:
    """Whether the decision says more of its first batch than people may be asked about, if the other one is meant."""
    is_same = other.candidate.product_id == best.candidate.product_id
    return decision.outcome is Outcome.LINKED or (decision.outcome is Outcome.PRODUCT_ONLY and not is_same)


def _weighed(query: Query, scored: Sequence[Scored], ways: Ways) -> list[Scored]:
    """Return the candidates in the order that the way of the first few gives them; equal totals by the batch's id."""
    found = []
    for one in scored[:WEIGHED]:
        added = fields_of(query, one.candidate, ways.get(one.candidate.batch_id, Way()))
        total = round(one.total + sum(each.contribution for each in added), 9)
        found.append(dataclasses.replace(one, fields=(*one.fields, *added), total=total))
    found.sort(key=lambda one: (-one.total, str(one.candidate.batch_id)))
    return [*found, *scored[WEIGHED:]]


def _first(decision: Decision, best: Scored, by_id: Mapping[Key, Scored], weighed: Sequence[Scored]) -> Scored:
    """Return who comes first. What the first one's own seller wrote of it does not undo what is settled about it."""
    if best.candidate.batch_id not in by_id or any(each.field == "photo" for each in best.fields):
        return _same(best, by_id)
    for one in weighed:
        if one.candidate.batch_id == best.candidate.batch_id or not _settles(decision, best, one):
            return one
        if sum(each.contribution for each in _added(one)) > 0:
            return one
    return _same(best, by_id)


def _added(one: Scored) -> tuple[FieldScore, ...]:
    return tuple(each for each in one.fields if each.field in ("agent", "region"))


def _same(one: Scored, by_id: Mapping[Key, Scored]) -> Scored:
    """Return the same batch with what its way says and the reasons that it has."""
    weighed = by_id.get(one.candidate.batch_id)
    if weighed is None:
        return one
    return dataclasses.replace(one, fields=(*one.fields, *_added(weighed)), total=weighed.total)


def _behind(first: Scored, others: Sequence[Scored]) -> tuple[RunnerUp, ...]:
    kept: dict[Key, RunnerUp] = {}
    for one in others:
        if one.candidate.batch_id != first.candidate.batch_id:
            kept.setdefault(one.candidate.batch_id, RunnerUp(one, max(first.total - one.total, 0.0)))
    return tuple(kept.values())[:RUNNERS_UP_MAX]
