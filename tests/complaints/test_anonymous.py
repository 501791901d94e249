"""Safety reports without an account: sent at once, opened by a receipt, added to, and nobody's person is known."""

import json
import re
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from service.complaints.receipts import CANDIDATES_MAX, from_numbers, parse
from service.core.errors import Invalid
from service.worker.host import forget_counts
from tests.complaints.attaching import form, jpeg_with_gps
from tests.complaints.conftest import Cases

REPORT = {
    "kind": "unsafe", "harm": "discomfort", "narrative": "My skin burned.", "product_text": "Sheet mask",
    "seller_text": "Xiaohe", "contact_phone": "+8613900000000", "lot_text": "SY26J1807",
}  # fmt: skip
REPORTS, OPENING = "/api/v1/safety-reports", "/api/v1/safety-reports/opening"


async def report(cases: Cases, **told: Any) -> dict[str, Any]:
    cases.client.cookies.clear()
    answer = await cases.client.post(REPORTS, json={**REPORT, **told})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def opened(cases: Cases, receipt: str) -> httpx.Response:
    return await cases.client.post(OPENING, json={"receipt": receipt})


def digits_of(sent: dict[str, Any]) -> str:
    return str(sent["receipt"]).replace(" ", "")


def by_token(found: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {found['token']}"}


async def mediated(cases: Cases) -> None:
    """Let our mediator work for the commons, too."""
    await cases.sql(
        "INSERT INTO role_grant (id, person_id, role, tenant_id, granted_at) VALUES"
        " (uuidv7(), :person, 'mediator', '00000000-0000-7000-8000-000000000001', fairhold_now())",
        person=cases.mediator.person_id,
    )


async def test_a_report_goes_to_triage_and_its_receipt_stands_in_this_answer_alone(cases: Cases) -> None:
    sent = await report(cases)
    assert re.fullmatch(r"\d{4} \d{4} \d{4} \d{4}", sent["receipt"])
    case = sent["complaint"]
    assert (case["status"], case["purpose"], case["buyer_id"], case["viewer"]) == ("triage", "safety", None, "buyer")
    assert (case["risk"], case["risk_reason"]) == ("high", "discomfort_likely")
    [row] = await cases.sql("SELECT * FROM report_receipt")
    digits = digits_of(sent)
    assert row.prefix == digits[:6]
    assert row.secret_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    for table in ("event", "complaint", "complaint_text", "report_receipt", "case_pass", "attempt", "idempotency_key"):
        dump = json.dumps([list(map(str, each)) for each in await cases.sql(f"SELECT * FROM {table}")])
        assert digits[6:] not in dump
        assert sent["token"] not in dump
        assert "127.0.0.1" not in dump


async def test_the_receipt_opens_the_case_for_words_and_photos_in_any_writing(cases: Cases) -> None:
    sent = await report(cases)
    case_id = sent["complaint"]["id"]
    wide = sent["receipt"].translate({ord(str(n)): 0xFF10 + n for n in range(10)}).replace(" ", "-")
    answer = await opened(cases, wide)
    assert (answer.status_code, answer.json()["receipt"]) == (200, None)
    headers = by_token(answer.json())
    path = f"/api/v1/complaints/{case_id}"
    added = await cases.client.post(f"{path}/entries", json={"text": "It is worse."}, headers=headers)
    assert [(each["side"], each["text"]) for each in added.json()["entries"]] == [("buyer", "It is worse.")]
    photo = await cases.client.post(f"{path}/evidence", files=form(jpeg_with_gps()), headers=headers)
    assert [(each["side"], each["may_read_original"]) for each in photo.json()] == [("buyer", True)]
    view = await cases.client.get(f"{path}/evidence/{photo.json()[0]['file_id']}/view", headers=headers)
    assert (view.status_code, view.headers["content-type"]) == (200, "image/webp")
    names = [each["name"] for each in (await cases.client.get(f"{path}/timeline", headers=headers)).json()]
    assert names == [
        *("complaint.submitted", "complaint.triaged", "complaint.entry_added", "complaint.evidence_added"),
    ]
    [told] = await cases.sql("SELECT count(*) FROM event WHERE subject_id = :id AND actor_id IS NOT NULL", id=case_id)
    assert told[0] == 0


async def test_a_reporter_sends_a_file_straight_to_the_storage_and_takes_the_report_back(cases: Cases) -> None:
    sent = await report(cases)
    path, headers = f"/api/v1/complaints/{sent['complaint']['id']}", by_token(sent)
    asked = await cases.client.post(f"{path}/uploads", json={}, headers=headers)
    assert asked.status_code == 201, asked.text
    key = headers | {"Idempotency-Key": "one"}
    for _ in range(2):
        added = await cases.client.post(f"{path}/entries", json={"text": "Once."}, headers=key)
        assert (added.status_code, len(added.json()["entries"])) == (201, 1)
    other = await report(cases)
    theirs = f"/api/v1/complaints/{other['complaint']['id']}/entries"
    answer = await cases.client.post(
        theirs, json={"text": "Once."}, headers=by_token(other) | {"Idempotency-Key": "one"}
    )
    assert answer.json()["id"] == other["complaint"]["id"], "a key is its reporter's own"
    gone = await cases.client.post(f"{path}/withdrawal", headers=headers)
    assert (gone.status_code, gone.json()["status"]) == (200, "withdrawn")


async def test_a_pass_opens_one_case_and_nothing_else_and_ends_after_an_hour(cases: Cases, clock: Any) -> None:
    other = await cases.filed(await cases.order())
    first, second = await report(cases), await report(cases)
    headers = by_token(first)
    for case_id in (second["complaint"]["id"], other["id"]):
        answer = await cases.client.get(f"/api/v1/complaints/{case_id}", headers=headers)
        assert answer.status_code == 404
    listed = await cases.client.get("/api/v1/complaints", headers=headers)
    assert [each["id"] for each in listed.json()["data"]] == [first["complaint"]["id"]]
    for method, path in (
        ("GET", "/api/v1/orders"), ("GET", "/api/v1/me"), ("POST", "/api/v1/complaints"),
        ("POST", f"/api/v1/complaints/{first['complaint']['id']}/triage"), ("GET", "/api/v1/sellers"),
    ):  # fmt: skip
        refused = await cases.client.request(method, path, json={} if method == "POST" else None, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_not_allowed"), path
    clock.forward(timedelta(hours=1))
    answer = await cases.client.get(f"/api/v1/complaints/{first['complaint']['id']}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "pass_over")


async def test_every_wrong_receipt_is_refused_alike_after_the_same_work(cases: Cases) -> None:
    sent = await report(cases)
    digits = digits_of(sent)
    wrong_secret = digits[:6] + f"{(int(digits[6:]) + 1) % 10**10:010}"
    nobodys = f"{(int(digits[:6]) + 1) % 10**6:06}" + digits[6:]
    answers, seconds = [], []
    for receipt in (wrong_secret, nobodys, wrong_secret, nobodys):
        began = time.process_time()
        answers.append(await opened(cases, receipt))
        seconds.append(time.process_time() - began)
    assert {(each.status_code, each.content) for each in answers} == {(401, answers[0].content)}
    assert answers[0].json()["code"] == "receipt_wrong"
    ratio = (seconds[0] + seconds[2]) / (seconds[1] + seconds[3])
    assert 0.4 < ratio < 2.5, "the hashes that are compared are the same number"
    assert (await opened(cases, "1234")).json()["code"] == "receipt_malformed"
    assert await cases.sql("SELECT FROM case_pass WHERE case_id <> :id", id=sent["complaint"]["id"]) == []


async def test_tries_are_limited_by_prefix_and_by_address_until_a_named_time(cases: Cases, clock: Any) -> None:
    sent = await report(cases)
    digits = digits_of(sent)
    for _ in range(10):
        assert (await opened(cases, digits[:6] + "0000000000")).status_code == 401
    refused = await opened(cases, digits)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    facts = refused.json()["facts"]
    assert facts["limit"] == "limit_receipts_prefix"
    assert refused.headers["retry-after"] == str(facts["retry_after_seconds"])
    assert 0 < facts["retry_after_seconds"] <= 900
    assert re.fullmatch(r"20\d\d-.+\+00:00", facts["retry_at"])
    other = await report(cases, kind="fake")
    assert (await opened(cases, other["receipt"])).status_code == 200, "another prefix is free"
    await cases.sql("UPDATE attempt SET tries = 40 WHERE kind = 'limit_receipts_address'")
    assert (await opened(cases, other["receipt"])).json()["facts"]["limit"] == "limit_receipts_address"
    clock.forward(timedelta(minutes=15))
    assert (await opened(cases, digits)).status_code == 200


async def test_a_right_receipt_starts_the_count_of_its_prefix_anew(cases: Cases) -> None:
    sent = await report(cases)
    for _ in range(3):
        assert (await opened(cases, sent["receipt"])).status_code == 200
    assert await cases.sql("SELECT tries FROM attempt WHERE kind = 'limit_receipts_prefix'") == []


async def test_reports_that_share_a_prefix_are_told_apart_and_no_fourth_shares_it(cases: Cases) -> None:
    first, second = await report(cases), await report(cases)
    prefix, secret = digits_of(first)[:6], digits_of(second)[6:]
    keep = (
        "WITH copied AS (INSERT INTO complaint SELECT (jsonb_populate_record(c, jsonb_build_object('id', uuidv7(),"
        " 'reference', CAST(:reference AS text)))).* FROM complaint c WHERE id = :id RETURNING id)"
        " INSERT INTO report_receipt (complaint_id, prefix, place, secret_hash)"
        " SELECT c.id, :prefix, :place, r.secret_hash FROM copied c, report_receipt r WHERE r.complaint_id = :id"
        " RETURNING complaint_id"
    )
    theirs = {"id": second["complaint"]["id"], "prefix": prefix}
    [twin] = await cases.sql(keep, **theirs, place=2, reference="FH-TWIN")
    assert (await opened(cases, digits_of(first))).json()["complaint"]["id"] == first["complaint"]["id"]
    assert (await opened(cases, prefix + secret)).json()["complaint"]["id"] == str(twin.complaint_id)
    for place in (2, 4):
        with pytest.raises(IntegrityError, match="report_receipt_"):
            await cases.sql(keep, **theirs, place=place, reference="FH-MORE")


async def test_the_seller_sees_no_person_and_the_mediator_can_reach_who_left_a_number(cases: Cases) -> None:
    await mediated(cases)
    sent = await report(cases, seller_id=str(cases.seller_id))
    case_id = sent["complaint"]["id"]
    assert (await cases.send(f"/{case_id}", by=cases.seller, method="GET")).status_code == 404
    session = {"Cookie": f"fairhold_session={cases.mediator.session_token}"}
    seen = (await cases.client.get(f"/api/v1/complaints/{case_id}", headers=session)).json()
    assert seen["contact"]["phone"] == REPORT["contact_phone"]
    await cases.ok(f"/{case_id}/triage", {"text": "Real."}, by=cases.mediator)
    answer = await cases.send(f"/{case_id}", by=cases.seller, method="GET")
    told = answer.json()
    assert (told["status"], told["buyer_id"], told["buyer_name"], told["contact"]) == ("with_seller", None, None, None)
    assert REPORT["contact_phone"] not in answer.text


async def test_reports_without_a_mark_share_a_narrow_limit_and_a_marked_device_has_its_own(cases: Cases) -> None:
    marked = httpx.Cookies()
    first = await cases.client.post(REPORTS, json=REPORT)
    marked.update(first.cookies)
    assert "fairhold_device" in first.cookies
    await cases.sql("UPDATE attempt SET tries = 10 WHERE kind = 'limit_reports_new_device'")
    before = await cases.sql("SELECT tries FROM attempt WHERE kind = 'limit_reports_address'")
    cases.client.cookies.clear()
    refused = await cases.client.post(REPORTS, json=REPORT)
    assert (refused.status_code, refused.json()["code"]) == (429, "limit_used_up")
    assert refused.json()["facts"]["limit"] == "limit_reports_new_device"
    assert await cases.sql("SELECT tries FROM attempt WHERE kind = 'limit_reports_address'") == before
    forged = await cases.client.post(REPORTS, json=REPORT, headers={"Cookie": "fairhold_device=0f.0f"})
    assert forged.json()["facts"]["limit"] == "limit_reports_new_device"
    cookie = {"Cookie": f"fairhold_device={marked['fairhold_device']}"}
    for _ in range(5):
        cases.client.cookies.clear()
        assert (await cases.client.post(REPORTS, json=REPORT, headers=cookie)).status_code == 201
    cases.client.cookies.clear()
    refused = await cases.client.post(REPORTS, json=REPORT, headers=cookie)
    assert refused.json()["facts"]["limit"] == "limit_reports_device"
    assert len(await cases.sql("SELECT FROM report_receipt")) == 6


async def test_yesterdays_digests_say_nothing_of_today_and_are_forgotten(cases: Cases, clock: Any) -> None:
    await report(cases)
    first = await cases.sql("SELECT digest FROM attempt WHERE kind = 'limit_reports_address'")
    clock.forward(timedelta(days=1))
    await report(cases)
    both = await cases.sql("SELECT digest FROM attempt WHERE kind = 'limit_reports_address'")
    assert len(first) == 1
    assert len(both) == 2, "the same address counts under another digest"
    clock.forward(timedelta(hours=1))
    async with cases.database.begin() as tx:
        await forget_counts(tx)
    assert len(await cases.sql("SELECT FROM attempt WHERE kind = 'limit_reports_address'")) == 1
    assert await cases.sql("SELECT FROM case_pass") == []


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"kind": "withdrawal"}, "fields_wrong"),
        ({"kind": "not_delivered"}, "fields_wrong"),
        ({"narrative": "  "}, "fields_wrong"),
        ({"product_text": ""}, "fields_wrong"),
        ({"gtin": "1234567890123"}, "gtin_wrong"),
        ({"harmed_on": "2999-01-01"}, "date_in_future"),
        ({"order_id": "0198f3a1-7c2e-7d10-9b54-3f6a2c8e1d07"}, "fields_wrong"),
        ({"shows_name": True}, "fields_wrong"),
    ],
)
async def test_a_report_that_is_wrong_leaves_nothing(cases: Cases, told: dict[str, Any], code: str) -> None:
    tables = ("complaint", "complaint_text", "report_receipt", "case_pass", "event")
    before = [len(await cases.sql(f"SELECT FROM {table}")) for table in tables]
    answer = await cases.client.post(REPORTS, json={**REPORT, **told})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [len(await cases.sql(f"SELECT FROM {table}")) for table in tables] == before


def test_a_receipt_is_written_in_groups_and_read_as_people_type_it() -> None:
    receipt = from_numbers(42, 7)
    assert receipt.written == "0000 4200 0000 0007"
    for typed in ("0000420000000007", " 0000-4200-0000-0007\n", "００００ ４２００ ００００ ０００７", receipt.written):
        assert parse(typed) == receipt
    for wrong in ("", "0000 4200 0000 000", "0000 4200 0000 000x", "00004200000000071"):
        with pytest.raises(Invalid, match="16 figures"):
            parse(wrong)
    assert "7" not in repr(receipt)
    assert CANDIDATES_MAX == 3
