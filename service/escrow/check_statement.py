"""Reconciliation rules of the provider's statement against our payments, both ways: name -> query of what breaks it.

They judge by what was read of the statement (`statement.read_statement`): before its first whole reading they find
nothing. The provider ends an operation before we can know of it, so every payment that was done when a reading began is
among its lines.
"""

from collections.abc import Mapping

from service.escrow.rules import WIRE_KINDS

_CASES = " ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in sorted(WIRE_KINDS.items()))
_SAME = (
    f"l.client_id = p.id::text AND l.kind = CASE p.kind {_CASES} END"
    " AND l.amount_minor = p.amount_minor AND l.currency = p.currency"
)
STATEMENT_RULES: Mapping[str, str] = {
    "payment_is_on_statement": f"""
        SELECT p.id AS payment_id, p.kind, p.currency, p.amount_minor FROM payment p
        WHERE p.state = 'done' AND p.ended_at <= (SELECT started_at FROM ledger_check WHERE name = 'statement')
          AND NOT EXISTS (SELECT FROM statement_line l WHERE l.state = 'done' AND {_SAME})""",  # noqa: S608 - made of constants
    # A line whose outcome we have not heard of yet is asked for again and again; after a day that did not help.
    "statement_is_in_payments": f"""
        SELECT l.position, l.client_id, l.kind, l.currency, l.amount_minor FROM statement_line l
        WHERE l.state = 'done' AND NOT EXISTS (SELECT FROM payment p WHERE {_SAME}
            AND (p.state = 'done' OR (p.ended_at IS NULL AND l.read_at > fairhold_now() - interval '1 day')))""",  # noqa: S608 - made of constants
    "statement_has_each_once": """
        SELECT client_id, count(*) AS lines FROM statement_line WHERE state = 'done'
        GROUP BY client_id HAVING count(*) > 1""",
}
