"""Photos of a case are read after they came: suggestions to whoever added them, used only when taken over."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
import zxingcpp
from sqlalchemy.exc import OperationalError

from service.app import Service
from service.complaints.recognise.reader import Recogniser
from service.complaints.recognise.work import read_evidence, read_photo
from service.core.actor import SYSTEM, Role
from service.core.errors import Unavailable
from service.core.ids import new_id
from service.files.actions import erase_case_files
from tests.complaints.attaching import form, png, upload
from tests.complaints.conftest import Cases
from tests.complaints.labels import barcode, label
from tests.world import Account, Whose

Drain = Callable[[], Awaitable[None]]
GTIN = "06901234567892"


async def photo(cases: Cases, case_id: str, content: bytes | None = None, by: Account | None = None) -> str:
    answer = await upload(cases, case_id, form(content or png()), by=by)
    assert answer.status_code == 201, answer.text
    return str(answer.json()[-1]["file_id"])


async def offer(cases: Cases, case_id: str, file_id: str, *, others: str = "[]", **told: Any) -> str:
    """Write a reading as the job does, and return its id."""
    reading_id = str(new_id())
    values = {"kind": "lot", "value": "SY26J1807", "text": "LOT SY26J1807", **told}
    await cases.sql(
        "INSERT INTO complaint_photo_reading"
        " (file_id, tenant_id, complaint_id, engine, width_px, height_px, others, at)"
        " SELECT :file_id, tenant_id, id, 'test', 800, 600, CAST(:others AS jsonb), fairhold_now()"
        " FROM complaint WHERE id = :case_id"
        " ON CONFLICT DO NOTHING",
        file_id=file_id,
        case_id=case_id,
        others=others,
    )
    await cases.sql(
        "INSERT INTO complaint_reading (id, tenant_id, complaint_id, file_id, kind, value, text, source,"
        " confidence_percent, is_ambiguous, region)"
        " SELECT :id, tenant_id, id, :file_id, :kind, :value, :text, 'ocr', 90, false, '[{\"x\": 1, \"y\": 2}]'"
        " FROM complaint WHERE id = :case_id",
        id=reading_id,
        file_id=file_id,
        case_id=case_id,
        **values,
    )
    return reading_id


async def accept(cases: Cases, case_id: str, reading_id: str, by: Account | None = None) -> Any:
    return await cases.send(f"/{case_id}/readings/{reading_id}/acceptance", by=by)


async def job(cases: Cases, service: Service, case_id: str, file_id: str, recogniser: Recogniser) -> None:
    payload = {"complaint_id": case_id, "file_id": file_id}
    await read_photo(payload, database=cases.database, store=service.store, ring=service.ring, recogniser=recogniser)


async def written(cases: Cases) -> tuple[int, int]:
    found = await cases.sql("SELECT (SELECT count(*) FROM complaint_photo_reading), count(*) FROM complaint_reading")
    return int(found[0][0]), int(found[0][1])


async def test_bars_and_print_of_a_photo_are_offered_with_their_places(cases: Cases, drain: Drain) -> None:
    case_id = await cases.draft(await cases.order())
    matrix = barcode(f"(01){GTIN}(10)SY26J1807", zxingcpp.BarcodeFormat.DataMatrix, gs1=True)
    file_id = await photo(cases, case_id, label("生产批号：SY26J1807", "限用日期：2029/03/11", code=matrix))
    waiting = await cases.get(f"/{case_id}/readings")
    assert [(each["file_id"], each["state"]) for each in waiting["photos"]] == [(file_id, "waiting")]
    assert waiting["readings"] == []
    await drain()
    found = await cases.get(f"/{case_id}/readings")
    (one,) = found["photos"]
    assert (one["state"], one["failure"], one["width_px"], one["height_px"], one["others"]) == (
        "read",
        None,
        900,
        700,
        [],
    )
    assert "zxing-cpp" in one["engine"]
    assert "rapidocr" in one["engine"]
    said = {each["kind"]: each for each in found["readings"]}
    assert {kind: (each["value"], each["source"]) for kind, each in said.items()} == {
        "gtin": (GTIN, "data_matrix"),
        "lot": ("SY26J1807", "data_matrix"),
        "expiry": ("2029-03-11", "ocr"),
    }
    assert said["gtin"]["confidence"] == 0.99
    assert all(270 <= corner["y"] <= 500 for corner in said["gtin"]["region"])  # beneath the print
    assert all(130 <= corner["y"] <= 230 for corner in said["expiry"]["region"])
    case = await cases.case(case_id)
    assert case["readings"] == found["readings"]
    assert (case["told"]["lot_text"], case["told"]["gtin"]) == ("", "")  # nothing was used
    assert (await cases.events(case_id)).count("complaint.photo_read") == 1


async def test_a_photo_without_anything_is_read_and_says_nothing(cases: Cases, drain: Drain) -> None:
    case_id = await cases.draft(await cases.order())
    await photo(cases, case_id)
    await drain()
    found = await cases.get(f"/{case_id}/readings")
    assert ([each["state"] for each in found["photos"]], found["readings"]) == (["read"], [])


async def test_of_a_persons_code_only_its_kind_is_kept(cases: Cases, drain: Drain) -> None:
    case_id = await cases.draft(await cases.order())
    card = barcode("MECARD:N:Zhang San;TEL:13812345678;;", zxingcpp.BarcodeFormat.QRCode)
    await photo(cases, case_id, label(code=card))
    await drain()
    found = await cases.get(f"/{case_id}/readings")
    assert found["photos"][0]["others"] == [{"symbology": "qr_code", "what": "contact"}]
    assert found["readings"] == []
    kept = await cases.sql("SELECT r::text FROM complaint_photo_reading r")
    assert "13812345678" not in str(kept)


async def test_the_same_job_twice_writes_once(cases: Cases, service: Service, odd: Recogniser) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    for _ in range(2):
        await job(cases, service, case_id, file_id, odd)
    assert await written(cases) == (1, 0)
    assert (await cases.events(case_id)).count("complaint.photo_read") == 1


async def test_each_file_of_an_upload_is_queued_once(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    file_ids = [await photo(cases, case_id, png()), str(new_id())]
    for _ in range(2):
        await read_evidence({"subject_id": case_id, "facts": {"file_ids": file_ids}}, database=cases.database)
    queued = await cases.sql(
        "SELECT args->>'file_id' AS file_id, lock FROM procrastinate_jobs WHERE task_name = 'complaints.read_photo'"
    )
    assert sorted(row.file_id for row in queued) == sorted(file_ids)
    assert {row.lock for row in queued} <= {f"complaints.read_photo.{lane}" for lane in range(4)}


async def test_a_crash_is_recorded_as_that_photos_and_the_next_is_read(
    cases: Cases, service: Service, odd: Recogniser, dying: Recogniser
) -> None:
    case_id = await cases.draft(await cases.order())
    first = await photo(cases, case_id)
    second = await photo(cases, case_id, label("x"))
    await job(cases, service, case_id, first, dying)
    await job(cases, service, case_id, second, odd)
    photos = (await cases.get(f"/{case_id}/readings"))["photos"]
    assert [(each["file_id"], each["state"], each["failure"]) for each in photos] == [
        (first, "failed", "crashed"),
        (second, "read", None),
    ]


async def test_a_worker_that_ends_records_nothing(cases: Cases, service: Service, odd: Recogniser) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    await odd.close()
    with pytest.raises(Unavailable) as raised:
        await job(cases, service, case_id, file_id, odd)
    assert raised.value.code == "recogniser_closed"
    assert await written(cases) == (0, 0)


async def test_a_document_and_a_removed_photo_are_not_read(cases: Cases, service: Service, odd: Recogniser) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    await cases.sql(
        "INSERT INTO complaint_evidence_removal (file_id, tenant_id, complaint_id, at)"
        " SELECT file_id, tenant_id, complaint_id, fairhold_now() FROM complaint_evidence WHERE file_id = :id",
        id=file_id,
    )
    await job(cases, service, case_id, file_id, odd)
    await job(cases, service, case_id, str(new_id()), odd)
    assert await written(cases) == (0, 0)
    assert odd.pid is None


async def test_what_a_removed_photo_said_is_shown_to_nobody(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    reading_id = await offer(cases, case_id, file_id)
    await cases.sql(
        "INSERT INTO complaint_evidence_removal (file_id, tenant_id, complaint_id, at)"
        " SELECT file_id, tenant_id, complaint_id, fairhold_now() FROM complaint_evidence WHERE file_id = :id",
        id=file_id,
    )
    assert await cases.get(f"/{case_id}/readings") == {"photos": [], "readings": []}
    assert (await cases.case(case_id))["readings"] == []
    refused = await accept(cases, case_id, reading_id)
    assert (refused.status_code, refused.json()["code"]) == (404, "reading_not_found")


async def test_erasure_takes_what_was_read_along_and_nothing_is_read_after_it(
    cases: Cases, service: Service, odd: Recogniser
) -> None:
    case_id = await cases.draft(await cases.order())
    read, unread = await photo(cases, case_id), await photo(cases, case_id, label("x"))
    await offer(cases, case_id, read)
    assert await written(cases) == (1, 1)
    async with cases.database.begin() as tx:
        assert await erase_case_files(tx, SYSTEM, UUID(case_id), now=await tx.now()) == 2
    assert await written(cases) == (0, 0)
    await job(cases, service, case_id, unread, odd)
    assert await written(cases) == (0, 0)
    with pytest.raises(OperationalError, match="file_erased"):  # however the reading and the erasure race
        await offer(cases, case_id, unread)


async def test_the_application_cannot_change_or_delete_what_was_read(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    await offer(cases, case_id, await photo(cases, case_id))
    for statement, refusal in (
        ("UPDATE complaint_reading SET value = 'B'", "permission denied"),
        ("DELETE FROM complaint_reading", "permission denied"),
        ("UPDATE complaint_photo_reading SET complaint_id = file_id", "permission denied"),
        ("UPDATE complaint_photo_reading SET engine = 'other', tries = tries + 1", "photo_reading_kept"),
        ("DELETE FROM complaint_photo_reading", "permission denied"),
    ):
        with pytest.raises(Exception, match=refusal):
            await cases.sql(statement)
    assert await written(cases) == (1, 1)


@pytest.mark.parametrize(
    ("reading", "field", "value", "use"),
    [
        ({}, "lot_text", "SY26J1807", "lot_text"),
        ({"kind": "gtin", "value": GTIN, "text": GTIN}, "gtin", GTIN, "gtin"),
    ],
)
async def test_a_buyer_takes_a_reading_over_into_the_draft(
    cases: Cases, reading: dict[str, str], field: str, value: str, use: str
) -> None:
    case_id = await cases.draft(await cases.order(), lot_text="typed", gtin="")
    reading_id = await offer(cases, case_id, await photo(cases, case_id), **reading)
    answer = await accept(cases, case_id, reading_id)
    assert answer.status_code == 200, answer.text
    assert answer.json()["told"][field] == value
    (taken,) = answer.json()["readings"]
    assert (taken["accepted_as"], taken["accepted_at"] is not None) == (use, True)
    facts = await cases.sql(
        "SELECT facts->>'reading_id' AS id, facts->>'use' AS use FROM event"
        " WHERE name = 'complaint.reading_accepted' AND subject_id = :id",
        id=case_id,
    )
    assert [(row.id, row.use) for row in facts] == [(reading_id, use)]
    again = await accept(cases, case_id, reading_id)  # after something else was typed
    assert (again.status_code, again.json()["told"][field]) == (200, value)


async def test_a_day_has_no_field_in_a_draft(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    reading_id = await offer(cases, case_id, await photo(cases, case_id), kind="expiry", value="2029-03-11")
    before = await cases.case(case_id)
    refused = await accept(cases, case_id, reading_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "reading_without_field")
    assert await cases.case(case_id) == before


async def test_in_a_case_that_was_sent_it_becomes_an_addition_or_a_note_and_once(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), lot_text="typed")
    file_id = await photo(cases, case["id"])
    lot = await offer(cases, case["id"], file_id)
    day = await offer(cases, case["id"], file_id, kind="expiry", value="2029-03-11")
    by_buyer = await accept(cases, case["id"], lot)
    assert by_buyer.status_code == 200, by_buyer.text
    by_mediator = await accept(cases, case["id"], day, by=cases.mediator)
    assert by_mediator.status_code == 200, by_mediator.text
    assert [(each["kind"], each["side"], each["text"]) for each in by_mediator.json()["entries"]] == [
        ("addition", "buyer", "Lot code on a photo: SY26J1807"),
        ("note", "mediator", "Expiry date on a photo: 2029-03-11"),
    ]
    assert by_mediator.json()["told"]["lot_text"] == "typed"
    for by in (cases.buyer, cases.mediator):
        refused = await accept(cases, case["id"], lot, by=by)
        assert (refused.status_code, refused.json()["code"]) == (409, "reading_taken")
    assert len((await cases.case(case["id"]))["entries"]) == 1  # the note is not the buyer's to see


async def test_that_a_mediator_noted_a_reading_is_not_the_parties_to_know_and_keeps_nobody_from_adding_it(
    cases: Cases,
) -> None:
    case = await cases.filed(await cases.order())
    reading_id = await offer(cases, case["id"], await photo(cases, case["id"]))
    assert (await accept(cases, case["id"], reading_id, by=cases.mediator)).status_code == 200

    async def taken(by: Account) -> str | None:
        (inside,) = (await cases.case(case["id"], by))["readings"]
        (alone,) = (await cases.get(f"/{case['id']}/readings", by=by))["readings"]
        assert inside == alone
        assert (inside["accepted_as"] is None) == (inside["accepted_at"] is None)
        said: str | None = inside["accepted_as"]
        return said

    assert [await taken(by) for by in (cases.buyer, cases.mediator)] == [None, "note"]
    assert (await accept(cases, case["id"], reading_id, by=cases.mediator)).json()["code"] == "reading_taken"
    assert (await accept(cases, case["id"], reading_id)).status_code == 200
    assert [await taken(by) for by in (cases.buyer, cases.mediator)] == ["addition", "addition"]
    kinds = [(each["kind"], each["side"]) for each in (await cases.case(case["id"], cases.mediator))["entries"]]
    assert kinds == [("note", "mediator"), ("addition", "buyer")]


async def test_each_side_sees_what_its_own_photos_say_and_mediators_all(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    bought = await offer(cases, case["id"], await photo(cases, case["id"]))
    sold = await offer(cases, case["id"], await photo(cases, case["id"], label("x"), by=cases.seller), value="OTHER-1")
    seen = {
        by.email: [each["id"] for each in (await cases.get(f"/{case['id']}/readings", by=by))["readings"]]
        for by in (cases.buyer, cases.seller, cases.mediator)
    }
    assert seen == {cases.buyer.email: [bought], cases.seller.email: [sold], cases.mediator.email: [bought, sold]}
    for by in (cases.buyer, cases.seller, cases.mediator, cases.who(Role.REGULATOR)):
        inside = [each["id"] for each in (await cases.case(case["id"], by))["readings"]]
        assert inside == seen.get(by.email, [])
    hidden = await accept(cases, case["id"], sold)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "reading_not_found")


async def test_nobody_else_reads_or_takes_over(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    reading_id = await offer(cases, case["id"], await photo(cases, case["id"]))
    for role in (Role.REGULATOR, Role.OPERATOR, Role.PLATFORM):
        refused = await cases.send(f"/{case['id']}/readings", by=cases.who(role), method="GET")
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed")
    for by, status in (
        (cases.seller, 403),
        (cases.who(Role.BUYER, Whose.OTHERS), 404),
        (cases.who(Role.MEDIATOR, Whose.FOREIGN), 404),
    ):
        assert (await accept(cases, case["id"], reading_id, by=by)).status_code == status
    other = await cases.draft()
    assert (await accept(cases, other, reading_id)).status_code == 404
    after = await cases.case(case["id"], cases.mediator)
    assert (after["entries"], after["readings"][0]["accepted_at"]) == ([], None)


async def test_what_a_claim_sent_by_the_hot_way_answers_is_what_is_read(cases: Cases, service: Service) -> None:
    case_id = await cases.draft(await cases.order())
    file_id = await photo(cases, case_id)
    await offer(cases, case_id, file_id)
    await offer(cases, case_id, file_id, kind="expiry", value="2029-03")
    answer = await cases.send(f"/{case_id}/submission")
    assert (answer.status_code, service.hot_connections.answered) == (200, 1)
    assert len(answer.json()["readings"]) == 2
    assert await cases.case(case_id) == answer.json()
