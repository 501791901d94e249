"""The seller's pages: inbox, answer, batches with import, orders with shipping."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from service.core.money import Money
from service.web.phrase import Phrase
from service.web.views.base import View
from service.web.views.buyer import RulingNotice
from service.web.views.parts import (
    EMPTY_FORM,
    Clock,
    Effect,
    Form,
    Happening,
    Held,
    Option,
    Paging,
    Photo,
    Row,
    SavedView,
)
from service.web.views.sides import AskedPhoto, Sides


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One case. `summary` is the buyer's own first words; `problem` the phrase of the kind."""

    reference: str
    product: str
    quantity: int
    problem: Phrase
    summary: str
    injury: bool
    held: Money | None
    clock: Clock | None
    state: str


@dataclass(frozen=True, slots=True)
class FrozenBatch:
    """A notice at the top: a batch whose payments are frozen."""

    lot: str
    until: datetime | None
    payments: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Suspended:
    """A notice at the top: the shop may not sell, since when and for what reason (`suspension.*`)."""

    since: datetime
    reason: Phrase


@dataclass(frozen=True, slots=True)
class Inbox(View):
    """Cases by due time."""

    template: ClassVar[str] = "seller/inbox.html"
    as_of: datetime
    views: tuple[SavedView, ...]
    rows: tuple[InboxRow, ...]
    frozen: tuple[FrozenBatch, ...] = ()
    paging: Paging = Paging(0)
    suspended: Suspended | None = None


@dataclass(frozen=True, slots=True)
class AnswerPage(View):
    """One case as its seller sees it.

    Fields: offer (refund | agree | part | refuse | wrong_company), amount, words, photos (while it `takes_files`).

    `answerable` False shows the case without the form. `effects` are keyed by the offer's value.
    """

    template: ClassVar[str] = "seller/answer.html"
    reference: str
    product: str
    problem: Phrase
    injury: bool
    state: str
    clock: Clock | None
    story: str
    wanted: Phrase
    sides: Sides
    held: Held | None
    facts: tuple[Row, ...]
    timeline: tuple[Happening, ...]
    answerable: bool
    options: tuple[Option, ...] = ()
    effects: tuple[tuple[str, Effect], ...] = ()
    amount_max: Money | None = None
    ruling: RulingNotice | None = None
    form: Form = EMPTY_FORM
    takes_files: bool = True
    said: tuple[str, ...] = ()  # what this seller has written before
    asked_photos: tuple[AskedPhoto, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch of the list."""

    id: str
    lot: str
    product: str
    made_on: date | None
    expires_on: date | None
    units: int | None
    state: str
    complaints: int


@dataclass(frozen=True, slots=True)
class Batches(View):
    """The seller's batches. GET field: q."""

    template: ClassVar[str] = "seller/batches.html"
    rows: tuple[BatchRow, ...]
    query: str = ""
    paging: Paging = Paging(0)


@dataclass(frozen=True, slots=True)
class RegisterBatch(View):
    """Fields: product, brand, gtin, category, lot, maker_lot, made_on, expires_on, units."""

    template: ClassVar[str] = "seller/batch_new.html"
    categories: tuple[Option, ...]
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class RowError:
    """A row of the file that was not taken: its line, its lot as typed, and why."""

    line: int
    lot: str
    message: Phrase


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: everything, or with errors nothing."""

    file_name: str
    taken: int
    errors: tuple[RowError, ...]


@dataclass(frozen=True, slots=True)
class ImportBatches(View):
    """Fields: file (CSV). Without a result it is the form."""

    template: ClassVar[str] = "seller/import.html"
    columns: tuple[str, ...]
    rows_max: int
    result: ImportResult | None = None
    form: Form = EMPTY_FORM


@dataclass(frozen=True, slots=True)
class SellerOrder:
    """One order as its seller sees it."""

    id: str
    reference: str
    product: str
    quantity: int
    amount: Money
    state: str
    hold: str
    lot: str
    clock: Clock | None = None
    shippable: bool = False
    note: Phrase | None = None  # why it was cancelled


@dataclass(frozen=True, slots=True)
class SellerOrders(View):
    """Orders, those to ship first."""

    template: ClassVar[str] = "seller/orders.html"
    views: tuple[SavedView, ...]
    rows: tuple[SellerOrder, ...]
    paging: Paging = Paging(0)


@dataclass(frozen=True, slots=True)
class SellerBalance:
    """What the shop has in one currency."""

    payable: Money
    owed: Money
    deposit: Money
    in_transit: Money


@dataclass(frozen=True, slots=True)
class SellerPayout:
    """One payout: what was sent, and what was taken off for what the shop owed."""

    at: datetime
    amount: Money
    netted: Money
    state: str


@dataclass(frozen=True, slots=True)
class SellerMoney(View):
    """Balances, payouts, and a form whose fields are amount and currency; without currencies there is none."""

    template: ClassVar[str] = "seller/money.html"
    balances: tuple[SellerBalance, ...] = ()
    payouts: tuple[SellerPayout, ...] = ()
    currencies: tuple[Option, ...] = ()
    is_blocked: bool = False
    form: Form = EMPTY_FORM
    suspended: Suspended | None = None


@dataclass(frozen=True, slots=True)
class Ship(View):
    """Fields: batch, carrier, tracking_number; photos of the packing, by a form of its own."""

    template: ClassVar[str] = "seller/ship.html"
    order: SellerOrder
    batches: tuple[Option, ...]
    carriers: tuple[Option, ...]
    form: Form = EMPTY_FORM
    packing: tuple[Photo, ...] = ()
    packing_max: int = 10
