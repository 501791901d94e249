"""What matching finds for a complaint, and how it is kept: with reasons, and never over a person's choice."""

import dataclasses
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select

from service.batches.queries import get_product
from service.complaints.actions.steps import tell
from service.complaints.matching.decide import order_fits
from service.complaints.matching.facts import Decision, Outcome, Query, Scored
from service.complaints.matching.lot_readings import read_lots
from service.complaints.matching.match import match
from service.complaints.rules import LinkBy, Side
from service.complaints.tables import Complaint, ComplaintMatch, ComplaintText
from service.core.actor import SYSTEM, Actor
from service.core.errors import ensure
from service.core.ids import new_id
from service.db.session import Tx
from service.orders.queries import order_facts


async def match_complaint(tx: Tx, complaint_id: UUID, *, now: datetime) -> str | None:
    """Look for the batch of a complaint that nobody and no earlier try linked; return the outcome, None if not tried.

    The same outcome as at the last try is not written again. Reads first, then locks the complaint.
    """
    complaint = await tx.get(Complaint, complaint_id)
    if complaint is None or not _is_open_to_matching(complaint):
        return None
    query = await query_of(tx, complaint)
    decision = await match(tx, query)
    complaint = await tx.get_one(Complaint, complaint_id, with_for_update=True, populate_existing=True)
    if not _is_open_to_matching(complaint):
        return None
    found = found_of(complaint, query, decision, now=now)
    if found.outcome == Outcome.LINKED and await _was_unlinked(tx, complaint_id):
        found.outcome, found.is_strict = str(Outcome.SUGGESTED), False
    if not await _is_news(tx, found):
        return found.outcome
    tx.add(found)
    complaint.match_status = found.outcome
    if found.outcome == Outcome.LINKED:
        link(complaint, found, "automatic")
        await tell_link(tx, SYSTEM, complaint, side="system", now=now)
    else:
        if found.outcome == Outcome.PRODUCT_ONLY and complaint.product_id is None:
            complaint.product_id = found.product_id
        facts = {"match_status": found.outcome}
        await tell(tx, SYSTEM, complaint, "complaint.unmatched", side="system", now=now, facts=facts)
    return found.outcome


async def tell_link(tx: Tx, actor: Actor, complaint: Complaint, *, side: Side, now: datetime) -> None:
    """Emit that a complaint is linked; signals start from this."""
    ensure(complaint.batch_id is not None, "a linked complaint has a batch")
    facts = {
        "batch_id": str(complaint.batch_id),
        "product_id": str(complaint.product_id),
        "link_by": complaint.link_by,
        "is_strict": complaint.link_is_strict,
    }
    await tell(tx, actor, complaint, "complaint.linked", side=side, now=now, facts=facts)


async def query_of(tx: Tx, complaint: Complaint) -> Query:
    """Return what the matcher reads; where the buyer named no product, the order's names stand for it."""
    texts = await tx.get(ComplaintText, complaint.id)
    order = (
        None if complaint.order_id is None else (await order_facts(tx, [complaint.order_id])).get(complaint.order_id)
    )
    query = Query(
        product_text=complaint.product_text,
        brand_text=complaint.brand_text,
        seller_text=complaint.seller_text,
        lot_text=complaint.lot_text,
        gtin=complaint.gtin,
        purchase_date=complaint.bought_on,
        narrative=texts.narrative if texts else "",
        lang=complaint.language,
    )
    if order is None:
        return query
    if not query.product_text.strip():
        product = await get_product(tx, order.product_id)
        query = dataclasses.replace(query, product_text=product.name_en or product.name_zh, brand_text=product.brand)
    bought_on = query.purchase_date or order.placed_at.date()
    return dataclasses.replace(
        query,
        purchase_date=bought_on,
        order_batch_id=order.batch_id,
        order_product_id=order.product_id,
        order_seller_id=order.seller_id,
    )


