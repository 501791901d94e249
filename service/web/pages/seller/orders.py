"""The seller's orders, and sending one with its batch named."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.batches.queries import batches_by_id, batches_page, products_by_id
from service.core.actor import Actor
from service.core.errors import NotFound
from service.db.requests import LATE_CLAIM
from service.db.session import Database, Tx
from service.escrow.queries import HoldView, holds_by_references
from service.files.images import ImageWorkshop
from service.files.posted import contents
from service.files.receiving import UPLOAD_BYTES_MAX, receive_photos
from service.files.sealing import KeyRing
from service.files.store import Store
from service.orders import packing
from service.orders.actions import ship_order
from service.orders.carriers import SANDBOX
from service.orders.queries import get_order, order_counts, orders_page
from service.orders.rules import PACKING_PHOTOS_MAX
from service.orders.schemas import NewShipment, OrderView
from service.settings import Settings
from service.web import paths
from service.web.language import Language
from service.web.pages.casework import ROWS, hold_code, name_of, next_page
from service.web.pages.shell import REFUSALS, Page, ShellOf, checked, missing
from service.web.phrase import Phrase, say
from service.web.views.parts import EMPTY_FORM, Clock, Form, Option, Photo, SavedView
from service.web.views.seller import SellerOrder, SellerOrders, Ship

_STATUS_OF_VIEW = {"to_ship": "paid", "shipped": "shipped", "all": None}
_FIELDS = {"batch_id": "batch", "batch": "batch", "carrier": "carrier", "tracking_number": "tracking_number"}
_CARRIERS = (SANDBOX,)
_AWAITED = {
    ("ship", "refunded"): ("due.ship", "expiry.refunded_unsent"),
    ("prove_delivery", "refunded"): ("due.prove", "expiry.refunded_unproved"),
    ("prove_delivery", "buyer_asked"): ("due.prove", "expiry.buyer_asked"),
}
_BATCHES_OFFERED_MAX = 50


@get(paths.SELLER_ORDERS, opt={"allow": "web.seller"})
async def show_orders(
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    view: FromQuery[str] = "to_ship",
    after: FromQuery[str | None] = None,
) -> Page:
    """Orders of the seller's shops."""
    chosen = view if view in _STATUS_OF_VIEW else "to_ship"
    return await shell.page(await orders(tx, actor, chosen, after, shell.language))


