"""The payer's bank took money of a capture back: what that does here, once.

First what is still held, the frozen holds before the others: they end as `charged_back`, divided where only a part
goes. Then what was released: the seller owes it, fee included, and it is netted from later payouts. The deposit is not
touched; it is for recalls. What the buyer has had back already moves nothing, and people are told. The table is in
docs/decisions/0007-chargebacks.md.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, select, text

from service.core.actor import SYSTEM
from service.core.errors import Invalid
from service.core.ids import new_id
from service.core.wire import CHARGEBACK_REASONS, ChargebackNotice, parse_instant
from service.db.session import Tx
from service.deadlines.actions import promise
from service.escrow.actions.ending import charge_back_hold, divide_hold
from service.escrow.actions.locking import lock_hold
from service.escrow.alerts import raise_alert
from service.escrow.rules import ChargebackParts, OpenPart, share_chargeback
from service.escrow.tables import Chargeback, Hold, Payment
from service.events.log import emit

CAPTURE_WAIT = timedelta(minutes=1)
"""So long until a chargeback of a capture whose end we do not know yet is looked at again."""

_OPEN = select(Hold.id, Hold.amount_minor, Hold.freeze_count).where(Hold.ended_at.is_(None)).order_by(Hold.id)
_RELEASED = text(
    "SELECT coalesce(sum(r.seller_minor + r.fee_minor), 0)::bigint FROM hold h JOIN resolution r ON r.hold_id = h.id"
    " WHERE h.reference_id = :reference_id AND h.payment_id = :payment_id"
)
_OWED = text("SELECT coalesce(sum(owed_minor), 0)::bigint FROM chargeback WHERE payment_id = :payment_id")


async def apply_chargeback(tx: Tx, notice: ChargebackNotice, *, now: datetime) -> str | None:
    """Apply a stored chargeback; return the notice's outcome, None while the capture's own end is not known.

    A chargeback that fits nothing moves nothing and is an alert. Locks the capture, its open holds by id, then the
    seller's accounts.
    """
    payment = await tx.scalar(
        select(Payment).where(Payment.id == as_id(notice.client_id)).with_for_update(key_share=True)
    )
    if payment is None or payment.kind not in {"capture", "deposit"}:
        return await _unmatched(tx, notice, None, now, "unknown_payment")
    if notice.currency != payment.currency or not 0 < notice.amount_minor <= payment.amount_minor:
        return await _unmatched(tx, notice, payment, now, "differs")
    if payment.ended_at is None:
        again = {"notice_id": notice.id}
        due_at = now + CAPTURE_WAIT
        await promise(
            tx, "apply_chargeback", new_id(), due_at=due_at, handler="escrow.apply_notice", payload=again, now=now
        )
        return None
    if payment.state != "done":
        return await _unmatched(tx, notice, payment, now, "differs")
    known = await tx.scalar(select(Chargeback).where(Chargeback.provider_id == notice.chargeback))
    if known is not None:
        is_same = (known.payment_id, known.amount_minor) == (payment.id, notice.amount_minor)
        return "no_change" if is_same else await _unmatched(tx, notice, payment, now, "differs")
    await _take(tx, payment, notice, now)
    return "applied"


def as_id(client_id: str) -> UUID:
    """Return the id that a provider's notice names, or one that nothing has."""
    try:
        return UUID(client_id)
    except ValueError:
        return UUID(int=0)


async def _take(tx: Tx, payment: Payment, notice: ChargebackNotice, now: datetime) -> None:
    parts = share_chargeback(notice.amount_minor, await _lock_open(tx, payment), await _released(tx, payment))
    chargeback_id = new_id()
    await tx.execute(
        insert(Chargeback).values(
            id=chargeback_id,
            provider_id=notice.chargeback,
            payment_id=payment.id,
            tenant_id=payment.tenant_id,
            seller_id=payment.seller_id,
            currency=payment.currency,
            amount_minor=notice.amount_minor,
            held_minor=parts.held_minor,
            owed_minor=parts.owed_minor,
            unmoved_minor=parts.unmoved_minor,
            reason=notice.reason if notice.reason in CHARGEBACK_REASONS else "other",
            raised_at=_instant(notice.at, now),
            at=now,
        )
    )
    for hold_id, minor in parts.held:
        await _end(tx, hold_id, minor, chargeback_id, now)
    await _tell(tx, payment, chargeback_id, parts, now)


async def _lock_open(tx: Tx, payment: Payment) -> list[OpenPart]:
    """Lock the capture's open holds by id and return them; none that a division makes meanwhile is missed.

    A hold that is divided while we wait for it drops out of the locking read, and its parts are not in it yet. So what
    is locked counts only if a later look finds nothing else open.
    """
    mine = _OPEN.where(Hold.reference_id == payment.reference_id, Hold.payment_id == payment.id)
    while True:
        locked = (await tx.execute(mine.with_for_update())).all()
        if locked == (await tx.execute(mine)).all():
            return [OpenPart(row.id, row.amount_minor, row.freeze_count > 0) for row in locked]


async def _released(tx: Tx, payment: Payment) -> int:
    """Return what went to the seller and into fees of this capture, less what is owed for it already."""
    asked = {"payment_id": payment.id, "reference_id": payment.reference_id}
    released = int((await tx.execute(_RELEASED, asked)).scalar_one())
    total = payment.amount_minor if payment.kind == "deposit" else released
    return total - int((await tx.execute(_OWED, {"payment_id": payment.id})).scalar_one())


async def _end(tx: Tx, hold_id: UUID, minor: int, chargeback_id: UUID, now: datetime) -> None:
    hold = await lock_hold(tx, hold_id)
    if minor < hold.amount_minor:
        part_id, _ = await divide_hold(tx, SYSTEM, hold, minor, cause="chargeback", decision_id=chargeback_id, now=now)
        hold = await lock_hold(tx, part_id)
    await charge_back_hold(tx, SYSTEM, hold, decision_id=chargeback_id, now=now)


async def _tell(tx: Tx, payment: Payment, chargeback_id: UUID, parts: ChargebackParts, now: datetime) -> None:
    facts = {
        "payment_id": str(payment.id),
        "reference_id": str(payment.reference_id),
        "seller_id": str(payment.seller_id),
        "currency": payment.currency,
        "held_minor": parts.held_minor,
        "owed_minor": parts.owed_minor,
        "unmoved_minor": parts.unmoved_minor,
    }
    subject, tenant_id = ("chargeback", chargeback_id), payment.tenant_id
    await emit(tx, "chargeback.applied", actor=SYSTEM, subject=subject, tenant_id=tenant_id, facts=facts, now=now)
    if parts.unmoved_minor:
        await raise_alert(tx, "chargeback_of_refund", subject, facts=facts, tenant_id=tenant_id, now=now)


async def _unmatched(tx: Tx, notice: ChargebackNotice, payment: Payment | None, now: datetime, outcome: str) -> str:
    facts = {"notice_id": notice.id, "amount_minor": notice.amount_minor, "outcome": outcome}
    tenant_id = None
    if payment is not None:
        facts["payment_id"], tenant_id = str(payment.id), payment.tenant_id
    await raise_alert(tx, "chargeback_unmatched", ("notice", notice.id), facts=facts, tenant_id=tenant_id, now=now)
    return outcome


def _instant(told: str, now: datetime) -> datetime:
    try:
        return parse_instant(told)
    except Invalid:  # the provider's word about its own clock decides nothing
        return now
