"""States of disputes and who may decide one; pure."""

from collections.abc import Collection
from uuid import UUID

from service.core.errors import Forbidden, Invalid
from service.core.lifecycle import Lifecycle, row
from service.core.money import Money

DISPUTE = Lifecycle(
    "dispute",
    "queued",
    [
        row("queued", "assign", "in_review", "mediator supervisor", "dispute.assigned"),
        row("in_review", "assign", "in_review", "supervisor", "dispute.assigned"),
        row("in_review", "rule", "ruled", "mediator supervisor", "dispute.ruled"),
        row("in_review", "escalate", "queued", "system", "dispute.overdue"),
        row("queued", "escalate", "queued", "system", "dispute.overdue"),
        row("ruled", "accept", "ruled", "buyer seller", "dispute.accepted"),
        row("ruled", "finalise", "final", "system", "dispute.final"),
        row("queued", "settle", "final", "system", "dispute.settled"),
        row("in_review", "settle", "final", "system", "dispute.settled"),
        row("ruled", "settle", "final", "system", "dispute.settled"),
    ],
)
SIDES = ("buyer", "seller")
REASONS_LENGTH_MAX = 5_000


def check_impartial(
    mediator_id: UUID, *, buyer_id: UUID | None, seller_people: Collection[UUID], ruled_before: Collection[UUID]
) -> None:
    """Raise `Forbidden` ("mediator_is_party", "mediator_ruled_before"): no case of one's own, none twice."""
    if mediator_id == buyer_id or mediator_id in seller_people:
        raise Forbidden("mediator_is_party", "nobody decides a case that they are party to")
    if mediator_id in ruled_before:
        raise Forbidden("mediator_ruled_before", "whoever ruled on a case does not rule on it again")


def check_share(buyer: Money, held: Money | None) -> None:
    """Raise `Invalid` unless the buyer's part fits what the claim froze: its currency, and at most its amount."""
    if held is None:
        if buyer.amount_minor:
            raise Invalid("nothing_held", "no payment is held for this case", field="buyer")
        return
    if buyer.currency != held.currency:
        raise Invalid("currency_mismatch", "the payment is held in another currency", field="buyer", held=held.currency)
    if buyer.amount_minor > held.amount_minor:
        raise Invalid("amount_above_hold", "more than is held", field="buyer", held_minor=held.amount_minor)


def still_due(buyer_minor: int, held_minor: int, left_minor: int | None) -> int:
    """Return what of a ruling's `buyer_minor` out of `held_minor` is left to pay, in minor units, at least 0.

    What a chargeback took of the claim since the ruling (`left_minor` of it is left) the buyer has from the bank.
    """
    given = max(0, held_minor - (held_minor if left_minor is None else left_minor))
    return max(0, buyer_minor - given)
