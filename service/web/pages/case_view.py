"""One case as its buyer sees it: whose move it is, the offer, the ruling, what can still be done."""

from datetime import datetime

from service.batches.queries import batches_by_id
from service.complaints.actions import suggestions
from service.complaints.queries import case_timeline
from service.complaints.rules import ENDS
from service.complaints.schemas import AvailableAction, CaseHold, ComplaintView, OfferView
from service.core.actor import Actor
from service.core.money import Money
from service.db.session import Tx
from service.disputes.queries import dispute_of_complaint
from service.disputes.schemas import DisputeView
from service.web import paths
from service.web.language import Language
from service.web.pages.batch_picks import candidate, is_by_photo
from service.web.pages.casework import batches_of, effect, happenings, ruling_notice, words_of
from service.web.pages.naming import goods_of, shop_names
from service.web.pages.readings import codes_in_case
from service.web.pages.sides import asked_photos, challenge_times, sides_of
from service.web.phrase import Phrase, say
from service.web.views.buyer import CasePage, Offer, Turn
from service.web.views.parts import Candidate, Clock, Effect, Form, Held
from service.web.views.readings import NOTHING_SAID

_TO_PICK = ("suggested", "product_only")
_PICKS_MAX = 3
_OPEN_HOLDS = ("awaiting_delivery", "in_window")


async def case_page(tx: Tx, buyer: Actor, case: ComplaintView, language: Language, form: Form) -> CasePage:
    """Return the page of a case that was sent."""
    now = await tx.now()
    dispute = await dispute_of_complaint(tx, buyer, case.id) if case.dispute_id else None
    events = await case_timeline(tx, buyer, case.id)
    lots = {each.id: each.lot_code for each in (await batches_by_id(tx, batches_of(events))).values()}
    shop = (await shop_names(tx, [case.seller_id], language)).get(case.seller_id)
    mine = {each.action: each for each in case.available_actions if each.side == "buyer"}
    batches = await _batches(tx, buyer, case, language)
    return CasePage(
        reference=case.reference,
        product=await goods_of(tx, case, language),
        sent_at=case.submitted_at or case.made_at,
        state=f"state.{case.status}",
        turn=_turn(case, dispute, now),
        held=held_of(case.hold),
        story=words_of(case),
        sides=sides_of(case, "buyer"),
        asked_photos=asked_photos(case, "buyer", paths.case, await challenge_times(tx, case, now=now), now=now),
        timeline=happenings(events, lots, say("word.mediator")),
        offer=_offer(case, shop or (case.told.seller_text if case.told else "")),
        ruling=ruling_notice(dispute, "buyer", now),
        evidence_open=case.takes_words,
        withdrawable="withdraw" in mine,
        escalatable="escalate" in mine and case.open_offer is None,
        batches=batches,
        readings=await codes_in_case(tx, buyer, case.id, case.reference) if batches else NOTHING_SAID,
        form=form,
    )


async def _batches(tx: Tx, buyer: Actor, case: ComplaintView, language: Language) -> tuple[Candidate, ...]:
    """Return the batches that the buyer may pick from, where a photo has a say in them; none in a case that ended."""
    if case.match_status not in _TO_PICK or not case.takes_words:
        return ()
    found = (await suggestions(tx, buyer, case.id)).suggestions[:_PICKS_MAX]
    return tuple(candidate(each, language) for each in found) if any(is_by_photo(each) for each in found) else ()


def held_of(hold: CaseHold | None) -> Held | None:
    """Return the line of the money that is held; None once it is not."""
    if hold is None or hold.state not in _OPEN_HOLDS:
        return None
    amount, kinds = hold.amount.money(), {freeze.kind for freeze in hold.freezes}
    if not kinds:
        until = None if hold.window_ends_at is None else say("held.until", until=hold.window_ends_at)
        return Held(amount, "held.held", until)
    why = "held.by_complaint" if kinds == {"claim"} else "held.by_both" if "claim" in kinds else "held.by_batch"
    return Held(amount, "held.frozen", say(why))


def _turn(case: ComplaintView, dispute: DisputeView | None, now: datetime) -> Turn | None:
    """Return whose move it is; None at the end of a case."""
    if case.status in ENDS:
        return None
    if dispute is not None and case.status == "disputed":
        return _turn_in_dispute(case, dispute, now)
    if decide := _find(case, "decide_offer", "buyer"):
        return Turn("buyer", True, say("turn.decide_offer"), _clock(decide, now, "expiry.case_closes_you"))
    if case.status == "triage":
        return Turn("mediator", False, say("turn.mediator_looks"), _clock(_find(case, "triage", "mediator"), now, ""))
    if case.status == "with_seller":
        answer = _find(case, "answer", "seller")
        return Turn("seller", False, say("turn.seller_answers"), _clock(answer, now, "expiry.seller_silent"))
    escalate = _find(case, "escalate", "buyer")
    if escalate is None:
        return None
    return Turn("buyer", True, say("turn.escalate"), _clock(escalate, now, "expiry.case_closes_you"))


def _turn_in_dispute(case: ComplaintView, dispute: DisputeView, now: datetime) -> Turn:
    decide = _find(case, "decide_offer", "buyer")
    if decide is not None:
        return Turn("buyer", True, say("turn.decide_offer"), _clock(decide, now, ""))
    if dispute.ruling is None or dispute.due_at is None:
        return Turn("mediator", False, say("turn.mediator_rules"))
    clock = Clock(dispute.due_at, now, None, say("expiry.final"))
    if "buyer" in dispute.ruling.accepted_by:
        return Turn("seller", False, say("turn.waits_for_other"), clock)
    return Turn("buyer", True, say("turn.read_ruling"), clock)


def _find(case: ComplaintView, action: str, side: str) -> AvailableAction | None:
    return next((each for each in case.available_actions if (each.action, each.side) == (action, side)), None)


_AT_END = {
    ("answer", "mediator"): "expiry.seller_silent_injury",
    ("decide_offer", "mediator"): "expiry.mediator_decides",
    ("escalate", "mediator"): "expiry.mediator_decides",
    ("triage", "supervisor"): "expiry.supervisor",
}


def _clock(due: AvailableAction | None, now: datetime, otherwise: str) -> Clock | None:
    if due is None or due.due_at is None:
        return None
    code = _AT_END.get((due.action, due.on_expiry or ""), otherwise)
    return Clock(due.due_at, now, None, Phrase(code) if code else None)


def _offer(case: ComplaintView, shop: str) -> Offer | None:
    """Return the offer that waits for the buyer, with what becomes of the claimed money."""
    offer = case.open_offer
    if offer is None or case.claim is None:
        return None
    claimed, offered = case.claim.money(), offer.amount.money()
    return Offer(
        id=str(offer.id),
        kind=_offered(offer, offered),
        words=offer.text or "",
        by=shop,
        made_at=offer.made_at,
        if_accepted=effect("effect.accept", claimed, offered),
        if_refused=Effect(say("effect.refuse"), _none(claimed), claimed, _none(claimed)),
    )


def _offered(offer: OfferView, amount: Money) -> Phrase:
    return say("offered.refund" if offer.kind == "refund" else "offered.part", amount=amount)


def _none(whole: Money) -> Money:
    return Money(0, whole.currency)
