"""Reads about signals, with the actor's filter in each."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, false, func, or_, select, true

from service.core.actor import COMMONS, Actor, Role
from service.core.errors import NotFound
from service.db.locks import locked
from service.db.pages import Page, read_page
from service.db.session import Tx
from service.deadlines.queries import Due, pending
from service.recalls import rules
from service.recalls.schemas import SignalView, numbers_of
from service.recalls.tables import Signal, SignalBatch, SignalMember, SignalMemberMove

_ON_EXPIRY = {"circuit_breaker_confirm": "freeze_lifted", "circuit_breaker": "freeze_lifted"}
_DEADLINES = tuple(_ON_EXPIRY)
_IS_IN = or_(Signal.frozen_at.is_(None), SignalBatch.frozen_by.is_not(None))


async def open_signals(tx: Tx, batch_ids: Collection[UUID]) -> list[Signal]:
    """Return the open signals that began with any of the batches, locked, oldest first."""
    query = (
        select(Signal)
        .where(Signal.batch_id.in_(list(batch_ids)), Signal.state.in_(rules.OPEN_STATES))
        .order_by(Signal.id)
    )
    return list(await tx.scalars(locked(query)))


async def counted_before(tx: Tx, batch_ids: Collection[UUID]) -> set[UUID]:
    """Return the complaints that freezes of these batches, which have ended, were decided on or counted.

    A freeze that lifted because complaints were moved to another batch spent none: nobody has judged those that stayed.
    """
    query = (
        select(SignalMember.complaint_id)
        .join(Signal, Signal.id == SignalMember.signal_id)
        .where(
            Signal.state == "closed",
            Signal.reason_code != rules.LINKS_MOVED,
            _covers(SignalBatch.batch_id.in_(list(batch_ids))),
        )
    )
    return set(await tx.scalars(query))


async def left_members(tx: Tx, signal_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Return the complaints of signals that were moved out of their scopes since, by signal."""
    query = select(SignalMemberMove).where(SignalMemberMove.signal_id.in_(list(signal_ids)))
    found: dict[UUID, set[UUID]] = {}
    for move in await tx.scalars(query.order_by(SignalMemberMove.id)):
        away = found.setdefault(move.signal_id, set())
        if move.step == "left":
            away.add(move.complaint_id)
        else:
            away.discard(move.complaint_id)
    return found


async def batches_that_count(tx: Tx, complaint_ids: Collection[UUID]) -> set[UUID]:
    """Return the batches whose open signals any of the complaints stands in, wherever it is linked now."""
    query = (
        select(Signal.batch_id)
        .join(SignalMember, SignalMember.signal_id == Signal.id)
        .where(SignalMember.complaint_id.in_(list(complaint_ids)), Signal.state.in_(rules.OPEN_STATES))
    )
    return set(await tx.scalars(query))


async def signals_of_batches(tx: Tx, batch_ids: Collection[UUID]) -> list[Signal]:
    """Return the signals whose scope has any of the batches, oldest first. No permission filter."""
    covers = _covers(SignalBatch.batch_id.in_(list(batch_ids)))
    return list(await tx.scalars(select(Signal).where(covers).order_by(Signal.id)))


