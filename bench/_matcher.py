"""All that the bench knows of the product's matching: how to open it, ask it, train it and time its stages."""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from _accuracy import FIRST, PRODUCTS_SHOWN, Answer, Limits

from service.complaints.matching import cases as training_cases
from service.complaints.matching.calibrate import Model, model_from
from service.complaints.matching.decide import decide, evidence_allows, names_agree
from service.complaints.matching.facts import Candidate, Decision, Query
from service.complaints.matching.lot_readings import readings_of
from service.complaints.matching.match import match_among
from service.complaints.matching.score import score
from service.complaints.matching.shelf import Shelf, read_registry
from service.complaints.matching.train import START, train

CANDIDATES_MAX = 100
Case = training_cases.Case


def read_cases(registry: Path, complaints: Path) -> list[Case]:
    """Return the complaints of a file as the product's training reads them."""
    return training_cases.read_cases(registry, complaints, START)


def folds_of(cases: Iterable[Case]) -> dict[str, int]:
    """Return the fold of each complaint: products of one fold are never in another."""
    return {case.complaint_id: case.fold for case in cases}


def trained_without(cases: Sequence[Case], fold: int) -> Mapping[str, object]:
    """Return a model that saw nothing of the fold, its thresholds chosen among the other folds."""
    model, _ = train([case for case in cases if case.fold != fold])
    return model


def query_of(told: Mapping[str, str]) -> Query:
    """Return the query of a complaint's row."""
    return training_cases.query_of(told)


def batches_of(registry: Path) -> Sequence[Candidate]:
    """Return a registry file's batches as the product indexes them."""
    return read_registry(registry)


def build(batches: Sequence[Candidate]) -> Shelf:
    """Index batches."""
    return Shelf(batches)


def add(shelf: Shelf, batches: Sequence[Candidate]) -> bool:
    """Add new batches to an index that stands; false where the product cannot."""
    put = getattr(shelf, "put", None)
    if put is None:
        return False
    put(batches)
    return True


def finds(shelf: Shelf, batch: Candidate) -> bool:
    """Tell whether the index finds a batch by its own lot and name."""
    query = Query(product_text=batch.name_en or batch.name_zh, brand_text=batch.seller_name, lot_text=batch.lot_code)
    return batch.batch_id in {one.batch_id for one in shelf.candidates(query)}


class Judge:
    """A model with its thresholds."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        self.model: Model = model_from(facts)

    @property
    def limits(self) -> Limits:
        """The two thresholds that scores of this judge are held against."""
        return Limits(self.model.standard_threshold, self.model.strict_threshold)

    def decide(self, shelf: Shelf, query: Query) -> Decision:
        """All stages, as the service runs them."""
        return match_among(query, shelf.candidates(query, limit=CANDIDATES_MAX), self.model)

    def answer(self, shelf: Shelf, query: Query, *, hidden: str = "") -> Answer:
        """Return what the product says, with the batches behind the first three; `hidden` is not registered then."""
        found = shelf.candidates(query, limit=CANDIDATES_MAX + bool(hidden))
        kept = [one for one in found if one.batch_id != hidden][:CANDIDATES_MAX]
        ranked = score(query, kept, self.model.weights)
        if not ranked:
            return Answer((), (), None)
        decision = decide(query, ranked, self.model)
        batches = [str(one.candidate.batch_id) for one in ranked[:FIRST]]
        products = dict.fromkeys(str(one.candidate.product_id) for one in ranked)
        return Answer(tuple(batches), tuple(products)[:PRODUCTS_SHOWN], self._score(query, decision))

    def _score(self, query: Query, decision: Decision) -> float:
        """One score: of the batch where a lot was told, else of the product, brought to the batch's threshold.

        A product alone is never strict: nothing but a batch counts in a signal.
        """
        model, best = self.model, decision.best
        if best is None:
            return 0.0
        if query.lot_text:
            return decision.probability if evidence_allows(best.features) else 0.0
        if not names_agree(best.features):
            return 0.0
        chance, limit = decision.product_probability, min(model.product_threshold, 1.0)
        if chance < model.product_threshold:
            return chance / limit * model.standard_threshold * 0.999
        room = max(model.strict_threshold - model.standard_threshold, 0.0) * 0.999
        return model.standard_threshold + room * (chance - limit) / max(1 - limit, 1e-9)

    def stages_ms(self, shelf: Shelf, query: Query) -> dict[str, float]:
        """Return the milliseconds of each stage."""
        marks = [time.perf_counter()]
        readings_of(query)
        marks.append(time.perf_counter())
        found = shelf.candidates(query, limit=CANDIDATES_MAX)
        marks.append(time.perf_counter())
        ranked = score(query, found, self.model.weights)
        marks.append(time.perf_counter())
        decide(query, ranked, self.model)
        marks.append(time.perf_counter())
        names = ("read", "retrieve", "evidence_and_rank", "gate")
        return {name: (end - begin) * 1000 for name, begin, end in zip(names, marks, marks[1:], strict=False)}
