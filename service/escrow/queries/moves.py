"""Reads of the provider's operations, of sellers' balances and of what blocks their payouts."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, select, text, true

from service.core.actor import Actor, Role
from service.core.errors import Forbidden, Invalid, NotFound
from service.core.money import Money
from service.db.pages import Page, read_page
from service.db.session import Tx
from service.escrow.rules import PAYMENT, PAYMENT_KINDS
from service.escrow.tables import Payment, PayoutBlock, Transfer
from service.escrow.views import BalanceView, BlockView, OperationView

BLOCKS_MAX = 200
DEPOSIT_KINDS = ("deposit", "deposit_return")
_ORDER_KINDS = ("capture", "refund")
_BALANCES = text(
    "SELECT a.currency, coalesce(max(a.balance_minor) FILTER (WHERE a.kind = 'payable'), 0) AS payable,"
    " coalesce(max(a.balance_minor) FILTER (WHERE a.kind = 'deposit'), 0) AS deposit,"
    " -coalesce(max(a.balance_minor) FILTER (WHERE a.kind = 'receivable'), 0) AS owed,"
    " (SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM payment p WHERE p.seller_id = :seller_id"
    "   AND p.kind IN ('payout', 'deposit_return') AND p.currency = a.currency"
    "   AND p.ended_at IS NULL) AS in_transit"
    " FROM account a WHERE a.owner_id = :seller_id GROUP BY a.currency ORDER BY a.currency"
)


async def get_payment(tx: Tx, actor: Actor, payment_id: UUID) -> OperationView:
    """Return an operation that the actor may see as one of a tenant's; raises `NotFound` ("payment_not_found")."""
    payment = await tx.scalar(select(Payment).where(Payment.id == payment_id, _of_tenant(actor)))
    if payment is None:
        raise NotFound("payment_not_found", "there is no such payment")
    return (await _views(tx, [payment]))[0]


