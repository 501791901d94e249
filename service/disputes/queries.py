"""Reads about disputes, with the actor's filter in each."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, func, or_, select, true

from service.complaints.queries import CaseFacts, case_facts
from service.core.actor import Actor, Role
from service.core.errors import NotFound, ensure
from service.core.money import Money
from service.db.locks import locked
from service.db.pages import Page, read_page
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.deadlines.queries import Due, pending
from service.disputes.rules import DISPUTE
from service.disputes.schemas import DisputeView, RulingView
from service.disputes.tables import Dispute, Ruling, RulingAcceptance, RulingText

_ON_EXPIRY = {"first_ruling": "goes_to_supervisor", "appeal": "ruling_takes_effect"}


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the filter of what an actor may see: the parties' own, mediators' tenants, everything for regulators."""
    if actor.is_system or actor.has(Role.REGULATOR, Role.OPERATOR):
        return true()
    ways: list[ColumnElement[bool]] = []
    if actor.person_id is not None and actor.has(Role.BUYER):
        ways.append(Dispute.buyer_id == actor.person_id)
    if actor.seller_ids:
        ways.append(Dispute.seller_id.in_(actor.seller_ids))
    tenants = actor.tenants(Role.MEDIATOR, Role.SUPERVISOR)
    if tenants:
        ways.append(Dispute.tenant_id.in_(tenants))
    return or_(*ways) if ways else false()


async def get_row(tx: Tx, actor: Actor, dispute_id: UUID, *, is_locked: bool = False) -> Dispute:
    """Return a dispute that the actor may see, locked if asked; raises `NotFound` ("dispute_not_found")."""
    query = select(Dispute).where(Dispute.id == dispute_id, visible_to(actor))
    found = (await tx.scalars(locked(query) if is_locked else query)).one_or_none()
    if found is None:
        raise NotFound("dispute_not_found")
    return found


async def get_dispute(tx: Tx, actor: Actor, dispute_id: UUID) -> DisputeView:
    """Return a dispute with its ruling and what may be done; raises `NotFound` ("dispute_not_found")."""
    row = await get_row(tx, actor, dispute_id)
    return (await _views(tx, actor, [row]))[0]


async def dispute_of_complaint(tx: Tx, actor: Actor, complaint_id: UUID) -> DisputeView | None:
    """Return the newest dispute of a complaint, if the actor may see it and there is one."""
    query = (
        select(Dispute)
        .where(Dispute.complaint_id == complaint_id, visible_to(actor))
        .order_by(Dispute.id.desc())
        .limit(1)
    )
    row = (await tx.scalars(query)).one_or_none()
    return None if row is None else (await _views(tx, actor, [row]))[0]


async def disputes_page(  # noqa: PLR0913 - the filters of a list
    tx: Tx,
    actor: Actor,
    *,
    state: str | None,
    is_mine: bool,
    is_open: bool,
    after: str | None,
    limit: int,
    cases: Select[UUID] | None = None,
) -> Page[DisputeView]:
    """Return disputes that the actor may see, the oldest first: that is the order in which they fall due.

    `cases` narrows the list to those of the complaints that another domain's query names.
    """
    query = select(Dispute).where(visible_to(actor))
    if state:
        query = query.where(Dispute.state == DISPUTE.known(state))
    if is_open:
        query = query.where(Dispute.state != "final")
    if is_mine:
        query = query.where(Dispute.mediator_id == actor.person_id)
    if cases is not None:
        query = query.where(Dispute.complaint_id.in_(cases))
    page = await read_page(tx, query, Dispute.id, after=after, limit=limit, is_oldest_first=True)
    return page.shown_as(await _views(tx, actor, page.rows))


async def dispute_counts(tx: Tx, actor: Actor, *, hurt: Select[UUID]) -> dict[str, int]:
    """Return how many open disputes the actor may see: all, mine, queued, ruled, and those of the cases `hurt`."""
    counted = func.count().filter
    query = select(
        func.count(),
        counted(Dispute.mediator_id == actor.person_id),
        counted(Dispute.state == "queued"),
        counted(Dispute.state == "ruled"),
        counted(Dispute.complaint_id.in_(hurt)),
    ).where(visible_to(actor), Dispute.state != "final")
    found = (await tx.execute(query)).one()
    return dict(zip(("all", "mine", "queued", "ruled", "injury"), found, strict=True))


async def next_unassigned(tx: Tx, actor: Actor) -> UUID | None:
    """Return the oldest dispute that a mediator may take now and that nobody has locked; locks it."""
    query = select(Dispute.id).where(visible_to(actor), Dispute.state == "queued").order_by(Dispute.id)
    if not actor.has(Role.SUPERVISOR):
        query = query.where(~Dispute.needs_supervisor)
    parties = or_(Dispute.buyer_id == actor.person_id, Dispute.seller_id.in_(actor.seller_ids))
    ruled = select(Ruling.dispute_id).where(Ruling.mediator_id == actor.person_id)
    query = query.where(parties.is_not(true()), Dispute.id.not_in(ruled))
    return await tx.scalar(query.limit(1).with_for_update(skip_locked=True))


