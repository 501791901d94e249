"""A buyer's case: read it, decide on offers, withdraw, ask a mediator, accept a ruling."""

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.complaints import actions
from service.complaints.queries import get_complaint
from service.complaints.recognise.acceptance import accept_reading
from service.complaints.schemas import ComplaintView, NewEntry
from service.core.actor import Actor
from service.core.errors import NotFound
from service.db.session import Tx
from service.disputes import actions as disputes
from service.web import paths
from service.web.language import Language
from service.web.pages.area import as_buyer
from service.web.pages.buyer import READ, SEND
from service.web.pages.case_view import case_page, held_of
from service.web.pages.casework import find_case
from service.web.pages.naming import goods_of
from service.web.pages.shell import REFUSALS, Draw, Page, ShellOf, checked, missing
from service.web.views.base import View
from service.web.views.buyer import Escalate, Withdraw
from service.web.views.parts import EMPTY_FORM, Form

TxOf = NamedDependency[Tx]
ActorOf = NamedDependency[Actor]
Named = FromPath[str]
_REPLIES = ("accept", "escalate", "talk")


async def own_case(tx: Tx, actor: Actor, reference: str) -> ComplaintView:
    """Return a case of the actor's own that was sent; raises `NotFound` ("complaint_not_found")."""
    buyer = as_buyer(actor)
    case = await get_complaint(tx, buyer, await find_case(tx, buyer, reference))
    if case.submitted_at is None and case.part_of is None:
        raise NotFound("complaint_not_found")
    return case


def drawn(tx: Tx, actor: Actor, reference: str, language: Language) -> Draw:
    """Return what draws the case's page again, with a form on it."""

    async def draw(form: Form) -> View:
        return await case_page(tx, as_buyer(actor), await own_case(tx, actor, reference), language, form)

    return draw


@get("/cases/{reference:str}", opt=READ)
async def show(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Show a case; a second complaint of a kind leads to the case that it became part of."""
    case = await own_case(tx, actor, reference)
    if case.submitted_at is None and case.part_of is not None and case.part_of.reference is not None:
        return shell.go(paths.case(case.part_of.reference), done="done.merged")
    return await shell.page(await case_page(tx, as_buyer(actor), case, shell.language, EMPTY_FORM))


@post("/cases/{reference:str}/reply", opt=SEND)
async def reply(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Accept an offer, refuse it and ask a mediator, or refuse it and suggest something else."""
    form, draw = await shell.form(), drawn(tx, actor, reference, shell.language)
    if form.value("reply") not in _REPLIES:
        return await shell.wrong(missing(Form({**form.values, "reply": ""}), reply="error.choose_one"), draw)
    if form.value("reply") == "talk" and missing(form, words="error.words_missing").errors:
        return await shell.wrong(missing(form, words="error.words_missing"), draw)
    try:
        await shell.take(form)
        await _decide(tx, actor, await own_case(tx, actor, reference), form)
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {"text": "words"})
    return shell.go(paths.case(reference), done="done.decided")


async def _decide(tx: Tx, actor: Actor, case: ComplaintView, form: Form) -> None:
    now, offer_id = await tx.now(), _uuid(form.value("offer_id"), "offer_not_found")
    if form.value("reply") == "accept":
        await actions.accept_offer(tx, actor, case.id, offer_id, now=now)
    elif form.value("reply") == "talk":
        await actions.refuse_offer(tx, actor, case.id, offer_id, now=now)
    else:
        await actions.refuse_offer(tx, actor, case.id, offer_id, now=now)
        await tx.flush()  # the offer is refused before the case goes to a mediator
        await disputes.escalate(tx, actor, case.id, now=now)
    await add_words(tx, actor, case.id, form.value("words"))


async def add_words(tx: Tx, actor: Actor, case_id: UUID, words: str) -> None:
    """Add what was typed to the case, if anything was; raises as `add_entry`, and `Invalid` for a text too long."""
    if words.strip():
        await actions.add_entry(tx, actor, case_id, checked(NewEntry, {"text": words.strip()}), now=await tx.now())


