"""Batches that a complaint may mean, from PostgreSQL: the only part of matching that reads anything.

Equal GTIN and equal folded lots come by b-tree, similar lots and names by the trigram indexes (GIN) on the folded lots
and `product.name_key`. The trigram thresholds are set for the running transaction only.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.complaints.matching.facts import Candidate, Query
from service.complaints.matching.lot_readings import Reading, Source, read_lots
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

# Two arms and not an OR over both columns, so that each uses its own index.
_EQUAL_LOTS = text(
    """SELECT b.id FROM batch b JOIN product p ON p.id = b.product_id
    WHERE b.id IN (SELECT id FROM batch WHERE lot_folded = ANY(:lots)
                   UNION SELECT id FROM batch WHERE maker_lot_folded = ANY(:lots))
    ORDER BY word_similarity(:name, p.name_key) DESC, b.id LIMIT :limit"""
)
_EQUAL_GTIN = text(
    """SELECT b.id FROM batch b JOIN product p ON p.id = b.product_id WHERE p.gtin = :gtin
    ORDER BY b.lot_folded = ANY(:lots) DESC, similarity(b.lot_folded, :lot) DESC, b.registered_at DESC, b.id
    LIMIT :limit"""
)
_SIMILAR_LOTS = text(
    """SELECT b.id FROM batch b JOIN product p ON p.id = b.product_id
    WHERE b.id IN (SELECT id FROM batch WHERE lot_folded % :lot
                   UNION SELECT id FROM batch WHERE maker_lot_folded % :lot)
    ORDER BY greatest(similarity(b.lot_folded, :lot), similarity(b.maker_lot_folded, :lot))
             + word_similarity(:name, p.name_key) DESC, b.id
    LIMIT :limit"""
)
_SIMILAR_NAMES = text(
    """SELECT p.id FROM product p WHERE :name <% p.name_key
    ORDER BY word_similarity(:name, p.name_key) + similarity(:name, p.name_key) DESC, p.id LIMIT :limit"""
)
_PHRASES = text(
    """SELECT p.id FROM product p WHERE p.name_key LIKE ANY(:phrases)
    ORDER BY word_similarity(p.name_key, :told) DESC, p.id LIMIT :limit"""
)
_LOTS_OF_PRODUCTS = text(
    """SELECT b.id FROM unnest(CAST(:products AS uuid[])) WITH ORDINALITY AS wanted(product_id, place)
    CROSS JOIN LATERAL (
        SELECT one.id, similarity(one.lot_folded, :lot) AS alike, one.registered_at FROM batch one
        WHERE one.product_id = wanted.product_id
        ORDER BY alike DESC, one.registered_at DESC, one.id LIMIT :lots_per_product
    ) b ORDER BY wanted.place, b.alike DESC, b.registered_at DESC, b.id LIMIT :limit"""
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


async def candidates(session: AsyncSession, query: Query, *, limit: int = 100) -> list[Candidate]:
    """Return at most `limit` batches, surest sources first: GTIN, equal lots, similar lots, lots of similar names."""
    readings = read_lots(
        lot_text=query.lot_text,
        barcode_lot=query.barcode_lot,
        product_text=query.product_text,
        narrative=query.narrative,
    )
    told = name_key(query.product_text, query.brand_text, query.seller_text)
    found: dict[UUID, None] = {}
    await _add_equal(session, query, readings, told, found)
    await _add_similar_lots(session, readings, told, found)
    if len(found) < limit:
        await _add_by_name(session, query, readings, told, found, limit - len(found))
    ids = list(found)[:limit]
    rows = {row["batch_id"]: row for row in (await session.execute(_FACTS, {"ids": ids})).mappings()}
    return [_candidate(rows[batch_id]) for batch_id in ids if batch_id in rows]


async def _add_equal(
    session: AsyncSession, query: Query, readings: Sequence[Reading], told: str, found: dict[UUID, None]
) -> None:
    lots = [reading.folded for reading in readings]
    gtin = gtin14(query.gtin)
    if gtin:
        facts = {"gtin": gtin, "lots": lots, "lot": lots[0] if lots else "", "limit": EQUAL_LOTS_MAX // 2}
        await _add(session, _EQUAL_GTIN, facts, found)
    if lots:
        await _add(session, _EQUAL_LOTS, {"lots": lots, "name": told, "limit": EQUAL_LOTS_MAX}, found)


async def _add_similar_lots(
    session: AsyncSession, readings: Sequence[Reading], told: str, found: dict[UUID, None]
) -> None:
    """Look for neighbours of the told lot where none equals it; a sibling is a suggestion, never a correction."""
    sure = [reading.folded for reading in readings if reading.source not in (Source.SPLIT, Source.LOOSE)]
    if not sure or found:
        return
    await session.execute(_THRESHOLDS, {"lot": str(LOT_SIMILARITY_MIN), "name": str(NAME_SIMILARITY_MIN[0])})
    for folded in dict.fromkeys(sure[:2]):
        await _add(session, _SIMILAR_LOTS, {"lot": folded, "name": told, "limit": NEIGHBOURS_MAX}, found)


async def _add_by_name(
    session: AsyncSession,
    query: Query,
    readings: Sequence[Reading],
    told: str,
    found: dict[UUID, None],
    limit: int,
) -> None:
    products: dict[UUID, None] = {}
    for name in dict.fromkeys((name_key(query.product_text), told)):
        for least in NAME_SIMILARITY_MIN if name else ():
            if len(products) >= FEW_PRODUCTS:
                break
            await session.execute(_THRESHOLDS, {"lot": str(LOT_SIMILARITY_MIN), "name": str(least)})
            rows = await session.scalars(_SIMILAR_NAMES, {"name": name, "limit": PRODUCTS_MAX})
            products.update(dict.fromkeys(rows))
    phrases = _phrases(query.narrative)
    if phrases:
        told_in_full = name_key(query.product_text, query.narrative[:500])
        rows = await session.scalars(_PHRASES, {"phrases": phrases, "told": told_in_full, "limit": PRODUCTS_MAX // 2})
        products.update(dict.fromkeys(rows))
    if products:
        facts = {
            "products": list(products),
            "lot": readings[0].folded if readings else "",
            "lots_per_product": LOTS_PER_PRODUCT_MAX,
            "limit": limit,
        }
        await _add(session, _LOTS_OF_PRODUCTS, facts, found)


def _phrases(narrative: str) -> list[str]:
    """LIKE patterns of the words of running text that may name a product: long Latin words and Chinese triples."""
    told = words(narrative[:500])
    phrases = [f"%{word}%" for word in told if len(word) >= 7 and word.isalpha()]
    triples = (told[at : at + 3] for at in range(len(told) - 2))
    phrases += ["%" + " ".join(triple) + "%" for triple in triples if all(map(is_han, triple))]
    return list(dict.fromkeys(phrases))[:PHRASES_MAX]


async def _add(
    session: AsyncSession, statement: TextClause, facts: Mapping[str, object], found: dict[UUID, None]
) -> None:
    found.update(dict.fromkeys(await session.scalars(statement, facts)))


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
