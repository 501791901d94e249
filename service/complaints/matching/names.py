"""Products by name: an index in memory of words, of trigrams of Latin words, and of the sounds of Chinese (tantivy)."""

from collections.abc import Mapping
from itertools import pairwise
from math import log

import tantivy

from service.complaints.matching.facts import Candidate, Query
from service.complaints.matching.normalise import sounds, terms
from service.core.names import is_han, words

NARRATIVE_LENGTH_MAX = 400  # characters of a narrative that may name the product
_FIELDS = ("word", "gram", "sound")
_HEAP_BYTES = 30_000_000
_TERMS_MAX = 160
# Products: what more of them have is not asked for, or most of a search's time would go there.
_COMMON = {"word": 10_000, "gram": 5_000, "sound": 10_000}
_KNOWN_MAX = 100_000  # terms of which it is remembered
# What a term of each field adds, by where it was told.
_TOLD, _TOLD_IN_TEXT = {"word": 1.0, "gram": 0.35, "sound": 0.3}, {"word": 0.6, "gram": 0.12, "sound": 0.15}


class NameIndex:
    """Products by their place. A product that is put again replaces what was known of it."""

    def __init__(self) -> None:
        builder = tantivy.SchemaBuilder()
        for field in _FIELDS:
            builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
        builder.add_unsigned_field("place", indexed=True, fast=True)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        self._writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
        self._searcher = self._index.searcher()
        self._known: set[int] = set()
        self._is_common: dict[tuple[str, str], bool] = {}  # of what was asked for since products came

    def put(self, products: Mapping[int, Candidate]) -> None:
        """Add or replace products; they are found from now on."""
        if not products:
            return
        for place, batch in products.items():
            if place in self._known:
                self._writer.delete_documents_by_query(tantivy.Query.term_query(self._schema, "place", place))
            self._known.add(place)
            text = " ".join(each for each in (batch.brand, batch.name_en, batch.name_zh, batch.seller_name) if each)
            document = tantivy.Document()
            for field, listed in index_terms(text).items():
                document.add_text(field, " ".join(listed))
            document.add_unsigned("place", place)
            self._writer.add_document(document)
        self._writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()
        self._is_common.clear()

    def rarity(self, word: str) -> float:
        """Return the logarithm of the number of products by that of those that have the word."""
        return log(1 + self._searcher.num_docs / (0.5 + self._searcher.doc_freq("word", word)))

    def _is_too_common(self, field: str, term: str) -> bool:
        known = self._is_common.get((field, term))
        if known is None:
            if len(self._is_common) >= _KNOWN_MAX:
                self._is_common.clear()
            known = self._is_common[field, term] = self._searcher.doc_freq(field, term) > _COMMON[field]
        return known

    def nearest(self, query: Query, most: int) -> dict[int, float]:
        """Return the places of products whose names resemble what was told, likeliest first, beside the best (0 to 1).

        Of those that resemble it alike, the first registered comes first.
        """
        weights: dict[tuple[str, str], float] = {}
        told = " ".join(text for text in (query.product_text, query.brand_text, query.seller_text) if text)
        for text, by_field in ((told, _TOLD), (query.narrative[:NARRATIVE_LENGTH_MAX], _TOLD_IN_TEXT)):
            for field, listed in index_terms(text).items():
                for term in listed:
                    key = (field, term)
                    weights[key] = max(weights.get(key, 0.0), by_field[field])
        rare = {key: weight for key, weight in weights.items() if not self._is_too_common(*key)}
        if not any(field == "word" for field, _ in rare):  # common words are all that was told
            rare |= {key: weight for key, weight in weights.items() if key[0] == "word"}
        if not rare:
            return {}
        surest = sorted(rare.items(), key=lambda item: -item[1])[:_TERMS_MAX]
        asked = tantivy.Query.boolean_query(
            [
                (
                    tantivy.Occur.Should,
                    tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, field, term), weight),
                )
                for (field, term), weight in surest
            ]
        )
        hits = self._searcher.search(asked, most, count=False).hits
        places = self._searcher.fast_field_values("place", [address for _, address in hits])
        return {int(place or 0): score / hits[0][0] for place, (score, _) in zip(places, hits, strict=True)}


def index_terms(text: str) -> dict[str, list[str]]:
    """Return what a name is found by, of each field, in ascending order."""
    told = words(text)
    known = sorted(set(terms(told)))
    grams = {gram for word in known if not is_han(word[0]) and len(word) > 3 for gram in _grams(word)}
    syllables = sounds(told)
    pairs = {first + second for first, second in pairwise(syllables)}
    return {"word": known, "gram": sorted(grams), "sound": sorted(pairs)}


def _grams(word: str) -> list[str]:
    padded = f"^{word}$"
    return [padded[at : at + 3] for at in range(len(padded) - 2)]
