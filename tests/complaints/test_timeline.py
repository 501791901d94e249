"""The timeline tells each side what is allowed and nothing else, whatever an event says."""

import re
from pathlib import Path

from msgspec import json

from service.complaints.challenge_rules import CHALLENGE
from service.complaints.rules import COMPLAINT, OFFER
from service.complaints.telling import COMPLAINANTS, OF_WHOLE, PARTIES
from service.disputes.rules import DISPUTE
from service.escrow.rules import HOLD
from tests.complaints.conftest import Cases

SERVICE = Path(__file__).parents[2] / "service"
NAME = re.compile(r"""["']((?:complaint|order|hold|dispute|payment|file|scope|signal)\.[a-z_]+)["']""")
SECRETS = {
    "buyer_id": "SECRET-PERSON", "phone": "SECRET-PHONE", "address": "SECRET-ADDRESS", "contact": "SECRET-CONTACT",
    "text": "SECRET-NOTE", "note": "SECRET-NOTE", "other_complaint_id": "SECRET-CASE", "source_id": "SECRET-CASE",
    "joined_id": "SECRET-CASE", "merged_into_id": "SECRET-CASE", "actor_id": "SECRET-PERSON", "entry_id": "SECRET",
    "mediator_id": "SECRET-PERSON", "narrative": "SECRET-STORY", "device": "SECRET-DEVICE", "side": "system",
}  # fmt: skip
HIDDEN_FROM_SELLERS = {
    "complaint.drafted", "complaint.merged", "complaint.complainant_joined", "complaint.evidence_removed",
    "complaint.evidence_viewed", "complaint.viewed", "complaint.noted", "complaint.unmatched",
    "complaint.needs_mediator", "complaint.triage_overdue",
}  # fmt: skip
SAFE_FACTS = frozenset(
    "kind harm risk claim_minor currency reason decision count batch_id product_id link_by is_strict match_status"
    " amount_minor offer_id due_at asked_side verdict outcome buyer_minor seller_minor fee_minor proof_kind"
    " window_ends_at cause carrier proof".split()
)
"""Facts that say nothing of the buyer, of other cases or of what mediators write among themselves."""


def every_name() -> set[str]:
    """Return every name of an event that the code, its SQL or a life cycle knows."""
    texts = [path.read_text("utf-8") for ending in ("py", "sql") for path in SERVICE.rglob(f"*.{ending}")]
    written = {name for text in texts for name in NAME.findall(text)}
    rows = {row.event for cycle in (COMPLAINT, OFFER, CHALLENGE, DISPUTE, HOLD) for row in cycle.table.values()}
    return written | {row for row in rows if row}


async def test_sellers_learn_of_no_event_and_no_fact_that_is_not_allowed(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    names = every_name() | {"complaint.never_heard_of"}
    assert names >= set(PARTIES) | HIDDEN_FROM_SELLERS
    await cases.sql(
        "INSERT INTO event (id, name, subject_kind, subject_id, tenant_id, actor_id, at, facts)"
        " SELECT uuidv7(), n, 'complaint', CAST(:id AS uuid), :tenant, :actor, fairhold_now(), CAST(:facts AS jsonb)"
        " FROM unnest(CAST(:names AS text[])) n",
        id=case["id"], tenant=case["tenant_id"], actor=cases.buyer.person_id, names=sorted(names),
        facts=json.encode(SECRETS | dict.fromkeys(SAFE_FACTS, "told")).decode(),
    )  # fmt: skip
    answer = await cases.send(f"/{case['id']}/timeline", by=cases.seller, method="GET")
    assert "SECRET" not in answer.text
    assert str(cases.buyer.person_id) not in answer.text
    told = {each["name"]: each["facts"] for each in answer.json()}
    assert set(told) <= set(PARTIES)
    assert set(told).isdisjoint(HIDDEN_FROM_SELLERS)
    assert {fact for facts in told.values() for fact in facts} <= SAFE_FACTS
    page = await cases.get(f"/{case['id']}/timeline", by=cases.mediator)
    assert {each["name"] for each in page} >= names - {"complaint.drafted"}, "mediators learn of every event"
    assert "SECRET" not in str([each["facts"] for each in page])


async def test_a_mediators_note_is_an_event_for_mediators_alone(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    await cases.ok(f"/{case['id']}/entries", {"text": "Seen before.", "is_note": True}, by=cases.mediator)
    for account, is_told in ((cases.seller, False), (cases.buyer, False), (cases.mediator, True)):
        names = [each["name"] for each in await cases.get(f"/{case['id']}/timeline", by=account)]
        assert ("complaint.noted" in names) is is_told


def test_what_is_allowed_is_safe_and_exists() -> None:
    known = every_name()
    for table in (PARTIES, COMPLAINANTS):
        assert set(table) <= known
        assert {fact for facts in table.values() for fact in facts} <= SAFE_FACTS
    assert set(PARTIES) >= OF_WHOLE
