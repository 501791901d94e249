"""How right answers are, counted as the data's own scorer counts (score.py beside the registry).

Where a lot was told the first batch must be the right one, elsewhere its product must be. An unregistered complaint has
no right answer. Every complaint has one score; coverage is the share of all complaints at or above a threshold, so that
one without an answer counts as not linked. Complaints with equal scores stay together on one side of a threshold.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf

from _complaints import Complaint

FIRST = 10  # batches of an answer that count
PRODUCTS_SHOWN = 3
PRECISION = 0.99


@dataclass(frozen=True, slots=True)
class Answer:
    """Batches, the best first and at most ten; their products, each once, at most three; None: found nothing."""

    batches: tuple[str, ...]
    products: tuple[str, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Scores from which a complaint is linked by itself, and from which the link counts in a signal."""

    standard: float
    strict: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A complaint with its answer and the limits that were chosen without its fold."""

    complaint: Complaint
    answer: Answer
    limits: Limits

    @property
    def right(self) -> bool:
        """Whether the first batch, or without a lot its product, is the right one."""
        if not self.complaint.batch or not self.answer.batches:
            return False
        if self.complaint.has_lot:
            return self.answer.batches[0] == self.complaint.batch
        return self.answer.products[0] == self.complaint.product

    @property
    def among_ten(self) -> bool:
        """Whether the right batch is among the first ten."""
        return bool(self.complaint.batch) and self.complaint.batch in self.answer.batches[:FIRST]

    @property
    def product_among_three(self) -> bool:
        """Whether the right product is among the first three."""
        return bool(self.complaint.product) and self.complaint.product in self.answer.products[:PRODUCTS_SHOWN]

    def reaches(self, limit: float) -> bool:
        """Tell whether it is linked at this limit."""
        return self.answer.score is not None and self.answer.score >= limit

    @property
    def linked(self) -> bool:
        """Whether it is linked by itself."""
        return self.reaches(self.limits.standard)

    @property
    def linked_strictly(self) -> bool:
        """Whether the link counts in a signal."""
        return self.reaches(self.limits.strict)


def threshold(points: Iterable[tuple[float | None, bool]], precision: float = PRECISION) -> float:
    """Return the lowest score from which on at least `precision` of the (score, right) are right; infinity if none is.

    >>> threshold([(0.9, True), (0.8, True), (0.8, False), (0.1, False)])
    0.9
    """
    scored = sorted(((score, right) for score, right in points if score is not None), reverse=True)
    best, count, right_ones = inf, 0, 0
    for score, tied in groupby(scored, key=lambda point: point[0]):
        for _, right in tied:
            count += 1
            right_ones += right
        if right_ones / count >= precision:
            best = score
    return best


def judged_by_other_folds(complaints: Sequence[Complaint], answers: Sequence[Answer]) -> list[Judged]:
    """Judge each complaint at the threshold that the complaints of the other folds choose."""
    free = [Judged(*pair, Limits(inf, inf)) for pair in zip(complaints, answers, strict=True)]
    limits: dict[int, Limits] = {}
    for fold in {complaint.fold for complaint in complaints}:
        points = [(one.answer.score, one.right) for one in free if one.complaint.fold != fold]
        limits[fold] = Limits(threshold(points), inf)
    return [Judged(one.complaint, one.answer, limits[one.complaint.fold]) for one in free]


def recalls(judged: Sequence[Judged]) -> dict[str, float]:
    """Return what the first answers are worth, whatever their score."""
    told = [one for one in judged if one.complaint.batch and one.complaint.has_lot]
    untold = [one for one in judged if one.complaint.batch and not one.complaint.has_lot]
    return {
        "recall_at_1": share(one.right for one in told),
        "recall_at_10": share(one.among_ten for one in told),
        "product_recall_no_lot": share(one.right for one in untold),
        "product_recall_no_lot_top3": share(one.product_among_three for one in untold),
    }


def links(judged: Sequence[Judged]) -> dict[str, float]:
    """Return what is linked by itself, and how much of that is right."""
    linked = [one for one in judged if one.linked]
    return {
        "coverage_at_fixed_threshold": share(one.linked for one in judged),
        "precision_at_threshold": share(one.right for one in linked),
    }


def strict_links(judged: Sequence[Judged]) -> dict[str, float]:
    """Return what is linked so surely that it counts in a signal, and how often that is of an unregistered product."""
    linked = [one for one in judged if one.linked_strictly]
    return {
        "strict_coverage": share(one.linked_strictly for one in judged),
        "strict_precision": share(one.right for one in linked),
        "strict_false_unregistered": share(one.linked_strictly for one in judged if not one.complaint.batch),
    }


def by_group(judged: Sequence[Judged], count: Callable[[Sequence[Judged]], Mapping[str, float]]) -> dict[str, float]:
    """Return the same figures of each language and each difficulty, named after them."""
    groups = sorted({group for one in judged for group in one.complaint.groups})
    return {
        f"{name}_{group}": value
        for group in groups
        for name, value in count([one for one in judged if group in one.complaint.groups]).items()
    }


def share(values: Iterable[bool]) -> float:
    """Return the share that is true; not a number if there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else float("nan")
