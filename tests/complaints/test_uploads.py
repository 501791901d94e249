"""Evidence by way of the storage: a form for one key, then a completion that is like any other upload."""

import asyncio
import hashlib
import io
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from minio import Minio

from service.app import Service, assemble, create_app
from service.core.actor import Role
from service.files import jobs
from service.files.kinds import FILE_BYTES_MAX
from service.files.rules import UPLOAD_KEPT, UPLOAD_LASTS, UPLOAD_MARGIN
from service.files.store import Bucket
from service.files.uploads import sweep_uploads
from service.settings import Mode, Settings
from tests.complaints.attaching import assert_clean, form, png, read, upload
from tests.complaints.conftest import Cases
from tests.complaints.test_limits import says_when, use_up
from tests.conftest import Clock
from tests.files.conftest import admin
from tests.files.pictures import exif, quarters, saved
from tests.world import Account, Whose

__all__ = ["admin"]

AT_ONCE = timedelta(seconds=-60)


def photo(width: int = 640) -> bytes:
    return saved(quarters(width, 480), "JPEG", exif=exif())


async def send(told: dict[str, Any], data: bytes, **changed: str) -> httpx.Response:
    """Send a file by a form, as a browser would."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(told["url"], data={**told["fields"], **changed}, files={"file": ("a.jpg", data)})


async def ask(cases: Cases, case_id: str, by: Account | None = None, **body: Any) -> dict[str, Any]:
    return await cases.ok(f"/{case_id}/uploads", body, by=by)


async def complete(cases: Cases, case_id: str, told: dict[str, Any], by: Account | None = None) -> httpx.Response:
    return await cases.send(f"/{case_id}/uploads/{told['id']}/completion", by=by)


def plain(service: Service, admin: Minio) -> list[str]:
    """The names of the plain uploads."""
    bucket = f"{service.settings.s3_prefix}-uploads"
    return [str(each.object_name) for each in admin.list_objects(bucket) if each.object_name != "fairhold-installation"]


@pytest.fixture(autouse=True)
def empty(service: Service, admin: Minio) -> None:
    """Take away what other tests of this run left among the uploads, which they share."""
    for name in plain(service, admin):
        admin.remove_object(f"{service.settings.s3_prefix}-uploads", name)


async def test_a_file_that_came_by_a_form_is_taken_in_like_any_other(
    cases: Cases, service: Service, admin: Minio, drain: Any
) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    assert told["size_bytes_max"] == FILE_BYTES_MAX
    assert (await send(told, photo())).status_code == 204
    assert plain(service, admin) == [told["fields"]["key"]]
    done = await complete(cases, case_id, told)
    assert done.status_code == 200, done.text
    kept = done.json()
    assert (kept["kind"], kept["state"], kept["side"], kept["sha256"]) == (
        "jpeg", "quarantined", "buyer", hashlib.sha256(photo()).hexdigest(),
    )  # fmt: skip
    await drain()
    assert plain(service, admin) == []
    (locked,) = await cases.get(f"/{case_id}/evidence")
    assert (locked["file_id"], locked["state"]) == (kept["file_id"], "locked")
    assert (await read(cases, case_id, kept["file_id"], "original")).content == photo()
    assert_clean((await read(cases, case_id, kept["file_id"])).content)
    assert (await cases.events(case_id)).count("complaint.evidence_added") == 1


async def test_a_second_completion_answers_the_same_and_adds_nothing(cases: Cases, drain: Any) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    await send(told, photo())
    answers = await asyncio.gather(*(complete(cases, case_id, told) for _ in range(3)))
    assert [each.status_code for each in answers] == [200] * 3
    assert len({each.json()["file_id"] for each in answers}) == 1
    await drain()
    later = await complete(cases, case_id, told)
    assert later.json()["file_id"] == answers[0].json()["file_id"]
    assert await cases.files(case_id) == 1


@pytest.mark.parametrize(
    ("size", "changed", "code"),
    [
        (0, {}, "EntityTooSmall"),
        (101, {}, "EntityTooLarge"),
        (100, {"key": "another"}, "AccessDenied"),
        (100, {"x-amz-meta-note": "more"}, "AccessDenied"),
        (100, {"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
    ],
)
async def test_the_storage_takes_only_what_the_form_says(
    cases: Cases, service: Service, admin: Minio, size: int, changed: dict[str, str], code: str
) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id, size_bytes=100)
    refused = await send(told, bytes(size), **changed)
    assert refused.status_code in {400, 403}
    assert f"<Code>{code}</Code>" in refused.text
    assert plain(service, admin) == []


async def test_a_form_without_a_promise_takes_up_to_20_megabytes(cases: Cases, service: Service, admin: Minio) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    assert "EntityTooLarge" in (await send(told, bytes(FILE_BYTES_MAX + 1))).text
    assert "EntityTooSmall" in (await send(told, b"")).text
    assert plain(service, admin) == []
    assert (await send(told, bytes(FILE_BYTES_MAX))).status_code == 204


async def test_a_form_is_for_one_bucket_and_not_for_evidence(cases: Cases, service: Service, admin: Minio) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    for bucket in (Bucket.QUARANTINE, Bucket.EVIDENCE, Bucket.VIEWS, Bucket.REPORTS):
        elsewhere = {**told, "url": told["url"].removesuffix("uploads") + bucket}
        refused = await send(elsewhere, photo())
        assert (refused.status_code, "AccessDenied" in refused.text) == (403, True)


async def test_a_form_that_has_expired_by_the_storages_clock_is_refused(service: Service) -> None:
    form = await service.store.upload_form("late", size_min=1, size_max=10, lasting=timedelta(seconds=-1))
    refused = await send({"url": form.url, "fields": form.fields}, b"x")
    assert (refused.status_code, "expired" in refused.text) == (403, True)


async def test_what_never_came_or_is_not_what_was_promised_is_not_completed(cases: Cases, drain: Any) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id, size_bytes=len(photo()), sha256=hashlib.sha256(photo()).hexdigest())
    missing = await complete(cases, case_id, told)
    assert (missing.status_code, missing.json()["code"]) == (409, "upload_missing")
    assert (await send(told, photo()[:-1] + b"x")).status_code == 204
    changed = await complete(cases, case_id, told)
    assert (changed.status_code, changed.json()["code"]) == (409, "upload_not_whole")
    assert await cases.files(case_id) == 0
    assert (await send(told, photo())).status_code == 204
    assert (await complete(cases, case_id, told)).status_code == 200
    await drain()
    assert (await complete(cases, case_id, told)).status_code == 200


async def test_a_refused_file_can_be_replaced_by_the_same_form(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    for data, code in ((b"no photo", "file_not_a_photo"), (photo()[:3000], "file_damaged")):
        await send(told, data)
        refused = await complete(cases, case_id, told)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    await send(told, photo())
    assert (await complete(cases, case_id, told)).status_code == 200


async def test_looking_at_a_file_that_is_refused_counts_as_a_file(cases: Cases) -> None:
    async def counted() -> int:
        [row] = await cases.sql("SELECT tries FROM attempt WHERE kind = 'limit_files_person'")
        return int(row.tries)

    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    await send(told, b"no photo")
    for tries in (2, 3):
        assert (await complete(cases, case_id, told)).json()["code"] == "file_not_a_photo"
        assert await counted() == tries
    await use_up(cases, "limit_files_person")
    says_when(await complete(cases, case_id, told), "limit_files_person")
    before = await counted()
    await send(told, photo())
    assert (await complete(cases, case_id, told)).status_code == 200
    assert await counted() == before


async def test_a_completion_that_is_asked_again_with_its_key_is_answered_as_before_whatever_happened_since(
    cases: Cases,
) -> None:
    case = await cases.filed(await cases.order())
    told = await ask(cases, case["id"])
    await send(told, photo())
    path, headers = f"/api/v1/complaints/{case['id']}/uploads/{told['id']}/completion", {"Idempotency-Key": "done-1"}
    first = await cases.client.post(path, headers={**cases.buyer.by_key, **headers})
    await cases.sql("DELETE FROM upload")  # as a day after the form has expired
    again = await cases.client.post(path, headers={**cases.buyer.by_key, **headers})
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"size_bytes": 20_000_001}, 413, "file_too_large"),
        ({"size_bytes": 0}, 422, "fields_wrong"),
        ({"sha256": "abc"}, 422, "fields_wrong"),
        ({"name": "a"}, 422, "fields_wrong"),
    ],
)
async def test_a_promise_that_cannot_be_kept_gets_no_form(
    cases: Cases, body: dict[str, Any], status: int, code: str
) -> None:
    case_id = await cases.draft(await cases.order())
    refused = await cases.send(f"/{case_id}/uploads", body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await cases.sql("SELECT id FROM upload") == []


async def test_open_forms_count_as_files_for_forms_until_they_expire_and_stop_no_direct_upload(
    cases: Cases, clock: Clock
) -> None:
    case_id = await cases.draft(await cases.order())
    assert (await upload(cases, case_id, form(png()))).status_code == 201
    for _ in range(9):
        await ask(cases, case_id)
    refused = await cases.send(f"/{case_id}/uploads", {})
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_files")
    small = [saved(quarters(8, 8 + 2 * place), "PNG") for place in range(9)]
    clock.forward(UPLOAD_LASTS)
    told = await ask(cases, case_id)
    assert (await upload(cases, case_id, form(*small))).status_code == 201
    await send(told, photo())
    full = await complete(cases, case_id, told)
    assert (full.status_code, full.json()["code"]) == (422, "too_many_files")
    assert len(await cases.get(f"/{case_id}/evidence")) == 10


async def test_a_file_that_came_in_time_is_completed_a_little_later_and_then_no_more(
    cases: Cases, service: Service, clock: Clock, admin: Minio
) -> None:
    case_id = await cases.draft(await cases.order())
    late, too_late = await ask(cases, case_id), await ask(cases, case_id)
    lasting = datetime.fromisoformat(late["expires_at"]) - datetime.fromisoformat(too_late["expires_at"])
    assert abs(lasting) < timedelta(minutes=1)
    await send(late, photo())
    await send(too_late, photo(320))
    clock.forward(UPLOAD_LASTS + UPLOAD_MARGIN - timedelta(minutes=1))
    assert await sweep_uploads(service.database, service.store, older_than=AT_ONCE) == 0
    assert (await complete(cases, case_id, late)).status_code == 200
    clock.forward(timedelta(minutes=2))
    expired = await complete(cases, case_id, too_late)
    assert (expired.status_code, expired.json()["code"]) == (409, "upload_expired")
    assert set(plain(service, admin)) == {told["fields"]["key"] for told in (late, too_late)}
    await jobs.clean_uploads({}, database=service.database, store=service.store)
    assert len(plain(service, admin)) == 2  # young by the storage's clock, which nobody moved
    assert await sweep_uploads(service.database, service.store, older_than=AT_ONCE) == 2
    assert plain(service, admin) == []
    clock.forward(UPLOAD_KEPT)
    await sweep_uploads(service.database, service.store, older_than=AT_ONCE)
    assert await cases.sql("SELECT id FROM upload") == []
    gone = await complete(cases, case_id, late)
    assert (gone.status_code, gone.json()["code"]) == (404, "upload_not_found")
    assert await cases.files(case_id) == 1


async def test_a_plain_file_without_a_form_is_swept(cases: Cases, service: Service, admin: Minio, drain: Any) -> None:
    case_id = await cases.draft(await cases.order())
    told, waiting = await ask(cases, case_id), await ask(cases, case_id)
    await send(told, photo())
    assert (await complete(cases, case_id, told)).status_code == 200
    await drain()
    await send(told, photo(320))  # the form is good for some minutes more
    await send(waiting, photo(480))
    assert await sweep_uploads(service.database, service.store, older_than=AT_ONCE) == 1
    assert plain(service, admin) == [waiting["fields"]["key"]]


async def test_bytes_that_the_side_has_put_into_the_case_before_complete_to_the_file_that_is_there(
    cases: Cases,
) -> None:
    case_id = await cases.draft(await cases.order())
    (first,) = (await upload(cases, case_id, form(photo()))).json()
    told = await ask(cases, case_id)
    await send(told, photo())
    assert (await complete(cases, case_id, told)).json()["file_id"] == first["file_id"]
    assert await cases.files(case_id) == 1


async def test_a_seller_brings_evidence_by_a_form_too_and_nobody_completes_anothers(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    told = await ask(cases, case["id"], by=cases.seller)
    await send(told, photo())
    for by, status, code in (
        (cases.buyer, 404, "upload_not_found"),
        (cases.mediator, 403, "role_not_allowed"),
        (cases.who(Role.SELLER, Whose.OTHERS), 404, "complaint_not_found"),
    ):
        refused = await complete(cases, case["id"], told, by=by)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    other = await cases.draft(await cases.order("WX-2"))
    assert (await complete(cases, other, told, by=cases.buyer)).status_code == 404
    assert await cases.files(case["id"]) == 0
    done = await complete(cases, case["id"], told, by=cases.seller)
    assert (done.status_code, done.json()["side"]) == (200, "seller")


async def test_an_ended_case_gives_no_form_and_completes_none(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    told = await ask(cases, case["id"])
    await send(told, photo())
    await cases.ok(f"/{case['id']}/withdrawal")
    for answer in (await cases.send(f"/{case['id']}/uploads", {}), await complete(cases, case["id"], told)):
        assert (answer.status_code, answer.json()["code"]) == (409, "complaint_ended")
    assert await cases.files(case["id"]) == 0


async def test_the_same_request_with_one_key_gets_the_same_form(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    headers = {**cases.buyer.by_key, "Idempotency-Key": "form-1"}
    answers = []
    for _ in range(2):
        answers.append(await cases.client.post(f"/api/v1/complaints/{case_id}/uploads", json={}, headers=headers))
        await use_up(cases, "limit_files_person")
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["id"]
    assert len(await cases.sql("SELECT id FROM upload")) == 1


async def test_clients_are_sent_to_the_storages_public_address(cases: Cases, settings: Settings) -> None:
    case_id = await cases.draft(await cases.order())
    public = msgspec.structs.replace(settings, s3_public_url="https://files.example.org/s3/")
    told = await asked_of(public, cases, case_id)
    assert told.json()["url"] == f"https://files.example.org/s3/{settings.s3_prefix}-uploads"
    within = {**told.json(), "url": f"http://{settings.s3_endpoint}/{settings.s3_prefix}-uploads"}
    assert (await send(within, photo())).status_code == 204  # the signature does not hang on the address


async def test_in_production_without_a_public_address_no_form_is_given(cases: Cases, settings: Settings) -> None:
    case_id = await cases.draft(await cases.order())
    refused = await asked_of(msgspec.structs.replace(settings, mode=Mode.PRODUCTION), cases, case_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "uploads_not_offered")


async def asked_of(settings: Settings, cases: Cases, case_id: str) -> httpx.Response:
    parts = assemble(settings)
    transport = httpx.ASGITransport(app=create_app(settings, parts), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
            return await client.post(f"/api/v1/complaints/{case_id}/uploads", json={}, headers=cases.buyer.by_key)
    finally:
        await parts.close()


async def test_erasing_a_case_deletes_its_plain_files_and_forms(cases: Cases, service: Service, admin: Minio) -> None:
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    await send(told, photo())
    (row,) = await cases.sql("SELECT id FROM file_key WHERE case_id = :id", id=case_id)
    await jobs.delete_erased({"case_key_id": str(row.id)}, database=service.database, store=service.store)
    assert plain(service, admin) == []
    assert (await complete(cases, case_id, told)).status_code == 404


async def test_while_the_storage_is_down_there_is_no_form_and_no_row(cases: Cases, settings: Settings) -> None:
    case_id = await cases.draft(await cases.order())
    refused = await asked_of(msgspec.structs.replace(settings, s3_endpoint="127.0.0.1:9"), cases, case_id)
    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert await cases.sql("SELECT id FROM upload") == []


async def test_what_a_lax_storage_let_in_is_refused_at_completion(cases: Cases, service: Service, admin: Minio) -> None:
    """Limits hold whatever the storage checks: here the object is put past the form."""
    case_id = await cases.draft(await cases.order())
    told = await ask(cases, case_id)
    bucket, key = f"{service.settings.s3_prefix}-uploads", told["fields"]["key"]
    for size, status, code in ((FILE_BYTES_MAX + 1, 413, "file_too_large"), (0, 422, "file_empty")):
        admin.put_object(bucket, key, io.BytesIO(bytes(size)), size)
        refused = await complete(cases, case_id, told)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await cases.files(case_id) == 0
