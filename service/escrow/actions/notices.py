"""The provider's notices: checked, stored first, applied later, once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, text

from service.core.errors import Invalid
from service.core.signatures import verify_message
from service.core.wire import ChargebackLine, ChargebackNotice, MoneyNotice
from service.db.locks import locked
from service.db.session import Tx
from service.escrow.actions.chargebacks import apply_chargeback, as_id
from service.escrow.actions.payments import record_outcome
from service.escrow.rules import WIRE_KINDS
from service.escrow.tables import Chargeback, GatewayNotice, Payment
from service.jobs.queue import enqueue


async def store_notice(tx: Tx, *, headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """Store a signed notice and let a job apply it; whether it was new.

    Raises `Unauthenticated` ("signature_missing", "signature_wrong", "signature_stale"), `Invalid`
    ("notice_malformed"); nothing is stored then.
    """
    message_id = verify_message(secret, headers, body, now=now)
    notice = _read(body)
    if notice.id != message_id:
        raise Invalid("notice_malformed", "the body's id is not the signed webhook-id")
    return await _store(tx, notice, now)


async def store_line(tx: Tx, line: ChargebackLine, *, now: datetime) -> bool:
    """Let a job apply a chargeback of the provider's statement whose notice was lost; whether there was need to.

    Only one that fits a capture of ours and whose name we do not know; what does not fit is for reconciliation to tell.
    """
    fits = (
        Payment.id == as_id(line.client_id),
        Payment.kind.in_(("capture", "deposit")),
        Payment.state != "failed",
        Payment.currency == line.currency,
        Payment.amount_minor >= line.amount_minor,
    )
    known = select(Chargeback.id).where(Chargeback.provider_id == line.chargeback)
    if line.amount_minor <= 0 or await tx.scalar(select(Payment.id).where(*fits, ~known.exists())) is None:
        return False
    told = {
        name: getattr(line, name) for name in ("chargeback", "client_id", "amount_minor", "currency", "reason", "at")
    }
    return await _store(tx, ChargebackNotice(id=f"statement:{line.chargeback}", kind="chargeback", **told), now)


async def _store(tx: Tx, notice: MoneyNotice | ChargebackNotice, now: datetime) -> bool:
    stored = await tx.execute(
        text(
            "INSERT INTO gateway_notice (id, body, received_at) VALUES (:id, CAST(:body AS jsonb), :now)"
            " ON CONFLICT DO NOTHING RETURNING 1"
        ),
        {"id": notice.id, "body": msgspec.json.encode(notice).decode(), "now": now},
    )
    if stored.first() is None:
        return False
    await enqueue(tx, "escrow.apply_notice", {"notice_id": notice.id})
    return True


def _read(body: bytes) -> MoneyNotice | ChargebackNotice:
    try:
        return msgspec.json.decode(body, type=MoneyNotice)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        try:
            return msgspec.json.decode(body, type=ChargebackNotice)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise Invalid("notice_malformed", "the body is not a notice of docs/gateway.md") from error


async def apply_notice(tx: Tx, notice_id: str, *, now: datetime) -> None:
    """Apply a stored notice to its payment, if it says what we asked for, or a chargeback to what it took.

    Locks the notice, then as `record_outcome` or `apply_chargeback`.
    """
    stored = await tx.scalar(locked(select(GatewayNotice).where(GatewayNotice.id == notice_id)))
    if stored is None or stored.applied_at is not None:
        return
    if stored.body.get("kind") == "chargeback":
        outcome = await apply_chargeback(tx, msgspec.convert(stored.body, ChargebackNotice), now=now)
    else:
        outcome = await _apply(tx, msgspec.convert(stored.body, MoneyNotice), now)
    if outcome is not None:
        stored.outcome, stored.applied_at = outcome, now


async def _apply(tx: Tx, notice: MoneyNotice, now: datetime) -> str:
    payment = await tx.get(Payment, as_id(notice.client_id))
    if payment is None:
        return "unknown_payment"
    asked: tuple[Any, ...] = (WIRE_KINDS[payment.kind], payment.amount_minor, payment.currency)
    if (notice.kind.value, notice.amount_minor, notice.currency) != asked:
        return "differs"
    is_news = await record_outcome(tx, payment.id, state=notice.state.value, reason=notice.reason, now=now)
    return "applied" if is_news else "no_change"
