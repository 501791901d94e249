"""Proofs of delivery as they come in: a carrier's record from anyone, its notice, or the buyer's code."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from service.core.actor import Actor
from service.core.ids import new_id
from service.core.wire import DeliveryRecord
from service.db.locks import locked
from service.db.session import Database, Tx
from service.jobs.queue import enqueue
from service.orders.actions import count_hand_over_try, record_delivery, record_hand_over
from service.orders.queries import get_row
from service.orders.schemas import SignedRecord
from service.orders.tables import CarrierNotice


async def deliver_by_record(tx: Tx, actor: Actor, order_id: UUID, signed: SignedRecord, record: DeliveryRecord) -> None:
    """Start an order's window by a verified record that the actor brings; the record is kept as the proof.

    Raises `NotFound`, and what `record_delivery` raises.
    """
    now = await tx.now()
    order = await get_row(tx, actor, order_id, is_locked=True)
    notice = await _notice(tx, signed, now=now)
    await record_delivery(tx, actor, order, record, proof_id=notice.id, now=now)
    notice.applied_at, notice.outcome = now, "applied"


async def count_try(database: Database, actor: Actor, order_id: UUID) -> None:
    """Count a try of the buyer's code, before it is looked at.

    In a transaction of its own: a refusal does not undo the count, and tries that come at the same time do not share
    one. The caller has none open, or it would hold one connection and wait for another.
    """
    async with database.begin() as counting:
        await count_hand_over_try(counting, actor, order_id)


async def deliver_by_code(tx: Tx, actor: Actor, order_id: UUID, code: str, *, secret: str) -> None:
    """Start an order's window by the buyer's code, whose try `count_try` has counted: the right one gives it back."""
    order = await record_hand_over(tx, actor, order_id, code, secret=secret, now=await tx.now())
    order.hand_over_failures -= 1


async def store_notice(tx: Tx, signed: SignedRecord, *, now: datetime) -> None:
    """Keep a carrier's verified notice and enqueue its application; the same notice again changes nothing."""
    notice = await _notice(tx, signed, now=now)
    if notice.applied_at is None:
        await enqueue(
            tx,
            "orders.apply_carrier_notice",
            {"notice_id": str(notice.id)},
            lock=f"parcel {signed.record.tracking_number}",
        )


async def keep_notice(tx: Tx, signed: SignedRecord, *, now: datetime) -> None:
    """Keep a verified record that we asked for; one that came before and proved nothing then is looked at again.

    (The carrier may have delivered before the seller told us the number.)
    """
    notice = await _notice(tx, signed, now=now)
    if notice.outcome != "applied":
        notice.applied_at = notice.outcome = None


async def _notice(tx: Tx, signed: SignedRecord, *, now: datetime) -> CarrierNotice:
    # Whoever brings the same record at the same time (the carrier's own notice does) is waited for, not refused.
    await tx.execute(
        insert(CarrierNotice)
        .values(
            id=new_id(),
            carrier=signed.record.carrier,
            signature=signed.signature,
            record=msgspec.to_builtins(signed.record),
            received_at=now,
        )
        .on_conflict_do_nothing(index_elements=[CarrierNotice.signature])
    )
    found = await tx.scalars(locked(select(CarrierNotice).where(CarrierNotice.signature == signed.signature)))
    return found.one()
