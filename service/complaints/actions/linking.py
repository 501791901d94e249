"""The batches to pick from, and what people pick."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from service.batches.queries import batches_by_id, get_batch
from service.complaints import rules
from service.complaints.actions.finding import found_of, last_try, link, offered, query_of, tell_link, was_facts
from service.complaints.actions.steps import refuse_own_case, tell
from service.complaints.match_schemas import BatchSuggestion, MatchesView
from service.complaints.matching.match import match
from service.complaints.models import current_model
from service.complaints.queries.access import get_row, require_side
from service.complaints.rules import LinkBy, Side
from service.complaints.tables import Complaint, ComplaintMatch
from service.core.actor import Actor
from service.core.errors import Conflict, Forbidden, Invalid
from service.core.ids import new_id
from service.db.session import Tx
from service.orders.queries import order_facts

_AGAINST = frozenset({"photo_shows_other_lot", "photo_shows_other_product"})
_FOR = frozenset({"lot_equal", "lot_equal_folded", "gtin_equal"})
_LIKELY = ((0.8, "very_likely"), (0.3, "possible"))


async def link_batch(tx: Tx, actor: Actor, complaint_id: UUID, batch_id: UUID | None, *, now: datetime) -> Complaint:
    """Link a complaint to the batch that a person chose: the buyer from the suggestions, a mediator any, or none.

    The choice is kept as a label. A mediator's word makes the link strict; a buyer's only where the order fits. Raises
    `NotFound` ("complaint_not_found", "batch_not_found"), `Forbidden` ("not_your_part", "own_case"), `Invalid`
    ("batch_not_suggested"), `Conflict` ("linked_by_mediator", "complaint_ended"). Locks the complaint.
    """
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer", "mediator")
    if side == "buyer":
        rules.check_not_ended(complaint.status)
        await _check_buyer_may_pick(tx, complaint, batch_id)
    else:
        refuse_own_case(actor, complaint)
    by: LinkBy = "buyer" if side == "buyer" else "mediator"
    if batch_id is None:
        await _unlink(tx, actor, complaint, by, side=side, now=now)
        return complaint
    batch = await get_batch(tx, batch_id)
    chosen = _label(actor, complaint, by, now=now)
    chosen.outcome, chosen.batch_id, chosen.product_id = "linked", batch.id, batch.product_id
    fits = await _order_fits(tx, complaint, batch.seller_id, batch.product_id, batch.id)
    chosen.is_strict = by == "mediator" or fits
    tx.add(chosen)
    was_batch_id = complaint.batch_id if complaint.batch_id != batch.id else None
    link(complaint, chosen, by)
    if complaint.status != "draft":
        await tell_link(tx, actor, complaint, side=side, now=now, was_batch_id=was_batch_id)
    return complaint


async def suggestions(tx: Tx, actor: Actor, complaint_id: UUID) -> MatchesView:
    """Return what matching found last; for a draft, what it finds now, without writing anything.

    Raises `NotFound`, `Forbidden` ("not_your_part"): sellers do not see the other batches.
    """
    complaint = await get_row(tx, actor, complaint_id)
    side = require_side(actor, complaint, "buyer", "mediator", "regulator")
    last = await last_try(tx, complaint.id)
    if last is None or complaint.status == "draft":
        query = await query_of(tx, complaint)
        decision = await match(tx, query, model=await current_model(tx))
        last = found_of(complaint, query, decision, now=await tx.now())
    return MatchesView(
        outcome=complaint.match_status if complaint.batch_id else last.outcome,
        is_strict=complaint.link_is_strict,
        link_by=complaint.link_by,
        model_version=last.model_version,
        at=None if complaint.status == "draft" else last.at,
        suggestions=await _suggested(tx, last, shows_probability=side != "buyer"),
    )


async def _unlink(tx: Tx, actor: Actor, complaint: Complaint, by: LinkBy, *, side: Side, now: datetime) -> None:
    was = complaint.batch_id
    label = _label(actor, complaint, by, now=now)
    label.outcome, label.batch_id = "unmatched", None
    tx.add(label)
    complaint.match_status, complaint.batch_id, complaint.link_by, complaint.link_is_strict = (
        "unmatched",
        None,
        None,
        False,
    )
    complaint.product_id = await _ordered_product(tx, complaint)  # the other came with the link
    if complaint.status != "draft":
        facts = {"match_status": "unmatched"} | was_facts(was)
        await tell(tx, actor, complaint, "complaint.unmatched", side=side, now=now, facts=facts)


def _label(actor: Actor, complaint: Complaint, by: LinkBy, *, now: datetime) -> ComplaintMatch:
    return ComplaintMatch(
        id=new_id(),
        tenant_id=complaint.tenant_id,
        complaint_id=complaint.id,
        link_by=by,
        actor_id=actor.person_id,
        is_strict=False,
        reasons=[],
        runners_up=[],
        at=now,
    )


async def _check_buyer_may_pick(tx: Tx, complaint: Complaint, batch_id: UUID | None) -> None:
    if complaint.link_by == "mediator":
        raise Conflict("linked_by_mediator", "a mediator has named the batch")
    if batch_id is None:
        if complaint.status != "draft":
            raise Forbidden("not_your_part", "only a mediator takes a link away", side="buyer")
        return
    last = await last_try(tx, complaint.id)
    if last is None or complaint.status == "draft":
        query = await query_of(tx, complaint)
        decision = await match(tx, query, model=await current_model(tx))
        last = found_of(complaint, query, decision, now=complaint.made_at)
    if batch_id not in offered(last):
        raise Invalid("batch_not_suggested", "pick one of the batches that were suggested", field="batch_id")


async def _suggested(tx: Tx, found: ComplaintMatch, *, shows_probability: bool) -> list[BatchSuggestion]:
    picks = offered(found)
    batches = await batches_by_id(tx, picks)
    reasons = {UUID(each["batch_id"]): each["reasons"] for each in found.runners_up}
    told: list[BatchSuggestion] = []
    for place, batch_id in enumerate(picks):
        batch = batches.get(batch_id)
        if batch is None:
            continue
        is_best = place == 0 and batch_id == found.batch_id
        why = found.reasons if is_best else reasons.get(batch_id, [])
        # A photo speaks against the first and for this one: nobody knows which of the two it is.
        is_as_likely = is_best or (_photo_speaks(found.reasons, _AGAINST) and _photo_speaks(why, _FOR))
        told.append(
            BatchSuggestion(
                batch_id=batch.id,
                product_id=batch.product_id,
                seller_id=batch.seller_id,
                brand=batch.brand,
                name_en=batch.name_en,
                name_zh=batch.name_zh,
                lot_code=batch.lot_code,
                maker_lot_code=batch.maker_lot_code,
                likelihood=_likelihood(found.probability or 0.0) if is_as_likely else "less_likely",
                probability=found.probability if is_best and shows_probability else None,
                reasons=why,
            )
        )
    return told


def _photo_speaks(reasons: Sequence[Mapping[str, Any]], codes: frozenset[str]) -> bool:
    """Whether a photo that nobody has confirmed gives one of these reasons."""
    return any(each["reason"] in codes and each["facts"].get("source") == "photo" for each in reasons)


def _likelihood(probability: float) -> str:
    return next((word for least, word in _LIKELY if probability >= least), "less_likely")


async def _ordered_product(tx: Tx, complaint: Complaint) -> UUID | None:
    if complaint.order_id is None:
        return None
    return (await order_facts(tx, [complaint.order_id]))[complaint.order_id].product_id


async def _order_fits(tx: Tx, complaint: Complaint, seller_id: UUID, product_id: UUID, batch_id: UUID) -> bool:
    if complaint.order_id is None:
        return False
    order = (await order_facts(tx, [complaint.order_id]))[complaint.order_id]
    return rules.order_fits(
        order_seller_id=order.seller_id,
        order_product_id=order.product_id,
        order_batch_id=order.batch_id,
        seller_id=seller_id,
        product_id=product_id,
        batch_id=batch_id,
    )
