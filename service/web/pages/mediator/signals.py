"""Batches with more complaints than their kind explains: confirm the freeze, or lift it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.batches.queries import batches_by_id
from service.core.actor import Actor
from service.db.requests import LATE_CLAIM
from service.db.session import Tx
from service.escrow.queries import ScopeState, scope_state
from service.escrow.rules import ScopeKey
from service.recalls import actions
from service.recalls.queries import signals_page
from service.recalls.rules import FROZEN_STATES, LIFT_REASONS
from service.recalls.schemas import SignalView
from service.web import paths
from service.web.language import Language
from service.web.pages.casework import name_of
from service.web.pages.shell import REFUSALS, Page, ShellOf, missing
from service.web.phrase import say
from service.web.views.mediator import SignalRow, Signals
from service.web.views.parts import EMPTY_FORM, Clock, Form, Option

READ = {"allow": "web.mediator"}
SEND = {**READ, LATE_CLAIM: True}
SHOWN_MAX = 50
_BY_URGENCY = ("preliminary", "analysis", "screening")


@get(paths.MEDIATOR_SIGNALS, opt=READ)
async def show_signals(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Open signals, with a form for each that may be decided."""
    return await shell.page(await signals(tx, actor, shell.language, EMPTY_FORM))


@post(f"{paths.MEDIATOR_SIGNALS}/{{signal_id:uuid}}/confirmation", opt=SEND)
async def confirm(
    signal_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Say that the freeze is right."""
    form = await shell.form()
    try:
        await shell.take(form)
        await actions.confirm(tx, actor, signal_id, explanation="", now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, partial(signals, tx, actor, shell.language), {})
    return shell.go(paths.MEDIATOR_SIGNALS, done="done.confirmed")


@post(f"{paths.MEDIATOR_SIGNALS}/{{signal_id:uuid}}/lift", opt=SEND)
async def lift(
    signal_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """End the freeze for a reason that is published."""
    form, draw = await shell.form(), partial(signals, tx, actor, shell.language)
    field = {"reason": f"reason-{signal_id}"}
    if not form.value("reason"):
        return await shell.wrong(missing(form, **{field["reason"]: "error.lift_reason_unknown"}), draw)
    try:
        await shell.take(form)
        await actions.lift(tx, actor, signal_id, reason=form.value("reason"), explanation="", now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, field)
    return shell.go(paths.MEDIATOR_SIGNALS, done="done.lifted")


async def signals(tx: Tx, actor: Actor, language: Language, form: Form) -> Signals:
    """Return the open signals that the actor may see."""
    return Signals(
        as_of=await tx.now(),
        rows=await signal_rows(tx, await open_signals(tx, actor), language),
        lift_reasons=tuple(Option(code, say(f"lift.{code}")) for code in LIFT_REASONS),
        form=form,
    )


async def open_signals(tx: Tx, actor: Actor, *, limit: int = SHOWN_MAX) -> list[SignalView]:
    """Return the newest open signals, those first that wait for a person, then those that freeze payments."""
    found: list[SignalView] = []
    for state in _BY_URGENCY:
        page = await signals_page(tx, actor, state=state, is_open=True, batch_id=None, after=None, limit=limit)
        found += page.rows
    return found[:limit]


async def signal_rows(tx: Tx, found: Sequence[SignalView], language: Language) -> tuple[SignalRow, ...]:
    """Return signals as rows, each with the money that lies in its scope while it is frozen."""
    batches = await batches_by_id(tx, [signal.batch_id for signal in found])
    now = await tx.now()
    rows = []
    for signal in found:
        keys = [ScopeKey.batch(batch_id) for batch_id in signal.batch_ids or [signal.batch_id]]
        frozen = await scope_state(tx, keys) if signal.state in FROZEN_STATES else []
        batch = batches[signal.batch_id]
        rows.append(_row(signal, batch.lot_code, name_of(batch, language), frozen, now))
    return tuple(rows)


def _row(signal: SignalView, lot: str, product: str, frozen: Sequence[ScopeState], now: datetime) -> SignalRow:
    held = [amount for scope in frozen for amount in scope.held]
    main = max(
        (amount.currency for amount in held),
        key=lambda code: sum(a.amount_minor for a in held if a.currency == code),
        default="",
    )
    amounts = [amount for amount in held if amount.currency == main]
    numbers = signal.numbers
    return SignalRow(
        id=str(signal.id),
        batch_id=str(signal.batch_id),
        lot=lot,
        product=product,
        buyers=numbers.buyers,
        rate=numbers.estimate,
        rate_low=numbers.low,
        rate_high=numbers.high,
        base=numbers.base,
        state=f"signal.{signal.state}",
        clock=signal_clock(signal, now),
        payments=sum(scope.open_hold_count for scope in frozen),
        amount=sum(amounts[1:], start=amounts[0]) if amounts else None,
        decidable="lift" in signal.available_actions,
        confirmable="confirm" in signal.available_actions,
        left=say("signal.left", n=signal.left_count) if signal.left_count else None,
    )


def signal_clock(signal: SignalView, now: datetime) -> Clock | None:
    """Return what is due for a signal: a person's word, or the end of the freeze."""
    if signal.due_at is None:
        return None
    if signal.state == "preliminary":
        return Clock(signal.due_at, now, say("due.confirm"), say("expiry.lifts"))
    return Clock(signal.due_at, now, say("due.freeze_ends"))


HANDLERS = [show_signals, confirm, lift]
