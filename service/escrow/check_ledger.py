"""Reconciliation rules of accounts, transfers and the ends of holds: name -> query of what breaks it."""

from collections.abc import Mapping

LEDGER_RULES: Mapping[str, str] = {
    # By construction a transfer debits what it credits; this catches an account in two currencies or a broken sum.
    "zero_sum": """
        SELECT currency, sum(signed)::text AS sum_minor FROM (
            SELECT currency, amount_minor AS signed FROM transfer WHERE right(debit_account, 3) = currency
            UNION ALL
            SELECT currency, -amount_minor FROM transfer WHERE right(credit_account, 3) = currency) s
        GROUP BY currency HAVING sum(signed) <> 0""",
    "locked_is_derived": """
        SELECT a.id AS account, a.balance_minor, coalesce(t.sum_minor, 0)::bigint AS derived_minor
        FROM account a LEFT JOIN (
            SELECT account, sum(signed) AS sum_minor FROM (
                SELECT credit_account AS account, amount_minor AS signed FROM transfer
                UNION ALL SELECT debit_account, -amount_minor FROM transfer) s GROUP BY account) t ON t.account = a.id
        WHERE a.balance_mode = 'locked' AND a.balance_minor <> coalesce(t.sum_minor, 0)""",
    "account_of_transfer": """
        SELECT DISTINCT s.account FROM (SELECT debit_account AS account FROM transfer
            UNION SELECT credit_account FROM transfer) s
        WHERE NOT EXISTS (SELECT FROM account a WHERE a.id = s.account)""",
    "held_is_open_holds": """
        SELECT coalesce(l.currency, h.currency) AS currency, coalesce(l.held, 0)::bigint AS ledger_minor,
               coalesce(h.held, 0)::bigint AS open_minor
        FROM (SELECT currency, sum(signed) AS held FROM (
                SELECT currency, amount_minor AS signed FROM transfer WHERE credit_account = 'held:' || currency
                UNION ALL SELECT currency, -amount_minor FROM transfer WHERE debit_account = 'held:' || currency) s
              GROUP BY currency) l
        FULL JOIN (SELECT currency, sum(amount_minor) AS held FROM hold WHERE ended_at IS NULL GROUP BY currency) h
            ON h.currency = l.currency
        WHERE coalesce(l.held, 0) <> coalesce(h.held, 0)""",
    "divided_in_full": """
        SELECT currency, sum(signed)::bigint AS left_minor FROM (
            SELECT currency, amount_minor AS signed FROM transfer WHERE credit_account = 'dividing:' || currency
            UNION ALL SELECT currency, -amount_minor FROM transfer WHERE debit_account = 'dividing:' || currency) s
        GROUP BY currency HAVING sum(signed) <> 0""",
    "one_funding": """
        SELECT h.id AS hold_id FROM hold h WHERE NOT EXISTS (
            SELECT FROM transfer t WHERE t.subject_id = h.id AND t.code = 'fund' AND t.hold_id = h.id
              AND t.amount_minor = h.amount_minor AND t.currency = h.currency)""",
    "funding_has_hold": """
        SELECT t.subject_id AS hold_id FROM transfer t
        WHERE t.code = 'fund' AND NOT EXISTS (SELECT FROM hold h WHERE h.id = t.subject_id)""",
    "drained_exactly": """
        SELECT r.hold_id, r.amount_minor, coalesce(sum(t.amount_minor), 0)::bigint AS drained_minor
        FROM resolution r LEFT JOIN transfer t ON t.subject_id = r.hold_id AND t.debit_account = 'held:' || r.currency
        GROUP BY r.hold_id, r.amount_minor HAVING coalesce(sum(t.amount_minor), 0) <> r.amount_minor""",
    "end_has_resolution": """
        SELECT coalesce(h.id, r.hold_id) AS hold_id, h.state, r.outcome
        FROM (SELECT id, state FROM hold WHERE ended_at IS NOT NULL) h
        FULL JOIN resolution r ON r.hold_id = h.id WHERE h.state IS DISTINCT FROM r.outcome""",
    "open_is_undrained": """
        SELECT h.id AS hold_id, t.code FROM hold h
        JOIN transfer t ON t.subject_id = h.id AND t.code <> 'fund' WHERE h.ended_at IS NULL""",
    "refund_asked_for": """
        SELECT r.hold_id, r.buyer_minor FROM resolution r
        WHERE r.buyer_minor > 0 AND r.outcome <> 'charged_back' AND NOT EXISTS (
            SELECT FROM payment p WHERE p.hold_id = r.hold_id AND p.kind = 'refund' AND p.amount_minor = r.buyer_minor
              AND p.currency = r.currency)""",
    "refund_paid": """
        SELECT coalesce(p.id, t.subject_id) AS payment_id, p.state, t.amount_minor
        FROM (SELECT id, state, amount_minor FROM payment WHERE kind = 'refund' AND state = 'done') p
        FULL JOIN (SELECT subject_id, amount_minor FROM transfer WHERE code = 'refund_paid') t ON t.subject_id = p.id
        WHERE p.amount_minor IS DISTINCT FROM t.amount_minor""",
    "capture_has_hold": """
        SELECT p.id AS payment_id FROM payment p WHERE p.kind = 'capture' AND p.state = 'done' AND NOT EXISTS (
            SELECT FROM hold h WHERE h.payment_id = p.id AND h.parent_hold_id IS NULL)""",
}
