"""A case as its mediator reads it: both sides, evidence, facts with sources, and the ruling."""

from collections.abc import Iterator
from functools import partial

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.accounts.queries import person_names
from service.batches.queries import batches_by_id, get_product
from service.complaints.actions import record_view
from service.complaints.queries import case_timeline, get_complaint
from service.complaints.schemas import ComplaintView
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.core.money import Money, parse_major
from service.db.requests import LATE_CLAIM
from service.db.schemas import MoneyView
from service.db.session import Tx
from service.disputes import actions as disputes
from service.disputes.queries import dispute_of_complaint
from service.disputes.schemas import DisputeView, NewRuling
from service.orders.queries import get_order
from service.orders.schemas import OrderView
from service.sellers.queries import sellers_by_id
from service.web import paths
from service.web.language import Language
from service.web.pages import casework
from service.web.pages.likenesses import similar_photos
from service.web.pages.mediator.letters import letters
from service.web.pages.mediator.queue import risk_shown
from service.web.pages.readings import said_in_case
from service.web.pages.shell import REFUSALS, Page, ShellOf, checked, missing
from service.web.pages.sides import asked_photos, asking, challenge_times, sides_of
from service.web.phrase import Lot, Phrase, say
from service.web.views.likenesses import SimilarPhotos
from service.web.views.mediator import MediatorCase, SideOfCase, SourcedFact
from service.web.views.parts import EMPTY_FORM, Effect, FieldError, Form, Happening, Option, Reason, Row, refusal
from service.web.views.readings import NOTHING_SAID

READ = {"allow": "web.mediator"}
SEND = {**READ, LATE_CLAIM: True}
CASE = f"{paths.MEDIATOR_CASES}/{{reference:str}}"
_FIELDS = {"buyer": "amount", "amount": "amount", "outcome": "outcome", "reasons": "reasons"}
_FRAGMENT = "components/amount_effect.html"
_OUTCOMES = ("refund", "split", "release")


