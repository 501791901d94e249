"""Which complaints are tried again for new batches: found for all of them at once, each handed over once."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any
from uuid import UUID

import pytest

from service.batches.imports import import_batches
from service.complaints import rematching, rules
from service.complaints.rematching import Corrected, that_may_fit
from service.core.actor import Role
from tests.complaints.conftest import Cases
from tests.complaints.test_linking import register
from tests.world import Whose

Drain = Callable[[], Awaitable[None]]
HEADER = "brand,name_en,name_zh,gtin,category,lot_code\n"


async def imported(cases: Cases, lines: Sequence[str]) -> None:
    """The other seller imports batches."""
    seller = await cases.actor(cases.who(Role.SELLER, Whose.OTHERS))
    seller_id = cases.world.things["seller", Whose.OTHERS]
    async with cases.database.begin() as tx:
        content = (HEADER + "\n".join(lines)).encode()
        await import_batches(tx, seller, seller_id, content, now=await tx.now())


async def found(cases: Cases, batch_ids: Collection[str], corrected: Corrected | None = None) -> list[str]:
    async with cases.database.begin() as tx:
        ids = await that_may_fit(tx, [UUID(each) for each in batch_ids], corrected or Corrected())
    return [str(each) for each in ids]


async def test_who_may_fit_is_found_once_and_who_told_the_lot_comes_first(cases: Cases) -> None:
    by_name = await cases.filed(product_text="Lanqi night repair cream", seller_text="Shop")
    by_lot = await cases.filed(product_text="A cream", seller_text="Shop", lot_text="lot: LQ-774410")
    by_both = await cases.filed(product_text="Lanqi Night Repair Cream", seller_text="Shop", lot_text="LQ774410")
    by_gtin = await cases.filed(product_text="Cream", seller_text="Shop", gtin="06901234567892")
    await cases.filed(product_text="Rice cooker", seller_text="Shop", lot_text="77")
    draft = await cases.draft(product_text="Lanqi Night Repair Cream", seller_text="Shop", lot_text="LQ774410")
    gone = await cases.filed(product_text="Lanqi Night Repair Cream", seller_text="Shop", lot_text="LQ774410")
    await cases.ok(f"/{gone['id']}/withdrawal", {})
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    assert await found(cases, [batch_id]) == [by_lot["id"], by_both["id"], by_name["id"]]
    assert draft not in await found(cases, [batch_id])
    await imported(cases, ["Suyun,Zzz,,06901234567892,cosmetics,Q1"])
    ((new,),) = await cases.sql("SELECT id FROM batch WHERE lot_code = 'Q1'")
    assert await found(cases, [str(new)]) == [by_gtin["id"]]
    assert await found(cases, []) == []


async def test_names_are_looked_for_with_the_first_batch_of_a_product_and_when_it_was_corrected(cases: Cases) -> None:
    by_name = await cases.filed(product_text="Lanqi night repair cream", seller_text="Shop", lot_text="QQ1")
    await imported(cases, ["Lanqi,Night Repair Cream,,,cosmetics,A1", "Lanqi,Night Repair Cream,,,cosmetics,A2"])
    rows = await cases.sql("SELECT id, product_id FROM batch WHERE lot_code IN ('A1', 'A2') ORDER BY id")
    first, second = [str(row.id) for row in rows]
    assert await found(cases, [first, second]) == [by_name["id"]]
    assert await found(cases, [second]) == []
    corrected = Corrected()
    corrected.batch_ids, corrected.product_ids = {rows[1].id}, {rows[1].product_id}
    assert await found(cases, [], corrected) == [by_name["id"]]


async def test_whose_best_guess_was_a_batch_of_the_product_is_found_for_a_lot_near_to_theirs(
    cases: Cases, drain: Drain
) -> None:
    await register(cases, "LQ774411", "Lanqi Night Repair Cream")
    near = await cases.filed(product_text="Lanqi Night Repair Cream", seller_text="Lanqi", lot_text="LQ774410")
    await drain()
    ((status, product_id),) = await cases.sql(
        "SELECT c.match_status, b.product_id FROM complaint c, batch b WHERE c.id = :id AND b.lot_code = 'LQ774411'",
        id=near["id"],
    )
    assert status in ("suggested", "product_only")
    seller = cases.who(Role.SELLER, Whose.OTHERS)
    tried = {}
    for lot in ("LQ774418", "ZX1"):
        body = {"product_id": str(product_id), "lot_code": lot}
        answer = await cases.client.post("/api/v1/batches", json=body, headers=seller.by_key)
        tried[lot] = await found(cases, [answer.json()["id"]])
    assert tried == {"LQ774418": [near["id"]], "ZX1": []}  # its lot is near to one of them


async def test_a_common_lot_crowds_out_no_other(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "REMATCH_MAX", 1)
    monkeypatch.setattr(rules, "REMATCH_LOT_MAX", 2)
    crowd = [(await cases.filed(product_text="Soap", seller_text="Shop", lot_text="77"))["id"] for _ in range(3)]
    alone = await cases.filed(product_text="Soap", seller_text="Shop", lot_text="LQ774410")
    batch_ids = [await register(cases, "77", "Hand Cream"), await register(cases, "LQ774410", "Foot Cream")]
    ids = await found(cases, batch_ids)
    assert alone["id"] in ids
    assert len(set(ids) & set(crowd)) == 2


async def test_a_thousand_batches_in_one_import_link_what_fits_each_complaint_tried_once(
    cases: Cases, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitting = [
        await cases.filed(product_text=f"Lanqi Cream {n:03}", seller_text="Lanqi", lot_text=f"LQ 7744{n:03}")
        for n in (1, 500, 999)
    ]
    await drain()
    handed: list[int] = []
    asked = rematching.that_may_fit

    async def watched(tx: Any, registered: Collection[UUID], corrected: Corrected) -> list[UUID]:
        handed.append(len(registered))
        return await asked(tx, registered, corrected)

    monkeypatch.setattr(rematching, "that_may_fit", watched)
    await imported(cases, [f"Lanqi,Lanqi Cream {n:03},,,cosmetics,LQ7744{n:03}" for n in range(1000)])
    await drain()
    assert [(await cases.case(each["id"]))["match_status"] for each in fitting] == ["linked"] * 3
    assert sum(handed) == 1000
    assert len(handed) <= 3  # and not a job for each of them
