"""Ask once more for a refund that the provider refused for good."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.core.actor import Actor, Role
from service.core.errors import Conflict, NotFound
from service.core.ids import new_id
from service.db.locks import locked
from service.db.session import Tx
from service.escrow.actions.telling import REFUND_FAILED, tell_payment
from service.escrow.alerts import clear_alert
from service.escrow.tables import Payment
from service.jobs.queue import enqueue


async def retry_refund(tx: Tx, actor: Actor, payment_id: UUID, *, now: datetime) -> Payment:
    """Make a new refund in place of one that failed for good, and clear its alert.

    A new id is right only because the first one is known to have moved nothing; the unique index on live refunds
    refuses a second. A refusal of the provider is never repeated by itself: people decide. Raises `NotFound`
    ("payment_not_found"), `Conflict` ("payment_not_retryable" unless a refund failed, "refund_exists";
    "refund_charged_back" from the database, if the buyer has the money by a chargeback). Locks the failed refund, then
    its capture.
    """
    failed = await tx.scalar(locked(select(Payment).where(Payment.id == payment_id)))
    if failed is None or not _may_retry(actor, failed):
        raise NotFound("payment_not_found", "there is no such payment")
    if failed.kind != "refund" or failed.state != "failed":
        raise Conflict("payment_not_retryable", "only a refund that failed is asked for again", state=failed.state)
    live = await tx.scalar(
        select(Payment.id).where(Payment.hold_id == failed.hold_id, Payment.kind == "refund", Payment.state != "failed")
    )
    if live is not None:
        raise Conflict("refund_exists", "this refund was asked for again already", payment_id=str(live))
    same = ("tenant_id", "kind", "reference_id", "hold_id", "original_id", "seller_id", "buyer_id", "product_id")
    more = ("batch_id", "currency", "amount_minor", "fee_bps")
    refund = Payment(
        **{name: getattr(failed, name) for name in (*same, *more)},
        id=new_id(),
        state="requested",
        asked_count=0,
        requested_at=now,
    )
    tx.add(refund)
    await tx.flush()  # a second live refund is refused here, before the job is made
    await clear_alert(tx, REFUND_FAILED, ("payment", failed.id), now=now)
    await tell_payment(tx, refund, "payment.requested", actor=actor, now=now)
    await enqueue(tx, "escrow.send_refund", {"payment_id": str(refund.id)})
    return refund


def _may_retry(actor: Actor, payment: Payment) -> bool:
    """Operators: any; supervisors: those of their tenants."""
    return actor.is_system or actor.has(Role.OPERATOR) or payment.tenant_id in actor.tenants(Role.SUPERVISOR)
