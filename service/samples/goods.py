"""The generator's sellers, agents, products and batches: pure, and the same for the same chance and clock."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from service.core.names import name_key
from service.samples.lot_codes import Style, quick_fold, style_of
from service.samples.stamps import id_at, milliseconds, uuid_at
from service.samples.words import QUALITIES, SHOP_WORDS, SURNAMES, SYLLABLES, WARES, Ware

BATCHES_PER_PRODUCT = 25
PRODUCTS_PER_BRAND = 5
AGENTS_PER_BRAND = 6
OPENED_DAYS = 900
BATCH_EVERY_DAYS = 12
SOLD_BATCHES_MAX = 60_000
"""So many batches are kept in memory for orders to choose from."""
NO_VALUE = "\\N"

TextRow = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SampleSeller:
    """A seller; `brand` is None for agents, who sell goods of `principal`."""

    id: UUID
    name: str
    name_zh: str
    kind: str
    registration_number: str
    verification: str
    opened_at: datetime
    principal_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """A product, with how its maker prints lot codes."""

    id: UUID
    seller_id: UUID
    agent_ids: tuple[UUID, ...]
    brand: str
    brand_zh: str
    name_en: str
    name_zh: str
    gtin: str | None
    ware: Ware
    registered_at: datetime
    maker: str
    factory: str
    style: Style
    factory_style: Style


@dataclass(frozen=True, slots=True)
class SoldBatch:
    """A batch that orders may name."""

    id: UUID
    product: SampleProduct
    lot_code: str
    made_on: date


@dataclass(slots=True)
class BatchChunk:
    """Rows of `batch` and what belongs to them, as text for COPY."""

    batches: list[TextRow] = field(default_factory=list)
    custody: list[TextRow] = field(default_factory=list)
    parents: list[TextRow] = field(default_factory=list)


class Goods:
    """Everything that is for sale. `tag` keeps the numbers of two runs apart."""

    def __init__(
        self, rng: random.Random, *, now: datetime, batches: int, tag: str, own_shop: UUID | None = None
    ) -> None:
        self._rng = rng
        self._now = now
        self._count = batches
        self._tag = tag
        self.sellers: list[SampleSeller] = []
        self.products: list[SampleProduct] = []
        self.sold: list[SoldBatch] = []
        wanted = -(-batches // BATCHES_PER_PRODUCT) if batches else 0
        while len(self.products) < wanted:
            self._open_brand(
                own_shop if not self.products else None, min(PRODUCTS_PER_BRAND, wanted - len(self.products))
            )

    def batch_chunks(self, size: int) -> Iterator[BatchChunk]:
        """Yield all batches, about `size` at a time; those that orders may name are kept in `sold`."""
        chunk = BatchChunk()
        keep = max(1, SOLD_BATCHES_MAX // max(1, len(self.products)))
        for place, product in enumerate(self.products):
            share = self._count * (place + 1) // len(self.products) - self._count * place // len(self.products)
            self._add_batches(chunk, product, share, keep=keep)
            if len(chunk.batches) >= size:
                yield chunk
                chunk = BatchChunk()
        if chunk.batches:
            yield chunk

    def _open_brand(self, own_shop: UUID | None, products: int) -> None:
        rng = self._rng
        parts = rng.sample(SYLLABLES, rng.choice((2, 2, 3)))
        brand, brand_zh = "".join(p[0] for p in parts).capitalize(), "".join(p[1] for p in parts)
        owner = self._add_seller(f"{brand} Brand", f"{brand_zh}品牌", rng.choice(("brand", "company")), None)
        agents: list[UUID] = [] if own_shop is None else [own_shop]
        for _ in range(rng.randint(2, AGENTS_PER_BRAND)):
            surname, word = rng.choice(SURNAMES), rng.choice(SHOP_WORDS)
            above = rng.choice((owner.id, *agents[-3:]))  # a tree: some sell for an agent, not for the brand
            agent = self._add_seller(
                f"{surname[0]} {word[0]} {len(self.sellers)}", f"{surname[1]}家{word[1]}{len(self.sellers)}",
                rng.choice(("shop", "shop", "person")), above,
            )  # fmt: skip
            agents.append(agent.id)
        maker = (parts[0][0][0] + parts[1][0][0]).upper()
        style, factory_style = style_of(rng), style_of(rng)
        wares = rng.sample(WARES, products)
        for ware in wares:
            self._add_product(owner, tuple(agents), (brand, brand_zh), ware, maker, (style, factory_style))

    def _add_seller(self, name: str, name_zh: str, kind: str, principal_id: UUID | None) -> SampleSeller:
        rng = self._rng
        opened = self._now - timedelta(days=rng.randint(400, OPENED_DAYS), seconds=rng.randrange(86_400))
        seller = SampleSeller(
            id=uuid_at(rng, opened),
            name=name,
            name_zh=name_zh,
            kind=kind,
            registration_number=f"{self._tag}{len(self.sellers):08}",
            verification="verified" if principal_id is None else rng.choice(("none", "basic", "basic", "verified")),
            opened_at=opened,
            principal_id=principal_id,
        )
        self.sellers.append(seller)
        return seller

    def _add_product(
        self,
        owner: SampleSeller,
        agent_ids: tuple[UUID, ...],
        brand: tuple[str, str],
        ware: Ware,
        maker: str,
        styles: tuple[Style, Style],
    ) -> None:
        rng = self._rng
        quality = rng.choice(QUALITIES)
        registered = owner.opened_at + timedelta(days=rng.randint(1, 30))
        self.products.append(
            SampleProduct(
                id=uuid_at(rng, registered),
                seller_id=owner.id,
                agent_ids=agent_ids,
                brand=brand[0],
                brand_zh=brand[1],
                name_en=f"{brand[0]} {quality[0]} {ware.name_en}",
                name_zh=f"{brand[1]}{quality[1]}{ware.name_zh}",
                gtin=_gtin(f"0690{rng.randrange(10**9):09}") if rng.random() < 0.8 else None,
                ware=ware,
                registered_at=registered,
                maker=maker,
                factory="".join(rng.choice("CFHKLMPTX") for _ in range(2)),
                style=styles[0],
                factory_style=styles[1],
            )
        )

    def _add_batches(self, chunk: BatchChunk, product: SampleProduct, count: int, *, keep: int) -> None:
        """Add a product's batches, the newest first: two neighbouring lines a day of making, so siblings are common."""
        rng, now = self._rng, self._now
        product_hex, seller_hex = product.id.hex, product.seller_id.hex
        first_line = rng.randint(0, 12)
        before = ""
        for place in range(count):
            days = 9 + (place // 2) * BATCH_EVERY_DAYS + rng.randint(0, 3)
            line = first_line + (place & 1)
            made = (now - timedelta(days=9 + (place // 2) * BATCH_EVERY_DAYS)).date()
            registered = now - timedelta(days=days - 6, seconds=rng.randrange(40_000))
            number = id_at(rng, milliseconds(registered))
            lot = product.style(product.maker, made, line)
            has_maker_lot = rng.random() < 0.7
            maker_lot = product.factory_style(product.factory, made, line) if has_maker_lot else NO_VALUE
            units = rng.randint(4, 400) * 50
            batch_hex = f"{number:032x}"
            chunk.batches.append(
                (
                    batch_hex, product_hex, seller_hex, lot, maker_lot, quick_fold(lot),
                    quick_fold(maker_lot) if has_maker_lot else NO_VALUE, made.isoformat(),
                    (made + timedelta(days=product.ware.keeps_days)).isoformat(), str(units), registered.isoformat(),
                )
            )  # fmt: skip
            if place < keep:
                self.sold.append(SoldBatch(UUID(int=number), product, lot, made))
            if product.agent_ids and place % 5 == 0:
                chunk.custody.append(self._custody(batch_hex, seller_hex, product, registered, units))
            if before and place % 12 == 7:
                chunk.parents.append((before, batch_hex))  # the later lot was repacked from this one
            before = batch_hex

    def _custody(
        self, batch_hex: str, seller_hex: str, product: SampleProduct, registered: datetime, units: int
    ) -> TextRow:
        moved = registered + timedelta(hours=self._rng.randint(2, 60))
        agent = self._rng.choice(product.agent_ids).hex
        identity = f"{id_at(self._rng, milliseconds(moved)):032x}"
        return identity, batch_hex, seller_hex, agent, str(max(1, units // 4)), moved.isoformat()


def seller_rows(sellers: list[SampleSeller]) -> Iterator[tuple[object, ...]]:
    """Yield rows of `seller` in the order of `SELLER_COLUMNS`."""
    for each in sellers:
        yield (
            each.id, each.name, each.name_zh, name_key(each.name, each.name_zh), each.kind, "CN",
            each.registration_number, "active", each.verification, each.opened_at,
        )  # fmt: skip


def link_rows(rng: random.Random, sellers: list[SampleSeller], own_shop: UUID | None) -> Iterator[tuple[object, ...]]:
    """Yield rows of `agent_link`; the demonstration's own shop sells for the first brand."""
    if own_shop is not None and sellers:
        yield uuid_at(rng, sellers[0].opened_at), own_shop, sellers[0].id, sellers[0].opened_at
    for each in sellers:
        if each.principal_id is not None:
            yield uuid_at(rng, each.opened_at), each.id, each.principal_id, each.opened_at


def product_rows(products: list[SampleProduct]) -> Iterator[tuple[object, ...]]:
    """Yield rows of `product` in the order of `PRODUCT_COLUMNS`."""
    for each in products:
        key = name_key(each.brand, each.name_en, each.name_zh)
        yield (
            each.id, each.seller_id, each.brand, each.name_en, each.name_zh, key, each.gtin, each.ware.category,
            each.registered_at,
        )  # fmt: skip


SELLER_COLUMNS = (
    "id", "name", "name_zh", "name_key", "kind", "country", "registration_number", "status", "verification",
    "registered_at",
)  # fmt: skip
LINK_COLUMNS = ("id", "agent_id", "principal_id", "since")
PRODUCT_COLUMNS = (
    "id", "seller_id", "brand", "name_en", "name_zh", "name_key", "gtin", "category", "registered_at",
)  # fmt: skip
BATCH_COLUMNS = (
    "id", "product_id", "seller_id", "lot_code", "maker_lot_code", "lot_folded", "maker_lot_folded", "made_on",
    "expires_on", "units_made", "registered_at",
)  # fmt: skip
CUSTODY_COLUMNS = ("id", "batch_id", "from_seller_id", "to_seller_id", "units", "at")
PARENT_COLUMNS = ("child_id", "parent_id")


def _gtin(body: str) -> str:
    """Return 14 digits with the check digit of the GS1 General Specifications, 7.9."""
    total = sum(int(figure) * (3 if place % 2 == 0 else 1) for place, figure in enumerate(body))
    return f"{body}{(10 - total % 10) % 10}"
