"""Sellers over HTTP: registration, search, agents, refusals."""

import httpx
import pytest

from service.core.actor import Role
from service.db.session import Database
from tests.world import Account, Whose, World, make_account

NEW = {
    "name": "Xiaohe Skincare",
    "name_zh": "小禾护肤",
    "kind": "shop",
    "country": "CN",
    "registration_number": "9133X",
}


@pytest.fixture
async def person(database: Database) -> Account:
    return await make_account(database, "new-owner", Role.BUYER)


async def test_who_registers_a_seller_acts_for_it_from_then_on(client: httpx.AsyncClient, person: Account) -> None:
    answer = await client.post("/api/v1/sellers", json=NEW, headers=person.by_key)
    assert answer.status_code == 201
    seller_id = answer.json()["id"]
    assert answer.headers["location"] == f"/api/v1/sellers/{seller_id}"
    product = {"seller_id": seller_id, "category": "cosmetics", "name_zh": "素芸补水面膜"}
    made = await client.post("/api/v1/products", json=product, headers=person.by_key)
    assert made.status_code == 201


async def test_a_registration_number_names_one_seller(client: httpx.AsyncClient, person: Account) -> None:
    await client.post("/api/v1/sellers", json=NEW, headers=person.by_key)
    again = await client.post("/api/v1/sellers", json=NEW, headers=person.by_key)
    assert (again.status_code, again.json()["code"]) == (409, "seller_registered_already")
    listed = await client.get("/api/v1/sellers", params={"q": "Xiaohe"}, headers=person.by_key)
    assert len(listed.json()["data"]) == 1


@pytest.mark.parametrize("words", ["xiaohe", "小禾", "Xiaoha Skincare"])
async def test_search_finds_names_in_both_languages_and_with_a_wrong_letter(
    client: httpx.AsyncClient, person: Account, words: str
) -> None:
    await client.post("/api/v1/sellers", json=NEW, headers=person.by_key)
    await client.post("/api/v1/sellers", json={**NEW, "name": "Lulu Picks", "name_zh": "", "registration_number": "2"},
                      headers=person.by_key)  # fmt: skip
    listed = await client.get("/api/v1/sellers", params={"q": words}, headers=person.by_key)
    assert [row["name"] for row in listed.json()["data"]] == ["Xiaohe Skincare"]


async def test_pages_follow_each_other_without_gap_or_repeat(client: httpx.AsyncClient, person: Account) -> None:
    for number in range(5):
        await client.post("/api/v1/sellers", json={**NEW, "name": f"Shop {number}", "registration_number": str(number)},
                          headers=person.by_key)  # fmt: skip
    names, after = [], None
    for _ in range(5):
        params = {"limit": "2", **({"after": after} if after else {})}
        page = (await client.get("/api/v1/sellers", params=params, headers=person.by_key)).json()
        names += [row["name"] for row in page["data"]]
        after = page["meta"]["next"]
        if after is None:
            break
    assert names == ["Shop 4", "Shop 3", "Shop 2", "Shop 1", "Shop 0"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"kind": "pirate"}, "kind"),
        ({"country": "China"}, "country"),
        ({"registration_number": 7}, "registration_number"),
    ],
)
async def test_each_field_has_its_limits(
    client: httpx.AsyncClient, person: Account, change: dict[str, object], field: str
) -> None:
    answer = await client.post("/api/v1/sellers", json={**NEW, **change}, headers=person.by_key)
    assert (answer.status_code, answer.json()["code"]) == (422, "fields_wrong")
    assert answer.json()["fields"][0]["field"].removeprefix("data.") == field
    assert (await client.get("/api/v1/sellers", headers=person.by_key)).json()["data"] == []


async def test_agents_form_a_tree_and_never_a_circle(client: httpx.AsyncClient, world: World) -> None:
    ours, theirs = world.things["seller", Whose.OWN], world.things["seller", Whose.OTHERS]
    mine, other = world.account(Role.SELLER), world.account(Role.SELLER, Whose.OTHERS)
    added = await client.post(f"/api/v1/sellers/{ours}/agents", json={"agent_id": str(theirs)}, headers=mine.by_key)
    assert added.status_code == 201
    circle = await client.post(f"/api/v1/sellers/{theirs}/agents", json={"agent_id": str(ours)}, headers=other.by_key)
    assert (circle.status_code, circle.json()["code"]) == (409, "agent_circle")
    foreign = await client.post(f"/api/v1/sellers/{ours}/agents", json={"agent_id": str(theirs)}, headers=other.by_key)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_your_seller")
    listed = await client.get(f"/api/v1/sellers/{ours}/agents", headers=mine.by_key)
    assert [row["agent_id"] for row in listed.json()["data"]] == [str(theirs)]


async def test_the_same_key_registers_once_and_answers_the_same(client: httpx.AsyncClient, person: Account) -> None:
    headers = {**person.by_key, "Idempotency-Key": "register-1"}
    first = await client.post("/api/v1/sellers", json=NEW, headers=headers)
    second = await client.post("/api/v1/sellers", json=NEW, headers=headers)
    other = await client.post("/api/v1/sellers", json={**NEW, "name": "Other"}, headers=headers)
    assert (second.status_code, second.json()) == (201, first.json())
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert second.headers["location"] == first.headers["location"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