async def payments_page(
    tx: Tx,
    actor: Actor,
    *,
    kind: str | None = None,
    state: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[OperationView]:
    """Return a page of the operations of the actor's tenants, newest first; operators see all.

    Raises `Invalid` ("payment_kind_unknown", "state_unknown").
    """
    if kind is not None and kind not in PAYMENT_KINDS:
        raise Invalid("payment_kind_unknown", "there is no such kind", field="kind", kinds=list(PAYMENT_KINDS))
    query = select(Payment).where(_of_tenant(actor))
    if kind is not None:
        query = query.where(Payment.kind == kind)
    return await _page(tx, query, state=state, after=after, limit=limit)


async def get_payout(tx: Tx, actor: Actor, payout_id: UUID) -> OperationView:
    """Return a payout of one of the actor's sellers, or any for operators; raises `NotFound` ("payout_not_found")."""
    query = select(Payment).where(Payment.id == payout_id, Payment.kind == "payout", _of_seller(actor))
    payment = await tx.scalar(query)
    if payment is None:
        raise NotFound("payout_not_found", "there is no such payout")
    return (await _views(tx, [payment]))[0]


async def get_deposit(tx: Tx, actor: Actor, deposit_id: UUID) -> OperationView:
    """Return a deposit or withdrawal of one of the actor's sellers; raises `NotFound` ("deposit_not_found")."""
    query = select(Payment).where(Payment.id == deposit_id, Payment.kind.in_(DEPOSIT_KINDS), _of_seller(actor))
    payment = await tx.scalar(query)
    if payment is None:
        raise NotFound("deposit_not_found", "there is no such deposit")
    return (await _views(tx, [payment]))[0]


async def payouts_page(
    tx: Tx,
    actor: Actor,
    *,
    seller_id: UUID | None = None,
    state: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[OperationView]:
    """Return a page of the payouts of the actor's sellers, newest first; operators see all.

    Raises `Invalid` ("state_unknown").
    """
    query = select(Payment).where(Payment.kind == "payout", _of_seller(actor))
    if seller_id is not None:
        query = query.where(Payment.seller_id == seller_id)
    return await _page(tx, query, state=state, after=after, limit=limit)


async def deposits_page(
    tx: Tx, actor: Actor, seller_id: UUID, *, after: str | None = None, limit: int = 50
) -> Page[OperationView]:
    """Return a page of a seller's deposits and withdrawals, newest first; raises `Forbidden` ("not_your_seller")."""
    check_reads(actor, seller_id)
    query = select(Payment).where(Payment.seller_id == seller_id, Payment.kind.in_(DEPOSIT_KINDS))
    return await _page(tx, query, state=None, after=after, limit=limit)


async def balances_of(tx: Tx, actor: Actor, seller_id: UUID) -> list[BalanceView]:
    """Return what a seller has, by currency; raises `Forbidden` ("not_your_seller")."""
    check_reads(actor, seller_id)
    found = await tx.execute(_BALANCES, {"seller_id": seller_id})
    return [
        BalanceView(*(Money(minor, row.currency) for minor in (row.payable, row.deposit, row.owed, row.in_transit)))
        for row in found
    ]


async def blocks_of(tx: Tx, actor: Actor, seller_id: UUID) -> list[BlockView]:
    """Return what blocked a seller's payouts, the newest first, at most 200; raises `Forbidden` ("not_your_seller")."""
    check_reads(actor, seller_id, Role.SUPERVISOR)
    found = await tx.scalars(
        select(PayoutBlock).where(PayoutBlock.seller_id == seller_id).order_by(PayoutBlock.id.desc()).limit(BLOCKS_MAX)
    )
    return [BlockView(each.id, each.seller_id, each.reason, each.at, each.lifted_at) for each in found]


async def are_payouts_blocked(tx: Tx, seller_id: UUID) -> bool:
    """Whether a payout would be refused now, by a block or a freeze of the seller. No permission filter."""
    query = text(
        "SELECT EXISTS (SELECT FROM payout_block WHERE seller_id = :seller_id AND lifted_at IS NULL)"
        " OR EXISTS (SELECT FROM scope WHERE kind = 'seller' AND key = CAST(:seller_id AS text) AND freeze_count > 0)"
    )
    return bool((await tx.execute(query, {"seller_id": seller_id})).scalar_one())


def check_reads(actor: Actor, seller_id: UUID, *roles: Role) -> None:
    """Raise `Forbidden` ("not_your_seller") unless the actor acts for the seller, is an operator or has a role."""
    if not (actor.is_system or actor.has(Role.OPERATOR, *roles) or seller_id in actor.seller_ids):
        raise Forbidden("not_your_seller", "only people of this seller see its money")


async def _page(
    tx: Tx, query: Select[Payment], *, state: str | None, after: str | None, limit: int
) -> Page[OperationView]:
    if state is not None:
        query = query.where(Payment.state == PAYMENT.known(state))
    page = await read_page(tx, query, Payment.id, after=after, limit=limit)
    return page.shown_as(await _views(tx, page.rows))


async def _views(tx: Tx, payments: Sequence[Payment]) -> list[OperationView]:
    """Return the operations as views, in their order: one more query for what payouts netted."""
    netted: dict[UUID, int] = {}
    if payouts := [each.id for each in payments if each.kind == "payout"]:
        query = select(Transfer.subject_id, Transfer.amount_minor).where(
            Transfer.subject_id.in_(payouts), Transfer.code == "net"
        )
        netted = {row.subject_id: row.amount_minor for row in await tx.execute(query)}
    return [_view(each, netted.get(each.id, 0)) for each in payments]


def _view(payment: Payment, netted_minor: int) -> OperationView:
    return OperationView(
        id=payment.id,
        tenant_id=payment.tenant_id,
        kind=payment.kind,
        reference_id=payment.reference_id if payment.kind in _ORDER_KINDS else None,
        hold_id=payment.hold_id,
        original_id=payment.original_id,
        seller_id=payment.seller_id,
        amount=Money(payment.amount_minor, payment.currency),
        netted=Money(netted_minor, payment.currency),
        state=payment.state,
        reason=payment.reason,
        requested_at=payment.requested_at,
        ended_at=payment.ended_at,
    )


def _of_tenant(actor: Actor) -> ColumnElement[bool]:
    """Operators: all. Platforms and supervisors: captures and refunds of their tenants."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return true()
    tenants = actor.tenants(Role.PLATFORM, Role.SUPERVISOR)
    return and_(Payment.tenant_id.in_(tenants), Payment.kind.in_(_ORDER_KINDS)) if tenants else false()


def _of_seller(actor: Actor) -> ColumnElement[bool]:
    if actor.is_system or actor.has(Role.OPERATOR):
        return true()
    return Payment.seller_id.in_(actor.seller_ids)
