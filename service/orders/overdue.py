"""Orders that are late: not shipped, they are refunded; not delivered, the buyer is asked, and then they are refunded.

Every function locks the order's row, so whatever races it (shipping, proof, receipt) comes wholly before or after.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from service.core.actor import SYSTEM, Actor
from service.core.errors import Conflict, NotFound
from service.db.locks import locked
from service.db.session import Tx
from service.escrow import actions as escrow
from service.escrow.queries import hold_by_reference
from service.events.log import emit
from service.orders import promises, rules
from service.orders.queries import get_row
from service.orders.tables import Order

_PAID_BACK = frozenset({"refunded", "charged_back", "divided"})


async def refund_unshipped(tx: Tx, order_id: UUID, *, now: datetime) -> bool:
    """Cancel a paid order that nobody shipped and refund its buyer, frozen or not; whether it was still waiting."""
    return await _refund(tx, order_id, "paid", rules.NOT_SHIPPED, now=now)


async def refund_undelivered(tx: Tx, order_id: UUID, *, now: datetime) -> bool:
    """Cancel a shipped order whose delivery nobody proved and refund its buyer; whether it was still on its way."""
    return await _refund(tx, order_id, "shipped", rules.NOT_DELIVERED, now=now)


async def ask_arrival(tx: Tx, order_id: UUID, *, question: int, now: datetime) -> bool:
    """Ask the buyer of a shipped order whether it came: question 1, or the reminder, 2. Whether it was asked now."""
    order = await _locked(tx, order_id)
    if order is None or order.status != "shipped" or order.arrival_denied_at is not None:
        return False
    if order.arrival_asked_count != question - 1 or not await _is_held(tx, order):
        return False
    step = rules.ORDER.next(order.status, "ask_arrival")
    order.arrival_asked_count = question
    if order.arrival_asked_at is None:
        order.arrival_asked_at = now
        await promises.expect_answer(tx, order, now=now)
    facts = {"question": question}
    await emit(
        tx, step.event, actor=SYSTEM, subject=("order", order.id), now=now, tenant_id=order.tenant_id, facts=facts
    )
    return True


async def deny_arrival(tx: Tx, actor: Actor, order_id: UUID, *, now: datetime) -> Order:
    """The buyer was asked, and says that it has not come: the seller may still bring proof, then it is refunded.

    Saying it again changes nothing. Raises `NotFound`, `Conflict` ("order_state", "arrival_not_asked").
    """
    order = await get_row(tx, actor, order_id, is_locked=True)
    if order.buyer_id is None or order.buyer_id != actor.person_id:
        raise NotFound("order_not_found")
    step = rules.ORDER.next(order.status, "deny_arrival")
    if order.arrival_asked_at is None:
        raise Conflict("arrival_not_asked", "the time for delivery has not passed")
    if order.arrival_denied_at is not None:
        return order
    order.arrival_denied_at = now
    await promises.expect_proof(tx, order, asked_at=order.arrival_asked_at, now=now)
    await emit(tx, step.event, actor=actor, subject=("order", order.id), now=now, tenant_id=order.tenant_id)
    return order


async def follow_refund(tx: Tx, order_id: UUID, *, now: datetime) -> bool:
    """Cancel an order that was not delivered, if its whole payment went back to the buyer by other ways."""
    order = await _locked(tx, order_id)
    if order is None or order.status not in ("paid", "shipped"):
        return False
    hold = await hold_by_reference(tx, order.id)
    if hold is None or any(each.state not in _PAID_BACK for each in (hold, *hold.children)):
        return False
    await _cancel(tx, order, rules.REFUNDED, now=now)
    return True


async def _refund(tx: Tx, order_id: UUID, status: str, reason: str, *, now: datetime) -> bool:
    order = await _locked(tx, order_id)
    if order is None or order.status != status:
        return False
    hold = await hold_by_reference(tx, order.id)
    if hold is None or not hold.open_holds:
        return False
    await _cancel(tx, order, reason, now=now)
    await tx.flush()  # the order is cancelled before its money moves
    for each in sorted(hold.open_holds, key=lambda part: part.id):
        await escrow.refund_hold(tx, SYSTEM, each.id, decided_by=order.id, now=now)
    return True


async def _cancel(tx: Tx, order: Order, reason: str, *, now: datetime) -> None:
    step = rules.ORDER.next(order.status, "cancel")
    order.status, order.cancelled_at, order.cancel_reason = step.to, now, reason
    await promises.expect_nothing(tx, order, now=now)
    facts = {"reason": reason}
    await emit(
        tx, step.event, actor=SYSTEM, subject=("order", order.id), now=now, tenant_id=order.tenant_id, facts=facts
    )


async def _is_held(tx: Tx, order: Order) -> bool:
    hold = await hold_by_reference(tx, order.id)
    return hold is not None and bool(hold.open_holds)


async def _locked(tx: Tx, order_id: UUID) -> Order | None:
    query = select(Order).where(Order.id == order_id)
    return (await tx.scalars(locked(query))).one_or_none()
