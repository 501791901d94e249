"""What people and platforms do with orders."""

import hashlib
import hmac
import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from service.batches.queries import get_batch, get_product
from service.core.actor import Actor, Role
from service.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, ensure
from service.core.ids import new_id
from service.core.lifecycle import Transition
from service.core.money import Money
from service.core.wire import DeliveryRecord, ParcelStatus, parse_instant
from service.db.locks import locked
from service.db.session import Tx
from service.deadlines.queries import policy
from service.escrow import actions as escrow
from service.escrow.queries import hold_by_reference
from service.events.log import emit
from service.orders import packing, promises, rules
from service.orders.queries import get_row
from service.orders.schemas import NewOrder, NewShipment
from service.orders.tables import Order
from service.sellers.queries import get_seller


async def place_order(tx: Tx, actor: Actor, data: NewOrder, *, secret: str, now: datetime) -> Order:
    """Take an order that a platform pushes. `secret` salts the digests.

    Raises `Forbidden` ("not_your_tenant"), `NotFound`, `Invalid` ("batch_of_other_product", "amount_not_positive"),
    `Conflict` ("order_placed_already": the platform used this reference before; "seller_suspended").
    """
    if data.tenant_id not in actor.tenants(Role.PLATFORM):
        raise Forbidden("not_your_tenant", "a platform places orders of its own tenant")
    await _check_sells(tx, data.seller_id)
    await get_product(tx, data.product_id)
    await _check_batch(tx, data.product_id, data.batch_id)
    amount = data.amount.money()
    if amount.amount_minor == 0:
        raise Invalid("amount_not_positive", "an order has an amount above zero", field="amount")
    if await _knows_reference(tx, data.tenant_id, data.platform_ref):
        raise Conflict("order_placed_already", "this reference was used before", platform_ref=data.platform_ref)
    order = Order(
        id=new_id(),
        tenant_id=data.tenant_id,
        platform_ref=data.platform_ref,
        seller_id=data.seller_id,
        product_id=data.product_id,
        batch_id=data.batch_id,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        units=data.units,
        jurisdiction=data.jurisdiction,
        destination_area=data.destination_area,
        status=rules.ORDER.initial,
        payer_digest=rules.digest(secret, "payer", data.payer),
        device_digest=rules.digest(secret, "device", data.device),
        address_digest=rules.digest(secret, "address", data.address),
        contact_digest=rules.digest(secret, "contact", data.contact),
        hand_over_failures=0,
        placed_at=now,
    )
    tx.add(order)
    await emit(tx, "order.placed", actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id)
    return order


async def request_payment(tx: Tx, actor: Actor, order_id: UUID, *, now: datetime) -> escrow.Payment:
    """Ask the provider, through escrow, to capture the order's amount.

    Raises `NotFound`, `Conflict` ("order_state", "seller_suspended").
    """
    order = await _locked(tx, actor, order_id)
    step = rules.ORDER.next(order.status, "pay")
    await _check_sells(tx, order.seller_id)
    product = await get_product(tx, order.product_id)
    fee = await policy(tx, "fee", now=now, category=product.category, jurisdiction=order.jurisdiction)
    payment = await escrow.request_payment(
        tx,
        tenant_id=order.tenant_id,
        reference_id=order.id,
        seller_id=order.seller_id,
        buyer_id=order.buyer_id,
        product_id=order.product_id,
        batch_id=order.batch_id,
        amount=Money(order.amount_minor, order.currency),
        fee_bps=fee.value,
        now=now,
    )
    facts = {"payment_id": str(payment.id)}
    await emit(
        tx, step.event, actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id, facts=facts
    )
    return payment


async def ship_order(tx: Tx, actor: Actor, order_id: UUID, data: NewShipment, *, now: datetime) -> Order:
    """Record that the parcel is on its way, and name the batch if nobody did. The packing photos are committed to.

    Raises `NotFound`, `Forbidden` ("not_your_order"), `Conflict` ("order_state", "batch_named_already",
    "tracking_number_used", "hold_ended"), `Invalid` ("batch_missing", "batch_of_other_product").
    """
    order = await _locked(tx, actor, order_id)
    if order.seller_id not in actor.seller_ids and order.tenant_id not in actor.tenants(Role.PLATFORM):
        raise Forbidden("not_your_order", "the order's seller or platform ships")
    step = rules.ORDER.next(order.status, "ship")
    hold = await hold_by_reference(tx, order.id)
    if hold is None or hold.ended_at is not None:
        raise Conflict("hold_ended", "the payment of this order is not held any more")
    await _name_batch(tx, order, data.batch_id, now=now)
    await _check_unused(tx, data)
    order.carrier, order.tracking_number = data.carrier, data.tracking_number
    order.status, order.shipped_at = step.to, now
    await promises.expect_delivery(tx, order, now=now)
    facts = {"batch_id": str(order.batch_id), "carrier": data.carrier, **await packing.committed(tx, order.id)}
    await emit(
        tx, step.event, actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id, facts=facts
    )
    return order


