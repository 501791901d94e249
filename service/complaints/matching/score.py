"""What each field says for each candidate, in log-odds, with a reason that pages translate.

A model's trees ask of one field each, so a candidate's total is exactly the sum of what its fields contribute. GTIN and
order are weighed by hand.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from service.complaints.matching.evidence import FIELDS, NOT_TOLD, PLACES, Evidence, Table, time_on_sale
from service.complaints.matching.facts import FieldScore, Scored
from service.complaints.matching.lot_fits import LotFit
from service.complaints.matching.lot_readings import FROM_PHOTOS
from service.complaints.matching.normalise import gtin14
from service.complaints.matching.trees import Trees

GROUPS = tuple(FIELDS)
EXPLAINED = 10  # of the best candidates: the first of the fourth product is among them, as each has three lots at most
_LOT_VALUES = {
    "equal": 1.0, "folded": 0.95, "joined": 0.95, "doubled": 0.6, "swapped": 0.6, "missing": 0.6, "extra": 0.6,
    "other": 0.6, "part": 0.3, "two": 0.3, "far": 0.0,
}  # fmt: skip
_LOT_REASONS = {
    "equal": "lot_equal", "folded": "lot_equal_folded", "joined": "lot_equal_joined",
    "doubled": "lot_one_character_differs", "swapped": "lot_neighbours_swapped",
    "missing": "lot_one_character_differs", "extra": "lot_one_character_differs", "other": "lot_one_character_differs",
    "part": "lot_partly_equal", "two": "lot_two_characters_differ", "far": "lot_differs",
}  # fmt: skip
_SHOWN = ("lot", "gtin", "product", "seller", "strength", "date", "order")  # the order in which people read them
_Told = tuple[float | None, str, Mapping[str, str | int]]
_NO_GTIN: _Told = (None, "gtin_not_told", {})


def contributions(trees: Trees, by_hand: Mapping[str, float], table: Table) -> NDArray[np.float64]:
    """Return what each field adds to each candidate, beside a field that nobody told: candidates by `GROUPS`."""
    untold = np.full((1, table.shape[1]), NOT_TOLD, table.dtype)
    sums = trees.sums(np.vstack((table, untold)), len(GROUPS))
    found = np.asarray(sums[:-1] - sums[-1])
    for column, weight in by_hand.items():
        found[:, GROUPS.index(column.partition(".")[0])] += weight * np.maximum(table[:, PLACES[column]], 0.0)
    return found


def totals(trees: Trees, by_hand: Mapping[str, float], table: Table) -> list[float]:
    """Return the candidates' totals: training ranks by the very numbers that matching ranks by."""
    return _totals(contributions(trees, by_hand, table))


def _totals(by_field: NDArray[np.float64]) -> list[float]:
    rounded: list[float] = by_field.sum(axis=1).round(9).tolist()
    return rounded


def score(evidence: Evidence, trees: Trees, by_hand: Mapping[str, float]) -> list[Scored]:
    """Return the candidates best first, equal totals by the batch's id. The first few carry their fields."""
    candidates = evidence.found.candidates
    by_field = contributions(trees, by_hand, evidence.table)
    sums = _totals(by_field)
    order = sorted(range(len(candidates)), key=lambda row: (-sums[row], str(candidates[row].batch_id)))
    return [
        Scored(
            candidate=candidates[row],
            fields=tuple(_fields(evidence, row, by_field[row].tolist())) if place < EXPLAINED else (),
            total=sums[row],
            row=row,
        )
        for place, row in enumerate(order)
    ]


def _fields(evidence: Evidence, row: int, added: Sequence[float]) -> list[FieldScore]:
    told = _told(evidence, row)
    return [FieldScore(field, told[field][0], added[GROUPS.index(field)], *told[field][1:]) for field in _SHOWN]