@post("/cases/{reference:str}/batch", opt=SEND)
async def name_batch(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Say which of the suggested batches it is."""
    form, draw = await shell.form(), drawn(tx, actor, reference, shell.language)
    asked = missing(form, batch="error.choose_one")
    if asked.errors:
        return await shell.wrong(asked, draw)
    try:
        await shell.take(form)
        case = await own_case(tx, actor, reference)
        batch_id = _uuid(form.value("batch"), "batch_not_found")
        await actions.link_batch(tx, as_buyer(actor), case.id, batch_id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {"batch_id": "batch"})
    return shell.go(paths.case(reference), done="done.batch_named")


@post("/cases/{reference:str}/readings/{reading_id:uuid}", opt=SEND)
async def take_reading(reference: Named, reading_id: FromPath[UUID], shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Add what was read on a photo to the case, as the buyer's word."""
    form, draw = await shell.form(), drawn(tx, actor, reference, shell.language)
    try:
        await shell.take(form)
        case = await own_case(tx, actor, reference)
        await accept_reading(tx, as_buyer(actor), case.id, reading_id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {})
    return shell.go(paths.case(reference), done="done.reading_taken")


@get("/cases/{reference:str}/withdrawal", opt=READ)
async def show_withdrawal(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Ask before a case is withdrawn."""
    return await shell.page(await _withdraw_page(tx, actor, reference, shell.language)(EMPTY_FORM))


@post("/cases/{reference:str}/withdrawal", opt=SEND)
async def withdraw(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Withdraw a case."""
    form, draw = await shell.form(), _withdraw_page(tx, actor, reference, shell.language)
    asked = missing(form, sure="error.sure_missing")
    if asked.errors:
        return await shell.wrong(asked, draw)
    try:
        await shell.take(form)
        case = await own_case(tx, actor, reference)
        await actions.withdraw(tx, actor, case.id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {})
    return shell.go(paths.case(reference), done="done.withdrawn")


def _withdraw_page(tx: Tx, actor: Actor, reference: str, language: Language) -> Draw:
    async def draw(form: Form) -> View:
        case = await own_case(tx, actor, reference)
        return Withdraw(case.reference, await goods_of(tx, case, language), held_of(case.hold), form)

    return draw


@get("/cases/{reference:str}/escalation", opt=READ)
async def show_escalation(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Ask what a mediator should know."""
    return await shell.page(await _escalate_page(tx, actor, reference, shell.language)(EMPTY_FORM))


@post("/cases/{reference:str}/escalation", opt=SEND)
async def escalate(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Put the case before a mediator."""
    form, draw = await shell.form(), _escalate_page(tx, actor, reference, shell.language)
    try:
        await shell.take(form)
        case = await own_case(tx, actor, reference)
        await disputes.escalate(tx, actor, case.id, now=await tx.now())
        await add_words(tx, actor, case.id, form.value("words"))
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {"text": "words"})
    return shell.go(paths.case(reference), done="done.escalated")


def _escalate_page(tx: Tx, actor: Actor, reference: str, language: Language) -> Draw:
    async def draw(form: Form) -> View:
        case = await own_case(tx, actor, reference)
        return Escalate(case.reference, await goods_of(tx, case, language), form=form)

    return draw


@post("/cases/{reference:str}/acceptance", opt=SEND)
async def accept_ruling(reference: Named, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Accept the ruling."""
    form, draw = await shell.form(), drawn(tx, actor, reference, shell.language)
    try:
        await shell.take(form)
        case = await own_case(tx, actor, reference)
        if case.dispute_id is None:
            raise NotFound("dispute_not_found")
        await disputes.accept(tx, as_buyer(actor), case.dispute_id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {})
    return shell.go(paths.case(reference), done="done.decided")


def _uuid(text: str, code: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound(code) from error


HANDLERS: list[Any] = [
    show,
    reply,
    name_batch,
    take_reading,
    show_withdrawal,
    withdraw,
    show_escalation,
    escalate,
    accept_ruling,
]
