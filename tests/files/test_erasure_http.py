"""Erasing and holding what a case holds, over HTTP: who may, what is gone, what stays, and who learns of it."""

import io
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.app import Service
from service.complaints import evidence, keeping
from service.complaints.evidence import Desk
from service.complaints.keeping_schemas import NewErasure
from service.core.actor import Role
from service.core.errors import Conflict, Forbidden
from service.db.session import driver_url
from service.files.jobs import sweep_orphans
from service.files.store import Bucket
from tests.complaints.attaching import form, read, upload
from tests.complaints.conftest import STORY, Cases, cases
from tests.complaints.test_anonymous import by_token, report
from tests.complaints.test_uploads import ask, complete, send
from tests.files.pictures import quarters, saved
from tests.world import Account

__all__ = ["cases"]

A, B, C = (saved(quarters(320 + 16 * n, 240), "PNG") for n in range(3))
LONG_AGO = timedelta(seconds=-60)
Drain = Callable[[], Awaitable[None]]
ASKED = {"reason": "buyer_asked", "note": "Letter 7"}
COURT = {"reason": "court_order"}
PARTS = ("view", "thumbnail", "original")
_STATE = (
    "SELECT (SELECT count(*) FROM complaint_text WHERE complaint_id = :id),"
    " (SELECT count(*) FROM complaint_entry_text t JOIN complaint_entry e ON e.id = t.entry_id"
    "  WHERE e.complaint_id = :id),"
    " (SELECT jsonb_agg(to_jsonb(k)) FROM file_key k WHERE case_id = :id),"
    " (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.id) FROM stored_file f JOIN file_key k ON k.id = f.case_key_id"
    "  WHERE k.case_id = :id),"
    " (SELECT count(*) FROM photo_likeness l JOIN stored_file f ON f.id = l.file_id"
    "  JOIN file_key k ON k.id = f.case_key_id WHERE k.case_id = :id),"
    " (SELECT count(*) FROM complaint_keeping WHERE complaint_id = :id),"
    " (SELECT count(*) FROM event WHERE name LIKE '%erase%' OR name LIKE 'file_key%' OR name LIKE '%legal_hold%'),"
    " (SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'files.delete_erased')"
)


async def state(cases: Cases, case_id: str) -> tuple[Any, ...]:
    """Everything that an erasure or a hold could move."""
    return tuple((await cases.sql(_STATE, id=case_id))[0])


async def names_of(cases: Cases, case_id: str) -> list[str]:
    found = await cases.sql(
        "SELECT object_name FROM stored_file f JOIN file_key k ON k.id = f.case_key_id WHERE k.case_id = :id",
        id=case_id,
    )
    return [row.object_name for row in found]


async def order(cases: Cases, path: str, body: Any, by: Account | None = None) -> httpx.Response:
    return await cases.send(path, body, by=by or cases.who(Role.OPERATOR))


async def filed(cases: Cases, ref: str = "WX-1") -> tuple[str, list[str]]:
    """A case with two of the buyer's files, one of the seller's, and words of both."""
    case = await cases.filed(await cases.order(ref), contact_email="li@example.com")
    case_id = str(case["id"])
    assert (await upload(cases, case_id, form(A, B))).status_code == 201
    assert (await upload(cases, case_id, form(C), by=cases.seller)).status_code == 201
    await cases.ok(f"/{case_id}/entries", {"text": "It got worse."})
    await cases.ok(f"/{case_id}/entries", {"text": "We are looking into it."}, by=cases.seller)
    return case_id, [each["file_id"] for each in await cases.get(f"/{case_id}/evidence", by=cases.mediator)]


async def ended(cases: Cases, drain: Drain) -> tuple[str, list[str]]:
    """The same, locked, with its end."""
    case_id, file_ids = await filed(cases)
    await drain()
    await cases.ok(f"/{case_id}/withdrawal")
    return case_id, file_ids


