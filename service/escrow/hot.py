"""Held payments in hot commands: funding as one prepared statement, and the start of a window as a part of others.

`FUND` stores the provider's notice of a done capture and applies it in one breath. It does what `store_notice`,
`apply_notice` and `record_outcome` do one after the other, row by row; tests/escrow/test_hot_funding.py compares them.
Anything but a signed, fresh notice of a done capture goes the general way, and so does one whose application fails: it
is stored alone, and a job applies it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from service.core.money import Money
from service.core.signatures import signed_message
from service.core.wire import (
    BODY_BYTES_MAX,
    SIGNATURE_TOLERANCE_SECONDS,
    WEBHOOK_ID,
    WEBHOOK_SIGNATURE,
    WEBHOOK_TIMESTAMP,
    Kind,
    MoneyNotice,
    State,
)
from service.db.hot import Answered, Asked
from service.escrow.rules import WINDOW_MAX
from service.escrow.schemas import Stored
from service.escrow.views import HoldView
from service.settings import Settings

_SIGNED = (WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE)
FUND = """
WITH clock AS MATERIALIZED (
    SELECT fairhold_now() AS now WHERE abs(extract(epoch FROM fairhold_now()) - %(signed_at)s) <= %(tolerance)s
), asked AS MATERIALIZED (
    SELECT p.* FROM payment p WHERE p.id = %(payment_id)s AND (SELECT now FROM clock) IS NOT NULL FOR NO KEY UPDATE
), judged AS (
    SELECT c.now, CASE
        WHEN a.id IS NULL THEN 'unknown_payment'
        WHEN (a.amount_minor, a.currency) <> (%(amount_minor)s, %(currency)s) THEN 'differs'
        WHEN a.ended_at IS NOT NULL THEN 'no_change'
        ELSE 'applied' END AS outcome
    FROM clock c LEFT JOIN asked a ON true WHERE a.id IS NULL OR a.kind = 'capture'
), stored AS (
    INSERT INTO gateway_notice (id, body, received_at, applied_at, outcome)
    SELECT %(notice_id)s, %(body)s::jsonb, now, now, outcome FROM judged
    ON CONFLICT DO NOTHING RETURNING received_at AS now, outcome
), done AS (
    UPDATE payment SET state = 'done', reason = %(reason)s, ended_at = s.now
    FROM stored s WHERE s.outcome = 'applied' AND payment.id = (SELECT id FROM asked)
    RETURNING payment.*
), made AS (
    INSERT INTO hold (id, tenant_id, reference_id, payment_id, seller_id, buyer_id, product_id, batch_id, currency,
                      amount_minor, fee_bps, funded_at)
    SELECT uuidv7(), tenant_id, reference_id, id, seller_id, buyer_id, product_id, batch_id, currency, amount_minor,
           fee_bps, ended_at FROM done
    RETURNING id, tenant_id, reference_id, payment_id, amount_minor, currency, funded_at
), told AS (
    INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, at, facts)
    SELECT uuidv7(), 'payment.done', 'payment', id, tenant_id, ended_at, jsonb_strip_nulls(jsonb_build_object(
        'reference_id', reference_id, 'kind', kind, 'amount_minor', amount_minor, 'currency', currency,
        'reason', reason)) FROM done
    UNION ALL
    SELECT uuidv7(), 'hold.funded', 'hold', id, tenant_id, funded_at, jsonb_build_object(
        'hold_id', id, 'reference_id', reference_id, 'payment_id', payment_id, 'amount_minor', amount_minor,
        'currency', currency) FROM made
)
SELECT j.now, (SELECT s.outcome FROM stored s) AS outcome FROM judged j
"""
"""Locks the payment, then (by the trigger of `hold`) its scopes FOR SHARE.

No row where the signature is stale, or where a seller's deposit was captured: that makes no hold.
"""

_IS_WHOLE = "coalesce(h.parent_hold_id, h.id) = h.id"
"""Hold `h` was not divided from another. IS NULL would let a plan, made while few are known, read all there are: by
an index of those without a parent."""
HELD = f"""
    SELECT h.* FROM hold h WHERE h.reference_id = (SELECT id FROM asked) AND {_IS_WHOLE}
      AND h.ended_at IS NULL AND h.freeze_count = 0 FOR NO KEY UPDATE OF h
"""  # noqa: S608 - made of constants
"""Locks the undivided, open, unfrozen hold of the reference `asked.id`."""
SCOPED = f"""
    SELECT h.id, h.batch_id, x.freeze_count
    FROM hold h CROSS JOIN LATERAL fairhold_scopes(h.seller_id, h.product_id, h.batch_id) s
    JOIN scope x ON x.kind = s.kind AND x.key = s.key
    WHERE h.reference_id = (SELECT order_id FROM asked) AND {_IS_WHOLE} ORDER BY x.kind, x.key FOR SHARE OF x
