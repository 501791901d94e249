"""What matching finds for a complaint, and how it is kept: with reasons, and never over a person's choice."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text

from service.complaints.actions.photographed import SAID, photo_facts
from service.complaints.actions.steps import tell
from service.complaints.matching.decide import RUNNERS_UP_MAX, order_fits
from service.complaints.matching.facts import Decision, FieldScore, Outcome, Query, Scored
from service.complaints.matching.lot_readings import readings_of
from service.complaints.matching.photos import HELD_BACK_MAX, other_lot_reason, shows_other_lot, told_alone
from service.complaints.rules import LinkBy, Side, place_of
from service.complaints.tables import Complaint, ComplaintMatch
from service.core.actor import Actor
from service.core.errors import ensure
from service.core.ids import new_id
from service.db.session import Tx

_LOOKED_FOR = "c.status NOT IN ('draft', 'withdrawn', 'merged')"
OPEN = f"c.batch_id IS NULL AND {_LOOKED_FOR}"
"""Whether complaint `c` may be matched: nobody and no earlier try has linked it."""
OPEN_OR_LINKED = f"(c.batch_id IS NULL OR c.link_by = 'automatic') AND {_LOOKED_FOR}"
"""Whether complaint `c` may be matched again: no person has linked it."""
_TOLD = f"""
SELECT c.id, c.product_text, c.brand_text, c.seller_text, c.lot_text, c.gtin, c.bought_on, c.language, t.narrative,
    o.placed_at, o.batch_id AS order_batch_id, o.product_id AS order_product_id, o.seller_id AS order_seller_id,
    p.name_en, p.name_zh, p.brand, t.agent_text, coalesce(o.seller_id, c.seller_id) AS sold_by, t.bought_in,
    o.jurisdiction, o.destination_area, photos.said
FROM complaint c LEFT JOIN complaint_text t ON t.complaint_id = c.id
LEFT JOIN "order" o ON o.id = c.order_id LEFT JOIN product p ON p.id = o.product_id
{SAID}
WHERE c.id = ANY(:ids)
"""  # noqa: S608 - made of constants
_TOLD_OF = text(_TOLD)
_TOLD_OF_OPEN = text(f"{_TOLD} AND {OPEN} ORDER BY c.id")
_TOLD_OF_LINKED = text(f"{_TOLD} AND {OPEN_OR_LINKED} ORDER BY c.id")


async def tell_link(
    tx: Tx, actor: Actor, complaint: Complaint, *, side: Side, now: datetime, was_batch_id: UUID | None = None
) -> None:
    """Emit that a complaint is linked, and to which batch it was before; signals of both start from this."""
    ensure(complaint.batch_id is not None, "a linked complaint has a batch")
    facts = link_facts(complaint.batch_id, complaint.product_id, complaint.link_by, is_strict=complaint.link_is_strict)
    facts |= was_facts(was_batch_id)
    await tell(tx, actor, complaint, "complaint.linked", side=side, now=now, facts=facts)


async def query_of(tx: Tx, complaint: Complaint) -> Query:
    """Return what the matcher reads; where the buyer named no product, the order's names stand for it."""
    return _query((await tx.execute(_TOLD_OF, {"ids": [complaint.id]})).one())


async def queries_of(tx: Tx, complaint_ids: Collection[UUID]) -> dict[UUID, Query]:
    """Return what was told of the complaints, whatever their state, by id: without what photos only seem to say."""
    return {each.id: told_alone(_query(each)) for each in await tx.execute(_TOLD_OF, {"ids": list(complaint_ids)})}


async def open_queries(tx: Tx, complaint_ids: Collection[UUID], *, with_linked: bool = False) -> dict[UUID, Query]:
    """Return what the matcher reads of those of the complaints that may be matched, by id and in the ids' order.

    `with_linked` has those as well that an earlier try linked.
    """
    found = await tx.execute(_TOLD_OF_LINKED if with_linked else _TOLD_OF_OPEN, {"ids": list(complaint_ids)})
    return {each.id: _query(each) for each in found}


