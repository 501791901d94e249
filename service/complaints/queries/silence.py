"""What the rules of silence need to know of a case."""

from datetime import datetime

from sqlalchemy import func, select

from service.complaints.rules import SILENT_BUYER_WITHIN, SILENT_SELLER_WITHIN, Silence
from service.complaints.tables import Complaint
from service.db.session import Tx
from service.deadlines.queries import policy
from service.orders.queries import is_verified, order_facts


async def is_verified_buyer(tx: Tx, complaint: Complaint) -> bool:
    """Whether the buyer claimed the complaint's order with a code, and it was paid and delivered."""
    if complaint.order_id is None or complaint.buyer_id is None:
        return False
    facts = (await order_facts(tx, [complaint.order_id])).get(complaint.order_id)
    return facts is not None and is_verified(facts, complaint.buyer_id)


async def silence_of(tx: Tx, complaint: Complaint, *, now: datetime) -> Silence:
    """Return what decides whether the seller's silence grants the claim, as of `now`."""
    limit = await policy(tx, "silence_grant_max", now=now)
    granted = select(func.count()).where(Complaint.outcome == "silence", Complaint.id != complaint.id)
    buyers = granted.where(Complaint.buyer_id == complaint.buyer_id, Complaint.ended_at > now - SILENT_BUYER_WITHIN)
    sellers = granted.where(Complaint.seller_id == complaint.seller_id, Complaint.ended_at > now - SILENT_SELLER_WITHIN)
    return Silence(
        harm=complaint.gravest_harm or "none",
        is_verified=await is_verified_buyer(tx, complaint),
        claim_minor=complaint.claim_minor,
        grant_max_minor=limit.value,
        buyer_grants=await tx.scalar(buyers) or 0,
        seller_grants=await tx.scalar(sellers) or 0,
    )
