"""Reads about products and batches. Both are public to everyone signed in; counts about money live elsewhere."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, or_, select, text

from service.batches.rules import FROZEN
from service.batches.schemas import BatchView
from service.batches.tables import Batch, BatchStatus, Custody, Product
from service.core.errors import NotFound
from service.core.lots import fold_lot
from service.core.names import name_key
from service.db.pages import Page, cut_page, encode_mark, page_query, read_page
from service.db.search import is_like
from service.db.session import Tx


async def get_product(tx: Tx, product_id: UUID) -> Product:
    """Return a product; raises `NotFound` ("product_not_found")."""
    found = await tx.get(Product, product_id)
    if found is None:
        raise NotFound("product_not_found")
    return found


async def products_by_id(tx: Tx, product_ids: Collection[UUID]) -> dict[UUID, Product]:
    """Return those of the products that exist, by id."""
    found = await tx.scalars(select(Product).where(Product.id.in_(list(product_ids))))
    return {product.id: product for product in found}


async def products_page(
    tx: Tx, *, search: str | None, seller_id: UUID | None, after: str | None, limit: int
) -> Page[Product]:
    """Return products, the newest first; `search` is words of brand or name, or a GTIN."""
    query = select(Product)
    if search and name_key(search):
        query = query.where(or_(is_like(Product.name_key, name_key(search)), Product.gtin == search.strip().zfill(14)))
    if seller_id:
        query = query.where(Product.seller_id == seller_id)
    return await read_page(tx, query, Product.id, after=after, limit=limit)


def _batches() -> Select[Batch, Product, str]:
    """Each batch with its product and its newest status."""
    newest = (
        select(BatchStatus.status)
        .where(BatchStatus.batch_id == Batch.id)
        .order_by(BatchStatus.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    status = func.coalesce(newest, "active").label("status")
    return select(Batch, Product, status).join(Product, Product.id == Batch.product_id)


async def get_batch(tx: Tx, batch_id: UUID) -> BatchView:
    """Return a batch; raises `NotFound` ("batch_not_found")."""
    found = (await tx.execute(_batches().where(Batch.id == batch_id))).one_or_none()
    if found is None:
        raise NotFound("batch_not_found")
    return _view(found)


async def batches_by_id(tx: Tx, batch_ids: Collection[UUID]) -> dict[UUID, BatchView]:
    """Return those of the batches that exist, by id."""
    found = await tx.execute(_batches().where(Batch.id.in_(list(batch_ids))))
    return {row[0].id: _view(row) for row in found}


async def batches_page(
    tx: Tx,
    *,
    search: str | None,
    product_id: UUID | None,
    seller_id: UUID | None,
    after: str | None,
    limit: int,
    shop_id: UUID | None = None,
) -> Page[BatchView]:
    """Return batches, the newest first; `search` is a lot code, however spelt, or words of the product's name.

    `seller_id` asks for what a seller registered, `shop_id` also for what came to it from others.
    """
    query = _batches()
    if search and search.strip():
        query = query.where(_found_by(search))
    if product_id:
        query = query.where(Batch.product_id == product_id)
    if seller_id:
        query = query.where(Batch.seller_id == seller_id)
    if shop_id:
        received = select(Custody.batch_id).where(Custody.to_seller_id == shop_id)
        query = query.where(or_(Batch.seller_id == shop_id, Batch.id.in_(received)))
    rows = (await tx.execute(page_query(query, Batch.id, after=after, limit=limit))).all()
    page = cut_page(rows, limit, lambda row: encode_mark(str(row[0].id)))
    return page.shown_as([_view(row) for row in page.rows])


def _found_by(search: str) -> ColumnElement[bool]:
    lot = fold_lot(search)
    ways: list[ColumnElement[bool]] = [Batch.lot_folded == lot, Batch.maker_lot_folded == lot]
    if name_key(search):
        ways.append(is_like(Product.name_key, name_key(search)))
    return or_(*ways)


async def statuses(tx: Tx, batch_id: UUID) -> list[BatchStatus]:
    """Return a batch's status history, the oldest first."""
    return list(await tx.scalars(select(BatchStatus).where(BatchStatus.batch_id == batch_id).order_by(BatchStatus.id)))


async def batches_of_product(tx: Tx, product_id: UUID) -> list[UUID]:
    """Return the ids of all batches of a product, sorted."""
    return list(await tx.scalars(select(Batch.id).where(Batch.product_id == product_id).order_by(Batch.id)))


