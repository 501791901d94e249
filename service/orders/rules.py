"""States, codes and digests of orders; pure."""

import hmac
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from service.core.errors import Conflict, Invalid
from service.core.lifecycle import Lifecycle, Transition, row

ORDER = Lifecycle(
    "order",
    "placed",
    [
        row("placed", "pay", "placed", "platform", "order.payment_requested"),
        row("placed", "fund", "paid", "system", "order.paid"),
        row("placed", "pack", "placed", "seller", "order.packing_added"),
        row("paid", "pack", "paid", "seller", "order.packing_added"),
        row("paid", "ship", "shipped", "seller platform", "order.shipped"),
        row("paid", "cancel", "cancelled", "system", "order.cancelled"),
        row("shipped", "ask_arrival", "shipped", "system", "order.arrival_asked"),
        row("shipped", "deny_arrival", "shipped", "buyer", "order.arrival_denied"),
        row("shipped", "cancel", "cancelled", "system", "order.cancelled"),
        row("shipped", "deliver", "delivered", "carrier buyer seller platform", "order.delivered"),
        row("shipped", "receive", "delivered", "buyer", "order.received"),
        row("delivered", "receive", "delivered", "buyer", "order.received"),
    ],
)

CLAIM_CODE_LASTS = timedelta(days=30)
CLAIM_CODE_LETTERS = 12
_CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HAND_OVER_DIGITS = 6
HAND_OVER_ATTEMPTS_MAX = 5
UNITS_MAX = 1_000_000
PACKING_PHOTOS_MAX = 10

# Names of promises (deadlines) of orders.
SHIP, DELIVER, ASK_AGAIN, ANSWER, PROVE, ASK_CARRIER = (
    "ship_order", "deliver_order", "ask_arrival", "answer_arrival", "prove_delivery", "ask_carrier",
)  # fmt: skip
PROMISES = (SHIP, DELIVER, ASK_AGAIN, ANSWER, PROVE, ASK_CARRIER)
NOT_SHIPPED, NOT_DELIVERED, REFUNDED = "not_shipped", "not_delivered", "refunded"
CANCEL_REASONS = (NOT_SHIPPED, NOT_DELIVERED, REFUNDED)
CARRIER_PAUSE_FIRST = timedelta(hours=6)
"""How long after the shipment the carrier is first asked. `0002_60_carriers.sql` has the same figure."""
CARRIER_PAUSE_MAX = timedelta(days=1)


def carrier_pause(asked_count: int) -> timedelta:
    """Return how long to wait before a carrier is asked again about a parcel: 6 h, 12 h, then a day each."""
    doublings: int = 2 ** min(asked_count, 10)
    return min(CARRIER_PAUSE_FIRST * doublings, CARRIER_PAUSE_MAX)


def packing_step(status: str) -> Transition:
    """Return the step that adds packing photos; raises `Conflict` ("packing_closed") once the order was sent or ended.

    What was not committed before the parcel left proves nothing, so it goes into a case as evidence instead.
    """
    found = ORDER.table.get((status, "pack"))
    if found is None:
        raise Conflict("packing_closed", "packing photos are taken before the parcel is sent", status=status)
    return found


def check_packing_count(new: int, kept: int) -> None:
    """Raise `Invalid` ("file_missing", "packing_photos_too_many") unless an order can take `new` photos more."""
    if new == 0:
        raise Invalid("file_missing", "the form has no file", field="files")
    if new + kept > PACKING_PHOTOS_MAX:
        raise Invalid(
            "packing_photos_too_many", "the order holds too many photos", field="files", limit=PACKING_PHOTOS_MAX
        )


@dataclass(frozen=True, slots=True)
class NextStep:
    """What a side may do for an order, until when, and what happens by itself if it does not."""

    action: str
    side: str
    due_at: datetime | None = None
    on_expiry: str | None = None


def next_steps(status: str, *, is_asked: bool, is_denied: bool, due: Mapping[str, datetime]) -> list[NextStep]:
    """Return the open steps of an order whose payment is held; `due` has its promises' times by name.

    `on_expiry` is refunded, or buyer_asked.
    """
    if status == "paid":
        return [NextStep("ship", "seller", due.get(SHIP), REFUNDED)]
    if status != "shipped":
        return []
    if is_denied:
        return [NextStep("prove_delivery", "seller", due.get(PROVE), REFUNDED), NextStep("confirm_receipt", "buyer")]
    if is_asked:
        until = due.get(ANSWER)
        return [
            NextStep("answer_arrival", "buyer", until, REFUNDED),
            NextStep("prove_delivery", "seller", until, REFUNDED),
        ]
    return [NextStep("prove_delivery", "seller", due.get(DELIVER), "buyer_asked"), NextStep("confirm_receipt", "buyer")]


def claim_code(random_bytes: bytes) -> str:
    """Return a code such as `7K3M-9QXT-42AB` of at least 8 random bytes: 60 bits, so it cannot be guessed."""
    number = int.from_bytes(random_bytes[:8], "big")
    letters = "".join(_CODE_ALPHABET[(number >> (5 * place)) & 31] for place in range(CLAIM_CODE_LETTERS))
    return "-".join(letters[start : start + 4] for start in range(0, CLAIM_CODE_LETTERS, 4))


def fold_claim_code(typed: str) -> str:
    """Return a typed claim code in its one form; raises `Invalid` ("claim_code_wrong")."""
    folded = unicodedata.normalize("NFKC", typed).upper().replace("-", "").replace(" ", "")
    folded = folded.translate(str.maketrans("ILO", "110"))
    if len(folded) != CLAIM_CODE_LETTERS or any(letter not in _CODE_ALPHABET for letter in folded):
        raise Invalid("claim_code_wrong", "a code looks like 7K3M-9QXT-42AB", field="code")
    return folded


def hand_over_code(secret: str, order_id: UUID) -> str:
    """Return the six figures that the buyer gives at the door; they follow from the order, so nothing is stored."""
    mac = hmac.digest(secret.encode(), b"hand-over " + order_id.bytes, "sha256")
    return str(int.from_bytes(mac[:8], "big") % 10**HAND_OVER_DIGITS).zfill(HAND_OVER_DIGITS)


def digest(secret: str, kind: str, value: str | None) -> str | None:
    """Return a salted digest by which equal payers, devices, addresses or contacts are recognised, or None without one.

    Case, width and inner spaces do not count.
    """
    if value is None or not value.strip():
        return None
    folded = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    return hmac.digest(secret.encode(), f"{kind} {folded}".encode(), "sha256").hex()


def check_delivered_between(created_at: datetime, delivered_at: datetime, *, paid_at: datetime, now: datetime) -> None:
    """Raise `Conflict` ("proof_too_old", "proof_from_future"): a parcel of before the payment proves nothing."""
    if created_at < paid_at:
        raise Conflict("proof_too_old", "the parcel was handed over before the order was paid")
    if delivered_at > now or delivered_at < created_at:
        raise Conflict("proof_from_future", "the record's times do not fit")
