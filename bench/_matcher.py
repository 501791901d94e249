"""All that the bench knows of the product's matching: how to open it, ask it, train it and time its stages."""

import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from _accuracy import FIRST, PRODUCTS_SHOWN, Answer, Limits

from service.complaints.matching.calibrate import Model, model_from
from service.complaints.matching.cases import cases_of, fold_of
from service.complaints.matching.decide import decide, score_of
from service.complaints.matching.evidence import Evidence
from service.complaints.matching.facts import Candidate, Decision, Query
from service.complaints.matching.labelled import read_labelled
from service.complaints.matching.lot_readings import readings_of
from service.complaints.matching.match import match_on, rank
from service.complaints.matching.score import score
from service.complaints.matching.shelf import Shelf, read_registry
from service.complaints.matching.train import train


def folds_of(complaints: Path) -> dict[str, int]:
    """Return the fold of each complaint of a file: products of one fold are never in another."""
    return {one.complaint_id: fold_of(one) for one in read_labelled(complaints, needs_truth=True)}


def models_of_folds(registry: Path, complaints: Path) -> dict[int, Mapping[str, object]]:
    """Return, by fold, a model that saw nothing of the fold, its thresholds chosen among the other folds."""
    cases = cases_of(Shelf(read_registry(registry)), read_labelled(complaints, needs_truth=True))
    return dict(enumerate(train(cases).by_fold))


def query_of(told: Mapping[str, str]) -> Query:
    """Return the query of a complaint's row."""
    return Query(
        product_text=told["product_text"],
        brand_text=told["brand_text"],
        lot_text=told["lot_text"],
        purchase_date=date.fromisoformat(told["purchase_date"]) if told["purchase_date"] else None,
        narrative=told["narrative"],
        lang=told["lang"],
    )


def batches_of(registry: Path) -> Sequence[Candidate]:
    """Return a registry file's batches as the product indexes them."""
    return read_registry(registry)


def build(batches: Sequence[Candidate]) -> Shelf:
    """Index batches."""
    return Shelf(batches)


def add(shelf: Shelf, batches: Sequence[Candidate]) -> bool:
    """Add new batches to an index that stands."""
    shelf.put(batches)
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
        return match_on(shelf, query, self.model)

    def answer(self, shelf: Shelf, query: Query, *, hidden: str = "") -> Answer:
        """Return what the product says, with the batches behind the first three; `hidden` is not registered then."""
        found = shelf.find(query)
        if hidden:
            found = found.without([one.batch_id == hidden for one in found.candidates])
        evidence, ranked = rank(query, found, self.model)
        if not ranked:
            return Answer((), (), None)
        decision = decide(evidence, ranked, self.model)
        batches = [str(one.candidate.batch_id) for one in ranked[:FIRST]]
        products = dict.fromkeys(str(one.candidate.product_id) for one in ranked)
        held = score_of(decision, lot_told=bool(query.lot_text))
        return Answer(tuple(batches), tuple(products)[:PRODUCTS_SHOWN], held)

    def stages_ms(self, shelf: Shelf, query: Query) -> dict[str, float]:
        """Return the milliseconds of each stage."""
        marks = [time.perf_counter()]
        readings_of(query)
        marks.append(time.perf_counter())
        found = shelf.find(query)
        marks.append(time.perf_counter())
        evidence = Evidence(query, found)
        assert len(evidence.table) == len(found.candidates)
        marks.append(time.perf_counter())
        ranked = score(evidence, self.model.ranking, self.model.by_hand)
        marks.append(time.perf_counter())
        decide(evidence, ranked, self.model)
        marks.append(time.perf_counter())
        names = ("read", "retrieve", "evidence", "rank", "gate")
        return {name: (end - begin) * 1000 for name, begin, end in zip(names, marks, marks[1:], strict=False)}
