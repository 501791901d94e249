"""What was registered wrongly is put right: what stood before is kept, and nobody renames goods out of a freeze."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import text

from service.batches.actions import set_status
from service.batches.rules import CORRECTIONS_MAX
from service.core.actor import COMMONS, SYSTEM, Role
from service.db.session import Database, driver_url
from tests.world import Account, Whose, World, make_account

TYPING = {"reason": "typing_error"}
GTIN, OTHER_GTIN = "06901234567892", "06901234567908"


class Shelf:
    """A seller's product with one batch, over HTTP."""

    def __init__(self, client: httpx.AsyncClient, database: Database, world: World) -> None:
        self.client, self.database, self.world = client, database, world
        self.seller = world.account(Role.SELLER)
        self.seller_id = str(world.things["seller", Whose.OWN])

    async def post(self, path: str, body: Any, *, by: Account | None = None, key: str = "") -> httpx.Response:
        headers = (by or self.seller).by_key | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(f"/api/v1{path}", json=body, headers=headers)

    async def get(self, path: str, *, by: Account | None = None) -> httpx.Response:
        return await self.client.get(f"/api/v1{path}", headers=(by or self.seller).by_key)

    async def product(self, **more: str) -> str:
        body = {"seller_id": self.seller_id, "category": "cosmetics", "brand": "Suyun", "name_en": "Sheet Mask", **more}
        answer = await self.post("/products", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def batch(self, product_id: str, lot: str = "SY26J1B07", **more: Any) -> str:
        answer = await self.post("/batches", {"product_id": product_id, "lot_code": lot, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def correct(self, path: str, *, by: Account | None = None, **told: Any) -> httpx.Response:
        return await self.post(f"{path}/corrections", TYPING | told, by=by)

    async def sql(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.begin() as tx:
            return list(await tx.execute(text(statement), values))

    async def said(self, name: str) -> list[dict[str, Any]]:
        return [
            row.facts for row in await self.sql("SELECT facts FROM event WHERE name = :name ORDER BY seq", name=name)
        ]

    async def status(self, batch_id: str, status: str) -> None:
        async with self.database.begin() as tx:
            await set_status(tx, SYSTEM, UUID(batch_id), status, reason_code="signal", now=await tx.now())


@pytest.fixture
def shelf(client: httpx.AsyncClient, database: Database, world: World) -> Shelf:
    return Shelf(client, database, world)


@pytest.fixture
async def mediator(database: Database) -> Account:
    return await make_account(database, "commons-mediator", Role.MEDIATOR, tenant_id=COMMONS)


async def test_a_corrected_batch_is_found_by_its_new_lots_and_what_stood_before_is_kept(shelf: Shelf) -> None:
    product_id = await shelf.product()
    batch_id = await shelf.batch(product_id, made_on="2026-10-18", units_made=600)
    right: dict[str, Any] = {
        "lot_code": " SY26J18O7 ",
        "maker_lot_code": "LH-9",
        "expires_on": "2029-10-17",
        "units_made": 6000,
    }
    made = await shelf.correct(f"/batches/{batch_id}", **right)
    assert made.status_code == 201, made.text
    before = {"lot_code": "SY26J1B07", "maker_lot_code": None, "expires_on": None, "units_made": 600}
    assert (made.json()["before"], made.json()["after"]) == (before, right | {"lot_code": "SY26J18O7"})
    assert (made.json()["side"], made.json()["reason"]) == ("seller", "typing_error")
    assert made.json()["corrected_by"] == str(shelf.seller.person_id)
    seen = (await shelf.get(f"/batches/{batch_id}")).json()
    assert (seen["lot_code"], seen["made_on"], seen["units_made"]) == ("SY26J18O7", "2026-10-18", 6000)
    rows = await shelf.sql("SELECT lot_folded, maker_lot_folded FROM batch WHERE id = :id", id=batch_id)
    assert [tuple(row) for row in rows] == [("5Y26J1807", "1H9")]
    assert await shelf.said("batch.corrected") == [
        {"batch_id": batch_id, "product_id": product_id, "seller_id": shelf.seller_id}
    ]
    taken = await shelf.correct(f"/batches/{batch_id}", reason="maker_told", maker_lot_code=None)
    assert taken.json()["before"] == {"maker_lot_code": "LH-9"}
    listed = (await shelf.get(f"/batches/{batch_id}/corrections")).json()["data"]
    assert [each["reason"] for each in listed] == ["maker_told", "typing_error"]


async def test_a_corrected_product_is_found_by_its_new_names(shelf: Shelf) -> None:
    product_id = await shelf.product(gtin=GTIN)
    made = await shelf.correct(f"/products/{product_id}", name_zh="补水面膜", name_en="", gtin=OTHER_GTIN[1:])
    assert made.status_code == 201, made.text
    assert made.json()["after"] == {"name_zh": "补水面膜", "name_en": "", "gtin": OTHER_GTIN}
    assert made.json()["before"] == {"name_zh": "", "name_en": "Sheet Mask", "gtin": GTIN}
    found = (await shelf.get("/products?q=补水")).json()["data"]
    assert [(each["id"], each["name_en"], each["gtin"]) for each in found] == [(product_id, "", OTHER_GTIN)]
    assert (await shelf.get("/products?q=sheet")).json()["data"] == []
    assert await shelf.said("product.corrected") == [{"product_id": product_id, "seller_id": shelf.seller_id}]
    gone = await shelf.correct(f"/products/{product_id}", gtin=None)
    assert (gone.status_code, gone.json()["after"]) == (201, {"gtin": None})


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({}, 422, "nothing_corrected"),
        ({"lot_code": "A1 ", "units_made": None}, 422, "nothing_corrected"),
        ({"lot_code": "--"}, 422, "lot_code_empty"),
        ({"lot_code": "A2"}, 409, "batch_registered_already"),
        ({"made_on": "2026-10-18", "expires_on": "2026-10-18"}, 422, "batch_dates_wrong"),
        ({"expires_on": "2026-01-01"}, 422, "batch_dates_wrong"),
        ({"made_on": "2999-01-01"}, 422, "batch_dates_wrong"),
        ({"units_made": 0}, 422, "fields_wrong"),
        ({"lot_code": None}, 422, "fields_wrong"),
        ({"product_id": "00000000-0000-7000-8000-000000000009"}, 422, "fields_wrong"),
        ({"reason": "because", "lot_code": "B"}, 422, "fields_wrong"),
    ],
)
async def test_a_wrong_correction_of_a_batch_is_refused_and_nothing_moves(
    shelf: Shelf, told: dict[str, Any], status: int, code: str
) -> None:
    product_id = await shelf.product()
    await shelf.batch(product_id, "A2")
    batch_id = await shelf.batch(product_id, "A1", made_on="2026-02-01")
    before = (await shelf.get(f"/batches/{batch_id}")).json()
    answer = await shelf.correct(f"/batches/{batch_id}", **told)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await shelf.get(f"/batches/{batch_id}")).json() == before
    assert await shelf.sql("SELECT id FROM correction") == []
    assert await shelf.said("batch.corrected") == []


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({}, 422, "nothing_corrected"),
        ({"name_en": "  "}, 422, "product_name_missing"),
        ({"gtin": "06901234567890"}, 422, "gtin_wrong"),
        ({"gtin": OTHER_GTIN}, 409, "product_registered_already"),
        ({"category": "food"}, 422, "fields_wrong"),
    ],
)
async def test_a_wrong_correction_of_a_product_is_refused_and_nothing_moves(
    shelf: Shelf, told: dict[str, Any], status: int, code: str
) -> None:
    await shelf.product(gtin=OTHER_GTIN, name_en="Night Cream")
    product_id = await shelf.product(gtin=GTIN)
    before = (await shelf.get(f"/products/{product_id}")).json()
    answer = await shelf.correct(f"/products/{product_id}", **told)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await shelf.get(f"/products/{product_id}")).json() == before
    assert await shelf.sql("SELECT id FROM correction") == []


