"""Complaints that wait for a person: which batch it is about, and whether it goes to its seller."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.batches.queries import batches_by_id, products_by_id
from service.complaints import actions
from service.complaints.match_schemas import BatchSuggestion
from service.complaints.queries import first_words, to_look_at
from service.complaints.rules import needs_triage
from service.complaints.schemas import ComplaintSummary, ComplaintView, NewTriage
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.db.requests import LATE_CLAIM
from service.db.session import Tx
from service.web import paths
from service.web.language import Language
from service.web.pages import casework
from service.web.pages.batch_picks import LIKELY, reasons_of
from service.web.pages.likenesses import similar_photos
from service.web.pages.mediator.case import seen_case
from service.web.pages.readings import said_in_case
from service.web.pages.shell import REFUSALS, Page, ShellOf, checked, missing
from service.web.phrase import Phrase, say
from service.web.views.mediator import Triage, TriageList, TriageRow
from service.web.views.parts import EMPTY_FORM, Candidate, Clock, Form, Row

READ = {"allow": "web.mediator"}
SEND = {**READ, LATE_CLAIM: True}
_FIELDS = {"text": "reasons", "seller_id": "batch", "batch_id": "batch", "batch": "batch"}
_CANDIDATES_MAX = 3
_NONE = "none"


@get(paths.MEDIATOR_TRIAGE, opt=READ)
async def show_list(
    shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor], after: FromQuery[str | None] = None
) -> Page:
    """Complaints that wait for a mediator's first look, by due time."""
    return await shell.page(await triage_list(tx, actor, after, shell.language))


@get(f"{paths.MEDIATOR_TRIAGE}/{{reference:str}}", opt=READ)
async def show_one(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """One of them, with the batches that fit best."""
    return await shell.page(await triage_page(tx, actor, reference, shell.language, EMPTY_FORM))


@post(f"{paths.MEDIATOR_TRIAGE}/{{reference:str}}", opt=SEND)
async def decide(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Name the batch, or none, and send the case on or close it."""
    form, draw = await shell.form(), partial(triage_page, tx, actor, reference, shell.language)
    if (looked_at := check_decision(form)).errors:
        return await shell.wrong(looked_at, draw)
    try:
        await shell.take(form)
        await carry_out(tx, actor, reference, form)
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(paths.MEDIATOR_TRIAGE, done="done.triaged")


async def triage_list(tx: Tx, actor: Actor, after: str | None, language: Language) -> TriageList:
    """Return a page of what waits for a person."""
    page = await to_look_at(tx, actor, after=after, limit=casework.ROWS)
    words = await first_words(tx, [case.id for case in page.rows])
    products = await products_by_id(tx, {case.product_id for case in page.rows if case.product_id})
    now = await tx.now()
    rows = tuple(
        TriageRow(
            reference=case.reference,
            product=casework.name_of(
                products.get(case.product_id) if case.product_id else None, language, case.product_text
            ),
            summary=words.get(case.id, ""),
            why=why(case),
            clock=_clock(case.due.due_at if case.due and case.status == "triage" else None, now),
        )
        for case in page.rows
    )
    return TriageList(now, rows, casework.next_page(paths.MEDIATOR_TRIAGE, page.next, len(rows)))


async def triage_page(tx: Tx, actor: Actor, reference: str, language: Language, form: Form) -> Triage:
    """Return one complaint with the batches that it may be about."""
    view = await seen_case(tx, actor, reference)
    if view.viewer != "mediator":
        raise NotFound("complaint_not_found")
    due = next((each.due_at for each in view.available_actions if each.action == "triage"), None)
    return Triage(
        reference=view.reference,
        story=casework.words_of(view),
        why=why(view),
        clock=_clock(due, await tx.now()),
        typed=(*_risk(view), *casework.typed_rows(view, language)),
        photos=casework.photos(view.evidence, "buyer", "seller"),
        candidates=await _candidates(tx, actor, view, language),
        waits=view.status == "triage",
        form=form,
        similar=await similar_photos(tx, actor, view),
        readings=await said_in_case(tx, actor, view.id),
    )


def _risk(view: ComplaintView) -> tuple[Row, ...]:
    """Return the line that says which risk the rules see, and why."""
    return (Row("fact.risk", say(f"risk_reason.{view.risk_reason}")),) if view.risk_reason else ()


def why(case: ComplaintView | ComplaintSummary) -> Phrase:
    """Return why a person has to look."""
    if case.status != "triage":
        return say("why.no_batch")
    if isinstance(case, ComplaintView) and any(entry.decision == "wrong_company" for entry in case.entries):
        return say("why.wrong_company")
    found = needs_triage(purpose=case.purpose, harm=case.harm or "none", seller_id=case.seller_id)
    return say(f"why.{found}" if found else "why.wrong_company")


def check_decision(form: Form) -> Form:
    """Return the form with what is missing: a choice, and reasons to close."""
    looked_at = missing(form, batch="error.choose_batch") if form.value("next") != "close" else form
    return missing(looked_at, reasons="error.reasons_missing") if form.value("next") == "close" else looked_at


async def carry_out(tx: Tx, actor: Actor, reference: str, form: Form) -> None:
    """Link the case to the chosen batch, or take a wrong link away, then send it to its seller or close it."""
    view, now = await seen_case(tx, actor, reference), await tx.now()
    batch_id = _batch_id(form)
    if form.value("next") != "close" and batch_id != view.batch_id:
        await actions.link_batch(tx, actor, view.id, batch_id, now=now)
    if view.status != "triage":
        return
    is_closed = form.value("next") == "close"
    seller_id = None
    if view.seller_id is None and batch_id is not None and not is_closed:
        seller_id = (await batches_by_id(tx, [batch_id]))[batch_id].seller_id
    if view.seller_id is None and seller_id is None and not is_closed:
        raise Invalid("choose_seller_by_batch", "without a seller, a batch says whose it is", field="batch")
    values = {"is_closed": is_closed, "seller_id": seller_id, "text": form.value("reasons").strip()}
    await actions.triage(tx, actor, view.id, checked(NewTriage, values, _FIELDS), now=now)


def candidate(found: BatchSuggestion, made_on: Any, language: Language) -> Candidate:
    """Return a batch to pick, with the reasons that say something for or against it."""
    return Candidate(
        batch_id=str(found.batch_id),
        lot=found.lot_code,
        product=casework.name_of(found, language),
        made_on=made_on,
        likely=LIKELY[found.likelihood],
        reasons=reasons_of(found.reasons),
        score=found.probability,
    )


async def _candidates(tx: Tx, actor: Actor, view: ComplaintView, language: Language) -> tuple[Candidate, ...]:
    found = (await actions.suggestions(tx, actor, view.id)).suggestions[:_CANDIDATES_MAX]
    batches = await batches_by_id(tx, [each.batch_id for each in found])
    return tuple(candidate(each, batches[each.batch_id].made_on, language) for each in found)


def _batch_id(form: Form) -> UUID | None:
    typed = form.value("batch")
    if typed in {"", _NONE}:
        return None
    try:
        return UUID(typed)
    except ValueError as error:
        raise Invalid("choose_batch", "this is no batch", field="batch") from error


def _clock(due_at: datetime | None, now: datetime) -> Clock | None:
    return None if due_at is None else Clock(due_at, now, say("due.look"), say("expiry.supervisor"))


HANDLERS = [show_list, show_one, decide]
