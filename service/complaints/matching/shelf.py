"""Registered batches on a shelf in memory: what a complaint may mean, found in a millisecond among a million.

Batches are found by equal GTIN, by a lot that is equal or one mistake away (`neighbours`), and by the lots of products
whose names resemble what was told (tantivy's BM25 over words, trigrams, and the sounds of Chinese). What is put on the
shelf again replaces what stood there. The order in which batches came changes no answer.
"""

import csv
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from heapq import nsmallest
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from service.complaints.matching.evidence import Found, gtins_of, name_of
from service.complaints.matching.facts import Candidate, Key, Query
from service.complaints.matching.lot_readings import Reading, Source, readings_of
from service.complaints.matching.names import NameIndex
from service.complaints.matching.neighbours import Neighbours
from service.complaints.matching.normalise import Name, gtin14
from service.core.lots import fold_lot
from service.core.names import is_han

PRODUCTS_MAX = 40
LOTS_PER_PRODUCT_MAX = 3
EQUAL_LOTS_MAX = 40
NEAR_LOTS_MAX = 30
GTIN_MAX = 20
RANKED_PRODUCTS = 200
SURE_LOTS_MAX = 3
_FAR = 9
# UUIDs of the service, texts in files: neither occurs beside the other, and UUIDs are ordered as their texts are.
_batch_key: Callable[[Candidate | None], Any] = attrgetter("batch_id")
_product_key: Callable[[Candidate], Any] = attrgetter("product_id")
_UNSURE = frozenset({Source.SPLIT, Source.LOOSE, Source.PHOTO})


@dataclass(slots=True)
class _Product:
    """A product of a seller, by its place among the products, its name as it is compared, and the rows of its lots."""

    place: int
    batch: Candidate
    name: Name
    rows: list[int] = field(default_factory=list)


