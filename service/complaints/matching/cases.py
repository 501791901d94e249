"""Complaints with their right answers, for training and evaluation: retrieved and scored once, ranked again at will."""

import csv
import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zlib import crc32

from service.complaints.matching.facts import Query, Scored
from service.complaints.matching.score import score
from service.complaints.matching.shelf import Shelf, read_registry
from service.core.lots import fold_lot

FOLDS = 5
KEPT_CANDIDATES = 25  # of each complaint; more teach nothing and cost time


@dataclass(frozen=True, slots=True)
class Case:
    """A complaint with its scored candidates and the right answer ("" if it is not registered)."""

    complaint_id: str
    fold: int
    lang: str
    lot_told: bool
    batch: str
    product: str
    scored: tuple[Scored, ...]


def read_cases(registry: Path, complaints: Path, weights: Mapping[str, float]) -> list[Case]:
    """Retrieve and score every complaint of the file with these weights."""
    shelf = Shelf(read_registry(registry))
    with complaints.open(encoding="utf-8", newline="") as lines:
        return [_case(shelf, row, weights) for row in csv.DictReader(lines)]


def query_of(row: Mapping[str, str]) -> Query:
    """Return the query of a complaint row as the files of the development set have it."""
    return Query(
        product_text=row["product_text"],
        brand_text=row["brand_text"],
        lot_text=row["lot_text"],
        purchase_date=date.fromisoformat(row["purchase_date"]) if row["purchase_date"] else None,
        narrative=row["narrative"],
        lang=row["lang"],
    )


def _case(shelf: Shelf, row: Mapping[str, str], weights: Mapping[str, float]) -> Case:
    query = query_of(row)
    scored = score(query, shelf.candidates(query), weights)
    kept = [one for place, one in enumerate(scored)
            if place < KEPT_CANDIDATES or one.candidate.batch_id == row["expected_batch_id"]]  # fmt: skip
    product = row["expected_product_key"] or row["source_batch_id"].rsplit("-", 1)[0]
    return Case(
        complaint_id=row["complaint_id"],
        fold=crc32(product.encode()) % FOLDS,
        lang=row["lang"],
        lot_told=bool(row["lot_text"]),
        batch=row["expected_batch_id"],
        product=row["expected_product_key"] if row["expected_batch_id"] else "",
        scored=tuple(dataclasses.replace(one, fields=()) for one in kept),
    )


def ranked(scored: Iterable[Scored], weights: Mapping[str, float]) -> list[Scored]:
    """Return the same candidates with totals by other weights, best first."""
    again = [
        dataclasses.replace(one, total=sum(weights.get(key, 0.0) * amount for key, amount in one.features.items()))
        for one in scored
    ]
    return sorted(again, key=lambda one: (-one.total, str(one.candidate.batch_id)))


def copies(case: Case) -> list[Case]:
    """Return the case and its copies with the true batch, and the true product, hidden from the registry."""
    if not case.batch:
        return [case]
    truth = next((one.candidate for one in case.scored if one.candidate.batch_id == case.batch), None)
    without_product = tuple(one for one in case.scored if one.candidate.product_id != case.product)
    found = [case, dataclasses.replace(case, batch="", product="", scored=without_product)]
    if truth is not None:
        rest = tuple(one for one in case.scored if one.candidate.batch_id != case.batch)
        lot = fold_lot(truth.lot_code)
        twin = any(
            one.candidate.seller_id == truth.seller_id and fold_lot(one.candidate.lot_code) == lot for one in rest
        )
        if not twin:  # a seller that lists one lot under two products: nobody could tell
            found.append(dataclasses.replace(case, batch="", scored=rest))
    return [one for one in found if one.scored]
