"""Earlier photos that look like a case's: found among other cases and listings, for mediators and regulators alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image

from service.complaints.evidence import remove
from service.complaints.likenesses import NOT_SENT
from service.core.actor import Role
from service.files.likeness import nearest_earlier
from tests.complaints.attaching import form, upload
from tests.complaints.conftest import Cases
from tests.data import data_folder
from tests.files.scenes import brightened, halved, jpeg, mirrored, opened, recompressed
from tests.trade import deliver, ship
from tests.world import Account, Whose

DRAWN = Path(__file__).parents[2] / "service" / "samples" / "photos"
BOX, SACHET, SKIN = [(DRAWN / f"{name}.jpg").read_bytes() for name in ("box", "sachet-lot", "skin")]


async def sent_with(cases: Cases, ref: str, *photos: bytes, by: Account | None = None) -> dict[str, Any]:
    """A complaint of our buyer that was sent with these photos; `by` adds them instead, once it is sent."""
    case = await cases.filed(await cases.order(ref))
    answer = await upload(cases, case["id"], form(*photos), by=by)
    assert answer.status_code == 201, answer.text
    return case


async def listed(cases: Cases, *photos: bytes, by: Account | None = None, batch_id: object = None) -> list[str]:
    """Photos that our seller shows of the batch that its orders are from."""
    answer = await cases.client.post(
        f"/api/v1/batches/{batch_id or cases.goods.batch_id}/photos",
        files=form(*photos),
        headers=(by or cases.seller).by_key,
    )
    assert answer.status_code == 201, answer.text
    return [each["file_id"] for each in answer.json()][-len(photos) :]


async def similar(cases: Cases, case: dict[str, Any], *, by: Account | None = None, **query: int) -> list[Any]:
    """What each photo of a case is like."""
    found = await ask(cases, case["id"], by=by or cases.mediator, **query)
    assert found.status_code == 200, found.text
    return list(found.json()["photos"])


async def ask(cases: Cases, case_id: str, *, by: Account, **query: int) -> httpx.Response:
    return await cases.client.get(f"/api/v1/complaints/{case_id}/likenesses", params=query, headers=by.by_key)


async def file_ids(cases: Cases, case: dict[str, Any]) -> list[str]:
    return [each["file_id"] for each in (await cases.case(case["id"]))["evidence"]]


@pytest.mark.parametrize(("change", "at_most"), [(recompressed, 8), (halved, 31), (brightened, 31), (mirrored, 31)])
async def test_a_changed_copy_of_another_cases_photo_is_found_with_its_distance(
    cases: Cases, change: Callable[[bytes], bytes], at_most: int
) -> None:
    first = await sent_with(cases, "WX-1", BOX, SKIN)
    second = await sent_with(cases, "WX-2", change(BOX))
    (photo,) = await similar(cases, second)
    assert (photo["comparison"], photo["side"], photo["more"], photo["elsewhere"]) == ("compared", "buyer", 0, 0)
    (near,) = photo["similar"]
    box_id = (await file_ids(cases, first))[0]
    assert near["distance"] <= at_most
    assert {name: near[name] for name in near if name not in {"distance", "received_at"}} == {
        "file_id": box_id, "is_same_file": False, "is_mirrored": change is mirrored, "found_in": "case",
        "complaint_id": first["id"], "reference": first["reference"], "side": "buyer", "order_id": None,
        "batch_id": None, "lot_code": None, "removed_at": None,
        "seller_id": str(cases.seller_id), "is_same_buyer": True, "is_same_seller": True, "is_same_side": True,
        "thumbnail": f"/api/v1/complaints/{first['id']}/evidence/{box_id}/thumbnail",
    }  # fmt: skip


async def test_a_complaints_photo_lifted_from_a_listing_is_found_and_the_mediator_sees_it(cases: Cases) -> None:
    (shown,) = await listed(cases, SACHET)
    case = await sent_with(cases, "WX-1", halved(SACHET), BOX)
    lifted, own = await similar(cases, case)
    (near,) = lifted["similar"]
    assert (near["found_in"], near["file_id"], near["batch_id"]) == ("listing", shown, str(cases.goods.batch_id))
    assert (near["is_same_seller"], near["is_same_buyer"], near["is_same_side"]) == (True, False, False)
    assert (near["lot_code"], near["removed_at"], near["reference"]) == ("SY26J1807", None, None)
    assert own["similar"] == []
    seen = await cases.client.get(near["thumbnail"], headers=cases.mediator.by_key)
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/webp")
    viewed = await cases.sql("SELECT facts FROM event WHERE name = 'file.viewed' AND subject_id = :id", id=shown)
    assert [row.facts["case_id"] for row in viewed] == [str(cases.goods.batch_id)]


async def test_a_listing_photo_that_was_taken_away_is_still_found(cases: Cases) -> None:
    (shown,) = await listed(cases, SACHET)
    path = f"/api/v1/batches/{cases.goods.batch_id}/photos/{shown}"
    assert (await cases.client.delete(path, headers=cases.seller.by_key)).status_code == 204
    ((near,),) = [each["similar"] for each in await similar(cases, await sent_with(cases, "WX-1", SACHET))]
    assert (near["file_id"], near["distance"], near["is_same_file"]) == (shown, 0, True)
    assert near["removed_at"] is not None
    assert (await cases.client.get(near["thumbnail"], headers=cases.mediator.by_key)).status_code == 200
    assert (await cases.client.get(near["thumbnail"], headers=cases.buyer.by_key)).status_code == 404


async def test_another_sellers_listing_and_another_sides_photo_are_told_apart(cases: Cases) -> None:
    theirs = cases.who(Role.SELLER, Whose.OTHERS)
    (shown,) = await listed(cases, BOX, by=theirs, batch_id=cases.world.things["batch", Whose.OTHERS])
    first = await sent_with(cases, "WX-1", recompressed(BOX), by=cases.seller)
    second = await sent_with(cases, "WX-2", BOX)
    (photo,) = await similar(cases, second)
    told = [(near["found_in"], near["side"], near["is_same_seller"], near["is_same_side"]) for near in photo["similar"]]
    assert told == [("listing", None, False, False), ("case", "seller", True, False)]
    assert [near["file_id"] for near in photo["similar"]] == [shown, (await file_ids(cases, first))[0]]


async def packed_order(cases: Cases, ref: str, photo: bytes) -> UUID:
    """A delivered order of our buyer whose seller showed its packing before it was sent."""
    order_id = await cases.order(ref, batch=False)
    path = f"/api/v1/orders/{order_id}/packing-photos"
    answer = await cases.client.post(path, files=form(photo), headers=cases.seller.by_key)
    assert answer.status_code == 201, answer.text
    await ship(cases.database, await cases.actor(cases.seller), order_id, cases.goods.batch_id, f"SB-{ref}")
    await deliver(cases.database, order_id)
    return order_id


async def test_a_packing_photo_that_was_shown_of_another_order_is_found(cases: Cases) -> None:
    first = await packed_order(cases, "WX-1", BOX)
    case = await cases.filed(await packed_order(cases, "WX-2", recompressed(BOX)))
    assert (await upload(cases, case["id"], form(BOX))).status_code == 201
    bought, packing = await similar(cases, case)
    assert (bought["side"], packing["side"]) == ("buyer", "seller")
    for photo in (bought, packing):
        (near,) = photo["similar"]
        assert (near["found_in"], near["order_id"], near["is_same_seller"]) == ("packing", str(first), True)
        assert (near["is_same_buyer"], near["is_same_side"]) == (True, photo["side"] == "seller")
        assert (await cases.client.get(near["thumbnail"], headers=cases.mediator.by_key)).status_code == 200
    by_regulator = await similar(cases, case, by=cases.who(Role.REGULATOR))
    assert [near["thumbnail"] for photo in by_regulator for near in photo["similar"]] == [None, None]


async def test_only_what_came_before_is_shown_and_nothing_of_the_same_case(cases: Cases) -> None:
    first = await sent_with(cases, "WX-1", BOX, recompressed(BOX))
    second = await sent_with(cases, "WX-2", BOX)
    await listed(cases, BOX)
    assert [each["similar"] for each in await similar(cases, first)] == [[], []]
    (photo,) = await similar(cases, second)
    assert {near["reference"] for near in photo["similar"]} == {first["reference"]}
    assert len(photo["similar"]) == 2


async def test_a_draft_and_a_photo_taken_out_of_one_stay_unknown(cases: Cases) -> None:
    draft = await cases.draft(await cases.order("WX-1"))
    assert (await upload(cases, draft, form(BOX))).status_code == 201
    case = await sent_with(cases, "WX-2", BOX)
    assert [each["similar"] for each in await similar(cases, case)] == [[]]
    await cases.ok(f"/{draft}/submission")
    assert [near["complaint_id"] for near in (await similar(cases, case))[0]["similar"]] == [draft]


async def test_copies_in_drafts_do_not_push_a_sent_one_out_of_the_list(cases: Cases) -> None:
    draft = await cases.draft(await cases.order("WX-1"))
    assert (await upload(cases, draft, form(BOX, recompressed(BOX)))).status_code == 201
    _, second = (await cases.case(draft))["evidence"]
    buyer = await cases.actor(cases.buyer)
    async with cases.database.begin() as tx:
        await remove(tx, buyer, UUID(draft), UUID(second["file_id"]), now=await tx.now())
    first = await sent_with(cases, "WX-2", brightened(halved(BOX)))
    (asked,) = await file_ids(cases, await sent_with(cases, "WX-3", BOX))
    found = []
    for left_out in ("false", NOT_SENT):
        async with cases.database.begin() as tx:
            compared = await nearest_earlier(tx, [UUID(asked)], limit=1, but_not=left_out)
        found.append([str(near.file_id) for near in compared[UUID(asked)].near])
    assert found[0] != await file_ids(cases, first)
    assert found[1] == await file_ids(cases, first)


async def test_the_reach_narrows_what_is_found(cases: Cases) -> None:
    await sent_with(cases, "WX-1", BOX)
    case = await sent_with(cases, "WX-2", brightened(halved(BOX)))
    ((near,),) = [each["similar"] for each in await similar(cases, case)]
    assert near["distance"] > 0
    assert [each["similar"] for each in await similar(cases, case, distance=near["distance"] - 1)] == [[]]
    assert len((await similar(cases, case, distance=near["distance"]))[0]["similar"]) == 1
    for wrong in (-1, 32):
        refused = await ask(cases, case["id"], by=cases.mediator, distance=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "fields_wrong")


async def test_a_case_of_another_tenant_is_only_counted_and_a_regulator_sees_it(cases: Cases) -> None:
    theirs = await case_of_the_other_tenant(cases, BOX)
    case = await sent_with(cases, "WX-1", BOX)
    (photo,) = await similar(cases, case)
    assert (photo["similar"], photo["elsewhere"]) == ([], 1)
    whole = (await ask(cases, case["id"], by=cases.mediator)).text
    for secret in (theirs["id"], theirs["reference"], (await file_of(cases, theirs["id"]))):
        assert secret not in whole
    (photo,) = await similar(cases, case, by=cases.who(Role.REGULATOR))
    assert ([near["reference"] for near in photo["similar"]], photo["elsewhere"]) == ([theirs["reference"]], 0)
    path = photo["similar"][0]["thumbnail"]
    assert (await cases.client.get(path, headers=cases.mediator.by_key)).status_code == 404
    assert (await cases.client.get(path, headers=cases.who(Role.REGULATOR).by_key)).status_code == 200


async def test_other_complaints_are_counted_and_not_the_copies_in_them(cases: Cases) -> None:
    await case_of_the_other_tenant(cases, BOX, recompressed(BOX))
    await sent_with(cases, "WX-1", BOX, SACHET, brightened(BOX))
    case = await sent_with(cases, "WX-2", BOX, SACHET)
    for reader in (cases.mediator, cases.who(Role.REGULATOR)):
        found = (await ask(cases, case["id"], by=reader)).json()
        assert found["complaints_of_buyer_photos"] == 2
    assert sum(photo["elsewhere"] for photo in (await similar(cases, case))) == 2
    await upload(cases, (theirs := await sent_with(cases, "WX-3", SKIN))["id"], form(BOX), by=cases.seller)
    assert (await ask(cases, theirs["id"], by=cases.mediator)).json()["complaints_of_buyer_photos"] == 0


async def case_of_the_other_tenant(cases: Cases, *photos: bytes) -> dict[str, Any]:
    """A complaint of the other tenant's buyer about their order, with photos."""
    buyer = cases.who(Role.BUYER, Whose.FOREIGN)
    body = {
        "order_id": str(cases.world.things["order", Whose.FOREIGN]), "kind": "fake", "harm": "none",
        "narrative": "Another box.", "wanted": "none",
    }  # fmt: skip
    draft = await cases.ok("", body, by=buyer)
    assert (await upload(cases, draft["id"], form(*photos), by=buyer)).status_code == 201
    return await cases.ok(f"/{draft['id']}/submission", by=buyer)


