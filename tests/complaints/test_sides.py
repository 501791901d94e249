"""A case shows what the seller committed to before shipping beside what the buyer sent, to each who may look."""

import hashlib
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.app import Service
from service.core.actor import Role
from tests.complaints.attaching import assert_clean, form, read, upload
from tests.complaints.conftest import Cases
from tests.files.pictures import exif, quarters, saved
from tests.trade import deliver, ship
from tests.world import Whose

BOX = saved(quarters(1_600, 1_200), "JPEG", exif=exif(orientation=6), quality=90)
BUYERS = saved(quarters(80, 60), "PNG")


async def pack(cases: Cases, order_id: UUID, photo: bytes = BOX) -> str:
    answer = await cases.client.post(
        f"/api/v1/orders/{order_id}/packing-photos",
        files={"files": ("a.jpg", photo, "image/jpeg")},
        headers=cases.seller.by_key,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["photos"][-1]["file_id"])


async def packed_order(cases: Cases, ref: str = "WX-1") -> tuple[UUID, str]:
    """An order that was packed before a photo, sent and delivered."""
    order_id = await cases.order(ref, batch=False)
    file_id = await pack(cases, order_id)
    await ship(cases.database, await cases.actor(cases.seller), order_id, cases.goods.batch_id, f"SB-{ref}")
    await deliver(cases.database, order_id)
    return order_id, file_id


async def viewed(cases: Cases, case_id: str) -> list[tuple[str, str]]:
    found = await cases.sql(
        "SELECT facts->>'side' AS side, facts->>'file_id' AS file_id FROM event"
        " WHERE name = 'complaint.evidence_viewed' AND subject_id = :id ORDER BY seq",
        id=case_id,
    )
    return [(row.side, row.file_id) for row in found]


async def test_both_sides_stand_in_the_case_with_time_and_hash(cases: Cases) -> None:
    order_id, file_id = await packed_order(cases)
    case = await cases.filed(order_id)
    assert (await upload(cases, case["id"], form(BUYERS))).status_code == 201
    order = (await cases.client.get(f"/api/v1/orders/{order_id}", headers=cases.buyer.by_key)).json()
    for by in (cases.buyer, cases.seller, cases.mediator, cases.who(Role.REGULATOR)):
        seen = await cases.case(case["id"], by)
        (buyers,), (packed,) = seen["evidence"], seen["commitment"]["photos"]
        assert seen["commitment"]["committed_at"] == order["shipped_at"]
        assert (buyers["side"], buyers["sha256"]) == ("buyer", hashlib.sha256(BUYERS).hexdigest())
        assert (packed["side"], packed["sha256"]) == ("seller", hashlib.sha256(BOX).hexdigest())
        assert packed["file_id"] == file_id
        assert packed["received_at"] < order["shipped_at"] < buyers["received_at"]
        assert packed["may_read_original"] is (by is not cases.buyer)
    for by in (cases.who(Role.OPERATOR), cases.who(Role.PLATFORM)):
        seen = await cases.case(case["id"], by)
        assert (seen["evidence"], seen["commitment"], seen["challenges"]) == ([], None, [])


async def test_packing_photos_are_looked_at_through_the_case_and_each_look_is_recorded(cases: Cases) -> None:
    order_id, file_id = await packed_order(cases)
    case = await cases.filed(order_id)
    for by in (cases.buyer, cases.seller, cases.mediator):
        shown = await read(cases, case["id"], file_id, "view", by=by)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
        assert_clean(shown.content)
    refused = await read(cases, case["id"], file_id, "original", by=cases.buyer)
    assert (refused.status_code, refused.json()["code"]) == (403, "original_not_yours")
    assert (await read(cases, case["id"], file_id, "original", by=cases.mediator)).content == BOX
    assert await viewed(cases, case["id"]) == [
        (side, file_id) for side in ("buyer", "seller", "mediator", "mediator")
    ]  # fmt: skip
    for stranger in (cases.who(Role.BUYER, Whose.OTHERS), cases.who(Role.MEDIATOR, Whose.FOREIGN)):
        assert (await read(cases, case["id"], file_id, by=stranger)).status_code == 404


async def test_a_draft_shows_nothing_of_the_packing_so_that_no_story_is_fitted_to_it(cases: Cases) -> None:
    order_id, file_id = await packed_order(cases)
    draft = await cases.draft(order_id)
    assert (await cases.case(draft))["commitment"] is None
    assert (await read(cases, draft, file_id)).status_code == 404
    assert (await cases.ok(f"/{draft}/submission"))["commitment"]["photos"][0]["file_id"] == file_id
    assert (await read(cases, draft, file_id)).status_code == 200


async def test_a_case_about_another_order_or_none_shows_no_packing(cases: Cases) -> None:
    _, file_id = await packed_order(cases)
    other = await cases.filed(await cases.order("WX-2"))
    assert other["commitment"] is None
    assert (await read(cases, other["id"], file_id)).status_code == 404
    elsewhere = await cases.filed(product_text="Mask", seller_text="A shop")
    assert (elsewhere["commitment"], elsewhere["challenges"]) == (None, [])
    assert (await read(cases, elsewhere["id"], file_id)).status_code == 404


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/json"])
async def test_sending_answers_with_the_packing_whichever_way_it_goes(
    cases: Cases, service: Service, media_type: str
) -> None:
    order_id, file_id = await packed_order(cases)
    draft = await cases.draft(order_id)
    answer: httpx.Response = await cases.client.post(
        f"/api/v1/complaints/{draft}/submission", headers={**cases.buyer.by_key, "content-type": media_type}
    )
    assert answer.status_code == 200
    assert service.hot_connections.answered == (1 if media_type == "application/json" else 0)
    told: dict[str, Any] = answer.json()
    assert told["commitment"]["photos"][0]["file_id"] == file_id
    assert told == await cases.case(draft)
