"""Takes the answers of each question into the draft. The page says what is missing, the domain what is wrong."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from service.complaints.actions import link_batch, update_draft
from service.complaints.schemas import DraftChanges
from service.core.errors import Invalid
from service.core.money import Money, parse_major
from service.web.pages.filing_draw import Filing, payable
from service.web.pages.shell import checked, missing
from service.web.views.parts import Form

FIELDS: Mapping[str, str] = {
    "kind": "problem",
    "harm": "harm",
    "product_text": "product",
    "brand_text": "brand",
    "seller_text": "shop",
    "lot_text": "lot",
    "gtin": "gtin",
    "bought_on": "bought_on",
    "bought_through": "channel",
    "bought_in": "place",
    "narrative": "story",
    "wanted": "wanted",
    "claim": "amount",
    "amount": "amount",
    "contact_email": "email",
    "contact_phone": "phone",
    "batch_id": "batch",
    "files": "photos",
}
"""The domain's field -> the field of the question's form."""
ON_CHECK: Mapping[str, str] = {"true": "true"}
"""On the last page only its own field is there; every other refusal stands above the form."""
_NOT_A_BATCH = ("none", "unsure")

Saver = Callable[[Filing, Form], Awaitable[None]]


def gaps(at: Filing, step: str, form: Form) -> Form:
    """Return the form with what was left open but is needed to go on."""
    if step == "story" and at.case.kind == "withdrawal":
        return form
    if step == "contact" and not (form.value("email").strip() or form.value("phone").strip()):
        return missing(form, email="error.contact_missing")
    asked = missing(form, **_NEEDED.get(step, {}))
    if step == "product":
        asked = missing(asked, shop="error.seller_missing")
    if step == "wanted" and form.value("wanted") == "part_refund":
        asked = missing(asked, amount="error.amount_missing")
    return asked


async def save(at: Filing, step: str, form: Form) -> None:
    """Write the answers into the draft; raises what `update_draft` and `link_batch` raise."""
    await _SAVERS[step](at, form)


async def _change(at: Filing, **values: Any) -> None:
    changes = checked(DraftChanges, values, FIELDS)
    await update_draft(at.tx, at.buyer, at.case.id, changes, now=await at.tx.now())


async def _problem(at: Filing, form: Form) -> None:
    await _change(at, kind=form.value("problem") or None)


async def _harm(at: Filing, form: Form) -> None:
    await _change(at, harm=form.value("harm") or None)


async def _product(at: Filing, form: Form) -> None:
    texts = {
        member: form.value(name).strip()
        for member, name in FIELDS.items()
        if name in {"product", "brand", "shop", "lot", "gtin", "place"}
    }
    await _change(at, **texts, bought_on=_day(form.value("bought_on")), bought_through=form.value("channel") or None)


def _day(text: str) -> str | None:
    return text.strip() or None


async def _story(at: Filing, form: Form) -> None:
    await _change(at, narrative=form.value("story").strip())


async def _batch(at: Filing, form: Form) -> None:
    """Note the code that was typed, and the batch that was chosen among those suggested before it was."""
    chosen = form.value("batch")
    if chosen and chosen not in _NOT_A_BATCH:
        await link_batch(at.tx, at.buyer, at.case.id, _batch_id(chosen), now=await at.tx.now())
    elif at.case.batch_id is not None:
        await link_batch(at.tx, at.buyer, at.case.id, None, now=await at.tx.now())
    await _change(at, lot_text=form.value("lot").strip())


def _batch_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("batch_not_suggested", "no id of a batch", field="batch_id") from error


async def _wanted(at: Filing, form: Form) -> None:
    wanted = form.value("wanted") or None
    claim = None
    if wanted == "part_refund" and form.value("amount").strip():
        claim = _part(form.value("amount"), payable(at.case))
    money = None if claim is None else {"amount_minor": claim.amount_minor, "currency": claim.currency}
    await _change(at, wanted=wanted, claim=money)


def _part(text: str, paid: Money | None) -> Money:
    if paid is None:
        raise Invalid("claim_needs_order", "no payment is held", field="claim")
    try:
        asked = parse_major(text, paid.currency)
    except Invalid as error:
        raise Invalid(error.code, error.message, field="claim") from error
    if asked.amount_minor > paid.amount_minor:
        raise Invalid("amount_above_payment", "more than is held", field="claim", paid=paid)
    return asked


async def _contact(at: Filing, form: Form) -> None:
    email, phone = form.value("email").strip(), form.value("phone").replace(" ", "")
    if email and "@" not in email:
        raise Invalid("email_malformed", "an e-mail address is name@domain", field="contact_email")
    if phone and not (phone.startswith("+") and phone[1:].isdigit()):
        raise Invalid("phone_malformed", "a phone number has its country code", field="contact_phone")
    consents = {"shows_name": form.value("share_name") == "yes", "may_publish": form.value("share_public") == "yes"}
    await _change(at, contact_email=email, contact_phone=phone, **consents)


_NEEDED: Mapping[str, Mapping[str, str]] = {
    "problem": {"problem": "error.choose_problem"},
    "harm": {"harm": "error.choose_harm"},
    "product": {"product": "error.product_missing"},
    "story": {"story": "error.story_missing"},
    "batch": {"batch": "error.choose_batch"},
    "wanted": {"wanted": "error.choose_wanted"},
    "check": {"true": "error.truth_missing"},
}
_SAVERS: Mapping[str, Saver] = {
    "problem": _problem,
    "harm": _harm,
    "product": _product,
    "story": _story,
    "batch": _batch,
    "wanted": _wanted,
    "contact": _contact,
}
