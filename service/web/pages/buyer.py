"""The buyer's own pages: my orders and cases, add an order with its code, confirm that it came."""

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.complaints.queries import Filters, complaints_page
from service.complaints.schemas import ComplaintSummary
from service.core.actor import Actor
from service.core.errors import NotFound
from service.db.requests import LATE_CLAIM
from service.db.session import Tx
from service.escrow.queries import HoldView, holds_by_references
from service.orders.actions import claim_order, confirm_receipt
from service.orders.overdue import deny_arrival
from service.orders.queries import orders_page
from service.orders.schemas import OrderStep, OrderView
from service.web import paths
from service.web.language import Language
from service.web.pages.area import as_buyer
from service.web.pages.casework import hold_code
from service.web.pages.naming import goods_of_all, product_names, shop_names
from service.web.pages.shell import REFUSALS, Page, ShellOf, missing
from service.web.phrase import say
from service.web.views.buyer import ClaimOrder, Mine, MyCase, MyDraft, MyOrder, Receipt
from service.web.views.parts import EMPTY_FORM, Clock, Form

READ = {"allow": "web.buyer"}
SEND = {"allow": "web.buyer", LATE_CLAIM: True}
_SHOWN_MAX = 100
_DUE = {"answer": "due.answer", "triage": "due.look", "answer_challenge": "due.challenge"}
_DONE = {"received": "done.received", "waive": "done.waived", "not_come": "done.arrival_denied"}
_AWAITED = {"ship": "due.sent", "prove_delivery": "due.proved", "answer_arrival": "due.arrival"}
_COMPLAINABLE = ("paid", "shipped", "delivered")


