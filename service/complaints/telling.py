"""Which events of a case its parties learn of, and which facts of each. Pure; ranks as `rules`.

A list of what is allowed: an event that nobody has put here is for mediators, regulators and operators alone, and a
fact that stands beside no event is told to nobody.
"""

from collections.abc import Mapping
from typing import Any, Final

from service.complaints.rules import Side

Facts = frozenset[str]
Told = Mapping[str, Facts]
STAFF: Final[frozenset[Side]] = frozenset({"mediator", "regulator", "operator", "system"})


def _rows(text: str) -> Told:
    """Return event -> facts of lines "event: fact fact"."""
    lines = (line.partition(":") for line in text.split("\n") if line.strip())
    return {name.strip(): frozenset(facts.split()) for name, _, facts in lines}


PARTIES: Final = _rows("""
    complaint.submitted: kind harm risk claim_minor currency
    complaint.triaged: reason
    complaint.with_seller:
    complaint.answered: decision
    complaint.entry_added: count
    complaint.evidence_added: count
    complaint.linked: batch_id product_id link_by is_strict match_status
    complaint.harm_raised: harm risk reason
    complaint.claim_added: claim_minor currency
    complaint.claim_reduced: amount_minor currency
    complaint.offer_made: offer_id kind amount_minor currency due_at
    complaint.offer_accepted: offer_id kind amount_minor currency
    complaint.offer_refused: offer_id kind amount_minor currency
    complaint.offer_expired: offer_id kind amount_minor currency
    complaint.offer_expiring: offer_id due_at
    complaint.offer_withdrawn: offer_id kind amount_minor currency
    complaint.challenge_asked: asked_side due_at
    complaint.challenge_opened: asked_side due_at
    complaint.challenge_answered: asked_side
    complaint.challenge_late: asked_side
    complaint.challenge_expired: asked_side reason
    complaint.challenge_judged: asked_side verdict
    complaint.challenge_withdrawn: asked_side reason
    complaint.disputed: reason
    complaint.returned:
    complaint.joined:
    complaint.settled: outcome buyer_minor currency
    complaint.closed: reason
    complaint.withdrawn:
    dispute.opened:
    dispute.assigned:
    dispute.overdue:
    dispute.ruled: buyer_minor seller_minor fee_minor currency
    dispute.accepted:
    dispute.settled:
    dispute.final:
    hold.funded: amount_minor currency
    hold.batch_named: batch_id
    hold.frozen: kind
    hold.freeze_lifted: kind
    hold.window_started: proof_kind window_ends_at
    hold.window_resumed: window_ends_at
    hold.divided: cause amount_minor currency
    hold.limit_near: due_at
    hold.released: cause amount_minor currency
    hold.refunded: cause amount_minor currency
    hold.split: cause amount_minor buyer_minor seller_minor fee_minor currency
    hold.charged_back: cause amount_minor currency
    order.placed:
    order.payment_requested: amount_minor currency
    order.paid: amount_minor currency
    order.claim_code_issued:
    order.claimed:
    order.packing_added: count
    order.shipped: carrier batch_id count
    order.delivered: proof
    order.received:
    order.arrival_asked: due_at
    order.arrival_denied:
    order.cancelled: reason
""")
"""What sellers and platforms learn of, and buyers too."""
COMPLAINANTS: Final[Told] = {**PARTIES, "complaint.merged": frozenset(), "complaint.erased": frozenset()}
"""What who complains learns of their own case."""
OF_WHOLE: Final = frozenset(
    "complaint.with_seller complaint.triaged complaint.answered complaint.disputed complaint.returned complaint.settled"
    " complaint.closed complaint.withdrawn complaint.linked dispute.ruled dispute.final".split()
)
"""What is learnt of the case that a complaint became part of by who complains: its course, without a single fact."""
_FOR_STAFF: Final = frozenset(
    "batch_id was_batch_id product_id offer_id kind harm risk reason decision outcome link_by is_strict match_status"
    " amount_minor buyer_minor seller_minor fee_minor claim_minor currency carrier proof proof_kind due_at"
    " window_ends_at cause count part asked_side verdict".split()
)
"""Facts of any event that staff may have. Ids of people are not among them."""


def told_facts_of(side: Side, name: str, facts: Mapping[str, Any], *, is_of_whole: bool) -> dict[str, Any] | None:
    """Return the facts of an event that a side may have, or None if it does not learn of the event.

    `is_of_whole` says that the event is of the case that the complaint became part of, which the viewer may not see.
    """
    if is_of_whole:
        allowed: Facts | None = frozenset() if name in OF_WHOLE and (side == "buyer" or side in STAFF) else None
    elif side in STAFF:
        allowed = _FOR_STAFF
    else:
        allowed = (COMPLAINANTS if side == "buyer" else PARTIES).get(name)
    return None if allowed is None else {fact: value for fact, value in facts.items() if fact in allowed}
