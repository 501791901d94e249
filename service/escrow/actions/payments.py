"""Ask for a payment, learn how it went, fund the hold, and what is learned of the order later."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update

from service.core.actor import SYSTEM
from service.core.errors import Conflict, Invalid, ensure
from service.core.ids import new_id
from service.core.money import Money
from service.db.locks import locked
from service.db.session import Tx
from service.deadlines.actions import promise
from service.escrow.actions.freezing import tell_resumed
from service.escrow.actions.telling import tell_payment, tell_refund_failed
from service.escrow.rules import FEE_BPS_MAX, PAYMENT, ask_pause
from service.escrow.tables import Hold, Payment
from service.events.log import emit
from service.jobs.queue import enqueue

ASK_AGAIN = "ask_payment"
_ACTIONS = {"done": "confirm", "failed": "refuse", "unknown": "lose"}


async def request_payment(  # noqa: PLR0913 - the facts that the hold will carry
    tx: Tx,
    *,
    tenant_id: UUID,
    reference_id: UUID,
    seller_id: UUID,
    buyer_id: UUID | None,
    product_id: UUID,
    batch_id: UUID | None,
    amount: Money,
    fee_bps: int,
    now: datetime,
) -> Payment:
    """Ask the provider, after the commit, to capture `amount`; the hold exists once that is done ("hold.funded").

    Raises `Conflict` ("payment_exists") while the reference has a capture that has not failed, `Invalid`
    ("amount_not_positive", "fee_out_of_range").
    """
    if amount.amount_minor == 0:
        raise Invalid("amount_not_positive", "a payment is at least 1 minor unit", field="amount")
    if not 0 <= fee_bps <= FEE_BPS_MAX:
        raise Invalid("fee_out_of_range", "a fee is from 0 to 10,000 basis points", field="fee_bps")
    live = await tx.scalar(
        select(Payment.id).where(
            Payment.reference_id == reference_id, Payment.kind == "capture", Payment.state != "failed"
        )
    )
    if live is not None:  # the unique index decides between two at once
        raise Conflict("payment_exists", "this order's payment was asked for", payment_id=str(live))
    payment = Payment(
        id=new_id(),
        tenant_id=tenant_id,
        kind="capture",
        reference_id=reference_id,
        seller_id=seller_id,
        buyer_id=buyer_id,
        product_id=product_id,
        batch_id=batch_id,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        fee_bps=fee_bps,
        state=PAYMENT.initial,
        asked_count=0,
        requested_at=now,
    )
    tx.add(payment)
    await tx.flush()  # a second live payment is refused here, before the job is made
    await tell_payment(tx, payment, "payment.requested", now=now)
    await enqueue(tx, "escrow.capture_payment", {"payment_id": str(payment.id)})
    return payment


async def record_outcome(tx: Tx, payment_id: UUID, *, state: str, reason: str | None = None, now: datetime) -> bool:
    """Record how the provider's operation went ("done", "failed", "unknown", "pending"); whether that was news.

    A done capture funds its hold; of other operations a trigger writes what their end means. A refund that failed for
    good is an alert. While it is unknown or pending, it is promised to ask again. What has ended stays as it ended.
    Locks the payment, then (on funding) the scopes FOR SHARE, else the accounts.
    """
    payment = await tx.scalar(locked(select(Payment).where(Payment.id == payment_id)))
    ensure(payment is not None, "an outcome belongs to a payment")
    assert payment is not None  # noqa: S101 - for the type checker; ensured above
    if payment.ended_at is not None:
        return False
    is_news = state in _ACTIONS and state != payment.state
    if is_news:
        step = PAYMENT.next(payment.state, _ACTIONS[state])
        payment.state = step.to
        payment.reason = reason
        await tell_payment(tx, payment, step.event, now=now)
    if state in {"done", "failed"}:
        payment.ended_at = now
    else:
        await _ask_again(tx, payment, now)
    await tx.flush()  # the funding below needs the done capture
    if payment.kind == "capture" and state == "done":
        await _fund(tx, payment, now)
    elif payment.kind == "refund" and state == "failed":
        await tell_refund_failed(tx, payment, now=now)
    return is_news


async def set_buyer(tx: Tx, reference_id: UUID, buyer_id: UUID) -> None:
    """Name the buyer of a reference's payment and holds, when the order was claimed."""
    for table in (Payment, Hold):
        await tx.execute(
            update(table)
            .where(table.reference_id == reference_id)
            .values(buyer_id=buyer_id)
            .execution_options(synchronize_session=False)
        )


async def name_batch(tx: Tx, reference_id: UUID, batch_id: UUID, *, now: datetime) -> None:
    """Name the batch of a reference: its holds move to that batch's scope, with the freezes that lie on it.

    Freezes that lay only on "seller and product, batch unknown" are lifted. Locks the payment, the holds by id, and
    their scopes FOR SHARE (which whoever holds a scope never waits for). Naming the same batch again changes nothing.
    """
    await tx.execute(
        update(Payment)
        .where(Payment.reference_id == reference_id)
        .values(batch_id=batch_id)
        .execution_options(synchronize_session=False)
    )
    holds = await tx.execute(
        select(Hold.id, Hold.tenant_id, Hold.batch_id, Hold.window_left_seconds)
        .where(Hold.reference_id == reference_id)
        .order_by(Hold.id)
        .with_for_update()
    )
    for hold in holds.all():
        if hold.batch_id == batch_id:
            continue
        await tx.execute(
            update(Hold)
            .where(Hold.id == hold.id)
            .values(batch_id=batch_id)
            .execution_options(synchronize_session=False)
        )
        await emit(
            tx,
            "hold.batch_named",
            actor=SYSTEM,
            subject=("hold", hold.id),
            now=now,
            tenant_id=hold.tenant_id,
            facts={"reference_id": str(reference_id), "batch_id": str(batch_id)},
        )
        if hold.window_left_seconds is not None:
            await tell_resumed(tx, [hold.id], now=now)


async def _ask_again(tx: Tx, payment: Payment, now: datetime) -> None:
    pause = ask_pause(payment.asked_count)
    payment.asked_count += 1
    await promise(tx, ASK_AGAIN, payment.id, due_at=now + pause, handler="escrow.ask_payment", now=now)


async def _fund(tx: Tx, payment: Payment, now: datetime) -> None:
    """Make the hold; the trigger writes its funding and inherits the freezes of its scopes."""
    hold_id = new_id()
    await tx.execute(
        insert(Hold).values(
            id=hold_id,
            tenant_id=payment.tenant_id,
            reference_id=payment.reference_id,
            payment_id=payment.id,
            seller_id=payment.seller_id,
            buyer_id=payment.buyer_id,
            product_id=payment.product_id,
            batch_id=payment.batch_id,
            currency=payment.currency,
            amount_minor=payment.amount_minor,
            fee_bps=payment.fee_bps,
            funded_at=now,
        )
    )
    await emit(
        tx,
        "hold.funded",
        actor=SYSTEM,
        subject=("hold", hold_id),
        now=now,
        tenant_id=payment.tenant_id,
        facts={
            "hold_id": str(hold_id),
            "reference_id": str(payment.reference_id),
            "payment_id": str(payment.id),
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
        },
    )