def _told(evidence: Evidence, row: int) -> dict[str, _Told]:
    """Return value, reason and facts by field."""
    values = dict(zip(PLACES, evidence.table[row].tolist(), strict=True))
    return {
        "lot": _of_lot(evidence.lots[row]) if evidence.readings else (None, "lot_not_told", {}),
        "product": _of_product(values),
        "seller": _of_seller(values),
        "strength": _of_strength(values),
        "date": _of_date(evidence, row, values),
        "gtin": _of_gtin(evidence, row, values),
        "order": _of_order(values),
    }


def _of_lot(fit: LotFit) -> _Told:
    if not fit.code:
        return None, "lot_not_told", {}
    facts: dict[str, str | int] = {"registered": fit.code}
    if fit.reading is not None:
        facts |= {"source": fit.reading.source.value}
        if fit.reading.source not in FROM_PHOTOS:  # what a photo says is as erasable as the photo, and a match is kept
            facts |= {"told": fit.reading.written}
    return _LOT_VALUES[fit.mistake], _LOT_REASONS[fit.mistake], facts


def _of_product(values: Mapping[str, float]) -> _Told:
    if values["product.set"] == NOT_TOLD and values["product.text"] == NOT_TOLD:
        return None, "name_not_told", {}
    named = max(values["product.set"], (values["product.told"] + values["product.name_any"]) / 2, 0.0)
    value = max(named, min(values["product.name_text"], 1.0))
    reason = "name_equal" if values["product.sort"] >= 1 else _grade("name", value)
    return value, reason, {"percent": round(value * 100)}


def _of_seller(values: Mapping[str, float]) -> _Told:
    if values["seller.set"] == NOT_TOLD:
        return None, "seller_not_told", {}
    value = max(values["seller.set"], values["seller.told"])
    return value, _grade("seller", value), {"percent": round(value * 100)}


def _of_strength(values: Mapping[str, float]) -> _Told:
    shared, missing = values["strength.shared"], values["strength.missing"]
    if shared == NOT_TOLD:
        return None, "strength_not_told", {}
    reason = "strength_differs" if not shared else "strength_partly_equal" if missing else "strength_equal"
    return shared / (shared + missing), reason, {}


def _of_date(evidence: Evidence, row: int, values: Mapping[str, float]) -> _Told:
    bought, span = evidence.query.purchase_date, time_on_sale(evidence.found.candidates[row])
    fits = values["date.fits"]
    if bought is None or span is None or fits == NOT_TOLD:
        return None, "date_not_told", {}
    facts = {"bought": bought.isoformat(), "from": span[0].isoformat(), "to": span[1].isoformat()}
    return fits, "date_fits" if fits else "date_outside", facts


def _of_gtin(evidence: Evidence, row: int, values: Mapping[str, float]) -> _Told:
    if values["gtin.equal"] == NOT_TOLD:
        return _NO_GTIN
    told = gtin14(evidence.query.gtin)
    if not told:  # photos seem to show one, and nobody has confirmed it
        own = gtin14(evidence.found.candidates[row].gtin)
        return (1.0, "gtin_equal", {"told": own, "source": "photo"}) if values["gtin.equal"] else _NO_GTIN
    if values["gtin.equal"]:
        return 1.0, "gtin_equal", {"told": told}
    return 0.0, "gtin_differs", {"told": told, "registered": gtin14(evidence.found.candidates[row].gtin)}


def _of_order(values: Mapping[str, float]) -> _Told:
    if values["order.seller"] == NOT_TOLD:
        return None, "order_not_told", {}
    same = next((key for key in ("batch", "product", "seller") if values[f"order.{key}"]), None)
    value = {"batch": 1.0, "product": 0.7, "seller": 0.3, None: 0.0}[same]
    return value, f"order_same_{same}" if same else "order_differs", {}


def _grade(field: str, value: float) -> str:
    if value >= 0.9:
        return f"{field}_very_similar"
    if value >= 0.7:
        return f"{field}_similar"
    return f"{field}_little_similar" if value >= 0.4 else f"{field}_differs"
