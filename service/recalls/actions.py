"""The circuit breaker: evaluate a scope, freeze it, and what people and time do with the freeze.

Lock order: the scope's batches by id, the signal, then what escrow locks (scopes).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from service.accounts.queries import people_of_sellers
from service.batches.actions import set_status
from service.batches.queries import ancestors, batch_scope, batches_by_id, lock_batches
from service.complaints.queries import case_facts
from service.core.actor import SYSTEM, Actor
from service.core.errors import Forbidden, ensure
from service.core.ids import new_id
from service.db.session import Tx
from service.deadlines.actions import cancel, promise
from service.deadlines.queries import policy
from service.escrow.actions import freeze_scopes, lift_scope_freeze
from service.escrow.rules import ScopeKey
from service.events.log import emit
from service.orders.queries import sellers_of_products
from service.recalls import rules
from service.recalls.counting import Batches, Counted, count_scope
from service.recalls.moves import note_moves
from service.recalls.queries import (
    counted_before,
    decides,
    frozen_batches,
    frozen_signals,
    get_row,
    open_signals,
    signals_of_batches,
)
from service.recalls.schemas import SignalNumbers, numbers_of
from service.recalls.tables import Signal, SignalBatch, SignalMember, SignalText

FREEZE_REASON, CORRECTED = "signal", "corrected"
"""What a batch's history says of a freeze, and of a batch that a correction took out of one."""
DEADLINES = ("circuit_breaker_call", "circuit_breaker_confirm", "circuit_breaker")


async def evaluate_batch(tx: Tx, batch_id: UUID, *, now: datetime) -> Signal | None:
    """Count the scope of a batch again; open its signal at the first new buyer, and freeze when the rules say so.

    A freeze that nobody has confirmed lifts when complaints that it was decided on were moved to another batch, and
    those that are left would not freeze. Batches that a correction took out of the scope thaw. Returns the open signal,
    or None. Doing it again changes nothing. Raises `NotFound` ("batch_not_found"). Locks the scope's batches, so that
    two evaluations of one scope follow each other, then the signal.
    """
    scope = await batch_scope(tx, batch_id)
    await lock_batches(tx, scope)
    counted = await count_scope(tx, batch_id, scope, now=now)
    signal = await _open_signal(tx, batch_id, scope)
    fresh = rules.new_groups(counted.grouped, await counted_before(tx, scope))
    if signal is None and not fresh:
        return None
    numbers = msgspec.to_builtins(numbers_for(counted, len(fresh)))
    if signal is None:
        signal = await _open(tx, batch_id, numbers, now=now)
    signal.numbers = numbers
    if signal.state in rules.FROZEN_STATES:
        await _release(tx, signal, counted, now=now)
    if signal.state in rules.FROZEN_STATES and not await _stays_founded(tx, signal, counted, fresh, now=now):
        step = rules.SIGNAL.next(signal.state, "dissolve")
        await _close(tx, SYSTEM, signal, reason=rules.LINKS_MOVED, status="active", event=step.event, now=now)
        return await evaluate_batch(tx, batch_id, now=now)  # what is left has a signal of its own, and freezes nothing
    await _keep_members(tx, signal, {at: number for at, number in counted.grouped.items() if number in fresh})
    await _keep_batches(tx, signal, counted.batches)
    if signal.state in rules.FROZEN_STATES:
        await _extend(tx, signal, counted, now=now)
    elif rules.should_freeze(len(fresh), counted.rate.low, counted.base.rate):
        await _freeze(tx, signal, counted, now=now)
    return signal


async def cover_batch(tx: Tx, batch_id: UUID, *, now: datetime) -> None:
    """Put a registered or corrected batch under the freezes of the scopes that it belongs to; a new lot is no way out.

    Signals of scopes that it belonged to are counted again without it. Waits for evaluations that did not see the batch
    as it is now. Locks as `evaluate_batch`.
    """
    others = [other_id for other_id in await batch_scope(tx, batch_id) if other_id != batch_id]
    others += await ancestors(tx, batch_id)
    await lock_batches(tx, [batch_id, *others])
    mine = [signal for signal in await signals_of_batches(tx, [batch_id]) if signal.state in rules.OPEN_STATES]
    for began_with in sorted({signal.batch_id for signal in (*mine, *await frozen_signals(tx, others))}):
        await evaluate_batch(tx, began_with, now=now)


