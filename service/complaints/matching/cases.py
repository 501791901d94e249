"""Complaints with their right answers, for training: looked up once, with copies whose truth is not registered."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from service.complaints.matching.evidence import Evidence, Found, Table
from service.complaints.matching.facts import Candidate, Scored
from service.complaints.matching.labelled import Labelled
from service.complaints.matching.shelf import Shelf
from service.core.lots import fold_lot

FOLDS = 5
REAL, BATCH_HIDDEN, PRODUCT_HIDDEN = "real", "batch hidden", "product hidden"
CANDIDATES_MAX = 100
_SPARE = 20  # candidates beyond, which come up when those of the truth are hidden


@dataclass(frozen=True, slots=True)
class Case:
    """A complaint with the evidence for each candidate, and the right answer ("" where it is not registered).

    `kind` says whether it is the complaint as it is, or a copy with its batch, or all of its product, hidden.
    """

    complaint: Labelled
    kind: str
    batch: str
    product: str
    candidates: tuple[Candidate, ...]
    table: Table
    reads_lot: bool

    @property
    def fold(self) -> int:
        """The fold, of `FOLDS`: that of its product, whatever else is in the file."""
        return fold_of(self.complaint)

    @property
    def rights(self) -> NDArray[np.bool_]:
        """Which candidates are right: the batch if a lot was told, else any batch of the product."""
        if self.complaint.lot_told:
            return np.array([str(one.batch_id) == self.batch and bool(self.batch) for one in self.candidates])
        return np.array([str(one.product_id) == self.product and bool(self.batch) for one in self.candidates])

    def ranked(self, totals: Sequence[float]) -> list[Scored]:
        """Return the candidates with these totals, best first, without reasons."""
        order = sorted(range(len(totals)), key=lambda row: (-totals[row], str(self.candidates[row].batch_id)))
        return [Scored(self.candidates[row], (), totals[row], row) for row in order]


def fold_of(complaint: Labelled) -> int:
    """Return the fold of a complaint."""
    return int.from_bytes(blake2b(complaint.group.encode(), digest_size=4).digest(), "big") % FOLDS


def cases_of(shelf: Shelf, complaints: Iterable[Labelled]) -> list[Case]:
    """Look each complaint up, and again with its batch and with its product hidden; those that find nothing are out."""
    cases = []
    for complaint in complaints:
        found = shelf.find(complaint.query, limit=CANDIDATES_MAX + _SPARE)
        case = Case(complaint, REAL, complaint.batch, complaint.product, (), np.empty((0, 0), np.float32), False)
        kinds = [(case, found)]
        if complaint.batch:
            rest = without_batch(complaint, found)
            if rest is not None:
                kinds.append((dataclasses.replace(case, kind=BATCH_HIDDEN, batch="", product=""), rest))
            others = found.without([str(one.product_id) == complaint.product for one in found.candidates])
            kinds.append((dataclasses.replace(case, kind=PRODUCT_HIDDEN, batch="", product=""), others))
        for each, among in kinds:
            if among.candidates:
                evidence = Evidence(complaint.query, among.first(CANDIDATES_MAX))
                cases.append(
                    dataclasses.replace(
                        each,
                        candidates=evidence.found.candidates,
                        table=evidence.table,
                        reads_lot=bool(evidence.readings),
                    )
                )
    return cases


def without_batch(complaint: Labelled, found: Found) -> Found | None:
    """Return the candidates without the true batch; None where no lot was told, it was not found, or it has a twin.

    A twin is the same lot of the same seller under another product: nobody could tell.
    """
    truth = next((one for one in found.candidates if str(one.batch_id) == complaint.batch), None)
    if truth is None or not complaint.lot_told:
        return None
    rest = found.without([one is truth for one in found.candidates])
    lot = fold_lot(truth.lot_code)
    has_twin = any(one.seller_id == truth.seller_id and fold_lot(one.lot_code) == lot for one in rest.candidates)
    return None if has_twin else rest
