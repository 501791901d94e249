"""What the service would answer to complaints whose batch is known: the very code that it runs, over files.

Here stands everything that the rest of the project asks of the trainer and the ranker, so that they may change inside.
Complaints of one product are in one of five folds; what is said of a fold comes from a model that saw nothing of it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import exp
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from service.complaints.matching.calibrate import Model, model_from, shipped_model
from service.complaints.matching.cases import Case, read_cases
from service.complaints.matching.decide import decide
from service.complaints.matching.facts import Candidate, Outcome, Query, Scored
from service.complaints.matching.labelled import (
    Labelled,
    check_registry,
    has_truth,
    read_labelled,
    write_labelled,
    write_registry,
)
from service.complaints.matching.measures import HIDDEN_LINKED_MAX, Answer, Place, choose_threshold, figures, shares
from service.complaints.matching.score import score
from service.complaints.matching.shelf import Shelf, read_registry
from service.complaints.matching.train import START, train
from service.core.lots import fold_lot

FOLDS = 5
RANKED_MAX = 10
STANDARD_PRECISION, STRICT_PRECISION = 0.993, 0.999  # a threshold chosen at exactly 0.99 misses it elsewhere
CHANCE_MIN = 0.5  # nothing counts below even odds, however easy the complaints are
Told = Callable[[str, int, int], None]
"""Hears of progress: (what, done, of how many)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A registry with complaints about it; `registry_file` where it came from a file that the trainer can read."""

    registry: Sequence[Candidate]
    complaints: Sequence[Labelled]
    registry_file: Path | None = None


@dataclass(frozen=True, slots=True)
class CrossFitted:
    """A model trained on everything, and what models that did not see them say of the same complaints.

    `hidden` are answers to the complaints with a lot once their true batch is taken out of the registry.
    """

    content: dict[str, Any]
    report: dict[str, Any]
    answers: tuple[Answer, ...]
    beside: tuple[Answer, ...]
    hidden: tuple[Answer, ...]


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


def answer(complaint: Labelled, found: Sequence[Candidate], model: Model) -> Answer:
    """Return what the service says of a complaint with these candidates: its decision, and ten batches in order.

    The score is the probability of the batch where a lot was told, of its product where none was.
    """
    ranked = _rank(complaint.query, found, model)
    decision = decide(complaint.query, ranked, model)
    first = decision.probability if complaint.lot_told else decision.product_probability
    places = tuple(
        Place(
            str(one.candidate.batch_id),
            str(one.candidate.product_id),
            first * exp(max(min(one.total - ranked[0].total, 0.0), -30.0)),
        )
        for one in ranked[:RANKED_MAX]
    )
    return Answer(complaint, places, first, decision.outcome == Outcome.LINKED, decision.strict, str(decision.outcome))


def _rank(query: Query, found: Sequence[Candidate], model: Model) -> Sequence[Scored]:
    return score(query, found, model.weights)


def _read_cases(registry: Path, complaints: Path) -> list[Case]:
    return read_cases(registry, complaints, START)


def evaluate(registry: Path, complaints: Path, *, train_on: Path | None, told: Told = lambda *_: None) -> Evaluated:
    """Answer every complaint of a file, without a database.

    With `train_on` model and thresholds come from that file alone: the model is trained on all of it, the thresholds
    are chosen on answers of models that did not see the complaint's product. If it is the very file that is to be
    answered, those answers are returned. Without it the shipped model and its thresholds serve. Raises `Invalid`.
    """
    check_registry(registry)
    knows = has_truth(complaints)
    asked = read_labelled(complaints, needs_truth=knows)
    taught = [] if train_on is None else read_labelled(train_on, needs_truth=True)
    batches = read_registry(registry)
    if train_on is None:
        model = shipped_model()
        threshold = max(model.standard_threshold, model.product_threshold)
        strict_threshold = max(model.strict_threshold, threshold)
    else:
        fitted = cross_fit([Source(batches, taught, registry)], beside=None, told=told)
        model = model_from(fitted.content)
        threshold = max(choose_threshold(fitted.answers, STANDARD_PRECISION), CHANCE_MIN)
        strict_threshold = max(choose_strict(fitted), threshold)
        if train_on.read_bytes() == complaints.read_bytes():
            return Evaluated(
                model.version, fitted.answers, threshold, strict_threshold, is_out_of_fold=True, has_truth=True
            )
    shelf = Shelf(batches)
    answers = []
    for place, each in enumerate(asked, start=1):
        answers.append(answer(each, shelf.candidates(each.query), model))
        told("answering", place, len(asked))
    return Evaluated(model.version, tuple(answers), threshold, strict_threshold, is_out_of_fold=False, has_truth=knows)


def choose_strict(fitted: CrossFitted) -> float:
    """Return the score above which 99.9 % are right and hardly any complaint about an unregistered batch lies."""
    unknown = [one for one in fitted.answers if not one.complaint.batch]
    return max(
        choose_threshold(fitted.answers, STRICT_PRECISION),
        shares(unknown, HIDDEN_LINKED_MAX),
        shares(fitted.hidden, HIDDEN_LINKED_MAX),
    )


def fold_of(complaint: Labelled) -> int:
    """Return the fold of a complaint: that of its product, whatever else is in the file."""
    return int.from_bytes(blake2b(complaint.group.encode(), digest_size=4).digest(), "big") % FOLDS


def cross_fit(sources: Sequence[Source], *, beside: Model | None, told: Told = lambda *_: None) -> CrossFitted:
    """Train on everything and on all but each fold; answer each fold with the model that did not see it.

    `beside` answers the same complaints. Training reads files, so what came from the database is written into a folder
    of this process and removed at the end.
    """
    cases: list[list[Case]] = [[] for _ in range(FOLDS)]
    with TemporaryDirectory(prefix="fairhold-training-") as folder:
        for number, source in enumerate(sources):
            registry = source.registry_file or Path(folder) / f"registry-{number}.csv"
            if source.registry_file is None:
                write_registry(registry, source.registry)
            for fold in range(FOLDS):
                kept = [one for one in source.complaints if fold_of(one) == fold]
                if kept:
                    complaints = Path(folder) / f"complaints-{number}-{fold}.csv"
                    write_labelled(complaints, kept)
                    cases[fold] += _read_cases(registry, complaints)
                told("reading", number * FOLDS + fold + 1, len(sources) * FOLDS)
    models = []
    for fold in range(FOLDS):
        others = [case for place, each in enumerate(cases) if place != fold for case in each]
        models.append(model_from(train(others)[0]))
        told("training", fold + 1, FOLDS + 1)
    content, report = train([case for each in cases for case in each])
    told("training", FOLDS + 1, FOLDS + 1)
    answers, old, hidden = _answer_all(sources, models, beside, told)
    return CrossFitted(dict(content), dict(report), answers, old, hidden)


def _answer_all(
    sources: Sequence[Source], models: Sequence[Model], beside: Model | None, told: Told
) -> tuple[tuple[Answer, ...], tuple[Answer, ...], tuple[Answer, ...]]:
    answers: list[Answer] = []
    old: list[Answer] = []
    hidden: list[Answer] = []
    total = sum(len(source.complaints) for source in sources)
    for source in sources:
        shelf = Shelf(source.registry)
        for each in source.complaints:
            found, model = shelf.candidates(each.query), models[fold_of(each)]
            answers.append(answer(each, found, model))
            if beside is not None:
                old.append(answer(each, found, beside))
            rest = without_truth(each, found)
            if rest is not None:
                hidden.append(answer(each, rest, model))
            told("answering", len(answers), total)
    return tuple(answers), tuple(old), tuple(hidden)


def without_truth(complaint: Labelled, found: Iterable[Candidate]) -> list[Candidate] | None:
    """Return the candidates without the true batch; None where no lot was told, it was not found, or it has a twin.

    A twin is the same lot of the same seller under another product: nobody could tell.
    """
    among = list(found)
    truth = next((one for one in among if str(one.batch_id) == complaint.batch), None)
    if truth is None or not complaint.lot_told:
        return None
    rest = [one for one in among if one is not truth]
    lot = fold_lot(truth.lot_code)
    has_twin = any(one.seller_id == truth.seller_id and fold_lot(one.lot_code) == lot for one in rest)
    return None if has_twin else rest


def predictions(answers: Iterable[Answer]) -> Iterable[tuple[str, str, str, int]]:
    """Yield (complaint_id, batch_id, score, rank), at most ten of a complaint."""
    for one in answers:
        for rank, place in enumerate(one.places, start=1):
            yield one.complaint.complaint_id, place.batch, f"{place.score:.9f}", rank
