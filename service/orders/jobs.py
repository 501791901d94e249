"""Work that orders do by themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from service.core.actor import SYSTEM
from service.core.errors import FairholdError
from service.core.wire import DeliveryRecord
from service.db.session import Database
from service.jobs.queue import Payload
from service.orders.actions import mark_paid, record_delivery
from service.orders.tables import CarrierNotice, Order


async def hold_funded(payload: Payload, *, database: Database) -> None:
    """Mark the order paid when its hold was funded."""
    async with database.begin() as tx:
        await mark_paid(tx, SYSTEM, UUID(payload["facts"]["reference_id"]), now=await tx.now())


async def apply_carrier_notice(payload: Payload, *, database: Database) -> None:
    """Apply a stored delivery record to the order with its tracking number; one that proves nothing is kept."""
    async with database.begin() as tx:
        notice = await tx.get(CarrierNotice, UUID(payload["notice_id"]), with_for_update=True)
        if notice is None or notice.applied_at is not None:
            return
        now = await tx.now()
        record = msgspec.convert(notice.record, DeliveryRecord)
        order = await tx.scalar(
            select(Order)
            .where(Order.carrier == record.carrier, Order.tracking_number == record.tracking_number)
            .with_for_update()
        )
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


HANDLERS: Mapping[str, Callable[..., Any]] = {
    "orders.hold_funded": hold_funded,
    "orders.apply_carrier_notice": apply_carrier_notice,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {"hold.funded": ["orders.hold_funded"]}
