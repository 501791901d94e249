"""Queued work: carry payments to the provider, apply its notices, pause and resume the holds of frozen scopes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from service.core.actor import SYSTEM
from service.core.errors import ensure
from service.core.wire import Kind, MoneyRequest
from service.db.session import Database, Tx
from service.escrow.actions.notices import apply_notice
from service.escrow.actions.pausing import Mark, pause_chunk, resume_chunk
from service.escrow.actions.payments import record_outcome
from service.escrow.actions.scopes import lift_scope_freeze
from service.escrow.evidence_checks import tell_of_check
from service.escrow.gateway import Answer, Gateway, Known
from service.escrow.guarding import reconcile_ledger, verify_whole_chain
from service.escrow.heads import lock_head
from service.escrow.rules import WIRE_KINDS
from service.escrow.tables import Payment
from service.jobs.queue import Payload

_log = structlog.get_logger("fairhold.escrow")


async def carry_out(payload: Payload, *, database: Database, gateway: Gateway) -> None:
    """Bring an operation to its end at the provider: send it, or ask how it stands if that may have happened.

    Three steps: read the intent, call with no transaction open, record the answer. The key is the payment's id at every
    try, so a call that is repeated after a crash has one effect.
    """
    payment_id = UUID(payload.get("payment_id") or payload["subject_id"])
    async with database.begin() as tx:
        payment = await tx.get(Payment, payment_id)
        now = await tx.now()
    ensure(payment is not None, "a job belongs to a payment")
    assert payment is not None  # noqa: S101 - for the type checker; ensured above
    if payment.ended_at is not None:
        return
    answer = await _call(gateway, payment, now)

    async def record(tx: Tx) -> bool:
        state, reason = answer.known.value, answer.reason
        return await record_outcome(tx, payment_id, state=state, reason=reason, now=await tx.now())

    await database.run(record)


async def _call(gateway: Gateway, payment: Payment, now: datetime) -> Answer:
    kind = Kind(WIRE_KINDS[payment.kind])
    request = money_request(payment)
    if payment.asked_count:  # sent before: ask, and send again under the same key only if it never arrived
        answer = await gateway.status(kind, request, now=now)
        if answer.known is not Known.ABSENT:
            return answer
    send = {Kind.CAPTURE: gateway.capture, Kind.REFUND: gateway.refund, Kind.PAYOUT: gateway.payout}[kind]
    return await send(request, now=now)


def money_request(payment: Payment) -> MoneyRequest:
    """Return what the provider is told: ids only, nothing that names a person."""
    buyer, seller = str(payment.buyer_id or payment.reference_id), str(payment.seller_id)
    return MoneyRequest(
        client_id=str(payment.id),
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        reference=str(payment.reference_id),
        payer={"capture": buyer, "deposit": seller}.get(payment.kind),
        payee={"refund": buyer, "payout": seller, "deposit_return": seller}.get(payment.kind),
        original=str(payment.original_id) if payment.original_id else None,
    )


async def use_notice(payload: Payload, *, database: Database) -> None:
    """Apply a stored notice, once."""

    async def apply(tx: Tx) -> None:
        await apply_notice(tx, str(payload["notice_id"]), now=await tx.now())

    await database.run(apply)


async def pause_holds(payload: Payload, *, database: Database) -> None:
    """Pause every hold of a scope freeze, a chunk in a transaction. A second run finds nothing left to do."""
    freeze_id, total = UUID(payload["freeze_id"]), 0

    async def chunk(tx: Tx, after: Mark) -> tuple[int, Mark | None]:
        return await pause_chunk(tx, freeze_id, after=after, now=await tx.now())

    behind: Mark | None = Mark()
    while behind is not None:
        paused, behind = await database.run(partial(chunk, after=behind))
        total += paused
    _log.info("scope_holds", work="pause", freeze_id=str(freeze_id), holds=total)


async def resume_holds(payload: Payload, *, database: Database) -> None:
    """Lift a scope freeze from every hold that it paused, a chunk in a transaction."""
    freeze_id, total = UUID(payload["freeze_id"]), 0

    async def chunk(tx: Tx) -> int:
        return await resume_chunk(tx, freeze_id, now=await tx.now())

    while resumed := await database.run(chunk):
        total += resumed
    _log.info("scope_holds", work="resume", freeze_id=str(freeze_id), holds=total)


async def expire_scope_freeze(payload: Payload, *, database: Database) -> None:
    """Lift a scope freeze whose time is over."""

    async def lift(tx: Tx) -> None:
        await lift_scope_freeze(tx, SYSTEM, UUID(payload["subject_id"]), now=await tx.now())

    await database.run(lift)


HANDLERS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "escrow.capture_payment": carry_out,
    "escrow.send_refund": carry_out,
    "escrow.send_payout": carry_out,
    "escrow.take_deposit": carry_out,
    "escrow.ask_payment": carry_out,
    "escrow.apply_notice": use_notice,
    "escrow.pause_holds": pause_holds,
    "escrow.resume_holds": resume_holds,
    "escrow.expire_scope_freeze": expire_scope_freeze,
    "escrow.lock_head": lock_head,
    "escrow.reconcile": reconcile_ledger,
    "escrow.verify_chain": verify_whole_chain,
    "escrow.tell_of_evidence": tell_of_check,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {
    "file_check.found": ["escrow.tell_of_evidence"],
    "file_check.ended": ["escrow.tell_of_evidence"],
}
