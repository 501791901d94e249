"""The seller's inbox: cases by what is due first, and batches whose payments are frozen."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import get_args

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from service.batches.queries import batches_by_id, products_by_id
from service.complaints.queries import SellerView, first_words, seller_counts, seller_inbox
from service.complaints.rules import is_injury
from service.complaints.schemas import ComplaintSummary
from service.core.actor import Actor
from service.core.money import Money
from service.db.session import Tx
from service.escrow.queries import SellerMoney, money_by_seller
from service.orders.queries import order_facts
from service.recalls.queries import signals_page
from service.recalls.rules import FROZEN_STATES
from service.recalls.schemas import SignalView
from service.web import paths
from service.web.language import Language
from service.web.pages.casework import ROWS, clock_for_seller, money, name_of, next_page
from service.web.pages.seller.standing import suspended
from service.web.pages.shell import Page, ShellOf
from service.web.phrase import say
from service.web.views.parts import SavedView
from service.web.views.seller import FrozenBatch, Inbox, InboxRow

_VIEWS: tuple[SellerView, ...] = get_args(SellerView)
_FREEZES_SHOWN_MAX = 10


@get(paths.SELLER_INBOX, opt={"allow": "web.seller"})
async def show_inbox(
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    view: FromQuery[str] = "todo",
    after: FromQuery[str | None] = None,
) -> Page:
    """Cases of the seller's shops, the most urgent first."""
    chosen: SellerView = next((each for each in _VIEWS if each == view), "todo")
    return await shell.page(await inbox(tx, actor, chosen, after, shell.language))


async def inbox(tx: Tx, actor: Actor, view: SellerView, after: str | None, language: Language) -> Inbox:
    """Return one view of the inbox with the counts of all."""
    counts = await seller_counts(tx, actor)
    page = await seller_inbox(tx, actor, view, after=after, limit=ROWS)
    now = await tx.now()
    return Inbox(
        as_of=now,
        views=tuple(SavedView(each, counts[each], each == view) for each in _VIEWS),
        rows=tuple(await _rows(tx, page.rows, language, now)),
        frozen=await _frozen_batches(tx, actor, now),
        paging=next_page(paths.SELLER_INBOX, page.next, len(page.rows), {"view": view}, total=counts[view]),
        suspended=await suspended(tx, actor),
    )


async def count_inbox(tx: Tx, actor: Actor) -> Mapping[str, int]:
    """Return the number behind the inbox in the navigation: what waits for the seller."""
    return {"inbox": (await seller_counts(tx, actor))["todo"]}


async def _rows(tx: Tx, cases: Sequence[ComplaintSummary], language: Language, now: datetime) -> list[InboxRow]:
    products = await products_by_id(tx, {case.product_id for case in cases if case.product_id})
    orders = await order_facts(tx, {case.order_id for case in cases if case.order_id})
    words = await first_words(tx, [case.id for case in cases])
    units = {order.id: order.units for order in orders.values()}
    return [
        InboxRow(
            reference=case.reference,
            product=name_of(products.get(case.product_id) if case.product_id else None, language, case.product_text),
            quantity=units.get(case.order_id, 1) if case.order_id else 1,
            problem=say(f"kind.{case.kind}"),
            summary=words.get(case.id, ""),
            injury=is_injury(case.harm),
            held=money(case.claim) if case.ended_at is None else None,
            clock=clock_for_seller(case.due, now),
            state=f"state.{case.status}",
        )
        for case in cases
    ]


async def _frozen_batches(tx: Tx, actor: Actor, now: datetime) -> tuple[FrozenBatch, ...]:
    """Return the freezes that the seller's own payments lie under, one line for each batch and currency."""
    page = await signals_page(tx, actor, state=None, is_open=True, batch_id=None, after=None, limit=_FREEZES_SHOWN_MAX)
    frozen = [signal for signal in page.rows if signal.state in FROZEN_STATES]
    batches = await batches_by_id(tx, [signal.batch_id for signal in frozen])
    return tuple(
        [
            _note(batches[signal.batch_id].lot_code, signal, each)
            for signal in frozen
            for each in await money_by_seller(tx, [signal.batch_id], as_of=now)
            if each.seller_id in actor.seller_ids and each.frozen_hold_count
        ]
    )


def _note(lot: str, signal: SignalView, of: SellerMoney) -> FrozenBatch:
    return FrozenBatch(lot, signal.due_at, of.frozen_hold_count, Money(of.frozen_minor, of.currency))


HANDLERS = [show_inbox]