@get(f"{paths.SELLER_ORDERS}/{{order_id:uuid}}/shipment", opt={"allow": "web.seller"})
async def show_shipment(
    order_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Ask for batch, carrier and tracking number."""
    return await shell.page(await shipment(tx, actor, order_id, shell.language, EMPTY_FORM))


@post(f"{paths.SELLER_ORDERS}/{{order_id:uuid}}/shipment", opt={"allow": "web.seller", LATE_CLAIM: True})
async def ship(
    order_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]
) -> Page:
    """Send the order."""
    form = await shell.form()
    draw = partial(shipment, tx, actor, order_id, shell.language)
    if (looked_at := check_shipment(form)).errors:
        return await shell.wrong(looked_at, draw)
    try:
        await shell.take(form)
        await ship_order(tx, actor, order_id, new_shipment(form), now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(paths.SELLER_ORDERS, done="done.shipped")


@post(
    f"{paths.SELLER_ORDERS}/{{order_id:uuid}}/packing-photos",
    opt={"allow": "web.seller", LATE_CLAIM: True},
    request_max_body_size=UPLOAD_BYTES_MAX,
)
async def pack(  # noqa: PLR0913, PLR0917 - what taking photos in needs
    order_id: FromPath[UUID], shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor],
    database: NamedDependency[Database], store: NamedDependency[Store], workshop: NamedDependency[ImageWorkshop],
    ring: NamedDependency[KeyRing], settings: NamedDependency[Settings],
) -> Page:  # fmt: skip
    """Add packing photos, before the order is sent."""
    form, files = await shell.form(), await shell.files("photos")
    draw = partial(shipment, tx, actor, order_id, shell.language)
    try:
        await shell.replay(form, database)
        key = await packing.open_order(database, actor, order_id, ring=ring, new=len(files))
        received = await receive_photos(store, workshop, key, contents(files))
        await shell.take(form)
        days = settings.evidence_retention_days
        await packing.attach(tx, actor, order_id, received, retention_days=days, now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, {"files": "photos"})
    return shell.go(paths.shipment(order_id), done="done.packed")


async def orders(tx: Tx, actor: Actor, view: str, after: str | None, language: Language) -> SellerOrders:
    """Return one view of the orders with the counts of all."""
    found = await order_counts(tx, actor, seller_ids=actor.seller_ids)
    counts = {
        key: sum(found.values()) if state is None else found.get(state, 0) for key, state in _STATUS_OF_VIEW.items()
    }
    page = await orders_page(
        tx, actor, status=_STATUS_OF_VIEW[view], seller_id=own_shop(actor), batch_id=None, after=after, limit=ROWS
    )
    return SellerOrders(
        views=tuple(SavedView(key, counts[key], key == view) for key in _STATUS_OF_VIEW),
        rows=tuple(await _rows(tx, page.rows, language)),
        paging=next_page(paths.SELLER_ORDERS, page.next, len(page.rows), {"view": view}, total=counts[view]),
    )


async def shipment(tx: Tx, actor: Actor, order_id: UUID, language: Language, form: Form) -> Ship:
    """Return the form that sends an order; raises `NotFound` for another seller's order."""
    order = await get_order(tx, actor, order_id)
    if order.seller_id not in actor.seller_ids:
        raise NotFound("order_not_found")
    if order.batch_id is not None:
        batches = list((await batches_by_id(tx, [order.batch_id])).values())
    else:
        page = await batches_page(
            tx, search=None, product_id=order.product_id, seller_id=None, after=None, limit=_BATCHES_OFFERED_MAX
        )
        batches = list(page.rows)
    return Ship(
        order=(await _rows(tx, [order], language))[0],
        batches=tuple(
            Option(str(each.id), say("own_words", text=each.lot_code), _dates(each.made_on)) for each in batches
        ),
        carriers=tuple(Option(code, say(f"carrier.{code}")) for code in _CARRIERS),
        form=form,
        packing=packed_photos(await packing.get_packing(tx, actor, order.id)),
        packing_max=PACKING_PHOTOS_MAX,
    )


def packed_photos(packed: packing.Packing) -> tuple[Photo, ...]:
    """Return packing photos as pages show them."""
    return tuple(
        Photo(str(each.id), "", "seller", taken_in_at=each.received_at, sha256=each.sha256)
        for each in packed.photos
        if each.has_view
    )


def own_shop(actor: Actor) -> UUID:
    """Return the shop that an actor works for; of several, the one that was registered first."""
    if not actor.seller_ids:
        raise NotFound("seller_not_found")
    return min(actor.seller_ids)


def check_shipment(form: Form) -> Form:
    """Return the form with what is missing."""
    return missing(
        form, batch="error.batch_missing", carrier="error.choose_one", tracking_number="error.tracking_missing"
    )


def new_shipment(form: Form) -> NewShipment:
    """Return what the form says; raises `Invalid` ("field_malformed") with the form's field."""
    values = {
        "carrier": form.value("carrier"),
        "tracking_number": form.value("tracking_number").strip(),
        "batch_id": form.value("batch"),
    }
    return checked(NewShipment, values, _FIELDS)


async def _rows(tx: Tx, found: Sequence[OrderView], language: Language) -> list[SellerOrder]:
    products = await products_by_id(tx, {order.product_id for order in found})
    batches = await batches_by_id(tx, {order.batch_id for order in found if order.batch_id})
    holds = await holds_by_references(tx, [order.id for order in found])
    now = await tx.now()
    return [
        SellerOrder(
            id=str(order.id),
            reference=order.platform_ref,
            product=name_of(products.get(order.product_id), language),
            quantity=order.units,
            amount=order.amount.money(),
            state=f"order.{order.status}",
            hold=_hold(holds.get(order.id)),
            lot=batches[order.batch_id].lot_code if order.batch_id else "",
            clock=_clock(order, holds.get(order.id), now=now),
            shippable=order.status == "paid",
            note=None if order.cancel_reason is None else say(f"cancelled.{order.cancel_reason}"),
        )
        for order in found
    ]


def _hold(hold: HoldView | None) -> str:
    return "" if hold is None else hold_code(hold.state, is_frozen=hold.is_frozen)


def _clock(order: OrderView, hold: HoldView | None, *, now: datetime) -> Clock | None:
    """Return the clock of what the seller must do; with that done, of the window."""
    step = next((each for each in order.available_actions if each.side == "seller" and each.due_at), None)
    if step is None or step.due_at is None:
        return _window(hold, now=now)
    if hold is None or not hold.open_holds:
        return None
    what, otherwise = _AWAITED[step.action, step.on_expiry or ""]
    return Clock(step.due_at, now, say(what), say(otherwise))


def _window(hold: HoldView | None, *, now: datetime) -> Clock | None:
    if hold is None or hold.window_ends_at is None:
        return None
    return Clock(hold.window_ends_at, now, say("due.window"))


def _dates(made_on: date | None) -> Phrase | None:
    return None if made_on is None else say("fact.made", on=made_on)


HANDLERS = [show_orders, show_shipment, ship, pack]
