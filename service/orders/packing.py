"""Packing photos: what the seller shows of an order before it is sent, and cannot change or add to afterwards.

The shipment's event carries their ids and hashes, so that the sealed event log proves what was committed to. Whoever
takes them calls `open_order`, `files.receiving.receive_photos` and `attach`, in this order; whoever shows one calls
`open_photo`, commits, and then `files.reading.fetch`. The buyer sees them only in a case that they sent, through
`complaints.evidence`, so that nobody fits a story to them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from service.batches.queries import get_product
from service.core.actor import Actor, Role
from service.core.errors import Forbidden, NotFound
from service.db.session import Database, Tx
from service.deadlines.queries import policy
from service.events.log import emit
from service.files.actions import open_case_key, register_file
from service.files.intake import CaseKey, Received
from service.files.queries import FileView, files_of_cases
from service.files.reading import Part, Ticket, open_file
from service.files.sealing import KeyRing
from service.orders import rules
from service.orders.queries import get_row
from service.orders.tables import Order, OrderPackingPhoto

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Packing:
    """The packing photos of an order in the order they came, and when they were committed to: when it was sent."""

    order_id: UUID
    committed_at: datetime | None
    photos: list[FileView]


@dataclass(frozen=True, slots=True)
class Packed:
    """The order whose packing a photo shows."""

    order_id: UUID
    tenant_id: UUID
    seller_id: UUID
    buyer_id: UUID | None


async def open_order(database: Database, actor: Actor, order_id: UUID, *, ring: KeyRing, new: int) -> CaseKey:
    """Check in a short transaction that the seller may add `new` photos, and return the key of the order's files.

    Raises `NotFound` ("order_not_found"), `Forbidden` ("not_your_order"), `Conflict` ("packing_closed",
    "file_erased"), `Invalid` ("file_missing", "packing_photos_too_many").
    """
    async with database.begin() as tx:
        order = await get_row(tx, actor, order_id)
        await _check_may_add(tx, actor, order, new)
        return await open_case_key(tx, ring, tenant_id=order.tenant_id, case_id=order.id, now=await tx.now())


async def attach(
    tx: Tx, actor: Actor, order_id: UUID, received: Sequence[Received], *, retention_days: int, now: datetime
) -> Order:
    """Write the photos to the order, with their event. Checks everything again, now that the order is locked.

    Their originals stay locked for `retention_days`, or longer where the policy says so (`days_locked`).
    Against a shipment at the same time it ends one way or the other: committed to by it, or refused. Raises as
    `open_order`, and `Unavailable` ("file_expired").
    """
    order = await get_row(tx, actor, order_id, is_locked=True)
    await _check_may_add(tx, actor, order, len(received))
    step = rules.packing_step(order.status)
    product_id, jurisdiction = order.product_id, order.jurisdiction
    days = await days_locked(tx, product_id=product_id, jurisdiction=jurisdiction, days_min=retention_days, now=now)
    file_ids = [await register_file(tx, actor, each, retention_days=days, now=now) for each in received]
    await tx.flush()  # the photos refer to their files
    person_id, tenant_id = actor.person_id, order.tenant_id
    for file_id in file_ids:
        tx.add(OrderPackingPhoto(file_id=file_id, tenant_id=tenant_id, order_id=order.id, added_by=person_id, at=now))
    facts = {"file_ids": [str(file_id) for file_id in file_ids], "count": len(file_ids)}
    await emit(tx, step.event, actor=actor, subject=("order", order.id), now=now, tenant_id=tenant_id, facts=facts)
    return order


async def days_locked(tx: Tx, *, product_id: UUID | None, jurisdiction: str, days_min: int, now: datetime) -> int:
    """Return for how many days an original about a product stays locked that comes in now.

    That is the installation's own time, or that of the policy `keep_evidence` for the product's category and the
    jurisdiction, whichever is longer: a lock can be made longer, and never shorter.
    """
    category = "" if product_id is None else (await get_product(tx, product_id)).category
    wanted = await policy(tx, "keep_evidence", now=now, category=category, jurisdiction=jurisdiction)
    return max(days_min, -(-wanted.value // DAY_SECONDS))


async def committed(tx: Tx, order_id: UUID) -> dict[str, Any]:
    """Return what the event of a shipment says of the packing: ids and hashes, or nothing where there are none."""
    photos = await _photos(tx, order_id)
    return {"packing": [{"file_id": str(each.id), "sha256": each.sha256} for each in photos]} if photos else {}


async def packing_of(tx: Tx, order_id: UUID) -> Packing | None:
    """Return an order's packing photos, None where there are none. The caller has checked that they may be seen."""
    photos = await _photos(tx, order_id)
    if not photos:
        return None
    return Packing(order_id, await tx.scalar(select(Order.shipped_at).where(Order.id == order_id)), photos)


