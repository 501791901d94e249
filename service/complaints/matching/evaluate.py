"""What the service would answer to complaints whose batch is known: the very code that it runs, over files.

Complaints of one product are in one of five folds; what is said of a fold comes from a model that saw nothing of it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

from service.complaints.matching.calibrate import Model, model_from, shipped_model
from service.complaints.matching.cases import cases_of, fold_of
from service.complaints.matching.decide import decide, score_of
from service.complaints.matching.facts import Candidate, Outcome
from service.complaints.matching.labelled import Labelled, check_registry, has_truth, read_labelled
from service.complaints.matching.match import rank
from service.complaints.matching.measures import Answer, Place, figures
from service.complaints.matching.shelf import Shelf, read_registry
from service.complaints.matching.train import Told, train
from service.core.errors import Conflict

RANKED_MAX = 10
_FAR_BACK = 30.0  # log-odds behind the first: nothing is left of its score


@dataclass(frozen=True, slots=True)
class Source:
    """A registry with complaints about it."""

    registry: Sequence[Candidate]
    complaints: Sequence[Labelled]


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """A model trained on everything, and what models that did not see them say of the same complaints.

    `beside` are the answers of another model to the same complaints, in the same order; none without one.
    """

    content: dict[str, Any]
    answers: tuple[Answer, ...]
    beside: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The answers to a file's complaints, in its order, and the two thresholds by which they are judged."""

    model_version: str
    answers: tuple[Answer, ...]
    threshold: float
    strict_threshold: float
    is_out_of_fold: bool
    has_truth: bool

    @property
    def figures(self) -> dict[str, Any]:
        """Figures of all complaints, and by language and difficulty; they say nothing where the file has no truth."""
        return figures(self.answers, self.threshold, self.strict_threshold)


def answer(complaint: Labelled, shelf: Shelf, model: Model) -> Answer:
    """Return what the service says of a complaint: its decision, and the first ten batches.

    The score of the first is what is held against the thresholds: of the batch where a lot was told, of its product
    where none was, and nothing where a link may not be automatic.
    """
    evidence, ranked = rank(complaint.query, shelf.find(complaint.query), model)
    decision = decide(evidence, ranked, model)
    score = score_of(decision, lot_told=complaint.lot_told)
    places = tuple(
        Place(
            str(one.candidate.batch_id),
            str(one.candidate.product_id),
            score * exp(max(min(one.total - ranked[0].total, 0.0), -_FAR_BACK)),
        )
        for one in ranked[:RANKED_MAX]
    )
    is_linked = decision.outcome == Outcome.LINKED
    return Answer(complaint, places, score, is_linked, decision.strict, str(decision.outcome))


def evaluate(registry: Path, complaints: Path, *, train_on: Path | None, told: Told = lambda *_: None) -> Evaluated:
    """Answer every complaint of a file, without a database.

    With `train_on` model and thresholds come from that file alone: the model is trained on all of it, the thresholds
    are chosen on answers of models that did not see the complaint's product. If it is the very file that is to be
    answered, such answers are returned. Without it the shipped model and its thresholds serve. Raises `Invalid` for
    what is wrong with a file, `Conflict` ("nothing_to_learn").
    """
    check_registry(registry)
    knows = has_truth(complaints)
    asked = read_labelled(complaints, needs_truth=knows)
    model, version, is_same = shipped_model(), shipped_model().version, False
    answers: tuple[Answer, ...] = ()
    if train_on is not None:
        taught = Source(read_registry(registry), read_labelled(train_on, needs_truth=True))
        fitted = cross_fit([taught], beside=None, told=told)
        model, answers = model_from(fitted.content), fitted.answers
        version = f"trained on {train_on.name}"
        is_same = train_on.read_bytes() == complaints.read_bytes()
    if not is_same:
        shelf = Shelf(read_registry(registry))
        answers = _answered(asked, shelf, lambda _: model, told)
    return Evaluated(
        model_version=version,
        answers=answers,
        threshold=model.standard_threshold,
        strict_threshold=model.strict_threshold,
        is_out_of_fold=is_same,
        has_truth=knows,
    )


def cross_fit(sources: Sequence[Source], *, beside: Model | None, told: Told = lambda *_: None) -> CrossFitted:
    """Train on everything; answer each complaint with a model that saw nothing of its fold, and with another one.

    Raises `Conflict` ("nothing_to_learn").
    """
    shelves = [Shelf(source.registry) for source in sources]
    cases = [
        case for shelf, source in zip(shelves, sources, strict=True) for case in cases_of(shelf, source.complaints)
    ]
    try:
        trained = train(cases, told=told)
    except ValueError as error:
        raise Conflict("nothing_to_learn", f"these complaints teach nothing: {error}") from error
    models = [model_from(content) for content in trained.by_fold]
    answers: tuple[Answer, ...] = ()
    others: tuple[Answer, ...] = ()
    for shelf, source in zip(shelves, sources, strict=True):
        answers += _answered(source.complaints, shelf, lambda one: models[fold_of(one)], told)
        if beside is not None:
            others += _answered(source.complaints, shelf, lambda _: beside, told)
    return CrossFitted(trained.content, answers, others)


def predictions(answers: Iterable[Answer]) -> Iterable[tuple[str, str, str, int]]:
    """Yield (complaint_id, batch_id, score, rank), at most ten of a complaint."""
    for one in answers:
        for place_number, place in enumerate(one.places, start=1):
            yield one.complaint.complaint_id, place.batch, f"{place.score:.9f}", place_number


def _answered(
    complaints: Sequence[Labelled], shelf: Shelf, model_of: Callable[[Labelled], Model], told: Told
) -> tuple[Answer, ...]:
    answers = []
    for number, each in enumerate(complaints, start=1):
        answers.append(answer(each, shelf, model_of(each)))
        told("answering", number, len(complaints))
    return tuple(answers)
