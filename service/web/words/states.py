"""States: what something is now, in words, always with an icon; the tone only adds to it."""

from typing import NamedTuple

from service.web.words.mark import N_


class Look(NamedTuple):
    """How a state is shown: tone (good, soon, bad, held or nothing) and icon."""

    tone: str
    icon: str


_GOOD, _SOON, _BAD, _HELD = "is-good", "is-soon", "is-bad", "is-held"

_ALL: dict[str, tuple[str, str, str]] = {
    # complaints
    "state.draft": ("", "doc", N_("Not sent yet")),
    "state.submitted": ("", "mail", N_("Sent")),
    "state.triage": (_SOON, "eye", N_("A mediator is looking at it")),
    "state.with_seller": ("", "clock", N_("Waiting for the seller")),
    "state.answered": (_SOON, "clock", N_("Waiting for the buyer")),
    "state.settled": (_GOOD, "check", N_("Settled")),
    "state.disputed": ("", "scale", N_("With a mediator")),
    "state.closed": ("", "check", N_("Closed")),
    "state.withdrawn": ("", "cross", N_("Withdrawn")),
    "state.merged": ("", "check", N_("Part of another case")),
    "state.your_turn": (_SOON, "clock", N_("Waiting for you")),
    # disputes
    "state.queued": ("", "clock", N_("Waiting for a mediator")),
    "state.in_review": ("", "scale", N_("First ruling")),
    "state.awaiting_buyer": ("", "pause", N_("Waiting for the buyer")),
    "state.awaiting_seller": ("", "pause", N_("Waiting for the seller")),
    "state.awaiting_both": ("", "pause", N_("Waiting for both sides")),
    "state.ruled": (_GOOD, "scale", N_("Ruled")),
    "state.appealed": (_SOON, "scale", N_("Appeal")),
    "state.final": (_GOOD, "check", N_("Final")),
    # orders
    "payout.requested": ("", "clock", N_("On its way to you")),
    "payout.unknown": ("", "clock", N_("The provider is being asked")),
    "payout.done": (_GOOD, "check", N_("Paid out")),
    "payout.failed": (_BAD, "alert", N_("Refused by the provider; the amount is back")),
    "order.placed": ("", "clock", N_("Not paid yet")),
    "order.paid": (_SOON, "box", N_("To be sent")),
    "order.shipped": ("", "truck", N_("On its way")),
    "order.delivered": (_GOOD, "check", N_("Delivered")),
    "order.cancelled": ("", "cross", N_("Cancelled")),
    # held payments
    "hold.awaiting_delivery": (_HELD, "lock", N_("Held until delivery")),
    "hold.in_window": (_HELD, "lock", N_("Held")),
    "hold.frozen": (_HELD, "lock", N_("Held and frozen")),
    "hold.released": (_GOOD, "check", N_("Paid to the seller")),
    "hold.refunded": (_GOOD, "check", N_("Paid back to the buyer")),
    "hold.split": (_GOOD, "check", N_("Divided")),
    "hold.divided": ("", "check", N_("Divided into two held payments")),
    "hold.charged_back": ("", "again", N_("Charged back by the bank")),
    # batches
    "batch.active": ("", "check", N_("On sale")),
    "batch.held": (_HELD, "lock", N_("On hold")),
    "batch.recalled": (_BAD, "alert", N_("Recalled")),
    "batch.cleared": (_GOOD, "check", N_("Checked and cleared")),
    # signals
    "signal.screening": ("", "eye", N_("Screening")),
    "signal.preliminary": (_HELD, "lock", N_("Preliminary; payments held")),
    "signal.analysis": (_SOON, "search", N_("Analysis")),
    "signal.action": (_BAD, "flag", N_("Action")),
    "signal.closed": (_GOOD, "check", N_("Closed")),
    # risk
    "risk.low": ("", "info", N_("Low risk")),
    "risk.medium": ("", "info", N_("Medium risk")),
    "risk.high": (_SOON, "alert", N_("High risk")),
    "risk.serious": (_BAD, "flag", N_("Serious risk")),
    "risk.injury": (_BAD, "flag", N_("Injury")),  # of a case in which somebody was hurt
    # how a complaint is linked to a batch
    "match.unmatched": ("", "search", N_("No batch found yet")),
    "match.suggested": (_SOON, "search", N_("Batches suggested")),
    "match.product_only": ("", "search", N_("Product known, batch not")),
    "match.linked": (_GOOD, "check", N_("Linked to a batch")),
    # photos
    "photo.ready": (_GOOD, "check", N_("Ready")),
    "photo.waiting": ("", "clock", N_("Being checked")),
    "photo.refused": (_BAD, "alert", N_("Not taken: this file is not a photo that we can read")),
    "photo.document": ("", "doc", N_("Document")),
    "photo.erased": ("", "bin", N_("Erased")),
    # photos with a code, which mediators ask for
    "challenge.asked": (_SOON, "clock", N_("Not opened yet")),
    "challenge.opened": (_SOON, "half", N_("Opened; waiting for the photo")),
    "challenge.answered": (_GOOD, "check", N_("The photo was sent")),
    "challenge.expired": (_BAD, "alert", N_("No photo came in time")),
    "challenge.withdrawn": ("", "cross", N_("Taken back")),
    # reports
    "report.queued": ("", "clock", N_("Waiting")),
    "report.running": ("", "clock", N_("Being made")),
    "report.ready": (_GOOD, "check", N_("Ready")),
    "report.failed": (_BAD, "alert", N_("Failed")),
    # parts of the service
    "well.yes": (_GOOD, "check", N_("Well")),
    "well.no": (_BAD, "alert", N_("Not answering")),
}

STATES: dict[str, str] = {code: text for code, (_, _, text) in _ALL.items()}
LOOKS: dict[str, Look] = {code: Look(tone, icon) for code, (tone, icon, _) in _ALL.items()}
