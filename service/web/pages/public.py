"""Pages for anybody: check a batch, what is known of one, and where a complaint of one's own stands."""

from typing import Any
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.batches.queries import batch_scope, batches_page, get_batch, statuses
from service.batches.schemas import BatchView
from service.complaints.queries import case_timeline, find_by_reference, get_complaint, published_problems
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.db.session import Tx
from service.orders.queries import sold_of_batches
from service.recalls.queries import frozen_signals
from service.recalls.schemas import SignalNumbers, numbers_of
from service.web import paths
from service.web.language import Language
from service.web.pages.area import as_buyer
from service.web.pages.casework import happenings, name_of
from service.web.pages.naming import shop_names
from service.web.pages.shell import Page, ShellOf
from service.web.phrase import Lot, Phrase, say
from service.web.views.parts import FieldError, Form, Happening, refusal
from service.web.views.public import BatchHit, CheckBatch, PublicBatch, Status
from service.web.words import PHRASES

OPEN = {"allow": "web.open"}
PUBLISHED_MIN = 3
"""Counts below this are not shown: they would tell of single people."""
_HITS_MAX = 20
_CODE_MAX = 64


@get(paths.CHECK, opt=OPEN)
async def check(shell: ShellOf, tx: NamedDependency[Tx], code: FromQuery[str | None] = None) -> Page:
    """Find batches by the code on the pack, however it is spelt."""
    typed = (code or "").strip()[:_CODE_MAX]
    if code is None:
        return await shell.page(CheckBatch())
    form = Form({"code": typed})
    if not typed or "\x00" in typed:
        return await shell.page(CheckBatch(form=_wrong(form, "code", "error.code_missing")), status=422)
    found = await batches_page(tx, search=typed, product_id=None, seller_id=None, after=None, limit=_HITS_MAX)
    hits = tuple(
        BatchHit(str(each.id), each.lot_code, name_of(each, shell.language), each.made_on, f"batch.{each.status}")
        for each in found.rows
    )
    return await shell.page(CheckBatch(hits, True, form))


@get("/batches/{batch_id:uuid}", opt=OPEN)
async def show_batch(batch_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx]) -> Page:
    """What anybody may know about a batch."""
    return await shell.page(await _public_batch(tx, await get_batch(tx, batch_id), shell.language))


@get(paths.STATUS, opt=OPEN)
async def show_status(
    shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor], reference: FromQuery[str | None] = None
) -> Page:
    """Where a complaint of one's own stands, by its reference; who is not signed in does that first."""
    if reference is None:
        return await shell.page(Status())
    if actor.person_id is None:
        return shell.go(paths.sign_in(paths.public_status(reference)))
    form = Form({"reference": reference[:_CODE_MAX]})
    buyer = as_buyer(actor)
    try:
        case = await get_complaint(tx, buyer, await find_by_reference(tx, buyer, form.value("reference")))
    except (Invalid, NotFound) as error:
        wrong = Form(form.values, (FieldError("reference", refusal(error)),))
        return await shell.page(Status(form=wrong), status=422 if isinstance(error, Invalid) else 404)
    steps = happenings(await case_timeline(tx, buyer, case.id), {}, say("word.mediator"))
    plain = tuple(each for each in steps if "lot" not in each.what.facts or each.what.code != "event.complaint.linked")
    return await shell.page(Status(case.reference, f"state.{case.status}", None, plain, form))


async def _public_batch(tx: Tx, batch: BatchView, language: Language) -> PublicBatch:
    scope = await batch_scope(tx, batch.id)
    problems = await published_problems(tx, scope)
    count = sum(problems.values())
    is_shown = count >= PUBLISHED_MIN
    numbers = await _numbers(tx, scope)
    history = await _history(tx, batch)
    return PublicBatch(
        id=str(batch.id),
        lot=batch.lot_code,
        product=name_of(batch, language),
        maker=(await shop_names(tx, [batch.seller_id], language)).get(batch.seller_id, ""),
        made_on=batch.made_on,
        expires_on=batch.expires_on,
        state=f"batch.{batch.status}",
        since=history[0].at or batch.registered_at,
        buyers=numbers.buyers if numbers else None,
        complaints=count if is_shown else None,
        sold=(await sold_of_batches(tx, scope)).units,
        rate=numbers.estimate if numbers and is_shown else None,
        base=numbers.base if numbers and is_shown else None,
        problems=_by_kind(problems) if is_shown else (),
        history=history,
    )


def _by_kind(problems: dict[str, int]) -> tuple[tuple[Phrase, int], ...]:
    ordered = sorted(problems.items(), key=lambda each: (-each[1], each[0]))
    return tuple((say(f"kind.{kind}"), count) for kind, count in ordered)


async def _numbers(tx: Tx, scope: list[UUID]) -> SignalNumbers | None:
    """Return the figures of the signal that holds the batch, if one does: they are why it is held."""
    found = await frozen_signals(tx, scope)
    return numbers_of(found[-1].numbers) if found else None


async def _history(tx: Tx, batch: BatchView) -> tuple[Happening, ...]:
    """Return what the batch was, the newest first; it begins with its registration."""
    told = [Happening(say("event.batch.registered"), batch.registered_at)]
    for each in await statuses(tx, batch.id):
        code = f"event.batch.{each.status}"
        if code in PHRASES:
            told.append(Happening(say(code, lot=Lot(batch.lot_code)), each.since))
    return tuple(reversed(told))


def _wrong(form: Form, name: str, code: str) -> Form:
    return Form(form.values, (FieldError(name, Phrase(code)),))


HANDLERS: list[Any] = [check, show_batch, show_status]
