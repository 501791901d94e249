"""From a complaint to its batch: by itself with reasons, later when the batch is registered, or by a person."""

from typing import Any

from service.batches.actions import register_batch, register_product
from service.batches.schemas import NewBatch, NewProduct
from service.core.actor import Role
from tests.complaints.conftest import Cases
from tests.world import Whose, make_account


async def register(cases: Cases, lot: str, name_en: str, brand: str = "Lanqi") -> str:
    """Another seller's new product with one batch."""
    seller = await cases.actor(cases.who(Role.SELLER, Whose.OTHERS))
    async with cases.database.begin() as tx:
        now = await tx.now()
        names = {"brand": brand, "name_en": name_en, "name_zh": ""}
        seller_id = cases.world.things["seller", Whose.OTHERS]
        product = await register_product(
            tx, seller, NewProduct(seller_id=seller_id, category="cosmetics", **names), now=now
        )
        await tx.flush()
        batch = await register_batch(tx, seller, NewBatch(product_id=product.id, lot_code=lot), now=now)
        return str(batch.id)


async def test_a_misspelt_product_and_lot_are_linked_with_reasons(cases: Cases, drain: Any) -> None:
    order_id = await cases.order(batch=False)
    case = await cases.filed(order_id, product_text="Suyum hydratng sheet mask", lot_text="lot: sy26-ji8o7")
    assert case["match_status"] == "unmatched"
    await drain()
    case = await cases.case(case["id"])
    assert (case["match_status"], case["batch_id"], case["link_by"], case["link_is_strict"]) == (
        "linked",
        str(cases.goods.batch_id),
        "automatic",
        True,
    )
    found = await cases.get(f"/{case['id']}/matches", by=cases.mediator)
    best = found["suggestions"][0]
    assert (best["lot_code"], best["likelihood"]) == ("SY26J1807", "very_likely")
    assert best["probability"] > 0.8
    assert {reason["field"]: reason["reason"] for reason in best["reasons"]}["order"] == "order_same_product"
    assert (await cases.get(f"/{case['id']}/matches"))["suggestions"][0]["probability"] is None
    linked = await cases.sql(
        "SELECT facts FROM event WHERE name = 'complaint.linked' AND subject_id = :id", id=case["id"]
    )
    assert [(row.facts["batch_id"], row.facts["is_strict"], row.facts["link_by"]) for row in linked] == [
        (str(cases.goods.batch_id), True, "automatic")
    ]


async def test_an_order_that_names_its_batch_links_a_complaint_that_tells_no_lot(cases: Cases, drain: Any) -> None:
    case = await cases.filed(await cases.order())
    await drain()
    case = await cases.case(case["id"])
    assert (case["batch_id"], case["link_is_strict"]) == (str(cases.goods.batch_id), True)
    found = await cases.get(f"/{case['id']}/matches")
    assert [reason["reason"] for reason in found["suggestions"][0]["reasons"]] == ["order_names_batch"]


async def test_what_nobody_registered_stays_unmatched_and_is_linked_once_it_is(cases: Cases, drain: Any) -> None:
    told = {"product_text": "Lanqi Night Repair Cream", "seller_text": "Lanqi", "lot_text": "LQ 77-4410"}
    case = await cases.filed(**told)
    await drain()
    assert (await cases.case(case["id"]))["match_status"] == "unmatched"
    await register(cases, "LQ774411", "Lanqi Night Repair Cream")  # one figure off: never corrected
    await drain()
    assert (await cases.case(case["id"]))["batch_id"] is None
    batch_id = await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    await drain()
    linked = await cases.case(case["id"])
    assert (linked["match_status"], linked["batch_id"], linked["link_by"]) == ("linked", batch_id, "automatic")


async def test_a_buyer_picks_from_the_suggestions_only(cases: Cases, drain: Any) -> None:
    near = await register(cases, "LQ774411", "Lanqi Night Repair Cream")
    far = await register(cases, "ZX1", "Rice cooker", brand="Hongda")
    case = await cases.filed(product_text="Lanqi Night Repair Cream", seller_text="Lanqi", lot_text="LQ774410")
    await drain()
    found = await cases.get(f"/{case['id']}/matches")
    assert near in [each["batch_id"] for each in found["suggestions"]]
    refused = await cases.send(f"/{case['id']}/link", {"batch_id": far})
    assert (refused.status_code, refused.json()["code"]) == (422, "batch_not_suggested")
    assert (await cases.case(case["id"]))["batch_id"] is None
    picked = await cases.ok(f"/{case['id']}/link", {"batch_id": near})
    assert (picked["batch_id"], picked["link_by"], picked["link_is_strict"]) == (near, "buyer", False)
    labels = await cases.sql(
        "SELECT link_by, batch_id FROM complaint_match WHERE link_by <> 'automatic' AND complaint_id = :id",
        id=case["id"],
    )
    assert [(row.link_by, str(row.batch_id)) for row in labels] == [("buyer", near)]


async def test_a_mediators_word_is_strict_and_nothing_automatic_overwrites_it(cases: Cases, drain: Any) -> None:
    case = await cases.filed(product_text="Lanqi Night Repair Cream", seller_text="Lanqi", lot_text="LQ774410")
    other = await register(cases, "ZX1", "Rice cooker", brand="Hongda")
    mediator = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    named = await cases.ok(f"/{case['id']}/link", {"batch_id": other}, by=mediator)
    assert (named["batch_id"], named["link_by"], named["link_is_strict"]) == (other, "mediator", True)
    await register(cases, "LQ774410", "Lanqi Night Repair Cream")
    await drain()
    assert (await cases.case(case["id"]))["batch_id"] == other
    refused = await cases.send(f"/{case['id']}/link", {"batch_id": other})
    assert (refused.status_code, refused.json()["code"]) == (409, "linked_by_mediator")
    taken = await cases.ok(f"/{case['id']}/link", {"batch_id": None}, by=mediator)
    assert (taken["match_status"], taken["batch_id"], taken["link_by"]) == ("unmatched", None, None)
    await register(cases, "LQ774410", "Lanqi Night Repair Cream", brand="Lanqi Two")
    await drain()
    assert (await cases.case(case["id"]))["match_status"] != "linked"


async def test_a_draft_is_shown_its_batches_and_keeps_the_pick(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order(), lot_text="SY26J1807")
    found = await cases.get(f"/{case_id}/matches")
    assert [each["lot_code"] for each in found["suggestions"]] == ["SY26J1807"]
    assert await cases.sql("SELECT 1 FROM complaint_match WHERE complaint_id = :id", id=case_id) == []
    await cases.ok(f"/{case_id}/link", {"batch_id": str(cases.goods.batch_id)})
    assert "complaint.linked" not in await cases.events(case_id)
    case = await cases.ok(f"/{case_id}/submission")
    assert (case["match_status"], case["link_by"], case["link_is_strict"]) == ("linked", "buyer", True)
    assert (await cases.events(case_id))[-1] == "complaint.linked"


async def test_sellers_do_not_see_what_else_was_thought_of(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    for path, method in (("matches", "GET"), ("link", "POST")):
        body = None if method == "GET" else {"batch_id": str(cases.goods.batch_id)}
        refused = await cases.send(f"/{case['id']}/{path}", body, by=cases.seller, method=method)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed")
