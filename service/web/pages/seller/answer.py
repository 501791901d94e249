"""One case as its seller sees it: the answer with its effect, a new offer, and accepting a ruling."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.batches.queries import batches_by_id, get_product
from service.complaints import actions, evidence
from service.complaints.limits import Counter
from service.complaints.queries import case_timeline, get_complaint
from service.complaints.rules import is_injury
from service.complaints.schemas import ComplaintView, NewAnswer, NewOffer
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.core.money import Money, parse_major
from service.db.requests import LATE_CLAIM
from service.db.schemas import MoneyView
from service.db.session import Database, Tx
from service.disputes import actions as disputes
from service.disputes.queries import dispute_of_complaint
from service.files.images import ImageWorkshop
from service.files.intake import Received
from service.files.posted import contents
from service.files.sealing import KeyRing
from service.files.store import Store
from service.orders.queries import get_order
from service.settings import Settings
from service.web import paths
from service.web.language import Language
from service.web.pages import casework
from service.web.pages.shell import REFUSALS, Page, ShellOf, checked, missing
from service.web.pages.sides import asked_photos, challenge_times, other_due, sides_of
from service.web.phrase import Lot, Reference, say
from service.web.views.parts import EMPTY_FORM, Effect, FieldError, Form, Option, Row, refusal
from service.web.views.seller import AnswerPage

SELLER = {"allow": "web.seller"}
SELLER_FORM = {**SELLER, LATE_CLAIM: True}
_FIELDS = {"text": "words", "files": "photos", "amount": "amount", "offer": "offer"}
_WORDS_NEEDED = ("refuse", "wrong_company")
_FRAGMENT = "components/amount_effect.html"
CASE = "/seller/cases/{reference:str}"


@get(CASE, opt=SELLER)
async def show_case(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """The case, with the form to answer it while it can be answered."""
    return await shell.page(await case_page(tx, actor, reference, shell.language, EMPTY_FORM))


@post(f"{CASE}/answer", opt=SELLER_FORM, request_max_body_size=evidence.UPLOAD_BYTES_MAX)
async def answer_case(  # noqa: PLR0913, PLR0917 - what taking photos in needs
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor],
    database: NamedDependency[Database], store: NamedDependency[Store], workshop: NamedDependency[ImageWorkshop],
    settings: NamedDependency[Settings], counter: NamedDependency[Counter],
) -> Page:  # fmt: skip
    """Send the answer, its photos first; "show the effect" sends nothing and shows it."""
    form = await shell.form()
    draw = partial(case_page, tx, actor, reference, shell.language)
    if form.value("show"):
        return await shell.page(await draw(form))
    if (looked_at := check_answer(form)).errors:
        return await shell.wrong(looked_at, draw)
    photos = await shell.files("photos")
    try:
        await shell.replay(form, database)
        if photos:
            await counter.count("files", len(photos))
        case_id, files = await _take_in(database, store, workshop, settings, actor, reference, photos)
        await shell.take(form)
        await send_answer(tx, actor, case_id, form, files, retention_days=settings.evidence_retention_days)
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(paths.seller_case(reference), done="done.answered")


@post(f"{CASE}/effect", opt=SELLER_FORM, status_code=200)
async def show_effect(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """What a typed amount would do, for htmx."""
    return await shell.fragment(_FRAGMENT, await case_page(tx, actor, reference, shell.language, await shell.form()))


@post(f"{CASE}/acceptance", opt=SELLER_FORM)
async def accept_ruling(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Accept the ruling for the seller's side."""
    form = await shell.form()
    try:
        await shell.take(form)
        view = await _seen(tx, actor, reference)
        if view.dispute_id is None:
            raise NotFound("dispute_not_found")
        await disputes.accept(tx, actor, view.dispute_id, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, partial(case_page, tx, actor, reference, shell.language), {})
    return shell.go(paths.seller_case(reference), done="done.decided")


async def case_page(tx: Tx, actor: Actor, reference: str, language: Language, form: Form) -> AnswerPage:
    """Return the page of one of the seller's cases; raises `NotFound` for everybody else's."""
    view = await _seen(tx, actor, reference)
    now = await tx.now()
    events = await case_timeline(tx, actor, view.id)
    lots = await batches_by_id(tx, casework.batches_of(events) | ({view.batch_id} if view.batch_id else set()))
    dispute = await dispute_of_complaint(tx, actor, view.id)
    product = None if view.product_id is None else await get_product(tx, view.product_id)
    due = other_due(view.available_actions)
    times = await challenge_times(tx, view, now=now)
    form = _with_effect_checked(view, form)
    return AnswerPage(
        reference=view.reference,
        product=casework.name_of(product, language, view.told.product_text if view.told else ""),
        problem=say(f"kind.{view.kind}"),
        injury=is_injury(view.harm),
        state=f"state.{view.status}",
        clock=casework.clock_for_seller(due, now),
        story=casework.words_of(view),
        wanted=casework.wanted(view),
        sides=sides_of(view, "seller"),
        asked_photos=asked_photos(view, "seller", paths.seller_case, times, now=now),
        held=casework.held_line(view.hold),
        facts=tuple(await _facts(tx, actor, view, lots[view.batch_id].lot_code if view.batch_id else "")),
        timeline=casework.happenings(
            events, {batch.id: batch.lot_code for batch in lots.values()}, say("word.mediator")
        ),
        answerable=bool(options_of(view)),
        options=options_of(view),
        effects=effects_of(view, form),
        amount_max=casework.money(view.claim),
        ruling=casework.ruling_notice(dispute, "seller", now),
        takes_files=view.takes_files,
        said=tuple(entry.text or "" for entry in view.entries if entry.side == "seller" and entry.text),
        form=form,
    )


