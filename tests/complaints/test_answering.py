"""The seller's answer, offers, and where the money goes."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.complaints.conftest import Cases

HALF = {"kind": "part_refund", "amount": {"amount_minor": 24_000, "currency": "CNY"}, "text": "Half the price."}


async def test_accepting_in_full_refunds_the_claim_and_ends_the_case(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    ended = await cases.ok(f"/{case['id']}/answer", {"decision": "accept", "text": "Sorry."}, by=cases.seller)
    assert (ended["status"], ended["outcome"], ended["hold"]["state"]) == ("settled", "accepted", "refunded")
    assert await cases.ends() == [("refunded", 48_000, 0, 0)]
    pending = "SELECT 1 FROM deadline WHERE state = 'pending' AND subject_id = :id"
    assert await cases.sql(pending, id=case["id"]) == []


async def test_accepting_a_part_claim_leaves_the_rest_held(cases: Cases) -> None:
    claim = {"amount_minor": 14_400, "currency": "CNY"}
    case = await cases.filed(await cases.order(), wanted="part_refund", claim=claim)
    await cases.ok(f"/{case['id']}/answer", {"decision": "accept"}, by=cases.seller)
    assert await cases.ends() == [("refunded", 14_400, 0, 0)]
    rows = await cases.sql(
        "SELECT amount_minor, freeze_count FROM hold WHERE state = 'in_window' AND reference_id = ANY(:orders)",
        orders=cases.orders,
    )
    assert [tuple(row) for row in rows] == [(33_600, 0)]


async def test_an_accepted_offer_splits_the_hold_with_the_fee_on_the_sellers_part(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    answered = await cases.ok(f"/{case['id']}/answer", {"decision": "offer", "offer": HALF}, by=cases.seller)
    (offer,) = answered["offers"]
    assert (answered["status"], offer["status"], offer["text"]) == ("answered", "open", "Half the price.")
    lasts = datetime.fromisoformat(offer["expires_at"]) - datetime.fromisoformat(offer["made_at"])
    assert lasts == timedelta(days=7)
    ended = await cases.ok(f"/{case['id']}/offers/{offer['id']}/acceptance")
    assert (ended["status"], ended["outcome"], ended["offers"][0]["status"]) == ("settled", "offer", "accepted")
    assert await cases.ends() == [("split", 24_000, 23_280, 720)]
    again = await cases.send(f"/{case['id']}/offers/{offer['id']}/acceptance")
    assert (again.status_code, again.json()["code"]) == (409, "offer_state")
    assert len(await cases.ends()) == 1


async def test_a_refused_offer_leaves_seven_days_to_escalate_and_a_new_one_replaces_an_open_one(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    first = (await cases.ok(f"/{case['id']}/offers", HALF, by=cases.seller))["offers"][0]
    refused = await cases.ok(f"/{case['id']}/offers/{first['id']}/refusal")
    escalate = next(each for each in refused["available_actions"] if each["action"] == "escalate")
    assert (escalate["side"], escalate["on_expiry"]) == ("buyer", "closes")
    second = {**HALF, "amount": {"amount_minor": 30_000, "currency": "CNY"}}
    await cases.ok(f"/{case['id']}/offers", second, by=cases.seller)
    third = await cases.ok(f"/{case['id']}/offers", {"kind": "refund"}, by=cases.seller)
    assert [(each["status"], each["amount"]["amount_minor"]) for each in third["offers"]] == [
        ("refused", 24_000),
        ("withdrawn", 30_000),
        ("open", 48_000),
    ]
    assert await cases.ends() == []
    assert await cases.frozen() == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"decision": "refuse"}, 422, "text_missing"),
        ({"decision": "offer"}, 422, "offer_missing"),
        ({"decision": "refuse", "text": "No.", "offer": HALF}, 422, "offer_missing"),
        ({"decision": "wrong_company", "text": "Not ours."}, 409, "seller_by_order"),
        ({"decision": "offer", "offer": {"kind": "part_refund"}}, 422, "offer_amount_missing"),
        (
            {"decision": "offer", "offer": {**HALF, "amount": {"amount_minor": 48_000, "currency": "CNY"}}},
            422,
            "offer_amount_wrong",
        ),
        (
            {"decision": "offer", "offer": {**HALF, "amount": {"amount_minor": 1, "currency": "USD"}}},
            422,
            "claim_currency_differs",
        ),
    ],
)
async def test_a_wrong_answer_changes_nothing(cases: Cases, body: dict[str, Any], status: int, code: str) -> None:
    case = await cases.filed(await cases.order())
    answer = await cases.send(f"/{case['id']}/answer", body, by=cases.seller)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    after = await cases.case(case["id"])
    assert (after["status"], after["entries"], after["offers"]) == ("with_seller", [], [])
    assert await cases.frozen() == 1


async def test_the_wrong_company_sends_the_case_back_to_a_mediator(cases: Cases) -> None:
    told = {"product_text": "Suyun mask", "seller_text": "Xiaohe", "seller_id": str(cases.seller_id)}
    case = await cases.filed(**told)
    assert case["status"] == "with_seller"
    await cases.ok(f"/{case['id']}/answer", {"decision": "wrong_company", "text": "Not our goods."}, by=cases.seller)
    after = await cases.case(case["id"])
    assert (after["status"], after["entries"][0]["text"]) == ("triage", "Not our goods.")


async def test_both_sides_add_words_and_only_mediators_read_notes(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    await cases.ok(f"/{case['id']}/entries", {"text": "It also leaked."})
    await cases.ok(f"/{case['id']}/entries", {"text": "We asked the factory."}, by=cases.seller)
    await cases.ok(f"/{case['id']}/entries", {"text": "Looks alike.", "is_note": True}, by=cases.mediator)
    party = await cases.case(case["id"], cases.seller)
    assert [(each["side"], each["text"]) for each in party["entries"]] == [
        ("buyer", "It also leaked."),
        ("seller", "We asked the factory."),
    ]
    staff = await cases.case(case["id"], cases.mediator)
    assert [each["kind"] for each in staff["entries"]] == ["addition", "addition", "note"]
    refused = await cases.send(f"/{case['id']}/entries", {"text": "x", "is_note": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "notes_for_mediators")
    empty = await cases.send(f"/{case['id']}/entries", {"text": "  "})
    assert empty.status_code == 422