async def test_an_erased_case_can_be_read_by_nobody_and_its_course_stays(
    cases: Cases, drain: Drain, service: Service
) -> None:
    case_id, file_ids = await ended(cases, drain)
    names = await names_of(cases, case_id)
    before = {each["file_id"]: each for each in await cases.get(f"/{case_id}/evidence", by=cases.mediator)}
    answer = await order(cases, f"/{case_id}/erasure", ASKED)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/complaints/{case_id}/keeping"
    kept = answer.json()
    assert (kept["is_erased"], kept["is_held"], kept["files"], len(kept["orders"])) == (True, False, 3, 1)
    told = kept["orders"][0]
    assert (told["action"], told["reason"], told["note"], told["files"]) == ("erase", "buyer_asked", "Letter 7", 3)
    assert told["ordered_by"] == str(cases.who(Role.OPERATOR).person_id)
    for by in (cases.buyer, cases.seller, cases.mediator, cases.who(Role.REGULATOR)):
        case = await cases.case(case_id, by=by)
        assert (case["narrative"], case["contact"], case["status"]) == (None, None, "withdrawn")
        assert [each["text"] for each in case["entries"]] == [None, None]
        for each in case["evidence"]:
            was = before[each["file_id"]]
            assert (each["state"], each["has_view"]) == ("erased", False)
            assert (each["sha256"], each["version_id"]) == (was["sha256"], was["version_id"])
        for file_id in file_ids:
            for part in PARTS:
                refused = await read(cases, case_id, file_id, part, by=by)
                expected = (409, "file_erased")
                if part == "original" and by in (cases.buyer, cases.seller) and refused.status_code == 403:
                    expected = (403, "original_not_yours")
                assert (refused.status_code, refused.json()["code"]) == expected
    await drain()
    for name in names:
        assert len(await service.store.versions(Bucket.EVIDENCE, name)) == 1  # locked until its day, and noise
    assert (await state(cases, case_id))[4] == 0  # nothing tells how the photos looked
    assert "It got worse." not in str(await cases.sql("SELECT * FROM complaint_entry_text"))
    assert STORY not in str(await cases.sql("SELECT * FROM complaint_text"))


async def test_the_derivatives_of_an_erased_case_and_what_waits_in_quarantine_are_deleted(
    cases: Cases, drain: Drain, service: Service
) -> None:
    case_id, _ = await filed(cases)  # nothing of it is locked yet
    names = await names_of(cases, case_id)
    assert set(names) <= set(await service.store.list_names(Bucket.QUARANTINE))
    assert set(names) <= {each.partition("-")[0] for each in await service.store.list_names(Bucket.VIEWS)}
    assert (await order(cases, f"/{case_id}/erasure", COURT)).status_code == 201
    await drain()
    assert not set(names) & set(await service.store.list_names(Bucket.QUARANTINE))
    views = await service.store.list_names(Bucket.VIEWS)
    assert not set(names) & {each.partition("-")[0] for each in views}
    found = await cases.sql("SELECT state, version_id FROM stored_file WHERE object_name = ANY(:names)", names=names)
    assert [tuple(row) for row in found] == [("erased", None)] * 3


async def test_a_buyer_who_asks_waits_until_the_case_has_ended_and_a_court_does_not(cases: Cases) -> None:
    case_id, _ = await filed(cases)
    before = await state(cases, case_id)
    refused = await order(cases, f"/{case_id}/erasure", ASKED)
    assert (refused.status_code, refused.json()["code"]) == (409, "case_open")
    assert await state(cases, case_id) == before
    assert (await order(cases, f"/{case_id}/erasure", COURT)).status_code == 201
    for data in (A, C):  # the first was there before, and is not any more
        assert (await upload(cases, case_id, form(data))).json()["code"] == "file_erased"


