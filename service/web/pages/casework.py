"""A case's facts as the parts of pages: clocks, held money, photos, timelines, effects. Pure, but for `find_case`."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode
from uuid import UUID

from service.complaints.queries import find_by_reference
from service.complaints.schemas import AvailableAction, CaseEvent, CaseHold, ComplaintView, EvidenceView
from service.core.actor import Actor
from service.core.errors import FairholdError, Invalid, NotFound
from service.core.money import Money
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.disputes.schemas import DisputeView, RulingView
from service.web import paths
from service.web.language import Language
from service.web.pages.places import place_named
from service.web.phrase import Fact, Lot, Phrase, say
from service.web.views.buyer import RulingNotice
from service.web.views.parts import Clock, Effect, Happening, Held, Paging, Photo, Row, Side
from service.web.words import PHRASES

ROWS = 25
"""How many rows a list shows at once."""
_OPEN_HOLDS = ("awaiting_delivery", "in_window")
_LOOKS = frozenset({"complaint.viewed", "complaint.evidence_viewed", "order.packing_viewed"})


def words_of(case: ComplaintView) -> str:
    """Return what the buyer wrote: the story, and what was added to it."""
    added = [entry.text for entry in case.entries if entry.side == "buyer" and entry.text]
    return "\n\n".join(each for each in (case.narrative, *added) if each)


class Named(Protocol):
    """A product or batch with its names."""

    @property
    def brand(self) -> str: ...  # noqa: D102 - what it says
    @property
    def name_en(self) -> str: ...  # noqa: D102
    @property
    def name_zh(self) -> str: ...  # noqa: D102


async def find_case(tx: Tx, actor: Actor, reference: str) -> UUID:
    """Return the id of a case from an address; raises `NotFound` for a reference that cannot be one as well."""
    try:
        return await find_by_reference(tx, actor, reference)
    except Invalid as error:
        raise NotFound("complaint_not_found") from error


def name_of(named: Named | None, language: Language, otherwise: str = "") -> str:
    """Return a product's name in the page's language, else in the other one, else what was typed."""
    if named is None:
        return otherwise
    first, second = (named.name_zh, named.name_en) if language == "zh" else (named.name_en, named.name_zh)
    return first or second or named.brand or otherwise


def money(view: MoneyView | None) -> Money | None:
    """Return an amount as money."""
    return None if view is None else view.money()


def next_page(
    path: str, mark: str | None, shown: int, query: Mapping[str, str] | None = None, *, total: int | None = None
) -> Paging:
    """Return the paging of a list whose address keeps its own query."""
    kept = {name: value for name, value in (query or {}).items() if value}
    return Paging(shown, f"{path}?{urlencode({**kept, 'after': mark})}" if mark else "", total)


def clock_for_seller(due: AvailableAction | None, now: datetime) -> Clock | None:
    """Return a case's clock as its seller reads it: their own runs, the others' stand still."""
    if due is None or due.due_at is None:
        return None
    if due.action == "answer_challenge" and due.side == "seller":
        return Clock(due.due_at, now, say("due.challenge"), say("expiry.recorded"))
    if due.side == "seller":
        ends = {"granted": "expiry.granted", "mediator": "expiry.rules_without"}
        return Clock(due.due_at, now, say("due.answer"), _phrase(ends.get(due.on_expiry or "")))
    closes = "expiry.closes" if due.side == "buyer" and due.on_expiry in {None, "closes"} else None
    return Clock(due.due_at, now, say(f"waiting.{due.side}"), _phrase(closes), paused=True)


def clock_for_mediator(dispute: DisputeView, now: datetime) -> Clock | None:
    """Return a dispute's clock as its mediator reads it."""
    if dispute.due_at is None:
        return None
    if dispute.state == "ruled":
        return Clock(dispute.due_at, now, say("due.accept"), say("expiry.final"))
    return Clock(dispute.due_at, now, say("due.rule"), say("expiry.supervisor"))


def held_line(hold: CaseHold | None) -> Held | None:
    """Return the line of money that is held; None once it is not."""
    if hold is None or hold.state not in _OPEN_HOLDS:
        return None
    if hold.freezes:
        return Held(hold.amount.money(), "held.frozen", say("held.seller_frozen"))
    return Held(hold.amount.money(), "held.held", None)


def hold_code(state: str, *, is_frozen: bool) -> str:
    """Return the phrase of a held payment's state."""
    return "hold.frozen" if is_frozen and state in _OPEN_HOLDS else f"hold.{state}"


def hold_rows(hold: CaseHold | None) -> list[Row]:
    """Return why a payment is frozen, or how it ended."""
    if hold is None:
        return []
    if hold.state not in _OPEN_HOLDS:
        return [Row("fact.payment", say(f"hold.{hold.state}"))]
    kinds = {freeze.kind for freeze in hold.freezes}
    if not kinds:
        return []
    if kinds >= {"claim", "scope"}:
        return [Row("fact.frozen_by", say("frozen.both"))]
    words = {"claim": "frozen.dispute", "scope": "frozen.batch"}
    return [Row("fact.frozen_by", say(words.get(min(kinds), "frozen.seller")))]


def wanted(view: ComplaintView) -> Phrase:
    """Return what the buyer asks for, with the amount where there is one."""
    claim = money(view.claim)
    if claim is not None and view.wanted in {"refund", "part_refund"}:
        return say("wants.part" if view.wanted == "part_refund" else "wants.refund", amount=claim)
    return say("wants.replacement") if view.wanted == "replacement" else say(f"wanted.{view.wanted or 'none'}")


