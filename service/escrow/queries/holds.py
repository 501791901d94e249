"""Reads of held payments. Filters of permission are in the queries."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, or_, select, true

from service.core.actor import Actor, Role
from service.core.errors import NotFound
from service.core.money import Money
from service.db.pages import Page, read_page
from service.db.session import Tx
from service.escrow.rules import HOLD, Parts
from service.escrow.tables import Hold, HoldFreeze, Payment, Resolution, Transfer
from service.escrow.views import FreezeView, HoldView, LedgerLine

_TENANT_ROLES = (Role.PLATFORM, Role.MEDIATOR, Role.SUPERVISOR)


async def get_hold(tx: Tx, actor: Actor, hold_id: UUID) -> HoldView:
    """Return a hold that the actor may see; raises `NotFound` ("hold_not_found")."""
    hold = await tx.scalar(select(Hold).where(Hold.id == hold_id, _may_see(actor)))
    if hold is None:
        raise NotFound("hold_not_found", "there is no such held payment")
    return (await _views(tx, [hold]))[0]


async def hold_by_reference(tx: Tx, reference_id: UUID) -> HoldView | None:
    """Return the undivided hold of a reference (an order), with its children if it was divided; None before funding.

    No permission filter: the caller has checked the reference.
    """
    found = await tx.scalars(select(Hold).where(Hold.reference_id == reference_id).order_by(Hold.id))
    views = await _views(tx, list(found))
    roots = [view for view in views if view.parent_hold_id is None]
    if not roots:
        return None
    return with_children(roots[-1], views)


async def holds_by_references(tx: Tx, reference_ids: Collection[UUID]) -> dict[UUID, HoldView]:
    """Return what `hold_by_reference` returns for each of several references; without those that were not funded."""
    found = await tx.scalars(select(Hold).where(Hold.reference_id.in_(list(reference_ids))).order_by(Hold.id))
    views = await _views(tx, list(found))
    roots = {view.reference_id: view for view in views if view.parent_hold_id is None}
    return {
        reference_id: with_children(root, [view for view in views if view.reference_id == reference_id])
        for reference_id, root in roots.items()
    }


def with_children(root: HoldView, views: Collection[HoldView]) -> HoldView:
    """Return a hold with those of `views` that came from its division, at any depth."""
    family = {root.id}
    children = []
    for view in sorted(views, key=lambda each: each.id):
        if view.parent_hold_id in family:
            family.add(view.id)
            children.append(view)
    return root.having(children)


async def holds_page(  # noqa: PLR0913 - the filters of a list
    tx: Tx,
    actor: Actor,
    *,
    state: str | None = None,
    is_frozen: bool | None = None,
    seller_id: UUID | None = None,
    batch_id: UUID | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[HoldView]:
    """Return a page of the holds that the actor may see, newest first; raises `Invalid` ("state_unknown")."""
    query: Select[Any] = select(Hold).where(_may_see(actor))
    if state is not None:
        query = query.where(Hold.state == HOLD.known(state))
    if is_frozen is not None:
        query = query.where(Hold.ended_at.is_(None), Hold.freeze_count > 0 if is_frozen else Hold.freeze_count == 0)
    if seller_id is not None:
        query = query.where(Hold.seller_id == seller_id)
    if batch_id is not None:
        query = query.where(Hold.batch_id == batch_id)
    page = await read_page(tx, query, Hold.id, after=after, limit=limit)
    return page.shown_as(await _views(tx, page.rows))


async def hold_ledger(tx: Tx, hold_id: UUID) -> list[LedgerLine]:
    """Return the transfers of a hold, its children and its refunds, oldest first. No permission filter."""
    root = select(Hold.id).where(Hold.id == hold_id).cte("family", recursive=True)
    family = root.union_all(select(Hold.id).where(Hold.parent_hold_id == root.c.id))
    refunds = select(Payment.id).where(Payment.kind == "refund", Payment.hold_id.in_(select(family.c.id)))
    subjects = select(family.c.id).union(refunds).subquery()
    found = await tx.scalars(
        select(Transfer)
        .where(Transfer.subject_id.in_(select(subjects.c.id)))
        .order_by(Transfer.at, Transfer.xid, Transfer.subject_id, Transfer.code)
    )
    return [
        LedgerLine(
            at=line.at,
            hold_id=line.hold_id,
            code=line.code,
            debit_account=line.debit_account,
            credit_account=line.credit_account,
            amount=Money(line.amount_minor, line.currency),
        )
        for line in found
    ]


def _may_see(actor: Actor) -> ColumnElement[bool]:
    """Platforms, mediators, supervisors: by tenant; sellers and buyers: their own; regulators and operators: all."""
    if actor.is_system or actor.has(Role.REGULATOR, Role.OPERATOR):
        return true()
    ways: list[ColumnElement[bool]] = [false()]
    if tenants := actor.tenants(*_TENANT_ROLES):
        ways.append(Hold.tenant_id.in_(tenants))
    if actor.seller_ids:  # a seller sells on every platform
        ways.append(Hold.seller_id.in_(actor.seller_ids))
    if actor.person_id is not None:
        ways.append(Hold.buyer_id == actor.person_id)
    return or_(*ways)


async def _views(tx: Tx, holds: Collection[Hold]) -> list[HoldView]:
    """Return the holds as views, in their order: two more queries for all of them."""
    open_ids = [hold.id for hold in holds if hold.ended_at is None and hold.freeze_count]
    ended_ids = [hold.id for hold in holds if hold.ended_at is not None]
    freezes: dict[UUID, list[FreezeView]] = {}
    if open_ids:
        live = await tx.scalars(
            select(HoldFreeze)
            .where(HoldFreeze.hold_id.in_(open_ids), HoldFreeze.lifted_at.is_(None))
            .order_by(HoldFreeze.at, HoldFreeze.id)
        )
        for freeze in live:
            freezes.setdefault(freeze.hold_id, []).append(FreezeView(freeze.kind, freeze.source_id, freeze.at))
    ends: dict[UUID, Resolution] = {}
    if ended_ids:
        ends = {
            end.hold_id: end for end in await tx.scalars(select(Resolution).where(Resolution.hold_id.in_(ended_ids)))
        }
    return [_view(hold, freezes.get(hold.id, []), ends.get(hold.id)) for hold in holds]


def _view(hold: Hold, freezes: list[FreezeView], end: Resolution | None) -> HoldView:
    left = hold.window_left_seconds
    parts = None
    if end is not None and end.outcome != "divided":
        parts = Parts(*(Money(minor, end.currency) for minor in (end.buyer_minor, end.seller_minor, end.fee_minor)))
    return HoldView(
        id=hold.id,
        tenant_id=hold.tenant_id,
        reference_id=hold.reference_id,
        parent_hold_id=hold.parent_hold_id,
        seller_id=hold.seller_id,
        buyer_id=hold.buyer_id,
        product_id=hold.product_id,
        batch_id=hold.batch_id,
        amount=Money(hold.amount_minor, hold.currency),
        fee_bps=hold.fee_bps,
        state=hold.state,
        funded_at=hold.funded_at,
        delivered_at=hold.delivered_at,
        proof_kind=hold.proof_kind,
        window_ends_at=hold.window_ends_at,
        window_left=None if left is None else timedelta(seconds=left),
        ended_at=hold.ended_at,
        freezes=freezes,
        parts=parts,
    )
