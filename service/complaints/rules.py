"""Words, life cycles, risk and the rules of silence of complaints; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, get_args
from uuid import UUID

from service.core.errors import Conflict, Forbidden, Invalid
from service.core.lifecycle import Lifecycle, Transition, row

Purpose = Literal["redress", "safety"]
Kind = Literal[
    "unsafe",
    "fake",
    "not_as_described",
    "damaged",
    "wrong_item",
    "expired",
    "missing_licence",
    "not_delivered",
    "withdrawal",
    "other",
]
SafetyKind = Literal[
    "unsafe", "fake", "not_as_described", "damaged", "wrong_item", "expired", "missing_licence", "other"
]
"""What a report without an order can be about."""
Harm = Literal["none", "discomfort", "injury", "hospital"]
Wanted = Literal["refund", "part_refund", "replacement", "none"]
Channel = Literal["wechat", "qq", "live_stream", "shop_link", "friend", "other"]
Risk = Literal["low", "medium", "high", "serious"]
MatchStatus = Literal["unmatched", "suggested", "product_only", "linked"]
LinkBy = Literal["automatic", "buyer", "mediator"]
Side = Literal["buyer", "seller", "mediator", "regulator", "operator", "platform", "system"]
EntryKind = Literal["addition", "answer", "offer", "note"]
OfferKind = Literal["refund", "part_refund"]
Answer = Literal["accept", "refuse", "offer", "wrong_company"]
Outcome = Literal["accepted", "offer", "silence", "ruling"]
ReadingKind = Literal["gtin", "lot", "expiry", "made_on", "serial", "url"]
ReadingUse = Literal["lot_text", "gtin", "addition", "note"]
ModelOrigin = Literal["shipped", "trained"]

PURPOSES: Final = get_args(Purpose)
KINDS: Final = get_args(Kind)
HARMS: Final = get_args(Harm)
WANTED: Final = get_args(Wanted)
CHANNELS: Final = get_args(Channel)
RISKS: Final = get_args(Risk)
MATCH_STATUSES: Final = get_args(MatchStatus)
LINKED_BY: Final = get_args(LinkBy)
SIDES: Final = get_args(Side)
ENTRY_KINDS: Final = get_args(EntryKind)
OFFER_KINDS: Final = get_args(OfferKind)
OUTCOMES: Final = get_args(Outcome)
READING_KINDS: Final = get_args(ReadingKind)
READING_USES: Final = get_args(ReadingUse)
MODEL_ORIGINS: Final = get_args(ModelOrigin)

COMPLAINT = Lifecycle(
    "complaint",
    "draft",
    [
        row("draft", "submit", "submitted", "buyer", "complaint.submitted"),
        row("draft", "withdraw", "withdrawn", "buyer", "complaint.withdrawn"),
        row("draft", "merge", "merged", "buyer", "complaint.merged"),
        row("submitted", "triage", "triage", "system", "complaint.triaged"),
        row("submitted", "send", "with_seller", "system", "complaint.with_seller"),
        row("triage", "send", "with_seller", "mediator", "complaint.with_seller"),
        row("triage", "dispute", "disputed", "mediator system", "complaint.disputed"),
        row("triage", "close", "closed", "mediator system", "complaint.closed"),
        row("triage", "withdraw", "withdrawn", "buyer", "complaint.withdrawn"),
        row("triage", "join", "merged", "mediator", "complaint.joined"),
        row("with_seller", "answer", "answered", "seller", "complaint.answered"),
        row("with_seller", "send_back", "triage", "seller", "complaint.triaged"),
        row("with_seller", "settle", "settled", "seller system", "complaint.settled"),
        row("with_seller", "dispute", "disputed", "mediator system", "complaint.disputed"),
        row("with_seller", "close", "closed", "mediator system", "complaint.closed"),
        row("with_seller", "withdraw", "withdrawn", "buyer", "complaint.withdrawn"),
        row("with_seller", "join", "merged", "mediator", "complaint.joined"),
        row("answered", "settle", "settled", "buyer seller", "complaint.settled"),
        row("answered", "dispute", "disputed", "buyer mediator system", "complaint.disputed"),
        row("answered", "close", "closed", "mediator system", "complaint.closed"),
        row("answered", "withdraw", "withdrawn", "buyer", "complaint.withdrawn"),
        row("disputed", "settle", "settled", "buyer seller mediator system", "complaint.settled"),
        row("disputed", "return", "answered", "mediator system", "complaint.returned"),
        row("disputed", "close", "closed", "mediator system", "complaint.closed"),
        row("disputed", "withdraw", "withdrawn", "buyer", "complaint.withdrawn"),
    ],
)
ENDS: Final = ("settled", "closed", "withdrawn", "merged")
UNCOUNTED: Final = ("draft", "withdrawn", "merged")
"""The states in which a complaint is none of its own: not sent, taken back, or part of another case."""
OPEN_SENT: Final = tuple(state for state in COMPLAINT.states if state not in (*ENDS, "draft"))
"""The states of a complaint that was sent and has not ended."""

OFFER = Lifecycle(
    "offer",
    "open",
    [
        row("open", "accept", "accepted", "buyer", "complaint.offer_accepted"),
        row("open", "refuse", "refused", "buyer system", "complaint.offer_refused"),
        row("open", "expire", "expired", "system", "complaint.offer_expired"),
        row("open", "withdraw", "withdrawn", "seller system", "complaint.offer_withdrawn"),
    ],
)

PLACE: Final = "^([0-9]{6}|[A-Z]{2}(-[A-Z0-9]{1,3})?)?$"
"""Where something was bought: a Chinese division's six figures, a country's two letters, or ISO 3166-2 (US-CA)."""
DRAFTS_MAX = 20
ENTRIES_MAX = 200
"""Of each side, so that none can use up what another may say."""
TEXT_MAX = 4_000
REMATCH_MAX = 500
"""Complaints that are tried again for one name, barcode or product of a new batch, which they only may mean."""
REMATCH_LOT_MAX = 5_000
"""Those that told one of its very lots: of a bad batch that is registered late all are to be linked."""
REMATCH_CHUNK = 200
REMATCH_LOTS_MAX = 1_000
"""Batches of one corrected product, the newest, for whose lots complaints are looked for."""
MATCH_CHUNK = 50
SUBMIT_SECONDS_MAX = 3
SILENT_BUYER_WITHIN = timedelta(days=60)
SILENT_SELLER_WITHIN = timedelta(days=7)
SILENT_SELLER_MAX = 2
OFFER_WARNING_BEFORE = timedelta(days=2)
RISK_RULES: Final = "risk-1"
LABELS_MIN = 200
"""Fewer complaints with a known batch than this teach a model chance; they cannot show a precision of 0.99 either."""
LABELLED_PRODUCTS_MIN = 10
DEPLOYMENT_REASON_MAX = 500
LINK_PRECISION_PROMISED = 0.99
OVERRIDES_WATCHED = 200
"""The newest automatic links by which the promise is judged."""
OVERRIDES_ALERT_TIMES = 2
"""How many times what the promise allows are too many."""

_HARMFUL: Final = frozenset({"injury", "hospital"})
PROBABILITY: Final[Mapping[str, str]] = {
    "unsafe": "likely",
    "fake": "possible",
    "damaged": "possible",
    "expired": "possible",
    "missing_licence": "possible",
    "not_as_described": "unlikely",
    "wrong_item": "unlikely",
    "not_delivered": "unlikely",
    "withdrawal": "unlikely",
    "other": "unlikely",
}
"""How likely goods with this fault are to harm others."""
RISK: Final[Mapping[str, Mapping[str, Risk]]] = {
    "none": {"unlikely": "low", "possible": "low", "likely": "medium"},
    "discomfort": {"unlikely": "low", "possible": "medium", "likely": "high"},
    "injury": {"unlikely": "high", "possible": "high", "likely": "serious"},
    "hospital": {"unlikely": "serious", "possible": "serious", "likely": "serious"},
}
"""Severity (the gravest harm done, the levels of the EU's general risk assessment) times probability.

Many earlier reports do not raise it: that they are more than chance explains is what signals judge, batch by batch.
(docs/decisions/0019-limits-on-intake.md)
"""


@dataclass(frozen=True, slots=True)
class RiskFound:
    """A risk with its reason ("injury_likely": severity, probability) and the version of the rules that found it."""

    risk: Risk
    reason: str
    rules: str = RISK_RULES


def assess_risk(kind: str, harm: str) -> RiskFound:
    """Return the risk: severity (the gravest harm told) times probability (by the kind of fault)."""
    probability = PROBABILITY[kind]
    return RiskFound(RISK[harm][probability], f"{harm}_{probability}")


def is_graver(harm: str | None, than: str | None) -> bool:
    """Whether a harm is worse than another; None is none that was told."""
    order = (None, *HARMS)
    return order.index(harm) > max(order.index(than), order.index("none"))


def is_injury(harm: str | None) -> bool:
    """Whether somebody was hurt: such a case never closes by silence."""
    return harm in _HARMFUL


def needs_triage(*, purpose: str, harm: str, seller_id: UUID | None) -> str | None:
    """Return why a mediator looks first ("seller_unknown", "injury", "safety"), or None if the seller gets it now."""
    if seller_id is None:
        return "seller_unknown"
    if is_injury(harm):
        return "injury"
    return "safety" if purpose == "safety" else None


def overrides_allowed() -> int:
    """Return how many of the newest automatic links people may override before somebody must look: 4 of 200.

    While there are fewer links than are watched it stays that many: one wrong link of ten is no trend.
    """
    return round(OVERRIDES_WATCHED * (1 - LINK_PRECISION_PROMISED) * OVERRIDES_ALERT_TIMES)


def check_part(transition: Transition, side: str) -> None:
    """Raise `Forbidden` ("not_your_part") unless this side may take the transition."""
    if side not in transition.who:
        raise Forbidden(
            "not_your_part", f"{transition.action} is not for the {side}", side=side, action=transition.action
        )


def check_complete(
    *,
    kind: str | None,
    harm: str | None,
    narrative: str,
    order_id: UUID | None,
    purpose: str,
    seller: str,
    product: str,
) -> None:
    """Raise `Invalid` for what a complaint lacks before it can be sent; `field` names it.

    Redress needs an order, or else the names of seller and product; a statutory withdrawal needs no story.
    """
    if kind is None:
        raise Invalid("kind_missing", "say what went wrong", field="kind")
    if harm is None:
        raise Invalid("harm_missing", "say whether anyone was hurt", field="harm")
    if not narrative.strip() and kind != "withdrawal":
        raise Invalid("narrative_missing", "say what happened", field="narrative")
    if order_id is None and not product.strip():
        raise Invalid("product_missing", "without an order, name the product", field="product_text")
    if order_id is None and purpose == "redress" and not seller.strip():
        raise Invalid("seller_missing", "without an order, name the seller", field="seller_text")


def check_claim(*, wanted: str | None, claim_minor: int | None, order_id: UUID | None) -> None:
    """Raise `Invalid` ("claim_needs_order", "claim_not_wanted", "claim_missing") where money asked for does not fit."""
    if claim_minor is not None and order_id is None:
        raise Invalid("claim_needs_order", "money is only held for an order", field="claim")
    if claim_minor is not None and wanted == "none":
        raise Invalid("claim_not_wanted", "you ask for money and for none", field="claim")
    if claim_minor is None and wanted == "part_refund" and order_id is not None:
        raise Invalid("claim_missing", "say how much you ask for", field="claim")


def check_claim_money(claim_minor: int, currency: str, order_minor: int, order_currency: str) -> None:
    """Raise `Invalid` ("claim_currency_differs", "claim_not_positive", "claim_above_order") unless the order allows."""
    if currency != order_currency:
        raise Invalid("claim_currency_differs", f"the order was paid in {order_currency}", field="claim")
    if claim_minor <= 0:
        raise Invalid("claim_not_positive", "a claim asks for at least 1 minor unit", field="claim")
    if claim_minor > order_minor:
        raise Invalid(
            "claim_above_order", "a claim asks for at most what was paid", field="claim", order_minor=order_minor
        )


def check_dates(*, bought_on: date | None, harmed_on: date | None, today: date) -> None:
    """Raise `Invalid` ("date_in_future") for a day that has not come; the day may already have begun further east."""
    for field, day in (("bought_on", bought_on), ("harmed_on", harmed_on)):
        if day is not None and day > today + timedelta(days=1):
            raise Invalid("date_in_future", "this day has not come yet", field=field)


def check_place(bought_in: str) -> None:
    """Raise `Invalid` ("place_malformed") unless it is empty or a place as `PLACE` says."""
    if not re.fullmatch(PLACE, bought_in):
        raise Invalid("place_malformed", "a place is 330100, or US, or US-CA", field="bought_in")


def place_of(bought_in: str) -> tuple[str, str]:
    """Return country and area of a place as orders have them; either may be empty."""
    if bought_in[:1].isdigit():
        return "CN", bought_in
    return bought_in[:2], bought_in if "-" in bought_in else ""


def check_not_ended(status: str) -> None:
    """Raise `Conflict` ("complaint_ended") once the case is over."""
    if status in ENDS:
        raise Conflict("complaint_ended", "this case has ended", status=status)


@dataclass(frozen=True, slots=True)
class Silence:
    """What is known when a seller did not answer. Amounts in minor units; grants are earlier ones by silence."""

    harm: str
    is_verified: bool
    claim_minor: int | None
    grant_max_minor: int
    buyer_grants: int
    seller_grants: int


def silence_refused(silence: Silence) -> str | None:
    """Return why silence may not grant a claim, so that a mediator decides, or None if it grants.

    The reasons: "injury", "no_claim", "not_verified", "above_policy", "buyer_again" (a second grant in 60 days),
    "seller_again" (a third in a week).
    """
    if is_injury(silence.harm):
        return "injury"
    if silence.claim_minor is None:
        return "no_claim"
    if not silence.is_verified:
        return "not_verified"
    if silence.claim_minor > silence.grant_max_minor:
        return "above_policy"
    if silence.buyer_grants > 0:
        return "buyer_again"
    return "seller_again" if silence.seller_grants >= SILENT_SELLER_MAX else None


def order_fits(
    *,
    order_seller_id: UUID,
    order_product_id: UUID,
    order_batch_id: UUID | None,
    seller_id: UUID,
    product_id: UUID,
    batch_id: UUID,
) -> bool:
    """Whether a batch is of the order's seller and product, and not another than the batch that the order names."""
    return order_seller_id == seller_id and order_product_id == product_id and order_batch_id in (None, batch_id)


@dataclass(frozen=True, slots=True)
class Promise:
    """A deadline of the case: what is due by whom, and what silence does."""

    action: str
    side: Side
    due_at: datetime | None
    on_expiry: str | None


_SIDE_OF_PROMISE: dict[str, tuple[str, Side]] = {
    "triage": ("triage", "mediator"),
    "answer_claim": ("answer", "seller"),
    "accept_offer": ("decide_offer", "buyer"),
    "escalate": ("escalate", "buyer"),
}


def due_side(deadline: str) -> tuple[str, Side] | None:
    """Return what a deadline of a complaint waits for and from which side, or None for one that nobody sees."""
    return _SIDE_OF_PROMISE.get(deadline)


def possible_actions(
    *,
    status: str,
    has_claim: bool,
    has_open_offer: bool,
    is_ruled: bool,
    due: dict[str, datetime],
    on_expiry: dict[str, str],
) -> list[Promise]:
    """Return what each side may do now, with its due time and what happens if nothing is done.

    `due` and `on_expiry` are by the name of the deadline ("answer_claim", "accept_offer", "escalate", "triage").
    """
    names: list[tuple[str, Side]] = []
    if status == "draft":
        names = [("submit", "buyer")]
    elif status == "triage":
        names = [("triage", "mediator")]
    elif status == "with_seller":
        names = [("answer", "seller"), ("offer", "seller")]
    elif status == "answered":
        names = [("offer", "seller"), ("escalate", "buyer")] if has_claim else [("offer", "seller")]
    elif status == "disputed" and not is_ruled:
        names = [("offer", "seller")]
    if has_open_offer and status not in ENDS:
        names.append(("decide_offer", "buyer"))
    if status not in ENDS and not is_ruled:
        names.append(("withdraw", "buyer"))
    promised = {_SIDE_OF_PROMISE[name]: name for name in due if name in _SIDE_OF_PROMISE}
    return [
        Promise(
            action, side, due.get(name) if (name := promised.get((action, side))) else None, on_expiry.get(name or "")
        )
        for action, side in names
    ]
