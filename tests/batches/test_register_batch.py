"""Products and batches over HTTP: one by one, from CSV, custody, status, and what is refused."""

from uuid import UUID

import httpx
import pytest

from service.batches.queries import batch_scope
from service.batches.rules import gtin14
from service.core.actor import Role
from service.core.errors import Invalid
from service.db.session import Database
from tests.world import Account, Whose, World

HEADER = "brand,name_en,name_zh,gtin,category,lot_code,maker_lot_code,made_on,expires_on,units_made\n"


@pytest.fixture
def seller(world: World) -> Account:
    return world.account(Role.SELLER)


@pytest.fixture
def seller_id(world: World) -> str:
    return str(world.things["seller", Whose.OWN])


async def product(client: httpx.AsyncClient, seller: Account, seller_id: str, **more: str) -> str:
    body = {"seller_id": seller_id, "category": "cosmetics", "brand": "Suyun", "name_en": "Sheet Mask", **more}
    answer = await client.post("/api/v1/products", json=body, headers=seller.by_key)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def batches(client: httpx.AsyncClient, seller: Account, **params: str) -> list[str]:
    answer = await client.get("/api/v1/batches", params=params, headers=seller.by_key)
    return [row["lot_code"] for row in answer.json()["data"]]


async def products(client: httpx.AsyncClient, seller: Account) -> list[str]:
    answer = await client.get("/api/v1/products", headers=seller.by_key)
    return [row["id"] for row in answer.json()["data"]]


async def test_a_batch_is_found_by_its_lot_however_spelt(
    client: httpx.AsyncClient, seller: Account, seller_id: str
) -> None:
    product_id = await product(client, seller, seller_id)
    body = {"product_id": product_id, "lot_code": "SY26J1807", "made_on": "2026-10-18", "expires_on": "2029-10-17"}
    made = await client.post("/api/v1/batches", json=body, headers=seller.by_key)
    assert (made.status_code, made.json()["status"]) == (201, "active")
    assert await batches(client, seller, q="lot: sy26-ji8o7") == ["SY26J1807"]
    assert await batches(client, seller, q="SY26J1808") == []


async def test_a_lot_stands_once_in_a_product(client: httpx.AsyncClient, seller: Account, seller_id: str) -> None:
    product_id = await product(client, seller, seller_id)
    body = {"product_id": product_id, "lot_code": "A1"}
    await client.post("/api/v1/batches", json=body, headers=seller.by_key)
    again = await client.post("/api/v1/batches", json=body, headers=seller.by_key)
    assert (again.status_code, again.json()["code"]) == (409, "batch_registered_already")
    assert await batches(client, seller, product_id=product_id) == ["A1"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lot_code": "--"}, "lot_code_empty"),
        ({"made_on": "2026-10-18", "expires_on": "2026-10-18"}, "batch_dates_wrong"),
        ({"made_on": "2999-01-01"}, "batch_dates_wrong"),
        ({"units_made": 0}, "fields_wrong"),
        ({"parent_ids": ["00000000-0000-7000-8000-000000000009"]}, "parent_unknown"),
        ({"lot": "A"}, "fields_wrong"),
    ],
)
async def test_a_wrong_batch_is_refused_and_not_kept(
    client: httpx.AsyncClient, seller: Account, seller_id: str, change: dict[str, object], code: str
) -> None:
    product_id = await product(client, seller, seller_id)
    body = {"product_id": product_id, "lot_code": "A1", **change}
    answer = await client.post("/api/v1/batches", json=body, headers=seller.by_key)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await batches(client, seller, product_id=product_id) == []


async def test_nobody_registers_for_another_seller(client: httpx.AsyncClient, world: World, seller_id: str) -> None:
    other = world.account(Role.SELLER, Whose.OTHERS)
    body = {"seller_id": seller_id, "category": "food", "name_en": "Tea"}
    answer = await client.post("/api/v1/products", json=body, headers=other.by_key)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_seller")


