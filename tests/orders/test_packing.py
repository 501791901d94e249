"""Packing photos: taken before the parcel is sent, sealed with the shipment's event, and not touched after it."""

import asyncio
import hashlib
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import pikepdf
import psycopg
import pytest

from service.core.actor import Role
from service.db.session import driver_url
from service.orders import rules
from tests.files.pictures import exif, quarters, saved
from tests.orders.shop import Shop
from tests.world import Account, Whose

BOX = saved(quarters(1_600, 1_200), "JPEG", exif=exif(orientation=6), quality=90)
LABEL = saved(quarters(80, 60), "PNG")


def document() -> bytes:
    """A PDF of one empty page."""
    out = BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        made.save(out)
    return out.getvalue()


async def pack(shop: Shop, order_id: str, *photos: bytes, by: Account | None = None, **headers: str) -> httpx.Response:
    files = [("files", (f"{place}.jpg", photo, "image/jpeg")) for place, photo in enumerate(photos)]
    return await shop.client.post(
        f"/api/v1/orders/{order_id}/packing-photos", files=files, headers={**(by or shop.seller).by_key, **headers}
    )


async def see(shop: Shop, order_id: str, part: str = "", by: Account | None = None) -> httpx.Response:
    path = f"/api/v1/orders/{order_id}/packing-photos"
    return await shop.client.get(path + (f"/{part}" if part else ""), headers=(by or shop.seller).by_key)


async def ship(shop: Shop, order_id: str, number: str = "SB-WX-1") -> httpx.Response:
    body = {"carrier": "sandbox", "tracking_number": number, "batch_id": str(shop.goods.batch_id)}
    return await shop.post(shop.seller, f"/orders/{order_id}/shipment", body)


async def counted(shop: Shop) -> tuple[int, int]:
    """How many packing photos there are, and how many files are kept under orders."""
    (row,) = await shop.sql(
        "SELECT (SELECT count(*) FROM order_packing_photo) AS photos, (SELECT count(*) FROM stored_file f"
        ' JOIN file_key k ON k.id = f.case_key_id JOIN "order" o ON o.id = k.case_id) AS files'
    )
    return row.photos, row.files


@pytest.fixture(autouse=True)
async def _buckets(shop: Shop, service: Any) -> None:
    await service.store.ensure_buckets()


async def test_photos_are_kept_as_they_came_and_the_shipments_event_carries_their_hashes(
    shop: Shop, drain: Any
) -> None:
    order_id = await shop.paid()
    answer = await pack(shop, order_id, BOX, LABEL)
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    hashes = [hashlib.sha256(photo).hexdigest() for photo in (BOX, LABEL)]
    assert kept["committed_at"] is None
    assert [each["sha256"] for each in kept["photos"]] == hashes
    assert (kept["photos"][0]["width_px"], kept["photos"][0]["height_px"]) == (1_200, 1_600)
    assert (await ship(shop, order_id)).status_code == 201
    await drain()
    listed = (await see(shop, order_id)).json()
    shipped_at = (await shop.order(order_id))["shipped_at"]
    assert listed["committed_at"] == shipped_at
    assert [each["state"] for each in listed["photos"]] == ["locked", "locked"]
    (shipped,) = await shop.sql(
        "SELECT facts FROM event WHERE name = 'order.shipped' AND subject_id = :id", id=order_id
    )
    assert shipped.facts["packing"] == [
        {"file_id": each["file_id"], "sha256": each["sha256"]} for each in listed["photos"]
    ]
    (added,) = await shop.sql("SELECT facts, actor_id FROM event WHERE name = 'order.packing_added'")
    assert added.facts == {"file_ids": [each["file_id"] for each in listed["photos"]], "count": 2}
    assert added.actor_id == shop.seller.person_id
    original = await see(shop, order_id, f"{listed['photos'][0]['file_id']}/original")
    assert original.content == BOX
    shown = await see(shop, order_id, f"{listed['photos'][0]['file_id']}/view")
    assert (shown.headers["content-type"], b"Secret Maker" in shown.content) == ("image/webp", False)


async def test_an_order_sent_without_photos_says_nothing_of_packing(shop: Shop) -> None:
    order_id = await shop.shipped()
    (shipped,) = await shop.sql("SELECT facts FROM event WHERE name = 'order.shipped'")
    assert "packing" not in shipped.facts
    assert (await see(shop, order_id)).json()["photos"] == []


