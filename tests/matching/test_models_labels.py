"""What people said of matches is what a model learns from: the newest word, a mediator's before a buyer's."""

from typing import Any
from uuid import UUID

from service.complaints.labels import Label, labels
from service.complaints.matching.facts import Query
from service.complaints.matching.retrieve import registered
from service.complaints.training import _labelled
from service.core.actor import Role
from tests.complaints.conftest import STORY, Cases, cases
from tests.complaints.test_linking import register
from tests.matching.modelling import tried
from tests.world import make_account

__all__ = ["cases"]
TOLD: dict[str, Any] = {
    "product_text": "Suyun mask", "brand_text": "Suyun", "seller_text": "Suyun shop", "lot_text": "SY26J18",
    "bought_on": "2026-01-05",
}  # fmt: skip


async def known(cases: Cases) -> dict[UUID, Label]:
    async with cases.database.begin() as tx:
        return {each.complaint_id: each for each in await labels(tx)}


async def label_of(cases: Cases, case: dict[str, Any]) -> Label | None:
    return (await known(cases)).get(UUID(case["id"]))


async def test_a_link_by_people_is_a_label_with_what_the_matcher_reads(cases: Cases, drain: Any) -> None:
    batch_id = cases.goods.batch_id
    commons = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    case = await cases.filed(**TOLD)
    await drain()
    assert await label_of(cases, case) is None, "what the matcher does of itself teaches nothing"
    await cases.ok(f"/{case['id']}/link", {"batch_id": str(batch_id)}, by=commons)
    label = await label_of(cases, case)
    assert label is not None
    assert (label.batch_id, label.product_id, label.by) == (batch_id, cases.goods.product_id, "mediator")
    assert label.query == Query(
        product_text="Suyun mask",
        brand_text="Suyun",
        seller_text="Suyun shop",
        lot_text="SY26J18",
        purchase_date=label.query.purchase_date,
        narrative=STORY,
        lang="en",
    )
    assert str(label.query.purchase_date) == "2026-01-05"


async def test_the_newest_word_counts_and_a_mediators_before_a_buyers(cases: Cases, drain: Any) -> None:
    other = UUID(await register(cases, "SY26J1808", "Suyun Hydrating Sheet Mask", brand="Suyun Two"))
    case = await cases.filed(await cases.order(), **TOLD)
    await drain()
    await cases.ok(f"/{case['id']}/link", {"batch_id": str(cases.goods.batch_id)})
    label = await label_of(cases, case)
    assert label is not None
    assert (label.batch_id, label.by) == (cases.goods.batch_id, "buyer")
    assert label.query.order_product_id == cases.goods.product_id
    for batch_id in (str(other), None, str(other)):
        await cases.ok(f"/{case['id']}/link", {"batch_id": batch_id}, by=cases.mediator)
        label = await label_of(cases, case)
        assert label is not None
        assert (label.batch_id, label.by) == (None if batch_id is None else other, "mediator")


async def test_a_mediators_word_stands_whatever_a_buyer_says_later(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), **TOLD)
    async with cases.database.begin() as tx:
        for by, batch_id in (("mediator", cases.goods.batch_id), ("buyer", None), ("automatic", None)):
            await tried(tx, UUID(case["id"]), by=by, batch_id=batch_id)
    label = await label_of(cases, case)
    assert label is not None
    assert (label.batch_id, label.by) == (cases.goods.batch_id, "mediator")


async def test_a_link_taken_away_says_that_no_registered_batch_is_right(cases: Cases, drain: Any) -> None:
    case = await cases.filed(await cases.order(), **TOLD)
    await drain()
    await cases.ok(f"/{case['id']}/link", {"batch_id": None}, by=cases.mediator)
    label = await label_of(cases, case)
    assert label is not None
    assert (label.batch_id, label.product_id) == (None, None)
    told = _labelled(label)
    assert (told.batch, told.product, told.group) == ("", "", "suyun mask")


async def test_drafts_and_choices_taken_back_are_no_labels(cases: Cases) -> None:
    draft = await cases.draft(await cases.order(), lot_text="SY26J1807")
    await cases.ok(f"/{draft}/link", {"batch_id": str(cases.goods.batch_id)})
    assert UUID(draft) not in await known(cases)
    await cases.ok(f"/{draft}/link", {"batch_id": None})
    await cases.ok(f"/{draft}/submission")
    assert UUID(draft) not in await known(cases), "the buyer was unsure"


async def test_a_label_lives_on_without_the_words_that_were_erased(cases: Cases, drain: Any) -> None:
    case = await cases.filed(await cases.order(), **TOLD)
    await drain()
    await cases.ok(f"/{case['id']}/link", {"batch_id": str(cases.goods.batch_id)})
    await cases.sql("DELETE FROM complaint_text WHERE complaint_id = :id", id=UUID(case["id"]))
    label = await label_of(cases, case)
    assert label is not None
    assert (label.query.narrative, label.query.lot_text) == ("", "SY26J18")


async def test_the_registry_has_every_batch_as_the_matcher_reads_it(cases: Cases) -> None:
    async with cases.database.begin() as tx:
        found = {each.batch_id: each for each in await registered(tx)}
    ours = found[cases.goods.batch_id]
    assert (ours.product_id, ours.seller_id) == (cases.goods.product_id, cases.seller_id)
    assert (ours.name_en, ours.name_zh, ours.brand) == ("Suyun Hydrating Sheet Mask", "素芸补水面膜", "Suyun")
    assert (ours.lot_code, ours.maker_lot_code, ours.gtin) == ("SY26J1807", "", "")
    (count,) = await cases.sql("SELECT count(*) FROM batch")
    assert len(found) == count[0]
