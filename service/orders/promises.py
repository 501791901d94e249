"""What an order promises by itself: refunded if not shipped, the buyer asked and then refunded if not delivered."""

from datetime import datetime, timedelta

from service.batches.queries import get_product
from service.db.session import Tx
from service.deadlines.actions import cancel, promise
from service.deadlines.queries import policy
from service.orders import rules
from service.orders.tables import Order


async def expect_delivery(tx: Tx, order: Order, *, now: datetime) -> None:
    """Promise, for an order shipped now, to ask its carrier, and in the policy's time its buyer, whether it came."""
    await cancel(tx, rules.SHIP, order.id, now=now)
    due_at = now + await _length(tx, order, "deliver_within", now)
    await promise(tx, rules.DELIVER, order.id, due_at=due_at, handler="orders.ask_arrival", now=now)
    await ask_carrier_later(tx, order, asked_count=0, now=now)


async def ask_carrier_later(tx: Tx, order: Order, *, asked_count: int, now: datetime) -> None:
    """Promise to ask the order's carrier, which was asked `asked_count` times, again."""
    due_at = now + rules.carrier_pause(asked_count)
    asked = {"asked": asked_count}
    await promise(tx, rules.ASK_CARRIER, order.id, due_at=due_at, handler="orders.ask_carrier", now=now, payload=asked)


async def expect_answer(tx: Tx, order: Order, *, now: datetime) -> None:
    """Promise the second question, and the refund if the buyer never answers; of the first question, which is now."""
    again_at = now + await _length(tx, order, "ask_arrival_again", now)
    await promise(tx, rules.ASK_AGAIN, order.id, due_at=again_at, handler="orders.ask_arrival", now=now)
    refund_at = now + await _length(tx, order, "answer_arrival", now)
    await promise(tx, rules.ANSWER, order.id, due_at=refund_at, handler="orders.not_delivered", now=now)


async def expect_proof(tx: Tx, order: Order, *, asked_at: datetime, now: datetime) -> None:
    """Promise the refund of an order that its buyer says has not come: soon, and never later than by silence."""
    silent_until = asked_at + await _length(tx, order, "answer_arrival", now)
    due_at = min(silent_until, now + await _length(tx, order, "prove_delivery", now))
    for name in (rules.ASK_AGAIN, rules.ANSWER):
        await cancel(tx, name, order.id, now=now)
    await promise(tx, rules.PROVE, order.id, due_at=due_at, handler="orders.not_delivered", now=now)


async def expect_nothing(tx: Tx, order: Order, *, now: datetime) -> None:
    """Cancel every promise of an order that has ended."""
    for name in rules.PROMISES:
        await cancel(tx, name, order.id, now=now)


async def _length(tx: Tx, order: Order, name: str, now: datetime) -> timedelta:
    product = await get_product(tx, order.product_id)
    found = await policy(tx, name, now=now, category=product.category, jurisdiction=order.jurisdiction)
    return found.duration
