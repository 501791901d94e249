"""Filing a complaint, question by question; the draft lives in the complaints domain between them."""

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.accounts.devices import device_cookie
from service.accounts.guards import is_secure
from service.complaints import evidence
from service.complaints.actions import create_draft, submit
from service.complaints.queries import get_complaint
from service.complaints.recognise.acceptance import accept_reading
from service.complaints.reports_api import CounterOf
from service.complaints.schemas import NewComplaint
from service.core.actor import Actor
from service.core.errors import Conflict, Invalid, NotFound
from service.db.session import Database, Tx
from service.settings import Settings
from service.web import paths
from service.web.language import Language
from service.web.pages.area import as_buyer
from service.web.pages.buyer import READ, SEND, my_orders
from service.web.pages.evidence import PHOTO_FIELDS, Intake, IntakeOf
from service.web.pages.filing_check import sent_page
from service.web.pages.filing_draw import Filing, draw
from service.web.pages.filing_save import FIELDS, ON_CHECK, gaps, save
from service.web.pages.filing_steps import LAST, QUESTIONS, first_open, first_place, path_after
from service.web.pages.shell import REFUSALS, Draw, Page, Shell, ShellOf, missing
from service.web.phrase import Phrase
from service.web.views.base import View
from service.web.views.filing import AskOrder, OrderChoice
from service.web.views.parts import FieldError, Form

TxOf = NamedDependency[Tx]
ActorOf = NamedDependency[Actor]
DraftId = FromPath[UUID]
_WITH_READINGS = ("photos", "batch")


@get(paths.FILE, opt=READ)
async def ask_order(shell: ShellOf, tx: TxOf, actor: ActorOf, order: FromQuery[str | None] = None) -> Page:
    """Ask which order it is about; `?order=` chooses one beforehand."""
    return await shell.page(await _order_page(tx, actor, shell.language)(Form({"order": order or ""})))


@post(paths.FILE, opt=SEND)
async def begin(
    shell: ShellOf, tx: TxOf, actor: ActorOf, counter: CounterOf, settings: NamedDependency[Settings]
) -> Page:
    """Begin a draft about the order, or about goods from elsewhere; the device gets its mark."""
    form, page = await shell.form(), _order_page(tx, actor, shell.language)
    if form.value("later"):
        return shell.go(paths.MINE)
    asked = missing(form, order="error.choose_order")
    if asked.errors:
        return await shell.wrong(asked, page)
    try:
        await counter.count("complaints")
        await shell.take(form)
        chosen = None if form.value("order") == "none" else _order_id(form.value("order"))
        draft = await create_draft(tx, as_buyer(actor), NewComplaint(order_id=chosen), now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, page, {"order_id": "order"})
    answer = shell.go(paths.filing(draft.id, "problem"))
    if counter.source.device is None:
        answer.set_cookie(device_cookie(settings, is_secure=is_secure(settings)))
    return answer