"""  # noqa: S608 - made of constants
"""Locks the scopes of the undivided hold of the reference `asked.order_id`, so that none is frozen meanwhile."""
CLAIMABLE = """
    SELECT h.* FROM hold h JOIN (
        SELECT x.id, x.batch_id FROM scoped x GROUP BY x.id, x.batch_id
        HAVING count(*) = 2 AND max(x.freeze_count) = 0
    ) s ON s.id = h.id AND s.batch_id IS NOT DISTINCT FROM h.batch_id
    WHERE h.ended_at IS NULL AND h.freeze_count = 0 FOR NO KEY UPDATE OF h
"""
"""Locks, behind the rows of `scoped`, their hold, if it is open and unfrozen.

It has two scopes (`fairhold_scopes`): both were locked and are not frozen, and its batch was not named meanwhile.
"""
CLAIM = """
INSERT INTO hold_freeze (id, hold_id, kind, source_id, actor_id, at)
VALUES (uuidv7(), %(hold_id)s, 'claim', %(source_id)s, %(actor_id)s, %(now)s)
"""
"""Freezes a locked hold for a claim of all of it: what `actions.claim_hold` writes."""
WINDOW_SECONDS_MAX = int(WINDOW_MAX.total_seconds())


def window_started(*, kind: str, proof_id: str) -> str:
    """Return the part of a statement that starts the window of `ready.hold_id` at `ready.now` for `ready.seconds`.

    `proof_id` is SQL. It writes what `actions.start_window` writes to a hold without a freeze.
    """
    return f"""
    UPDATE hold h SET state = 'in_window', delivered_at = r.now, proof_kind = '{kind}', proof_id = {proof_id},
        window_ends_at = r.now + make_interval(secs => r.seconds)
    FROM ready r WHERE h.id = (SELECT hold_id FROM ready) AND r.starts
    RETURNING h.*
"""  # noqa: S608 - made of the program's words


WINDOW_TOLD = """
    SELECT 1 AS place, 'hold.window_started' AS name, 'hold' AS subject_kind, id AS subject_id, tenant_id,
        NULL::uuid AS actor_id, delivered_at AS at, jsonb_build_object(
        'reference_id', reference_id, 'proof_kind', proof_kind, 'window_ends_at',
        to_char(window_ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')) AS facts
    FROM started
"""
"""The event of `window_started`, whose rows are `started`."""
_COLUMNS = (
    *("id", "tenant_id", "reference_id", "seller_id", "buyer_id", "product_id", "batch_id", "currency", "amount_minor"),
    *("fee_bps", "state", "funded_at", "delivered_at", "proof_kind", "window_ends_at"),
)
HOLD_COLUMNS = ", ".join(f"h.{name} AS hold_{name}" for name in _COLUMNS)
"""The columns of hold `h` that `hold_view` reads."""


def hold_view(row: Any) -> HoldView:
    """Return an open, undivided hold without a freeze as readers see it, from a row with `HOLD_COLUMNS`."""
    return HoldView(
        id=row.hold_id,
        tenant_id=row.hold_tenant_id,
        reference_id=row.hold_reference_id,
        parent_hold_id=None,
        seller_id=row.hold_seller_id,
        buyer_id=row.hold_buyer_id,
        product_id=row.hold_product_id,
        batch_id=row.hold_batch_id,
        amount=Money(row.hold_amount_minor, row.hold_currency),
        fee_bps=row.hold_fee_bps,
        state=row.hold_state,
        funded_at=row.hold_funded_at,
        delivered_at=row.hold_delivered_at,
        proof_kind=row.hold_proof_kind,
        window_ends_at=row.hold_window_ends_at,
        window_left=None,
        ended_at=None,
    )


async def fund(asked: Asked, *, settings: Settings) -> Answered | None:
    """Store and apply a notice of a done capture; whether it was new. Raises `Unauthenticated` when it is forged."""
    if asked.key_hash is not None or asked.idempotency_key is not None or len(asked.body) > BODY_BYTES_MAX:
        return None
    headers = {name: asked.headers.get(name.encode(), b"").decode("latin-1") for name in _SIGNED}
    notice_id, signed_at = signed_message(settings.gateway_secret, headers, asked.body)
    values = _values(asked.body, notice_id)
    if values is None:
        return None
    row = await asked.connections.first_row(FUND, {**values, "signed_at": signed_at})
    if row is None:
        return None
    now: datetime = row.now
    return Answered(202, msgspec.json.encode(Stored(row.outcome is not None)), now)


def _values(body: bytes, notice_id: str) -> dict[str, object] | None:
    """Return the statement's values, or None for all but the notice of a done capture of one of our payments."""
    try:
        notice = msgspec.json.decode(body, type=MoneyNotice)
        payment_id = UUID(notice.client_id)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # too deep: the general way refuses it
        return None
    if notice.id != notice_id or notice.kind is not Kind.CAPTURE or notice.state is not State.DONE:
        return None
    return {
        "notice_id": notice.id,
        "body": msgspec.json.encode(notice).decode(),
        "payment_id": payment_id,
        "amount_minor": notice.amount_minor,
        "currency": notice.currency,
        "reason": notice.reason,
        "tolerance": SIGNATURE_TOLERANCE_SECONDS,
    }