def found_of(complaint: Complaint, query: Query, decision: Decision, *, now: datetime) -> ComplaintMatch:
    """Return the row of one try. An order that names its batch links a complaint that tells no lot."""
    best = decision.best
    outcome = str(decision.outcome)
    batch_id = _uuid(best.candidate.batch_id) if best else None
    product_id = _uuid(best.candidate.product_id) if best else None
    reasons = _reasons(best) if best else []
    is_strict = decision.strict or (
        outcome == Outcome.LINKED and best is not None and order_fits(query, best.candidate)
    )
    if outcome != Outcome.LINKED and query.order_batch_id is not None and not _tells_a_lot(query):
        outcome, is_strict = str(Outcome.LINKED), True
        batch_id, product_id = _uuid(query.order_batch_id), _uuid(query.order_product_id)
        reasons = [{"field": "order", "reason": "order_names_batch", "contribution": 0.0, "value": 1.0, "facts": {}}]
    return ComplaintMatch(
        id=new_id(),
        tenant_id=complaint.tenant_id,
        complaint_id=complaint.id,
        link_by="automatic",
        outcome=outcome,
        is_strict=is_strict,
        batch_id=batch_id if outcome != Outcome.UNMATCHED else None,
        product_id=product_id if outcome != Outcome.UNMATCHED else None,
        probability=decision.probability,
        product_probability=decision.product_probability,
        model_version=decision.model_version,
        reasons=reasons,
        runners_up=[
            {"batch_id": str(each.scored.candidate.batch_id), "margin": each.margin, "reasons": _reasons(each.scored)}
            for each in decision.runners_up
        ],
        at=now,
    )


async def last_try(tx: Tx, complaint_id: UUID) -> ComplaintMatch | None:
    """Return the newest try of the matcher."""
    query = select(ComplaintMatch).where(
        ComplaintMatch.complaint_id == complaint_id, ComplaintMatch.link_by == "automatic"
    )
    return (await tx.scalars(query.order_by(ComplaintMatch.id.desc()).limit(1))).one_or_none()


def offered(found: ComplaintMatch) -> list[UUID]:
    """Return the batches of a try, the likeliest first."""
    ids = [] if found.batch_id is None else [found.batch_id]
    return list(dict.fromkeys([*ids, *(UUID(each["batch_id"]) for each in found.runners_up)]))


def link(complaint: Complaint, found: ComplaintMatch, by: LinkBy) -> None:
    """Set the link that a try or a person made."""
    complaint.match_status, complaint.batch_id, complaint.link_by = "linked", found.batch_id, by
    complaint.link_is_strict = found.is_strict
    complaint.product_id = found.product_id


def _is_open_to_matching(complaint: Complaint) -> bool:
    return complaint.batch_id is None and complaint.status not in ("draft", "withdrawn")


async def _was_unlinked(tx: Tx, complaint_id: UUID) -> bool:
    """Whether a mediator once took a link away: then people link, not the matcher."""
    taken = exists().where(
        ComplaintMatch.complaint_id == complaint_id,
        ComplaintMatch.link_by == "mediator",
        ComplaintMatch.outcome == "unmatched",
    )
    return bool(await tx.scalar(select(taken)))


def _tells_a_lot(query: Query) -> bool:
    readings = read_lots(
        lot_text=query.lot_text, barcode_lot="", product_text=query.product_text, narrative=query.narrative
    )
    return bool(readings)


async def _is_news(tx: Tx, found: ComplaintMatch) -> bool:
    last = await last_try(tx, found.complaint_id)
    return last is None or (last.outcome, last.batch_id, last.runners_up) != (
        found.outcome,
        found.batch_id,
        found.runners_up,
    )


def _reasons(scored: Scored) -> list[dict[str, Any]]:
    return [
        {
            "field": each.field,
            "value": each.value,
            "contribution": round(each.contribution, 4),
            "reason": each.reason,
            "facts": dict(each.facts),
        }
        for each in scored.fields
    ]


def _uuid(key: object) -> UUID | None:
    return key if isinstance(key, UUID) else None