@get(paths.MINE, opt=READ)
async def mine(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """My orders and cases."""
    buyer, now = as_buyer(actor), await tx.now()
    found = (await complaints_page(tx, buyer, Filters(mine=True), after=None, limit=_SHOWN_MAX)).rows
    names = await goods_of_all(tx, found, shell.language)
    drafts = tuple(
        MyDraft(paths.filing(each.id, "next"), names[each.id], each.made_at) for each in found if each.status == "draft"
    )
    cases = tuple(_case(each, names[each.id], now) for each in found if each.submitted_at is not None)
    return await shell.page(Mine(cases, drafts, tuple(await my_orders(tx, buyer, shell.language, now=now))))


@get(paths.CLAIM_ORDER, opt=READ)
async def show_claim_order(shell: ShellOf) -> Page:
    """Ask for the code of an order."""
    return await shell.page(ClaimOrder())


@post(paths.CLAIM_ORDER, opt=SEND)
async def add_order(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Make the order of a code mine."""
    form = await shell.form()
    asked = missing(form, code="error.code_missing")
    if asked.errors:
        return await shell.wrong(asked, _ask_code)
    try:
        await shell.take(form)
        await claim_order(tx, actor, form.value("code")[:100], now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, _ask_code)
    return shell.go(paths.MINE, done="done.order_claimed")


@get("/my/orders/{order_id:uuid}/receipt", opt=READ)
async def show_receipt(
    order_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Ask whether the goods came, or whether the rest of the window may be given up."""
    return await shell.page(await _receipt(tx, actor, order_id, shell.language, EMPTY_FORM))


@post("/my/orders/{order_id:uuid}/receipt", opt=SEND)
async def receive(
    order_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Confirm, waive, or go on to report a problem."""
    form = await shell.form()
    answer = form.value("answer")

    async def again(form: Form) -> Receipt:
        return await _receipt(tx, actor, order_id, shell.language, form)

    if answer == "no":
        return shell.go(f"{paths.FILE}?order={order_id}")
    if answer not in _DONE:
        return await shell.wrong(missing(Form({}), answer="error.choose_one"), again)
    try:
        await shell.take(form)
        if answer == "not_come":
            await deny_arrival(tx, as_buyer(actor), order_id, now=await tx.now())
        else:
            await confirm_receipt(tx, as_buyer(actor), order_id, waive=answer == "waive", now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, again, {})
    return shell.go(paths.MINE, done=_DONE[answer])


async def my_orders(tx: Tx, buyer: Actor, language: Language, *, now: datetime) -> list[MyOrder]:
    """Return the buyer's orders with their held payments, the newest first, at most a hundred."""
    page = await orders_page(tx, buyer, status=None, seller_id=None, batch_id=None, after=None, limit=_SHOWN_MAX)
    products = await product_names(tx, [order.product_id for order in page.rows], language)
    shops = await shop_names(tx, [order.seller_id for order in page.rows], language)
    holds = await holds_by_references(tx, [order.id for order in page.rows])
    return [
        _order(order, holds.get(order.id), products[order.product_id], shops[order.seller_id], now)
        for order in page.rows
    ]


def _order(order: OrderView, whole: HoldView | None, product: str, shop: str, now: datetime) -> MyOrder:
    """Return one order; of a divided payment, the part that still runs is the one that can be waived."""
    running = None if whole is None else next(iter(whole.open_holds), whole)
    is_frozen = running is not None and running.is_frozen
    runs = running is not None and running.is_open and running.state == "in_window" and not is_frozen
    return MyOrder(
        id=str(order.id),
        product=product,
        shop=shop,
        quantity=order.units,
        amount=order.amount.money(),
        state=f"order.{order.status}" if running is None else hold_code(running.state, is_frozen=is_frozen),
        ordered_at=order.placed_at,
        window=_window(running, now) if runs else _awaited(order, running, now),
        note=None if order.cancel_reason is None else say(f"cancelled.{order.cancel_reason}"),
        asked=_step(order, "answer_arrival") is not None,
        receivable=order.status == "shipped",
        waivable=runs,
        complainable=order.status in _COMPLAINABLE,
    )


def _step(order: OrderView, action: str) -> OrderStep | None:
    return next((each for each in order.available_actions if each.action == action), None)


def _awaited(order: OrderView, running: HoldView | None, now: datetime) -> Clock | None:
    """Return the clock of what must happen before the delivery, while the payment is held."""
    if running is None or not running.is_open:
        return None
    step = next((each for name in ("answer_arrival", "ship", "prove_delivery") if (each := _step(order, name))), None)
    if step is None or step.due_at is None:
        return None
    otherwise = say("expiry.refunded_you") if step.on_expiry == "refunded" else None
    return Clock(step.due_at, now, say(_AWAITED[step.action]), otherwise)


def _window(hold: HoldView | None, now: datetime) -> Clock | None:
    if hold is None or hold.window_ends_at is None:
        return None
    return Clock(hold.window_ends_at, now, say("due.window"), say("expiry.released"))


def _case(case: ComplaintSummary, product: str, now: datetime) -> MyCase:
    due = case.due
    is_mine = due is not None and due.side == "buyer"
    clock = None
    if due is not None and due.due_at is not None:
        clock = Clock(due.due_at, now, say(_DUE.get(due.action, "due.decide")))
    return MyCase(
        reference=case.reference,
        product=product,
        state="state.your_turn" if is_mine else f"state.{case.status}",
        sent_at=case.submitted_at or case.made_at,
        clock=clock,
        claimed=None if case.claim is None else case.claim.money(),
    )


async def _ask_code(form: Form) -> ClaimOrder:
    return ClaimOrder(form)


async def _receipt(tx: Tx, actor: Actor, order_id: UUID, language: Language, form: Form) -> Receipt:
    orders = await my_orders(tx, as_buyer(actor), language, now=await tx.now())
    order = next((each for each in orders if each.id == str(order_id)), None)
    if order is None:
        raise NotFound("order_not_found")
    return Receipt(order, order.window.due_at if order.window else None, form)


HANDLERS: list[Any] = [mine, show_claim_order, add_order, show_receipt, receive]
