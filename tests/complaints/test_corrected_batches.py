"""Batches and products are corrected: complaints that may fit are tried again, and what the matcher itself linked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from service.batches.corrections import correct_batch, correct_product
from service.batches.schemas import NewBatchCorrection, NewProductCorrection
from service.complaints import rules
from service.complaints.actions import link_batch, match_complaints, tries
from service.complaints.matching.match import match_each
from service.complaints.rematching import batches_of, with_automatic_links
from service.core.actor import Role
from service.events.log import Happened
from tests.complaints.conftest import Cases
from tests.complaints.test_linking import register
from tests.world import Whose, make_account

Drain = Callable[[], Awaitable[None]]
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
CREAM: dict[str, Any] = {"product_text": "Lanqi Night Repair Cream", "seller_text": "Lanqi", "lot_text": "LQ774410"}


async def correct(cases: Cases, batch_id: str, **told: Any) -> None:
    """The other seller corrects its batch."""
    seller = await cases.actor(cases.who(Role.SELLER, Whose.OTHERS))
    async with cases.database.begin() as tx:
        data = NewBatchCorrection(reason="typing_error", **told)
        await correct_batch(tx, seller, UUID(batch_id), data, now=await tx.now())


async def rename(cases: Cases, batch_id: str, **told: Any) -> None:
    """The other seller corrects the product of its batch."""
    seller = await cases.actor(cases.who(Role.SELLER, Whose.OTHERS))
    ((product_id,),) = await cases.sql("SELECT product_id FROM batch WHERE id = :id", id=batch_id)
    async with cases.database.begin() as tx:
        data = NewProductCorrection(reason="typing_error", **told)
        await correct_product(tx, seller, product_id, data, now=await tx.now())


async def link_of(cases: Cases, case: dict[str, Any]) -> tuple[Any, ...]:
    found = await cases.case(case["id"])
    return found["match_status"], found["batch_id"], found["link_by"]


async def told(cases: Cases, case: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """The events of a complaint's links: name, the batch now, the batch before."""
    rows = await cases.sql(
        "SELECT name, facts FROM event WHERE subject_id = :id AND name IN ('complaint.linked', 'complaint.unmatched')"
        " ORDER BY seq",
        id=case["id"],
    )
    return [(row.name, row.facts.get("batch_id"), row.facts.get("was_batch_id")) for row in rows]


async def test_an_unmatched_complaint_is_linked_when_the_lot_is_put_right(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "XX9", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM)
    await drain()
    assert (await link_of(cases, case))[1:] == (None, None)
    await correct(cases, batch_id, lot_code="LQ774410")
    await drain()
    assert await link_of(cases, case) == ("linked", batch_id, "automatic")
    assert (await told(cases, case))[-1] == ("complaint.linked", batch_id, None)


async def test_an_unmatched_complaint_is_linked_when_the_product_is_put_right(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Zzz", brand="Hongda")
    case = await cases.filed(product_text="Lanqi Night Repair Cream", seller_text="Lanqi", gtin="06901234567892")
    await drain()
    before = (await cases.get(f"/{case['id']}/matches"))["suggestions"]
    assert batch_id not in [each["batch_id"] for each in before]
    await rename(cases, batch_id, name_en="Lanqi Night Repair Cream", brand="Lanqi", gtin="06901234567892")
    await drain()
    assert (await link_of(cases, case))[0] in ("product_only", "suggested", "linked")
    assert (await cases.get(f"/{case['id']}/matches"))["suggestions"][0]["batch_id"] == batch_id


async def test_an_automatic_link_that_no_longer_holds_moves_to_the_batch_that_does(cases: Cases, drain: Drain) -> None:
    first = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM)
    await drain()
    assert await link_of(cases, case) == ("linked", first, "automatic")
    other = await register(cases, "LQ 77 4410 B", "Lanqi Night Repair Cream")
    await drain()
    assert (await link_of(cases, case))[1] == first
    await correct(cases, first, lot_code="ZX30021")
    await correct(cases, other, lot_code="LQ774410")
    await drain()
    assert await link_of(cases, case) == ("linked", other, "automatic")
    ((product_id, batch_product_id),) = await cases.sql(
        "SELECT c.product_id, b.product_id FROM complaint c JOIN batch b ON b.id = c.batch_id WHERE c.id = :id",
        id=case["id"],
    )
    assert product_id == batch_product_id
    events = await told(cases, case)
    assert events[0] == ("complaint.linked", first, None)
    assert events[-1][:2] == ("complaint.linked", other)
    assert first in [was for _, _, was in events]