async def test_nobody_corrects_for_another_seller_and_only_who_oversees_reads_of_others(
    shelf: Shelf, mediator: Account
) -> None:
    product_id = await shelf.product()
    batch_id = await shelf.batch(product_id)
    other = shelf.world.account(Role.SELLER, Whose.OTHERS)
    for path, told in ((f"/batches/{batch_id}", {"lot_code": "B"}), (f"/products/{product_id}", {"brand": "B"})):
        for by in (other, shelf.world.account(Role.MEDIATOR)):
            refused = await shelf.correct(path, by=by, **told)
            assert (refused.status_code, refused.json()["code"]) == (403, "not_your_seller")
        assert (await shelf.correct(path, by=mediator, **told)).status_code == 201
        assert (await shelf.get(f"{path}/corrections", by=other)).status_code == 403
        seen = {
            who: (await shelf.get(f"{path}/corrections", by=by)).json()["data"][0]["corrected_by"]
            for who, by in (("regulator", shelf.world.account(Role.REGULATOR)), ("seller", shelf.seller))
        }
        assert seen == {"regulator": str(mediator.person_id), "seller": None}


@pytest.mark.parametrize("status", ["held", "recalled"])
async def test_a_new_lot_code_is_no_way_out_of_a_freeze(shelf: Shelf, mediator: Account, status: str) -> None:
    product_id = await shelf.product()
    batch_id = await shelf.batch(product_id)
    await shelf.status(batch_id, status)
    for told in ({"lot_code": "NEW-1"}, {"maker_lot_code": "M1"}, {"lot_code": "NEW-1", "units_made": 5}):
        refused = await shelf.correct(f"/batches/{batch_id}", **told)
        assert (refused.status_code, refused.json()["code"]) == (409, "batch_frozen")
        assert refused.json()["facts"] == {"status": status}
    refused = await shelf.correct(f"/products/{product_id}", brand="New")
    assert (refused.status_code, refused.json()["code"]) == (409, "product_frozen")
    assert await shelf.sql("SELECT id FROM correction") == []
    assert (await shelf.correct(f"/batches/{batch_id}", units_made=5)).status_code == 201
    assert (await shelf.correct(f"/batches/{batch_id}", by=mediator, lot_code="NEW-1")).status_code == 201
    await shelf.status(batch_id, "cleared")
    assert (await shelf.correct(f"/batches/{batch_id}", lot_code="NEW-2")).status_code == 201
    assert (await shelf.correct(f"/products/{product_id}", brand="New")).status_code == 201


