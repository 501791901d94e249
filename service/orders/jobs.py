"""Work that orders do by themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from service.core.actor import SYSTEM
from service.core.errors import FairholdError
from service.core.wire import DeliveryRecord
from service.db.locks import locked
from service.db.session import Database, Tx
from service.escrow.queries import get_hold
from service.events.log import Together, heard
from service.jobs.queue import Payload
from service.orders import overdue, promises, rules, tracking
from service.orders.actions import record_delivery
from service.orders.carriers import Carriers
from service.orders.paying import mark_paid
from service.orders.tables import CarrierNotice, Order


async def holds_funded(payload: Payload, *, database: Database) -> None:
    """Mark the orders paid whose holds were funded."""

    async def mark(tx: Tx) -> None:
        order_ids = [UUID(each.facts["reference_id"]) for each in await heard(tx, payload)]
        await mark_paid(tx, order_ids, now=await tx.now())

    await database.run(mark)


async def apply_carrier_notice(payload: Payload, *, database: Database) -> None:
    """Apply a stored delivery record to the order with its tracking number; one that proves nothing is kept."""
    async with database.begin() as tx:
        notice = await tx.get(CarrierNotice, UUID(payload["notice_id"]), with_for_update=True)
        if notice is None or notice.applied_at is not None:
            return
        now = await tx.now()
        record = msgspec.convert(notice.record, DeliveryRecord)
        parcel = (Order.carrier == record.carrier, Order.tracking_number == record.tracking_number)
        order = await tx.scalar(locked(select(Order).where(*parcel)))
        notice.applied_at = now
        if order is None:
            notice.outcome = "order_unknown"
            return
        try:
            async with tx.begin_nested():
                await record_delivery(tx, SYSTEM, order, record, proof_id=notice.id, now=now)
            notice.outcome = "applied"
        except FairholdError as error:
            notice.outcome = error.code


async def ask_carrier(payload: Payload, *, database: Database, carriers: Carriers) -> None:
    """Ask the carrier how a shipped parcel stands, and promise to ask again unless it was delivered."""
    order_id = UUID(payload["subject_id"])
    await _look_up(order_id, database, carriers)

    async def promise_next(tx: Tx) -> None:
        order = await tx.get(Order, order_id, with_for_update=True)
        if order is not None and order.status == "shipped":
            await promises.ask_carrier_later(tx, order, asked_count=int(payload["asked"]) + 1, now=await tx.now())

    await database.run(promise_next)


async def refund_unshipped(payload: Payload, *, database: Database) -> None:
    """Refund an order that was not shipped in time."""

    async def refund(tx: Tx) -> None:
        await overdue.refund_unshipped(tx, UUID(payload["subject_id"]), now=await tx.now())

    await database.run(refund)


async def ask_arrival(payload: Payload, *, database: Database, carriers: Carriers) -> None:
    """Ask the buyer whether the order has come, unless its carrier, asked first, says so."""
    order_id = UUID(payload["subject_id"])
    question = 1 if payload["deadline"] == rules.DELIVER else 2
    await _look_up(order_id, database, carriers)

    async def ask(tx: Tx) -> None:
        await overdue.ask_arrival(tx, order_id, question=question, now=await tx.now())

    await database.run(ask)


async def refund_undelivered(payload: Payload, *, database: Database, carriers: Carriers) -> None:
    """Refund an order whose delivery nobody proved; its carrier is asked a last time before."""
    order_id = UUID(payload["subject_id"])
    await _look_up(order_id, database, carriers)

    async def refund(tx: Tx) -> None:
        await overdue.refund_undelivered(tx, order_id, now=await tx.now())

    await database.run(refund)


async def follow_refund(payload: Payload, *, database: Database) -> None:
    """Cancel an undelivered order whose whole payment went back to the buyer."""

    async def follow(tx: Tx) -> None:
        hold = await get_hold(tx, SYSTEM, UUID(payload["subject_id"]))
        await overdue.follow_refund(tx, hold.reference_id, now=await tx.now())

    await database.run(follow)


async def _look_up(order_id: UUID, database: Database, carriers: Carriers) -> None:
    """Ask the carrier, with no transaction open, and apply what it signed before going on."""
    notice_ids = await tracking.look_up(order_id, database=database, carriers=carriers)
    for notice_id in notice_ids:
        await apply_carrier_notice({"notice_id": str(notice_id)}, database=database)


HANDLERS: Mapping[str, Callable[..., Any]] = {
    "orders.holds_funded": holds_funded,
    "orders.apply_carrier_notice": apply_carrier_notice,
    "orders.ask_carrier": ask_carrier,
    "orders.not_shipped": refund_unshipped,
    "orders.ask_arrival": ask_arrival,
    "orders.not_delivered": refund_undelivered,
    "orders.follow_refund": follow_refund,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {
    "hold.funded": [Together("orders.holds_funded")],
    "hold.refunded": ["orders.follow_refund"],
    "hold.charged_back": ["orders.follow_refund"],
}
