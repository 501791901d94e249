"""Reads about orders. The actor's filter is in every query that answers a person."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, or_, select, text, true

from service.core.actor import Actor, Role
from service.core.errors import NotFound
from service.db.locks import locked
from service.db.pages import Page, read_page
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.deadlines.queries import pending
from service.escrow import queries as escrow
from service.escrow.queries import HoldView
from service.orders.rules import ORDER, next_steps
from service.orders.schemas import FreezeView, OrderFacts, OrderHold, OrderStep, OrderView
from service.orders.tables import Order

_PROMISING = frozenset({"paid", "shipped"})


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the filter of what an actor may see: own as buyer or seller, the tenant's, everything for regulators."""
    if actor.has(Role.REGULATOR, Role.OPERATOR) or actor.is_system:
        return true()
    ways: list[ColumnElement[bool]] = []
    if actor.person_id is not None and actor.has(Role.BUYER):
        ways.append(Order.buyer_id == actor.person_id)
    if actor.seller_ids:
        ways.append(Order.seller_id.in_(actor.seller_ids))
    tenants = actor.tenants(Role.PLATFORM, Role.MEDIATOR, Role.SUPERVISOR)
    if tenants:
        ways.append(Order.tenant_id.in_(tenants))
    return or_(*ways) if ways else false()


async def get_row(tx: Tx, actor: Actor, order_id: UUID, *, is_locked: bool = False) -> Order:
    """Return an order that the actor may see, locked if asked; raises `NotFound` ("order_not_found")."""
    query = select(Order).where(Order.id == order_id, visible_to(actor))
    found = (await tx.scalars(locked(query) if is_locked else query)).one_or_none()
    if found is None:
        raise NotFound("order_not_found")
    return found


async def get_order(tx: Tx, actor: Actor, order_id: UUID) -> OrderView:
    """Return an order that the actor may see, with its hold; raises `NotFound` ("order_not_found")."""
    order = await get_row(tx, actor, order_id)
    hold = await escrow.hold_by_reference(tx, order.id)
    is_held = hold is not None and bool(hold.open_holds)
    return view_of(order, hold, (await _due(tx, [order])).get(order.id) if is_held else None)


async def orders_page(
    tx: Tx,
    actor: Actor,
    *,
    status: str | None,
    seller_id: UUID | None,
    batch_id: UUID | None,
    after: str | None,
    limit: int,
) -> Page[OrderView]:
    """Return orders that the actor may see, the newest first, without their holds."""
    query = select(Order).where(visible_to(actor))
    if status:
        query = query.where(Order.status == ORDER.known(status, field="status"))
    if seller_id:
        query = query.where(Order.seller_id == seller_id)
    if batch_id:
        query = query.where(Order.batch_id == batch_id)
    page = await read_page(tx, query, Order.id, after=after, limit=limit)
    due = await _due(tx, page.rows)
    return page.shown_as([view_of(row, None, due.get(row.id)) for row in page.rows])


async def order_counts(tx: Tx, actor: Actor, *, seller_ids: Collection[UUID]) -> dict[str, int]:
    """Return how many orders of these sellers, as far as the actor may see them, are in each status."""
    query = select(Order.status, func.count()).where(visible_to(actor), Order.seller_id.in_(list(seller_ids)))
    return {row[0]: row[1] for row in await tx.execute(query.group_by(Order.status))}


async def order_facts(tx: Tx, order_ids: Collection[UUID]) -> dict[UUID, OrderFacts]:
    """Return facts of orders by id, without a permission filter: for other domains, never for an answer as it is."""
    found = await tx.scalars(select(Order).where(Order.id.in_(list(order_ids))))
    return {order.id: _facts(order) for order in found}


