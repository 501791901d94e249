"""Corrections of batches and products: what was registered wrongly is put right, and what stood before is kept.

Ranks as `actions`. The database refuses any other change of what was registered, and a seller's change of goods whose
complaints count in a signal (sql/0004_30_corrections.sql).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import ColumnElement, func, select

from service.batches import rules
from service.batches.actions import check_new_gtin, check_new_lot
from service.batches.queries import batches_of_product, get_batch, get_product, has_frozen_batch, lock_batches
from service.batches.schemas import BatchView, CorrectionView, NewBatchCorrection, NewProductCorrection
from service.batches.tables import Batch, Correction, Product
from service.core.actor import COMMONS, Actor, Role
from service.core.errors import Conflict, Forbidden, Invalid, NotFound
from service.core.ids import new_id
from service.core.lots import fold_lot
from service.core.names import name_key
from service.db.locks import locked
from service.db.pages import Page, read_page
from service.db.session import Tx
from service.events.log import emit

LOTS = ("lot_code", "maker_lot_code")


async def correct_batch(tx: Tx, actor: Actor, batch_id: UUID, data: NewBatchCorrection, *, now: datetime) -> Correction:
    """Correct a batch of the actor's seller; mediators and supervisors of `commons` correct any.

    Raises `NotFound` ("batch_not_found"), `Forbidden` ("not_your_seller", "own_case"), `Invalid` ("nothing_corrected",
    "lot_code_empty", "batch_dates_wrong"), `Conflict` ("corrections_too_many", "batch_registered_already"; to the
    seller "batch_frozen", "batch_in_signal"; to a mediator whose own complaint counts "own_case"). Locks the batch.
    """
    batch = (await tx.scalars(locked(select(Batch).where(Batch.id == batch_id)))).one_or_none()
    if batch is None:
        raise NotFound("batch_not_found")
    side = await _side(tx, actor, batch)
    before, after = _changes(batch, _told(data))
    status = (await get_batch(tx, batch.id)).status
    if side == "seller" and status in rules.FROZEN and any(name in after for name in LOTS):
        raise Conflict("batch_frozen", "a new lot code is no way out of a freeze or a recall", status=status)
    lot_folded = rules.folded(after.get("lot_code", batch.lot_code))
    made_on, expires_on = after.get("made_on", batch.made_on), after.get("expires_on", batch.expires_on)
    rules.check_dates(made_on, expires_on, today=now.date())
    if "lot_code" in after:
        await check_new_lot(tx, batch.product_id, after["lot_code"])
    maker_lot_folded = fold_lot(after.get("maker_lot_code", batch.maker_lot_code) or "") or None
    derived = {"lot_folded": lot_folded, "maker_lot_folded": maker_lot_folded}
    correction = _correction(actor, side, data.reason, before, after, now=now, batch_id=batch.id)
    await _change(tx, batch, correction, after | derived)
    facts = {"batch_id": str(batch.id), "product_id": str(batch.product_id), "seller_id": str(batch.seller_id)}
    await emit(tx, "batch.corrected", actor=actor, subject=("batch", batch.id), now=now, facts=facts)
    return correction


async def correct_product(
    tx: Tx, actor: Actor, product_id: UUID, data: NewProductCorrection, *, now: datetime
) -> Correction:
    """Correct a product of the actor's seller; mediators and supervisors of `commons` correct any.

    Raises `NotFound` ("product_not_found"), `Forbidden` ("not_your_seller", "own_case"), `Invalid` ("gtin_wrong",
    "nothing_corrected", "product_name_missing"), `Conflict` ("corrections_too_many", "product_registered_already":
    another product of this seller has the GTIN; to the seller "product_frozen", "product_in_signal"; to a mediator
    whose own complaint counts "own_case"). Locks the product's batches, then the product.
    """
    await get_product(tx, product_id)
    await lock_batches(tx, await batches_of_product(tx, product_id))
    product = (await tx.scalars(locked(select(Product).where(Product.id == product_id)))).one()
    side = await _side(tx, actor, product)
    told = _told(data)
    if told.get("gtin") is not None:
        told["gtin"] = rules.gtin14(told["gtin"])
    before, after = _changes(product, told)
    if side == "seller" and await has_frozen_batch(tx, product.id):
        raise Conflict("product_frozen", "payments for a batch of this product are frozen")
    names = {name: after.get(name, getattr(product, name)) for name in ("brand", "name_en", "name_zh")}
    if not name_key(names["name_en"], names["name_zh"]):
        raise Invalid("product_name_missing", "a product needs a name in English or Chinese", field="name_en")
    if after.get("gtin") is not None:
        await check_new_gtin(tx, product.seller_id, after["gtin"])
    derived = {"name_key": name_key(names["brand"], names["name_en"], names["name_zh"])}
    correction = _correction(actor, side, data.reason, before, after, now=now, product_id=product.id)
    await _change(tx, product, correction, after | derived)
    facts = {"product_id": str(product.id), "seller_id": str(product.seller_id)}
    await emit(tx, "product.corrected", actor=actor, subject=("product", product.id), now=now, facts=facts)
    return correction


async def corrections_page(
    tx: Tx, actor: Actor, thing: BatchView | Product, *, after: str | None, limit: int
) -> Page[CorrectionView]:
    """Return the corrections of a batch or product, the newest first. Raises `Forbidden` ("not_your_seller")."""
    if thing.seller_id not in actor.seller_ids and not _oversees(actor):
        raise Forbidden("not_your_seller", "only people of this seller may do this")
    page = await read_page(tx, select(Correction).where(_of(thing)), Correction.id, after=after, limit=limit)
    return page.shown_as([view_of(actor, each) for each in page.rows])


def view_of(actor: Actor, row: Correction) -> CorrectionView:
    """Return what an actor who may read it sees of a correction."""
    is_told_who = row.side == "seller" or _oversees(actor)
    return CorrectionView(
        id=row.id,
        side=row.side,
        reason=row.reason_code,
        before=row.before,
        after=row.after,
        corrected_by=row.corrected_by if is_told_who else None,
        at=row.at,
    )


async def _side(tx: Tx, actor: Actor, thing: Batch | Product) -> str:
    """Return for which side the actor corrects; raises `Forbidden`, and `Conflict` where that side did so too often.

    A mediator who acts for a shop may sell the very goods, or compete with them.
    """
    if thing.seller_id in actor.seller_ids:
        side = "seller"
    elif COMMONS not in actor.tenants(Role.MEDIATOR, Role.SUPERVISOR):
        raise Forbidden("not_your_seller", "people of this seller and mediators of commons may do this")
    elif actor.seller_ids:
        raise Forbidden("own_case", "a mediator who acts for a seller corrects no goods of others")
    else:
        side = "mediator"
    made = select(func.count()).select_from(Correction).where(_of(thing), Correction.side == side)
    if (await tx.scalar(made) or 0) >= rules.CORRECTIONS_MAX:
        raise Conflict("corrections_too_many", "this was corrected too often", limit=rules.CORRECTIONS_MAX)
    return side


def _of(thing: Batch | BatchView | Product) -> ColumnElement[bool]:
    return (Correction.product_id if isinstance(thing, Product) else Correction.batch_id) == thing.id


def _oversees(actor: Actor) -> bool:
    return actor.has(Role.MEDIATOR, Role.SUPERVISOR, Role.REGULATOR)


def _told(data: NewBatchCorrection | NewProductCorrection) -> dict[str, Any]:
    given = {name: getattr(data, name) for name in data.__struct_fields__ if name != "reason"}
    told = {name: value for name, value in given.items() if value is not UNSET}
    return {name: value.strip() if isinstance(value, str) else value for name, value in told.items()}


def _changes(thing: Batch | Product, told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what stood before and what is to stand of the fields that change; raises `Invalid`."""
    after = {name: value for name, value in told.items() if value != getattr(thing, name)}
    if not after:
        raise Invalid("nothing_corrected", "everything stands as it is told")
    return {name: getattr(thing, name) for name in after}, after


def _correction(
    actor: Actor,
    side: str,
    reason: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    now: datetime,
    **of: UUID,
) -> Correction:
    return Correction(
        id=new_id(),
        **of,
        side=side,
        reason_code=reason,
        before=msgspec.to_builtins(before),
        after=msgspec.to_builtins(after),
        corrected_by=actor.person_id,
        at=now,
    )


async def _change(tx: Tx, thing: Batch | Product, correction: Correction, values: Mapping[str, Any]) -> None:
    tx.add(correction)
    await tx.flush()  # the database lets a thing change only behind its correction
    for name, value in values.items():
        setattr(thing, name, value)
    await tx.flush()  # what the database refuses is refused here
