"""Lists of complaints."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select

from service.complaints.challenge_rules import asked_of
from service.complaints.queries.access import side_of, visible_to
from service.complaints.rules import COMPLAINT, OPEN_SENT, due_side
from service.complaints.schemas import AvailableAction, ComplaintSummary
from service.complaints.tables import Complaint
from service.core import references
from service.core.actor import Actor
from service.core.errors import NotFound
from service.db.pages import Page, read_page
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.deadlines.queries import pending


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. `mine` are the actor's own as a buyer; `is_open` what was sent and has not ended."""

    status: str | None = None
    seller_id: UUID | None = None
    batch_id: UUID | None = None
    order_id: UUID | None = None
    risk: str | None = None
    match_status: str | None = None
    kind: str | None = None
    mine: bool = False
    is_open: bool | None = None


async def complaints_page(
    tx: Tx, actor: Actor, filters: Filters, *, after: str | None, limit: int
) -> Page[ComplaintSummary]:
    """Return complaints that the actor may see, the newest first, each with its next deadline."""
    query = _filtered(select(Complaint).where(visible_to(actor)), actor, filters)
    page = await read_page(tx, query, Complaint.id, after=after, limit=limit)
    due = await next_due(tx, [row.id for row in page.rows])
    return page.shown_as([summary_of(row, actor, due.get(row.id)) for row in page.rows])


async def find_by_reference(tx: Tx, actor: Actor, reference: str) -> UUID:
    """Return the id of the complaint with this reference, however typed.

    Raises `Invalid` ("reference_wrong"), `NotFound` ("complaint_not_found").
    """
    query = select(Complaint.id).where(Complaint.reference == references.parse(reference), visible_to(actor))
    found = await tx.scalar(query)
    if found is None:
        raise NotFound("complaint_not_found")
    return found


def _filtered(query: Select[Complaint], actor: Actor, filters: Filters) -> Select[Complaint]:
    if filters.status is not None:
        COMPLAINT.known(filters.status, field="status")
    for name in ("status", "seller_id", "batch_id", "order_id", "risk", "match_status", "kind"):
        wanted = getattr(filters, name)
        if wanted is not None:
            query = query.where(getattr(Complaint, name) == wanted)
    if filters.mine:
        query = query.where(Complaint.buyer_id == actor.person_id)
    if filters.is_open is not None:
        is_open = Complaint.status.in_(OPEN_SENT)
        query = query.where(is_open if filters.is_open else ~is_open)
    return query


async def next_due(tx: Tx, complaint_ids: Sequence[UUID]) -> dict[UUID, AvailableAction]:
    """Return the next deadline that somebody sees of each complaint."""
    due: dict[UUID, AvailableAction] = {}
    for each in await pending(tx, complaint_ids):
        found = due_side(each.name) or asked_of(each.name)
        if found is not None:
            due.setdefault(each.subject_id, AvailableAction(found[0], found[1], each.due_at, None))
    return due


def summary_of(row: Complaint, actor: Actor, due: AvailableAction | None) -> ComplaintSummary:
    """Return a row of a list; operators and platforms do not get what was written."""
    says_text = side_of(actor, row) not in ("operator", "platform")
    return ComplaintSummary(
        id=row.id,
        reference=row.reference,
        tenant_id=row.tenant_id,
        purpose=row.purpose,
        kind=row.kind,
        harm=row.gravest_harm,
        risk=row.risk,
        status=row.status,
        outcome=row.outcome,
        match_status=row.match_status,
        order_id=row.order_id,
        seller_id=row.seller_id,
        product_id=row.product_id,
        batch_id=row.batch_id,
        product_text=row.product_text if says_text else "",
        claim=claim_of(row),
        made_at=row.made_at,
        submitted_at=row.submitted_at,
        ended_at=row.ended_at,
        due=due,
    )


def claim_of(row: Complaint) -> MoneyView | None:
    """Return the money that a complaint asks for."""
    return None if row.claim_minor is None else MoneyView(row.claim_minor, row.currency or "")
