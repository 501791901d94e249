"""What people do with sellers."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from service.accounts.actions import grant_role
from service.core.actor import COMMONS, Actor, Role
from service.core.errors import Conflict, Forbidden, NotFound, ensure, unreachable
from service.core.ids import new_id
from service.core.money import Money
from service.core.names import name_key
from service.db.session import Tx
from service.escrow import actions as escrow
from service.events.log import emit
from service.sellers.queries import get_seller
from service.sellers.rules import SELLER, SUSPENSION_REASONS
from service.sellers.schemas import NewSeller
from service.sellers.tables import AgentLink, Seller

SELLERS_PER_PERSON_MAX = 20


async def register_seller(tx: Tx, actor: Actor, data: NewSeller, *, now: datetime) -> Seller:
    """Register a seller and let the person who does it act for it.

    Raises `Conflict` ("seller_registered_already" for a known registration number, "too_many_sellers").
    """
    person_id = actor.person_id
    if person_id is None:
        unreachable("the policy lets only people register sellers")
    if len(actor.seller_ids) >= SELLERS_PER_PERSON_MAX:
        raise Conflict("too_many_sellers", f"one person acts for at most {SELLERS_PER_PERSON_MAX} sellers")
    if data.registration_number is not None:
        await _check_registration(tx, data.country, data.registration_number)
    seller = Seller(
        id=new_id(),
        name=data.name.strip(),
        name_zh=data.name_zh.strip(),
        name_key=name_key(data.name, data.name_zh),
        kind=data.kind,
        country=data.country,
        registration_number=data.registration_number,
        status=SELLER.initial,
        verification="none",
        registered_by=actor.person_id,
        registered_at=now,
    )
    tx.add(seller)
    await tx.flush()  # the grant points at the seller
    await grant_role(tx, person_id, Role.SELLER, COMMONS, seller_id=seller.id, now=now)
    await emit(tx, "seller.registered", actor=actor, subject=("seller", seller.id), now=now, facts={"kind": data.kind})
    return seller


async def add_agent(tx: Tx, actor: Actor, principal_id: UUID, agent_id: UUID, *, now: datetime) -> AgentLink:
    """Record that `agent_id` sells goods of `principal_id`; the principal's people say so.

    Raises `Forbidden` ("not_your_seller"), `NotFound`, `Conflict` ("agent_already", "agent_circle").
    """
    await get_seller(tx, principal_id)
    if principal_id not in actor.seller_ids:
        raise Forbidden("not_your_seller", "only people of this seller name its agents")
    await get_seller(tx, agent_id)
    await tx.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('agent_link'))")
    )  # one tree change at a time: no circles
    above = (await tx.execute(_ABOVE, {"principal": principal_id})).scalars().all()
    if agent_id == principal_id or agent_id in above:
        raise Conflict("agent_circle", "the agent already stands above this seller")
    link = AgentLink(id=new_id(), agent_id=agent_id, principal_id=principal_id, since=now)
    if (await tx.execute(_IS_LINKED, {"agent": agent_id, "principal": principal_id})).first():
        raise Conflict("agent_already", "this seller is an agent already")
    tx.add(link)
    await emit(
        tx,
        "seller.agent_added",
        actor=actor,
        subject=("seller", principal_id),
        now=now,
        facts={"agent_id": str(agent_id)},
    )
    return link


async def suspend_seller(tx: Tx, actor: Actor, seller_id: UUID, *, reason: str, now: datetime) -> None:
    """Let a seller take no more orders and be paid nothing out; held payments go their way.

    `reason` is one of `rules.SUSPENSION_REASONS`. Raises `NotFound`, `Forbidden` ("own_case"), `Conflict`
    ("seller_state": suspended already). Locks the seller, then its scope FOR UPDATE.
    """
    ensure(reason in SUSPENSION_REASONS, f"{reason} is a reason to suspend a seller")
    await _step(tx, actor, seller_id, "suspend", facts={"reason": reason}, now=now)
    await escrow.keep_suspension(tx, actor, seller_id, is_suspended=True, now=now)


async def reinstate_seller(tx: Tx, actor: Actor, seller_id: UUID, *, now: datetime) -> None:
    """End a suspension; a block of payouts for another reason stays.

    Raises `NotFound`, `Forbidden` ("own_case"), `Conflict` ("seller_state": not suspended). Locks the seller, then the
    suspension's block.
    """
    await _step(tx, actor, seller_id, "reinstate", facts={}, now=now)
    await escrow.keep_suspension(tx, actor, seller_id, is_suspended=False, now=now)


async def request_payout(
    tx: Tx, actor: Actor, seller_id: UUID, amount: Money, *, key: str | None, now: datetime
) -> UUID:
    """Pay out what a seller has earned; return the operation's id. Raises `NotFound` and as `escrow.request_payout`."""
    await get_seller(tx, seller_id)
    return (await escrow.request_payout(tx, actor, seller_id, amount, key=key, now=now)).id


async def move_deposit(
    tx: Tx, actor: Actor, seller_id: UUID, amount: Money, *, direction: str, key: str | None, now: datetime
) -> UUID:
    """Take money into a seller's deposit ("in") or give it back ("out"); return the operation's id.

    Raises `NotFound` and as `escrow.request_deposit` and `escrow.withdraw_deposit`.
    """
    await get_seller(tx, seller_id)
    move = escrow.request_deposit if direction == "in" else escrow.withdraw_deposit
    return (await move(tx, actor, seller_id, amount, key=key, now=now)).id


async def block_payouts(tx: Tx, actor: Actor, seller_id: UUID, *, reason: str, now: datetime) -> UUID:
    """Block a seller's payouts; return the block's id. Raises `NotFound` and as `escrow.block_payouts`."""
    await get_seller(tx, seller_id)
    return await escrow.block_payouts(tx, actor, seller_id, reason=reason, now=now)


async def lift_payout_block(tx: Tx, actor: Actor, seller_id: UUID, block_id: UUID, *, now: datetime) -> None:
    """Lift a block of a seller's payouts. Raises `NotFound` and as `escrow.lift_block`."""
    await get_seller(tx, seller_id)
    await escrow.lift_block(tx, actor, seller_id, block_id, now=now)


async def _step(tx: Tx, actor: Actor, seller_id: UUID, action: str, *, facts: Mapping[str, str], now: datetime) -> None:
    """Take a step of the life cycle: lock, check, write, tell. Orders that refer to the seller do not wait."""
    if seller_id in actor.seller_ids:
        raise Forbidden("own_case", "nobody decides about a seller that they act for")
    mine = select(Seller).where(Seller.id == seller_id).with_for_update(key_share=True)
    seller = await tx.scalar(mine.execution_options(populate_existing=True))
    if seller is None:
        raise NotFound("seller_not_found")
    step = SELLER.next(seller.status, action)
    seller.status = step.to
    await emit(tx, step.event, actor=actor, subject=("seller", seller_id), now=now, facts=facts)


_ABOVE = text(
    "WITH RECURSIVE above(id) AS (SELECT CAST(:principal AS uuid) UNION"
    " SELECT l.principal_id FROM agent_link l JOIN above a ON l.agent_id = a.id) SELECT id FROM above"
)
_IS_LINKED = text("SELECT 1 FROM agent_link WHERE agent_id = :agent AND principal_id = :principal")


async def _check_registration(tx: Tx, country: str, number: str) -> None:
    known = await tx.execute(
        text("SELECT 1 FROM seller WHERE country = :country AND registration_number = :number"),
        {"country": country, "number": number},
    )
    if known.first():
        raise Conflict("seller_registered_already", "a seller with this registration number exists")