def _query(told: Row[Any]) -> Query:
    product_text, brand_text = told.product_text, told.brand_text
    if told.placed_at is not None and not product_text.strip():
        product_text, brand_text = told.name_en or told.name_zh, told.brand
    country, area = told.jurisdiction, told.destination_area
    if told.placed_at is None:
        country, area = place_of(told.bought_in or "")
    return Query(
        product_text=product_text,
        brand_text=brand_text,
        seller_text=told.seller_text,
        purchase_date=told.bought_on or (told.placed_at and told.placed_at.date()),
        narrative=told.narrative or "",
        lang=told.language,
        order_batch_id=told.order_batch_id,
        order_product_id=told.order_product_id,
        order_seller_id=told.order_seller_id,
        agent_text=told.agent_text or "",
        sold_by=told.sold_by,
        country=country,
        area=area,
        **photo_facts(told),
    )


def found_of(complaint: Complaint | Row[Any], query: Query, decision: Decision, *, now: datetime) -> ComplaintMatch:
    """Return the row of one try of a complaint, or of a row with its id and tenant.

    An order that names its batch links a complaint that tells no lot, unless a photo shows another lot of the product.
    """
    told = decision.alone or decision
    is_by_order = (
        told.outcome is not Outcome.LINKED and query.order_batch_id is not None and not readings_of(told_alone(query))
    )
    other = _other_lot(decision, query) if is_by_order else None
    if is_by_order and other is None:
        decision = told
    best = decision.best
    outcome = str(decision.outcome)
    batch_id = _uuid(best.candidate.batch_id) if best else None
    product_id = _uuid(best.candidate.product_id) if best else None
    reasons = _reasons(best) if best else []
    is_strict = decision.strict or (
        outcome == Outcome.LINKED and best is not None and order_fits(query, best.candidate)
    )
    if is_by_order:
        outcome, is_strict = str(Outcome.LINKED), True
        batch_id, product_id = _uuid(query.order_batch_id), _uuid(query.order_product_id)
        reasons = [{"field": "order", "reason": "order_names_batch", "contribution": 0.0, "value": 1.0, "facts": {}}]
    found = ComplaintMatch(
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
    if other is not None:
        _hold_back(found, other)
    return found


def _other_lot(decision: Decision, query: Query) -> Scored | None:
    """Return the batch that photos show instead of the order's."""
    if query.order_batch_id is None or query.order_product_id is None:
        return None
    return shows_other_lot(decision, query.order_batch_id, query.order_product_id)


def _hold_back(found: ComplaintMatch, other: Scored) -> None:
    """Make a suggestion of an order's link, beside the batch whose lot a photo shows."""
    found.outcome, found.is_strict, found.probability = str(Outcome.SUGGESTED), False, HELD_BACK_MAX
    found.reasons = [{**found.reasons[0], "reason": "order_same_batch"}, _reason(other_lot_reason(other))]
    shown = {"batch_id": str(other.candidate.batch_id), "margin": 0.0, "reasons": _reasons(other)}
    rest = [each for each in found.runners_up if each["batch_id"] not in (str(found.batch_id), shown["batch_id"])]
    found.runners_up = [shown, *rest][:RUNNERS_UP_MAX]


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


def link_facts(
    batch_id: UUID | None, product_id: UUID | None, link_by: str | None, *, is_strict: bool
) -> dict[str, Any]:
    """Return what the event of a link says."""
    return {"batch_id": str(batch_id), "product_id": str(product_id), "link_by": link_by, "is_strict": is_strict}


def was_facts(was_batch_id: UUID | None) -> dict[str, Any]:
    """Return what an event says of the batch that a complaint was linked to before."""
    return {} if was_batch_id is None else {"was_batch_id": str(was_batch_id)}


def _reasons(scored: Scored) -> list[dict[str, Any]]:
    return [_reason(each) for each in scored.fields]


def _reason(each: FieldScore) -> dict[str, Any]:
    return {
        "field": each.field,
        "value": each.value,
        "contribution": round(each.contribution, 4),
        "reason": each.reason,
        "facts": dict(each.facts),
    }


def _uuid(key: object) -> UUID | None:
    return key if isinstance(key, UUID) else None