async def test_a_photo_after_the_shipment_is_refused_and_nothing_is_kept(shop: Shop) -> None:
    order_id = await shop.shipped()
    answer = await pack(shop, order_id, BOX)
    assert (answer.status_code, answer.json()["code"]) == (409, "packing_closed")
    assert await counted(shop) == (0, 0)


@pytest.mark.parametrize("status", rules.ORDER.states)
def test_only_an_order_that_was_not_sent_is_packed(status: str) -> None:
    if status in ("placed", "paid"):
        assert rules.packing_step(status).to == status
        return
    with pytest.raises(rules.Conflict) as refusal:
        rules.packing_step(status)
    assert refusal.value.code == "packing_closed"


async def test_a_shipment_and_an_upload_at_once_end_one_way_or_the_other(shop: Shop) -> None:
    for number in range(6):
        order_id = await shop.paid(f"WX-{number}")
        packed, shipped = await asyncio.gather(pack(shop, order_id, LABEL), ship(shop, order_id, f"SB-{number}"))
        assert shipped.status_code == 201
        (event,) = await shop.sql(
            "SELECT facts FROM event WHERE name = 'order.shipped' AND subject_id = :id", id=order_id
        )
        listed = (await see(shop, order_id)).json()["photos"]
        told = [each["file_id"] for each in event.facts.get("packing", [])]
        assert told == [each["file_id"] for each in listed]
        assert (packed.status_code, len(told)) in ((201, 1), (409, 0)), packed.text


async def test_the_database_itself_refuses_a_photo_after_the_shipment_and_any_change(
    shop: Shop, owner_url: str
) -> None:
    order_id = await shop.paid()
    file_id = (await pack(shop, order_id, LABEL)).json()["photos"][0]["file_id"]
    assert (await ship(shop, order_id)).status_code == 201
    with psycopg.connect(driver_url(owner_url), autocommit=True) as owner:
        for statement in (
            "INSERT INTO order_packing_photo SELECT uuidv7(), tenant_id, order_id, NULL, at FROM order_packing_photo",
            "UPDATE order_packing_photo SET at = at",
            "DELETE FROM order_packing_photo",
        ):
            with pytest.raises(psycopg.Error) as refusal:
                owner.execute(statement)  # type: ignore[call-overload]  # SQL above
            assert refusal.value.sqlstate == "FH409"
    assert [each["file_id"] for each in (await see(shop, order_id)).json()["photos"]] == [file_id]


@pytest.mark.parametrize(
    ("photos", "status", "code"),
    [
        ((LABEL, b""), 422, "file_empty"),
        ((LABEL, b"GIF89a" + bytes(100)), 422, "file_not_a_photo"),
        ((LABEL, LABEL[:60]), 422, "file_damaged"),
        ((LABEL, document()), 422, "photo_needed"),
        ((LABEL,) * 11, 422, "packing_photos_too_many"),
    ],
)
async def test_a_bad_photo_is_refused_and_takes_the_good_one_with_it(
    shop: Shop, photos: tuple[bytes, ...], status: int, code: str
) -> None:
    order_id = await shop.paid()
    answer = await pack(shop, order_id, *photos)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await counted(shop) == (0, 0)


async def test_the_eleventh_photo_of_an_order_is_one_too_many(shop: Shop) -> None:
    order_id = await shop.paid()
    assert (await pack(shop, order_id, *[LABEL] * 10)).status_code == 201
    answer = await pack(shop, order_id, LABEL)
    assert (answer.status_code, answer.json()["code"]) == (422, "packing_photos_too_many")
    assert await counted(shop) == (10, 10)