@get("/file/{draft_id:uuid}/{step:str}", opt=READ)
async def ask(draft_id: DraftId, step: FromPath[str], shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Show a question; `next` is the first without an answer, `sent` the receipt."""
    return await _show(draft_id, step, shell, tx, actor)


@get("/file/{draft_id:uuid}/photos", opt=READ)
async def ask_photos(draft_id: DraftId, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Ask for photos."""
    return await _show(draft_id, "photos", shell, tx, actor)


@get("/file/{draft_id:uuid}/check", opt=READ)
async def ask_check(draft_id: DraftId, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Show everything before it is sent."""
    return await _show(draft_id, LAST, shell, tx, actor)


async def _show(draft_id: UUID, step: str, shell: Shell, tx: Tx, actor: Actor) -> Page:
    at = await _filing(tx, actor, draft_id, shell.language)
    if at.case.part_of is not None:
        return shell.go(paths.case(at.case.part_of.reference or at.case.reference), done="done.merged")
    if at.case.submitted_at is not None:
        return await shell.page(await sent_page(tx, at.case)) if step == "sent" else shell.go(_case(at))
    if step == "next":
        return shell.go(paths.filing(draft_id, first_open(at.case)))
    _check_step(step)
    return await shell.page(await draw(at, step))


@post("/file/{draft_id:uuid}/{step:str}", opt=SEND)
async def answer(draft_id: DraftId, step: FromPath[str], shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Keep an answer and go on to the next question. `later` keeps what is there and leaves."""
    _check_step(step)
    form, page = await shell.form(), _question(tx, actor, draft_id, step, shell.language)
    at = await _filing(tx, actor, draft_id, shell.language)
    asked = form if form.value("later") else gaps(at, step, form)
    if asked.errors:
        return await shell.wrong(asked, page)
    try:
        await save(at, step, form)
    except REFUSALS as error:
        return await shell.refused(error, form, page, FIELDS)
    return shell.go(paths.MINE, done="done.saved") if form.value("later") else shell.go(path_after(at.case, step))


@post("/file/{draft_id:uuid}/check", opt=SEND)
async def send(draft_id: DraftId, shell: ShellOf, tx: TxOf, actor: ActorOf) -> Page:
    """Send the complaint: what it claims is frozen at once."""
    form, page = await shell.form(), _question(tx, actor, draft_id, LAST, shell.language)
    if form.value("later"):
        return shell.go(paths.MINE, done="done.saved")
    asked = missing(form, true="error.truth_missing")
    if asked.errors:
        return await shell.wrong(asked, page)
    try:
        await shell.take(form)
        sent = await submit(tx, as_buyer(actor), draft_id, now=await tx.now())
    except REFUSALS as error:
        if isinstance(error, Conflict) and error.code == "complaint_sent":  # by another form of the same draft
            return shell.go(paths.filing(draft_id, "sent"))
        return await shell.refused(error, form, page, ON_CHECK)
    if sent.id != draft_id:
        return shell.go(paths.case(sent.reference), done="done.merged")
    return shell.go(paths.filing(draft_id, "sent"))


@post("/file/{draft_id:uuid}/photos", opt=SEND, request_max_body_size=evidence.UPLOAD_BYTES_MAX)
async def add_photos(
    draft_id: DraftId,
    shell: ShellOf,
    tx: TxOf,
    actor: ActorOf,
    intake: IntakeOf,
    database: NamedDependency[Database],
) -> Page:
    """Take photos in. "Add these photos" comes back for more, "Continue" goes on."""
    form, files = await shell.form(), await shell.files("photos")
    page, buyer = _question(tx, actor, draft_id, "photos", shell.language), as_buyer(actor)
    async with database.begin() as short:
        case = (await _filing(short, actor, draft_id, shell.language)).case
    onward = paths.filing(draft_id, "photos") if form.value("add") else path_after(case, "photos")
    if not files:
        return await shell.wrong(_no_file(form), page) if form.value("add") else shell.go(onward)
    try:
        await _take_in(shell, tx, buyer, draft_id, form, files, intake)
    except REFUSALS as error:
        return await shell.refused(error, form, page, PHOTO_FIELDS)
    return shell.go(onward)


@post("/file/{draft_id:uuid}/photos/{file_id:uuid}/removal", opt=SEND, request_max_body_size=evidence.UPLOAD_BYTES_MAX)
async def remove_photo(draft_id: DraftId, file_id: FromPath[UUID], tx: TxOf, actor: ActorOf, shell: ShellOf) -> Page:
    """Take a photo out of a draft; taking it out twice changes nothing."""
    await evidence.remove(tx, as_buyer(actor), draft_id, file_id, now=await tx.now())
    return shell.go(paths.filing(draft_id, "photos"))


@post(
    "/file/{draft_id:uuid}/readings/{reading_id:uuid}/{step:str}",
    opt=SEND,
    request_max_body_size=evidence.UPLOAD_BYTES_MAX,
)
async def take_over(
    draft_id: DraftId,
    reading_id: FromPath[UUID],
    step: FromPath[str],
    shell: ShellOf,
    tx: TxOf,
    actor: ActorOf,
    intake: IntakeOf,
) -> Page:
    """Take a reading over; twice changes nothing. It is the question's own form: what else it says is kept first."""
    if step not in _WITH_READINGS:
        raise NotFound("path_unknown")
    form, files = await shell.form(), await shell.files("photos")
    page, buyer = _question(tx, actor, draft_id, step, shell.language), as_buyer(actor)
    try:
        await _take_in(shell, tx, buyer, draft_id, form, files, intake)
        if step == "batch":
            await save(await _filing(tx, actor, draft_id, shell.language), step, form)
        await accept_reading(tx, buyer, draft_id, reading_id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, page, {**FIELDS, **PHOTO_FIELDS})
    return shell.go(paths.filing(draft_id, step))


async def _take_in(
    shell: Shell, tx: Tx, buyer: Actor, draft_id: UUID, form: Form, files: list[UploadFile], intake: Intake
) -> None:
    """Take the form's photos in, with no transaction open, claim the form, and add them to the draft."""
    await shell.replay(form, intake.counter.database)
    received = await intake.receive(buyer, draft_id, files) if files else []
    await shell.take(form)
    if received:
        days = intake.retention_days
        await evidence.attach(tx, buyer, draft_id, received, retention_days=days, now=await tx.now())


async def _filing(tx: Tx, actor: Actor, draft_id: UUID, language: Language) -> Filing:
    buyer = as_buyer(actor)
    return Filing(tx, buyer, await get_complaint(tx, buyer, draft_id), language)


def _question(tx: Tx, actor: Actor, draft_id: UUID, step: str, language: Language) -> Draw:
    async def again(form: Form) -> View:
        return await draw(await _filing(tx, actor, draft_id, language), step, form)

    return again


def _order_page(tx: Tx, actor: Actor, language: Language) -> Draw:
    async def page(form: Form) -> View:
        orders = await my_orders(tx, as_buyer(actor), language, now=await tx.now())
        choices = tuple(
            OrderChoice(each.id, each.product, each.quantity, each.shop, each.amount)
            for each in orders
            if each.complainable
        )
        return AskOrder(step=first_place(), path=paths.FILE, back=paths.MINE, form=form, orders=choices)

    return page


def _check_step(step: str) -> None:
    if step not in QUESTIONS:
        raise NotFound("path_unknown")


def _order_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid("choose_order", "no id of an order", field="order_id") from error


def _case(at: Filing) -> str:
    return paths.case(at.case.reference)


def _no_file(form: Form) -> Form:
    return Form(form.values, (FieldError("photos", Phrase("error.file_missing")),))


HANDLERS: list[Any] = [
    ask_order,
    begin,
    ask,
    ask_photos,
    ask_check,
    answer,
    send,
    add_photos,
    remove_photo,
    take_over,
]
