"""Photos of a case: kept as they came, shown without metadata, refused with the cause, and never half taken."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import httpx
import pytest

from service.app import assemble, create_app
from service.complaints import evidence
from service.core.actor import Role
from service.settings import Settings
from tests.complaints.attaching import assert_clean, form, jpeg_with_gps, png, read, upload
from tests.complaints.conftest import Cases
from tests.files.pictures import quarters, saved
from tests.world import Whose


async def test_two_photos_are_locked_as_they_came_and_shown_without_metadata(cases: Cases, drain: Any) -> None:
    case_id = await cases.draft(await cases.order())
    photos = (jpeg_with_gps(), png())
    answer = await upload(cases, case_id, form(*photos))
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    assert [(each["kind"], each["state"], each["side"]) for each in kept] == [
        ("jpeg", "quarantined", "buyer"),
        ("png", "quarantined", "buyer"),
    ]
    assert [each["sha256"] for each in kept] == [hashlib.sha256(photo).hexdigest() for photo in photos]
    assert (kept[0]["width_px"], kept[0]["height_px"]) == (1_200, 1_600)  # upright
    await drain()
    locked = await cases.get(f"/{case_id}/evidence")
    assert [each["state"] for each in locked] == ["locked", "locked"]
    assert all(each["version_id"] and each["locked_at"] for each in locked)
    for each, photo in zip(locked, photos, strict=True):
        original = await read(cases, case_id, each["file_id"], "original")
        assert original.content == photo
        assert original.headers["content-disposition"].startswith("attachment")
        for part in ("view", "thumbnail"):
            shown = await read(cases, case_id, each["file_id"], part)
            assert shown.headers["content-type"] == "image/webp"
            assert shown.headers["x-content-type-options"] == "nosniff"
            assert shown.headers["cache-control"] == "private, max-age=300"
            assert_clean(shown.content)


async def test_every_view_is_an_event_that_only_staff_see(cases: Cases, drain: Any) -> None:
    case = await cases.filed(await cases.order())
    (file,) = (await upload(cases, case["id"], form(png()))).json()
    for by in (cases.seller, cases.mediator, cases.who(Role.REGULATOR)):
        assert (await read(cases, case["id"], file["file_id"], by=by)).status_code == 200
    viewed = await cases.sql(
        "SELECT facts->>'side' AS side, actor_id FROM event"
        " WHERE name = 'complaint.evidence_viewed' AND subject_id = :id ORDER BY seq",
        id=case["id"],
    )
    assert [row.side for row in viewed] == ["seller", "mediator", "regulator"]
    assert viewed[0].actor_id == cases.seller.person_id
    staff = [each["name"] for each in await cases.get(f"/{case['id']}/timeline", by=cases.mediator)]
    party = [each["name"] for each in await cases.get(f"/{case['id']}/timeline", by=cases.seller)]
    assert staff.count("complaint.evidence_viewed") == 3
    assert "complaint.evidence_viewed" not in party
    assert "complaint.evidence_added" in party


async def test_an_original_with_its_metadata_is_not_for_the_other_side(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    (file,) = (await upload(cases, case["id"], form(jpeg_with_gps()))).json()
    refused = await read(cases, case["id"], file["file_id"], "original", by=cases.seller)
    assert (refused.status_code, refused.json()["code"]) == (403, "original_not_yours")
    assert (await read(cases, case["id"], file["file_id"], "original", by=cases.mediator)).status_code == 200
    seen = await cases.get(f"/{case['id']}/evidence", by=cases.seller)
    assert [each["may_read_original"] for each in seen] == [False]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "file_empty"),
        (b"GIF89a" + bytes(100), 422, "file_not_a_photo"),
        (png()[:400], 422, "file_damaged"),
        (b"\xff\xd8\xff\xe0" + bytes(5_000), 422, "file_damaged"),
        (png() + bytes(20_000_000), 413, "file_too_large"),
        (b"\xff\xd8\xff\xe0" + b"%PDF-1.7\n%%EOF", 422, "file_not_a_photo"),
    ],
)
async def test_a_bad_photo_is_refused_with_its_cause_and_takes_the_good_one_with_it(
    cases: Cases, content: bytes, status: int, code: str
) -> None:
    case_id = await cases.draft(await cases.order())
    answer = await upload(cases, case_id, form(png(), content))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["facts"]["file"] == 1
    assert await cases.get(f"/{case_id}/evidence") == []
    assert await cases.files(case_id) == 0


async def test_the_eleventh_photo_of_a_side_is_one_too_many(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    small = [saved(quarters(8, 8 + 2 * place), "PNG") for place in range(21)]
    assert (await upload(cases, case_id, form(*small[:10]))).status_code == 201
    for more in (small[10:11], small[10:]):
        answer = await upload(cases, case_id, form(*more))
        assert (answer.status_code, answer.json()["code"]) == (422, "too_many_files")
    assert len(await cases.get(f"/{case_id}/evidence")) == 10
    assert await cases.files(case_id) == 10


async def test_files_that_are_sent_again_because_the_answer_was_lost_make_no_second_entry(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    small = [saved(quarters(8, 8 + 2 * place), "PNG") for place in range(10)]
    first = await upload(cases, case_id, form(*small))
    events = await cases.events(case_id)
    again = await upload(cases, case_id, form(*small))
    assert (first.status_code, again.status_code) == (201, 201)
    assert [each["file_id"] for each in again.json()] == [each["file_id"] for each in first.json()]
    assert await cases.files(case_id) == 10
    assert await cases.events(case_id) == events


async def test_the_same_photo_twice_in_one_form_is_one_entry(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    answer = await upload(cases, case_id, form(png(), jpeg_with_gps(), png()))
    assert [each["kind"] for each in answer.json()] == ["png", "jpeg"]
    assert await cases.files(case_id) == 2


async def test_a_refusal_still_names_the_place_in_the_form_when_an_earlier_file_was_here_before(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    assert (await upload(cases, case_id, form(png()))).status_code == 201
    refused = await upload(cases, case_id, form(png(), b"not a photo"))
    assert (refused.json()["code"], refused.json()["facts"]["file"]) == ("file_not_a_photo", 1)


async def test_two_uploads_of_one_photo_at_once_make_one_entry(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    answers = await asyncio.gather(*(upload(cases, case_id, form(png())) for _ in range(4)))
    assert [each.status_code for each in answers] == [201] * 4
    assert len(await cases.get(f"/{case_id}/evidence")) == await cases.files(case_id) == 1
    assert (await cases.events(case_id)).count("complaint.evidence_added") == 1


async def test_the_same_photo_of_the_other_side_or_of_another_case_is_another_entry(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    for by in (cases.buyer, cases.seller):
        assert (await upload(cases, case["id"], form(png()), by=by)).status_code == 201
    assert [each["side"] for each in await cases.get(f"/{case['id']}/evidence")] == ["buyer", "seller"]
    other = await cases.draft(await cases.order("WX-2"))
    assert len((await upload(cases, other, form(png()))).json()) == 1


async def test_a_photo_that_was_taken_out_of_a_draft_can_be_put_in_again(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    (first,) = (await upload(cases, case_id, form(png()))).json()
    async with cases.database.begin() as tx:
        buyer = await cases.actor(cases.buyer)
        await evidence.remove(tx, buyer, UUID(case_id), UUID(first["file_id"]), now=await tx.now())
    (second,) = (await upload(cases, case_id, form(png()))).json()
    assert second["file_id"] != first["file_id"]


async def test_a_form_without_a_file_is_refused(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    answer = await upload(cases, case_id, [("other", ("a", b"a", "text/plain"))])
    assert answer.status_code in (400, 422)
    assert await cases.get(f"/{case_id}/evidence") == []


async def test_the_same_upload_with_one_key_is_taken_once(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    request = cases.client.build_request(
        "POST", f"/api/v1/complaints/{case_id}/evidence", files=form(png()), headers=cases.buyer.by_key
    )
    body = await request.aread()
    headers = {**cases.buyer.by_key, "content-type": request.headers["content-type"], "Idempotency-Key": "photo-1"}
    answers = [
        await cases.client.post(f"/api/v1/complaints/{case_id}/evidence", content=body, headers=headers)
        for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await cases.get(f"/{case_id}/evidence")) == 1


async def test_nobody_else_adds_or_reads_evidence(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    (file,) = (await upload(cases, case["id"], form(png()))).json()
    strangers = [
        cases.who(role, whose)
        for role, whose in (
            (Role.BUYER, Whose.OTHERS),
            (Role.SELLER, Whose.OTHERS),
            (Role.MEDIATOR, Whose.FOREIGN),
        )
    ]
    for stranger in strangers:
        assert (await read(cases, case["id"], file["file_id"], by=stranger)).status_code == 404
    assert (await upload(cases, case["id"], form(png()), by=strangers[0])).status_code == 404
    assert (await upload(cases, case["id"], form(png()), by=strangers[1])).status_code == 404
    for role in (Role.OPERATOR, Role.PLATFORM):
        refused = await read(cases, case["id"], file["file_id"], by=cases.who(role))
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed")
    other = await cases.draft()
    assert (await read(cases, other, file["file_id"])).status_code == 404
    assert "complaint.evidence_viewed" not in await cases.events(case["id"])


async def test_an_ended_case_takes_no_more_evidence(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    await cases.ok(f"/{case['id']}/withdrawal")
    answer = await upload(cases, case["id"], form(png()))
    assert (answer.status_code, answer.json()["code"]) == (409, "complaint_ended")


async def test_while_s3_is_down_nothing_is_stored_and_the_answer_says_so(cases: Cases, settings: Settings) -> None:
    case_id = await cases.draft(await cases.order())
    broken = Settings(
        **{name: getattr(settings, name) for name in settings.__struct_fields__} | {"s3_endpoint": "127.0.0.1:9"}
    )
    parts = assemble(broken)
    transport = httpx.ASGITransport(app=create_app(broken, parts), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
            answer = await client.post(
                f"/api/v1/complaints/{case_id}/evidence", files=form(png()), headers=cases.buyer.by_key
            )
    finally:
        await parts.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert "retry-after" in answer.headers
    assert await cases.files(case_id) == 0
    assert await cases.events(case_id) == ["complaint.drafted"]
