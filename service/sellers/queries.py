"""Reads about sellers. Who a seller is, is public to everyone signed in."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import select

from service.core.actor import Actor, Role
from service.core.errors import Forbidden, NotFound, unreachable
from service.core.names import name_key
from service.db.pages import Page, read_page
from service.db.search import is_like
from service.db.session import Tx
from service.events.log import newest
from service.sellers.schemas import AgentView, SellerView, Suspension
from service.sellers.tables import AgentLink, Seller


def view_of(seller: Seller) -> SellerView:
    """Return what the API shows of a seller."""
    return msgspec.convert(seller, SellerView, from_attributes=True)


def agent_view_of(link: AgentLink, agent: Seller) -> AgentView:
    """Return what the API shows of who sells for whom."""
    return AgentView(link.agent_id, link.principal_id, agent.name, agent.name_zh, link.since)


async def get_seller(tx: Tx, seller_id: UUID) -> Seller:
    """Return a seller; raises `NotFound` ("seller_not_found")."""
    found = await tx.get(Seller, seller_id)
    if found is None:
        raise NotFound("seller_not_found")
    return found


async def suspension_of(tx: Tx, actor: Actor, seller_id: UUID) -> Suspension:
    """Return whether and why a seller is suspended, as the event that did it says.

    Raises `NotFound` ("seller_not_found"), `Forbidden` ("not_your_seller": why is for its people and for staff).
    """
    seller = await get_seller(tx, seller_id)
    if not (actor.has(Role.OPERATOR, Role.SUPERVISOR) or seller_id in actor.seller_ids):
        raise Forbidden("not_your_seller", "only people of this seller see why it is suspended")
    if seller.status != "suspended":
        return Suspension(seller_id, is_suspended=False, reason=None, since=None)
    told = await newest(tx, seller_id, "seller.suspended")
    if told is None:
        unreachable("a seller is suspended in the transaction that says so")
    return Suspension(seller_id, is_suspended=True, reason=told.facts["reason"], since=told.at)


async def sellers_by_id(tx: Tx, seller_ids: Collection[UUID]) -> dict[UUID, Seller]:
    """Return those of the sellers that exist, by id."""
    found = await tx.scalars(select(Seller).where(Seller.id.in_(list(seller_ids))))
    return {seller.id: seller for seller in found}


async def sellers_page(tx: Tx, *, search: str | None, after: str | None, limit: int) -> Page[Seller]:
    """Return sellers, the newest first; `search` is words of a name in either language."""
    query = select(Seller)
    if search and name_key(search):
        query = query.where(is_like(Seller.name_key, name_key(search)))
    return await read_page(tx, query, Seller.id, after=after, limit=limit)


async def agents_of(tx: Tx, principal_id: UUID) -> list[tuple[AgentLink, Seller]]:
    """Return the sellers that sell goods of this one, one step down, at most 1,000."""
    found = await tx.execute(
        select(AgentLink, Seller)
        .join(Seller, Seller.id == AgentLink.agent_id)
        .where(AgentLink.principal_id == principal_id)
        .order_by(AgentLink.id)
        .limit(1000)
    )
    return [(link, seller) for link, seller in found]
