"""What happens to one hold: its window starts, is waived, claimed, refunded or settled."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text

from service.core.actor import SYSTEM, Actor, SignIn
from service.core.errors import Conflict, Forbidden, Invalid, NotFound, ensure
from service.core.money import Money
from service.db.locks import locked
from service.db.session import Tx
from service.escrow.actions.ending import divide_hold, end_hold, outcome_of
from service.escrow.actions.freezing import add_freeze
from service.escrow.actions.locking import lock_hold, lock_hold_in_scopes
from service.escrow.rules import CLAIM_SECONDS_MAX, HOLD, PROOF_KINDS, WINDOW_MAX, check_claim, check_window_open, part
from service.escrow.tables import Hold, HoldFreeze
from service.events.log import emit


async def start_window(
    tx: Tx, hold_id: UUID, *, window: timedelta, proof_kind: str, proof_id: UUID | None, now: datetime
) -> None:
    """Start the window of a hold (of its open parts, if it was divided) at proof of delivery, which is `now`.

    `proof_kind` is carrier, hand_over or receipt. While frozen, the whole window is kept for later. Raises `NotFound`
    ("hold_not_found"), `Conflict` ("hold_state"), `Invalid` ("window_out_of_range"). Locks the holds.
    """
    ensure(proof_kind in PROOF_KINDS, f"{proof_kind} is a kind of proof")
    if not timedelta(0) < window <= WINDOW_MAX:
        raise Invalid("window_out_of_range", "a window is longer than nothing and at most a year")
    for hold in await _open_parts(tx, await lock_hold(tx, hold_id)):
        step = HOLD.next(hold.state, "start_window")
        hold.state = step.to
        hold.delivered_at, hold.proof_kind, hold.proof_id = now, proof_kind, proof_id
        if hold.freeze_count:
            hold.window_left_seconds = int(window.total_seconds())
        else:
            hold.window_ends_at = now + window
        facts = {"reference_id": str(hold.reference_id), "proof_kind": proof_kind}
        if hold.window_ends_at is not None:
            facts["window_ends_at"] = hold.window_ends_at.isoformat()
        await emit(
            tx, step.event, actor=SYSTEM, subject=("hold", hold.id), now=now, tenant_id=hold.tenant_id, facts=facts
        )
    await tx.flush()  # set-based statements that follow in this transaction must see the window


async def waive_window(tx: Tx, actor: Actor, hold_id: UUID, *, now: datetime) -> None:
    """Release at once, because the buyer says so, from their own session.

    Raises `NotFound` ("hold_not_found") for another's hold, `Forbidden` ("waiver_needs_session"), `Conflict`
    ("hold_state", "hold_frozen"). Locks the scopes FOR SHARE, the hold, the seller's account.
    """
    hold = await lock_hold_in_scopes(tx, hold_id, now=now)
    if actor.person_id is None or hold.buyer_id != actor.person_id:
        raise NotFound("hold_not_found", "there is no such held payment")
    if actor.sign_in is not SignIn.SESSION:
        raise Forbidden("waiver_needs_session", "only the buyer, signed in, may give up the window")
    HOLD.next(hold.state, "release")
    if hold.freeze_count:
        raise Conflict("hold_frozen", "a frozen payment is not released", freeze_count=hold.freeze_count)
    await end_hold(tx, actor, hold, part(_amount(hold), 0, hold.fee_bps), cause="waiver", now=now)


async def claim_hold(
    tx: Tx, actor: Actor, hold_id: UUID, *, claimed_minor: int, source_id: UUID, now: datetime
) -> Hold:
    """Freeze what a claim asks for and return the frozen hold: the whole, or the child that the claim divides off.

    The rest keeps its window. `source_id` is the claim's, for `lift_freeze` and `settle_hold`. Ends the transaction if
    it takes over 3 s. Raises `NotFound` ("hold_not_found"), `Invalid` ("claim_not_positive", "claim_above_hold"),
    `Conflict` ("hold_state", "window_closed", "freeze_exists"). Locks the scopes FOR SHARE, then the hold.
    """
    await tx.limit_seconds(CLAIM_SECONDS_MAX)
    hold = await lock_hold_in_scopes(tx, hold_id, now=now)
    HOLD.next(hold.state, "divide")
    check_claim(_amount(hold), claimed_minor)
    check_window_open(hold.window_ends_at, now)
    if claimed_minor < hold.amount_minor:
        claimed_id, _ = await divide_hold(tx, actor, hold, claimed_minor, cause="claim", decision_id=source_id, now=now)
        hold = await lock_hold(tx, claimed_id)
    await add_freeze(tx, actor, hold, kind="claim", source_id=source_id, now=now)
    return hold


async def refund_hold(tx: Tx, actor: Actor, hold_id: UUID, *, decided_by: UUID, now: datetime) -> None:
    """Give the whole open hold back to the buyer, frozen or not. `decided_by` is the decision's id.

    Raises `NotFound` ("hold_not_found"), `Conflict` ("hold_state"). Locks the hold.
    """
    hold = await lock_hold(tx, hold_id)
    await _refund(tx, actor, hold, cause="refund", decided_by=decided_by, now=now)


async def settle_hold(
    tx: Tx, actor: Actor, hold_id: UUID, *, buyer_minor: int, decided_by: UUID, source_id: UUID, now: datetime
) -> None:
    """Carry out a final decision: lift the source's freeze, refund `buyer_minor`, pay the seller the rest less the fee.

    While other freezes lie on the hold, only the buyer's part moves (the hold is divided), and the seller's part waits
    until the last is lifted, then goes at once. An undelivered hold of which the buyer gets nothing goes on waiting.
    Raises `NotFound` ("hold_not_found"), `Invalid` ("amount_out_of_range", "amount_above_hold"), `Conflict`
    ("hold_state"). Locks the scopes FOR SHARE, the hold, the seller's account.
    """
    hold = await lock_hold_in_scopes(tx, hold_id, now=now)
    HOLD.next(hold.state, "refund")
    parts = part(_amount(hold), buyer_minor, hold.fee_bps)
    outcome = outcome_of(parts)
    await _lift_one(tx, actor, hold, source_id, now)
    if outcome == "refunded":
        await _refund(tx, actor, hold, cause="ruling", decided_by=decided_by, now=now)
    elif outcome == "released" and hold.state == HOLD.initial:
        return
    elif hold.freeze_count == 0:
        await end_hold(tx, actor, hold, parts, cause="ruling", decision_id=decided_by, now=now)
    else:
        await _settle_frozen(tx, actor, hold, buyer_minor, decided_by, now)


async def _settle_frozen(tx: Tx, actor: Actor, hold: Hold, buyer_minor: int, decided_by: UUID, now: datetime) -> None:
    """Refund the buyer's part now, and leave the seller's with an empty window, due when the last freeze is lifted."""
    seller_part = hold
    if buyer_minor:
        refund_id, rest_id = await divide_hold(
            tx, actor, hold, buyer_minor, cause="ruling", decision_id=decided_by, now=now
        )
        await _refund(tx, actor, await lock_hold(tx, refund_id), cause="ruling", decided_by=decided_by, now=now)
        seller_part = await lock_hold(tx, rest_id)
    await tx.execute(text("SELECT fairhold_owe_seller(:hold_id)"), {"hold_id": seller_part.id})
    await tx.refresh(seller_part)


async def _refund(tx: Tx, actor: Actor, hold: Hold, *, cause: str, decided_by: UUID, now: datetime) -> None:
    parts = part(_amount(hold), hold.amount_minor, hold.fee_bps)
    await end_hold(tx, actor, hold, parts, cause=cause, decision_id=decided_by, now=now)


async def _lift_one(tx: Tx, actor: Actor, hold: Hold, source_id: UUID, now: datetime) -> None:
    live = await tx.scalar(
        select(HoldFreeze).where(
            HoldFreeze.hold_id == hold.id, HoldFreeze.source_id == source_id, HoldFreeze.lifted_at.is_(None)
        )
    )
    if live is not None:
        live.lifted_at, live.lifted_by = max(live.at, now), actor.person_id
        await tx.flush()  # the trigger counts it on the hold
        await tx.refresh(hold)


async def _open_parts(tx: Tx, hold: Hold) -> list[Hold]:
    """Return the hold, or if it was divided its open descendants, locked by id."""
    if hold.state != "divided":
        return [hold]
    parts = select(Hold).where(Hold.payment_id == hold.payment_id, Hold.ended_at.is_(None), Hold.id > hold.id)
    return list(await tx.scalars(locked(parts.order_by(Hold.id))))


def _amount(hold: Hold) -> Money:
    return Money(hold.amount_minor, hold.currency)