async def test_a_legal_hold_stops_erasure_of_files_and_words_until_it_is_lifted(cases: Cases, drain: Drain) -> None:
    case_id, file_ids = await ended(cases, drain)
    operator = cases.who(Role.OPERATOR)
    held = await order(cases, f"/{case_id}/legal-hold", {"reason": "open_proceedings", "note": "12/2026"})
    assert (held.status_code, held.json()["is_held"]) == (201, True)
    before = await state(cases, case_id)
    for body in (ASKED, COURT):
        refused = await order(cases, f"/{case_id}/erasure", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "file_legal_hold")
    again = await order(cases, f"/{case_id}/legal-hold", {"reason": "court_order"})
    assert (again.status_code, again.json()["code"]) == (409, "legal_hold_state")
    assert await state(cases, case_id) == before
    assert (await read(cases, case_id, file_ids[0])).status_code == 200
    lifted = await cases.client.delete(
        f"/api/v1/complaints/{case_id}/legal-hold",
        params={"reason": "proceedings_over", "note": "closed"},
        headers=operator.by_key,
    )
    assert lifted.status_code == 204, lifted.text
    assert (await order(cases, f"/{case_id}/erasure", ASKED)).status_code == 201
    orders = (await cases.get(f"/{case_id}/keeping", by=operator))["orders"]
    assert [(each["action"], each["reason"], each["note"]) for each in orders] == [
        ("hold", "open_proceedings", "12/2026"),
        ("release", "proceedings_over", "closed"),
        ("erase", "buyer_asked", "Letter 7"),
    ]


async def test_a_case_without_files_can_be_held_and_erased(cases: Cases) -> None:
    case_id = str((await cases.filed(await cases.order()))["id"])
    await cases.ok(f"/{case_id}/withdrawal")
    assert (await order(cases, f"/{case_id}/legal-hold", COURT)).status_code == 201
    refused = await order(cases, f"/{case_id}/erasure", ASKED)
    assert refused.json()["code"] == "file_legal_hold"
    assert (await cases.case(case_id))["narrative"] == STORY
    await cases.client.delete(
        f"/api/v1/complaints/{case_id}/legal-hold?reason=set_in_error", headers=cases.who(Role.OPERATOR).by_key
    )
    erased = await order(cases, f"/{case_id}/erasure", ASKED)
    assert (erased.status_code, erased.json()["files"]) == (201, 0)
    assert (await cases.case(case_id))["narrative"] is None


