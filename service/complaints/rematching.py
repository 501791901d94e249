"""Which complaints are tried again when batches were registered or corrected. Reads only; ranks as `queries`.

Found for all of the batches at once, and only those whose answer can have become another one: who told a lot of theirs;
who named, by words or barcode, a product that had no batch before or was corrected, and is not certain of another one;
and who told no lot, or one near to a new one, where the product is certain or the best guess so far. Who named a
product that had batches before has met it already.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from service.complaints import rules
from service.core.names import name_key
from service.db.session import Tx
from service.events.log import Happened

LOT_SIMILARITY_MIN = 0.3  # a five-digit lot with one wrong digit in the middle has 0.33
NAME_SIMILARITY_MIN = 0.65  # a Chinese name of six characters without the two of its brand has 0.67
NAMES_AT_ONCE = 50
"""In one statement: a name takes 25 ms among 100,000 complaints."""
_UNLINKED = "c.batch_id IS NULL AND c.status <> 'draft' AND c.status NOT IN ('withdrawn', 'merged')"
_WANTED = "unnest(CAST(:product_ids AS uuid[]), CAST(:product_lots AS text[])) AS wanted(product_id, lots)"
_NEAR = f"""EXISTS (
        SELECT FROM jsonb_array_elements_text(c.lots_told) AS told(lot)
        CROSS JOIN unnest(string_to_array(wanted.lots, ' ')) AS new(lot)
        WHERE similarity(told.lot, new.lot) >= {LOT_SIMILARITY_MIN})"""
_THRESHOLD = text("SELECT set_config('pg_trgm.word_similarity_threshold', :least, true)")
_BATCHES = text(
    """
    SELECT b.lot_folded, b.maker_lot_folded, b.product_id, p.gtin, p.name_en, p.name_zh,
        b.product_id = ANY(:corrected_products) OR NOT EXISTS (
            SELECT FROM batch o WHERE o.product_id = b.product_id AND o.id < b.id) AS is_new
    FROM batch b JOIN product p ON p.id = b.product_id WHERE b.id = ANY(:ids)
    """
)
# A search of its own for each lot, name or product, so that a common one crowds out no other.
_BY_FACTS = text(
    f"""
    SELECT c.id, 3.0 AS worth FROM unnest(CAST(:lots AS text[])) AS told(lot) CROSS JOIN LATERAL (
        SELECT c.id FROM complaint c WHERE {_UNLINKED} AND c.lots_told ? told.lot LIMIT :lot_limit) c
    UNION ALL
    SELECT c.id, 2.0 FROM unnest(CAST(:gtins AS text[])) AS told(gtin) CROSS JOIN LATERAL (
        SELECT c.id FROM complaint c WHERE {_UNLINKED} AND c.gtin = told.gtin AND c.gtin <> '' LIMIT :limit) c
    UNION ALL
    SELECT c.id, 0.2 FROM {_WANTED} CROSS JOIN LATERAL (
        SELECT c.id FROM complaint c WHERE {_UNLINKED} AND c.product_id = wanted.product_id AND c.lots_told = '[]'
        LIMIT :limit) c
    UNION ALL
    SELECT c.id, 0.2 FROM {_WANTED} CROSS JOIN LATERAL (
        SELECT c.id, c.lots_told FROM complaint c WHERE {_UNLINKED} AND c.product_id = wanted.product_id
        LIMIT :limit) c WHERE {_NEAR}
    UNION ALL
    SELECT c.id, 0.1 FROM {_WANTED} CROSS JOIN LATERAL (
        SELECT c.id, c.lots_told FROM complaint_match m JOIN complaint c ON c.id = m.complaint_id
        WHERE m.product_id = wanted.product_id AND m.outcome = 'suggested' AND {_UNLINKED}
        ORDER BY m.id DESC LIMIT :limit) c WHERE c.lots_told = '[]' OR {_NEAR}
    """  # noqa: S608 - made of constants
)
_BY_NAMES = text(
    f"""
    SELECT c.id, c.worth FROM unnest(CAST(:names AS text[])) AS told(name) CROSS JOIN LATERAL (
        SELECT c.id, word_similarity(told.name, c.told_key) AS worth FROM complaint c
        WHERE {_UNLINKED} AND c.match_status <> 'product_only' AND c.told_key %> told.name
        ORDER BY worth DESC LIMIT :limit) c
    """  # noqa: S608 - made of constants
)
_NEWEST = text("SELECT id FROM batch WHERE product_id = :product_id ORDER BY id DESC LIMIT :limit")
_WITH_LINKS = text(
    """
    SELECT b.id FROM batch b WHERE (b.id = ANY(:ids) OR b.product_id = ANY(:product_ids))
      AND EXISTS (SELECT FROM complaint c WHERE c.batch_id = b.id AND c.link_by = 'automatic') ORDER BY b.id
    """
)
_LINKED = text(
    """
    SELECT id FROM complaint WHERE batch_id = :batch_id AND link_by = 'automatic'
      AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid)) ORDER BY id LIMIT :limit
    """
)

_FOLDED = "translate(upper(regexp_replace(r.value, '[^0-9A-Za-z]', '', 'g')), 'OILSBZ', '011582')"
_CASE = "CASE WHEN c.submitted_at IS NULL THEN coalesce(c.merged_into_id, c.id) ELSE c.id END"
_BY_PHOTOS = text(
    f"""
    SELECT DISTINCT (SELECT {_CASE} FROM complaint c WHERE c.id = shown.complaint_id) FROM (
        SELECT r.complaint_id FROM unnest(CAST(:lots AS text[])) AS told(lot) CROSS JOIN LATERAL (
            SELECT r.complaint_id FROM complaint_reading r WHERE r.kind = 'lot' AND {_FOLDED} = told.lot LIMIT :limit) r
        UNION ALL
        SELECT r.complaint_id FROM unnest(CAST(:gtins AS text[])) AS told(gtin) CROSS JOIN LATERAL (
            SELECT r.complaint_id FROM complaint_reading r WHERE r.kind = 'gtin' AND r.value = told.gtin LIMIT :limit) r
    ) shown
    """  # noqa: S608 - made of constants
)
_WITH_PHOTOS = text(
    f"""
    SELECT DISTINCT {_CASE} FROM complaint_reading r JOIN complaint c ON c.id = r.complaint_id
    WHERE r.kind IN ('lot', 'gtin') AND r.file_id = ANY(:file_ids)
    UNION
    SELECT DISTINCT c.merged_into_id FROM complaint_reading r JOIN complaint c ON c.id = r.complaint_id
    WHERE r.kind IN ('lot', 'gtin') AND r.complaint_id = ANY(:merged_ids) AND c.merged_into_id IS NOT NULL
    """  # noqa: S608 - made of constants
)


class Corrected:
    """What was corrected: batches, and products with the newest of theirs."""

    def __init__(self) -> None:
        self.batch_ids: set[UUID] = set()
        self.product_ids: set[UUID] = set()


async def batches_of(tx: Tx, events: Sequence[Happened]) -> tuple[set[UUID], Corrected]:
    """Return which batches events tell of as registered, and what they tell of as corrected."""
    registered, corrected = set(), Corrected()
    for each in events:
        if each.name == "batch.registered":
            registered.add(each.subject_id)
        elif each.name == "batch.corrected":
            corrected.batch_ids.add(each.subject_id)
        elif each.name == "product.corrected":
            corrected.product_ids.add(each.subject_id)
    for product_id in sorted(corrected.product_ids):
        facts = {"product_id": product_id, "limit": rules.REMATCH_LOTS_MAX}
        corrected.batch_ids |= set(await tx.scalars(_NEWEST, facts))
    return registered, corrected


async def that_may_fit(tx: Tx, registered: Collection[UUID], corrected: Corrected) -> list[UUID]:
    """Return the complaints without a batch that any of the batches may fit, each once, the likeliest first.

    At most `rules.REMATCH_LOT_MAX` for each lot, `rules.REMATCH_MAX` for each name, barcode and product.
    """
    ids = list({*registered, *corrected.batch_ids})
    asked = {"ids": ids, "corrected_products": list(corrected.product_ids)}
    batches = (await tx.execute(_BATCHES, asked)).all() if ids else []
    if not batches:
        return []
    new = [each for each in batches if each.is_new]
    lots: defaultdict[UUID, set[str]] = defaultdict(set)
    for each in batches:
        lots[each.product_id] |= {each.lot_folded, each.maker_lot_folded} - {None, ""}
    facts = {
        "lots": sorted(set().union(*lots.values())),
        "gtins": sorted({each.gtin for each in new if each.gtin}),
        "product_ids": list(lots),
        "product_lots": [" ".join(sorted(each)) for each in lots.values()],
    }
    worth: dict[UUID, float] = {}
    limits = {"lot_limit": rules.REMATCH_LOT_MAX, "limit": rules.REMATCH_MAX}
    _keep(worth, await tx.execute(_BY_FACTS, facts | limits))
    # An empty name would be looked for without an index.
    names = sorted({name_key(name) for each in new for name in (each.name_en, each.name_zh)} - {""})
    await tx.execute(_THRESHOLD, {"least": str(NAME_SIMILARITY_MIN)})
    for start in range(0, len(names), NAMES_AT_ONCE):
        some = {"names": names[start : start + NAMES_AT_ONCE], "limit": rules.REMATCH_MAX}
        _keep(worth, await tx.execute(_BY_NAMES, some))
    return sorted(worth, key=lambda one: (-worth[one], one))


async def whose_photos_show(tx: Tx, registered: Collection[UUID], corrected: Corrected) -> list[UUID]:
    """Return the cases whose photos show a lot of any of the batches, or the barcode of a new product."""
    asked = {"ids": list({*registered, *corrected.batch_ids}), "corrected_products": list(corrected.product_ids)}
    batches = (await tx.execute(_BATCHES, asked)).all() if asked["ids"] else []
    facts = {
        "lots": sorted({lot for each in batches for lot in (each.lot_folded, each.maker_lot_folded) if lot}),
        "gtins": sorted({each.gtin for each in batches if each.is_new and each.gtin}),
        "limit": rules.REMATCH_MAX,
    }
    return sorted(await tx.scalars(_BY_PHOTOS, facts)) if batches else []


async def whose_photos_say_more(tx: Tx, events: Sequence[Happened]) -> list[UUID]:
    """Return the cases for which photos say a lot or a barcode that events tell of: read, taken over, or merged in."""
    files = [UUID(each.facts["file_id"]) for each in events if "file_id" in each.facts]
    merged = [each.subject_id for each in events if each.name == "complaint.merged"]
    return sorted(await tx.scalars(_WITH_PHOTOS, {"file_ids": files, "merged_ids": merged}))


def _keep(worth: dict[UUID, float], found: Iterable[Row[Any]]) -> None:
    for each in found:
        worth[each.id] = max(worth.get(each.id, 0.0), float(each.worth))


async def with_automatic_links(tx: Tx, corrected: Corrected) -> list[UUID]:
    """Return those of the corrected batches, all of a corrected product's, to which the matcher linked complaints."""
    asked = {"ids": list(corrected.batch_ids), "product_ids": list(corrected.product_ids)}
    return list(await tx.scalars(_WITH_LINKS, asked))


async def linked_by_matcher(tx: Tx, batch_id: UUID, *, after: str | None, limit: int) -> list[UUID]:
    """Return complaints that the matcher linked to a batch, by id, behind `after`."""
    return list(await tx.scalars(_LINKED, {"batch_id": batch_id, "after": after, "limit": limit}))