async def confirm(tx: Tx, actor: Actor, signal_id: UUID, *, explanation: str, now: datetime) -> Signal:
    """Say that a freeze is right: it stays for its whole time while people look closer.

    Raises `NotFound`, `Forbidden` ("not_commons_mediator", "own_case"), `Conflict` ("signal_state"). Locks the signal.
    """
    signal = await get_row(tx, actor, signal_id, is_locked=True)
    step = rules.SIGNAL.next(signal.state, "confirm")
    await _check_decider(tx, actor, signal)
    signal.state, signal.confirmed_at, signal.confirmed_by = step.to, now, actor.person_id
    await cancel(tx, "circuit_breaker_call", signal.id, now=now)
    await cancel(tx, "circuit_breaker_confirm", signal.id, now=now)
    _explain(tx, signal, step.action, explanation)
    await _tell(tx, actor, signal, step.event, now=now)
    return signal


async def lift(tx: Tx, actor: Actor, signal_id: UUID, *, reason: str, explanation: str, now: datetime) -> Signal:
    """End a freeze for a reason that is published; its batches are cleared and the windows of their holds resume.

    Raises `NotFound`, `Forbidden` ("not_commons_mediator", "own_case"), `Conflict` ("signal_state"), `Invalid`
    ("lift_reason_unknown"). Locks the signal, then the scopes.
    """
    rules.check_lift_reason(reason)
    signal = await get_row(tx, actor, signal_id, is_locked=True)
    step = rules.SIGNAL.next(signal.state, "lift")
    await _check_decider(tx, actor, signal)
    _explain(tx, signal, step.action, explanation)
    signal.closed_by = actor.person_id
    await _close(tx, actor, signal, reason=reason, status="cleared", event=step.event, now=now)
    return signal


async def expire(tx: Tx, signal_id: UUID, *, reason: str, now: datetime) -> None:
    """End a freeze by itself: "not_confirmed" while nobody confirmed it, "time_over" after its longest time.

    A signal that has gone on is left alone. Locks the signal, then the scopes.
    """
    ensure(reason in rules.EXPIRY_REASONS, f"{reason} ends a freeze")
    signal = await get_row(tx, SYSTEM, signal_id, is_locked=True)
    awaited = ("preliminary",) if reason == "not_confirmed" else rules.FROZEN_STATES
    if signal.state in awaited:
        step = rules.SIGNAL.next(signal.state, "expire")
        await _close(tx, SYSTEM, signal, reason=reason, status="active", event=step.event, now=now)


async def call_supervisor(tx: Tx, signal_id: UUID, *, now: datetime) -> None:
    """Call a supervisor of `commons` because nobody has confirmed or lifted a freeze yet. Locks the signal."""
    signal = await get_row(tx, SYSTEM, signal_id, is_locked=True)
    if signal.state == "preliminary" and signal.supervisor_called_at is None:
        signal.supervisor_called_at = now
        await _tell(tx, SYSTEM, signal, "signal.supervisor_called", now=now)


def numbers_for(counted: Counted, new_buyers: int) -> SignalNumbers:
    """Return what is kept of an evaluation; rates with six decimals."""
    rate = counted.rate
    return SignalNumbers(
        buyers=counted.buyers,
        new_buyers=new_buyers,
        complaints=len(counted.grouped),
        units=counted.units,
        estimate=round(rate.estimate, 6),
        low=round(rate.low, 6),
        high=round(rate.high, 6),
        base=counted.base.rate,
        limit=counted.base.limit,
        interval_percent=rules.INTERVAL_PERCENT,
        policy_version=counted.base.version,
    )


async def _open_signal(tx: Tx, batch_id: UUID, scope: Collection[UUID]) -> Signal | None:
    """Return the open signal of this very scope; what was made from a batch has a smaller scope and its own signal."""
    for signal in await open_signals(tx, scope):
        if signal.batch_id == batch_id or batch_id in await batch_scope(tx, signal.batch_id):
            return signal
    return None


async def _open(tx: Tx, batch_id: UUID, numbers: dict[str, Any], *, now: datetime) -> Signal:
    signal = Signal(
        id=new_id(),
        batch_id=batch_id,
        state=rules.SIGNAL.initial,
        opened_at=now,
        rule_version=rules.RULE_VERSION,
        numbers=numbers,
    )
    tx.add(signal)
    await tx.flush()  # members and batches point at the signal
    await _tell(tx, SYSTEM, signal, "signal.opened", now=now)
    return signal