async def test_the_same_correction_sent_again_under_its_key_is_made_once(shelf: Shelf) -> None:
    batch_id = await shelf.batch(await shelf.product())
    first = await shelf.post(f"/batches/{batch_id}/corrections", TYPING | {"lot_code": "B1"}, key="correct-1")
    again = await shelf.post(f"/batches/{batch_id}/corrections", TYPING | {"lot_code": "B1"}, key="correct-1")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await shelf.sql("SELECT id FROM correction")) == 1


async def test_two_corrections_to_one_lot_at_once_make_one(shelf: Shelf) -> None:
    product_id = await shelf.product()
    paths = [f"/batches/{await shelf.batch(product_id, lot)}" for lot in ("A1", "A2")]
    answers = await asyncio.gather(*(shelf.correct(path, lot_code="A3") for path in paths))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(await shelf.sql("SELECT id FROM batch WHERE lot_code = 'A3'")) == 1
    assert len(await shelf.sql("SELECT id FROM correction")) == 1


async def test_each_side_corrects_a_batch_a_limited_number_of_times(shelf: Shelf, mediator: Account) -> None:
    batch_id = await shelf.batch(await shelf.product())
    for side, by in (("seller", None), ("mediator", mediator)):
        await shelf.sql(
            "INSERT INTO correction (id, batch_id, side, reason_code, before, after, at)"
            " SELECT uuidv7(), :id, :side, 'typing_error', '{}', '{}', fairhold_now() - interval '1 day'"
            " FROM generate_series(1, :count) RETURNING id",
            id=batch_id, side=side, count=CORRECTIONS_MAX - 1,
        )  # fmt: skip
        assert (await shelf.correct(f"/batches/{batch_id}", by=by, lot_code=f"B-{side}")).status_code == 201
        refused = await shelf.correct(f"/batches/{batch_id}", by=by, lot_code="B1")
        assert (refused.status_code, refused.json()["code"]) == (409, "corrections_too_many")
    assert (await shelf.get(f"/batches/{batch_id}")).json()["lot_code"] == "B-mediator"


async def test_what_was_registered_is_not_overwritten_and_a_correction_not_changed(
    shelf: Shelf, owner_url: str
) -> None:
    product_id = await shelf.product()
    batch_id = await shelf.batch(product_id, "A1")
    await shelf.correct(f"/batches/{batch_id}", lot_code="A2")
    with psycopg.connect(driver_url(owner_url), autocommit=True) as owner:
        for table, thing in (("batch", batch_id), ("product", product_id)):
            change = "lot_code = 'A9'" if table == "batch" else "brand = 'B'"
            with pytest.raises(psycopg.DatabaseError, match=f"{table}_kept"):
                owner.execute(f"UPDATE {table} SET {change} WHERE id = '{thing}'".encode())
        with pytest.raises(psycopg.DatabaseError, match="append_only"):
            owner.execute("UPDATE correction SET before = '{}'")
    assert (await shelf.get(f"/batches/{batch_id}")).json()["lot_code"] == "A2"


async def test_a_correction_says_everything_that_changes(shelf: Shelf, owner_url: str) -> None:
    batch_id = await shelf.batch(await shelf.product(), "A1")
    kept = (
        "INSERT INTO correction (id, batch_id, side, reason_code, before, after, at) VALUES (uuidv7(), %s,"
        """ 'seller', 'typing_error', '{"lot_code": "A1"}', '{"lot_code": "A2"}', fairhold_now())"""
    )
    change = "UPDATE batch SET lot_code = 'A2', lot_folded = 'A2', units_made = %s WHERE id = %s"
    with psycopg.connect(driver_url(owner_url)) as owner:
        owner.execute(kept, (batch_id,))
        with pytest.raises(psycopg.DatabaseError, match="batch_kept"), owner.transaction():
            owner.execute(change, (9, batch_id))
        owner.execute(change, (None, batch_id))
    assert (await shelf.get(f"/batches/{batch_id}")).json()["lot_code"] == "A2"
