"""What is said of the provider's operations: events, and the alert of a refund that failed for good."""

from datetime import datetime

from service.core.actor import SYSTEM, Actor
from service.db.session import Tx
from service.escrow.alerts import raise_alert
from service.escrow.rules import MOVE_KINDS
from service.escrow.tables import Payment
from service.events.log import emit

REFUND_FAILED = "refund_failed"


async def tell_payment(tx: Tx, payment: Payment, name: str, *, actor: Actor = SYSTEM, now: datetime) -> None:
    """Append an event of an operation ("payment.done"), with what its subscribers start from."""
    facts = {
        "reference_id": str(payment.reference_id),
        "kind": payment.kind,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
    }
    if payment.kind in MOVE_KINDS:
        facts["seller_id"] = str(payment.seller_id)
    if payment.hold_id is not None:
        facts["hold_id"] = str(payment.hold_id)
    if payment.reason is not None:
        facts["reason"] = payment.reason
    await emit(
        tx, name, actor=actor, subject=("payment", payment.id), now=now, tenant_id=payment.tenant_id, facts=facts
    )


async def tell_refund_failed(tx: Tx, payment: Payment, *, now: datetime) -> None:
    """Alert people: the buyer's money lies with the provider, and only a new operation can send it."""
    facts = {
        "hold_id": str(payment.hold_id),
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "reason": payment.reason,
    }
    await raise_alert(tx, REFUND_FAILED, ("payment", payment.id), facts=facts, tenant_id=payment.tenant_id, now=now)