def options_of(view: ComplaintView) -> tuple[Option, ...]:
    """Return what the seller may say now: an answer at first, later only a new offer."""
    may = {each.action for each in view.available_actions if each.side == "seller"}
    claimed = view.claim is not None
    if "answer" in may:
        first = [_option("refund"), _option("part")] if claimed else [_option("agree")]
        last = [] if view.order_id else [_option("wrong_company")]
        return (*first, _option("refuse"), *last)
    if "offer" in may and claimed:
        return (Option("refund", say("offer.refund"), say("offer.refund_offered.hint")), _option("part"))
    return ()


def effects_of(view: ComplaintView, form: Form) -> tuple[tuple[str, Effect], ...]:
    """Return what each choice does to the money that is claimed; of a part once an amount is typed."""
    whole = casework.money(view.claim)
    if whole is None:
        return ()
    found = [("refund", casework.effect("effect.full", whole, whole)), ("refuse", casework.waiting_effect(whole))]
    part = _part(form, whole)
    return tuple(found) if part is None else (*found, ("part", casework.effect("effect.part", whole, part)))


def check_answer(form: Form) -> Form:
    """Return the form with what is missing: a choice, an amount for a part, words for a refusal."""
    looked_at = missing(form, offer="error.answer_missing")
    if form.value("offer") == "part":
        looked_at = missing(looked_at, amount="error.amount_missing")
    return missing(looked_at, words="error.words_missing") if form.value("offer") in _WORDS_NEEDED else looked_at


async def send_answer(
    tx: Tx, actor: Actor, case_id: UUID, form: Form, files: Sequence[Received], *, retention_days: int
) -> None:
    """Add the photos, then answer, or make a new offer where the case was answered before."""
    now = await tx.now()
    if files:
        await evidence.attach(tx, actor, case_id, files, retention_days=retention_days, now=now)
    view = await get_complaint(tx, actor, case_id)
    words, chosen = form.value("words").strip(), form.value("offer")
    if chosen not in {option.value for option in options_of(view)}:
        raise Invalid("answer_missing", "choose one of the answers", field="offer")
    offer = _offer(view, form, words) if chosen == "part" else None
    if view.status == "with_seller":
        decisions = {"refund": "accept", "agree": "accept", "part": "offer"}
        said = {"decision": decisions.get(chosen, chosen), "text": "" if offer else words, "offer": offer}
        await actions.answer(tx, actor, case_id, checked(NewAnswer, said, _FIELDS), now=now)
    else:
        whole = offer or checked(NewOffer, {"kind": "refund", "text": words}, _FIELDS)
        await actions.make_offer(tx, actor, case_id, whole, now=now)


async def _seen(tx: Tx, actor: Actor, reference: str) -> ComplaintView:
    view = await get_complaint(tx, actor, await casework.find_case(tx, actor, reference))
    if view.viewer != "seller":
        raise NotFound("complaint_not_found")
    return view


async def _take_in(
    database: Database, store: Store, workshop: ImageWorkshop, settings: Settings, actor: Actor, reference: str,
    uploads: Sequence[UploadFile],
) -> tuple[UUID, list[Received]]:  # fmt: skip
    """Find the case and take its photos in, with no transaction open while S3 is asked."""
    async with database.begin() as tx:
        case_id = await casework.find_case(tx, actor, reference)
    if not uploads:
        return case_id, []
    desk = evidence.Desk(database, store, workshop, KeyRing(settings.secret), settings)
    return case_id, await evidence.take_in(desk, actor, case_id, contents(uploads))


async def _facts(tx: Tx, actor: Actor, view: ComplaintView, lot: str) -> list[Row]:
    rows = casework.hold_rows(view.hold)
    if view.buyer_name is not None:  # the buyer agreed that the seller may know it
        rows.append(Row("fact.buyer", view.buyer_name))
    if view.order_id is not None:
        order = await get_order(tx, actor, view.order_id)
        rows.append(Row("fact.order", Reference(order.platform_ref)))
        if order.delivered_at is not None:
            rows.append(Row("fact.delivered", order.delivered_at))
    return [*rows, Row("fact.batch", Lot(lot))] if lot else rows


def _option(value: str) -> Option:
    hint = None if value == "part" else say(f"offer.{value}.hint")
    return Option(value, say(f"offer.{value}"), hint)


def _part(form: Form, whole: Money) -> Money | None:
    """Return the part that is typed, if it is an amount that can be offered."""
    try:
        part = parse_major(form.value("amount"), whole.currency)
    except Invalid:
        return None
    return part if part.amount_minor <= whole.amount_minor else None


def _offer(view: ComplaintView, form: Form, words: str) -> NewOffer:
    currency = view.claim.currency if view.claim else ""
    try:
        part = parse_major(form.value("amount"), currency)
    except Invalid as error:
        raise casework.renamed(error, {"form": "amount"}) from error
    return checked(NewOffer, {"kind": "part_refund", "amount": MoneyView.of(part), "text": words}, _FIELDS)


def _with_effect_checked(view: ComplaintView, form: Form) -> Form:
    """Return the form with a word beside an amount whose effect cannot be shown."""
    whole = casework.money(view.claim)
    if not form.value("show") or whole is None or form.errors:
        return form
    if not form.value("amount").strip():
        return missing(form, amount="error.amount_missing")
    try:
        part = parse_major(form.value("amount"), whole.currency)
        whole - part
    except Invalid as error:
        told = refusal(error) if error.code == "amount_malformed" else say("error.offer_amount_wrong")
        return Form(form.values, (FieldError("amount", told),))
    return form


HANDLERS = [show_case, answer_case, show_effect, accept_ruling]
