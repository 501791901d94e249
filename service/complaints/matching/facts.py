"""What matching reads and what it answers: frozen facts without behaviour."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

Key = UUID | str  # a batch, product or seller: a UUID in the service, the file's own key in a benchmark


class Outcome(StrEnum):
    """What matching says of a complaint; the same words as the complaint's match status."""

    LINKED = "linked"
    SUGGESTED = "suggested"
    PRODUCT_ONLY = "product_only"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, slots=True)
class Query:
    """What a buyer told, and what is known of the order.

    Every text may be empty. `barcode_lot` or `printed_lot` was read on a photo, and somebody took it over.
    `photo_lots` and `photo_gtins` are what photos seem to say besides, which nobody has confirmed: the surest first.
    """

    product_text: str = ""
    brand_text: str = ""
    seller_text: str = ""
    lot_text: str = ""
    gtin: str = ""
    barcode_lot: str = ""
    printed_lot: str = ""
    purchase_date: date | None = None
    narrative: str = ""
    lang: str = "en"
    order_batch_id: Key | None = None
    order_product_id: Key | None = None
    order_seller_id: Key | None = None
    agent_text: str = ""
    sold_by: Key | None = None
    """Who sold the goods: the order's seller, or the registered one that the buyer named."""
    country: str = ""
    area: str = ""
    """Where they were sold, as orders say it: the country's two letters, and an area such as 330100."""
    photo_lots: tuple[str, ...] = ()
    photo_gtins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered batch with the names of its product and seller."""

    batch_id: Key
    product_id: Key
    seller_id: Key
    name_en: str = ""
    name_zh: str = ""
    brand: str = ""
    seller_name: str = ""
    gtin: str = ""
    lot_code: str = ""
    maker_lot_code: str = ""
    registered_on: date | None = None
    made_on: date | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class FieldScore:
    """What one field says for a candidate.

    `value` is in [0, 1], or None where one side does not tell; `contribution` is in log-odds; `reason` is a stable code
    that pages translate with `facts`.
    """

    field: str
    value: float | None
    contribution: float
    reason: str
    facts: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its field scores (the first few have them); `total` is the sum of all contributions.

    `row` is its place in the table of evidence.
    """

    candidate: Candidate
    fields: tuple[FieldScore, ...]
    total: float
    row: int


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A candidate that did not come first, and by how many log-odds it lost."""

    scored: Scored
    margin: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `probability` is that `best` is the right batch, `product_probability` that its product is right.

    The scores are what is held against the thresholds: the same, and 0 where a link may not be automatic.

    `strict` is true only of a link that a signal may count without a fitting order or a person's word. `best` is None
    only if nothing resembled the complaint at all. `shown` are the batches whose lot a photo shows, unconfirmed.
    `alone` is the decision on what was told, where what photos show made another one of it.
    """

    outcome: Outcome
    strict: bool
    best: Scored | None
    runners_up: tuple[RunnerUp, ...]
    probability: float
    product_probability: float
    batch_score: float
    product_score: float
    model_version: str
    shown: tuple[Scored, ...] = ()
    alone: "Decision | None" = None
