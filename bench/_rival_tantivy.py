"""tantivy alone: a document for each batch, BM25 over words and trigrams of names, the lot and its trigrams."""

from collections.abc import Iterable, Mapping, Sequence

import tantivy
from _accuracy import FIRST
from _registry import Batch
from _rivals import lot_of

from service.core.lots import fold_lot
from service.core.names import name_key

BOOSTS = {"words": 1.0, "grams": 0.3, "lot": 2.0, "lot_grams": 1.0}
HEAP_BYTES = 256_000_000


class Tantivy:
    """An index in memory."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        schema = tantivy.SchemaBuilder()
        for field in BOOSTS:
            schema.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
        schema.add_unsigned_field("place", fast=True)
        self._schema = schema.build()
        index = tantivy.Index(self._schema)
        writer = index.writer(HEAP_BYTES, 1)
        for place, batch in enumerate(batches):
            document = tantivy.Document()
            for field, terms in _terms(name_key(batch.seller, batch.product_name), fold_lot(batch.lot_code)).items():
                document.add_text(field, " ".join(terms))
            document.add_unsigned("place", place)
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        self._searcher = index.searcher()

    def ask(self, told: Mapping[str, str]) -> list[tuple[int, float]]:
        """Return the batches of the highest BM25, summed over the fields."""
        terms = _terms(name_key(told["product_text"], told["brand_text"]), lot_of(told))
        parts = [
            (tantivy.Occur.Should, tantivy.Query.boost_query(self._term(field, term), BOOSTS[field]))
            for field, several in terms.items()
            for term in dict.fromkeys(several)
        ]
        if not parts:
            return []
        hits = self._searcher.search(tantivy.Query.boolean_query(parts), FIRST, count=False).hits
        places = self._searcher.fast_field_values("place", [address for _, address in hits])
        return [(int(place or 0), float(score)) for place, (score, _) in zip(places, hits, strict=True)]

    def _term(self, field: str, term: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, field, term, "freq")

    def close(self) -> None:
        """Nothing was started."""


def _terms(names: str, lot: str) -> dict[str, list[str]]:
    return {
        "words": names.split(),
        "grams": [gram for word in names.split() for gram in _grams(word)],
        "lot": [lot] if lot else [],
        "lot_grams": list(_grams(lot)) if lot else [],
    }


def _grams(word: str) -> Iterable[str]:
    padded = f"_{word}_"
    return (padded[at : at + 3] for at in range(len(padded) - 2))
