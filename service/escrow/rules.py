"""States, amounts and windows of held payments. Pure: time and amounts come in as arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from service.core.errors import Conflict, Invalid
from service.core.lifecycle import Lifecycle, row
from service.core.money import Money

RESUME_FLOOR = timedelta(hours=72)
"""The least that is left when a window resumes, granted once per hold. `30_escrow.sql` has the same figure."""
SWEEP_MARGIN = timedelta(seconds=5)
"""The sweep looks this long after the due time, so that a claim made in time has committed. SQL has it too."""
SHARDS = 64
"""Sweeps share the sellers by shards, so that two never wait for one account. `0002_40_sweep.sql` has the figure."""
CLAIM_SECONDS_MAX = 3
"""A claim's transaction may take so long; less than the sweep's margin."""
ASK_PAUSE_MAX = timedelta(minutes=10)
"""The longest pause between two questions about an unknown outcome."""
FEE_BPS_MAX = 10_000
WINDOW_MAX = timedelta(days=365)

HOLD = Lifecycle(
    "hold",
    "awaiting_delivery",
    [
        row("awaiting_delivery", "start_window", "in_window", "system", "hold.window_started"),
        row("awaiting_delivery", "refund", "refunded", "system seller mediator", "hold.refunded"),
        row("awaiting_delivery", "split", "split", "mediator", "hold.split"),
        row("awaiting_delivery", "divide", "divided", "buyer mediator", "hold.divided"),
        row("awaiting_delivery", "charge_back", "charged_back", "system", "hold.charged_back"),
        row("in_window", "release", "released", "system buyer mediator", "hold.released"),
        row("in_window", "refund", "refunded", "system seller mediator", "hold.refunded"),
        row("in_window", "split", "split", "mediator", "hold.split"),
        row("in_window", "divide", "divided", "buyer mediator", "hold.divided"),
        row("in_window", "charge_back", "charged_back", "system", "hold.charged_back"),
    ],
)
OPEN_STATES = frozenset({"awaiting_delivery", "in_window"})

PAYMENT = Lifecycle(
    "payment",
    "requested",
    [
        row("requested", "confirm", "done", "system", "payment.done"),
        row("requested", "refuse", "failed", "system", "payment.failed"),
        row("requested", "lose", "unknown", "system", "payment.unknown"),
        row("unknown", "confirm", "done", "system", "payment.done"),
        row("unknown", "refuse", "failed", "system", "payment.failed"),
    ],
)
PAYMENT_KINDS = ("capture", "refund", "payout", "deposit", "deposit_return")
MOVE_KINDS = ("payout", "deposit", "deposit_return")
"""Operations of a seller that belong to no order."""
WIRE_KINDS: Mapping[str, str] = {
    "capture": "capture",
    "refund": "refund",
    "payout": "payout",
    "deposit": "capture",
    "deposit_return": "payout",
}
"""What the provider is asked for: a deposit is captured from the seller, and goes back as a payout."""
BLOCK_REASONS = ("review", "suspected_fraud", "identity_unproved", "authority_order", "suspended")
PROOF_KINDS = ("carrier", "hand_over", "receipt")
FREEZE_KINDS = ("claim", "scope", "seal_failure", "unreachable_seller")
SCOPE_KINDS = ("batch", "seller", "seller_product")
CAUSES = ("sweep", "waiver", "refund", "ruling", "claim", "chargeback")


@dataclass(frozen=True, slots=True, order=True)
class ScopeKey:
    """What a freeze covers: `key` is the batch's or seller's id, or "seller_id:product_id"."""

    kind: str
    key: str

    @classmethod
    def batch(cls, batch_id: UUID) -> "ScopeKey":
        """Every hold of one batch, whoever sells it."""
        return cls("batch", str(batch_id))

    @classmethod
    def seller(cls, seller_id: UUID) -> "ScopeKey":
        """Every hold of one seller."""
        return cls("seller", str(seller_id))

    @classmethod
    def seller_product(cls, seller_id: UUID, product_id: UUID) -> "ScopeKey":
        """Holds of one seller and product whose batch nobody has named yet."""
        return cls("seller_product", f"{seller_id}:{product_id}")


@dataclass(frozen=True, slots=True)
class Parts:
    """How a hold's amount ends: the buyer's part, the seller's, and the fee out of the seller's."""

    buyer: Money
    seller: Money
    fee: Money


def part(amount: Money, buyer_minor: int, fee_bps: int) -> Parts:
    """Share `amount`: the buyer gets `buyer_minor`, the seller the rest less the fee, which is rounded down.

    No fee on the buyer's part. Raises `Invalid` ("amount_out_of_range", "amount_above_hold").
    """
    buyer = Money(buyer_minor, amount.currency)
    if buyer.amount_minor > amount.amount_minor:
        raise Invalid("amount_above_hold", "more than the hold", held_minor=amount.amount_minor, field="buyer_minor")
    rest = amount - buyer
    fee = rest.share_down(fee_bps)
    return Parts(buyer=buyer, seller=rest - fee, fee=fee)


def check_claim(amount: Money, claimed_minor: int) -> None:
    """Raise `Invalid` ("claim_not_positive", "claim_above_hold") unless 0 < claimed <= amount."""
    if claimed_minor <= 0:
        raise Invalid("claim_not_positive", "a claim asks for at least 1 minor unit", field="claimed_minor")
    if claimed_minor > amount.amount_minor:
        raise Invalid(
            "claim_above_hold",
            "a claim asks for at most the hold",
            held_minor=amount.amount_minor,
            field="claimed_minor",
        )


def check_window_open(window_ends_at: datetime | None, now: datetime) -> None:
    """Raise `Conflict` ("window_closed") if a running window has ended; without one (not delivered, paused) it is open.

    `now` is the claim's transaction time: what it judges is made before the sweep's margin has passed.
    """
    if window_ends_at is not None and now > window_ends_at:
        raise Conflict("window_closed", "the time for a claim has passed", window_ends_at=window_ends_at.isoformat())


def left_when_paused(window_ends_at: datetime, at: datetime) -> timedelta:
    """Return what is left of a window at `at`: whole seconds, rounded up (the seller waits), at least 0."""
    return timedelta(seconds=max(0, ceil((window_ends_at - at) / timedelta(seconds=1))))


@dataclass(frozen=True, slots=True)
class Resumed:
    """A window that runs again."""

    ends_at: datetime
    has_used_floor: bool


def resume(left: timedelta, at: datetime, *, has_used_floor: bool) -> Resumed:
    """Return the window that resumes at `at` with max(left, 72 h); the floor helps once per hold."""
    if has_used_floor or left >= RESUME_FLOOR:
        return Resumed(at + left, has_used_floor)
    return Resumed(at + RESUME_FLOOR, has_used_floor=True)


def ask_pause(asked_count: int) -> timedelta:
    """Return how long to wait before asking the provider again: 2 s, 4 s, 8 s ... up to 10 minutes."""
    return min(timedelta(seconds=2 ** min(asked_count + 1, 20)), ASK_PAUSE_MAX)


@dataclass(frozen=True, slots=True)
class OpenPart:
    """An open hold of a capture that is charged back."""

    hold_id: UUID
    amount_minor: int
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class ChargebackParts:
    """What a chargeback does: `held` ends (hold, minor units of it), `owed_minor` the seller owes, the rest stays."""

    held: tuple[tuple[UUID, int], ...]
    owed_minor: int
    unmoved_minor: int

    @property
    def held_minor(self) -> int:
        """What ends of open holds."""
        return sum(minor for _, minor in self.held)


def share_chargeback(amount_minor: int, parts: Sequence[OpenPart], released_minor: int) -> ChargebackParts:
    """Share a chargeback: out of open holds first (frozen ones before others, then by id), then out of what was paid.

    `released_minor` is what the seller and the fees have had of the capture and nobody owes yet.
    """
    held = []
    left = amount_minor
    for part_ in sorted(parts, key=lambda each: (not each.is_frozen, each.hold_id)):
        if left:
            taken = min(left, part_.amount_minor)
            held.append((part_.hold_id, taken))
            left -= taken
    owed = min(left, max(0, released_minor))
    return ChargebackParts(tuple(held), owed, left - owed)
