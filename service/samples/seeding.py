"""Fill a database with generated data in bulk."""

import asyncio
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import msgspec
from rich.console import Console

from service.complaints.matching.calibrate import shipped_model
from service.core.errors import Invalid
from service.core.ids import new_id
from service.orders import rules as order_rules
from service.samples import goods
from service.samples.ahead import ahead
from service.samples.books import keep_books
from service.samples.buyers import SampleBuyer, known_buyers, make_buyers
from service.samples.cases import Cases
from service.samples.evidence import PHOTOS, add_photos
from service.samples.goods import Goods
from service.samples.ground import Ground, prepare_ground, runs_made, tag_of
from service.samples.loading import Connection, clean_search_indexes, connect, copy_rows, copy_text
from service.samples.outbox import own_xid, pass_over
from service.samples.progress import Progress, progress_on
from service.samples.rows import Rows
from service.samples.trade import Trade
from service.settings import Settings

BATCHES_AT_ONCE = 20_000
ROWS_AT_ONCE = 2_000
ORDERS_PER_BUYER = 4
BUYERS_MIN = 20
ORDER_EVENTS_MAX = 50_000
"""With more orders than this, they come without their timeline."""
LIVE_COMPLAINTS_MAX = 2_000
"""With more complaints than this, the worker is not asked to match them and to look for signals."""
ABOUT_ORDERS_SHARE = 0.75
_TELL_SEEDED = """
INSERT INTO event (id, name, subject_kind, subject_id, at, facts)
VALUES (%(id)s, 'batches.seeded', 'registry', %(id)s, fairhold_now(), '{}')
"""
"""One event for a chunk of batches: whoever follows what is registered reads it all again."""
OnOrders = Callable[[list[UUID]], None]
"""What to do with the ids of a chunk's orders once it was written."""


class Amounts(msgspec.Struct, frozen=True):
    """How many rows to make of each."""

    batches: int
    orders: int
    complaints: int


def seed_database(settings: Settings, amounts: Amounts, *, seed: int, console: Console) -> None:
    """Fill the database; the same seed makes the same data in an empty database within the same hour.

    Raises `Invalid` ("seed_needs_batches") for orders or complaints without batches. What was committed stays if it is
    stopped half way. Photos are stored through S3, by a loop of its own: inside a running one, call it in a thread.
    """
    _check(amounts)
    with connect(settings.database_url) as connection, progress_on(console) as progress:
        ground = _make(settings, connection, progress, amounts, seed, lambda ids: keep_books(settings, connection, ids))
        _finish(settings, connection, progress, amounts, ground.tag)


def seed_first(settings: Settings, amounts: Amounts, *, seed: int, console: Console) -> None:
    """Fill a new database whole or not at all, as `seed_database` does; called again, it does what is still missing.

    Generated rows are one transaction. The provider's books and the photos follow from what it committed.
    """
    _check(amounts)
    with connect(settings.database_url) as connection, progress_on(console) as progress:
        if runs_made(connection) == 0:
            with connection.transaction():
                _make(settings, connection, progress, amounts, seed, lambda _: None)
        keep_books(settings, connection)
        _finish(settings, connection, progress, amounts, tag_of(seed, 1))


def _check(amounts: Amounts) -> None:
    if amounts.batches == 0 and amounts.orders + amounts.complaints:
        raise Invalid("seed_needs_batches", "orders and complaints are about batches: ask for some of those too")


def _make(
    settings: Settings, connection: Connection, progress: Progress, amounts: Amounts, seed: int, on_orders: OnOrders
) -> Ground:
    """Write all rows, a chunk in a transaction (a savepoint of its caller's)."""
    ground = prepare_ground(connection, seed)
    rng = random.Random(f"{seed}/{ground.run}")
    made = Goods(rng, now=ground.now, batches=amounts.batches, tag=ground.tag, own_shop=ground.shop_id)
    _load_goods(connection, made, ground, rng, progress, amounts.batches)
    if amounts.orders + amounts.complaints:
        _Market(settings.secret, connection, rng, made, ground, progress, on_orders).fill(amounts)
        with connection.transaction():
            connection.execute("SELECT fairhold_promise_orders()")  # what happens if they are not sent, or do not come
    return ground


def _finish(settings: Settings, connection: Connection, progress: Progress, amounts: Amounts, tag: str) -> None:
    """Add photos where the data is small enough to be looked at, and let searches find what was written."""
    if 0 < amounts.complaints <= LIVE_COMPLAINTS_MAX:
        step = progress.step("photos", len(PHOTOS))
        step.forward(asyncio.run(add_photos(settings, connection, tag)))
    if settings.owner_database_url:
        clean_search_indexes(settings.owner_database_url)


