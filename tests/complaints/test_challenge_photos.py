"""The photo that answers a request: in time or late, one and a new one, and what is kept of those that are refused."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.complaints import evidence
from service.core.actor import Role
from tests.complaints.attaching import form, upload
from tests.complaints.challenging import MINUTE, PHOTO, ask, asked, one, opened, send_photo
from tests.complaints.conftest import Cases
from tests.complaints.test_sides import BOX, packed_order
from tests.conftest import Clock
from tests.files.pictures import quarters, saved


@pytest.mark.parametrize("has_expired_before", [False, True])
async def test_a_late_photo_is_refused_and_recorded_once(
    cases: Cases, clock: Clock, drain: Any, has_expired_before: bool
) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    await opened(cases, case["id"], challenge_id)
    clock.forward(16 * MINUTE)
    if has_expired_before:
        clock.forward(2 * MINUTE)
        await drain()
        assert (await one(cases, case["id"]))["status"] == "expired"
    for _ in range(2):
        refused = await send_photo(cases, case["id"], challenge_id)
        assert (refused.status_code, refused.json()["code"]) == (409, "challenge_late")
    found = await one(cases, case["id"], cases.mediator)
    assert (found["status"], found["file_id"], found["code"]) == ("expired", None, None)
    assert found["late_at"] is not None
    assert await cases.files(case["id"]) == 0
    events = await cases.events(case["id"])
    assert [events.count(f"complaint.challenge_{name}") for name in ("expired", "late", "answered")] == [1, 1, 0]
    assert "answer_challenge" not in [each["action"] for each in (await cases.case(case["id"]))["available_actions"]]


async def test_a_photo_that_came_in_time_may_take_a_moment_to_be_kept(cases: Cases, clock: Clock, drain: Any) -> None:
    case = await cases.filed(await cases.order())
    await opened(cases, case["id"], await asked(cases, case["id"]))
    clock.forward(15 * MINUTE + timedelta(seconds=30))
    await drain()
    assert (await one(cases, case["id"]))["status"] == "opened"
    clock.forward(2 * MINUTE)
    await drain()
    assert (await one(cases, case["id"]))["status"] == "expired"


@pytest.mark.parametrize(
    ("photo", "code"),
    [(b"", "file_empty"), (b"GIF89a" + bytes(99), "file_not_a_photo"), (PHOTO[:60], "file_damaged")],
)
async def test_a_photo_that_cannot_be_read_may_be_sent_again_within_the_time(
    cases: Cases, photo: bytes, code: str
) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    await opened(cases, case["id"], challenge_id)
    refused = await send_photo(cases, case["id"], challenge_id, photo)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await one(cases, case["id"]))["status"] == "opened"
    assert (await send_photo(cases, case["id"], challenge_id)).status_code == 201
    second = await send_photo(cases, case["id"], challenge_id)
    assert (second.status_code, second.json()["code"]) == (409, "challenge_state")
    assert len((await cases.case(case["id"]))["evidence"]) == 1


async def test_two_photos_at_once_are_one_answer(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    await opened(cases, case["id"], challenge_id)
    other = saved(quarters(40, 30), "PNG")
    answers = await asyncio.gather(*(send_photo(cases, case["id"], challenge_id, each) for each in (PHOTO, other)))
    assert sorted(each.status_code for each in answers) == [201, 409]
    assert (await cases.events(case["id"])).count("complaint.challenge_answered") == 1
    assert len((await cases.case(case["id"]))["evidence"]) == 1


async def test_a_photo_and_its_withdrawal_at_once_end_one_way_or_the_other(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    for number in range(3):
        challenge_id = await asked(cases, case["id"])
        await opened(cases, case["id"], challenge_id)
        photo = saved(quarters(40 + number, 30), "PNG")
        answers = await asyncio.gather(
            send_photo(cases, case["id"], challenge_id, photo),
            cases.send(f"/{case['id']}/challenges/{challenge_id}/withdrawal", by=cases.mediator),
        )
        found = (await cases.get(f"/{case['id']}/challenges"))[-1]
        expected = {"answered": [201, 409], "withdrawn": [409, 200]}[found["status"]]
        assert [each.status_code for each in answers] == expected
        assert (found["file_id"] is not None) == (found["status"] == "answered")


async def test_a_full_file_of_evidence_still_has_room_for_what_a_mediator_asks(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    files = [("files", ("a", saved(quarters(8 + place, 8), "PNG"), "image/png")) for place in range(11)]
    path = f"/api/v1/complaints/{case['id']}/evidence"
    assert (await cases.client.post(path, files=files[:9], headers=cases.buyer.by_key)).status_code == 201
    challenge_id = await asked(cases, case["id"])
    await opened(cases, case["id"], challenge_id)
    assert (await send_photo(cases, case["id"], challenge_id)).status_code == 201
    for place, status in ((9, 201), (10, 422)):
        answer = await cases.client.post(path, files=files[place : place + 1], headers=cases.buyer.by_key)
        assert answer.status_code == status, answer.text
    assert len((await cases.case(case["id"]))["evidence"]) == 11


async def test_a_photo_that_is_in_the_case_already_answers_nothing(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    path = f"/api/v1/complaints/{case['id']}/evidence"
    files = {"files": ("a", PHOTO, "image/png")}
    assert (await cases.client.post(path, files=files, headers=cases.buyer.by_key)).status_code == 201
    challenge_id = await asked(cases, case["id"])
    await opened(cases, case["id"], challenge_id)
    refused = await send_photo(cases, case["id"], challenge_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "photo_sent_before")
    assert (await one(cases, case["id"]))["status"] == "opened"
    assert len((await cases.case(case["id"]))["evidence"]) == 1


@pytest.mark.parametrize("came", ["with an addition", "for the packing", "and was taken out", "from the other side"])
async def test_bytes_that_were_there_before_the_code_answer_nothing_however_they_came(cases: Cases, came: str) -> None:
    order_id, _ = await packed_order(cases)
    first, draft = await cases.draft(order_id), await cases.draft(order_id)
    (file,) = (await upload(cases, draft, form(PHOTO))).json()
    if came == "and was taken out":
        buyer = await cases.actor(cases.buyer)
        async with cases.database.begin() as tx:
            await evidence.remove(tx, buyer, UUID(draft), UUID(file["file_id"]), now=await tx.now())
    for each in (first, draft):
        await cases.ok(f"/{each}/submission")
    side, photo = {"for the packing": ("seller", BOX), "from the other side": ("seller", PHOTO)}.get(
        came, ("buyer", PHOTO)
    )
    by = cases.buyer if side == "buyer" else cases.seller
    challenge_id = await asked(cases, first, side=side)
    await opened(cases, first, challenge_id, by)
    refused = await send_photo(cases, first, challenge_id, photo, by)
    assert (refused.status_code, refused.json()["code"]) == (409, "photo_sent_before")
    assert (await one(cases, first))["status"] == "opened"


async def test_an_answer_that_was_lost_is_given_again_under_its_key(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    await opened(cases, case["id"], challenge_id)
    path = f"/api/v1/complaints/{case['id']}/challenges/{challenge_id}/photo"
    request = cases.client.build_request("POST", path, files={"photo": ("a.png", PHOTO, "image/png")})
    headers = {"content-type": request.headers["content-type"], "idempotency-key": "answer-1", **cases.buyer.by_key}
    body = await request.aread()
    first, again = [await cases.client.post(path, content=body, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await cases.events(case["id"])).count("complaint.challenge_answered") == 1
    other = await cases.client.post(path, content=body + b" ", headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_nobody_is_asked_for_a_photo_that_an_erased_case_would_refuse(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    assert (await upload(cases, case["id"], form(PHOTO))).status_code == 201
    erasure = {"reason": "court_order"}
    assert (await cases.send(f"/{case['id']}/erasure", erasure, by=cases.who(Role.OPERATOR))).status_code == 201
    refused = await ask(cases, case["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "file_erased")
    assert await cases.get(f"/{case['id']}/challenges") == []


async def test_an_erasure_takes_back_what_was_asked_so_that_nobody_is_recorded_as_silent(
    cases: Cases, clock: Clock, drain: Any
) -> None:
    case = await cases.filed(await cases.order())
    assert (await upload(cases, case["id"], form(PHOTO))).status_code == 201
    await opened(cases, case["id"], await asked(cases, case["id"]))
    erasure = {"reason": "court_order"}
    assert (await cases.send(f"/{case['id']}/erasure", erasure, by=cases.who(Role.OPERATOR))).status_code == 201
    clock.forward(20 * MINUTE)
    await drain()
    assert (await one(cases, case["id"]))["status"] == "withdrawn"
    assert "complaint.challenge_expired" not in await cases.events(case["id"])
