"""The facts of a batch dossier: all that its pages say, gathered before the first line is drawn.

Everything is frozen, so the same facts give the same bytes. Instants are kept in UTC and rates as floats, so that
facts that compare equal also write equal data. Amounts are whole minor units; rates are buyers with a linked complaint
per 1,000 units sold to verified buyers.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

Language = Literal["en", "zh"]
Classification = Literal["regulator_only", "parties_only", "public"]
TraceRole = Literal["factory", "brand", "agent", "shop"]
MoneyLineKind = Literal[
    "funded",
    "divided",
    "frozen",
    "scope_frozen",
    "inherited",
    "lifted",
    "scope_lifted",
    "released",
    "refunded",
    "charged_back",
    "refund_paid",
    "owed",
]

_SHA256_HEX_LENGTH = 64
_CURRENCY_DECIMALS_MAX = 4


def _set(owner: object, name: str, value: object) -> None:
    """Write one field of a frozen dataclass while it is being made."""
    object.__setattr__(owner, name, value)


def _utc(owner: object, name: str) -> None:
    """Bring an instant to UTC; raises `ValueError` for a time without a zone."""
    value: datetime | None = getattr(owner, name)
    if value is None:
        return
    if value.tzinfo is None:
        raise ValueError(f"{name} needs a time zone")
    _set(owner, name, value.astimezone(UTC))


def _counts(owner: object, *names: str) -> None:
    """Refuse a negative count or amount."""
    for name in names:
        if getattr(owner, name) < 0:
            raise ValueError(f"{name} is negative")


def _rates(owner: object, *names: str) -> None:
    """Make rates plain floats (4 and 4.0, 0.0 and -0.0 are the same fact); raises `ValueError` for others."""
    for name in names:
        value = float(getattr(owner, name)) + 0.0
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} is not a rate")
        _set(owner, name, value)


def _sha256(value: str, name: str) -> None:
    if len(value) != _SHA256_HEX_LENGTH or not set(value) <= set("0123456789abcdef"):
        raise ValueError(f"{name} is not a SHA-256 in lowercase hex")


@dataclass(frozen=True, slots=True)
class Name:
    """A name or a sentence in both languages; where nobody translated it, the same text stands twice."""

    en: str
    zh: str

    def said(self, language: Language) -> str:
        """Return the text in one language, or the other one's if it is empty."""
        first, second = (self.en, self.zh) if language == "en" else (self.zh, self.en)
        return first or second


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 code and how many decimals its major unit has."""

    code: str
    decimals: int

    def __post_init__(self) -> None:
        if not (len(self.code) == 3 and self.code.isascii() and self.code.isupper()):
            raise ValueError("a currency has three capital letters")
        if not 0 <= self.decimals <= _CURRENCY_DECIMALS_MAX:
            raise ValueError("a currency has 0 to 4 decimals")


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows the filter found."""

    complaints: int
    evidence: int
    orders: int

    def __post_init__(self) -> None:
        _counts(self, "complaints", "evidence", "orders")


@dataclass(frozen=True, slots=True)
class Reported:
    """Who reported: verified buyers, the shops they bought from, and the days from the first report to the last."""

    verified_buyers: int
    shops: int
    span_days: int

    def __post_init__(self) -> None:
        _counts(self, "verified_buyers", "shops", "span_days")


@dataclass(frozen=True, slots=True)
class RateDay:
    """The rate at the end of one day: verified buyers so far, the estimate and its interval."""

    day: date
    verified_buyers: int
    estimate: float
    low: float
    high: float

    def __post_init__(self) -> None:
        _counts(self, "verified_buyers")
        _rates(self, "estimate", "low", "high")


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate by day, oldest first, with the base that is usual and the limit at which payments are held."""

    days: tuple[RateDay, ...]
    base: float
    limit: float
    interval_percent: int = 90

    def __post_init__(self) -> None:
        _rates(self, "base", "limit")
        if any(before.day >= after.day for before, after in zip(self.days, self.days[1:], strict=False)):
            raise ValueError("days are given once each, oldest first")

    @property
    def passed_on(self) -> date | None:
        """The first day on which the lower bound was above the limit."""
        return next((day.day for day in self.days if day.low > self.limit), None)


@dataclass(frozen=True, slots=True)
class ShopRate:
    """One shop's own rate."""

    shop: Name
    estimate: float
    low: float
    high: float

    def __post_init__(self) -> None:
        _rates(self, "estimate", "low", "high")