async def _stays_founded(tx: Tx, signal: Signal, counted: Counted, fresh: Collection[int], *, now: datetime) -> bool:
    """Note which complaints were moved out of a frozen signal's scope, or back; whether the freeze stays.

    One that a person has confirmed stays for people; they are told by the event.
    """
    moved = await note_moves(tx, signal, counted, now=now)
    if moved.is_news:
        left, returned = len(moved.left), len(moved.returned)
        await _tell(tx, SYSTEM, signal, "signal.members_moved", now=now, left=left, returned=returned, **signal.numbers)
    if signal.state != "preliminary" or not moved.away:
        return True
    then = numbers_of(signal.frozen_numbers or signal.numbers)
    return rules.stays_founded(
        len(fresh) + moved.silent,
        buyers=counted.buyers + moved.silent,
        units=counted.units,
        units_then=then.units,
        base=counted.base,
    )


async def _keep_members(tx: Tx, signal: Signal, grouped: dict[UUID, int]) -> None:
    """Write which complaints count. What a freeze was decided on is only added to."""
    if signal.state == rules.SIGNAL.initial:
        await tx.execute(delete(SignalMember).where(SignalMember.signal_id == signal.id))
    rows = [
        {"signal_id": signal.id, "complaint_id": complaint_id, "group_number": number}
        for complaint_id, number in sorted(grouped.items())
    ]
    if rows:
        await tx.execute(insert(SignalMember).on_conflict_do_nothing(), rows)


async def _keep_batches(tx: Tx, signal: Signal, batches: Batches) -> None:
    rows = [{"signal_id": signal.id, "batch_id": batch.id, "seller_id": batch.seller_id} for batch in batches]
    await tx.execute(insert(SignalBatch).on_conflict_do_nothing(), rows)


async def _freeze(tx: Tx, signal: Signal, counted: Counted, *, now: datetime) -> None:
    step = rules.SIGNAL.next(signal.state, "freeze")
    longest = await policy(tx, "circuit_breaker", now=now)
    signal.state, signal.frozen_at, signal.frozen_numbers = step.to, now, signal.numbers
    keys = [ScopeKey.seller_product(*selling) for selling in counted.sellings]
    freeze_id = await _hold(tx, signal, counted.batches, keys, expires_at=now + longest.duration, now=now)
    for name, handler in (
        ("circuit_breaker_call", "recalls.call_supervisor"),
        ("circuit_breaker_confirm", "recalls.not_confirmed"),
        ("circuit_breaker", "recalls.time_over"),
    ):
        wait = await policy(tx, name, now=now)
        await promise(tx, name, signal.id, due_at=now + wait.duration, handler=handler, now=now)
    facts = {"freeze_id": str(freeze_id), "batches": len(counted.batches), **signal.numbers}
    await _tell(tx, SYSTEM, signal, step.event, now=now, **facts)


async def _extend(tx: Tx, signal: Signal, counted: Counted, *, now: datetime) -> None:
    """Freeze the batches that came into the scope since it was frozen, until the same time as the others."""
    covered = {each.batch_id for each in await frozen_batches(tx, signal.id)}
    more = [batch for batch in counted.batches if batch.id not in covered]
    if more and signal.frozen_at is not None:
        longest = await policy(tx, "circuit_breaker", now=now)
        await _hold(tx, signal, more, [], expires_at=signal.frozen_at + longest.duration, now=now)
        await _tell(tx, SYSTEM, signal, "signal.extended", now=now, batches=len(more))


async def _release(tx: Tx, signal: Signal, counted: Counted, *, now: datetime) -> None:
    """Thaw the batches that a correction took out of a frozen scope. Only mediators of `commons` can make such a one.

    Each is counted by itself first, so that one which is bad itself is never without a freeze. The others of a freeze
    get another before it is lifted.
    """
    frozen = await frozen_batches(tx, signal.id)
    here = {batch.id: batch for batch in counted.batches}
    gone = [each for each in frozen if each.batch_id not in here]
    if not gone or signal.frozen_at is None:
        return
    lifted = {each.frozen_by for each in gone if each.frozen_by}
    rest = [here[each.batch_id] for each in frozen if each.frozen_by in lifted and each.batch_id in here]
    for each in gone:
        each.frozen_by = None
    await tx.flush()  # from here on the signal does not cover them
    for each in gone:
        await evaluate_batch(tx, each.batch_id, now=now)
    if rest:
        longest = await policy(tx, "circuit_breaker", now=now)
        keys = [ScopeKey.seller_product(*selling) for selling in counted.sellings]
        await _hold(tx, signal, rest, keys, expires_at=signal.frozen_at + longest.duration, now=now)
    for freeze_id in sorted(lifted):
        await lift_scope_freeze(tx, SYSTEM, freeze_id, now=now)
    await _say_thawed(tx, SYSTEM, signal, gone, reason=CORRECTED, status="active", now=now)
    await _tell(tx, SYSTEM, signal, "signal.narrowed", now=now, batches=len(gone))


