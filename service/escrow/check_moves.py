"""Reconciliation rules of deposits, payouts, chargebacks and what sellers owe; `check` merges them with its own."""

from collections.abc import Mapping

# The transfer that an operation of this kind and state must have, and no other may: (code, kinds, state or any).
_OF_OPERATIONS: tuple[tuple[str, str, str | None], ...] = (
    ("payout", "'payout'", None),
    ("deposit_out", "'deposit_return'", None),
    ("payout_paid", "'payout', 'deposit_return'", "done"),
    ("payout_returned", "'payout'", "failed"),
    ("deposit_returned", "'deposit_return'", "failed"),
    ("deposit_in", "'deposit'", "done"),
)


def _operations(code: str, kinds: str, state: str | None) -> str:
    """Return the query of operations without their transfer, transfers without their operation, and other amounts."""
    where = f"kind IN ({kinds})" + ("" if state is None else f" AND state = '{state}'")
    return f"""
        SELECT coalesce(p.id, t.subject_id) AS payment_id, p.amount_minor AS asked_minor, t.amount_minor
        FROM (SELECT id, amount_minor, currency, seller_id FROM payment WHERE {where}) p
        FULL JOIN (SELECT subject_id, amount_minor, currency FROM transfer WHERE code = '{code}') t
            ON t.subject_id = p.id AND t.currency = p.currency
        WHERE p.amount_minor IS DISTINCT FROM t.amount_minor"""  # noqa: S608 - made of the constants above


def _balance(kind: str) -> str:
    """Return the balances of the accounts of a kind by currency, credits less debits."""
    return f"""
        SELECT currency, sum(signed) AS minor FROM (
            SELECT currency, amount_minor AS signed FROM transfer WHERE credit_account = '{kind}:' || currency
            UNION ALL SELECT currency, -amount_minor FROM transfer WHERE debit_account = '{kind}:' || currency) s
        GROUP BY currency"""  # noqa: S608 - made of a constant


_EACH = {f"{code}_of_operation": _operations(code, kinds, state) for code, kinds, state in _OF_OPERATIONS}
MOVE_RULES: Mapping[str, str] = _EACH | {
    "payouts_in_transit": f"""
        SELECT coalesce(l.currency, p.currency) AS currency, coalesce(l.minor, 0)::bigint AS ledger_minor,
               coalesce(p.minor, 0)::bigint AS open_minor
        FROM ({_balance("payouts")}) l
        FULL JOIN (SELECT currency, sum(amount_minor) AS minor FROM payment
                   WHERE kind IN ('payout', 'deposit_return') AND ended_at IS NULL GROUP BY currency) p USING (currency)
        WHERE coalesce(l.minor, 0) <> coalesce(p.minor, 0)""",  # noqa: S608 - as above
    # What lies in `refunds` is what buyers were given and the provider has not paid yet, failed refunds included.
    "refunds_waiting": f"""
        SELECT coalesce(l.currency, r.currency) AS currency, coalesce(l.minor, 0)::bigint AS ledger_minor,
               coalesce(r.minor, 0)::bigint AS waiting_minor
        FROM ({_balance("refunds")}) l
        FULL JOIN (SELECT currency, sum(minor) AS minor FROM (
                SELECT currency, buyer_minor AS minor FROM resolution WHERE outcome IN ('refunded', 'split')
                UNION ALL SELECT currency, -amount_minor FROM payment WHERE kind = 'refund' AND state = 'done') s
            GROUP BY currency) r USING (currency)
        WHERE coalesce(l.minor, 0) <> coalesce(r.minor, 0)""",  # noqa: S608 - as above
    "net_of_payout": """
        SELECT t.subject_id AS payment_id FROM transfer t WHERE t.code = 'net' AND NOT EXISTS (
            SELECT FROM payment p WHERE p.id = t.subject_id AND p.kind = 'payout' AND p.currency = t.currency
              AND split_part(t.debit_account, ':', 2) = p.seller_id::text)""",
    "accounts_of_one_seller": """
        SELECT t.subject_id, t.code FROM transfer t JOIN payment p ON p.id = t.subject_id
        WHERE (t.debit_account ~ '^(payable|deposit|receivable):'
               AND split_part(t.debit_account, ':', 2) <> p.seller_id::text)
           OR (t.credit_account ~ '^(payable|deposit|receivable):'
               AND split_part(t.credit_account, ':', 2) <> p.seller_id::text)""",
    "chargeback_owed": """
        SELECT coalesce(c.id, t.subject_id) AS chargeback_id, c.owed_minor, t.amount_minor
        FROM (SELECT id, owed_minor, currency, seller_id FROM chargeback WHERE owed_minor > 0) c
        FULL JOIN (SELECT subject_id, amount_minor, currency, debit_account FROM transfer WHERE code = 'chargeback') t
            ON t.subject_id = c.id AND t.debit_account = 'receivable:' || c.seller_id || ':' || c.currency
        WHERE c.owed_minor IS DISTINCT FROM t.amount_minor""",
    "chargeback_held": """
        SELECT coalesce(c.id, r.decision_id) AS chargeback_id, c.held_minor, r.minor AS ended_minor
        FROM (SELECT id, held_minor FROM chargeback WHERE held_minor > 0) c
        FULL JOIN (SELECT decision_id, sum(amount_minor)::bigint AS minor FROM resolution
                   WHERE outcome = 'charged_back' GROUP BY decision_id) r ON r.decision_id = c.id
        WHERE c.held_minor IS DISTINCT FROM r.minor""",
    # Of one capture sellers, fees, buyers and banks never get more than was captured, what sellers owe again left out.
    "paid_out_within_capture": """
        SELECT p.id AS payment_id, p.amount_minor, coalesce(r.minor, 0)::bigint AS ended_minor,
               coalesce(c.owed, 0) AS owed_minor
        FROM payment p
        LEFT JOIN (SELECT h.payment_id, sum(e.buyer_minor + e.seller_minor + e.fee_minor) AS minor,
                          sum(e.seller_minor + e.fee_minor) AS released
                   FROM resolution e JOIN hold h ON h.id = e.hold_id GROUP BY h.payment_id) r ON r.payment_id = p.id
        LEFT JOIN (SELECT payment_id, sum(owed_minor)::bigint AS owed FROM chargeback GROUP BY payment_id) c
            ON c.payment_id = p.id
        WHERE p.kind IN ('capture', 'deposit') AND (coalesce(r.minor, 0) > p.amount_minor
           OR coalesce(c.owed, 0) > CASE p.kind WHEN 'deposit' THEN p.amount_minor ELSE coalesce(r.released, 0) END)""",
    "refunds_within_capture": """
        SELECT p.id AS payment_id, p.amount_minor, r.minor::bigint AS refunded_minor
        FROM (SELECT original_id, sum(amount_minor) AS minor FROM payment
              WHERE kind = 'refund' AND state <> 'failed' GROUP BY original_id) r
        JOIN payment p ON p.id = r.original_id WHERE r.minor > p.amount_minor""",
}
"""Name of a rule -> query of what breaks it; none is a clean ledger."""
