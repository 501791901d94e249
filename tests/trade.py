"""Orders on their way through tests: paid without a provider process, delivered by a carrier of the tests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from service.batches.actions import register_batch, register_product
from service.batches.schemas import NewBatch, NewProduct
from service.core.actor import SYSTEM, Actor
from service.core.signatures import carrier_key, sign_record
from service.core.wire import DeliveryRecord, ParcelStatus, format_instant
from service.db.schemas import MoneyView
from service.db.session import Database, Tx
from service.escrow.actions import record_outcome
from service.orders import actions as orders
from service.orders.paying import mark_paid
from service.orders.schemas import NewOrder, NewShipment
from service.orders.tables import Order

SECRET = "a secret for tests only, long enough to pass"
AREA = "330100"


class Carrier:
    """A carrier in the test's own hands."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        key = carrier_key(self._private)
        self.pinned = f"{key.key_id}={key.public_key}"

    def record(
        self, tracking_number: str, *, created_at: datetime, delivered_at: datetime | None, area: str = AREA
    ) -> dict[str, Any]:
        """Return a signed record as JSON has it."""
        record = DeliveryRecord(
            carrier="sandbox",
            tracking_number=tracking_number,
            status=ParcelStatus.ACCEPTED if delivered_at is None else ParcelStatus.DELIVERED,
            created_at=format_instant(created_at),
            delivered_at=None if delivered_at is None else format_instant(delivered_at),
            destination_area=area,
        )
        signed: dict[str, Any] = msgspec.to_builtins(sign_record(self._private, record))
        return signed


CARRIER = Carrier()


@dataclass(frozen=True, slots=True)
class Goods:
    """A registered product with one batch."""

    product_id: UUID
    batch_id: UUID


async def make_goods(tx: Tx, seller: Actor, seller_id: UUID, *, lot: str = "SY26J1807", now: datetime) -> Goods:
    """Register a product and a batch of it."""
    names = {"brand": "Suyun", "name_en": "Suyun Hydrating Sheet Mask", "name_zh": "素芸补水面膜"}
    product = await register_product(
        tx, seller, NewProduct(seller_id=seller_id, category="cosmetics", **names), now=now
    )
    await tx.flush()
    batch = await register_batch(tx, seller, NewBatch(product_id=product.id, lot_code=lot, units_made=6000), now=now)
    return Goods(product.id, batch.id)


async def place(tx: Tx, platform: Actor, tenant_id: UUID, seller_id: UUID, goods: Goods, ref: str, **more: Any) -> UUID:
    """Place an order of 480.00 CNY with its batch not named."""
    data = NewOrder(
        tenant_id=tenant_id,
        platform_ref=ref,
        seller_id=seller_id,
        product_id=goods.product_id,
        amount=MoneyView(48_000, "CNY"),
        destination_area=AREA,
        **more,
    )
    order = await orders.place_order(tx, platform, data, secret=SECRET, now=await tx.now())
    return order.id


async def claim(database: Database, platform: Actor, buyer: Actor, order_id: UUID) -> None:
    """Let the buyer claim the order with the platform's code."""
    async with database.begin() as tx:
        now = await tx.now()
        code, _ = await orders.issue_claim_code(tx, platform, order_id, now=now)
        await tx.flush()
        await orders.claim_order(tx, buyer, code, now=now)


async def pay(database: Database, platform: Actor, order_id: UUID) -> None:
    """Ask for the payment and record that the provider captured it."""
    async with database.begin() as tx:
        payment = await orders.request_payment(tx, platform, order_id, now=await tx.now())
    async with database.begin() as tx:
        await record_outcome(tx, payment.id, state="done", now=await tx.now())
    async with database.begin() as tx:
        await mark_paid(tx, [order_id], now=await tx.now())


async def ship(database: Database, seller: Actor, order_id: UUID, batch_id: UUID, tracking_number: str) -> None:
    """Ship with the batch named."""
    async with database.begin() as tx:
        data = NewShipment(carrier="sandbox", tracking_number=tracking_number, batch_id=batch_id)
        await orders.ship_order(tx, seller, order_id, data, now=await tx.now())


async def deliver(database: Database, order_id: UUID) -> None:
    """Let the carrier's signed record prove the delivery, now."""
    async with database.begin() as tx:
        now = await tx.now()
        order = (await tx.scalars(select(Order).where(Order.id == order_id).with_for_update())).one()
        assert order.paid_at is not None
        signed = CARRIER.record(order.tracking_number or "", created_at=order.paid_at, delivered_at=now)
        record = msgspec.convert(signed["record"], DeliveryRecord)
        await orders.record_delivery(tx, SYSTEM, order, record, proof_id=order.id, now=now)