async def has_frozen_batch(tx: Tx, product_id: UUID) -> bool:
    """Whether a batch of the product is held or recalled now."""
    return (await tx.execute(_HAS_FROZEN, {"product_id": product_id, "frozen": list(FROZEN)})).first() is not None


async def custody_of(tx: Tx, batch_ids: Collection[UUID], *, limit: int = 5000) -> list[Custody]:
    """Return the movements of the batches, the oldest first."""
    found = await tx.scalars(
        select(Custody).where(Custody.batch_id.in_(list(batch_ids))).order_by(Custody.id).limit(limit)
    )
    return list(found)


async def batch_scope(tx: Tx, batch_id: UUID) -> list[UUID]:
    """Return the batches that share this batch's fate, sorted by id.

    They are itself, its descendants, and every batch with the same GTIN (else brand and product name) and the same
    folded manufacturer lot, with their descendants.
    """
    found = await tx.scalars(_SCOPE, {"batch_id": batch_id})
    return list(found)


async def related(tx: Tx, batch_ids: Collection[UUID]) -> list[UUID]:
    """Return those of the batches that may share another's fate: made of it, or of a maker's lot that it has."""
    return list(await tx.scalars(_RELATED, {"ids": list(batch_ids)}))


async def lock_batches(tx: Tx, batch_ids: Collection[UUID]) -> None:
    """Lock batches until the transaction ends, by id; rows that refer to them can still be written."""
    query = select(Batch.id).where(Batch.id.in_(list(batch_ids))).order_by(Batch.id)
    await tx.execute(query.with_for_update(key_share=True))


async def ancestors(tx: Tx, batch_id: UUID) -> list[UUID]:
    """Return the batches that this one was made or repacked from, at any depth, sorted by id."""
    found = await tx.scalars(_ANCESTORS, {"batch_id": batch_id})
    return list(found)


_HAS_FROZEN = text(
    """
    SELECT 1 FROM batch b CROSS JOIN LATERAL (
        SELECT status FROM batch_status s WHERE s.batch_id = b.id ORDER BY s.id DESC LIMIT 1) newest
    WHERE b.product_id = :product_id AND newest.status = ANY(:frozen) LIMIT 1
    """
)
_RELATED = text(
    """
    SELECT b.id FROM batch b WHERE b.id = ANY(:ids) AND (
        EXISTS (SELECT FROM batch_parent p WHERE p.child_id = b.id)
        OR EXISTS (SELECT FROM batch o WHERE o.maker_lot_folded = b.maker_lot_folded AND o.id <> b.id)) ORDER BY b.id
    """
)
_ANCESTORS = text(
    """
    WITH RECURSIVE up(id) AS (
        SELECT parent_id FROM batch_parent WHERE child_id = :batch_id
        UNION
        SELECT p.parent_id FROM batch_parent p JOIN up u ON p.child_id = u.id
    )
    SELECT id FROM up ORDER BY id
    """
)
_SCOPE = text(
    """
    WITH RECURSIVE origin AS (
        SELECT b.id, b.maker_lot_folded, p.gtin, p.brand, p.name_key
        FROM batch b JOIN product p ON p.id = b.product_id WHERE b.id = :batch_id
    ), alike AS (
        SELECT o.id FROM origin o
        UNION
        SELECT b.id FROM origin o
        JOIN batch b ON b.maker_lot_folded = o.maker_lot_folded AND o.maker_lot_folded <> ''
        JOIN product p ON p.id = b.product_id
        WHERE (o.gtin IS NOT NULL AND p.gtin = o.gtin)
           OR ((o.gtin IS NULL OR p.gtin IS NULL) AND p.brand = o.brand AND p.name_key = o.name_key)
    ), down(id) AS (
        SELECT id FROM alike
        UNION
        SELECT c.child_id FROM batch_parent c JOIN down d ON c.parent_id = d.id
    )
    SELECT id FROM down ORDER BY id
    """
)


def _view(row: Row[Batch, Product, str]) -> BatchView:
    batch, product, status = row
    return BatchView(
        id=batch.id,
        product_id=product.id,
        seller_id=batch.seller_id,
        brand=product.brand,
        name_en=product.name_en,
        name_zh=product.name_zh,
        gtin=product.gtin,
        category=product.category,
        lot_code=batch.lot_code,
        maker_lot_code=batch.maker_lot_code,
        made_on=batch.made_on,
        expires_on=batch.expires_on,
        units_made=batch.units_made,
        status=status,
        registered_at=batch.registered_at,
    )
