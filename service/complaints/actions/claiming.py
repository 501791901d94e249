"""Freezing what a complaint claims."""

from datetime import datetime
from uuid import UUID

from service.complaints.tables import Complaint
from service.core.actor import SYSTEM, Actor
from service.core.errors import Conflict
from service.db.session import Tx
from service.escrow import actions as escrow
from service.escrow.queries import HoldView, get_hold, hold_by_reference


async def claim(tx: Tx, actor: Actor, complaint: Complaint, asked: Complaint, *, now: datetime) -> bool:
    """Freeze for a complaint what `asked` (itself, or an addition to it) asks for; False where that is no money.

    Who wants all their money back claims all that is held. A ruling that was made without the claim does not decide it,
    so none comes after one. Raises `Conflict` ("ruled_already", "nothing_held", "hold_claimed_already",
    "window_closed"), `Invalid` ("claim_above_hold"). Locks the scopes FOR SHARE, then the hold.
    """
    wants_all = asked.wanted == "refund" and asked.claim_minor is None
    if complaint.order_id is None or not (wants_all or asked.claim_minor is not None):
        return False
    if complaint.ruled_at is not None:
        raise Conflict("ruled_already", "a mediator has ruled on this case")
    hold = await _claimable(tx, complaint.order_id)
    claimed = hold.amount.amount_minor if asked.claim_minor is None else asked.claim_minor
    frozen = await escrow.claim_hold(tx, actor, hold.id, claimed_minor=claimed, source_id=complaint.id, now=now)
    await _refuse_second_claim(tx, frozen.id, complaint.order_id)
    complaint.hold_id, complaint.claim_minor, complaint.currency = frozen.id, claimed, frozen.currency
    return True


async def _claimable(tx: Tx, order_id: UUID) -> HoldView:
    """Return the largest part of the order's payment that is held and that no claim has frozen yet."""
    whole = await hold_by_reference(tx, order_id)
    held = [] if whole is None else whole.open_holds
    if not held:
        raise Conflict("nothing_held", "no payment of this order is held any more", order_id=str(order_id))
    free = [hold for hold in held if not any(freeze.kind == "claim" for freeze in hold.freezes)]
    if not free:
        raise _claimed_already(order_id)
    return max(free, key=lambda hold: (hold.amount.amount_minor, hold.id))


async def _refuse_second_claim(tx: Tx, hold_id: UUID, order_id: UUID) -> None:
    """Look again, now that the hold is locked: another complaint may have claimed it a moment ago."""
    claimed = await get_hold(tx, SYSTEM, hold_id)
    if sum(freeze.kind == "claim" for freeze in claimed.freezes) > 1:
        raise _claimed_already(order_id)


def _claimed_already(order_id: UUID) -> Conflict:
    return Conflict("hold_claimed_already", "another complaint has claimed this payment", order_id=str(order_id))
