"""The one way to end a hold: insert its resolution. The trigger of `resolution` does the rest or fails whole."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update

from service.core.actor import Actor
from service.core.ids import new_id
from service.db.session import Tx
from service.escrow.rules import HOLD, Parts
from service.escrow.tables import Hold, HoldFreeze, Payment, Resolution
from service.jobs.queue import enqueue

_ACTIONS = {"released": "release", "refunded": "refund", "split": "split", "divided": "divide"}


def outcome_of(parts: Parts) -> str:
    """Return how a hold that is shared so ends: released, refunded or split."""
    if parts.buyer.amount_minor == 0:
        return "released"
    return "split" if parts.seller.amount_minor + parts.fee.amount_minor > 0 else "refunded"


async def end_hold(
    tx: Tx, actor: Actor, hold: Hold, parts: Parts, *, cause: str, decision_id: UUID | None = None, now: datetime
) -> None:
    """End a locked hold: pay the parts, and ask the provider, after the commit, to refund the buyer's.

    Raises `Conflict` ("hold_state"). Locks the scopes FOR SHARE (when it pays the seller) and the seller's account.
    """
    outcome = outcome_of(parts)
    HOLD.next(hold.state, _ACTIONS[outcome])
    await tx.execute(
        insert(Resolution).values(
            **_facts(actor, hold, cause=cause, decision_id=decision_id, now=now),
            outcome=outcome,
            buyer_minor=parts.buyer.amount_minor,
            seller_minor=parts.seller.amount_minor,
            fee_minor=parts.fee.amount_minor,
        )
    )
    await tx.refresh(hold)
    if parts.buyer.amount_minor > 0:
        refund_id = (await tx.scalars(select(Payment.id).where(Payment.hold_id == hold.id))).one()
        await enqueue(tx, "escrow.send_refund", {"payment_id": str(refund_id)})


async def divide_hold(
    tx: Tx, actor: Actor, hold: Hold, claimed_minor: int, *, cause: str, decision_id: UUID | None, now: datetime
) -> tuple[UUID, UUID]:
    """End a locked hold as divided; return the ids of its children: the part of `claimed_minor`, and the rest.

    Both have the parent's window and freezes. Raises `Conflict` ("hold_state"). Locks the scopes FOR SHARE.
    """
    HOLD.next(hold.state, _ACTIONS["divided"])
    claimed_id, rest_id = new_id(), new_id()
    await tx.execute(
        insert(Resolution).values(
            **_facts(actor, hold, cause=cause, decision_id=decision_id, now=now),
            outcome="divided",
            buyer_minor=0,
            seller_minor=0,
            fee_minor=0,
            claimed_minor=claimed_minor,
            rest_minor=hold.amount_minor - claimed_minor,
            claimed_hold_id=claimed_id,
            rest_hold_id=rest_id,
        )
    )
    await tx.refresh(hold)
    return claimed_id, rest_id


async def charge_back_hold(tx: Tx, actor: Actor, hold: Hold, *, decision_id: UUID, now: datetime) -> None:
    """End a locked hold, frozen or not, because the payer's bank took its money; `decision_id` is the chargeback's.

    Its freezes are lifted: they have nothing left to hold back. Raises `Conflict` ("hold_state"; from the database
    "chargeback_missing").
    """
    outcome = HOLD.next(hold.state, "charge_back").to
    await tx.execute(
        insert(Resolution).values(
            **_facts(actor, hold, cause="chargeback", decision_id=decision_id, now=now),
            outcome=outcome,
            buyer_minor=hold.amount_minor,
            seller_minor=0,
            fee_minor=0,
        )
    )
    await tx.execute(
        update(HoldFreeze)
        .where(HoldFreeze.hold_id == hold.id, HoldFreeze.lifted_at.is_(None))
        .values(lifted_at=func.greatest(HoldFreeze.at, now), lifted_by=actor.person_id)
        .execution_options(synchronize_session=False)
    )
    await tx.refresh(hold)


def _facts(actor: Actor, hold: Hold, *, cause: str, decision_id: UUID | None, now: datetime) -> dict[str, object]:
    return {
        "hold_id": hold.id,
        "tenant_id": hold.tenant_id,
        "seller_id": hold.seller_id,
        "currency": hold.currency,
        "amount_minor": hold.amount_minor,
        "fee_bps": hold.fee_bps,
        "cause": cause,
        "decision_id": decision_id,
        "actor_id": actor.person_id,
        "at": now,
    }
