"""Who may see which complaint, and from which side they look."""

from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from service.complaints.rules import Side
from service.complaints.tables import Complaint
from service.core.actor import Actor, Role
from service.core.errors import Forbidden, NotFound, unreachable
from service.db.locks import locked
from service.db.session import Tx

_SENT = Complaint.submitted_at.is_not(None)


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the filter of what an actor may see.

    Buyers see their own, drafts included; who opened a report with its receipt that one; sellers what reached them;
    mediators, supervisors and platforms what was sent in their tenants; regulators and operators whatever was sent.
    """
    if actor.is_system:
        return true()
    if actor.has(Role.REGULATOR, Role.OPERATOR):
        return or_(_SENT, _own(actor))
    ways: list[ColumnElement[bool]] = [_own(actor)]
    if actor.seller_ids:
        ways.append(and_(Complaint.seller_id.in_(actor.seller_ids), Complaint.reached_at.is_not(None)))
    tenants = actor.tenants(Role.MEDIATOR, Role.SUPERVISOR, Role.PLATFORM)
    if tenants:
        ways.append(and_(Complaint.tenant_id.in_(tenants), _SENT))
    return or_(*ways)


def _own(actor: Actor) -> ColumnElement[bool]:
    if actor.case_id is not None:
        return and_(Complaint.id == actor.case_id, Complaint.buyer_id.is_(None))
    if actor.person_id is None or not actor.has(Role.BUYER):
        return false()
    return Complaint.buyer_id == actor.person_id


async def get_row(tx: Tx, actor: Actor, complaint_id: UUID, *, is_locked: bool = False) -> Complaint:
    """Return a complaint that the actor may see, locked if asked; raises `NotFound` ("complaint_not_found")."""
    query = select(Complaint).where(Complaint.id == complaint_id, visible_to(actor))
    if is_locked:
        query = locked(query)
    found = (await tx.scalars(query)).one_or_none()
    if found is None:
        raise NotFound("complaint_not_found")
    return found


async def may_see(tx: Tx, actor: Actor, complaint_id: UUID) -> bool:
    """Whether the actor may see a complaint."""
    query = select(Complaint.id).where(Complaint.id == complaint_id, visible_to(actor))
    return await tx.scalar(query) is not None


async def course_of(tx: Tx, complaint: Complaint) -> str:
    """Return the status that decides what may still be added: of a complaint that was joined to a case, the case's."""
    if complaint.merged_into_id is None or complaint.submitted_at is None:
        return complaint.status
    return str(await tx.scalar(select(Complaint.status).where(Complaint.id == complaint.merged_into_id)))


def side_of(actor: Actor, complaint: Complaint) -> Side:
    """Return the side that an actor, who may see the complaint, looks from; being a party to it comes first."""
    if actor.is_system:
        return "system"
    if actor.person_id is not None and complaint.buyer_id == actor.person_id:
        return "buyer"
    if actor.case_id == complaint.id:  # an anonymous reporter stands where the buyer does
        return "buyer"
    if complaint.seller_id in actor.seller_ids:
        return "seller"
    if complaint.tenant_id in actor.tenants(Role.MEDIATOR, Role.SUPERVISOR):
        return "mediator"
    if actor.has(Role.REGULATOR):
        return "regulator"
    if actor.has(Role.OPERATOR):
        return "operator"
    if complaint.tenant_id in actor.tenants(Role.PLATFORM):
        return "platform"
    return unreachable("the actor may not see this complaint")


def require_side(actor: Actor, complaint: Complaint, *sides: Side) -> Side:
    """Return the actor's side if it is one of these; raises `Forbidden` ("not_your_part")."""
    side = side_of(actor, complaint)
    if side not in sides:
        raise Forbidden("not_your_part", f"this is for the {' or '.join(sides)}", side=side)
    return side
