"""Money that goes out to a seller: what was earned, or the deposit. The database decides both, in one function each.

A payout first nets what the seller owes; the rest lies in transit until the provider says how it went: done, it leaves
the ledger; failed, it is back in the balance. An unknown outcome is asked for again under the same id.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from service.core.actor import COMMONS, Actor, Role
from service.core.errors import Conflict, Forbidden, Invalid, ensure
from service.core.ids import new_id
from service.core.money import Money
from service.db.session import Tx
from service.escrow.actions.telling import tell_payment
from service.escrow.tables import Payment
from service.jobs.queue import enqueue

_FUNCTIONS = {"payout": "fairhold_request_payout", "deposit_return": "fairhold_request_withdrawal"}
_WHY = {
    "payouts_blocked": "payouts to this seller are blocked",
    "paying_stopped": "no seller is paid until an alert is cleared",
    "amount_above_balance": "more than the balance",
    "payout_is_owed": "the seller owes at least as much",
    "deposit_locked": "the seller owes money, or a claim has frozen a held payment",
}


async def request_payout(
    tx: Tx, actor: Actor, seller_id: UUID, amount: Money, *, key: str | None = None, now: datetime
) -> Payment:
    """Take `amount` off what the seller has earned: first what it owes is netted, the rest is sent after the commit.

    The payment's amount is what is sent. `key` is the request's idempotency key, kept for ever. Raises `Forbidden`
    ("not_your_seller"), `Invalid` ("amount_not_positive"), `Conflict` ("amount_above_balance", "payout_is_owed",
    "payouts_blocked", "paying_stopped", "payout_exists"). Locks the seller's scope FOR SHARE, then its accounts.
    """
    return await _send(tx, actor, seller_id, amount, kind="payout", key=key, now=now)


async def withdraw_deposit(
    tx: Tx, actor: Actor, seller_id: UUID, amount: Money, *, key: str | None = None, now: datetime
) -> Payment:
    """Send `amount` of the seller's deposit back to it, after the commit.

    The whole deposit stays while the seller owes anything, or any of its held payments is frozen. Raises as
    `request_payout`, and `Conflict` ("deposit_locked"). Locks the seller's scope FOR SHARE, then its accounts.
    """
    return await _send(tx, actor, seller_id, amount, kind="deposit_return", key=key, now=now)


async def request_deposit(
    tx: Tx, actor: Actor, seller_id: UUID, amount: Money, *, key: str | None = None, now: datetime
) -> Payment:
    """Ask the provider, after the commit, to capture `amount` from the seller; once done it is in the deposit.

    Raises `Forbidden` ("not_your_seller"), `Invalid` ("amount_not_positive"), `Conflict` ("payout_exists").
    """
    await _check(tx, actor, seller_id, amount, kind="deposit", key=key)
    payment_id = new_id()
    payment = Payment(
        id=payment_id,
        tenant_id=COMMONS,
        kind="deposit",
        reference_id=payment_id,
        seller_id=seller_id,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        fee_bps=0,
        state="requested",
        request_key=key,
        asked_count=0,
        requested_at=now,
    )
    tx.add(payment)
    await tx.flush()  # a second use of the key is refused here, before the job is made
    await tell_payment(tx, payment, "payment.requested", actor=actor, now=now)
    await enqueue(tx, "escrow.take_deposit", {"payment_id": str(payment_id)})
    return payment


async def _send(
    tx: Tx, actor: Actor, seller_id: UUID, amount: Money, *, kind: str, key: str | None, now: datetime
) -> Payment:
    await _check(tx, actor, seller_id, amount, kind=kind, key=key)
    asked: dict[str, Any] = {
        "id": new_id(),
        "tenant_id": COMMONS,
        "seller_id": seller_id,
        "currency": amount.currency,
        "amount": amount.amount_minor,
        "key": key,
        "now": now,
    }
    query = (
        f"SELECT * FROM {_FUNCTIONS[kind]}"  # noqa: S608 - one of two constants
        "(:id, :tenant_id, :seller_id, :currency, CAST(:amount AS bigint), :key, :now)"
    )
    answer = (await tx.execute(text(query), asked)).one()
    if answer.refusal is not None:
        facts = {"available_minor": answer.available_minor, "currency": amount.currency}
        raise Conflict(answer.refusal, _WHY.get(answer.refusal, ""), **facts)
    payment = await tx.get(Payment, asked["id"])
    ensure(payment is not None, "what was just asked for is there")
    assert payment is not None  # noqa: S101 - for the type checker; ensured above
    await tell_payment(tx, payment, "payment.requested", actor=actor, now=now)
    await enqueue(tx, "escrow.send_payout", {"payment_id": str(payment.id)})
    return payment


async def _check(tx: Tx, actor: Actor, seller_id: UUID, amount: Money, *, kind: str, key: str | None) -> None:
    if not (actor.is_system or actor.has(Role.OPERATOR) or seller_id in actor.seller_ids):
        raise Forbidden("not_your_seller", "only people of this seller move its money")
    if amount.amount_minor == 0:
        raise Invalid("amount_not_positive", "at least 1 minor unit is moved", field="amount")
    if key is None:
        return
    known = await tx.scalar(
        select(Payment.id).where(Payment.seller_id == seller_id, Payment.kind == kind, Payment.request_key == key)
    )
    if known is not None:  # the unique index decides between two at once
        raise Conflict("payout_exists", "this key asked for money before", payment_id=str(known))
