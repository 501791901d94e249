"""What a ruling tells each side, in the language that they read."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from service.accounts.queries import contacts, people_of_seller
from service.complaints.schemas import ComplaintView
from service.core.errors import Invalid
from service.core.money import Money, parse_major
from service.db.session import Tx
from service.deadlines.queries import policy
from service.disputes.schemas import DisputeView
from service.sellers.queries import sellers_by_id
from service.web.language import DEFAULT, Language, is_language
from service.web.phrase import Fact, Phrase, Reference, say
from service.web.views.mediator import Letter
from service.web.views.parts import Form


async def letters(
    tx: Tx, view: ComplaintView, dispute: DisputeView, form: Form, *, now: datetime
) -> tuple[Letter, ...]:
    """Return the words for both sides, once an outcome is chosen whose effect can be shown."""
    parts = parts_of(form, None if dispute.held is None else dispute.held.money())
    if parts is None:
        return ()
    seller_person = next(iter(await people_of_seller(tx, view.seller_id)), None) if view.seller_id else None
    languages = await _languages(tx, [each for each in (view.buyer_id, seller_person) if each])
    until = now + (await policy(tx, "appeal", now=now)).duration
    shop = next(iter((await sellers_by_id(tx, [view.seller_id] if view.seller_id else [])).values()), None)
    sides = (
        ("buyer", view.buyer_name or "–", languages.get(view.buyer_id, DEFAULT) if view.buyer_id else DEFAULT),
        ("seller", shop.name if shop else "–", languages.get(seller_person, DEFAULT) if seller_person else DEFAULT),
    )
    return tuple(
        Letter(
            side,
            language,
            (_told(form.value("outcome"), side, name, view.reference, parts), say("letter.final", until=until)),
        )
        for side, name, language in sides
    )


def parts_of(form: Form, whole: Money | None) -> tuple[Money, Money] | None:
    """Return what buyer and seller get by the form's outcome, or None while that cannot be said."""
    if whole is None:
        return None
    nothing = Money(0, whole.currency)
    try:
        buyers = {
            "refund": whole,
            "release": nothing,
            "split": parse_major(form.value("amount") or "0", whole.currency),
        }
        buyer = buyers.get(form.value("outcome"))
        return None if buyer is None else (buyer, whole - buyer)
    except Invalid:
        return None


def _told(outcome: str, side: str, name: str, reference: str, parts: tuple[Money, Money]) -> Phrase:
    buyer, seller = parts
    facts: Mapping[str, Fact] = {
        "name": name,
        "reference": Reference(reference),
        "amount": buyer + seller,
        "buyer": buyer,
        "seller": seller,
    }
    return Phrase(f"letter.ruled_{outcome}_{side}", facts)


async def _languages(tx: Tx, people: list[UUID]) -> dict[UUID, Language]:
    found = await contacts(tx, people)
    return {each.person_id: each.language if is_language(each.language) else DEFAULT for each in found.values()}