async def record_delivery(
    tx: Tx, actor: Actor, order: Order, record: DeliveryRecord, *, proof_id: UUID, now: datetime
) -> None:
    """Start the window by a carrier's record whose signature was verified; bringing it again changes nothing.

    Raises `Conflict` ("order_state", "proof_of_other_parcel", "proof_too_old", "proof_from_future", "not_delivered",
    "proof_of_other_area"). The caller locked the order.
    """
    if order.status == "delivered":
        return
    step = rules.ORDER.next(order.status, "deliver")
    if (record.carrier, record.tracking_number) != (order.carrier, order.tracking_number):
        raise Conflict("proof_of_other_parcel", "the record is of another parcel")
    if record.status != ParcelStatus.DELIVERED or record.delivered_at is None:
        raise Conflict("not_delivered", "the carrier has not delivered the parcel")
    if order.destination_area and record.destination_area != order.destination_area:
        raise Conflict("proof_of_other_area", "the parcel went to another area")
    ensure(order.paid_at is not None, "a shipped order was paid")
    paid_at = order.paid_at or now
    rules.check_delivered_between(
        parse_instant(record.created_at), parse_instant(record.delivered_at), paid_at=paid_at, now=now
    )
    await _deliver(tx, actor, order, step, proof_kind="carrier", proof_id=proof_id, now=now)


async def record_hand_over(tx: Tx, actor: Actor, order_id: UUID, code: str, *, secret: str, now: datetime) -> Order:
    """Start the window by the code that the buyer gave at the door.

    Raises `NotFound`, `Conflict` ("order_state"), `Invalid` ("hand_over_code_wrong"). The try was counted by
    `count_hand_over_try`, in a transaction of its own.
    """
    order = await _locked(tx, actor, order_id)
    step = rules.ORDER.next(order.status, "deliver")
    if not hmac.compare_digest(code, rules.hand_over_code(secret, order.id)):
        raise Invalid("hand_over_code_wrong", "this is not the code of this order", field="hand_over_code")
    await _deliver(tx, actor, order, step, proof_kind="hand_over", proof_id=order.id, now=now)
    return order


async def count_hand_over_try(tx: Tx, actor: Actor, order_id: UUID) -> None:
    """Count a try of a hand-over code; commits before the code is looked at.

    Raises `NotFound`, `Conflict` ("order_state"), `TooMany` ("hand_over_attempts").
    """
    order = await _locked(tx, actor, order_id)
    rules.ORDER.next(order.status, "deliver")
    if order.hand_over_failures >= rules.HAND_OVER_ATTEMPTS_MAX:
        raise TooMany("hand_over_attempts", "too many wrong codes; bring the carrier's record")
    order.hand_over_failures += 1


async def confirm_receipt(tx: Tx, actor: Actor, order_id: UUID, *, waive: bool, now: datetime) -> Order:
    """The buyer has the goods: the window starts, if it has not; with `waive` the payment is released at once.

    Raises `NotFound`, `Conflict` ("order_state", "hold_frozen", "hold_state"), `Forbidden` ("waiver_needs_session").
    """
    order = await _locked(tx, actor, order_id)
    if order.buyer_id != actor.person_id:
        raise NotFound("order_not_found")
    step = rules.ORDER.next(order.status, "receive")
    if order.status != "delivered":
        order.delivered_at = now
        await _start_window(tx, order, proof_kind="receipt", proof_id=order.id, now=now)
    if order.received_at is None:
        order.received_at = now
        await emit(tx, step.event, actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id)
    order.status = step.to
    if waive:
        hold = await hold_by_reference(tx, order.id)
        ensure(hold is not None, "a shipped order has a hold")
        await tx.flush()  # the window must be there before it is waived
        await escrow.waive_window(tx, actor, hold.id, now=now)  # type: ignore[union-attr]  # ensured above
    return order


async def issue_claim_code(tx: Tx, actor: Actor, order_id: UUID, *, now: datetime) -> tuple[str, datetime]:
    """Return a new code by which a buyer claims the order, and until when; an older code stops working.

    Raises `NotFound`, `Forbidden` ("not_your_tenant"), `Conflict` ("order_claimed_already").
    """
    order = await _locked(tx, actor, order_id)
    if order.tenant_id not in actor.tenants(Role.PLATFORM):
        raise Forbidden("not_your_tenant", "the order's platform issues its code")
    if order.buyer_id is not None:
        raise Conflict("order_claimed_already", "a buyer has claimed this order")
    code = rules.claim_code(secrets.token_bytes(8))
    order.claim_code_hash = _hash(code)
    order.claim_code_expires_at = now + rules.CLAIM_CODE_LASTS
    await emit(
        tx, "order.claim_code_issued", actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id
    )
    return code, order.claim_code_expires_at