def _covers(batches: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a signal's scope has any of the batches; one that a correction took out of a freeze is in none."""
    return exists().where(SignalBatch.signal_id == Signal.id, batches, _IS_IN)


async def frozen_signals(tx: Tx, batch_ids: Collection[UUID]) -> list[Signal]:
    """Return the signals that hold any of the batches frozen now, oldest first. No permission filter."""
    return [each for each in await signals_of_batches(tx, batch_ids) if each.state in rules.FROZEN_STATES]


async def frozen_batches(tx: Tx, signal_id: UUID) -> list[SignalBatch]:
    """Return the batches of a signal that are frozen, sorted by id."""
    query = select(SignalBatch).where(SignalBatch.signal_id == signal_id, SignalBatch.frozen_by.is_not(None))
    return list(await tx.scalars(query.order_by(SignalBatch.batch_id)))


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the filter: regulators and those who decide for `commons` see all, sellers what touches their batches."""
    if actor.is_system or actor.has(Role.REGULATOR) or decides(actor):
        return true()
    if actor.seller_ids:
        return exists().where(SignalBatch.signal_id == Signal.id, SignalBatch.seller_id.in_(actor.seller_ids))
    return false()


def decides(actor: Actor) -> bool:
    """Whether an actor is a mediator or supervisor of `commons`, where signals belong."""
    return COMMONS in actor.tenants(Role.MEDIATOR, Role.SUPERVISOR)


async def get_row(tx: Tx, actor: Actor, signal_id: UUID, *, is_locked: bool = False) -> Signal:
    """Return a signal that the actor may see, locked if asked; raises `NotFound` ("signal_not_found")."""
    query = select(Signal).where(Signal.id == signal_id, visible_to(actor))
    if is_locked:
        query = locked(query)
    found = (await tx.scalars(query)).one_or_none()
    if found is None:
        raise NotFound("signal_not_found")
    return found


async def get_signal(tx: Tx, actor: Actor, signal_id: UUID) -> SignalView:
    """Return a signal with its numbers and what may be done; raises `NotFound` ("signal_not_found")."""
    return (await _views(tx, actor, [await get_row(tx, actor, signal_id)]))[0]


async def signals_page(
    tx: Tx, actor: Actor, *, state: str | None, is_open: bool, batch_id: UUID | None, after: str | None, limit: int
) -> Page[SignalView]:
    """Return signals that the actor may see, the newest first; `batch_id` asks for those whose scope has it."""
    query = select(Signal).where(visible_to(actor))
    if state:
        query = query.where(Signal.state == rules.SIGNAL.known(state))
    if is_open:
        query = query.where(Signal.state.in_(rules.OPEN_STATES))
    if batch_id:
        query = query.where(_covers(SignalBatch.batch_id == batch_id))
    page = await read_page(tx, query, Signal.id, after=after, limit=limit)
    return page.shown_as(await _views(tx, actor, page.rows))


async def count_to_confirm(tx: Tx, actor: Actor) -> int:
    """Return how many freezes wait for the actor to confirm or lift them."""
    if not decides(actor):
        return 0
    query = select(func.count()).select_from(Signal).where(Signal.state == "preliminary")
    return await tx.scalar(query) or 0


async def count_open(tx: Tx, actor: Actor) -> int:
    """Return how many open signals the actor may see."""
    query = select(func.count()).select_from(Signal).where(visible_to(actor), Signal.state.in_(rules.OPEN_STATES))
    return await tx.scalar(query) or 0


async def _views(tx: Tx, actor: Actor, rows: Sequence[Signal]) -> list[SignalView]:
    ids = [row.id for row in rows]
    due: dict[UUID, Due] = {}
    for each in await pending(tx, ids):
        if each.name in _DEADLINES:
            due.setdefault(each.subject_id, each)
    batches = await tx.execute(
        select(SignalBatch.signal_id, func.array_agg(SignalBatch.batch_id))
        .join(Signal, Signal.id == SignalBatch.signal_id)
        .where(SignalBatch.signal_id.in_(ids), _IS_IN)
        .group_by(SignalBatch.signal_id)
    )
    members = await tx.execute(
        select(SignalMember.signal_id, func.array_agg(SignalMember.complaint_id))
        .where(SignalMember.signal_id.in_(ids))
        .group_by(SignalMember.signal_id)
    )
    batch_ids = {signal_id: sorted(found) for signal_id, found in batches}
    complaint_ids = {signal_id: sorted(found) for signal_id, found in members}
    left = await left_members(tx, ids)
    return [
        _view(actor, row, due.get(row.id), batch_ids[row.id], complaint_ids.get(row.id, []), left.get(row.id, set()))
        for row in rows
    ]


def _view(
    actor: Actor,
    row: Signal,
    due: Due | None,
    batch_ids: list[UUID],
    complaint_ids: list[UUID],
    left: Collection[UUID],
) -> SignalView:
    sees_all = actor.is_system or actor.has(Role.REGULATOR) or decides(actor)
    sides = [role.value for role in (Role.MEDIATOR, Role.SUPERVISOR) if COMMONS in actor.tenants(role)]
    return SignalView(
        id=row.id,
        batch_id=row.batch_id,
        state=row.state,
        numbers=numbers_of(row.numbers),
        frozen_numbers=None if row.frozen_numbers is None else numbers_of(row.frozen_numbers),
        batch_count=len(batch_ids),
        opened_at=row.opened_at,
        frozen_at=row.frozen_at,
        supervisor_called_at=row.supervisor_called_at,
        confirmed_at=row.confirmed_at,
        closed_at=row.closed_at,
        reason=row.reason_code,
        rule_version=row.rule_version,
        due_at=None if due is None else due.due_at,
        on_expiry=None if due is None else _ON_EXPIRY[due.name],
        available_actions=[step.action for step in rules.SIGNAL.open_to(row.state, sides) if step.action != "act"],
        batch_ids=batch_ids if sees_all else None,
        complaint_ids=complaint_ids if sees_all else None,
        left_count=len(left),
        left_complaint_ids=sorted(left) if sees_all else None,
    )