@dataclass(frozen=True, slots=True)
class TraceNode:
    """One holder of the batch.

    `units` is what the role makes plain: made (factory), in stock (brand), received (agent), sold (shop). `is_hot`
    says that the shop's own lower bound is above the limit.
    """

    key: str
    role: TraceRole
    name: Name
    units: int
    buyers: int = 0
    is_hot: bool = False

    def __post_init__(self) -> None:
        _counts(self, "units", "buyers")


@dataclass(frozen=True, slots=True)
class TraceEdge:
    """Units handed from one holder to the next."""

    from_key: str
    to_key: str
    units: int

    def __post_init__(self) -> None:
        _counts(self, "units")


@dataclass(frozen=True, slots=True)
class Trace:
    """Where the batch went; every edge joins two of the nodes."""

    nodes: tuple[TraceNode, ...] = ()
    edges: tuple[TraceEdge, ...] = ()

    def __post_init__(self) -> None:
        keys = {node.key for node in self.nodes}
        if len(keys) != len(self.nodes):
            raise ValueError("a holder is given twice")
        if any(edge.from_key not in keys or edge.to_key not in keys for edge in self.edges):
            raise ValueError("an edge names an unknown holder")


@dataclass(frozen=True, slots=True)
class ShopMoney:
    """One shop's payments for the batch in one currency; `payments_held` counts the open ones."""

    shop: Name
    currency: Currency
    orders: int
    paid_minor: int
    released_minor: int
    held_minor: int
    refunded_minor: int
    payments_held: int

    def __post_init__(self) -> None:
        _counts(self, "orders", "paid_minor", "released_minor", "held_minor", "refunded_minor", "payments_held")


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One thing that happened to the batch's money: when, to which payment, for how much, and why.

    `fee_minor` is what of a released amount was kept as the fee; a divided line has the claimed part. A freeze of the
    whole scope, and its lift, are of `payments` at once, with no shop and an empty `order`.
    """

    at: datetime
    kind: MoneyLineKind
    shop: Name | None
    order: str
    payments: int
    amount_minor: int
    currency: Currency
    reason: Name
    fee_minor: int = 0

    def __post_init__(self) -> None:
        _utc(self, "at")
        _counts(self, "payments", "amount_minor", "fee_minor")


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One change of the batch's status, by whom and why."""

    at: datetime
    status: Name
    by: Name
    reason: Name

    def __post_init__(self) -> None:
        _utc(self, "at")


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many complaints were filed under one kind."""

    kind: Name
    complaints: int

    def __post_init__(self) -> None:
        _counts(self, "complaints")


@dataclass(frozen=True, slots=True)
class Photo:
    """A piece of evidence: its number, label, the original's SHA-256, and the view's WebP or JPEG if there is one."""

    code: str
    label: Name
    sha256: str
    image: bytes | None = None

    def __post_init__(self) -> None:
        _sha256(self.sha256, "sha256")


@dataclass(frozen=True, slots=True)
class Response:
    """What a seller answered."""

    at: datetime
    by: Name
    text: Name

    def __post_init__(self) -> None:
        _utc(self, "at")


@dataclass(frozen=True, slots=True)
class DossierFacts:
    """All facts of one batch dossier.

    `held_since` is set while a freeze rests on the batch, `signed_at` when the file is to be signed at that time.
    Without a seal there is no `chain_head`; `units_made` is not known of every batch.
    """

    reference: str
    as_of: datetime
    classification: Classification
    prepared_for: Name
    filter_words: Name
    rows: RowCounts
    chain_head: str | None
    policy_version: str
    verify_url: str
    product: Name
    brand: Name
    seller: Name
    lot_code: str
    units_made: int | None
    units_sold: int
    reported: Reported
    rate: Rate
    seal_number: int | None = None
    manufacturer_lot: str | None = None
    gtin: str | None = None
    made_on: date | None = None
    expires_on: date | None = None
    held_since: datetime | None = None
    signed_at: datetime | None = None
    kinds: tuple[KindCount, ...] = ()
    shop_rates: tuple[ShopRate, ...] = ()
    trace: Trace = Trace()
    shops: tuple[ShopMoney, ...] = ()
    money_lines: tuple[MoneyLine, ...] = ()
    photos: tuple[Photo, ...] = ()
    status_history: tuple[StatusChange, ...] = ()
    responses: tuple[Response, ...] = ()

    def __post_init__(self) -> None:
        for name in ("as_of", "held_since", "signed_at"):
            _utc(self, name)
        _counts(self, "units_sold", *(("units_made",) if self.units_made is not None else ()))
        if self.chain_head is not None:
            _sha256(self.chain_head, "chain_head")
        if not self.verify_url.startswith(("https://", "http://")):
            raise ValueError("verify_url is not a web address")
        if len({photo.code for photo in self.photos}) != len(self.photos):
            raise ValueError("a photo's number is given twice")
