"""Retrieval and the whole match against a real PostgreSQL."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid5

import pytest
from sqlalchemy import text

from service.complaints.matching import names
from service.complaints.matching.calibrate import shipped_model
from service.complaints.matching.facts import Candidate, Key, Outcome, Query
from service.complaints.matching.match import match
from service.complaints.matching.retrieve import find
from service.complaints.matching.shelf import Shelf
from service.core.lots import fold_lot
from service.core.names import name_key
from service.db.session import Database, Tx
from tests.matching.registry import REGISTRY

NAMESPACE = UUID(int=5)
REGISTERED_AT = datetime(2026, 3, 1, tzinfo=UTC)

_SELLER = text(
    """INSERT INTO seller (id, name, name_zh, name_key, kind, country, status, verification, registered_at)
    VALUES (:seller, :seller_name, '', :name_key, 'company', 'CN', 'active', 'none', :at) ON CONFLICT DO NOTHING"""
)
_PRODUCT = text(
    """INSERT INTO product (id, seller_id, brand, name_en, name_zh, name_key, gtin, category, registered_at)
    VALUES (:product, :seller, :brand, :name_en, :name_zh, :name_key, :gtin, 'other', :at) ON CONFLICT DO NOTHING"""
)
_BATCH = text(
    """INSERT INTO batch
    (id, product_id, seller_id, lot_code, lot_folded, maker_lot_code, maker_lot_folded, registered_at)
    VALUES (:batch, :product, :seller, :lot, :lot_folded, :maker_lot, :maker_lot_folded, :at)"""
)


def uid(key: object) -> UUID:
    """The database's id of a key of the small registry."""
    return uuid5(NAMESPACE, str(key))


async def register(tx: Tx, batch: Candidate) -> None:
    """Put a batch of the small registry, its product and its seller into their tables."""
    facts = {
        "seller": uid(batch.seller_id),
        "product": uid(batch.product_id),
        "batch": uid(batch.batch_id),
        "seller_name": batch.seller_name,
        "brand": batch.brand,
        "name_en": batch.name_en,
        "name_zh": batch.name_zh,
        "name_key": name_key(batch.brand, batch.name_en, batch.name_zh),
        "gtin": batch.gtin or None,
        "lot": batch.lot_code,
        "lot_folded": fold_lot(batch.lot_code),
        "maker_lot": batch.maker_lot_code or None,
        "maker_lot_folded": fold_lot(batch.maker_lot_code) or None,
        "at": REGISTERED_AT,
    }
    for statement in (_SELLER, _PRODUCT, _BATCH):
        await tx.execute(statement, facts)


@pytest.fixture
async def registry(database: Database) -> Database:
    """The small registry in the test's database."""
    async with database.begin() as tx:
        for batch in REGISTRY:
            await register(tx, batch)
    return database


async def found(database: Database, query: Query) -> list[UUID | str]:
    """The ids that retrieval finds, in its order."""
    async with database.begin() as tx:
        return [one.batch_id for one in (await find(tx, query)).candidates]


async def test_an_equal_folded_lot_comes_first(registry: Database) -> None:
    ids = await found(registry, Query(product_text="mask", lot_text="lot kj2O26-0105a"))
    assert ids[0] == uid("mask-05")


async def test_the_makers_lot_is_found(registry: Database) -> None:
    assert (await found(registry, Query(lot_text="PX771203")))[0] == uid("gel-42")


async def test_neighbours_of_an_unknown_lot_are_found(registry: Database) -> None:
    assert set(await found(registry, Query(lot_text="KJ20260107A"))) == {uid("mask-05"), uid("mask-06")}
    assert set(await found(registry, Query(lot_text="KJ20260106"))) == {uid("mask-06")}
    assert set(await found(registry, Query(lot_text="KJ2026015A0"))) == set()


