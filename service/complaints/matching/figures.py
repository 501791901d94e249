"""What models say of complaints that they did not see: thresholds and honest figures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.complaints.matching.cases import Case
from service.complaints.matching.facts import Key

# The promise is 0.99; a threshold chosen at exactly 0.99 misses it on other data as often as not.
STANDARD_PRECISION, STRICT_PRECISION = 0.993, 0.999
LINK_CHANCE_MIN = 0.5  # nothing links itself below even odds, however precise the rest is
HIDDEN_LINKED_MAX = 0.005  # share of copies with their truth hidden that the strict threshold may link
SUGGEST_THRESHOLD = 0.15


@dataclass(frozen=True, slots=True)
class Judged:
    """What the models say of one case that they were not trained on."""

    case: Case
    batch_p: float
    product_p: float
    linkable: bool
    named: bool
    batch_right: bool
    product_right: bool
    hidden: bool


def threshold_for(points: Iterable[tuple[float, bool]], precision: float) -> float:
    """Return the lowest probability above which at least `precision` of the points are right (2 if there is none)."""
    best, right = 2.0, 0
    ordered = sorted(points, reverse=True)
    for place, (chance, is_right) in enumerate(ordered, start=1):
        right += is_right
        if right / place >= precision and (place == len(ordered) or ordered[place][0] < chance):
            best = chance
    return best


def thresholds(judged: Sequence[Judged]) -> dict[str, float]:
    """Choose the thresholds; the strict one also holds on the copies whose true batch or product is hidden."""
    real = [one for one in judged if not one.hidden]
    return {
        "standard": max(threshold_for(_links(real), STANDARD_PRECISION), LINK_CHANCE_MIN),
        "strict": max(
            threshold_for(_links(real), STRICT_PRECISION),
            _share_at_most([one for one in judged if one.hidden and not one.case.product]),
            _share_at_most([one for one in judged if one.hidden and one.case.product]),
        ),
        "product": threshold_for(((one.product_p, one.product_right) for one in real if one.named), STANDARD_PRECISION),
        "suggest": SUGGEST_THRESHOLD,
    }


def _links(judged: Iterable[Judged]) -> Iterable[tuple[float, bool]]:
    return ((one.batch_p, one.batch_right) for one in judged if one.linkable)


def _share_at_most(hidden: Sequence[Judged]) -> float:
    chances = sorted((one.batch_p if one.linkable else 0.0 for one in hidden), reverse=True)
    return chances[int(len(chances) * HIDDEN_LINKED_MAX)] + 1e-9 if chances else 0.0


def figures(judged: Sequence[Judged], limits: Callable[[int], Mapping[str, float]]) -> dict[str, float]:
    """Return the figures of judged cases, each fold at the thresholds that the other folds chose."""
    real = [one for one in judged if not one.hidden]
    with_lot = [one for one in real if one.case.lot_told and one.case.batch]
    no_lot = [one for one in real if not one.case.lot_told and one.case.batch]
    unknown = [one for one in real if not one.case.batch]
    answer: dict[str, float] = {
        "recall_at_1": _mean(one.batch_right for one in with_lot),
        "recall_at_10": _mean(
            one.case.batch in {row.candidate.batch_id for row in one.case.scored} for one in with_lot
        ),
        "product_recall_no_lot": _mean(one.product_right for one in no_lot),
        "product_recall_no_lot_top3": _mean(one.case.product in _first_products(one, 3) for one in no_lot),
    }
    for name in ("standard", "strict"):
        linked = [one for one in real if one.linkable and one.batch_p >= limits(one.case.fold)[name]]
        answer[f"{name}_linked"] = len(linked) / max(len(real), 1)
        answer[f"{name}_precision"] = _mean(one.batch_right for one in linked)
        answer[f"{name}_unregistered_linked"] = _mean(one in linked for one in unknown)
        hidden = [one for one in judged if one.hidden and one.case.product and one.case.lot_told]
        answer[f"{name}_hidden_batch_linked"] = _mean(
            one.linkable and one.batch_p >= limits(one.case.fold)[name] for one in hidden
        )
    products = [one for one in real if one.named and one.product_p >= limits(one.case.fold)["product"]]
    answer["product_known"] = len(products) / max(len(real), 1)
    answer["product_precision"] = _mean(one.product_right for one in products)
    # As the data's scorer counts: the batch where a lot was told, the product where it was not.
    counted = [
        (one.batch_right if one.case.lot_told else one.product_right)
        for one in real
        if (one.linkable and one.batch_p >= limits(one.case.fold)["standard"])
        or (not one.case.lot_told and one.named and one.product_p >= limits(one.case.fold)["product"])
    ]
    answer["coverage_at_fixed_threshold"] = len(counted) / max(len(real), 1)
    answer["precision_at_threshold"] = _mean(counted)
    return answer


def _first_products(judged: Judged, count: int) -> list[Key]:
    return list(dict.fromkeys(one.candidate.product_id for one in judged.case.scored))[:count]


def _mean(values: Iterable[bool]) -> float:
    listed = list(values)
    return round(sum(listed) / len(listed), 4) if listed else 0.0


def reliability(judged: Sequence[Judged]) -> list[dict[str, float]]:
    """Return, for ten ranges of the batch's chance, how many real complaints fell there and how many were right."""
    table = []
    for tenth in range(10):
        inside = [
            one.batch_right
            for one in judged
            if not one.hidden and one.batch_p > 0 and min(int(one.batch_p * 10), 9) == tenth
        ]
        table.append({"from": tenth / 10, "complaints": len(inside), "right": _mean(inside)})
    return table
