"""What people do with products and batches."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from service.batches.queries import get_product
from service.batches.rules import check_dates, folded, gtin14
from service.batches.schemas import NewBatch, NewCustody, NewProduct
from service.batches.tables import Batch, BatchParent, BatchStatus, Custody, Product
from service.core.actor import Actor
from service.core.errors import Conflict, Forbidden, Invalid, NotFound
from service.core.ids import new_id
from service.core.lots import fold_lot
from service.core.names import name_key
from service.db.session import Tx
from service.events.log import emit
from service.sellers.queries import get_seller, sellers_by_id


async def register_product(tx: Tx, actor: Actor, data: NewProduct, *, now: datetime) -> Product:
    """Register a product of one of the actor's sellers.

    Raises `Forbidden` ("not_your_seller"), `Invalid` ("product_name_missing", "gtin_wrong"), `Conflict`
    ("product_registered_already": this seller has this GTIN).
    """
    await get_seller(tx, data.seller_id)
    check_own_seller(actor, data.seller_id)
    if not name_key(data.name_en, data.name_zh):
        raise Invalid("product_name_missing", "a product needs a name in English or Chinese", field="name_en")
    gtin = gtin14(data.gtin) if data.gtin else None
    if gtin is not None:
        await check_new_gtin(tx, data.seller_id, gtin)
    product = Product(
        id=new_id(),
        seller_id=data.seller_id,
        brand=data.brand.strip(),
        name_en=data.name_en.strip(),
        name_zh=data.name_zh.strip(),
        name_key=name_key(data.brand, data.name_en, data.name_zh),
        gtin=gtin,
        category=data.category,
        registered_at=now,
    )
    tx.add(product)
    await emit(
        tx,
        "product.registered",
        actor=actor,
        subject=("product", product.id),
        now=now,
        facts={"seller_id": str(data.seller_id)},
    )
    return product


async def register_batch(tx: Tx, actor: Actor, data: NewBatch, *, now: datetime) -> Batch:
    """Register a production lot of a product of the actor's seller.

    Raises `NotFound`, `Forbidden` ("not_your_seller"), `Invalid` ("lot_code_empty", "batch_dates_wrong",
    "parent_unknown"), `Conflict` ("batch_registered_already").
    """
    product = await get_product(tx, data.product_id)
    check_own_seller(actor, product.seller_id)
    batch = new_batch(product, data, actor=actor, now=now)
    await check_new_lot(tx, product.id, batch.lot_code)
    tx.add(batch)
    await tx.flush()  # parents point at the batch
    await _add_parents(tx, batch.id, data.parent_ids)
    await emit_registered(tx, actor, batch, now=now)
    return batch


def new_batch(product: Product, data: NewBatch, *, actor: Actor, now: datetime) -> Batch:
    """Return the batch of checked data; raises `Invalid` ("lot_code_empty", "batch_dates_wrong")."""
    lot_folded = folded(data.lot_code)
    check_dates(data.made_on, data.expires_on, today=now.date())
    return Batch(
        id=new_id(),
        product_id=product.id,
        seller_id=product.seller_id,
        lot_code=data.lot_code.strip(),
        maker_lot_code=data.maker_lot_code.strip() if data.maker_lot_code else None,
        lot_folded=lot_folded,
        maker_lot_folded=fold_lot(data.maker_lot_code) or None if data.maker_lot_code else None,
        made_on=data.made_on,
        expires_on=data.expires_on,
        units_made=data.units_made,
        registered_by=actor.person_id,
        registered_at=now,
    )


async def emit_registered(tx: Tx, actor: Actor, batch: Batch, *, now: datetime) -> None:
    """Say that a batch is there; whoever waits for it (unmatched complaints) hears of it."""
    facts = {"batch_id": str(batch.id), "product_id": str(batch.product_id), "seller_id": str(batch.seller_id)}
    await emit(tx, "batch.registered", actor=actor, subject=("batch", batch.id), now=now, facts=facts)


async def record_custody(tx: Tx, actor: Actor, batch_id: UUID, data: NewCustody, *, now: datetime) -> Custody:
    """Record that units went from one of the actor's sellers to another seller.

    Raises `NotFound`, `Forbidden` ("not_your_seller"), `Invalid` ("custody_to_itself", "custody_in_future").
    """
    if await tx.get(Batch, batch_id) is None:
        raise NotFound("batch_not_found")
    check_own_seller(actor, data.from_seller_id)
    if data.from_seller_id == data.to_seller_id:
        raise Invalid("custody_to_itself", "goods go to another seller", field="to_seller_id")
    if data.to_seller_id not in await sellers_by_id(tx, [data.to_seller_id]):
        raise NotFound("seller_not_found")
    at = data.at or now
    if at > now:
        raise Invalid("custody_in_future", "goods cannot have moved in the future", field="at")
    custody = Custody(
        id=new_id(), batch_id=batch_id, from_seller_id=data.from_seller_id, to_seller_id=data.to_seller_id,
        units=data.units, at=at, recorded_by=actor.person_id,
    )  # fmt: skip
    tx.add(custody)
    await emit(
        tx, "batch.custody_recorded", actor=actor, subject=("batch", batch_id), now=now, facts={"units": data.units}
    )
    return custody


async def set_status(
    tx: Tx, actor: Actor, batch_id: UUID, status: str, *, reason_code: str, now: datetime, source_id: UUID | None = None
) -> None:
    """Append to a batch's status history; the caller checks who may. `source_id` is the signal or recall behind it."""
    tx.add(
        BatchStatus(
            id=new_id(),
            batch_id=batch_id,
            status=status,
            reason_code=reason_code,
            source_id=source_id,
            actor_id=actor.person_id,
            since=now,
        )
    )
    facts = {"status": status, "reason": reason_code, "source_id": str(source_id) if source_id else None}
    await emit(tx, "batch.status_changed", actor=actor, subject=("batch", batch_id), now=now, facts=facts)


def check_own_seller(actor: Actor, seller_id: UUID) -> None:
    """Raise `Forbidden` ("not_your_seller") unless the actor acts for the seller."""
    if seller_id not in actor.seller_ids:
        raise Forbidden("not_your_seller", "only people of this seller may do this")


async def check_new_gtin(tx: Tx, seller_id: UUID, gtin: str) -> None:
    """Raise `Conflict` ("product_registered_already") where this seller has a product with this GTIN."""
    known = await tx.execute(
        text("SELECT 1 FROM product WHERE seller_id = :seller_id AND gtin = :gtin"),
        {"seller_id": seller_id, "gtin": gtin},
    )
    if known.first():
        raise Conflict("product_registered_already", "this seller has a product with this GTIN", gtin=gtin)


async def check_new_lot(tx: Tx, product_id: UUID, lot_code: str) -> None:
    """Raise `Conflict` ("batch_registered_already") where this product has a batch with this lot code."""
    known = await tx.execute(
        text("SELECT 1 FROM batch WHERE product_id = :product_id AND lot_code = :lot_code"),
        {"product_id": product_id, "lot_code": lot_code},
    )
    if known.first():
        raise Conflict("batch_registered_already", "this product has a batch with this lot code", lot_code=lot_code)


async def _add_parents(tx: Tx, batch_id: UUID, parent_ids: list[UUID]) -> None:
    for parent_id in dict.fromkeys(parent_ids):
        if await tx.get(Batch, parent_id) is None:
            raise Invalid("parent_unknown", "a parent batch does not exist", field="parent_ids")
        tx.add(BatchParent(child_id=batch_id, parent_id=parent_id))