async def test_a_gtin_finds_every_lot_of_its_product(registry: Database) -> None:
    assert set(await found(registry, Query(gtin="6901234567892"))) == {uid("mask-05"), uid("mask-06")}


async def test_a_misspelt_name_finds_its_product_in_both_languages(registry: Database) -> None:
    for name in ("Kangjan disposible face mask", "康建一次性口罩", "康健壹次性口罩"):
        assert uid("mask-05") in await found(registry, Query(product_text=name))


async def test_words_of_the_narrative_find_their_product(registry: Database) -> None:
    for narrative in ("My whitening cream smells of petrol.", "收到莲花美白晚霜時包裝破損。"):
        assert uid("cream-30") in await found(registry, Query(narrative=narrative))


async def test_a_name_as_it_sounds_finds_its_product(registry: Database) -> None:
    for name in ("lian hua mei bai wan shuang", "连花美百晚双", "lian hua美白"):
        assert uid("cream-30") in await found(registry, Query(product_text=name))


async def test_nothing_told_finds_nothing(registry: Database) -> None:
    assert await found(registry, Query()) == []


async def test_a_candidate_carries_the_facts_of_its_batch_product_and_seller(registry: Database) -> None:
    async with registry.begin() as tx:
        first = (await find(tx, Query(lot_text="PX-77-1203"))).candidates[0]
    assert first == Candidate(
        batch_id=uid("gel-42"),
        product_id=uid("gel"),
        seller_id=uid("lotus"),
        name_en="Lotus Hand Gel 500 ml",
        name_zh="莲花免洗洗手液 500毫升",
        brand="Lotus",
        seller_name="Lotus Cosmetics Ltd 莲花化妆品",
        lot_code="LG0042",
        maker_lot_code="PX-77-1203",
        registered_on=date(2026, 3, 1),
    )


@pytest.mark.parametrize(
    ("query", "batch"),
    [
        (Query(product_text="Kangjan disposible face mask", lot_text="lot kj2O26-0105a"), "mask-05"),
        (Query(product_text="康建一次性口罩", lot_text="批号：KJ2O260105A", lang="zh"), "mask-05"),
    ],
)
async def test_a_misspelt_complaint_is_linked_through_the_database(
    registry: Database, query: Query, batch: str
) -> None:
    async with registry.begin() as tx:
        decision = await match(tx, query, model=shipped_model())
    assert decision.outcome is Outcome.LINKED
    assert decision.best is not None
    assert decision.best.candidate.batch_id == uid(batch)


async def test_an_unknown_product_is_unmatched_through_the_database(registry: Database) -> None:
    async with registry.begin() as tx:
        decision = await match(
            tx, Query(product_text="Electric toothbrush head", lot_text="XX99"), model=shipped_model()
        )
    assert decision.outcome is Outcome.UNMATCHED


def test_what_very_many_products_have_is_asked_for_only_where_nothing_else_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    masks = [Candidate(f"b{at}", f"p{at}", "s", name_en=f"Hydrating mask {at}", lot_code=f"L{at}") for at in range(6)]
    toner = Candidate("b9", "p9", "s", name_en="Hydrolysed toner", lot_code="L9")

    def found_at(told: str, *, gram: int, word: int) -> set[Key]:
        monkeypatch.setattr(names, "_COMMON", {"word": word, "gram": gram, "sound": 9})
        return {one.product_id for one in Shelf([*masks, toner]).candidates(Query(product_text=told))}

    all_masks = {one.product_id for one in masks}
    assert found_at("hydratimg", gram=7, word=9) == all_masks | {"p9"}  # "hyd" is in all seven
    assert found_at("hydratimg", gram=6, word=9) == all_masks
    assert found_at("hydratimg", gram=5, word=9) == set()
    assert found_at("mask 3", gram=5, word=9) == all_masks
    assert found_at("mask 3", gram=5, word=5) == {"p3"}
    assert found_at("mask", gram=5, word=5) == all_masks