async def test_the_same_upload_with_one_key_is_taken_once(shop: Shop) -> None:
    order_id = await shop.paid()
    path = f"/api/v1/orders/{order_id}/packing-photos"
    request = shop.client.build_request("POST", path, files=[("files", ("a", LABEL, "image/png"))])
    body = await request.aread()
    headers = {**shop.seller.by_key, "content-type": request.headers["content-type"], "Idempotency-Key": "pack-1"}
    answers = [await shop.client.post(path, content=body, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert (await counted(shop))[0] == 1


async def test_an_answer_that_was_lost_is_given_again_when_no_photo_could_be_added_any_more(shop: Shop) -> None:
    order_id = await shop.paid()
    path = f"/api/v1/orders/{order_id}/packing-photos"
    request = shop.client.build_request("POST", path, files=[("files", ("a", LABEL, "image/png"))] * 6)
    body = await request.aread()
    headers = {**shop.seller.by_key, "content-type": request.headers["content-type"], "Idempotency-Key": "pack-1"}
    first, over_the_count = [await shop.client.post(path, content=body, headers=headers) for _ in range(2)]
    assert (await ship(shop, order_id)).status_code == 201
    sent = await shop.client.post(path, content=body, headers=headers)
    assert [each.status_code for each in (first, over_the_count, sent)] == [201, 201, 201]
    assert over_the_count.content == sent.content == first.content
    assert await counted(shop) == (6, 6)


async def test_a_policy_for_the_goods_keeps_packing_photos_longer_too(shop: Shop, owner_url: str) -> None:
    order_id = await shop.paid()
    with psycopg.connect(driver_url(owner_url)) as owner:
        owner.execute(
            "INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from)"
            " SELECT uuidv7(), 'keep_evidence', p.category, o.jurisdiction, 2, 30 * 86400, 'seconds', '2001-01-01Z'"
            ' FROM "order" o JOIN product p ON p.id = o.product_id WHERE o.id = %s',
            [order_id],
        )
    assert (await pack(shop, order_id, LABEL)).status_code == 201
    (row,) = await shop.sql(
        "SELECT f.retain_until - date_trunc('second', f.received_at) AS kept FROM stored_file f"
        " JOIN order_packing_photo p ON p.file_id = f.id"
    )
    assert row.kept == timedelta(days=30)


async def test_only_the_orders_seller_packs_and_only_they_and_mediators_look(shop: Shop) -> None:
    order_id = await shop.paid()
    file_id = (await pack(shop, order_id, LABEL)).json()["photos"][0]["file_id"]
    account = shop.world.account
    for by, status, code in (
        (shop.buyer, 403, "role_not_allowed"),
        (shop.platform, 403, "role_not_allowed"),
        (account(Role.MEDIATOR), 403, "role_not_allowed"),
        (account(Role.SELLER, Whose.OTHERS), 404, "order_not_found"),
    ):
        answer = await pack(shop, order_id, LABEL, by=by)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    for by, status in (
        (shop.buyer, 403),
        (shop.platform, 403),
        (account(Role.REGULATOR), 403),
        (account(Role.OPERATOR), 403),
        (account(Role.SELLER, Whose.OTHERS), 404),
        (account(Role.MEDIATOR, Whose.FOREIGN), 404),
        (account(Role.MEDIATOR), 200),
        (account(Role.SUPERVISOR), 200),
        (shop.seller, 200),
    ):
        for part in ("", f"{file_id}/view"):
            assert (await see(shop, order_id, part, by=by)).status_code == status, (by.email, part)
    viewed = await shop.sql("SELECT actor_id FROM event WHERE name = 'order.packing_viewed' ORDER BY seq")
    assert [row.actor_id for row in viewed] == [
        account(Role.MEDIATOR).person_id, account(Role.SUPERVISOR).person_id, shop.seller.person_id,
    ]  # fmt: skip
    assert (await counted(shop))[0] == 1


async def test_a_buyer_who_also_sells_or_mediates_does_not_see_the_packing_of_what_they_bought(shop: Shop) -> None:
    order_id = await shop.paid()
    file_id = (await pack(shop, order_id, LABEL)).json()["photos"][0]["file_id"]
    await shop.sql(
        'UPDATE "order" SET buyer_id = :mediator WHERE id = :id RETURNING 1',
        mediator=shop.world.account(Role.MEDIATOR).person_id,
        id=order_id,
    )
    for part in ("", f"{file_id}/original"):
        answer = await see(shop, order_id, part, by=shop.world.account(Role.MEDIATOR))
        assert (answer.status_code, answer.json()["code"]) == (403, "not_your_part")


async def test_a_photo_of_another_order_is_not_found_under_this_one(shop: Shop) -> None:
    first, second = await shop.paid("WX-1"), await shop.paid("WX-2")
    file_id = (await pack(shop, first, LABEL)).json()["photos"][0]["file_id"]
    assert (await see(shop, second, f"{file_id}/view")).status_code == 404
