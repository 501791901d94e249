"""Figures of answers whose truth is known, and whether one model is worse than another."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from service.complaints.matching.labelled import Labelled

NOISE = 2.0  # standard errors: a smaller difference may be chance


@dataclass(frozen=True, slots=True)
class Place:
    """A batch in an answer; `score` of the first is the answer's, of the others what is left of it."""

    batch: str
    product: str
    score: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of a complaint: batches in order, and what the service would do by its own thresholds."""

    complaint: Labelled
    places: tuple[Place, ...]
    score: float
    is_linked: bool
    is_strict: bool
    outcome: str

    @property
    def batch_right(self) -> bool:
        """Whether the first batch is the right one."""
        return bool(self.complaint.batch and self.places) and self.places[0].batch == self.complaint.batch

    @property
    def product_right(self) -> bool:
        """Whether the first batch is of the right product."""
        return bool(self.complaint.batch and self.places) and self.places[0].product == self.complaint.product

    @property
    def is_right(self) -> bool:
        """As the data's scorer counts: the batch where a lot was told, its product where none was."""
        return self.batch_right if self.complaint.lot_told else self.product_right

    def reaches(self, threshold: float) -> bool:
        """Whether the first batch's score is at or above a threshold."""
        return bool(self.places) and self.score >= threshold

    def has_batch(self, among: int) -> bool:
        """Whether the right batch is among the first ones."""
        return any(place.batch == self.complaint.batch for place in self.places[:among])

    def has_product(self, among: int) -> bool:
        """Whether the right product is among the first different ones."""
        return self.complaint.product in list(dict.fromkeys(place.product for place in self.places))[:among]


def share(values: Iterable[bool]) -> float | None:
    """Return the part that is true, rounded to four places; None of nothing."""
    listed = list(values)
    return round(sum(listed) / len(listed), 4) if listed else None


def recalls(answers: Sequence[Answer]) -> dict[str, float | None]:
    """Return how often the right batch, or without a lot the right product, comes first and among the first."""
    with_lot = [one for one in answers if one.complaint.batch and one.complaint.lot_told]
    no_lot = [one for one in answers if one.complaint.batch and not one.complaint.lot_told]
    return {
        "recall_at_1": share(one.batch_right for one in with_lot),
        "recall_at_10": share(one.has_batch(10) for one in with_lot),
        "product_recall_no_lot": share(one.product_right for one in no_lot),
        "product_recall_no_lot_top3": share(one.has_product(3) for one in no_lot),
    }


def service_figures(answers: Sequence[Answer]) -> dict[str, float | int | None]:
    """Return what the service would do of itself by the model's own thresholds, and how often it would be right."""
    unknown = [one for one in answers if not one.complaint.batch]
    linked, strict = [one for one in answers if one.is_linked], [one for one in answers if one.is_strict]
    return {
        "complaints": len(answers),
        **recalls(answers),
        "linked": share(one.is_linked for one in answers),
        "linked_precision": share(one.batch_right for one in linked),
        "strict_linked": share(one.is_strict for one in answers),
        "strict_precision": share(one.batch_right for one in strict),
        "unregistered_linked": share(one.is_linked for one in unknown),
        "strict_unregistered_linked": share(one.is_strict for one in unknown),
        "unmatched": share(one.outcome == "unmatched" for one in answers),
    }


def figures(answers: Sequence[Answer], threshold: float, strict_threshold: float) -> dict[str, Any]:
    """Return the figures of all answers, and by language and difficulty, at these two thresholds of the score."""

    def at(some: Sequence[Answer]) -> dict[str, Any]:
        found: dict[str, Any] = service_figures(some)
        unknown = [one for one in some if not one.complaint.batch]
        for name, limit in (("threshold", threshold), ("strict_threshold", strict_threshold)):
            found[f"at_{name}"] = {
                "coverage": share(one.reaches(limit) for one in some),
                "precision": share(one.is_right for one in some if one.reaches(limit)),
                "unregistered_linked": share(one.reaches(limit) for one in unknown),
            }
        return found

    def by(key: Callable[[Answer], str]) -> dict[str, Any]:
        names = sorted({key(one) for one in answers})
        return {name or "none": at([one for one in answers if key(one) == name]) for name in names}

    return {
        "all": at(answers),
        "lang": by(lambda one: one.complaint.query.lang),
        "difficulty": by(lambda one: one.complaint.difficulty),
    }


def worse_in(new: Sequence[Answer], old: Sequence[Answer]) -> list[str]:
    """Return in what `new` is worse than `old` by more than chance explains; both answer the same complaints.

    Recall and what is rightly linked are compared complaint by complaint (as McNemar's test does), the precision of
    links by the standard error of two shares.
    """
    compared: dict[str, Callable[[Answer], bool]] = {
        "recall_at_1": lambda one: one.complaint.lot_told and one.batch_right,
        "recall_at_10": lambda one: one.complaint.lot_told and bool(one.complaint.batch) and one.has_batch(10),
        "product_recall_no_lot": lambda one: not one.complaint.lot_told and one.product_right,
        "linked": lambda one: one.is_linked and one.batch_right,
        "strict_linked": lambda one: one.is_strict and one.batch_right,
    }
    worse = [name for name, holds in compared.items() if _lost(new, old, holds)]
    if _less_precise([one for one in new if one.is_linked], [one for one in old if one.is_linked]):
        worse.append("linked_precision")
    if _less_precise([one for one in new if one.is_strict], [one for one in old if one.is_strict]):
        worse.append("strict_precision")
    return worse


def _lost(new: Sequence[Answer], old: Sequence[Answer], holds: Callable[[Answer], bool]) -> bool:
    pairs = [(holds(one), holds(other)) for one, other in zip(new, old, strict=True)]
    lost, gained = pairs.count((False, True)), pairs.count((True, False))
    return bool(lost - gained > NOISE * (lost + gained) ** 0.5)


def _less_precise(new: Sequence[Answer], old: Sequence[Answer]) -> bool:
    if not new or not old:
        return False
    wrong, wrong_old = (sum(not one.batch_right for one in some) for some in (new, old))
    both = (wrong + wrong_old) / (len(new) + len(old))
    error = (both * (1 - both) * (1 / len(new) + 1 / len(old))) ** 0.5
    return bool(wrong / len(new) - wrong_old / len(old) > NOISE * error)