async def platform_refs(tx: Tx, order_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the platforms' own references of orders by id, without a permission filter: for reports."""
    found = await tx.execute(
        text('SELECT id, platform_ref FROM "order" WHERE id = ANY(:ids)'), {"ids": sorted(set(order_ids))}
    )
    return {row.id: row.platform_ref for row in found}


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sold and paid of a set of batches; `verified_units` went to buyers who claimed and received them."""

    orders: int
    units: int
    verified_units: int


async def sold_of_batches(tx: Tx, batch_ids: Collection[UUID]) -> Sold:
    """Return counts of paid orders of the batches."""
    row = (
        await tx.execute(
            text(
                "SELECT count(*) AS orders, coalesce(sum(units), 0) AS units,"
                " coalesce(sum(units) FILTER (WHERE claimed_at IS NOT NULL AND delivered_at IS NOT NULL), 0)"
                " AS verified"
                ' FROM "order" WHERE batch_id = ANY(:batch_ids) AND paid_at IS NOT NULL'
            ),
            {"batch_ids": list(batch_ids)},
        )
    ).one()
    return Sold(int(row.orders), int(row.units), int(row.verified))


@dataclass(frozen=True, slots=True)
class VerifiedUnits:
    """Units of one seller that verified buyers had from one day on (Beijing's)."""

    seller_id: UUID
    day: date
    units: int


async def verified_units(tx: Tx, batch_ids: Collection[UUID], *, as_of: datetime) -> list[VerifiedUnits]:
    """Return the units of the batches that were paid, claimed by a buyer and delivered by then, by seller and day."""
    found = await tx.execute(
        text(
            "SELECT seller_id, sum(units)::bigint AS units,"
            " (greatest(claimed_at, delivered_at) AT TIME ZONE 'UTC' + interval '8 hours')::date AS day"
            ' FROM "order" WHERE batch_id = ANY(:batch_ids) AND paid_at IS NOT NULL'
            " AND claimed_at <= :as_of AND delivered_at <= :as_of GROUP BY 1, 3 ORDER BY 1, 3"
        ),
        {"batch_ids": list(batch_ids), "as_of": as_of},
    )
    return [VerifiedUnits(row.seller_id, row.day, row.units) for row in found]


async def sellers_of_products(tx: Tx, product_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Return who has sold which of the products: pairs of seller and product, sorted."""
    found = await tx.execute(
        text(
            'SELECT DISTINCT seller_id, product_id FROM "order" WHERE product_id = ANY(:product_ids)'
            " ORDER BY seller_id, product_id"
        ),
        {"product_ids": list(product_ids)},
    )
    return [(row.seller_id, row.product_id) for row in found]


async def units_by_seller(tx: Tx, batch_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how many units of the batches each seller has sold and was paid for."""
    found = await tx.execute(
        text(
            'SELECT seller_id, sum(units)::bigint AS units FROM "order" WHERE batch_id = ANY(:batch_ids)'
            " AND paid_at IS NOT NULL GROUP BY seller_id"
        ),
        {"batch_ids": list(batch_ids)},
    )
    return {row.seller_id: row.units for row in found}


async def identities_of(tx: Tx, buyer_ids: Collection[UUID]) -> set[tuple[str, str]]:
    """Return the digests of all orders that these people claimed, as pairs of kind and digest."""
    found = await tx.scalars(select(Order).where(Order.buyer_id.in_(list(buyer_ids))))
    return {mark for order in found for mark in _facts(order).identity.items()}


def is_verified(facts: OrderFacts, buyer_id: UUID) -> bool:
    """Whether this buyer claimed the order with a code and it was paid and delivered."""
    return facts.buyer_id == buyer_id and facts.paid_at is not None and facts.delivered_at is not None


async def _due(tx: Tx, orders: Collection[Order]) -> dict[UUID, dict[str, datetime]]:
    """Return the promises' times by name, of orders that still promise something; most promise nothing."""
    ids = [order.id for order in orders if order.status in _PROMISING]
    if not ids:
        return {}
    found: dict[UUID, dict[str, datetime]] = {}
    for each in await pending(tx, ids):
        found.setdefault(each.subject_id, {})[each.name] = each.due_at
    return found


def view_of(order: Order, hold: HoldView | None, due: Mapping[str, datetime] | None = None) -> OrderView:
    """Return what the API shows of an order; `due` has its promises' times, None if it has none."""
    return OrderView(
        id=order.id,
        tenant_id=order.tenant_id,
        platform_ref=order.platform_ref,
        seller_id=order.seller_id,
        product_id=order.product_id,
        batch_id=order.batch_id,
        amount=MoneyView(order.amount_minor, order.currency),
        units=order.units,
        status=order.status,
        is_claimed=order.claimed_at is not None,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        shipped_at=order.shipped_at,
        carrier=order.carrier,
        tracking_number=order.tracking_number,
        delivered_at=order.delivered_at,
        received_at=order.received_at,
        cancelled_at=order.cancelled_at,
        cancel_reason=order.cancel_reason,
        arrival_asked_at=order.arrival_asked_at,
        arrival_denied_at=order.arrival_denied_at,
        available_actions=[] if due is None else _steps(order, due),
        hold=None if hold is None else hold_view(hold),
    )


def _steps(order: Order, due: Mapping[str, datetime]) -> list[OrderStep]:
    is_asked, is_denied = order.arrival_asked_at is not None, order.arrival_denied_at is not None
    steps = next_steps(order.status, is_asked=is_asked, is_denied=is_denied, due=due)
    return [OrderStep(each.action, each.side, each.due_at, each.on_expiry) for each in steps]


def hold_view(hold: HoldView) -> OrderHold:
    """Return what an order shows of its hold."""
    return OrderHold(
        id=hold.id,
        state=hold.state,
        amount=MoneyView.of(hold.amount),
        is_frozen=bool(hold.freezes),
        proof_kind=hold.proof_kind,
        window_ends_at=hold.window_ends_at,
        window_left_seconds=None if hold.window_left is None else int(hold.window_left.total_seconds()),
        freezes=[FreezeView(freeze.kind, freeze.at) for freeze in hold.freezes],
    )


def _facts(order: Order) -> OrderFacts:
    digests = {name: getattr(order, f"{name}_digest") for name in ("payer", "device", "address", "contact")}
    return OrderFacts(
        id=order.id,
        tenant_id=order.tenant_id,
        seller_id=order.seller_id,
        product_id=order.product_id,
        batch_id=order.batch_id,
        buyer_id=order.buyer_id,
        amount=MoneyView(order.amount_minor, order.currency),
        units=order.units,
        status=order.status,
        jurisdiction=order.jurisdiction,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        delivered_at=order.delivered_at,
        identity={name: value for name, value in digests.items() if value is not None},
    )