async def test_a_thousand_lines_of_csv_are_a_thousand_batches(
    client: httpx.AsyncClient, seller: Account, seller_id: str
) -> None:
    lines = "".join(f"Suyun,Night Cream,夜霜,,cosmetics,NC-{n:04},,2026-01-01,2028-01-01,500\n" for n in range(1000))
    answer = await client.post(
        "/api/v1/batches/imports",
        params={"seller_id": seller_id},
        content=(HEADER + lines).encode(),
        headers=seller.by_key,
    )
    assert (answer.status_code, answer.json()) == (201, {"batches": 1000, "products": 1})
    assert await batches(client, seller, q="NC0999") == ["NC-0999"]


async def test_one_wrong_line_imports_nothing_and_is_named(
    client: httpx.AsyncClient, seller: Account, seller_id: str
) -> None:
    before = [await batches(client, seller), await products(client, seller)]
    cells = (",,,cosmetics,A1", ",,,weapons,A2", ",,123,cosmetics,A3", ",,,cosmetics,A1")
    lines = "".join(f"Suyun,Cream{each},,,,\n" for each in cells)
    answer = await client.post(
        "/api/v1/batches/imports",
        params={"seller_id": seller_id},
        content=(HEADER + lines).encode(),
        headers=seller.by_key,
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "import_rows_wrong")
    named = [(row["row"], row["code"]) for row in answer.json()["facts"]["rows"]]
    assert named == [(3, "import_value_wrong"), (4, "gtin_wrong"), (5, "import_row_twice")]
    assert [await batches(client, seller), await products(client, seller)] == before


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"lot_code\nA1\n", b'lot_code,category\n"A1,food\n', b"lot_code,category,x\n"]
)
async def test_what_is_not_our_csv_is_refused(
    client: httpx.AsyncClient, seller: Account, seller_id: str, content: bytes
) -> None:
    answer = await client.post(
        "/api/v1/batches/imports", params={"seller_id": seller_id}, content=content, headers=seller.by_key
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "import_malformed")


async def test_custody_goes_on_from_one_seller_to_another(
    client: httpx.AsyncClient, world: World, seller_id: str
) -> None:
    seller, to = world.account(Role.SELLER), str(world.things["seller", Whose.OTHERS])
    product_id = await product(client, seller, seller_id)
    made = await client.post(
        "/api/v1/batches", json={"product_id": product_id, "lot_code": "A1"}, headers=seller.by_key
    )
    path = f"/api/v1/batches/{made.json()['id']}/custody"
    moved = await client.post(
        path, json={"from_seller_id": seller_id, "to_seller_id": to, "units": 40}, headers=seller.by_key
    )
    assert moved.status_code == 201
    backwards = {"from_seller_id": to, "to_seller_id": seller_id, "units": 40}
    refused = await client.post(path, json=backwards, headers=seller.by_key)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_seller")
    listed = (await client.get(path, headers=seller.by_key)).json()["data"]
    assert [(row["from_seller_id"], row["to_seller_id"], row["units"]) for row in listed] == [(seller_id, to, 40)]


async def test_batches_of_one_makers_lot_and_gtin_share_their_fate(
    client: httpx.AsyncClient, database: Database, world: World
) -> None:
    ids: dict[str, str] = {}
    for whose in (Whose.OWN, Whose.OTHERS):
        account, shop = world.account(Role.SELLER, whose), str(world.things["seller", whose])
        product_id = await product(client, account, shop, gtin="06901234567892")
        for lot, maker in (("A", "LH-261O"), ("B", "LH-9")):
            body = {"product_id": product_id, "lot_code": f"{lot}-{whose}", "maker_lot_code": maker}
            made = await client.post("/api/v1/batches", json=body, headers=account.by_key)
            ids[f"{lot}-{whose}"] = made.json()["id"]
    child = {"product_id": product_id, "lot_code": "CHILD", "parent_ids": [ids["A-others"]]}
    ids["child"] = (await client.post("/api/v1/batches", json=child, headers=account.by_key)).json()["id"]
    async with database.begin() as tx:
        scope = await batch_scope(tx, UUID(ids["A-own"]))
    assert {str(each) for each in scope} == {ids["A-own"], ids["A-others"], ids["child"]}


def test_a_gtin_is_checked_and_made_fourteen_digits_long() -> None:
    assert gtin14("6901234567892") == "06901234567892"
    for wrong in ("6901234567890", "123", "69012345678９2", "", "abc"):
        with pytest.raises(Invalid, match="GTIN"):
            gtin14(wrong)
