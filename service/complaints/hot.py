"""Sending a complaint whose claim freezes its order's whole payment: one statement reads and locks, the next write.

It does what `actions.submit` does, with the same rules, row by row; tests/complaints/test_hot.py compares them. It
knows the plain case alone: an order's undivided payment without a freeze, claimed whole, a seller who gets the case at
once, no batch picked. Everything else, and every refusal, is left to the general way.
"""

from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from psycopg.types.json import Jsonb

from service.accounts.hot import BY_KEY, signing_in
from service.complaints import rules
from service.complaints.actions.promises import ANSWER
from service.complaints.actions.steps import told_facts
from service.complaints.actions.submission import check_sendable, judged, sent_facts
from service.complaints.queries.case import Parts, steps_of, view_of
from service.complaints.queries.parts import may_read_original
from service.complaints.reading_schemas import ReadingView
from service.complaints.rules import COMPLAINT, SILENT_BUYER_WITHIN, SILENT_SELLER_WITHIN, Silence
from service.complaints.schemas import CaseHold, CommitmentView, EvidenceView, HoldFreeze
from service.core.money import Money
from service.db.hot import Answered, Asked, Values, keep
from service.db.schemas import MoneyView
from service.deadlines.queries import value_sql
from service.escrow.hot import CLAIM, CLAIMABLE, SCOPED
from service.escrow.rules import check_claim, check_window_open, left_when_paused
from service.files.kinds import Kind
from service.files.rules import State

_FILES = """
    SELECT jsonb_agg(jsonb_build_object('file_id', f.id, 'side', {side}, 'kind', f.kind, 'state', f.state,
        'size_bytes', f.size_bytes, 'sha256', encode(f.sha256_plain, 'hex'), 'width_px', f.width_px,
        'height_px', f.height_px, 'pages', f.pages, 'received_at', f.received_at, 'locked_at', f.locked_at,
        'version_id', f.version_id) ORDER BY f.received_at, f.id)
    FROM {kept} e JOIN stored_file f ON f.id = e.file_id WHERE {of}
"""
_EVIDENCE = _FILES.format(
    side="e.side",
    kept="complaint_evidence",
    of="e.complaint_id = a.id AND NOT EXISTS (SELECT FROM complaint_evidence_removal x WHERE x.file_id = e.file_id)",
)
_READINGS = """
    SELECT jsonb_agg(jsonb_build_object('id', r.id, 'file_id', r.file_id, 'kind', r.kind, 'value', r.value,
        'text', r.text, 'source', r.source, 'confidence_percent', r.confidence_percent, 'region', r.region,
        'is_ambiguous', r.is_ambiguous, 'accepted_at', r.accepted_at, 'accepted_as', r.accepted_as)
        ORDER BY r.file_id, r.confidence_percent DESC, r.kind, r.value)
    FROM complaint_reading r JOIN complaint_evidence e ON e.file_id = r.file_id AND e.side = 'buyer'
    WHERE e.complaint_id = a.id AND NOT EXISTS (SELECT FROM complaint_evidence_removal x WHERE x.file_id = e.file_id)
"""
_PACKING = _FILES.format(side="'seller'", kept="order_packing_photo", of="e.order_id = a.order_id")
_GRANTS = """
    SELECT count(*) FILTER (WHERE x.buyer_id = a.buyer_id) AS buyer_grants,
        count(*) FILTER (WHERE x.seller_id = a.seller_id AND x.ended_at > a.now - %(seller_within)s) AS seller_grants
    FROM complaint x
    WHERE x.outcome = 'silence' AND x.ended_at > a.now - %(buyer_within)s AND x.id <> a.id
"""