async def file_of(cases: Cases, case_id: str) -> str:
    found = await cases.sql("SELECT file_id FROM complaint_evidence WHERE complaint_id = :id", id=case_id)
    return str(found[0].file_id)


async def test_the_parties_learn_nothing_of_it(cases: Cases) -> None:
    await sent_with(cases, "WX-1", BOX)
    case = await sent_with(cases, "WX-2", BOX)
    for account, code in (
        (cases.buyer, "role_not_allowed"), (cases.seller, "role_not_allowed"),
        (cases.who(Role.PLATFORM), "role_not_allowed"), (cases.who(Role.OPERATOR), "role_not_allowed"),
    ):  # fmt: skip
        refused = await ask(cases, case["id"], by=account)
        assert (refused.status_code, refused.json()["code"]) == (403, code)
    hidden = await ask(cases, case["id"], by=cases.who(Role.MEDIATOR, Whose.FOREIGN))
    assert (hidden.status_code, hidden.json()["code"]) == (404, "complaint_not_found")
    await similar(cases, case)
    told = {
        account.email: [each["name"] for each in await cases.get(f"/{case['id']}/timeline", by=account)]
        for account in (cases.buyer, cases.seller, cases.mediator)
    }
    name = "complaint.likenesses_viewed"
    assert [name in told[each.email] for each in (cases.buyer, cases.seller, cases.mediator)] == [False, False, True]


