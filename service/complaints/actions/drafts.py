"""Drafts: begun, changed answer by answer, kept until they are sent."""

import secrets
from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType
from sqlalchemy import func, select

from service.batches.rules import gtin14
from service.complaints import rules
from service.complaints.actions.steps import tell
from service.complaints.queries.access import get_row, require_side
from service.complaints.schemas import DraftChanges, NewComplaint
from service.complaints.tables import Complaint, ComplaintText
from service.core import references
from service.core.actor import COMMONS, Actor
from service.core.errors import Conflict, NotFound, ensure
from service.core.ids import new_id
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.orders.queries import order_facts
from service.sellers.queries import get_seller

_TEXTS = ("narrative", "treatment", "agent_text", "contact_email", "contact_phone", "bought_in")
_OWN_FIELDS = ("claim", "gtin", "order_id", "seller_id")


async def create_draft(tx: Tx, actor: Actor, data: NewComplaint, *, now: datetime) -> Complaint:
    """Begin a complaint about one of the actor's orders, or about goods bought elsewhere (tenant `commons`).

    Raises `NotFound` ("order_not_found", "seller_not_found"), `Conflict` ("drafts_too_many"), `Invalid` ("gtin_wrong",
    "date_in_future", "place_malformed", "claim_needs_order", "claim_currency_differs", "claim_not_positive").
    """
    ensure(actor.person_id is not None, "the policy lets only buyers file")
    await _check_room(tx, actor)
    complaint = await blank(tx, actor, now=now)
    await _place(tx, actor, complaint, order_id=data.order_id, seller_id=data.seller_id)
    await write(tx, complaint, data, now=now)
    await tell(tx, actor, complaint, "complaint.drafted", side="buyer", now=now)
    return complaint


async def blank(tx: Tx, actor: Actor, *, now: datetime) -> Complaint:
    """Return a complaint of the actor's that says nothing yet; it is in no session."""
    return Complaint(
        id=new_id(),
        tenant_id=COMMONS,
        reference=await _new_reference(tx),
        buyer_id=actor.person_id,
        purpose="redress",
        product_text="",
        brand_text="",
        seller_text="",
        lot_text="",
        gtin="",
        shows_name=False,
        may_publish=False,
        language=actor.language,
        told_key="",
        lots_told=[],
        status=rules.COMPLAINT.initial,
        match_status="unmatched",
        link_is_strict=False,
        made_at=now,
    )


async def write(tx: Tx, complaint: Complaint, data: DraftChanges, *, now: datetime) -> ComplaintText:
    """Write a blank complaint with its first answers, and return its texts; raises `Invalid` as `create_draft`."""
    tx.add(complaint)
    texts = _blank_texts(complaint)
    await _apply(tx, complaint, texts, data, today=now.date())
    await tx.flush()  # the text's row refers to the complaint's
    tx.add(texts)
    return texts


async def update_draft(tx: Tx, actor: Actor, complaint_id: UUID, data: DraftChanges, *, now: datetime) -> Complaint:
    """Change answers of a draft. Locks it; raises `NotFound`, `Conflict` ("complaint_sent"), and as `create_draft`."""
    complaint = await locked_draft(tx, actor, complaint_id)
    texts = await texts_of(tx, complaint)
    await _apply(tx, complaint, texts, data, today=now.date())
    return complaint


async def texts_of(tx: Tx, draft: Complaint) -> ComplaintText:
    """Return the texts of a locked draft; where they were erased, blank ones: its buyer may write them again."""
    texts = await tx.get(ComplaintText, draft.id)
    if texts is None:
        texts = _blank_texts(draft)
        tx.add(texts)
    return texts


def _blank_texts(complaint: Complaint) -> ComplaintText:
    return ComplaintText(complaint_id=complaint.id, tenant_id=complaint.tenant_id, **dict.fromkeys(_TEXTS, ""))


async def locked_draft(tx: Tx, actor: Actor, complaint_id: UUID) -> Complaint:
    """Return the actor's own draft, locked; raises `NotFound`, `Forbidden`, `Conflict` ("complaint_sent")."""
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    require_side(actor, complaint, "buyer")
    if complaint.status != "draft":
        raise Conflict("complaint_sent", "what was sent is not changed; add to it", reference=complaint.reference)
    return complaint


async def _place(tx: Tx, actor: Actor, complaint: Complaint, *, order_id: UUID | None, seller_id: UUID | None) -> None:
    """Tie a new complaint to its order, seller and tenant."""
    if order_id is None:
        complaint.seller_id = None if seller_id is None else (await get_seller(tx, seller_id)).id
        return
    order = (await order_facts(tx, [order_id])).get(order_id)
    if order is None or order.buyer_id != actor.person_id:
        raise NotFound("order_not_found")
    complaint.order_id, complaint.tenant_id = order.id, order.tenant_id
    complaint.seller_id, complaint.product_id = order.seller_id, order.product_id


async def _apply(tx: Tx, complaint: Complaint, texts: ComplaintText, data: DraftChanges, *, today: date) -> None:
    changes: dict[str, Any] = {
        name: value
        for name in data.__struct_fields__
        if name not in _OWN_FIELDS and (value := getattr(data, name)) is not UNSET
    }
    for name, value in changes.items():
        setattr(texts if name in _TEXTS else complaint, name, value)
    if data.gtin is not UNSET:
        complaint.gtin = gtin14(data.gtin) if data.gtin.strip() else ""
    await _apply_claim(tx, complaint, data.claim)
    rules.check_place(texts.bought_in)
    rules.check_dates(bought_on=complaint.bought_on, harmed_on=complaint.harmed_on, today=today)


async def _apply_claim(tx: Tx, complaint: Complaint, claim: MoneyView | UnsetType | None) -> None:
    if isinstance(claim, UnsetType):
        return
    if claim is None:
        complaint.claim_minor = complaint.currency = None
        return
    rules.check_claim(wanted=None, claim_minor=claim.amount_minor, order_id=complaint.order_id)
    ensure(complaint.order_id is not None, "checked in the line above")
    order = (await order_facts(tx, [complaint.order_id]))[complaint.order_id]  # type: ignore[list-item,index]  # ensured
    rules.check_claim_money(claim.amount_minor, claim.currency, order.amount.amount_minor, order.amount.currency)
    complaint.claim_minor, complaint.currency = claim.amount_minor, claim.currency


async def _check_room(tx: Tx, actor: Actor) -> None:
    drafts = select(func.count()).where(Complaint.buyer_id == actor.person_id, Complaint.status == "draft")
    if (await tx.scalar(drafts) or 0) >= rules.DRAFTS_MAX:
        raise Conflict("drafts_too_many", f"at most {rules.DRAFTS_MAX} drafts", limit=rules.DRAFTS_MAX)


async def _new_reference(tx: Tx) -> str:
    """Draw a reference at random until one is free; with a million complaints, one draw in 34,000 is taken."""
    while True:
        reference = references.from_number(secrets.randbits(references.BITS))
        if await tx.scalar(select(Complaint.id).where(Complaint.reference == reference)) is None:
            return reference