def photos(evidence: Iterable[EvidenceView], *sides: Side) -> tuple[Photo, ...]:
    """Return what these sides sent as it came: photos, documents, and the places of files that were erased."""
    return tuple(photo_of(each, side) for each in evidence for side in sides if each.side == side)


def photo_of(file: EvidenceView, side: Side, *, removable: bool = False) -> Photo:
    """Return a file of a case as pages show it."""
    is_document = not file.has_view and file.state != "erased"
    return Photo(
        id=str(file.file_id),
        caption="",
        of=side,
        state="photo.document" if is_document else f"photo.{'ready' if file.has_view else 'erased'}",
        size_bytes=file.size_bytes,
        taken_in_at=file.received_at,
        sha256=file.sha256,
        removable=removable,
        pages=file.pages or 0,
        original=paths.evidence(file.file_id, "original") if is_document and file.may_read_original else "",
    )


def happenings(events: Collection[CaseEvent], lots: Mapping[UUID, str], mediator: Phrase) -> tuple[Happening, ...]:
    """Return a timeline, the newest first; what has no words of its own is left out.

    A page with ten photos is ten looks: of looks with nothing between them each kind is told once, with the last time.
    """
    told: list[Happening] = []
    looks: set[str] = set()
    by_time = sorted(events, key=lambda each: each.at)
    for event in reversed(by_time):
        code = f"event.{event.name}"
        if code not in PHRASES or code in looks:
            continue
        looks = looks | {code} if event.name in _LOOKS else set()
        lot = lots.get(UUID(str(event.facts["batch_id"]))) if event.facts.get("batch_id") else None
        told.append(Happening(Phrase(code, {"lot": Lot(lot or "?"), "name": mediator}), event.at, _detail(event)))
    return tuple(told)


def batches_of(events: Collection[CaseEvent]) -> set[UUID]:
    """Return the batches that a timeline names."""
    return {UUID(str(event.facts["batch_id"])) for event in events if event.facts.get("batch_id")}


def effect(when: str, whole: Money, buyer: Money) -> Effect:
    """Return where a payment goes when the buyer gets a part and the seller the rest. Raises `Invalid` for too much."""
    return Effect(say(when), seller=whole - buyer, held=_nothing(whole), buyer=buyer)


def waiting_effect(whole: Money) -> Effect:
    """Return that a payment stays where it is."""
    return Effect(say("effect.wait"), seller=_nothing(whole), held=whole, buyer=_nothing(whole))


def outcome_of(ruling: RulingView) -> str:
    """Return a ruling's outcome: refund, release or split."""
    if ruling.seller.amount_minor == 0:
        return "refund"
    return "release" if ruling.buyer.amount_minor == 0 else "split"


def ruling_notice(dispute: DisputeView | None, side: str, now: datetime) -> RulingNotice | None:
    """Return a ruling as one side reads it; None before it is made."""
    if dispute is None or dispute.ruling is None:
        return None
    ruling = dispute.ruling
    whole = ruling.buyer.money() + ruling.seller.money()
    is_open = dispute.state == "ruled" and dispute.due_at is not None
    return RulingNotice(
        outcome=say(f"outcome.{outcome_of(ruling)}") if whole.amount_minor else say("outcome.nothing"),
        reasons=ruling.reasons,
        made_at=ruling.ruled_at,
        effect=effect("effect.ruling" if is_open else "effect.ruled", whole, ruling.buyer.money()),
        appeal=Clock(dispute.due_at, now, say("due.accept"), say("expiry.final"))
        if is_open and dispute.due_at
        else None,
        acceptable="accept" in dispute.available_actions and side not in ruling.accepted_by,
        appealable=False,  # appeals come with a later step
    )


def renamed(error: FairholdError, fields: Mapping[str, str]) -> FairholdError:
    """Return a refusal whose field bears the name that the page's form gives it."""
    named = str(error.facts.get("field", "form"))
    return type(error)(error.code, error.message, **{**error.facts, "field": fields.get(named, named)})


def typed_rows(view: ComplaintView, language: Language) -> tuple[Row, ...]:
    """Return what the buyer typed about the goods; what was left open is left out."""
    if view.told is None:
        return ()
    told = view.told
    values: list[tuple[str, Fact | None]] = [
        ("fact.product", told.product_text),
        ("fact.brand", told.brand_text),
        ("fact.shop", told.seller_text),
        ("fact.lot", Lot(told.lot_text) if told.lot_text else None),
        ("fact.gtin", Lot(told.gtin) if told.gtin else None),
        ("fact.bought_on", told.bought_on),
        ("fact.bought_in", place_named(told.bought_in, language)),
    ]
    return tuple(Row(label, value) for label, value in values if value)


def _detail(event: CaseEvent) -> Phrase | None:
    amount, currency = _amount(event.facts)
    return say("detail.amount", amount=Money(amount, currency)) if amount is not None and currency else None


def _amount(facts: Mapping[str, Any]) -> tuple[int | None, str | None]:
    amount = facts.get("amount_minor", facts.get("buyer_minor"))
    return amount, facts.get("currency")


def _nothing(whole: Money) -> Money:
    return Money(0, whole.currency)


def _phrase(code: str | None) -> Phrase | None:
    return say(code) if code else None
