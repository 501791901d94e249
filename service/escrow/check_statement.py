"""Reconciliation rules of the provider's statement against our books, both ways: name -> query of what breaks it.

They judge by what was read of the statement (`statement.read_statement`): before its first whole reading they find
nothing. The provider ends an operation, and raises a chargeback, before we can know of it; so every payment that was
done and every chargeback that was applied when a reading began is among its lines.
"""

from collections.abc import Mapping

from service.escrow.rules import WIRE_KINDS

_CASES = " ".join(f"WHEN '{ours}' THEN '{theirs}'" for ours, theirs in sorted(WIRE_KINDS.items()))
_SAME = (
    f"l.client_id = p.id::text AND l.kind = CASE p.kind {_CASES} END"
    " AND l.amount_minor = p.amount_minor AND l.currency = p.currency"
)
_SAME_CHARGEBACK = (
    "l.provider_id = c.provider_id AND l.client_id = c.payment_id::text"
    " AND l.amount_minor = c.amount_minor AND l.currency = c.currency"
)
_OPERATION_RULES: Mapping[str, str] = {
    "payment_is_on_statement": f"""
        SELECT p.id AS payment_id, p.kind, p.currency, p.amount_minor FROM payment p
        WHERE p.state = 'done' AND p.ended_at <= (SELECT started_at FROM ledger_check WHERE name = 'statement')
          AND NOT EXISTS (SELECT FROM statement_line l WHERE l.state = 'done' AND {_SAME})""",  # noqa: S608 - made of constants
    # A line whose outcome we have not heard of yet is asked for again and again; after a day that did not help.
    "statement_is_in_payments": f"""
        SELECT l.position, l.client_id, l.kind, l.currency, l.amount_minor FROM statement_line l
        WHERE l.state = 'done' AND l.kind <> 'chargeback' AND NOT EXISTS (SELECT FROM payment p WHERE {_SAME}
            AND (p.state = 'done' OR (p.ended_at IS NULL AND l.read_at > fairhold_now() - interval '1 day')))""",  # noqa: S608 - made of constants
}
_CHARGEBACK_RULES: Mapping[str, str] = {
    # Of a provider whose statement does not list chargebacks, ours cannot be looked for there.
    "chargeback_is_on_statement": f"""
        SELECT c.id AS chargeback_id, c.provider_id, c.payment_id, c.currency, c.amount_minor
        FROM chargeback c JOIN ledger_check k ON k.name = 'statement'
        WHERE c.at <= k.started_at AND (k.facts ->> 'lists_chargebacks')::boolean
          AND NOT EXISTS (SELECT FROM statement_line l WHERE l.kind = 'chargeback' AND {_SAME_CHARGEBACK})""",  # noqa: S608 - made of constants
    # Its notice may be on its way for a day, if it takes of a capture of ours what it can and we know no such name.
    "statement_is_in_chargebacks": f"""
        SELECT l.position, l.client_id, l.provider_id, l.currency, l.amount_minor FROM statement_line l
        LEFT JOIN payment p ON p.id = CASE
            WHEN l.client_id ~ '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN l.client_id::uuid END
        WHERE l.kind = 'chargeback' AND NOT EXISTS (SELECT FROM chargeback c WHERE {_SAME_CHARGEBACK})
          AND (l.read_at <= fairhold_now() - interval '1 day'
            OR EXISTS (SELECT FROM chargeback c WHERE c.provider_id = l.provider_id)
            OR (p.kind IN ('capture', 'deposit') AND p.state <> 'failed' AND p.currency = l.currency
                AND l.amount_minor BETWEEN 1 AND p.amount_minor) IS NOT TRUE)""",  # noqa: S608 - made of constants
}
STATEMENT_RULES: Mapping[str, str] = {
    **_OPERATION_RULES,
    **_CHARGEBACK_RULES,
    "statement_has_each_once": """
        SELECT client_id, count(*) AS lines FROM statement_line WHERE state = 'done'
        GROUP BY client_id, CASE kind WHEN 'chargeback' THEN provider_id END HAVING count(*) > 1""",
}
