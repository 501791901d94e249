"""The page of one case, as each side may see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.accounts.queries import person_names
from service.complaints import rules
from service.complaints.challenge_schemas import ChallengeView
from service.complaints.queries.access import get_row, side_of
from service.complaints.queries.challenges import challenge_steps, challenges_of
from service.complaints.queries.complainants import joined_to, part_of, shows_name
from service.complaints.queries.lists import claim_of
from service.complaints.queries.parts import commitment_of, entries_of, evidence_of, hold_of, offers_of, told_of
from service.complaints.queries.readings import readings_of
from service.complaints.queries.silence import is_verified_buyer, silence_of
from service.complaints.reading_schemas import ReadingView
from service.complaints.rules import Side, Silence
from service.complaints.schemas import (
    AvailableAction,
    CaseHold,
    CommitmentView,
    ComplaintView,
    ContactView,
    EntryView,
    EvidenceView,
    JoinedComplaint,
    OfferView,
    PartOf,
)
from service.complaints.tables import Complaint, ComplaintText
from service.core.actor import Actor
from service.core.errors import unreachable
from service.db.session import Tx
from service.deadlines.queries import pending

_READS_TEXTS: frozenset[Side] = frozenset({"buyer", "seller", "mediator", "regulator", "system"})
_READS_CONTACT: frozenset[Side] = frozenset({"buyer", "mediator", "regulator", "system"})


@dataclass(frozen=True, slots=True)
class Parts:
    """What a case consists of beside its own row, as far as the viewer may see it."""

    texts: ComplaintText | None
    buyer_name: str | None
    is_verified_buyer: bool
    hold: CaseHold | None
    entries: list[EntryView]
    offers: list[OfferView]
    evidence: list[EvidenceView]
    readings: list[ReadingView]
    commitment: CommitmentView | None
    challenges: list[ChallengeView]
    shows_name: bool
    part_of: PartOf | None
    joined: list[JoinedComplaint]
    available_actions: list[AvailableAction]


async def get_complaint(tx: Tx, actor: Actor, complaint_id: UUID) -> ComplaintView:
    """Return a case that the actor may see, filtered by their side; raises `NotFound` ("complaint_not_found")."""
    row = await get_row(tx, actor, complaint_id)
    side = side_of(actor, row)
    reads_texts = side in _READS_TEXTS
    offers = await offers_of(tx, row.id) if reads_texts else []
    is_named = await shows_name(tx, row)
    parts = Parts(
        texts=await tx.get(ComplaintText, row.id, populate_existing=True) if reads_texts else None,
        buyer_name=await _buyer_name(tx, row, side, is_named=is_named),
        is_verified_buyer=await is_verified_buyer(tx, row),
        hold=await hold_of(tx, row),
        entries=await entries_of(tx, row.id, side) if reads_texts else [],
        offers=offers,
        evidence=await evidence_of(tx, row.id, side) if reads_texts else [],
        readings=await readings_of(tx, row.id, side),
        commitment=await commitment_of(tx, row, side) if reads_texts else None,
        challenges=await challenges_of(tx, row.id, side) if reads_texts else [],
        shows_name=is_named,
        part_of=await part_of(tx, actor, row, side),
        joined=await joined_to(tx, row.id, side),
        available_actions=await _actions(tx, row, offers, now=await tx.now()),
    )
    return view_of(row, side, parts)


def view_of(row: Complaint, side: Side, parts: Parts) -> ComplaintView:
    """Return a case as a side may see it. `row` is the complaint, or any row with its columns."""
    texts, reads_contact = parts.texts, side in _READS_CONTACT
    return ComplaintView(
        id=row.id,
        reference=row.reference,
        tenant_id=row.tenant_id,
        viewer=side,
        purpose=row.purpose,
        kind=row.kind,
        harm=row.later_harm or row.harm,
        harmed_on=row.harmed_on,
        wanted=row.wanted,
        status=row.status,
        outcome=row.outcome,
        risk=row.risk,
        risk_reason=row.risk_reason,
        risk_rules=row.risk_rules,
        match_status=row.match_status,
        batch_id=row.batch_id,
        link_by=row.link_by,
        link_is_strict=row.link_is_strict,
        order_id=row.order_id,
        seller_id=row.seller_id,
        product_id=row.product_id,
        buyer_id=row.buyer_id if reads_contact else None,
        buyer_name=parts.buyer_name,
        is_verified_buyer=parts.is_verified_buyer,
        shows_name=parts.shows_name,
        may_publish=row.may_publish,
        told=told_of(row, texts, side) if side in _READS_TEXTS else None,
        narrative=texts.narrative if texts else None,
        treatment=texts.treatment if texts else None,
        contact=_contact(texts) if reads_contact else None,
        claim=claim_of(row),
        hold=parts.hold,
        dispute_id=row.dispute_id,
        part_of=parts.part_of,
        joined=parts.joined,
        made_at=row.made_at,
        submitted_at=row.submitted_at,
        reached_at=row.reached_at,
        answered_at=row.answered_at,
        ruled_at=row.ruled_at,
        ended_at=row.ended_at,
        entries=parts.entries,
        offers=parts.offers,
        evidence=parts.evidence,
        readings=parts.readings,
        commitment=parts.commitment,
        challenges=parts.challenges,
        available_actions=parts.available_actions,
    )


def available_actions(view: ComplaintView, actor: Actor) -> list[AvailableAction]:
    """Return those of the case's next steps that are the actor's own: buyer, seller or mediator of this case."""
    if view.viewer == "seller" and view.seller_id not in actor.seller_ids:
        unreachable("the view was made for somebody else")
    return [each for each in view.available_actions if each.side == view.viewer]


async def _actions(tx: Tx, row: Complaint, offers: list[OfferView], *, now: datetime) -> list[AvailableAction]:
    due = {each.name: each.due_at for each in await pending(tx, [row.id])}
    silence = await silence_of(tx, row, now=now) if "answer_claim" in due else None
    return [*steps_of(row, offers, due=due, silence=silence), *challenge_steps(due)]


def steps_of(
    row: Complaint, offers: list[OfferView], *, due: Mapping[str, datetime], silence: Silence | None
) -> list[AvailableAction]:
    """Return each side's next steps. `silence` is what judges a seller's silence, where their answer is due."""
    at_end = "mediator" if rules.is_injury(row.later_harm or row.harm) else "closes"
    expiry = {"accept_offer": at_end, "escalate": at_end, "triage": "supervisor"}
    if silence is not None:
        expiry["answer_claim"] = "granted" if rules.silence_refused(silence) is None else "mediator"
    found = rules.possible_actions(
        status=row.status,
        has_claim=row.claim_minor is not None,
        has_open_offer=any(offer.status == "open" for offer in offers),
        is_ruled=row.ruled_at is not None,
        due=dict(due),
        on_expiry=expiry,
    )
    return [AvailableAction(each.action, each.side, each.due_at, each.on_expiry) for each in found]


async def _buyer_name(tx: Tx, row: Complaint, side: Side, *, is_named: bool) -> str | None:
    if row.buyer_id is None or not (side in _READS_CONTACT or (side == "seller" and is_named)):
        return None
    return (await person_names(tx, [row.buyer_id])).get(row.buyer_id)


def _contact(texts: ComplaintText | None) -> ContactView | None:
    return None if texts is None else ContactView(texts.contact_email, texts.contact_phone)
