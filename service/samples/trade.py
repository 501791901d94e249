"""Generated orders with their payments, holds and ends, as rows."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from service.core.money import Money
from service.escrow.rules import part
from service.samples.buyers import SampleBuyer
from service.samples.courses import CASES, FATES, FEE_BPS, WINDOW, Case, Course, Fate, Times
from service.samples.goods import Goods, SoldBatch
from service.samples.ground import Ground
from service.samples.ledger import Window
from service.samples.rows import Rows
from service.samples.stamps import uuid_at
from service.samples.words import AREAS

CLAIMED_SHARE = 0.75
BATCH_KNOWN_SHARE = 0.6
OWN_SHOP_EVERY, OWN_SHOP_MAX = 6, 200
OWN_BUYER_EVERY, OWN_BUYER_MAX = 15, 60
DRAWS = 4
HOT_CASES = 4
"""So many complaints at the beginning name one batch, bought by buyers who share nothing."""


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """An order as its complaint needs to know it."""

    id: UUID
    tenant_id: UUID
    hold_id: UUID
    seller_id: UUID
    batch: SoldBatch
    buyer: SampleBuyer
    amount_minor: int
    course: Course


class Trade:
    """Draws orders one after the other; some of them will be complained about."""

    def __init__(
        self, rng: random.Random, goods: Goods, ground: Ground, buyers: list[SampleBuyer], own: list[SampleBuyer]
    ) -> None:
        self._rng = rng
        self._goods = goods
        self._ground = ground
        self._buyers = buyers
        self._own_buyers = own
        self._times = Times(rng, ground.now)
        self._hot: SoldBatch | None = None
        self._hot_left = HOT_CASES
        self._next = 0

    def order(self, rows: Rows, *, is_with_events: bool) -> None:
        """Add an order without a complaint."""
        fate = self._rng.choices(list(FATES), list(FATES.values()))[0]
        course = self._times.of_order(fate)
        is_claimed = course.placed_at < self._ground.now - timedelta(hours=1) and self._rng.random() < CLAIMED_SHARE
        buyer = self._buyer() if is_claimed else None
        order = self._add(rows, course, self._batch(course), buyer, is_with_events=is_with_events)
        if order is None:
            return
        if fate is Fate.RELEASED:
            end_hold(rows, order, buyer_minor=0, cause="sweep", decision_id=None, at=_known(course.ended_at))
        elif fate is Fate.REFUNDED:
            at = _known(course.ended_at)
            end_hold(rows, order, buyer_minor=order.amount_minor, cause="refund", decision_id=order.id, at=at)

    def complained(self, rows: Rows, *, has_mediator: bool, is_with_events: bool) -> tuple[SampleOrder, Case]:
        """Add an order that a complaint is about, and return it with how that goes."""
        case = self._rng.choices(list(CASES), list(CASES.values()))[0]
        is_hot = self._hot_left > 0
        if is_hot:
            self._hot_left -= 1
            case = Case.QUIET
        elif not has_mediator and case in (Case.IN_REVIEW, Case.RULED):
            case = Case.QUEUED
        elif not has_mediator and case is Case.RULING_FINAL:
            case = Case.OFFER_TAKEN
        course = self._times.of_case(case)
        batch = self._hot if is_hot and self._hot else self._batch(course)
        if is_hot:
            self._hot = batch
        buyer = self._rng.choice(self._buyers) if is_hot else self._buyer()
        order = self._add(rows, course, batch, buyer, is_with_events=is_with_events)
        if order is None:
            raise LookupError("an order that was delivered is paid")
        if case in (Case.QUIET, Case.QUIET_ANSWERED):
            end_hold(rows, order, buyer_minor=0, cause="sweep", decision_id=None, at=_known(course.ended_at))
        return order, case

    def _buyer(self) -> SampleBuyer:
        if self._own_buyers and self._next % OWN_BUYER_EVERY == 0 and self._next < OWN_BUYER_EVERY * OWN_BUYER_MAX:
            return self._own_buyers[self._next // OWN_BUYER_EVERY % len(self._own_buyers)]
        return self._rng.choice(self._buyers)

    def _batch(self, course: Course) -> SoldBatch:
        """Return a batch that was made before the order, if a few draws find one."""
        latest = course.placed_at.date()
        drawn = [self._rng.choice(self._goods.sold) for _ in range(DRAWS)]
        return next((batch for batch in drawn if batch.made_on <= latest), drawn[0])

    def _seller(self, batch: SoldBatch) -> tuple[UUID, SoldBatch]:
        """Return who sells: the brand, an agent, or now and then the demonstration's own shop goods of its brand."""
        rng, shop = self._rng, self._ground.shop_id
        if shop is not None and self._next % OWN_SHOP_EVERY == 0 and self._next < OWN_SHOP_EVERY * OWN_SHOP_MAX:
            own = [each for each in self._goods.sold[:200] if shop in each.product.agent_ids]
            if own:
                return shop, rng.choice(own)
        agents = [each for each in batch.product.agent_ids if each != shop]
        return (rng.choice(agents) if agents and rng.random() < 0.7 else batch.product.seller_id), batch

    def _add(
        self, rows: Rows, course: Course, batch: SoldBatch, buyer: SampleBuyer | None, *, is_with_events: bool
    ) -> SampleOrder | None:
        """Add the rows of an order up to its delivery; None while it is unpaid."""
        rng, ground = self._rng, self._ground
        self._next += 1
        seller_id = batch.product.seller_id
        if self._hot is not batch:
            seller_id, batch = self._seller(batch)
        units = rng.choice((1, 1, 1, 2, 3))
        ware = batch.product.ware
        amount = units * (rng.randint(ware.price_min, ware.price_max) // 100 * 100 + 90)
        has_batch = course.shipped_at is not None or rng.random() < BATCH_KNOWN_SHARE
        order_id = uuid_at(rng, course.placed_at)
        hold_id = uuid_at(rng, course.paid_at or course.placed_at)
        tenant_id = ground.tenant_ids[0] if buyer in self._own_buyers or rng.random() < 0.8 else ground.tenant_ids[1]
        facts = {
            "tenant_id": tenant_id,
            "seller_id": seller_id,
            "product_id": batch.product.id,
            "batch_id": batch.id if has_batch else None,
            "buyer_id": None if buyer is None else buyer.id,
            "amount_minor": amount,
            "currency": "CNY",
        }
        self._add_order_row(rows, order_id, course, facts, buyer, units)
        if is_with_events:
            _tell_order(rng, rows, order_id, tenant_id, course)
        if course.paid_at is None:
            return None
        self._add_payment(rows, order_id, hold_id, course, facts)
        if course.delivered_at is not None:
            ends_at = course.delivered_at + WINDOW
            proof_kind = "hand_over" if buyer is None else "receipt"
            rows.windows.append(Window(hold_id, course.delivered_at, ends_at, proof_kind, order_id))
        if buyer is None:
            buyer = self._buyers[0]  # nobody's complaint follows
        return SampleOrder(order_id, tenant_id, hold_id, seller_id, batch, buyer, amount, course)

    def _add_order_row(
        self,
        rows: Rows,
        order_id: UUID,
        course: Course,
        facts: Mapping[str, object],
        buyer: SampleBuyer | None,
        units: int,
    ) -> None:
        status = "delivered" if course.delivered_at else "shipped" if course.shipped_at else "paid"
        cancelled_at = _cancelled_at(course)
        if cancelled_at is not None:
            status = "cancelled"
        number = f"{self._ground.tag}{self._next:08}"
        rows.add(
            "order",
            id=order_id,
            platform_ref=number,
            units=units,
            jurisdiction="CN",
            destination_area=self._rng.choice(AREAS),
            status=status if course.paid_at else "placed",
            payer_digest=buyer and buyer.payer,
            device_digest=buyer and buyer.device,
            address_digest=buyer and buyer.address,
            contact_digest=buyer and buyer.contact,
            hand_over_failures=0,
            placed_at=course.placed_at,
            paid_at=course.paid_at,
            claimed_at=None if buyer is None else course.placed_at + timedelta(minutes=30),
            carrier="sandbox" if course.shipped_at else None,
            tracking_number=f"T{number}" if course.shipped_at else None,
            shipped_at=course.shipped_at,
            delivered_at=course.delivered_at,
            received_at=None if buyer is None else course.delivered_at,
            cancelled_at=cancelled_at,
            cancel_reason=None if cancelled_at is None else "refunded",
            **facts,
        )

    def _add_payment(
        self, rows: Rows, order_id: UUID, hold_id: UUID, course: Course, facts: Mapping[str, object]
    ) -> None:
        payment_id = uuid_at(self._rng, course.placed_at)
        rows.add(
            "payment",
            id=payment_id,
            kind="capture",
            reference_id=order_id,
            fee_bps=FEE_BPS,
            state="done",
            asked_count=1,
            requested_at=course.placed_at,
            ended_at=course.paid_at,
            **facts,
        )
        rows.add(
            "hold",
            id=hold_id,
            reference_id=order_id,
            payment_id=payment_id,
            fee_bps=FEE_BPS,
            funded_at=course.paid_at,
            **facts,
        )


def end_hold(
    rows: Rows, order: SampleOrder, *, buyer_minor: int, cause: str, decision_id: UUID | None, at: datetime
) -> None:
    """Add the end of an order's hold: `buyer_minor` back to the buyer, the rest less the fee to the seller."""
    parts = part(Money(order.amount_minor, "CNY"), buyer_minor, FEE_BPS)
    outcome = "released" if buyer_minor == 0 else "refunded" if buyer_minor == order.amount_minor else "split"
    rows.add(
        "resolution",
        hold_id=order.hold_id,
        tenant_id=order.tenant_id,
        seller_id=order.seller_id,
        outcome=outcome,
        cause=cause,
        currency="CNY",
        amount_minor=order.amount_minor,
        fee_bps=FEE_BPS,
        buyer_minor=buyer_minor,
        seller_minor=parts.seller.amount_minor,
        fee_minor=parts.fee.amount_minor,
        decision_id=decision_id,
        at=at,
    )
    if buyer_minor:
        rows.refunded.append(order.hold_id)


def tell(
    rng: random.Random,
    rows: Rows,
    name: str,
    subject: tuple[str, UUID],
    tenant_id: UUID,
    at: datetime,
    **facts: object,
) -> None:
    """Add an event."""
    rows.add(
        "event",
        id=uuid_at(rng, at),
        name=name,
        subject_kind=subject[0],
        subject_id=subject[1],
        tenant_id=tenant_id,
        at=at,
        facts={key: str(value) if isinstance(value, UUID) else value for key, value in facts.items()},
    )


def _tell_order(rng: random.Random, rows: Rows, order_id: UUID, tenant_id: UUID, course: Course) -> None:
    steps: Iterator[tuple[str, datetime | None]] = iter(
        (
            ("order.placed", course.placed_at),
            ("order.paid", course.paid_at),
            ("order.shipped", course.shipped_at),
            ("order.received", course.delivered_at),
        )
    )
    for name, at in steps:
        if at is not None:
            tell(rng, rows, name, ("order", order_id), tenant_id, at)
    if (cancelled_at := _cancelled_at(course)) is not None:
        own = random.Random(order_id.int)  # the course of the others does not hang on it
        tell(own, rows, "order.cancelled", ("order", order_id), tenant_id, cancelled_at, reason="refunded")


def _cancelled_at(course: Course) -> datetime | None:
    """Return when an order that was never sent was refunded."""
    return course.ended_at if course.shipped_at is None else None


def _known(at: datetime | None) -> datetime:
    if at is None:
        raise LookupError("a course that ended has its time")
    return at
