"""The last question and the receipt: everything on one page, what sending does, and what happens next."""

from datetime import datetime

from service.batches.queries import batches_by_id
from service.complaints.rules import is_injury, needs_triage
from service.complaints.schemas import ComplaintView
from service.core.money import Money
from service.db.session import Tx
from service.files.kinds import Kind
from service.orders.queries import order_facts
from service.web import paths
from service.web.language import Language
from service.web.pages.case_view import held_of
from service.web.pages.casework import wanted
from service.web.pages.filing_steps import path_before, place_of
from service.web.pages.naming import goods_of, shop_names
from service.web.pages.places import place_named
from service.web.phrase import Fact, Lot, Phrase, say
from service.web.views.filing import CheckAnswers, Sent
from service.web.views.parts import Form, Happening, Held, Reason, Row


async def check_page(
    tx: Tx, case: ComplaintView, language: Language, form: Form, *, paid: Money | None
) -> CheckAnswers:
    """Return everything on one page."""
    goods = [await _order_row(tx, case, language)] if case.order_id else _goods_rows(case, language)
    rows = [
        *goods,
        _row(case, "fact.problem", say(f"kind.{case.kind}") if case.kind else None, "problem"),
        _row(case, "fact.harm", say(f"harm.{case.harm}") if case.harm else None, "harm"),
        _row(case, "fact.story", case.narrative, "story"),
        _row(case, "fact.photos", _files(case), "photos"),
        await _batch_row(tx, case),
        _row(case, "fact.wanted", _wanted(case, paid), "wanted"),
        _row(case, "fact.contact", _contact(case), "contact", say("fact.contact_note")),
        _row(case, "fact.agreed", _agreed(case), "contact"),
    ]
    return CheckAnswers(
        step=place_of(case, "check"),
        path=paths.filing(case.id, "check"),
        back=path_before(case, "check"),
        form=form,
        rows=tuple(rows),
        consequences=_consequences(case, paid),
    )


async def sent_page(tx: Tx, case: ComplaintView) -> Sent:
    """Return the receipt of a case that was sent."""
    held = held_of(case.hold)
    if held is not None and case.claim is not None:
        held = Held(held.amount, "held.now_frozen", say("held.by_complaint"))
    return Sent(
        reference=case.reference,
        sent_at=case.submitted_at or await tx.now(),
        held=held,
        next=tuple(_coming(case)),
        injury=is_injury(case.harm),
    )


def _row(case: ComplaintView, label: str, value: Fact | None, step: str, detail: Phrase | None = None) -> Row:
    return Row(label, value or say("fact.open"), detail if value else None, paths.filing(case.id, step))


async def _order_row(tx: Tx, case: ComplaintView, language: Language) -> Row:
    product = await goods_of(tx, case, language)
    shop = (await shop_names(tx, [case.seller_id], language)).get(case.seller_id, "")
    order = (await order_facts(tx, [case.order_id])).get(case.order_id) if case.order_id else None
    units = f" ×{order.units}" if order is not None and order.units > 1 else ""
    at = order.delivered_at if order is not None else None
    detail = say("fact.shop_delivered", shop=shop, at=at) if at else say("own_words", text=shop)
    return Row("fact.order", product + units, detail)


def _goods_rows(case: ComplaintView, language: Language) -> list[Row]:
    told = case.told
    if told is None:
        return []
    named: list[tuple[str, Fact | None]] = [
        ("fact.product", told.product_text),
        ("fact.brand", told.brand_text),
        ("fact.shop", told.seller_text),
        ("fact.gtin", Lot(told.gtin) if told.gtin else None),
        ("fact.bought_on", told.bought_on),
        ("fact.bought_in", place_named(told.bought_in, language)),
    ]
    return [_row(case, label, value, "product") for label, value in named if value or label == "fact.product"]


async def _batch_row(tx: Tx, case: ComplaintView) -> Row:
    if case.batch_id is not None:
        found = (await batches_by_id(tx, [case.batch_id])).get(case.batch_id)
        if found is not None:
            return _row(case, "fact.batch", Lot(found.lot_code), "batch", say("fact.you_chose"))
    typed = case.told.lot_text if case.told else ""
    return _row(case, "fact.batch", Lot(typed) if typed else None, "batch")


def _files(case: ComplaintView) -> Phrase:
    """Say how many files there still are; a document among them is no photo."""
    kept = [each for each in case.evidence if each.state != "erased"]
    are_photos = all(Kind(each.kind).is_photo for each in kept)
    return say("fact.photos_count" if are_photos else "fact.files_count", n=len(kept))


def _wanted(case: ComplaintView, paid: Money | None) -> Phrase | None:
    if case.wanted == "refund" and case.claim is None and paid is not None:
        return say("wants.refund", amount=paid)
    return wanted(case) if case.wanted else None


def _contact(case: ComplaintView) -> str:
    contact = case.contact
    return "" if contact is None else " · ".join(each for each in (contact.email, contact.phone) if each)


def _agreed(case: ComplaintView) -> Phrase:
    """Return which of the two consents were given."""
    given = {(True, True): "both", (True, False): "name", (False, True): "public"}
    return say(f"agreed.{given.get((case.shows_name, case.may_publish), 'none')}")


def _consequences(case: ComplaintView, paid: Money | None) -> tuple[tuple[str, Reason], ...]:
    asked = case.claim.money() if case.claim else paid if case.wanted == "refund" else None
    told: list[tuple[str, Reason]] = []
    if asked is not None:
        told.append(("lock", Reason(say("sending.frozen", amount=asked))))
    else:
        told.append(("info", Reason(say("sending.no_money"))))
    if is_injury(case.harm):
        told.append(("flag", Reason(say("sending.injury"))))
    elif needs_triage(purpose=case.purpose, harm=case.harm or "", seller_id=case.seller_id):
        told.append(("eye", Reason(say("sending.mediator"))))
    else:
        told.append(("mail", Reason(say("sending.seller" if asked else "sending.seller_reads"))))
    return tuple(told)


def _coming(case: ComplaintView) -> list[Happening]:
    """Return what happens next, as far as it is known when a complaint was just sent."""
    coming = []
    hurt = is_injury(case.harm)
    if case.status == "triage":
        detail = say("next.triage_detail") if hurt else None
        coming.append(Happening(say("next.triage" if hurt else "next.look"), _due(case, "triage"), detail, due=True))
    if case.claim is not None:
        detail = say("next.answer_detail_injury" if hurt else "next.answer_detail")
        coming.append(Happening(say("next.answer"), _due(case, "answer"), detail, due=True))
        coming.append(Happening(say("next.decide"), None, say("next.decide_detail"), due=True))
    elif case.seller_id is not None:
        coming.append(Happening(say("next.answer"), None, None, due=True))
    if case.batch_id is None:
        coming.append(Happening(say("next.match"), None, say("next.match_detail"), due=True))
    return coming


def _due(case: ComplaintView, action: str) -> datetime | None:
    return next((each.due_at for each in case.available_actions if each.action == action), None)
