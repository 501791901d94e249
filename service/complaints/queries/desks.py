"""Lists of complaints as desks work through them: by what is due first, with counts of each view."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, and_, cast, func, or_, select, tuple_

from service.complaints.challenge_rules import ASKED_SIDES, promise_name
from service.complaints.queries.access import visible_to
from service.complaints.queries.lists import next_due, summary_of
from service.complaints.rules import ENDS, OPEN_SENT, UNCOUNTED
from service.complaints.schemas import ComplaintSummary
from service.complaints.tables import Complaint, ComplaintText
from service.core.actor import Actor, Role
from service.db.pages import Page, check_limit, cut_page, decode_mark, encode_mark, read_page
from service.db.session import Tx
from service.deadlines.queries import earliest_due

SellerView = Literal["todo", "waiting", "closed"]
_SELLER_STATES: Final[Mapping[SellerView, tuple[str, ...]]] = {
    "todo": ("with_seller",),
    "waiting": ("triage", "answered", "disputed"),
    "closed": ENDS,
}
_PROMISES = ("triage", "answer_claim", "accept_offer", "escalate", *map(promise_name, ASKED_SIDES))
_HURT = func.coalesce(Complaint.later_harm, Complaint.harm).in_(("injury", "hospital"))
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


async def seller_inbox(
    tx: Tx, actor: Actor, view: SellerView, *, after: str | None, limit: int
) -> Page[ComplaintSummary]:
    """Return the cases that reached the actor's shops, what is due first at the top, ended ones the newest first."""
    query = select(Complaint).where(_of_shops(actor), Complaint.status.in_(_SELLER_STATES[view]))
    if view == "closed":
        return await _newest_first(tx, actor, query, after=after, limit=limit)
    return await _by_due_time(tx, actor, query, after=after, limit=limit)


async def seller_counts(tx: Tx, actor: Actor) -> dict[SellerView, int]:
    """Return how many cases each view of the actor's shops holds."""
    query = select(Complaint.status, func.count()).where(_of_shops(actor)).group_by(Complaint.status)
    found: dict[str, int] = {row[0]: row[1] for row in await tx.execute(query)}
    return {view: sum(found.get(state, 0) for state in states) for view, states in _SELLER_STATES.items()}


async def to_look_at(tx: Tx, actor: Actor, *, after: str | None, limit: int) -> Page[ComplaintSummary]:
    """Return the sent complaints that wait for a mediator's first look, or for somebody to name their batch."""
    return await _by_due_time(tx, actor, select(Complaint).where(_needs_look(actor)), after=after, limit=limit)


async def count_to_look_at(tx: Tx, actor: Actor) -> int:
    """Return how many complaints `to_look_at` lists."""
    return await tx.scalar(select(func.count()).select_from(Complaint).where(_needs_look(actor))) or 0


async def first_words(tx: Tx, complaint_ids: Collection[UUID], *, length: int = 120) -> dict[UUID, str]:
    """Return the beginnings of the buyers' stories. The caller has checked that they may be read."""
    query = select(ComplaintText.complaint_id, func.left(ComplaintText.narrative, length)).where(
        ComplaintText.complaint_id.in_(list(complaint_ids))
    )
    return {row[0]: " ".join((row[1] or "").split()) for row in await tx.execute(query)}


async def complaints_by_batch(tx: Tx, batch_ids: Collection[UUID]) -> dict[UUID, int]:
    """Return how many sent complaints are linked to each batch; a count, so without a permission filter."""
    query = (
        select(Complaint.batch_id, func.count())
        .where(Complaint.batch_id.in_(list(batch_ids)), Complaint.status.not_in(UNCOUNTED))
        .group_by(Complaint.batch_id)
    )
    return {row[0]: row[1] for row in await tx.execute(query) if row[0] is not None}


async def published_problems(tx: Tx, batch_ids: Collection[UUID]) -> dict[str, int]:
    """Return how many complaints of each kind are linked to the batches and may be counted in public, as told."""
    query = (
        select(Complaint.kind, func.count())
        .where(
            Complaint.batch_id.in_(list(batch_ids)),
            Complaint.status.not_in(UNCOUNTED),
            Complaint.kind != "withdrawal",
            Complaint.may_publish,
        )
        .group_by(Complaint.kind)
    )
    return {row[0]: row[1] for row in await tx.execute(query) if row[0] is not None}


def case_ids(*, kind: str | None = None, hurt: bool = False) -> Select[UUID]:
    """Return the ids of cases of a kind, or in which somebody was hurt, for other domains' lists to choose by."""
    query = select(Complaint.id)
    if kind:
        query = query.where(Complaint.kind == kind)
    return query.where(_HURT) if hurt else query


def _of_shops(actor: Actor) -> ColumnElement[bool]:
    return and_(Complaint.seller_id.in_(actor.seller_ids), Complaint.reached_at.is_not(None))


def _needs_look(actor: Actor) -> ColumnElement[bool]:
    unsure = and_(Complaint.match_status == "suggested", Complaint.status.in_(OPEN_SENT))
    mine = Complaint.tenant_id.in_(actor.tenants(Role.MEDIATOR, Role.SUPERVISOR))
    return and_(mine, or_(Complaint.status == "triage", unsure))


async def _newest_first(
    tx: Tx, actor: Actor, query: Select[Any], *, after: str | None, limit: int
) -> Page[ComplaintSummary]:
    page = await read_page(tx, query, Complaint.id, after=after, limit=limit)
    return page.shown_as([summary_of(row, actor, None) for row in page.rows])


async def _by_due_time(
    tx: Tx, actor: Actor, query: Select[Any], *, after: str | None, limit: int
) -> Page[ComplaintSummary]:
    due = func.coalesce(earliest_due(Complaint.id, _PROMISES), _NEVER)
    query = query.where(visible_to(actor)).add_columns(due.label("due"))
    if after:
        query = query.where(tuple_(due, Complaint.id) > tuple_(*decode_mark(after, datetime, UUID)))
    rows = (await tx.execute(query.order_by(due, Complaint.id).limit(check_limit(limit) + 1))).all()
    page = cut_page(rows, limit, lambda row: encode_mark(row.due.isoformat(), str(row[0].id)))
    promised = await next_due(tx, [row[0].id for row in page.rows])
    return page.shown_as([summary_of(row[0], actor, promised.get(row[0].id)) for row in page.rows])


@dataclass(frozen=True, slots=True)
class Week:
    """What was sent in seven days: complaints that are linked to a batch by now, and those that say who was hurt."""

    linked: int
    hurt: int


async def weekly(tx: Tx, *, until: datetime, weeks: int) -> list[Week]:
    """Return the counts of the last weeks, the oldest first; the last one ends at `until`. No permission filter."""
    age = func.extract("epoch", until - Complaint.submitted_at)
    number = cast(func.floor(age / (7 * 86_400)), Integer).label("number")
    query = (
        select(
            number,
            func.count().filter(Complaint.batch_id.is_not(None)),
            func.count().filter(_HURT),
        )
        .where(Complaint.submitted_at > until - timedelta(weeks=weeks), Complaint.status.not_in(UNCOUNTED))
        .group_by(number)
    )
    found = {row[0]: Week(row[1], row[2]) for row in await tx.execute(query)}
    return [found.get(number, Week(0, 0)) for number in reversed(range(weeks))]