async def _hold(
    tx: Tx,
    signal: Signal,
    batches: Batches,
    more: Sequence[ScopeKey],
    *,
    expires_at: datetime,
    now: datetime,
) -> UUID:
    """Freeze batches, and further scopes with them; return the freeze's id."""
    await tx.flush()  # the signal's batches are written before their freeze
    keys = [ScopeKey.batch(batch.id) for batch in batches] + list(more)
    freeze_id = await freeze_scopes(
        tx, SYSTEM, keys, reason=FREEZE_REASON, source_id=signal.id, expires_at=expires_at, now=now
    )
    ids = [batch.id for batch in batches]
    mine = await tx.scalars(
        select(SignalBatch).where(SignalBatch.signal_id == signal.id, SignalBatch.batch_id.in_(ids))
    )
    for each in mine:
        each.frozen_by = freeze_id
    for batch in batches:
        if batch.status not in ("held", "recalled"):
            await set_status(tx, SYSTEM, batch.id, "held", reason_code=FREEZE_REASON, source_id=signal.id, now=now)
    return freeze_id


async def _close(tx: Tx, actor: Actor, signal: Signal, *, reason: str, status: str, event: str, now: datetime) -> None:
    signal.state, signal.closed_at, signal.reason_code = "closed", now, reason
    await tx.flush()  # from here on the signal covers nothing
    for name in DEADLINES:
        await cancel(tx, name, signal.id, now=now)
    frozen = await frozen_batches(tx, signal.id)
    for freeze_id in sorted({each.frozen_by for each in frozen if each.frozen_by}):
        await lift_scope_freeze(tx, actor, freeze_id, now=now)
    await _say_thawed(tx, actor, signal, frozen, reason=reason, status=status, now=now)
    await _tell(tx, actor, signal, event, now=now, reason=reason)


async def _say_thawed(
    tx: Tx, actor: Actor, signal: Signal, batches: Sequence[SignalBatch], *, reason: str, status: str, now: datetime
) -> None:
    """Append to the history of those batches that no other signal holds."""
    for batch in (await batches_by_id(tx, [each.batch_id for each in batches])).values():
        if batch.status == "held" and not await frozen_signals(tx, [batch.id]):
            await set_status(tx, actor, batch.id, status, reason_code=reason, source_id=signal.id, now=now)


async def _check_decider(tx: Tx, actor: Actor, signal: Signal) -> None:
    if not decides(actor):
        raise Forbidden("not_commons_mediator", "mediators and supervisors of commons decide about signals")
    batches = (await batches_by_id(tx, await batch_scope(tx, signal.batch_id))).values()
    sellers = {seller_id for seller_id, _ in await sellers_of_products(tx, {batch.product_id for batch in batches})}
    insiders = await people_of_sellers(tx, sellers | {batch.seller_id for batch in batches})
    members = await tx.scalars(select(SignalMember.complaint_id).where(SignalMember.signal_id == signal.id))
    buyers = [case.buyer_id for case in (await case_facts(tx, list(members))).values()]
    if actor.person_id in insiders or actor.person_id in buyers:
        raise Forbidden("own_case", "nobody decides a case that they are party to")


def _explain(tx: Tx, signal: Signal, action: str, explanation: str) -> None:
    if explanation.strip():
        tx.add(SignalText(signal_id=signal.id, action=action, explanation=explanation.strip()))


async def _tell(tx: Tx, actor: Actor, signal: Signal, name: str, *, now: datetime, **facts: object) -> None:
    told = {"batch_id": str(signal.batch_id), "state": signal.state, **facts}
    await emit(tx, name, actor=actor, subject=("signal", signal.id), now=now, facts=told)