async def test_a_mediator_who_is_party_to_the_case_is_refused(cases: Cases) -> None:
    case = await sent_with(cases, "WX-1", BOX)
    await cases.sql(
        "INSERT INTO role_grant (id, person_id, role, tenant_id, granted_at)"
        " SELECT gen_random_uuid(), :person, 'mediator', :tenant, now()",
        person=cases.buyer.person_id, tenant=cases.world.tenant_ids[Whose.OWN],
    )  # fmt: skip
    path = f"/api/v1/complaints/{case['id']}/likenesses"
    refused = await cases.client.get(path, headers=cases.buyer.by_session)  # a key has the roles of one tenant
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_part")


async def test_a_plain_photo_says_that_it_cannot_be_compared(cases: Cases) -> None:
    white = jpeg(Image.new("RGB", (640, 480), "white"))
    await sent_with(cases, "WX-1", jpeg(Image.new("RGB", (640, 480), (250, 250, 250))), white)
    case = await sent_with(cases, "WX-2", white)
    (photo,) = await similar(cases, case)
    assert (photo["comparison"], [near["is_same_file"] for near in photo["similar"]]) == ("too_plain", [True])


async def test_the_nearest_ten_are_shown_and_the_others_counted(cases: Cases) -> None:
    await listed(cases, *[jpeg(opened(BOX), quality) for quality in range(40, 90, 5)])
    await listed(cases, BOX, jpeg(opened(BOX), 95))
    (photo,) = await similar(cases, await sent_with(cases, "WX-1", BOX))
    distances = [near["distance"] for near in photo["similar"]]
    assert (len(distances), photo["more"]) == (10, 2)
    assert distances == sorted(distances)
    assert photo["similar"][0]["is_same_file"]


async def test_public_photos_find_their_copies_and_no_other_photo(cases: Cases) -> None:
    folder = data_folder() / "photos"
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}; set FAIRHOLD_DATA")
    taken = [folder / "exif" / "jpg" / "orientation" / f"{way}_1.jpg" for way in ("landscape", "portrait")]
    taken += [folder / "barcodes" / "ean13-4" / f"0{number}.png" for number in range(1, 5)]
    photos = [*(path.read_bytes() for path in taken), BOX, SACHET]
    ids = await listed(cases, *photos)
    case = await sent_with(cases, "WX-1", *[recompressed(each) for each in photos])
    found = [[near["file_id"] for near in each["similar"]] for each in await similar(cases, case)]
    assert found == [[each] for each in ids]
