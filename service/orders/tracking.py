"""Ask a carrier about a parcel that is on its way, so that a lost notice delays nobody for long."""

from uuid import UUID

import msgspec
import structlog
from sqlalchemy import select

from service.core.errors import FairholdError
from service.core.wire import ParcelStatus, SignedDelivery
from service.db.session import Database
from service.orders.carriers import Carriers
from service.orders.proofs import keep_notice
from service.orders.schemas import SignedRecord
from service.orders.tables import CarrierNotice, Order

_log = structlog.get_logger("fairhold.carriers")


async def look_up(order_id: UUID, *, database: Database, carriers: Carriers) -> list[UUID]:
    """Ask about a shipped order's parcel; return the ids of kept records of it that nobody has applied yet.

    Three steps: read, ask with no transaction open, keep a record that says "delivered". A carrier that is unknown,
    silent or not to be believed teaches nothing.
    """
    async with database.begin() as tx:
        order = await tx.get(Order, order_id)
    if order is None or order.status != "shipped" or order.carrier is None or order.tracking_number is None:
        return []
    signed = await _ask(carriers, order.carrier, order.tracking_number)
    async with database.begin() as tx:
        if signed is not None:
            await keep_notice(tx, signed, now=await tx.now())
        waiting = await tx.scalars(
            select(CarrierNotice.id).where(
                CarrierNotice.carrier == order.carrier,
                CarrierNotice.record["tracking_number"].astext == order.tracking_number,
                CarrierNotice.applied_at.is_(None),
            )
        )
        return list(waiting)


async def _ask(carriers: Carriers, code: str, tracking_number: str) -> SignedRecord | None:
    """Return the record of a delivered parcel, verified, as it is kept."""
    try:
        signed = await carriers.ask(code, tracking_number)
        record = await carriers.verify(signed)
    except FairholdError as error:
        _log.info("carrier_asked_in_vain", carrier=code, code=error.code)
        return None
    if (record.carrier, record.tracking_number) != (code, tracking_number):
        _log.warning("carrier_answer_differs", carrier=code)
        return None
    if record.status is not ParcelStatus.DELIVERED:
        return None
    return _as_kept(signed)


def _as_kept(signed: SignedDelivery) -> SignedRecord:
    return msgspec.convert(msgspec.to_builtins(signed), SignedRecord)
