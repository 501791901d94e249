"""The complaints of the development file, and two more sets made of them: split lots, and true batches hidden.

Both sets are the same on every run: chance is seeded by the complaint's id, so that a sample's complaint is cut where
the whole file's is.
"""

import csv
import dataclasses
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from _registry import Batch

from service.core.lots import fold_lot

T = TypeVar("T")
SEED = 5
SIDE_MIN = 2  # letters and digits that either part of a split lot keeps, where the lot is long enough
_LABEL = re.compile(r"^\s*(?:\(l\)|lot|batch|b/n|批[号號])[\s.:#：]*(?:(?:no|number|code)\b)?[\s.:#：]*", re.IGNORECASE)
EXPIRY = re.compile(r"(?:\s*exp\s*[\d/.-]+|\s+\d\d/\d\d|\s+20\d\d\.\d\d|/20\d{4})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What was told (the file's row), and the truth; `batch` and `product` are empty where it is not registered."""

    complaint_id: str
    told: Mapping[str, str]
    batch: str
    product: str
    fold: int = 0

    @property
    def has_lot(self) -> bool:
        """Whether a lot was told in its own field: then the batch must be right, else its product."""
        return bool(self.told["lot_text"])

    @property
    def groups(self) -> tuple[str, str]:
        """Its language and its difficulty."""
        return self.told["lang"], self.told["difficulty"]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of complaints."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write rows in the form that they were read from."""
    with path.open("w", encoding="utf-8", newline="") as lines:
        file = csv.DictWriter(lines, list(rows[0]))
        file.writeheader()
        file.writerows(rows)


def complaints_of(rows: Iterable[Mapping[str, str]], folds: Mapping[str, int]) -> list[Complaint]:
    """Return the complaints of rows; `folds` says the fold of each complaint's product by the complaint's id."""
    return [
        Complaint(
            complaint_id=row["complaint_id"],
            told=row,
            batch=row["expected_batch_id"],
            product=row["expected_product_key"] if row["expected_batch_id"] else "",
            fold=folds[row["complaint_id"]],
        )
        for row in rows
    ]


def sample(things: Sequence[T], count: int) -> list[T]:
    """Return `count` of them in their order, or all, the same ones each time."""
    places = sorted(random.Random(SEED).sample(range(len(things)), min(count, len(things))))
    return [things[place] for place in places]


def split(complaints: Iterable[Complaint]) -> list[Complaint]:
    """Return those with a lot that can be cut, cut: the head stays in lot_text, the tail ends product_text."""
    found = []
    for complaint in complaints:
        parts = cut(complaint.told["lot_text"], random.Random(f"{SEED} {complaint.complaint_id}"))
        if parts:
            product_text = f"{complaint.told['product_text']} {parts[1]}".strip()
            told = {**complaint.told, "lot_text": parts[0], "product_text": product_text}
            found.append(dataclasses.replace(complaint, told=told))
    return found


def cut(lot: str, chance: random.Random) -> tuple[str, str] | None:
    """Cut a lot before one of its letters or digits, neither in its label nor in a date behind it; None if too short.

    >>> cut("LOT AB1234 EXP 11/2016", random.Random(1))
    ('LOT AB', '1234 EXP 11/2016')
    """
    label, expiry = _LABEL.match(lot), EXPIRY.search(lot)
    first, end = label.end() if label else 0, expiry.start() if expiry else len(lot)
    letters = [place for place in range(first, end) if lot[place].isalnum()]
    for side in range(SIDE_MIN, 0, -1):
        places = [
            place for before, place in enumerate(letters)
            if before >= side and len(letters) - before >= side
        ]  # fmt: skip
        if places:
            place = chance.choice(places)
            return lot[:place], lot[place:]
    return None


def hideable(complaints: Iterable[Complaint], batches: Sequence[Batch]) -> list[Complaint]:
    """Return those with a lot and a registered batch whose link would be wrong if that batch were not registered.

    Left out are twins: another batch of the same seller has the same folded lot (one lot under two products), so nobody
    could tell that the right one is missing.
    """
    same = Counter((batch.seller, fold_lot(batch.lot_code)) for batch in batches)
    by_id = {batch.batch_id: batch for batch in batches}
    found = []
    for complaint in complaints:
        if complaint.has_lot and complaint.batch:
            truth = by_id[complaint.batch]
            if same[truth.seller, fold_lot(truth.lot_code)] == 1:
                found.append(complaint)
    return found
