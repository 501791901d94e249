"""Batches that a complaint may mean, from PostgreSQL: the only part of matching that reads anything.

Equal GTIN and equal folded lots come by b-tree, similar lots and names by the trigram indexes (GIN) on the folded lots
and `product.name_key`. The trigram thresholds are set for the running transaction only. Many queries are
asked together: each statement runs once for all of them.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.complaints.matching.facts import Candidate, Query
from service.complaints.matching.lot_readings import Source, readings_of
from service.complaints.matching.normalise import gtin14
from service.core.names import is_han, name_key, words

EQUAL_LOTS_MAX = 60
NEIGHBOURS_MAX = 30
PRODUCTS_MAX = 40
LOTS_PER_PRODUCT_MAX = 3
LOT_SIMILARITY_MIN = 0.3  # a five-digit lot with one wrong digit in the middle has 0.33
NAME_SIMILARITY_MIN = (0.6, 0.4)  # the second is tried where the first finds little
FEW_PRODUCTS = 5
PHRASES_MAX = 24


def _for_each(columns: str, query: str) -> TextClause:
    """Return a statement that runs a query, which yields ids in order, for each of `:asked` (`w`, with a place)."""
    rows = f"jsonb_to_recordset(CAST(:asked AS jsonb)) AS w(place int, most int, {columns})"
    return text(f"SELECT w.place, ARRAY({query} LIMIT w.most) AS ids FROM {rows}")  # noqa: S608 - made of constants


# Two arms and not an OR over both columns, so that each uses its own index.
_EQUAL_LOTS = _for_each(
    "lots text[], name text",
    """SELECT b.id FROM batch b JOIN product p ON p.id = b.product_id
    WHERE b.id IN (SELECT id FROM batch WHERE lot_folded = ANY(w.lots)
                   UNION SELECT id FROM batch WHERE maker_lot_folded = ANY(w.lots))
    ORDER BY word_similarity(w.name, p.name_key) DESC, b.id""",
)
_EQUAL_GTIN = _for_each(
    "gtin text, lots text[], lot text",
    """SELECT b.id FROM batch b JOIN product p ON p.id = b.product_id WHERE p.gtin = w.gtin
    ORDER BY b.lot_folded = ANY(w.lots) DESC, similarity(b.lot_folded, w.lot) DESC, b.registered_at DESC, b.id""",
)
_SIMILAR_LOTS = _for_each(
    "lot text, name text",
    """SELECT b.id FROM batch b JOIN product p ON p.id = b.product_id
    WHERE b.id IN (SELECT id FROM batch WHERE lot_folded % w.lot
                   UNION SELECT id FROM batch WHERE maker_lot_folded % w.lot)
    ORDER BY greatest(similarity(b.lot_folded, w.lot), similarity(b.maker_lot_folded, w.lot))
             + word_similarity(w.name, p.name_key) DESC, b.id""",
)
_SIMILAR_NAMES = _for_each(
    "name text",
    """SELECT p.id FROM product p WHERE w.name <% p.name_key
    ORDER BY word_similarity(w.name, p.name_key) + similarity(w.name, p.name_key) DESC, p.id""",
)
_PHRASES = _for_each(
    "phrases text[], told text",
    """SELECT p.id FROM product p WHERE p.name_key LIKE ANY(w.phrases)
    ORDER BY word_similarity(p.name_key, w.told) DESC, p.id""",
)
_LOTS_OF_PRODUCTS = _for_each(
    "products uuid[], lot text, lots_per_product int",
    """SELECT b.id FROM unnest(w.products) WITH ORDINALITY AS wanted(product_id, place)
    CROSS JOIN LATERAL (
        SELECT one.id, similarity(one.lot_folded, w.lot) AS alike, one.registered_at FROM batch one
        WHERE one.product_id = wanted.product_id
        ORDER BY alike DESC, one.registered_at DESC, one.id LIMIT w.lots_per_product
    ) b ORDER BY wanted.place, b.alike DESC, b.registered_at DESC, b.id""",
)
_FACTS = text(
    """SELECT b.id AS batch_id, b.product_id, b.seller_id, b.lot_code, b.maker_lot_code, b.made_on, b.expires_on,
           (b.registered_at AT TIME ZONE 'UTC')::date AS registered_on,
           p.name_en, p.name_zh, p.brand, p.gtin, trim(concat_ws(' ', s.name, s.name_zh)) AS seller_name
    FROM batch b JOIN product p ON p.id = b.product_id JOIN seller s ON s.id = b.seller_id WHERE b.id = ANY(:ids)"""
)
_THRESHOLDS = text(
    """SELECT set_config('pg_trgm.similarity_threshold', :lot, true),
              set_config('pg_trgm.word_similarity_threshold', :name, true)"""
)


class _Search:
    """One query with what was found for it so far, the surest first."""

    def __init__(self, query: Query, limit: int) -> None:
        self.query = query
        self.limit = limit
        self.readings = readings_of(query)
        self.told = name_key(query.product_text, query.brand_text, query.seller_text)
        self.batches: dict[UUID, None] = {}
        self.products: dict[UUID, None] = {}

    @property
    def lots(self) -> list[str]:
        """The folded lots that were told, surest first."""
        return [reading.folded for reading in self.readings]

    @property
    def lot(self) -> str:
        """The surest told lot, or nothing."""
        return self.readings[0].folded if self.readings else ""

    @property
    def sure_lots(self) -> list[str]:
        """The two surest lots that were told as such."""
        sure = [one.folded for one in self.readings if one.source not in (Source.SPLIT, Source.LOOSE)]
        return list(dict.fromkeys(sure[:2]))

    @property
    def names(self) -> list[str]:
        """The names to look for, the narrower first."""
        return [name for name in dict.fromkeys((name_key(self.query.product_text), self.told)) if name]


_Asking = Sequence[tuple[_Search, Mapping[str, object]]]


async def candidates(session: AsyncSession, query: Query, *, limit: int = 100) -> list[Candidate]:
    """Return at most `limit` batches, surest sources first: GTIN, equal lots, similar lots, lots of similar names."""
    return (await candidates_of_each(session, [query], limit=limit))[0]


async def candidates_of_each(
    session: AsyncSession, queries: Sequence[Query], *, limit: int = 100
) -> list[list[Candidate]]:
    """Return what `candidates` finds for each of the queries, in their order, with as many statements as for one."""
    searches = [_Search(query, limit) for query in queries]
    await _add_equal(session, searches)
    await _add_similar_lots(session, [each for each in searches if each.sure_lots and not each.batches])
    await _add_by_name(session, [each for each in searches if len(each.batches) < limit])
    ids = list(dict.fromkeys(batch_id for each in searches for batch_id in list(each.batches)[:limit]))
    rows = {row["batch_id"]: row for row in (await session.execute(_FACTS, {"ids": ids})).mappings()} if ids else {}
    known = {batch_id: _candidate(row) for batch_id, row in rows.items()}
    return [[known[one] for one in list(each.batches)[:limit] if one in known] for each in searches]


async def _add_equal(session: AsyncSession, searches: Sequence[_Search]) -> None:
    by_gtin: list[tuple[_Search, Mapping[str, object]]] = []
    for each in searches:
        gtin = gtin14(each.query.gtin)
        if gtin:
            by_gtin.append((each, {"gtin": gtin, "lots": each.lots, "lot": each.lot, "most": EQUAL_LOTS_MAX // 2}))
    for each, ids in await _ask(session, _EQUAL_GTIN, by_gtin):
        each.batches.update(ids)
    by_lot = [(each, {"lots": each.lots, "name": each.told, "most": EQUAL_LOTS_MAX}) for each in searches if each.lots]
    for each, ids in await _ask(session, _EQUAL_LOTS, by_lot):
        each.batches.update(ids)


async def _add_similar_lots(session: AsyncSession, searches: Sequence[_Search]) -> None:
    """Look for neighbours of a told lot where none equals it; a sibling is a suggestion, never a correction."""
    if not searches:
        return
    await _set_thresholds(session, NAME_SIMILARITY_MIN[0])
    asking = [
        (each, {"lot": lot, "name": each.told, "most": NEIGHBOURS_MAX}) for each in searches for lot in each.sure_lots
    ]
    for each, ids in await _ask(session, _SIMILAR_LOTS, asking):
        each.batches.update(ids)


async def _add_by_name(session: AsyncSession, searches: Sequence[_Search]) -> None:
    names = [(each, each.names) for each in searches]
    for place in range(2):
        for least in NAME_SIMILARITY_MIN:
            asking = [
                (each, {"name": told[place], "most": PRODUCTS_MAX})
                for each, told in names
                if place < len(told) and len(each.products) < FEW_PRODUCTS
            ]
            if asking:
                await _set_thresholds(session, least)
            for each, ids in await _ask(session, _SIMILAR_NAMES, asking):
                each.products.update(ids)
    for each, ids in await _ask(session, _PHRASES, _asking_phrases(searches)):
        each.products.update(ids)
    asking_lots = [
        (
            each,
            {
                "products": [str(one) for one in each.products],
                "lot": each.lot,
                "lots_per_product": LOTS_PER_PRODUCT_MAX,
                "most": each.limit - len(each.batches),
            },
        )
        for each in searches
        if each.products
    ]
    for each, ids in await _ask(session, _LOTS_OF_PRODUCTS, asking_lots):
        each.batches.update(ids)


def _asking_phrases(searches: Sequence[_Search]) -> _Asking:
    asking: list[tuple[_Search, Mapping[str, object]]] = []
    for each in searches:
        phrases = _phrases(each.query.narrative)
        if phrases:
            told = name_key(each.query.product_text, each.query.narrative[:500])
            asking.append((each, {"phrases": phrases, "told": told, "most": PRODUCTS_MAX // 2}))
    return asking


async def _ask(session: AsyncSession, statement: TextClause, asking: _Asking) -> list[tuple[_Search, dict[UUID, None]]]:
    """Return the ids that a statement finds for each search, in their order; what several ask is looked up once."""
    if not asking:
        return []
    written = [msgspec.json.encode(facts).decode() for _, facts in asking]
    places = {facts: place for place, facts in enumerate(dict.fromkeys(written))}
    asked = "[" + ",".join(f'{{"place":{place},{facts[1:]}' for facts, place in places.items()) + "]"
    found = {row.place: dict.fromkeys(row.ids) for row in await session.execute(statement, {"asked": asked})}
    return [(each, found[places[facts]]) for (each, _), facts in zip(asking, written, strict=True)]


async def _set_thresholds(session: AsyncSession, name: float) -> None:
    await session.execute(_THRESHOLDS, {"lot": str(LOT_SIMILARITY_MIN), "name": str(name)})


def _phrases(narrative: str) -> list[str]:
    """LIKE patterns of the words of running text that may name a product: long Latin words and Chinese triples."""
    told = words(narrative[:500])
    phrases = [f"%{word}%" for word in told if len(word) >= 7 and word.isalpha()]
    triples = (told[at : at + 3] for at in range(len(told) - 2))
    phrases += ["%" + " ".join(triple) + "%" for triple in triples if all(map(is_han, triple))]
    return list(dict.fromkeys(phrases))[:PHRASES_MAX]


def _candidate(row: RowMapping) -> Candidate:
    return Candidate(
        batch_id=row["batch_id"],
        product_id=row["product_id"],
        seller_id=row["seller_id"],
        name_en=row["name_en"] or "",
        name_zh=row["name_zh"] or "",
        brand=row["brand"] or "",
        seller_name=row["seller_name"] or "",
        gtin=row["gtin"] or "",
        lot_code=row["lot_code"] or "",
        maker_lot_code=row["maker_lot_code"] or "",
        registered_on=row["registered_on"],
        made_on=row["made_on"],
        expires_on=row["expires_on"],
    )