async def get_packing(tx: Tx, actor: Actor, order_id: UUID) -> Packing:
    """Return an order's packing photos to its seller or to a mediator of its tenant.

    Raises `NotFound` ("order_not_found"), `Forbidden` ("not_your_part").
    """
    order = await _readable(tx, actor, order_id)
    return Packing(order.id, order.shipped_at, await _photos(tx, order.id))


async def open_photo(
    tx: Tx, actor: Actor, order_id: UUID, file_id: UUID, part: Part, *, ring: KeyRing, now: datetime
) -> Ticket:
    """Return a ticket for a photo, and record the view. Commit before fetching.

    Raises as `get_packing`, and `NotFound` ("file_not_found"), `Conflict` ("file_erased").
    """
    order = await _readable(tx, actor, order_id)
    if await order_of_photo(tx, file_id) != order.id:
        raise NotFound("file_not_found", "no such photo of this order")
    facts = {"file_id": str(file_id), "part": part.value}
    subject = ("order", order.id)
    await emit(
        tx, "order.packing_viewed", actor=actor, subject=subject, now=now, tenant_id=order.tenant_id, facts=facts
    )
    return await open_file(tx, actor, ring, file_id, part, case_id=order.id, now=now)


async def order_of_photo(tx: Tx, file_id: UUID) -> UUID | None:
    """Return the order whose packing a file shows, None for any other file. No permission filter."""
    return await tx.scalar(select(OrderPackingPhoto.order_id).where(OrderPackingPhoto.file_id == file_id))


async def packed(tx: Tx, file_ids: Collection[UUID]) -> dict[UUID, Packed]:
    """Return those of the files that show an order's packing, with that order. No permission filter."""
    if not file_ids:
        return {}
    found = await tx.execute(
        select(OrderPackingPhoto.file_id, Order.id, Order.tenant_id, Order.seller_id, Order.buyer_id)
        .join(Order, Order.id == OrderPackingPhoto.order_id)
        .where(OrderPackingPhoto.file_id.in_(list(file_ids)))
    )
    return {row[0]: Packed(*row[1:]) for row in found}


async def _check_may_add(tx: Tx, actor: Actor, order: Order, new: int) -> None:
    if order.seller_id not in actor.seller_ids:
        raise Forbidden("not_your_order", "the order's seller shows the packing")
    rules.packing_step(order.status)
    rules.check_packing_count(new, len(await _ids(tx, order.id)))


async def _readable(tx: Tx, actor: Actor, order_id: UUID) -> Order:
    """Return an order whose photos the actor may see outside of a case. Its buyer may not, whatever else they are."""
    order = await get_row(tx, actor, order_id)
    is_buyer = actor.person_id is not None and order.buyer_id == actor.person_id
    is_staff = order.tenant_id in actor.tenants(Role.MEDIATOR, Role.SUPERVISOR) and not is_buyer
    if order.seller_id not in actor.seller_ids and not is_staff:
        raise Forbidden("not_your_part", "the buyer sees packing photos in a case that was sent")
    return order


async def _ids(tx: Tx, order_id: UUID) -> set[UUID]:
    return set(await tx.scalars(select(OrderPackingPhoto.file_id).where(OrderPackingPhoto.order_id == order_id)))


async def _photos(tx: Tx, order_id: UUID) -> list[FileView]:
    ids = await _ids(tx, order_id)
    return [each for each in await files_of_cases(tx, [order_id]) if each.id in ids] if ids else []