async def test_an_automatic_link_that_no_longer_holds_is_taken_away_with_an_event(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM)
    await drain()
    await correct(cases, batch_id, lot_code="ZX30021")
    await drain()
    status, linked_to, by = await link_of(cases, case)
    assert (status != "linked", linked_to, by) == (True, None, None)
    assert await told(cases, case) == [
        ("complaint.linked", batch_id, None),
        ("complaint.unmatched", None, batch_id),
    ]
    await correct(cases, batch_id, lot_code="LQ774410")
    await drain()
    assert await link_of(cases, case) == ("linked", batch_id, "automatic")


async def test_a_correction_that_changes_nothing_for_a_link_tells_nothing(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM)
    await drain()
    await correct(cases, batch_id, units_made=500, lot_code="LQ-774410")
    await drain()
    assert await link_of(cases, case) == ("linked", batch_id, "automatic")
    assert await told(cases, case) == [("complaint.linked", batch_id, None)]


async def test_what_a_person_linked_stays_whatever_is_corrected(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    by_mediator, by_buyer = await cases.filed(**CREAM), await cases.filed(**CREAM)
    await drain()
    mediator = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    await cases.ok(f"/{by_mediator['id']}/link", {"batch_id": batch_id}, by=mediator)
    await cases.ok(f"/{by_buyer['id']}/link", {"batch_id": batch_id})
    await correct(cases, batch_id, lot_code="ZX30021")
    await drain()
    assert await link_of(cases, by_mediator) == ("linked", batch_id, "mediator")
    assert await link_of(cases, by_buyer) == ("linked", batch_id, "buyer")
    async with cases.database.begin() as tx:
        ids = [UUID(by_mediator["id"]), UUID(by_buyer["id"])]
        assert await match_complaints(tx, ids, now=await tx.now(), with_linked=True) == {}


async def test_a_mediators_move_names_the_batch_before(cases: Cases, drain: Drain) -> None:
    first = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    other = await register(cases, "ZX1", "Rice cooker", brand="Hongda")
    case = await cases.filed(**CREAM)
    await drain()
    mediator = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    actor = await cases.actor(mediator)
    async with cases.database.begin() as tx:
        await link_batch(tx, actor, UUID(case["id"]), UUID(other), now=await tx.now())
    async with cases.database.begin() as tx:
        await link_batch(tx, actor, UUID(case["id"]), None, now=await tx.now())
    assert await told(cases, case) == [
        ("complaint.linked", first, None),
        ("complaint.linked", other, first),
        ("complaint.unmatched", None, other),
    ]
    timeline = await cases.get(f"/{case['id']}/timeline", by=mediator)
    linked = [each["facts"].get("was_batch_id") for each in timeline if each["name"] == "complaint.linked"]
    assert linked == [None, first]


async def test_links_to_every_batch_of_a_corrected_product_are_tried_again(
    cases: Cases, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    ((product_id,),) = await cases.sql("SELECT product_id FROM batch WHERE id = :id", id=first)
    seller = cases.who(Role.SELLER, Whose.OTHERS)
    body = {"product_id": str(product_id), "lot_code": "ZX30021"}
    second = (await cases.client.post("/api/v1/batches", json=body, headers=seller.by_key)).json()["id"]
    for lot in ("LQ774410", "ZX30021"):
        await cases.filed(**CREAM | {"lot_text": lot})
    await drain()
    await rename(cases, first, name_zh="兰琪夜间修护霜")
    monkeypatch.setattr(rules, "REMATCH_LOTS_MAX", 1)
    async with cases.database.begin() as tx:
        at = await tx.now()
        event = Happened(product_id, "product.corrected", "product", product_id, None, at, {})
        _, corrected = await batches_of(tx, [event])
        found = await with_automatic_links(tx, corrected)
    assert corrected.batch_ids == {UUID(second)}
    assert found == [UUID(first), UUID(second)]


async def test_many_links_of_a_corrected_batch_are_tried_again_by_the_chunk(
    cases: Cases, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "REMATCH_CHUNK", 2)
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    filed = [await cases.filed(**CREAM) for _ in range(5)]
    await drain()
    assert {(await link_of(cases, case))[1] for case in filed} == {batch_id}
    await correct(cases, batch_id, lot_code="ZX30021")
    await drain()
    assert [(await link_of(cases, case))[1] for case in filed] == [None] * 5


async def product_of(cases: Cases, case: dict[str, Any]) -> str | None:
    ((product_id,),) = await cases.sql("SELECT product_id FROM complaint WHERE id = :id", id=case["id"])
    return None if product_id is None else str(product_id)


async def test_the_product_goes_with_the_link_that_it_came_with(cases: Cases, drain: Drain) -> None:
    wrong = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    free, ordered = await cases.filed(**CREAM), await cases.filed(await cases.order(batch=False), **CREAM)
    mediator = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    for case in (free, ordered):
        by = mediator if case is free else cases.mediator
        await cases.ok(f"/{case['id']}/link", {"batch_id": wrong}, by=by)
        assert await product_of(cases, case) not in (None, str(cases.goods.product_id))
        await cases.ok(f"/{case['id']}/link", {"batch_id": None}, by=by)
    assert await product_of(cases, free) is None
    assert await product_of(cases, ordered) == str(cases.goods.product_id)


async def test_a_certain_product_that_turns_out_to_be_another_is_counted_where_it_belongs(
    cases: Cases, drain: Drain
) -> None:
    batch_id = await register(cases, "ZX30021", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM | {"lot_text": ""})
    await drain()
    assert (await cases.case(case["id"]))["match_status"] == "product_only"
    assert await product_of(cases, case) is not None
    await rename(cases, batch_id, name_en="Rice cooker", brand="Hongda")
    await drain()
    assert (await cases.case(case["id"]))["match_status"] != "product_only"
    assert await product_of(cases, case) is None


async def test_a_link_that_stays_where_it_was_moves_from_nowhere(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM)
    await drain()
    mediator = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    await cases.ok(f"/{case['id']}/link", {"batch_id": batch_id}, by=mediator)
    assert await told(cases, case) == [("complaint.linked", batch_id, None)] * 2


@pytest.mark.parametrize("of", ["batch", "product"])
async def test_a_correction_between_the_look_and_the_link_leaves_no_link_to_what_it_was(
    cases: Cases, drain: Drain, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM)
    looked = match_each

    async def corrected_meanwhile(*asked: Any, **more: Any) -> Any:
        found = await looked(*asked, **more)
        monkeypatch.setattr(tries, "match_each", looked)
        if of == "batch":
            await correct(cases, batch_id, lot_code="ZX30021")
        else:
            await rename(cases, batch_id, name_en="Rice cooker", brand="Hongda")
        return found

    monkeypatch.setattr(tries, "match_each", corrected_meanwhile)
    async with cases.database.begin() as tx:
        tried = await match_complaints(tx, [UUID(case["id"])], now=await tx.now())
    assert tried[UUID(case["id"])] != "linked"
    assert (await link_of(cases, case))[1] is None
    await drain()
    assert (await link_of(cases, case))[1] is None


async def test_a_batch_is_not_corrected_while_a_link_to_it_is_being_made(cases: Cases, drain: Drain) -> None:
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    case = await cases.filed(**CREAM)
    async with cases.database.begin() as tx:
        assert await match_complaints(tx, [UUID(case["id"])], now=await tx.now()) == {UUID(case["id"]): "linked"}
        waits = asyncio.create_task(correct(cases, batch_id, lot_code="ZX30021"))
        async with asyncio.timeout(20):
            while not (await cases.sql(WAITING))[0][0]:  # noqa: ASYNC110 - PostgreSQL tells it only when asked
                await asyncio.sleep(0.01)
    await waits
    assert (await link_of(cases, case))[1] == batch_id
    await drain()
    assert (await link_of(cases, case))[1] is None
