"""Ask for a payment, learn how it went, fund the hold, and what is learned of the order later."""

from datetime import datetime
from uuid import UUID

from service.core.money import Money
from service.db.session import Tx
from service.escrow.tables import Payment


async def request_payment(  # noqa: PLR0913 - the facts that the hold will carry
    tx: Tx,
    *,
    tenant_id: UUID,
    reference_id: UUID,
    seller_id: UUID,
    buyer_id: UUID | None,
    product_id: UUID,
    batch_id: UUID | None,
    amount: Money,
    fee_bps: int,
    now: datetime,
) -> Payment:
    """Ask the provider, after the commit, to capture `amount`; the hold exists once that is done ("hold.funded").

    Raises `Conflict` ("payment_exists") while the reference has a capture that has not failed, `Invalid`
    ("amount_not_positive").
    """
    raise NotImplementedError


async def record_outcome(tx: Tx, payment_id: UUID, *, state: str, reason: str | None = None, now: datetime) -> bool:
    """Record how the provider's operation went ("done", "failed", "unknown"); whether that was news."""
    raise NotImplementedError


async def set_buyer(tx: Tx, reference_id: UUID, buyer_id: UUID) -> None:
    """Name the buyer of a reference's payment and holds, when the order was claimed."""
    raise NotImplementedError


async def name_batch(tx: Tx, reference_id: UUID, batch_id: UUID, *, now: datetime) -> None:
    """Name the batch of a reference: its holds move to that batch's scope, with the freezes that lie on it.

    Freezes that lay only on "seller and product, batch unknown" are lifted. Locks scopes FOR SHARE, then the holds.
    """
    raise NotImplementedError