def claimable_sql(who: str) -> str:
    """Return the query of a draft, of the buyer that the query `who` finds, and of all that sending it needs to know.

    Locks the complaint, the scopes FOR SHARE, then the hold. No row where the plain case does not hold. That the buyer
    has no open complaint of the kind is left to the key `complaint_open_key`, when the draft is sent.
    """
    return f"""
WITH asked AS MATERIALIZED (
    SELECT c.*, w.name AS buyer_name, fairhold_now() AS now FROM complaint c
    JOIN (SELECT * FROM ({who}) known LIMIT 1) w ON w.person_id = c.buyer_id
    WHERE c.id = %(complaint_id)s AND c.status = 'draft' AND c.order_id IS NOT NULL AND c.batch_id IS NULL
    FOR NO KEY UPDATE OF c
), scoped AS MATERIALIZED ({SCOPED}), held AS MATERIALIZED ({CLAIMABLE})
SELECT a.*, t.narrative, t.treatment, t.agent_text, t.contact_email, t.contact_phone, t.bought_in,
    (o.buyer_id = a.buyer_id AND o.paid_at IS NOT NULL AND o.delivered_at IS NOT NULL) AS is_verified_buyer,
    h.id AS held_id, h.state AS held_state, h.amount_minor AS held_minor, h.currency AS held_currency,
    h.fee_bps AS held_fee_bps, h.window_ends_at AS held_until,
    {value_sql(ANSWER.name, at="a.now")} AS answer_seconds,
    {value_sql("silence_grant_max", at="a.now")} AS grant_max,
    g.buyer_grants, g.seller_grants, ({_EVIDENCE}) AS evidence, ({_READINGS}) AS readings,
    ({_PACKING}) AS packing, o.shipped_at AS committed_at
FROM asked a CROSS JOIN held h JOIN complaint_text t ON t.complaint_id = a.id JOIN "order" o ON o.id = a.order_id
CROSS JOIN LATERAL ({_GRANTS}) g
"""  # noqa: S608 - made of constants


CLAIMABLE_BY_KEY = claimable_sql(BY_KEY)
WITHIN: Values = {"buyer_within": SILENT_BUYER_WITHIN, "seller_within": SILENT_SELLER_WITHIN}
_EVENT = "uuidv7(), {name!r}, 'complaint', %(id)s, %(tenant_id)s, %(buyer_id)s, %(now)s, {facts}"
SEND = f"""
WITH sent AS (
    UPDATE complaint SET status = '{COMPLAINT.next("submitted", "send").to}', submitted_at = %(now)s,
        reached_at = %(reached_at)s, risk = %(risk)s, risk_reason = %(risk_reason)s, risk_rules = %(risk_rules)s,
        told_key = %(told_key)s, lots_told = %(lots_told)s, hold_id = %(hold_id)s, claim_minor = %(claim_minor)s,
        currency = %(currency)s
    WHERE id = %(id)s
), promised AS (
    INSERT INTO deadline (id, name, subject_id, due_at, handler, payload, state, made_at)
    VALUES (uuidv7(), '{ANSWER.name}', %(id)s, %(due_at)s, '{ANSWER.handler}', '{{}}', 'pending', %(now)s)
)
INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts) VALUES
    ({_EVENT.format(name=COMPLAINT.next("draft", "submit").event, facts="%(submitted)s")}),
    ({_EVENT.format(name=COMPLAINT.next("submitted", "send").event, facts="%(reached)s")})
"""  # noqa: S608 - made of the program's words
"""Sends a draft that `claimable_sql` found and locked. Takes nothing from other rows, so that it is little to plan."""
Row = TypeVar("Row", bound=Any)


async def submit(asked: Asked) -> Answered | None:
    """Send the buyer's draft, and freeze what it claims. Raises what keeps it from being sent."""
    values = signing_in(asked, "complaints.file")
    if values is None:
        return None
    values |= {**WITHIN, "complaint_id": asked.path["complaint_id"]}
    async with asked.connections.transaction(CLAIMABLE_BY_KEY, values) as (connection, row):
        if row is None or not is_plain(row):
            return None
        sent, writes = sending(row)
        answered = Answered(200, msgspec.json.encode(_view(sent)), sent.now)
        for statement, given in writes:
            await connection.execute(statement, given)
        await keep(connection, asked, answered, actor_id=sent.buyer_id)
    return answered