class Shelf:
    """Batches to look among. Belongs to one thread at a time."""

    def __init__(self, batches: Iterable[Candidate] = ()) -> None:
        self._rows: list[Candidate | None] = []
        self._folded: list[str] = []
        self._maker_folded: dict[int, str] = {}  # of the rows whose maker's lot is another
        self._days = array("i")
        self._row_of: dict[Key, int] = {}
        self._products: dict[Key, _Product] = {}
        self._by_place: list[_Product] = []
        self._by_gtin: defaultdict[str, set[Key]] = defaultdict(set)
        self._sellers: dict[tuple[str, str], Name] = {}
        self._lots = Neighbours()
        self._names = NameIndex()
        self.put(batches)

    def __len__(self) -> int:
        return len(self._row_of)

    def put(self, batches: Iterable[Candidate]) -> None:
        """Add batches, or replace those with the same id; their names and GTIN are those of the whole product."""
        codes: list[str] = []
        rows: list[int] = []
        renamed: dict[int, Candidate] = {}
        for batch in batches:
            row = self._place(batch)
            product = self._products.get(batch.product_id)
            if product is None:
                product = _Product(len(self._by_place), batch, _name_of(batch))
                self._products[batch.product_id] = product
                self._by_place.append(product)
                renamed[product.place] = batch
            elif _named(product.batch) != _named(batch):
                self._by_gtin[gtin14(product.batch.gtin)].discard(batch.product_id)
                product.batch = renamed[product.place] = batch
                product.name = _name_of(batch)
            product.rows.append(row)
            if gtin := gtin14(batch.gtin):
                self._by_gtin[gtin].add(batch.product_id)
            for code in self._codes_of(row):
                codes.append(code)
                rows.append(row)
        self._lots.add(codes, rows)
        self._names.put(renamed)

    def _place(self, batch: Candidate) -> int:
        """Give the batch a row of its own; the row that it had is empty from now on."""
        old = self._row_of.get(batch.batch_id)
        if old is not None:
            stood = self._rows[old]
            if stood is not None:
                self._products[stood.product_id].rows.remove(old)
            self._rows[old] = None
        row = self._row_of[batch.batch_id] = len(self._rows)
        self._rows.append(batch)
        known = batch.made_on or batch.registered_on
        self._days.append(known.toordinal() if known else 0)
        own, makers = fold_lot(batch.lot_code), fold_lot(batch.maker_lot_code)
        own = batch.lot_code if own == batch.lot_code else own  # one text less to keep
        self._folded.append(own or makers)
        if own and makers and makers != own:
            self._maker_folded[row] = makers
        return row

    def _codes_of(self, row: int) -> list[str]:
        return [code for code in (self._folded[row], self._maker_folded.get(row)) if code]

    def find(self, query: Query, *, limit: int = 100) -> Found:
        """Return at most `limit` batches: equal GTIN, equal and near lots, then lots of products of similar name."""
        readings = readings_of(query)
        likeness = self._names.nearest(query, RANKED_PRODUCTS)
        by_place = self._by_place
        ranked = sorted(likeness, key=lambda place: (-likeness[place], _product_key(by_place[place].batch)))
        rank = {place: number for number, place in enumerate(ranked)}
        found: dict[int, None] = {}
        for gtin in gtins_of(query):
            products = sorted(self._by_gtin.get(gtin, ()), key=str)[:GTIN_MAX]
            self._add_lots_of(found, [self._products[key].place for key in products], readings, query)
        equal, near = self._by_lot(readings)
        for rows, most in ((equal, EQUAL_LOTS_MAX), (near, NEAR_LOTS_MAX)):
            found.update(dict.fromkeys(self._nearest(rows, rank, most)))
        self._add_lots_of(found, ranked[:PRODUCTS_MAX], readings, query)
        kept = [(batch, likeness.get(self._place_of(row), 0.0)) for row in list(found)[:limit]
                if (batch := self._rows[row]) is not None]  # fmt: skip
        batches, shares = tuple(batch for batch, _ in kept), tuple(share for _, share in kept)
        return Found(batches, shares, self._names.rarity, self._names_of)

    def _names_of(self, batch: Candidate) -> tuple[Name, Name]:
        """Names are put in comparable form when they come, sellers when they are first asked for."""
        key = (batch.seller_name, batch.brand)
        seller = self._sellers.get(key)
        if seller is None:
            seller = self._sellers[key] = name_of(*key)
        return self._products[batch.product_id].name, seller

    def candidates(self, query: Query, *, limit: int = 100) -> list[Candidate]:
        """Return the batches of `find`."""
        return list(self.find(query, limit=limit).candidates)

    def _by_lot(self, readings: Sequence[Reading]) -> tuple[list[int], list[int]]:
        """Return the rows whose lot equals a reading, and those that are a mistake away from one of the surest."""
        equal: dict[int, None] = {}
        near: dict[int, None] = {}
        sure = dict.fromkeys(each.folded for each in readings if each.source not in _UNSURE)
        nearby = set(list(sure)[:SURE_LOTS_MAX])
        codes = list(dict.fromkeys(each.folded for each in readings))
        for code, rows in zip(codes, self._lots.near(codes), strict=True):
            for row in rows:
                if self._rows[row] is None:
                    continue
                if code in (own := self._codes_of(row)):
                    equal[row] = None
                elif code in nearby and any(OSA.distance(code, each) == 1 for each in own):
                    near[row] = None
        return list(equal), [row for row in near if row not in equal]

    def _nearest(self, rows: Sequence[int], rank: Mapping[int, int], most: int) -> list[int]:
        """Return the rows whose product's name fits best; of those that fit alike, the first by id."""
        by_id = sorted(rows, key=lambda row: _batch_key(self._rows[row]))
        if len(rows) <= most:
            return by_id
        return sorted(by_id, key=lambda row: rank.get(self._place_of(row), RANKED_PRODUCTS))[:most]

    def _add_lots_of(
        self, found: dict[int, None], places: Sequence[int], readings: Sequence[Reading], query: Query
    ) -> None:
        """Add the lots of each product that are nearest to what was told, or sold nearest to the purchase."""
        rows = [row for place in places for row in self._by_place[place].rows]
        if not rows:
            return
        far = dict(zip(rows, self._distances(rows, readings), strict=True))
        bought = (query.purchase_date or date.max).toordinal()
        days, batches = self._days, self._rows
        for place in places:
            own = [(far[row], abs(bought - days[row]), _batch_key(batches[row]), row)
                   for row in self._by_place[place].rows]  # fmt: skip
            best = sorted(own) if len(own) <= LOTS_PER_PRODUCT_MAX else nsmallest(LOTS_PER_PRODUCT_MAX, own)
            found.update((row, None) for _, _, _, row in best)

    def _distances(self, rows: Sequence[int], readings: Sequence[Reading]) -> list[int]:
        """Return how many mistakes each row's lot is from the nearest reading, at most 3 apart."""
        if not readings:
            return [_FAR] * len(rows)
        codes = [self._folded[row] for row in rows]
        told = list(dict.fromkeys(each.folded for each in readings))
        table = process.cdist(told, codes, scorer=OSA.distance, score_cutoff=3, dtype=np.uint8)
        return list(table.min(axis=0).tolist())

    def _place_of(self, row: int) -> int:
        batch = self._rows[row]
        return self._products[batch.product_id].place if batch else -1


def _name_of(batch: Candidate) -> Name:
    return name_of(batch.brand, batch.name_en, batch.name_zh)


def _named(batch: Candidate) -> tuple[str, ...]:
    return (batch.brand, batch.name_en, batch.name_zh, batch.seller_name, batch.gtin)


def read_registry(path: Path) -> list[Candidate]:
    """Return the batches of a file; columns batch_id, seller, product_name, lot_code, registered_on, product_key."""
    once: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        return [_batch({name: once.setdefault(text, text) for name, text in row.items()})
                for row in csv.DictReader(lines)]  # fmt: skip


def _batch(row: Mapping[str, str]) -> Candidate:
    names = row["product_name"]
    chinese = any(is_han(letter) for letter in names)
    return Candidate(
        batch_id=row["batch_id"],
        product_id=row["product_key"],
        seller_id=row["seller"],
        name_en="" if chinese else names,
        name_zh=names if chinese else "",
        seller_name=row["seller"],
        lot_code=row["lot_code"],
        registered_on=_day(row["registered_on"]),
    )


_day = lru_cache(maxsize=10_000)(date.fromisoformat)
