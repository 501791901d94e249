"""The page of one case, as each side may see it."""

from datetime import datetime
from uuid import UUID

from service.accounts.queries import person_names
from service.complaints import rules
from service.complaints.queries.access import get_row, side_of
from service.complaints.queries.lists import claim_of
from service.complaints.queries.parts import entries_of, evidence_of, hold_of, offers_of
from service.complaints.queries.silence import is_verified_buyer, silence_of
from service.complaints.rules import Side
from service.complaints.schemas import AvailableAction, ComplaintView, ContactView, OfferView, Told
from service.complaints.tables import Complaint, ComplaintText
from service.core.actor import Actor
from service.core.errors import unreachable
from service.db.session import Tx
from service.deadlines.queries import pending

_READS_TEXTS: frozenset[Side] = frozenset({"buyer", "seller", "mediator", "regulator", "system"})
_READS_CONTACT: frozenset[Side] = frozenset({"buyer", "mediator", "regulator", "system"})


async def get_complaint(tx: Tx, actor: Actor, complaint_id: UUID) -> ComplaintView:
    """Return a case that the actor may see, filtered by their side; raises `NotFound` ("complaint_not_found")."""
    row = await get_row(tx, actor, complaint_id)
    side = side_of(actor, row)
    texts = await tx.get(ComplaintText, row.id, populate_existing=True) if side in _READS_TEXTS else None
    offers = await offers_of(tx, row.id) if side in _READS_TEXTS else []
    return ComplaintView(
        id=row.id,
        reference=row.reference,
        tenant_id=row.tenant_id,
        viewer=side,
        purpose=row.purpose,
        kind=row.kind,
        harm=row.harm,
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
        buyer_id=row.buyer_id if side in _READS_CONTACT else None,
        buyer_name=await _buyer_name(tx, row, side),
        is_verified_buyer=await is_verified_buyer(tx, row),
        shows_name=row.shows_name,
        may_publish=row.may_publish,
        told=_told(row, texts) if side in _READS_TEXTS else None,
        narrative=texts.narrative if texts else None,
        treatment=texts.treatment if texts else None,
        contact=_contact(texts) if side in _READS_CONTACT else None,
        claim=claim_of(row),
        hold=await hold_of(tx, row),
        dispute_id=row.dispute_id,
        made_at=row.made_at,
        submitted_at=row.submitted_at,
        reached_at=row.reached_at,
        answered_at=row.answered_at,
        ruled_at=row.ruled_at,
        ended_at=row.ended_at,
        entries=await entries_of(tx, row.id, side) if side in _READS_TEXTS else [],
        offers=offers,
        evidence=await evidence_of(tx, row.id, side) if side in _READS_TEXTS else [],
        available_actions=await _actions(tx, row, offers, now=await tx.now()),
    )


def available_actions(view: ComplaintView, actor: Actor) -> list[AvailableAction]:
    """Return those of the case's next steps that are the actor's own: buyer, seller or mediator of this case."""
    if view.viewer == "seller" and view.seller_id not in actor.seller_ids:
        unreachable("the view was made for somebody else")
    return [each for each in view.available_actions if each.side == view.viewer]


async def _actions(tx: Tx, row: Complaint, offers: list[OfferView], *, now: datetime) -> list[AvailableAction]:
    due = {each.name: each.due_at for each in await pending(tx, [row.id])}
    at_end = "mediator" if rules.is_injury(row.harm) else "closes"
    expiry = {"accept_offer": at_end, "escalate": at_end, "triage": "supervisor"}
    if "answer_claim" in due:
        refused = rules.silence_refused(await silence_of(tx, row, now=now))
        expiry["answer_claim"] = "granted" if refused is None else "mediator"
    found = rules.possible_actions(
        status=row.status,
        has_claim=row.claim_minor is not None,
        has_open_offer=any(offer.status == "open" for offer in offers),
        is_ruled=row.ruled_at is not None,
        due=due,
        on_expiry=expiry,
    )
    return [AvailableAction(each.action, each.side, each.due_at, each.on_expiry) for each in found]


async def _buyer_name(tx: Tx, row: Complaint, side: Side) -> str | None:
    if row.buyer_id is None or not (side in _READS_CONTACT or (side == "seller" and row.shows_name)):
        return None
    return (await person_names(tx, [row.buyer_id])).get(row.buyer_id)


def _told(row: Complaint, texts: ComplaintText | None) -> Told:
    return Told(
        product_text=row.product_text,
        brand_text=row.brand_text,
        seller_text=row.seller_text,
        agent_text=texts.agent_text if texts else "",
        lot_text=row.lot_text,
        gtin=row.gtin,
        bought_on=row.bought_on,
        bought_through=row.bought_through,
    )


def _contact(texts: ComplaintText | None) -> ContactView | None:
    return None if texts is None else ContactView(texts.contact_email, texts.contact_phone)