async def ruled_before(tx: Tx, complaint_id: UUID) -> list[UUID]:
    """Return the mediators who have ruled on a complaint."""
    query = select(Ruling.mediator_id).join(Dispute, Dispute.id == Ruling.dispute_id)
    return list(await tx.scalars(query.where(Dispute.complaint_id == complaint_id)))


async def newest_ruling(tx: Tx, dispute_id: UUID) -> Ruling | None:
    """Return the ruling that stands, if there is one."""
    query = select(Ruling).where(Ruling.dispute_id == dispute_id).order_by(Ruling.round.desc()).limit(1)
    return (await tx.scalars(query)).one_or_none()


async def accepted_sides(tx: Tx, ruling_id: UUID) -> set[str]:
    """Return the sides that accepted a ruling."""
    return set(await tx.scalars(select(RulingAcceptance.side).where(RulingAcceptance.ruling_id == ruling_id)))


def held_of(case: CaseFacts) -> Money | None:
    """Return what the case's claim froze, or None where no money is held."""
    if case.hold_id is None or case.claim_minor is None or case.currency is None:
        return None
    return Money(case.claim_minor, case.currency)


async def _views(tx: Tx, actor: Actor, rows: Collection[Dispute]) -> list[DisputeView]:
    cases = await case_facts(tx, [row.complaint_id for row in rows])
    due: dict[UUID, Due] = {}
    for each in await pending(tx, [row.id for row in rows]):
        due.setdefault(each.subject_id, each)
    rulings = await _rulings(tx, [row.id for row in rows])
    return [_view(actor, row, cases[row.complaint_id], due.get(row.id), rulings.get(row.id)) for row in rows]


async def _rulings(tx: Tx, dispute_ids: Collection[UUID]) -> Mapping[UUID, RulingView]:
    query = (
        select(Ruling, RulingText.reasons)
        .join(RulingText, RulingText.ruling_id == Ruling.id)
        .where(Ruling.dispute_id.in_(list(dispute_ids)))
        .order_by(Ruling.round)
    )
    found = (await tx.execute(query)).all()
    accepted: dict[UUID, list[str]] = {}
    ids = [ruling.id for ruling, _ in found]
    for each in await tx.scalars(select(RulingAcceptance).where(RulingAcceptance.ruling_id.in_(ids))):
        accepted.setdefault(each.ruling_id, []).append(each.side)
    return {
        ruling.dispute_id: RulingView(
            id=ruling.id,
            round=ruling.round,
            buyer=MoneyView(ruling.buyer_minor, ruling.currency),
            seller=MoneyView(ruling.held_minor - ruling.buyer_minor, ruling.currency),
            reasons=reasons,
            ruled_at=ruling.at,
            accepted_by=sorted(accepted.get(ruling.id, [])),
        )
        for ruling, reasons in found
    }


def sides_of(actor: Actor, case: CaseFacts, dispute: Dispute) -> set[str]:
    """Return the parts that an actor has in a dispute: buyer, seller, mediator, supervisor."""
    sides: set[str] = set()
    if actor.person_id is not None and actor.person_id == case.buyer_id:
        sides.add("buyer")
    if case.seller_id is not None and case.seller_id in actor.seller_ids:
        sides.add("seller")
    for role in (Role.MEDIATOR, Role.SUPERVISOR):
        if dispute.tenant_id in actor.tenants(role):
            sides.add(role.value)
    return sides


def _view(actor: Actor, row: Dispute, case: CaseFacts, due: Due | None, ruling: RulingView | None) -> DisputeView:
    held = held_of(case)
    ensure(ruling is not None or row.ruled_at is None, "a ruled dispute has its ruling")
    return DisputeView(
        id=row.id,
        tenant_id=row.tenant_id,
        complaint_id=row.complaint_id,
        complaint_reference=case.reference,
        state=row.state,
        mediator_id=row.mediator_id,
        needs_supervisor=row.needs_supervisor,
        held=None if held is None else MoneyView.of(held),
        opened_at=row.opened_at,
        assigned_at=row.assigned_at,
        ruled_at=row.ruled_at,
        ended_at=row.ended_at,
        due_at=None if due is None else due.due_at,
        on_expiry=None if due is None else _ON_EXPIRY.get(due.name),
        available_actions=_available(row, sides_of(actor, case, row), ruling),
        ruling=ruling,
    )


def _available(row: Dispute, sides: set[str], ruling: RulingView | None) -> list[str]:
    names = [step.action for step in DISPUTE.open_to(row.state, sides)]
    if ruling is not None and "accept" in names and set(ruling.accepted_by) >= sides & {"buyer", "seller"}:
        names.remove("accept")
    return names
