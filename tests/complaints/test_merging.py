"""A buyer's second complaint of a kind becomes an addition to the first."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.complaints.queries import linked_complaints
from tests.complaints.attaching import form, jpeg_with_gps, png, read, upload
from tests.complaints.conftest import STORY, Cases
from tests.complaints.test_hot import send
from tests.files.pictures import quarters, saved

AGAIN = {"narrative": "Now the second one smells, too.", "lot_text": "SY26J1808", "treatment": "A cream"}


async def merged(cases: Cases, order_id: UUID, **told: Any) -> dict[str, Any]:
    """The case, after a second draft of its kind was sent."""
    return await cases.ok(f"/{await cases.draft(order_id, **{**AGAIN, **told})}/submission")


async def test_a_second_complaint_of_the_kind_becomes_an_addition_with_all_its_answers(cases: Cases) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id)
    case = await merged(cases, order_id)
    assert (case["id"], case["narrative"], case["status"]) == (first["id"], STORY, "with_seller")
    [entry] = case["entries"]
    assert (entry["kind"], entry["side"], entry["text"]) == ("addition", "buyer", AGAIN["narrative"])
    added = entry["addition"]
    assert (added["told"]["lot_text"], added["treatment"], added["wanted"]) == ("SY26J1808", "A cream", "refund")
    assert await cases.frozen() == 1
    rows = await cases.sql("SELECT status FROM complaint WHERE order_id = :id ORDER BY id", id=order_id)
    assert [row.status for row in rows] == ["with_seller", "merged"]
    assert (await cases.case(case["id"], cases.seller))["entries"] == case["entries"]


async def test_the_draft_says_where_it_went_and_is_sent_once(cases: Cases) -> None:
    order_id = await cases.order()
    first, draft = await cases.filed(order_id), await cases.draft(order_id)
    await cases.ok(f"/{draft}/submission")
    gone = await cases.case(draft)
    assert (gone["status"], gone["part_of"]["reference"]) == ("merged", first["reference"])
    assert await cases.events(draft) == ["complaint.drafted", "complaint.merged"]
    again = await cases.send(f"/{draft}/submission")
    assert (again.status_code, again.json()["code"]) == (409, "complaint_sent")
    changed = await cases.send(f"/{draft}", {"narrative": "x"}, method="PATCH")
    assert (changed.status_code, changed.json()["code"]) == (409, "complaint_sent")
    assert len((await cases.case(first["id"]))["entries"]) == 1
    for by in (cases.seller, cases.mediator):
        assert (await cases.send(f"/{draft}", by=by, method="GET")).status_code == 404


async def test_photos_of_the_draft_are_seen_in_the_case_by_all_its_sides(cases: Cases) -> None:
    order_id = await cases.order()
    first, draft = await cases.draft(order_id), await cases.draft(order_id)
    await upload(cases, first, form(png()))
    await upload(cases, draft, form(jpeg_with_gps()))
    await cases.ok(f"/{first}/submission")
    case = await cases.ok(f"/{draft}/submission")
    assert [each["kind"] for each in case["evidence"]] == ["png", "jpeg"]
    for by in (cases.buyer, cases.seller, cases.mediator):
        for each in (await cases.case(first, by))["evidence"]:
            assert (await read(cases, first, each["file_id"], by=by)).status_code == 200
    more = await upload(cases, first, form(saved(quarters(320, 240), "PNG")))
    assert (more.status_code, [each["kind"] for each in more.json()]) == (201, ["png", "jpeg", "png"])


@pytest.mark.parametrize("told_first", [True, False])
async def test_consent_to_the_name_counts_wherever_it_was_given(cases: Cases, told_first: bool) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id, shows_name=told_first)
    assert (await cases.case(first["id"], cases.seller))["buyer_name"] == ("buyer-own" if told_first else None)
    await merged(cases, order_id, shows_name=not told_first)
    assert (await cases.case(first["id"], cases.seller))["buyer_name"] == "buyer-own"


async def test_a_graver_harm_raises_the_risk_and_silence_no_longer_grants(cases: Cases, clock: Any, drain: Any) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id, kind="unsafe")
    assert (first["risk"], first["harm"]) == ("medium", "none")
    case = await merged(cases, order_id, kind="unsafe", harm="hospital")
    assert (case["risk"], case["risk_reason"], case["harm"]) == ("serious", "hospital_likely", "hospital")
    answer = next(each for each in case["available_actions"] if each["action"] == "answer")
    assert answer["on_expiry"] == "mediator"
    assert "complaint.harm_raised" in await cases.events(case["id"])
    [row] = await cases.sql("SELECT harm FROM complaint WHERE id = :id", id=case["id"])
    assert row.harm == "none", "what was sent stays as it was"
    case = await merged(cases, order_id, kind="unsafe", harm="discomfort")
    assert (case["risk"], case["harm"]) == ("serious", "hospital"), "the highest harm governs"
    clock.forward(timedelta(hours=48, seconds=1))
    await drain()
    assert (await cases.case(case["id"]))["status"] == "disputed"


async def test_risk_and_harm_of_a_case_move_upwards_only_even_by_sql(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), kind="unsafe", harm="discomfort")
    for change in ("later_harm = 'discomfort'", "risk = 'low'", "later_harm = 'discomfort', risk = 'low'"):
        with pytest.raises(Exception, match="complaint_sent"):
            await cases.sql(f"UPDATE complaint SET {change} WHERE id = :id", id=case["id"])
    await cases.sql("UPDATE complaint SET later_harm = 'hospital', risk = 'serious' WHERE id = :id", id=case["id"])
    with pytest.raises(Exception, match="complaint_sent"):
        await cases.sql("UPDATE complaint SET later_harm = 'injury' WHERE id = :id", id=case["id"])


async def test_a_claim_that_comes_with_the_addition_freezes_the_payment_once(cases: Cases) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id, wanted="none")
    assert (first["claim"], await cases.frozen()) == (None, 0)
    case = await merged(cases, order_id, wanted="refund")
    assert case["claim"] == {"amount_minor": 48_000, "currency": "CNY"}
    assert [each["kind"] for each in case["hold"]["freezes"]] == ["claim"]
    answer = next(each for each in case["available_actions"] if each["action"] == "answer")
    assert (answer["due_at"] is not None, answer["on_expiry"]) == (True, "granted")
    again = await merged(cases, order_id, wanted="refund")
    assert (again["claim"], await cases.frozen()) == (case["claim"], 1)
    assert [each for each in await cases.events(case["id"]) if "claim" in each] == ["complaint.claim_added"]


async def test_a_claim_after_the_window_does_not_come_in_by_an_addition(cases: Cases, clock: Any) -> None:
    order_id = await cases.order()
    await cases.filed(order_id, wanted="none")
    draft = await cases.draft(order_id)
    clock.forward(timedelta(days=10, seconds=1))
    answer = await cases.send(f"/{draft}/submission")
    assert (answer.status_code, answer.json()["code"]) == (409, "window_closed")
    assert ((await cases.case(draft))["status"], await cases.frozen()) == ("draft", 0)


async def test_a_ruling_that_was_made_without_a_claim_decides_none_that_comes_later(cases: Cases) -> None:
    order_id = await cases.order()
    case = await cases.filed(order_id, wanted="none")
    await cases.ok(f"/{case['id']}/answer", {"decision": "refuse", "text": "No."}, by=cases.seller)
    dispute = await cases.ok(f"/{case['id']}/escalation")
    path, by = f"/api/v1/disputes/{dispute['id']}", cases.mediator.by_key
    assert (await cases.client.post(f"{path}/assignment", json={}, headers=by)).status_code == 201
    nothing = {"buyer": {"amount_minor": 0, "currency": "CNY"}, "reasons": "Nothing is asked for."}
    assert (await cases.client.post(f"{path}/ruling", json=nothing, headers=by)).status_code == 201
    draft = await cases.draft(order_id, **AGAIN)
    refused = await cases.send(f"/{draft}/submission")
    assert (refused.status_code, refused.json()["code"]) == (409, "ruled_already")
    assert ((await cases.case(draft))["status"], await cases.frozen()) == ("draft", 0)
    await cases.ok(f"/{draft}", {"wanted": "none"}, method="PATCH")
    added = await cases.ok(f"/{draft}/submission")
    assert (added["id"], added["claim"], await cases.frozen(), await cases.ends()) == (case["id"], None, 0, [])


async def test_a_case_still_takes_the_buyers_words_when_the_seller_has_written_as_many_as_it_may(cases: Cases) -> None:
    order_id = await cases.order()
    case = await cases.filed(order_id)
    await cases.sql(
        "INSERT INTO complaint_entry (id, tenant_id, complaint_id, kind, side, at)"
        " SELECT uuidv7(), tenant_id, id, 'addition', 'seller', fairhold_now() FROM complaint, generate_series(1, 200)"
        " WHERE id = :id",
        id=case["id"],
    )
    for path, body in (("entries", {"text": "More."}), ("offers", {"kind": "refund"})):
        refused = await cases.send(f"/{case['id']}/{path}", body, by=cases.seller)
        assert (refused.status_code, refused.json()["code"]) == (409, "entries_too_many"), path
    assert (await merged(cases, order_id))["id"] == case["id"]
    await cases.ok(f"/{case['id']}/entries", {"text": "Seen.", "is_note": True}, by=cases.mediator)
    entries = (await cases.case(case["id"], cases.mediator))["entries"]
    assert [(each["side"], each["text"]) for each in entries[200:]] == [
        ("buyer", AGAIN["narrative"]), ("mediator", "Seen."),
    ]  # fmt: skip


async def test_where_a_complaint_went_is_not_changed_even_by_sql(cases: Cases) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id)
    await merged(cases, order_id)
    other = await cases.filed(await cases.order("WX-2"))
    with pytest.raises(Exception, match="complaint_sent"):
        await cases.sql("UPDATE complaint SET merged_into_id = :id WHERE status = 'merged'", id=other["id"])
    [row] = await cases.sql("SELECT merged_into_id FROM complaint WHERE status = 'merged'")
    assert str(row.merged_into_id) == first["id"]


async def test_after_the_first_case_has_ended_a_new_complaint_is_a_case_of_its_own(cases: Cases) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id, wanted="none")
    await cases.ok(f"/{first['id']}/withdrawal")
    second = await cases.filed(order_id, wanted="none")
    assert (second["id"] != first["id"], second["part_of"], second["entries"]) == (True, None, [])


async def test_an_addition_makes_no_second_complaint_of_a_batch(cases: Cases) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id)
    batch = {"batch_id": str(cases.goods.batch_id)}
    await cases.ok(f"/{first['id']}/link", batch, by=cases.mediator)
    draft = await cases.draft(order_id)
    await cases.ok(f"/{draft}/link", batch)
    await cases.ok(f"/{draft}/submission")
    async with cases.database.begin() as tx:
        linked = await linked_complaints(tx, [cases.goods.batch_id])
    assert [str(each.id) for each in linked] == [first["id"]]
    seen = await cases.case(first["id"])
    assert seen["entries"][0]["addition"]["batch_id"] == batch["batch_id"]


async def test_what_an_addition_brings_over_the_limit_of_files_is_refused_and_stays_a_draft(cases: Cases) -> None:
    order_id = await cases.order()
    first, draft = await cases.draft(order_id), await cases.draft(order_id)
    await upload(cases, draft, form(png()))
    await cases.ok(f"/{first}/submission")
    await cases.sql(
        "WITH k AS (INSERT INTO file_key (id, tenant_id, case_id, wrapped_key, legal_hold, made_at)"
        " SELECT uuidv7(), tenant_id, id, '\\x00', false, fairhold_now() FROM complaint WHERE id = :first RETURNING *),"
        " f AS (INSERT INTO stored_file SELECT (jsonb_populate_record(s, jsonb_build_object('id', uuidv7(),"
        " 'object_name', 'o' || n, 'case_key_id', k.id))).* FROM stored_file s, k, generate_series(1, 30) n"
        " WHERE s.id = (SELECT file_id FROM complaint_evidence WHERE complaint_id = :draft) RETURNING *)"
        " INSERT INTO complaint_evidence SELECT id, tenant_id, :first, 'buyer', NULL, received_at FROM f",
        first=first, draft=draft,
    )  # fmt: skip
    answer = await cases.send(f"/{draft}/submission")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_files")
    assert (await cases.case(draft))["status"] == "draft"
    assert (await cases.case(first))["entries"] == []
    await cases.sql(
        "INSERT INTO challenge (id, tenant_id, complaint_id, side, status, asked_at, open_by, code, opened_at,"
        " answer_by, file_id, ended_at) SELECT uuidv7(), tenant_id, complaint_id, side, 'answered', at, at, 'CCC-CCC',"
        " at, at, file_id, at FROM complaint_evidence WHERE complaint_id = :first LIMIT 1",
        first=first,
    )
    assert (await cases.ok(f"/{draft}/submission"))["id"] == first, "what a mediator asked for does not count"


@pytest.mark.parametrize("media_types", [("application/json",) * 2, ("application/json", "text/plain")])
@pytest.mark.parametrize("wanted", ["refund", "none"])
async def test_two_drafts_of_one_kind_sent_at_once_become_one_case_and_one_addition(
    cases: Cases, wanted: str, media_types: tuple[str, str]
) -> None:
    order_id = await cases.order()
    drafts = [await cases.draft(order_id, wanted=wanted) for _ in range(2)]
    answers = await asyncio.gather(*(send(cases, draft, kind) for draft, kind in zip(drafts, media_types, strict=True)))
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted([(await cases.case(draft))["status"] for draft in drafts]) == ["merged", "with_seller"]
    assert await cases.frozen() == (1 if wanted == "refund" else 0)
    assert len((await cases.case(answers[0].json()["id"]))["entries"]) == 1


async def test_two_kinds_sent_at_once_do_not_both_claim_the_payment(cases: Cases) -> None:
    order_id = await cases.order()
    drafts = [await cases.draft(order_id, kind=kind) for kind in ("damaged", "wrong_item")]
    answers = await asyncio.gather(*(cases.send(f"/{draft}/submission", {}) for draft in drafts))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await cases.frozen() == 1
