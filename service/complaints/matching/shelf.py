"""Registered batches on a shelf in memory: retrieval for training, evaluation and tests, without a database.

The service retrieves with `retrieve.py`; both look for the same things in the same order.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from math import log
from pathlib import Path
from typing import Generic, TypeVar

from rapidfuzz import fuzz

from service.complaints.matching.facts import Candidate, Key, Query
from service.complaints.matching.lot_readings import Source, read_lots
from service.complaints.matching.normalise import gtin14
from service.complaints.matching.score import candidate_name, seller_name
from service.core.lots import fold_lot
from service.core.names import is_han, name_key

PRODUCTS_MAX = 40
LOTS_PER_PRODUCT_MAX = 3
NEIGHBOURS_MAX = 30


class Shelf:
    """Batches indexed by folded lot, lot trigrams, GTIN and name trigrams."""

    def __init__(self, batches: Iterable[Candidate]) -> None:
        self._by_lot: dict[str, list[Candidate]] = defaultdict(list)
        self._by_gtin: dict[str, list[Candidate]] = defaultdict(list)
        self._by_product: dict[Key, list[Candidate]] = defaultdict(list)
        for batch in batches:
            for code in {fold_lot(batch.lot_code), fold_lot(batch.maker_lot_code)} - {""}:
                self._by_lot[code].append(batch)
            if gtin := gtin14(batch.gtin):
                self._by_gtin[gtin].append(batch)
            self._by_product[batch.product_id].append(batch)
        self._lot_grams = _Grams({code: code for code in self._by_lot})
        self._name_grams = _Grams(
            {
                product: f"{candidate_name(rows[0]).key} {seller_name(rows[0]).key}"
                for product, rows in self._by_product.items()
            }
        )

    def candidates(self, query: Query, *, limit: int = 100) -> list[Candidate]:
        """Return at most `limit` batches: equal GTIN, equal and similar lots, then lots of products of similar name."""
        found: dict[Key, Candidate] = {}
        readings = read_lots(
            lot_text=query.lot_text,
            barcode_lot=query.barcode_lot,
            product_text=query.product_text,
            narrative=query.narrative,
        )
        products = self._products(query)
        for reading in readings:
            _add(found, self._nearest(self._by_lot.get(reading.folded, ()), products, 15))
        if gtin := gtin14(query.gtin):
            _add(found, self._by_gtin.get(gtin, ())[:20])
        sure = [reading.folded for reading in readings if reading.source not in (Source.SPLIT, Source.LOOSE)]
        for folded in sure[:3]:
            for code in self._lot_grams.nearest(folded, NEIGHBOURS_MAX // len(sure[:3])):
                _add(found, self._nearest(self._by_lot[code], products, 4))
        for product in products:
            if len(found) >= limit:
                break
            _add(found, self._lots_of(product, sure[:1]))
        return list(found.values())[:limit]

    def _products(self, query: Query) -> list[Key]:
        text = name_key(query.product_text, query.brand_text, query.seller_text, query.narrative[:300])
        return self._name_grams.nearest(text, PRODUCTS_MAX)

    def _nearest(self, batches: Iterable[Candidate], products: list[Key], limit: int) -> list[Candidate]:
        rank = {product: place for place, product in enumerate(products)}
        return sorted(batches, key=lambda one: (rank.get(one.product_id, PRODUCTS_MAX), str(one.batch_id)))[:limit]

    def _lots_of(self, product: Key, told: list[str]) -> list[Candidate]:
        rows = self._by_product[product]
        return sorted(
            rows,
            key=lambda one: (
                -fuzz.ratio(told[0], fold_lot(one.lot_code)) if told else 0.0,
                -(one.registered_on or date.min).toordinal(),
                str(one.batch_id),
            ),
        )[:LOTS_PER_PRODUCT_MAX]


def read_registry(path: Path) -> list[Candidate]:
    """Return the batches of a file; columns batch_id, seller, product_name, lot_code, registered_on, product_key."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [_batch(row) for row in csv.DictReader(lines)]


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
        registered_on=date.fromisoformat(row["registered_on"]),
    )


K = TypeVar("K", str, Key)


class _Grams(Generic[K]):
    """Trigrams of texts by document, weighted by rarity."""

    def __init__(self, texts: Mapping[K, str]) -> None:
        self._holders: dict[str, list[K]] = defaultdict(list)
        self._norms: dict[K, float] = {}
        for key, text in texts.items():
            for gram in grams(text):
                self._holders[gram].append(key)
        self._weights = {gram: log(1 + len(texts) / len(keys)) for gram, keys in self._holders.items()}
        for key, text in texts.items():
            self._norms[key] = sum(self._weights[gram] for gram in grams(text)) ** 0.5

    def nearest(self, text: str, limit: int) -> list[K]:
        sums: defaultdict[K, float] = defaultdict(float)
        told = [gram for gram in grams(text) if gram in self._weights]
        common = len(self._norms) * 0.2
        rare = [gram for gram in told if len(self._holders[gram]) <= common] or told
        for gram in rare:
            weight = self._weights[gram]
            for key in self._holders[gram]:
                sums[key] += weight
        ranked = sorted(sums.items(), key=lambda item: (-item[1] / self._norms[item[0]] ** 0.7, str(item[0])))
        return [key for key, _ in ranked[:limit]]


def grams(text: str) -> set[str]:
    """Return the trigrams of each word, padded as pg_trgm pads."""
    return {padded[at : at + 3] for word in text.split() for padded in [f"  {word} "] for at in range(len(padded) - 2)}


def _add(found: dict[Key, Candidate], batches: Iterable[Candidate]) -> None:
    for batch in batches:
        found.setdefault(batch.batch_id, batch)