@get(CASE, opt=READ)
async def show_case(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Both sides of a case, with what the mediator may do."""
    return await shell.page(await case_page(tx, actor, reference, shell.language, EMPTY_FORM))


@post(f"{CASE}/assignment", opt=SEND)
async def take_case(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Take a case that nobody has."""
    form, draw = await shell.form(), partial(case_page, tx, actor, reference, shell.language)
    try:
        await shell.take(form)
        dispute = await _dispute(tx, actor, reference)
        await disputes.assign(tx, actor, dispute.id, None, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {})
    return shell.go(paths.mediator_case(reference), done="done.taken")


@post(f"{CASE}/ruling", opt=SEND)
async def rule(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Rule; "show the effect" rules nothing and shows it with what each side is told."""
    form, draw = await shell.form(), partial(case_page, tx, actor, reference, shell.language)
    if form.value("show"):
        return await shell.page(await draw(form))
    if (looked_at := check_ruling(form)).errors:
        return await shell.wrong(looked_at, draw)
    try:
        await shell.take(form)
        dispute = await _dispute(tx, actor, reference)
        await disputes.rule(tx, actor, dispute.id, new_ruling(dispute, form), now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(paths.mediator_case(reference), done="done.ruled")


@post(f"{CASE}/effect", opt=SEND, status_code=200)
async def show_effect(
    reference: FromPath[str], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """What a typed amount would do, for htmx."""
    form = await shell.form()
    page = await case_page(tx, actor, reference, shell.language, form, is_fragment=True)
    return await shell.fragment(_FRAGMENT, page)


async def case_page(
    tx: Tx, actor: Actor, reference: str, language: Language, form: Form, *, is_fragment: bool = False
) -> MediatorCase:
    """Return a case of the actor's tenants, or for regulators any; raises `NotFound` for everybody else's.

    A fragment, asked for with every amount that is typed, does without the search for similar photos and its event. It
    is for mediators alone: regulators rule nothing, and each of their looks would be recorded.
    """
    view = await seen_case(tx, actor, reference)
    if is_fragment and view.viewer != "mediator":
        raise NotFound("complaint_not_found")
    dispute = await dispute_of_complaint(tx, actor, view.id)
    order = None if view.order_id is None else await get_order(tx, actor, view.order_id)
    now = await tx.now()
    whole = casework.money(dispute.held) if dispute else None
    similar = SimilarPhotos() if is_fragment else await similar_photos(tx, actor, view)
    times = await challenge_times(tx, view, now=now)
    may = set(dispute.available_actions) if dispute and view.viewer == "mediator" else set()
    rulable = "rule" in may and dispute is not None and dispute.mediator_id == actor.person_id
    form = check_amount(form, whole) if form.value("show") and form.value("outcome") == "split" else form
    return MediatorCase(
        reference=view.reference,
        product=await _product(tx, view, language),
        quantity=order.units if order else 1,
        risk=risk_shown(view.risk),
        state=f"state.{dispute.state if dispute else view.status}",
        clock=casework.clock_for_mediator(dispute, now) if dispute else None,
        buyer=_buyer(view),
        seller=await _seller(tx, view, language),
        sides=sides_of(view, "mediator"),
        asked_photos=asked_photos(view, "mediator", paths.mediator_case, times, now=now),
        asking=asking(view, paths.mediator_case, times),
        facts=tuple(await _facts(tx, view, order)),
        held=casework.held_line(view.hold),
        precedents=(),
        checks=tuple(_checks(view, similar)),
        similar=similar,
        readings=await said_in_case(tx, actor, view.id) if view.viewer == "mediator" else NOTHING_SAID,
        timeline=await _timeline(tx, actor, view, dispute),
        effects=effects(form, whole),
        letters=await letters(tx, view, dispute, form, now=now) if rulable and dispute else (),
        amount_max=whole,
        outcomes=outcomes(whole) if rulable else (),
        rulable=rulable,
        assignable="assign" in may and dispute is not None and dispute.mediator_id is None,
        ruling=casework.ruling_notice(dispute, "mediator", now),
        form=form,
    )


def _checks(view: ComplaintView, similar: SimilarPhotos) -> Iterator[Reason]:
    """Yield what speaks for the buyer's word and what against it."""
    verified = "check.verified_buyer" if view.is_verified_buyer else "check.not_verified"
    yield Reason(say(verified), view.is_verified_buyer)
    if similar.is_lifted:
        yield Reason(say("check.photos_listed"), fits=False)
    if repeated := similar.complaints_of_buyer_photos:
        yield Reason(say("check.photos_repeated", n=repeated), fits=False)
    elif similar.compared and any(each.side == "buyer" for each in view.evidence):
        yield Reason(say("check.photos_unique"))


async def seen_case(tx: Tx, actor: Actor, reference: str) -> ComplaintView:
    """Return a case that the actor reads as mediator or regulator, whose view is recorded; raises `NotFound`."""
    view = await get_complaint(tx, actor, await casework.find_case(tx, actor, reference))
    if view.viewer not in {"mediator", "regulator"}:
        raise NotFound("complaint_not_found")
    await record_view(tx, actor, view, now=await tx.now())
    return view


def outcomes(whole: Money | None) -> tuple[Option, ...]:
    """Return what can be ruled: without money that is held, only who is right."""
    if whole is None:
        return (Option("release", say("outcome.nothing")),)
    return tuple(Option(code, say(f"outcome.{code}")) for code in _OUTCOMES)


def effects(form: Form, whole: Money | None) -> tuple[tuple[str, Effect], ...]:
    """Return what each outcome does; of a split once an amount is typed that is held."""
    if whole is None:
        return ()
    found = [
        ("refund", casework.effect("effect.ruling", whole, whole)),
        ("release", casework.effect("effect.ruling", whole, Money(0, whole.currency))),
    ]
    try:
        part = parse_major(form.value("amount"), whole.currency)
        return (*found, ("split", casework.effect("effect.ruling", whole, part)))
    except Invalid:
        return tuple(found)


def check_ruling(form: Form) -> Form:
    """Return the form with what is missing: an outcome, its amount, the reasons."""
    looked_at = missing(form, outcome="error.choose_one")
    if form.value("outcome") == "split":
        looked_at = missing(looked_at, amount="error.amount_missing")
    return missing(looked_at, reasons="error.reasons_missing")


def check_amount(form: Form, whole: Money | None) -> Form:
    """Return the form with a word beside an amount that cannot be split so."""
    if whole is None or not form.value("amount").strip():
        return missing(form, amount="error.amount_missing")
    try:
        whole - parse_major(form.value("amount"), whole.currency)
    except Invalid as error:
        told = refusal(error) if error.code == "amount_malformed" else say("error.amount_above_payment", paid=whole)
        return Form(form.values, (FieldError("amount", told),))
    return form


def new_ruling(dispute: DisputeView, form: Form) -> NewRuling:
    """Return the ruling that the form says; raises `Invalid` ("amount_malformed") at the form's amount."""
    whole = Money(0, "CNY") if dispute.held is None else dispute.held.money()
    try:
        parts = {
            "refund": whole,
            "release": Money(0, whole.currency),
            "split": parse_major(form.value("amount") or "0", whole.currency),
        }
    except Invalid as error:
        raise casework.renamed(error, {"form": "amount"}) from error
    if form.value("outcome") not in parts:
        raise Invalid("choose_one", "choose an outcome", field="outcome")
    buyer = MoneyView.of(parts[form.value("outcome")])
    return checked(NewRuling, {"buyer": buyer, "reasons": form.value("reasons").strip()})


async def _dispute(tx: Tx, actor: Actor, reference: str) -> DisputeView:
    view = await seen_case(tx, actor, reference)
    found = await dispute_of_complaint(tx, actor, view.id)
    if found is None:
        raise NotFound("dispute_not_found")
    return found


async def _product(tx: Tx, view: ComplaintView, language: Language) -> str:
    product = None if view.product_id is None else await get_product(tx, view.product_id)
    return casework.name_of(product, language, view.told.product_text if view.told else "")


def _buyer(view: ComplaintView) -> SideOfCase:
    return SideOfCase(
        view.buyer_name or "–",
        casework.words_of(view),
        (Row("fact.problem", say(f"kind.{view.kind}")), Row("fact.wants", casework.wanted(view))),
    )


async def _seller(tx: Tx, view: ComplaintView, language: Language) -> SideOfCase:
    found = await sellers_by_id(tx, [view.seller_id]) if view.seller_id else {}
    seller = next(iter(found.values()), None)
    name = (seller.name_zh or seller.name if language == "zh" else seller.name) if seller else ""
    said = [entry.text for entry in view.entries if entry.side == "seller" and entry.text]
    rows = [
        Row("fact.offered", say("wants.part" if o.kind == "part_refund" else "wants.refund", amount=o.amount.money()))
        for o in view.offers[-1:]
    ]
    return SideOfCase(name or (view.told.seller_text if view.told else "") or "–", "\n".join(said), tuple(rows))


async def _facts(tx: Tx, view: ComplaintView, order: OrderView | None) -> list[SourcedFact]:
    """Return what is known beside what both sides say, and from whom."""
    rows: list[SourcedFact] = []
    if view.risk_reason:
        rows.append(SourcedFact("fact.risk", say(f"risk_reason.{view.risk_reason}"), say("source.rules")))
    if order is not None:
        is_by_carrier = order.hold is not None and order.hold.proof_kind == "carrier"
        times = (
            ("fact.paid", order.paid_at, "source.platform"),
            ("fact.delivered", order.delivered_at, "source.carrier" if is_by_carrier else "source.buyer"),
        )
        rows += [SourcedFact(label, at, say(source)) for label, at, source in times if at is not None]
        rows.append(SourcedFact("fact.paid_amount", order.amount.money(), say("source.platform")))
    ids = {each for each in (view.batch_id, order.batch_id if order else None) if each}
    batches = await batches_by_id(tx, ids)
    if view.batch_id:
        rows.append(
            SourcedFact("fact.batch", Lot(batches[view.batch_id].lot_code), say(f"source.linked_{view.link_by}"))
        )
        rows.append(
            SourcedFact("fact.batch_state", say(f"batch.{batches[view.batch_id].status}"), say("source.records"))
        )
    if order is not None and order.batch_id:
        rows.append(SourcedFact("fact.seller_says", Lot(batches[order.batch_id].lot_code), say("source.seller")))
    if view.told is not None and view.told.lot_text:
        rows.append(SourcedFact("fact.lot", Lot(view.told.lot_text), say("source.buyer")))
    rows += [SourcedFact(row.label, row.value, say("source.records")) for row in casework.hold_rows(view.hold)]
    return rows


async def _timeline(tx: Tx, actor: Actor, view: ComplaintView, dispute: DisputeView | None) -> tuple[Happening, ...]:
    events = await case_timeline(tx, actor, view.id)
    lots = await batches_by_id(tx, casework.batches_of(events))
    return casework.happenings(
        events, {batch.id: batch.lot_code for batch in lots.values()}, await _mediator(tx, dispute)
    )


async def _mediator(tx: Tx, dispute: DisputeView | None) -> Phrase:
    if dispute is None or dispute.mediator_id is None:
        return say("word.mediator")
    names = await person_names(tx, [dispute.mediator_id])
    return say("own_words", text=names.get(dispute.mediator_id, "–"))


HANDLERS = [show_case, take_case, rule, show_effect]