async def claim_order(tx: Tx, actor: Actor, code: str, *, now: datetime) -> Order:
    """Make the actor the buyer of the order that the code belongs to; the code works once.

    Raises `Invalid` ("claim_code_wrong") for a malformed, unknown, used or expired code alike.
    """
    ensure(actor.person_id is not None, "the policy lets only buyers claim")
    query = select(Order).where(Order.claim_code_hash == _hash(rules.fold_claim_code(code)))
    order = (await tx.scalars(locked(query))).one_or_none()
    expires_at = None if order is None else order.claim_code_expires_at
    if order is None or order.buyer_id is not None or expires_at is None or expires_at < now:
        raise Invalid("claim_code_wrong", "this code is wrong, used or too old", field="code")
    order.buyer_id, order.claimed_at = actor.person_id, now
    order.claim_code_hash = order.claim_code_expires_at = None
    await tx.flush()  # escrow names the buyer by SQL
    await escrow.set_buyer(tx, order.id, actor.person_id)  # type: ignore[arg-type]  # ensured above
    await emit(tx, "order.claimed", actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id)
    return order


async def _locked(tx: Tx, actor: Actor, order_id: UUID) -> Order:
    return await get_row(tx, actor, order_id, is_locked=True)


async def _deliver(
    tx: Tx, actor: Actor, order: Order, step: Transition, *, proof_kind: str, proof_id: UUID, now: datetime
) -> None:
    """Write down that a proof says the order was delivered, and start its window."""
    order.status, order.delivered_at = step.to, now
    await _start_window(tx, order, proof_kind=proof_kind, proof_id=proof_id, now=now)
    facts = {"proof": proof_kind}
    await emit(
        tx, step.event, actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id, facts=facts
    )


async def _start_window(tx: Tx, order: Order, *, proof_kind: str, proof_id: UUID, now: datetime) -> None:
    product = await get_product(tx, order.product_id)
    window = await policy(tx, "window", now=now, category=product.category, jurisdiction=order.jurisdiction)
    floor = await policy(tx, "window_floor", now=now, category=product.category, jurisdiction=order.jurisdiction)
    hold = await hold_by_reference(tx, order.id)
    ensure(hold is not None, "a shipped order has a hold")
    length = max(window.duration, floor.duration)
    await escrow.start_window(tx, hold.id, window=length, proof_kind=proof_kind, proof_id=proof_id, now=now)  # type: ignore[union-attr]  # ensured above


async def _check_unused(tx: Tx, data: NewShipment) -> None:
    """Raise `Conflict` ("tracking_number_used"); who names the same number at the same time waits for us."""
    parcel = {"carrier": data.carrier, "number": data.tracking_number}
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('parcel ' || :carrier || ' ' || :number, 0))"
    await tx.execute(text(lock), parcel)
    used = text('SELECT 1 FROM "order" WHERE carrier = :carrier AND tracking_number = :number')
    if (await tx.execute(used, parcel)).first():
        raise Conflict("tracking_number_used", "another order has this tracking number")


async def _name_batch(tx: Tx, order: Order, batch_id: UUID | None, *, now: datetime) -> None:
    if order.batch_id is None and batch_id is None:
        raise Invalid("batch_missing", "shipping needs the batch", field="batch_id")
    if batch_id is None or batch_id == order.batch_id:
        return
    if order.batch_id is not None:
        raise Conflict("batch_named_already", "the order names another batch")
    await _check_batch(tx, order.product_id, batch_id)
    order.batch_id = batch_id
    await tx.flush()  # the order names the batch before its hold moves
    await escrow.name_batch(tx, order.id, batch_id, now=now)


async def _check_sells(tx: Tx, seller_id: UUID) -> None:
    if (await get_seller(tx, seller_id)).status != "active":
        raise Conflict("seller_suspended", "this seller may not sell now")


async def _check_batch(tx: Tx, product_id: UUID, batch_id: UUID | None) -> None:
    if batch_id is None:
        return
    batch = await get_batch(tx, batch_id)
    if batch.product_id != product_id:
        raise Invalid("batch_of_other_product", "the batch is of another product", field="batch_id")


async def _knows_reference(tx: Tx, tenant_id: UUID, platform_ref: str) -> bool:
    known = await tx.execute(
        text('SELECT 1 FROM "order" WHERE tenant_id = :tenant_id AND platform_ref = :platform_ref'),
        {"tenant_id": tenant_id, "platform_ref": platform_ref},
    )
    return known.first() is not None


def _hash(code: str) -> bytes:
    return hashlib.sha256(rules.fold_claim_code(code).encode()).digest()