def _load_goods(
    connection: Connection, made: Goods, ground: Ground, rng: random.Random, progress: Progress, batches: int
) -> None:
    step = progress.step("sellers and products", len(made.sellers) + len(made.products))
    with connection.transaction():
        copy_rows(connection, "seller", goods.SELLER_COLUMNS, goods.seller_rows(made.sellers))
        copy_rows(connection, "agent_link", goods.LINK_COLUMNS, goods.link_rows(rng, made.sellers, ground.shop_id))
        step.forward(len(made.sellers))
        copy_rows(connection, "product", goods.PRODUCT_COLUMNS, goods.product_rows(made.products))
        step.forward(len(made.products))
    step = progress.step("batches", batches)
    for chunk in ahead(made.batch_chunks(BATCHES_AT_ONCE)):
        with connection.transaction():
            copy_text(connection, "batch", goods.BATCH_COLUMNS, chunk.batches)
            copy_text(connection, "custody", goods.CUSTODY_COLUMNS, chunk.custody)
            copy_text(connection, "batch_parent", goods.PARENT_COLUMNS, chunk.parents)
            connection.execute(_TELL_SEEDED, {"id": new_id()})
        step.forward(len(chunk.batches))


class _Market:
    """Buyers, their orders and their complaints."""

    def __init__(
        self,
        secret: str,
        connection: Connection,
        rng: random.Random,
        made: Goods,
        ground: Ground,
        progress: Progress,
        on_orders: OnOrders,
    ) -> None:
        self._connection = connection
        self._rng = rng
        self._made = made
        self._ground = ground
        self._progress = progress
        self._secret = secret
        self._on_orders = on_orders
        self._is_quiet = False
        self._cases = Cases(rng, now=ground.now, mediators=ground.of_role("mediator"), model=shipped_model().version)

    def fill(self, amounts: Amounts) -> None:
        """Write everything, a chunk in a transaction."""
        self._is_quiet = amounts.complaints > LIVE_COMPLAINTS_MAX or amounts.orders > ORDER_EVENTS_MAX
        buyers = self._buyers(max(BUYERS_MIN, amounts.orders // ORDERS_PER_BUYER))
        about_orders = min(int(amounts.complaints * ABOUT_ORDERS_SHARE), amounts.orders)
        self._orders(buyers, amounts.orders, about_orders)
        self._elsewhere(buyers, amounts.complaints - about_orders)

    def _buyers(self, count: int) -> list[SampleBuyer]:
        step = self._progress.step("buyers", count)
        made: list[SampleBuyer] = []
        for start, size in _chunks(count):
            rows = Rows()
            made += make_buyers(
                self._rng, rows, size, self._digest, tag=self._ground.tag, start=start, now=self._ground.now
            )
            self._write(rows)
            step.forward(size)
        return made

    def _orders(self, buyers: list[SampleBuyer], count: int, complained: int) -> None:
        ground = self._ground
        own = known_buyers(ground.of_role("buyer"), self._digest, joined_at=ground.now - timedelta(days=100))
        trade = Trade(self._rng, self._made, ground, buyers, own)
        has_mediator, is_with_events = bool(ground.of_role("mediator")), count <= ORDER_EVENTS_MAX
        step = self._progress.step("orders", count)
        for start, size in _chunks(count):
            rows = Rows()
            for place in range(start, start + size):
                if (place + 1) * complained // count > place * complained // count:
                    order, case = trade.complained(rows, has_mediator=has_mediator, is_with_events=is_with_events)
                    self._cases.about_order(rows, order, case)
                else:
                    trade.order(rows, is_with_events=is_with_events)
            self._write(rows)
            self._on_orders(rows.order_ids)
            step.forward(size)

    def _elsewhere(self, buyers: list[SampleBuyer], count: int) -> None:
        sellers = {seller.id: seller for seller in self._made.sellers}
        step = self._progress.step("complaints elsewhere", count)
        for _, size in _chunks(count):
            rows = Rows()
            for _ in range(size):
                batch, buyer = self._rng.choice(self._made.sold), self._rng.choice(buyers)
                self._cases.elsewhere(rows, batch, buyer, sellers)
            self._write(rows)
            step.forward(size)

    def _write(self, rows: Rows) -> None:
        with self._connection.transaction():
            rows.load(self._connection)
            xid = own_xid(self._connection)
        if self._is_quiet:
            pass_over(self._connection, xid)

    def _digest(self, kind: str, value: str) -> str | None:
        return order_rules.digest(self._secret, kind, value)


def _chunks(count: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, ROWS_AT_ONCE):
        yield start, min(ROWS_AT_ONCE, count - start)
