"""What happened to the money of batches, line by line."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from service.db.session import Tx

# A division moves its parent's freezes to the children: neither their copies nor the parent's lifts are told. A scope's
# freeze is told once, with what was open under it then, and once more for each payment that it caught later. A payment
# that one freeze of a source takes over from another was neither let go nor frozen again.
_LINES = text(
    """
    WITH mine AS MATERIALIZED (
        SELECT h.id, h.parent_hold_id, h.payment_id, h.reference_id, h.seller_id, h.product_id, h.batch_id, h.currency,
               h.amount_minor, h.funded_at, r.outcome, r.cause, r.at AS end_at
        FROM hold h LEFT JOIN resolution r ON r.hold_id = h.id AND r.at <= :as_of
        WHERE h.batch_id = ANY(:batch_ids) AND h.funded_at <= :as_of
    ), moved AS (
        SELECT m.id, max(t.at) AS at, m.reference_id, m.seller_id, m.currency,
               CASE m.outcome WHEN 'split' THEN 'split' ELSE m.cause END AS reason,
               coalesce(sum(t.amount_minor) FILTER (WHERE t.code IN ('release', 'fee')), 0)::bigint AS released,
               coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'fee'), 0)::bigint AS fee,
               coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'refund'), 0)::bigint AS refunded,
               coalesce(sum(t.amount_minor) FILTER (WHERE t.code = 'charge_back'), 0)::bigint AS charged_back
        FROM mine m JOIN transfer t ON t.subject_id = m.id AND t.at <= :as_of
        WHERE m.outcome <> 'divided' GROUP BY m.id, m.reference_id, m.seller_id, m.currency, m.outcome, m.cause
    ), caught AS MATERIALIZED (
        SELECT DISTINCT m.id, m.currency, m.amount_minor, m.funded_at, m.end_at, f.id AS freeze_id, f.source_id,
               f.reason, f.at AS frozen_at, f.lifted_at
        FROM mine m, fairhold_scopes(m.seller_id, m.product_id, m.batch_id) s
        JOIN scope_freeze_member w ON w.kind = s.kind AND w.key = s.key
        JOIN scope_freeze f ON f.id = w.freeze_id AND f.at <= :as_of
    ), lines AS (
        SELECT t.at, 0 AS step, 'funded' AS kind, m.seller_id, m.reference_id, m.id, 1::bigint AS payments,
               t.amount_minor, 0::bigint AS fee_minor, m.currency, 'paid' AS reason
        FROM mine m JOIN transfer t ON t.subject_id = m.id AND t.code = 'fund' WHERE m.parent_hold_id IS NULL
        UNION ALL
        SELECT r.at, 1, 'divided', m.seller_id, m.reference_id, m.id, 1, r.claimed_minor, 0, m.currency, r.cause
        FROM mine m JOIN resolution r ON r.hold_id = m.id WHERE m.outcome = 'divided'
        UNION ALL
        SELECT f.at, 2, 'frozen', m.seller_id, m.reference_id, m.id, 1, m.amount_minor, 0, m.currency, f.kind
        FROM mine m JOIN hold_freeze f ON f.hold_id = m.id AND f.kind <> 'scope' AND f.at <= :as_of
        WHERE NOT EXISTS (SELECT FROM hold_freeze x WHERE x.hold_id = m.parent_hold_id AND x.source_id = f.source_id
                          AND f.at = m.funded_at)
        UNION ALL
        SELECT c.frozen_at, 3, 'scope_frozen', NULL, NULL, c.freeze_id, count(*) FILTER (WHERE was_open),
               coalesce(sum(c.amount_minor) FILTER (WHERE was_open), 0)::bigint, 0, c.currency, c.reason
        FROM caught c, LATERAL (SELECT c.funded_at <= c.frozen_at
                                AND (c.end_at IS NULL OR c.end_at > c.frozen_at) AS was_open) o
        WHERE NOT EXISTS (SELECT FROM caught b WHERE b.id = c.id AND b.source_id = c.source_id
                          AND b.freeze_id <> c.freeze_id AND b.lifted_at = c.frozen_at)
        GROUP BY c.freeze_id, c.frozen_at, c.reason, c.currency
        UNION ALL
        SELECT f.at, 4, 'inherited', m.seller_id, m.reference_id, m.id, 1, m.amount_minor, 0, m.currency, c.reason
        FROM caught c JOIN mine m ON m.id = c.id AND m.parent_hold_id IS NULL AND m.funded_at > c.frozen_at
        JOIN hold_freeze f ON f.hold_id = m.id AND f.source_id = c.freeze_id AND f.at <= :as_of
        UNION ALL
        SELECT f.lifted_at, 5, 'lifted', m.seller_id, m.reference_id, m.id, 1, m.amount_minor, 0, m.currency, f.kind
        FROM mine m JOIN hold_freeze f ON f.hold_id = m.id AND f.kind <> 'scope' AND f.lifted_at <= :as_of
        WHERE NOT (m.outcome IS NOT DISTINCT FROM 'divided' AND f.lifted_at >= m.end_at)
        UNION ALL
        SELECT c.lifted_at, 6, 'scope_lifted', NULL, NULL, c.freeze_id, count(*) FILTER (WHERE was_open),
               coalesce(sum(c.amount_minor) FILTER (WHERE was_open), 0)::bigint, 0, c.currency, c.reason
        FROM caught c, LATERAL (SELECT c.funded_at <= c.lifted_at
                                AND (c.end_at IS NULL OR c.end_at > c.lifted_at) AS was_open) o
        WHERE c.lifted_at <= :as_of AND NOT EXISTS (
            SELECT FROM caught b WHERE b.id = c.id AND b.source_id = c.source_id
            AND b.freeze_id <> c.freeze_id AND b.frozen_at = c.lifted_at)
        GROUP BY c.freeze_id, c.lifted_at, c.reason, c.currency
        UNION ALL
        SELECT m.at, w.step, w.kind, m.seller_id, m.reference_id, m.id, 1, w.amount_minor, w.fee_minor, m.currency,
               m.reason
        FROM moved m CROSS JOIN LATERAL (VALUES (7, 'released', m.released, m.fee), (8, 'refunded', m.refunded, 0),
            (9, 'charged_back', m.charged_back, 0)) w (step, kind, amount_minor, fee_minor) WHERE w.amount_minor > 0
        UNION ALL
        SELECT t.at, 10, 'refund_paid', m.seller_id, m.reference_id, m.id, 1, t.amount_minor, 0, m.currency, 'provider'
        FROM mine m JOIN payment p ON p.hold_id = m.id AND p.kind = 'refund'
        JOIN transfer t ON t.subject_id = p.id AND t.code = 'refund_paid' AND t.at <= :as_of
        UNION ALL
        SELECT t.at, 11, 'owed', m.seller_id, m.reference_id, c.id, 1, t.amount_minor, 0, m.currency, 'chargeback'
        FROM mine m JOIN chargeback c ON c.payment_id = m.payment_id
        JOIN transfer t ON t.subject_id = c.id AND t.code = 'chargeback' AND t.at <= :as_of
        WHERE m.parent_hold_id IS NULL
    )
    SELECT at, kind, seller_id, reference_id, payments, amount_minor, fee_minor, currency, reason
    FROM lines ORDER BY at, step, reference_id, id, currency
    """
)


@dataclass(frozen=True, slots=True)
class MoneyMove:
    """One thing that happened to the money of a batch, in minor units.

    `kind` is funded, divided (the claimed part), frozen, lifted, released (fee included, `fee_minor` of it), refunded
    (decided), refund_paid (gone to the buyer), charged_back (out of the hold) or owed
    (charged back after its release, so that the seller owes it), each of one payment. It is scope_frozen, scope_lifted
    (all that was open in the frozen scopes then; no seller, no reference), or inherited: a payment that came under a
    freeze that lay already. `reason` is the resolution's cause or "split", or the freeze's kind or reason.
    """

    at: datetime
    kind: str
    seller_id: UUID | None
    reference_id: UUID | None
    payments: int
    amount_minor: int
    fee_minor: int
    currency: str
    reason: str


async def money_trace(tx: Tx, batch_ids: Collection[UUID], *, as_of: datetime) -> list[MoneyMove]:
    """Return all that happened to the money of these batches until `as_of`, oldest first. No permission filter.

    By seller and currency, funded is what `money_by_seller` has as held, released, fee and refunded together; released
    is its released and fee; refunded and charged_back are its refunded.
    """
    found = await tx.execute(_LINES, {"batch_ids": list(batch_ids), "as_of": as_of})
    return [MoneyMove(*row) for row in found]
