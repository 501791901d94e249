"""Reasons that a seller is paid nothing out. A payout that has not committed before a block sees it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update

from service.core.actor import Actor
from service.core.errors import Conflict, Forbidden, NotFound, ensure
from service.core.ids import new_id
from service.db.locks import locked
from service.db.session import Tx
from service.escrow.rules import BLOCK_REASONS
from service.escrow.tables import PayoutBlock
from service.events.log import emit

SUSPENDED = "suspended"
"""The one of `rules.BLOCK_REASONS` that follows the seller's state; people neither make nor lift it by itself."""


async def block_payouts(tx: Tx, actor: Actor, seller_id: UUID, *, reason: str, now: datetime) -> UUID:
    """Block a seller's payouts and withdrawals for one of `rules.BLOCK_REASONS`; return the block's id.

    What is on its way already goes on. Raises `Forbidden` ("own_case"), `Conflict` ("block_exists"). Locks the seller's
    scope FOR UPDATE.
    """
    ensure(reason in BLOCK_REASONS, f"{reason} is a reason to block payouts")
    _refuse_own(actor, seller_id)
    live = select(PayoutBlock.id).where(
        PayoutBlock.seller_id == seller_id, PayoutBlock.reason == reason, PayoutBlock.lifted_at.is_(None)
    )
    if (known := await tx.scalar(live)) is not None:  # the unique index decides between two at once
        raise Conflict("block_exists", "payouts are blocked for this reason", block_id=str(known))
    block_id = new_id()
    await tx.execute(
        insert(PayoutBlock).values(id=block_id, seller_id=seller_id, reason=reason, actor_id=actor.person_id, at=now)
    )
    await _tell(tx, actor, "payouts.blocked", seller_id, block_id, reason, now)
    return block_id


async def lift_block(tx: Tx, actor: Actor, seller_id: UUID, block_id: UUID, *, now: datetime) -> None:
    """Lift a block; lifting twice changes nothing. Locks the block.

    Raises `Forbidden` ("own_case"), `NotFound` ("block_not_found"), `Conflict` ("block_of_suspension": it ends with the
    suspension).
    """
    _refuse_own(actor, seller_id)
    query = select(PayoutBlock).where(PayoutBlock.id == block_id, PayoutBlock.seller_id == seller_id)
    block = await tx.scalar(locked(query))
    if block is None:
        raise NotFound("block_not_found", "this seller has no such block")
    if block.lifted_at is not None:
        return
    if block.reason == SUSPENDED:
        raise Conflict("block_of_suspension", "this block ends when the seller is reinstated")
    await _lift(tx, actor, block, now)


async def keep_suspension(tx: Tx, actor: Actor, seller_id: UUID, *, is_suspended: bool, now: datetime) -> None:
    """Make the block of a suspended seller be there or not; doing it again changes nothing.

    The caller holds the seller's lock, so that two suspensions take turns. Raises `Forbidden` ("own_case").
    """
    live = select(PayoutBlock).where(
        PayoutBlock.seller_id == seller_id, PayoutBlock.reason == SUSPENDED, PayoutBlock.lifted_at.is_(None)
    )
    block = await tx.scalar(live)
    if is_suspended and block is None:
        await block_payouts(tx, actor, seller_id, reason=SUSPENDED, now=now)
    elif not is_suspended and block is not None:
        _refuse_own(actor, seller_id)
        await _lift(tx, actor, block, now)


async def _lift(tx: Tx, actor: Actor, block: PayoutBlock, now: datetime) -> None:
    await tx.execute(
        update(PayoutBlock)
        .where(PayoutBlock.id == block.id)
        .values(lifted_at=func.greatest(PayoutBlock.at, now), lifted_by=actor.person_id)
    )
    await _tell(tx, actor, "payouts.block_lifted", block.seller_id, block.id, block.reason, now)


def _refuse_own(actor: Actor, seller_id: UUID) -> None:
    if seller_id in actor.seller_ids:
        raise Forbidden("own_case", "nobody decides about a seller that they act for")


async def _tell(tx: Tx, actor: Actor, name: str, seller_id: UUID, block_id: UUID, reason: str, now: datetime) -> None:
    facts = {"block_id": str(block_id), "reason": reason}
    await emit(tx, name, actor=actor, subject=("seller", seller_id), now=now, facts=facts)
