"""Draws each question of a draft with what it says so far, or with a form that was refused."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from service.accounts.queries import own_profile
from service.complaints.actions import suggestions
from service.complaints.rules import CHANNELS, HARMS, KINDS, TEXT_MAX, WANTED
from service.complaints.schemas import ComplaintView
from service.core.actor import Actor
from service.core.money import Money
from service.db.session import Tx
from service.files.kinds import FILE_BYTES_MAX, FILES_PER_COMPLAINT_MAX
from service.web import formats, paths
from service.web.language import Language
from service.web.pages.batch_picks import candidate
from service.web.pages.case_view import held_of
from service.web.pages.casework import photo_of
from service.web.pages.filing_check import check_page
from service.web.pages.filing_steps import path_after, path_before, place_of
from service.web.pages.naming import options
from service.web.pages.places import places_in
from service.web.pages.readings import said_in_draft
from service.web.views import filing
from service.web.views.base import View
from service.web.views.parts import EMPTY_FORM, Form, Photo

_OPEN_HOLDS = ("awaiting_delivery", "in_window")
_ORDER_ONLY = frozenset({"withdrawal", "not_delivered"})
_WITHOUT_MONEY = ("replacement", "none")


@dataclass(frozen=True, slots=True)
class Filing:
    """A draft on its way through the questions."""

    tx: Tx
    buyer: Actor
    case: ComplaintView
    language: Language


Drawer = Callable[[Filing, Form], Awaitable[View]]


async def draw(at: Filing, step: str, form: Form = EMPTY_FORM) -> View:
    """Return the page of a question. A form without values starts with what the draft says."""
    typed = form.values or _said(at.case)
    return await _DRAWERS[step](at, replace(form, values=typed))


def payable(case: ComplaintView) -> Money | None:
    """Return what a claim can be about: the order's payment while it is held, or None."""
    if case.hold is None or case.hold.state not in _OPEN_HOLDS:
        return None
    return case.hold.amount.money()


def _said(case: ComplaintView) -> Mapping[str, str]:
    """Return a draft's answers as the fields of the questions hold them."""
    told, contact = case.told, case.contact
    values: dict[str, Any] = {
        "problem": case.kind,
        "harm": case.harm,
        "story": case.narrative,
        "wanted": case.wanted,
        "batch": case.batch_id,
        "share_name": "yes" if case.shows_name else "",
        "share_public": "yes" if case.may_publish else "",
        "amount": formats.number(float(case.claim.money().major), 2).replace(",", "") if case.claim else "",
        "email": contact.email if contact else "",
        "phone": contact.phone if contact else "",
    }
    if told is not None:
        values |= {
            "product": told.product_text,
            "brand": told.brand_text,
            "lot": told.lot_text,
            "gtin": told.gtin,
            "shop": told.seller_text,
            "channel": told.bought_through,
            "place": told.bought_in,
            "bought_on": told.bought_on,
        }
    return {name: str(value) for name, value in values.items() if value}


def _shared(at: Filing, step: str, form: Form) -> dict[str, Any]:
    path = paths.filing(at.case.id, step)
    return {"step": place_of(at.case, step), "path": path, "back": path_before(at.case, step), "form": form}


async def _problem(at: Filing, form: Form) -> View:
    kinds = [kind for kind in KINDS if at.case.order_id is not None or kind not in _ORDER_ONLY]
    held = held_of(at.case.hold)
    return filing.AskProblem(**_shared(at, "problem", form), kinds=options("kind", kinds, last="other"), held=held)


async def _harm(at: Filing, form: Form) -> View:
    return filing.AskHarm(**_shared(at, "harm", form), harms=options("harm", HARMS), people=())


async def _product(at: Filing, form: Form) -> View:
    channels, places = options("channel", CHANNELS), places_in(at.language, form.value("place"))
    return filing.AskProduct(**_shared(at, "product", form), channels=channels, places=places)


async def _story(at: Filing, form: Form) -> View:
    return filing.AskStory(**_shared(at, "story", form), story_max=TEXT_MAX)


async def _photos(at: Filing, form: Form) -> View:
    return filing.AskPhotos(
        **_shared(at, "photos", form),
        draft_id=str(at.case.id),
        photos=own_photos(at.case),
        photos_max=FILES_PER_COMPLAINT_MAX,
        size_max_bytes=FILE_BYTES_MAX,
        next=path_after(at.case, "photos"),
        readings=await said_in_draft(at.tx, at.buyer, at.case.id, "photos"),
    )


def own_photos(case: ComplaintView) -> tuple[Photo, ...]:
    """Return the files of a draft; the phrase under each says that it was taken in."""
    return tuple(photo_of(each, "buyer", removable=True) for each in case.evidence if each.state != "erased")


async def _batch(at: Filing, form: Form) -> View:
    found = await suggestions(at.tx, at.buyer, at.case.id)
    candidates = tuple(candidate(each, at.language) for each in found.suggestions)
    readings = await said_in_draft(at.tx, at.buyer, at.case.id, "batch")
    return filing.AskBatch(**_shared(at, "batch", form), candidates=candidates, readings=readings)


async def _wanted(at: Filing, form: Form) -> View:
    paid = payable(at.case)
    values = WANTED if paid is not None else _WITHOUT_MONEY
    shown = options("wanted", values, last="none")
    return filing.AskWanted(**_shared(at, "wanted", form), options=shown, paid=paid, held=held_of(at.case.hold))


async def _contact(at: Filing, form: Form) -> View:
    if not form.errors and not form.value("email") and not form.value("phone"):
        known = await own_profile(at.tx, at.buyer)
        form = replace(form, values={**form.values, "email": known.email or "", "phone": known.phone or ""})
    return filing.AskContact(**_shared(at, "contact", form))


async def _check(at: Filing, form: Form) -> View:
    return await check_page(at.tx, at.case, at.language, form, paid=payable(at.case))


_DRAWERS: Mapping[str, Drawer] = {
    "problem": _problem,
    "harm": _harm,
    "product": _product,
    "story": _story,
    "photos": _photos,
    "batch": _batch,
    "wanted": _wanted,
    "contact": _contact,
    "check": _check,
}