async def test_a_draft_that_nobody_sent_can_be_erased(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    assert (await upload(cases, case_id, form(C))).status_code == 201
    assert (await order(cases, f"/{case_id}/erasure", ASKED)).status_code == 201
    (file,) = await cases.get(f"/{case_id}/evidence")
    assert (await read(cases, case_id, file["file_id"])).json()["code"] == "file_erased"


async def test_an_addition_is_held_and_erased_with_its_case_by_whichever_name_it_is_called(cases: Cases) -> None:
    order_id = await cases.order()
    case_id = str((await cases.filed(order_id))["id"])
    assert (await order(cases, f"/{case_id}/legal-hold", COURT)).status_code == 201
    draft = await cases.draft(order_id, narrative="The second one smells, too.")
    assert (await upload(cases, draft, form(A))).status_code == 201
    await cases.ok(f"/{draft}/submission")
    before = [await state(cases, each) for each in (case_id, draft)]
    operator = cases.who(Role.OPERATOR)
    refused = await order(cases, f"/{draft}/erasure", COURT)
    assert (refused.status_code, refused.json()["code"]) == (409, "file_legal_hold")
    assert [await state(cases, each) for each in (case_id, draft)] == before
    told = await cases.get(f"/{draft}/keeping", by=operator)
    assert (told["complaint_id"], told["is_held"], told["files"]) == (case_id, True, 1)
    lifted = await cases.client.delete(
        f"/api/v1/complaints/{draft}/legal-hold?reason=set_in_error", headers=operator.by_key
    )
    assert lifted.status_code == 204, lifted.text
    early = await order(cases, f"/{draft}/erasure", ASKED)
    assert (early.status_code, early.json()["code"]) == (409, "case_open")
    await cases.ok(f"/{case_id}/withdrawal")
    erased = (await order(cases, f"/{draft}/erasure", ASKED)).json()
    assert (erased["complaint_id"], erased["is_erased"], erased["files"]) == (case_id, True, 1)
    assert [(await state(cases, each))[:2] for each in (case_id, draft)] == [(0, 0)] * 2
    case = await cases.case(case_id)
    assert (case["narrative"], [each["text"] for each in case["entries"]]) == (None, [None])


async def test_stored_answers_that_repeat_the_words_are_forgotten_and_those_about_other_cases_stay(
    cases: Cases,
) -> None:
    async def keyed(path: str, body: Any = None, by: Account | None = None) -> Any:
        number = len(await cases.sql("SELECT 1 FROM idempotency_key"))
        headers = {**(by or cases.buyer).by_key, "Idempotency-Key": f"key-{number}"}
        answer = await cases.client.post(f"/api/v1/complaints{path}", json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def repeating(words: str) -> int:
        found = await cases.sql(
            "SELECT count(*) FROM idempotency_key"
            " WHERE position(CAST(:words AS text) IN convert_from(body, 'UTF8')) > 0",
            words=words,
        )
        return int(found[0][0])

    begun = {"kind": "fake", "harm": "none", "narrative": STORY}
    case_id = (await keyed("", {**begun, "order_id": str(await cases.order())}))["id"]
    await keyed(f"/{case_id}/submission")
    await keyed(f"/{case_id}/entries", {"text": "We never made this."}, cases.seller)
    told = await report(cases)
    report_id = str(told["complaint"]["id"])
    written = {**by_token(told), "Idempotency-Key": "of-nobody"}
    added = await cases.client.post(f"/api/v1/complaints/{report_id}/entries", json={"text": "Mine."}, headers=written)
    assert added.status_code == 201, added.text
    other = (await keyed("", {**begun, "narrative": "Another story."}))["id"]
    assert [await repeating(each) for each in (case_id, report_id, other)] == [3, 1, 1]
    for each in (case_id, report_id):
        assert (await order(cases, f"/{each}/erasure", COURT)).status_code == 201
    assert [await repeating(each) for each in (case_id, report_id, other)] == [0, 0, 1]
    assert [await repeating(each) for each in (STORY, "We never made this.", "Mine.")] == [0, 0, 0]


async def test_letting_go_what_is_not_held_and_words_that_are_no_reason_change_nothing(cases: Cases) -> None:
    case_id, _ = await filed(cases)
    before = await state(cases, case_id)
    operator = cases.who(Role.OPERATOR)
    missing = await cases.client.delete(
        f"/api/v1/complaints/{case_id}/legal-hold?reason=set_in_error", headers=operator.by_key
    )
    assert (missing.status_code, missing.json()["code"]) == (409, "legal_hold_state")
    for path, body in (
        ("erasure", {"reason": "because"}), ("erasure", {}), ("erasure", COURT | {"note": "x" * 501}),
        ("legal-hold", {"reason": "buyer_asked"}), ("legal-hold", COURT | {"more": 1}),
    ):  # fmt: skip
        answer = await order(cases, f"/{case_id}/{path}", body)
        assert answer.status_code in (400, 422), answer.text
    without = await cases.client.delete(f"/api/v1/complaints/{case_id}/legal-hold", headers=operator.by_key)
    assert without.status_code in (400, 422)
    assert await state(cases, case_id) == before


async def test_only_operators_erase_and_hold_and_nobody_else_moves_anything(cases: Cases) -> None:
    case_id, _ = await filed(cases)
    before = await state(cases, case_id)
    for by in (cases.buyer, cases.seller, cases.mediator, *(cases.who(r) for r in (Role.REGULATOR, Role.PLATFORM))):
        for path in ("erasure", "legal-hold"):
            refused = await order(cases, f"/{case_id}/{path}", COURT, by=by)
            assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed")
        lifted = await cases.client.delete(
            f"/api/v1/complaints/{case_id}/legal-hold?reason=set_in_error", headers=by.by_key
        )
        assert lifted.status_code == 403
    for by in (cases.buyer, cases.seller):
        assert (await cases.send(f"/{case_id}/keeping", by=by, method="GET")).status_code == 403
    assert await state(cases, case_id) == before


async def test_nobody_erases_a_case_that_they_are_party_to(cases: Cases) -> None:
    case_id, _ = await filed(cases)
    before = await state(cases, case_id)
    party = await cases.actor(cases.buyer)
    with pytest.raises(Forbidden) as refused:
        async with cases.database.begin() as tx:
            await keeping.erase(tx, party, UUID(case_id), NewErasure("court_order"), now=await tx.now())
    assert refused.value.code == "own_case"
    assert await state(cases, case_id) == before


async def test_staff_see_holds_and_erasure_the_buyer_the_erasure_and_the_seller_neither(cases: Cases) -> None:
    case_id, _ = await filed(cases)
    await order(cases, f"/{case_id}/legal-hold", COURT)
    operator = cases.who(Role.OPERATOR)
    await cases.client.delete(f"/api/v1/complaints/{case_id}/legal-hold?reason=set_in_error", headers=operator.by_key)
    await order(cases, f"/{case_id}/erasure", COURT | {"note": "secret of the court"})
    seen = {}
    for name, by in (("buyer", cases.buyer), ("seller", cases.seller), ("staff", cases.mediator)):
        events = await cases.get(f"/{case_id}/timeline", by=by)
        seen[name] = [each["name"] for each in events if "legal_hold" in each["name"] or "erase" in each["name"]]
        assert "secret of the court" not in str(events)
    assert seen == {
        "buyer": ["complaint.erased"],
        "seller": [],
        "staff": ["complaint.legal_hold_set", "complaint.legal_hold_lifted", "complaint.erased"],
    }


async def test_a_file_that_is_being_taken_in_while_the_erasure_commits_leaves_nothing_readable(
    cases: Cases, service: Service, drain: Drain
) -> None:
    case_id, _ = await filed(cases)
    buyer = await cases.actor(cases.buyer)
    desk = Desk(service.database, service.store, service.workshop, service.ring, service.settings)
    received = await evidence.take_in(desk, buyer, UUID(case_id), [io.BytesIO(C)])
    assert (await order(cases, f"/{case_id}/erasure", COURT)).status_code == 201
    with pytest.raises(Conflict) as refused:
        async with cases.database.begin() as tx:
            await evidence.attach(tx, buyer, UUID(case_id), received, retention_days=1, now=await tx.now())
    assert refused.value.code == "file_erased"
    assert await cases.files(case_id) == 3
    await drain()
    name = received[0].object_name
    assert name in await service.store.list_names(Bucket.QUARANTINE)  # sealed under a key that is no more
    await sweep_orphans(cases.database, service.store, older_than=LONG_AGO)
    assert name not in await service.store.list_names(Bucket.QUARANTINE)


async def test_a_form_of_an_erased_case_brings_nothing_in_and_its_plain_file_goes(
    cases: Cases, service: Service, drain: Drain
) -> None:
    case_id, _ = await filed(cases)
    told = await ask(cases, case_id)
    assert (await send(told, C)).status_code == 204
    ((name,),) = await cases.sql("SELECT object_name FROM upload")
    assert name in await service.store.list_names(Bucket.UPLOADS)
    assert (await order(cases, f"/{case_id}/erasure", COURT)).status_code == 201
    assert (await complete(cases, case_id, told)).json()["code"] == "file_erased"
    await drain()
    assert name not in await service.store.list_names(Bucket.UPLOADS)
    assert await cases.sql("SELECT 1 FROM upload") == []


@pytest.mark.parametrize(
    "change", ["DELETE FROM complaint_keeping", "UPDATE complaint_keeping SET reason = 'court_order'"]
)
async def test_an_order_cannot_be_rewritten_by_service_or_owner(cases: Cases, owner_url: str, change: str) -> None:
    case_id, _ = await filed(cases)
    await order(cases, f"/{case_id}/legal-hold", COURT)
    with pytest.raises(DBAPIError):
        async with cases.database.begin() as tx:
            await tx.execute(text(change))
    with psycopg.connect(driver_url(owner_url)) as owner, pytest.raises(psycopg.Error):
        owner.execute(change)
    assert len((await cases.get(f"/{case_id}/keeping", by=cases.who(Role.OPERATOR)))["orders"]) == 1