def is_plain(row: Any) -> bool:
    """Whether a draft claims its order's whole payment, and its seller gets it at once; raises what it lacks."""
    check_sendable(row, row.narrative)
    wants_all = row.wanted == "refund" and row.claim_minor is None
    if not wants_all and (row.claim_minor != row.held_minor or row.currency != row.held_currency):
        return False
    check_claim(Money(row.held_minor, row.held_currency), row.held_minor)
    check_window_open(row.held_until, row.now)
    return rules.needs_triage(purpose=row.purpose, harm=row.harm, seller_id=row.seller_id) is None


def sending(row: Row) -> tuple[Row, list[tuple[str, Values]]]:
    """Return a draft's row as it is once it was sent, and the statements that send it."""
    claim = {"claim_minor": row.held_minor, "currency": row.held_currency, "hold_id": row.held_id}
    judgement = judged(row, row.narrative)
    reached_at = row.reached_at or row.now
    sent = row._replace(status="with_seller", submitted_at=row.now, reached_at=reached_at, **claim, **judgement)
    values = {
        **claim,
        **judgement,
        "lots_told": Jsonb(judgement["lots_told"]),
        "id": row.id,
        "tenant_id": row.tenant_id,
        "buyer_id": row.buyer_id,
        "reached_at": reached_at,
        "now": row.now,
        "due_at": _answer_due(row),
        "submitted": Jsonb(told_facts(sent, "buyer", sent_facts(sent))),
        "reached": Jsonb(told_facts(sent, "system", {})),
    }
    freeze = {"hold_id": row.held_id, "source_id": row.id, "actor_id": row.buyer_id, "now": row.now}
    return sent, [(CLAIM, freeze), (SEND, values)]


def _view(row: Any) -> Any:
    """Return the case as its buyer sees it."""
    silence = Silence(
        harm=row.harm,
        is_verified=row.is_verified_buyer,
        claim_minor=row.claim_minor,
        grant_max_minor=row.grant_max,
        buyer_grants=row.buyer_grants,
        seller_grants=row.seller_grants,
    )
    parts = Parts(
        texts=row,
        buyer_name=row.buyer_name,
        is_verified_buyer=row.is_verified_buyer,
        hold=_hold(row),
        entries=[],
        offers=[],
        evidence=[_file(each) for each in row.evidence or ()],
        readings=[_reading(each) for each in row.readings or ()],
        commitment=_commitment(row),
        challenges=[],
        shows_name=row.shows_name,
        part_of=None,
        joined=[],
        available_actions=steps_of(row, [], due={ANSWER.name: _answer_due(row)}, silence=silence),
    )
    return view_of(row, "buyer", parts)


def _hold(row: Any) -> CaseHold:
    left = None if row.held_until is None else left_when_paused(row.held_until, row.now)
    return CaseHold(
        id=row.held_id,
        state=row.held_state,
        amount=MoneyView(row.held_minor, row.held_currency),
        fee_bps=row.held_fee_bps,
        freezes=[HoldFreeze("claim", row.now)],
        window_ends_at=None,
        window_left_seconds=None if left is None else int(left.total_seconds()),
    )


def _commitment(row: Any) -> CommitmentView | None:
    return CommitmentView(row.committed_at, [_file(each) for each in row.packing]) if row.packing else None


def _file(told: dict[str, Any]) -> EvidenceView:
    has_view = Kind(told["kind"]).is_photo and told["state"] != State.ERASED
    more = {"has_view": has_view, "may_read_original": may_read_original("buyer", told["side"])}
    return msgspec.convert(told | more, EvidenceView)


def _reading(told: dict[str, Any]) -> ReadingView:
    return msgspec.convert(told | {"confidence": told["confidence_percent"] / 100}, ReadingView)


def _answer_due(row: Any) -> datetime:
    due_at: datetime = row.now + timedelta(seconds=row.answer_seconds)
    return due_at
