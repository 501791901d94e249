"""What happens to one hold: its window starts, is waived, claimed, refunded or settled."""

from datetime import datetime, timedelta
from uuid import UUID

from service.core.actor import Actor
from service.db.session import Tx
from service.escrow.tables import Hold


async def start_window(
    tx: Tx, hold_id: UUID, *, window: timedelta, proof_kind: str, proof_id: UUID | None, now: datetime
) -> None:
    """Start the window of a hold (of its open parts, if it was divided) at proof of delivery, which is `now`.

    `proof_kind` is carrier, hand_over or receipt. While frozen, the whole window is kept for later. Raises `NotFound`
    ("hold_not_found"), `Conflict` ("hold_state"), `Invalid` ("window_out_of_range"). Locks the holds.
    """
    raise NotImplementedError


async def waive_window(tx: Tx, actor: Actor, hold_id: UUID, *, now: datetime) -> None:
    """Release at once, because the buyer says so, from their own session.

    Raises `NotFound` ("hold_not_found") for another's hold, `Forbidden` ("waiver_needs_session"), `Conflict`
    ("hold_state", "hold_frozen"). Locks the scopes FOR SHARE, the hold, the seller's account.
    """
    raise NotImplementedError


async def claim_hold(
    tx: Tx, actor: Actor, hold_id: UUID, *, claimed_minor: int, source_id: UUID, now: datetime
) -> Hold:
    """Freeze what a claim asks for and return the frozen hold: the whole, or the child that the claim divides off.

    The rest keeps its window. `source_id` is the claim's, for `lift_freeze` and `settle_hold`. Ends the transaction if it
    takes over 3 s. Raises `NotFound` ("hold_not_found"), `Invalid` ("claim_not_positive", "claim_above_hold"),
    `Conflict` ("hold_state", "window_closed", "freeze_exists"). Locks the scopes FOR SHARE, then the hold.
    """
    raise NotImplementedError


async def refund_hold(tx: Tx, actor: Actor, hold_id: UUID, *, decided_by: UUID, now: datetime) -> None:
    """Give the whole open hold back to the buyer, frozen or not. `decided_by` is the decision's id.

    Raises `NotFound` ("hold_not_found"), `Conflict` ("hold_state"). Locks the hold.
    """
    raise NotImplementedError


async def settle_hold(  # noqa: PLR0913 - a decision has this many parts
    tx: Tx, actor: Actor, hold_id: UUID, *, buyer_minor: int, decided_by: UUID, source_id: UUID, now: datetime
) -> None:
    """Carry out a final decision: lift the source's freeze, refund `buyer_minor`, pay the seller the rest less the fee.

    While other freezes lie on the hold, only the buyer's part moves (the hold is divided), and the seller's part waits
    until the last is lifted, then goes at once. An undelivered hold of which the buyer gets nothing goes on waiting.
    Raises `NotFound` ("hold_not_found"), `Invalid` ("amount_out_of_range", "amount_above_hold"), `Conflict`
    ("hold_state"). Locks the scopes FOR SHARE, the hold, the seller's account.
    """
    raise NotImplementedError
