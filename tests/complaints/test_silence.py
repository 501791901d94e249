"""What happens by itself when somebody does nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.complaints.conftest import Cases
from tests.complaints.test_answering import HALF

LATE = timedelta(hours=48, minutes=1)


async def test_48_hours_of_silence_grant_the_claim(cases: Cases, clock: Any, drain: Any) -> None:
    case = await cases.filed(await cases.order())
    await drain()
    assert (await cases.case(case["id"]))["status"] == "with_seller"
    clock.forward(LATE)
    await drain()
    ended = await cases.case(case["id"])
    assert (ended["status"], ended["outcome"]) == ("settled", "silence")
    assert await cases.ends() == [("refunded", 48_000, 0, 0)]


async def test_a_second_grant_by_silence_in_sixty_days_goes_to_a_mediator(cases: Cases, clock: Any, drain: Any) -> None:
    first = await cases.filed(await cases.order("WX-1"))
    second = await cases.filed(await cases.order("WX-2"))
    clock.forward(LATE)
    await drain()
    statuses = sorted([(await cases.case(each["id"]))["status"] for each in (first, second)])
    assert statuses == ["disputed", "settled"]
    reasons = await cases.sql(
        "SELECT facts->>'reason' AS reason FROM event"
        " WHERE name = 'complaint.needs_mediator' AND subject_id = ANY(:ids)",
        ids=[UUID(first["id"]), UUID(second["id"])],
    )
    assert [row.reason for row in reasons] == ["buyer_again"]
    assert await cases.ends() == [("refunded", 48_000, 0, 0)]


async def test_above_the_policy_amount_silence_goes_to_a_mediator(
    cases: Cases, clock: Any, drain: Any, owner_url: str
) -> None:
    case = await cases.filed(await cases.order())
    await cases.sql(
        "INSERT INTO policy (id, name, category, jurisdiction, version, value, unit, effective_from)"
        " VALUES (uuidv7(), 'silence_grant_max', '', '', 2, 47999, 'minor_units', '2001-01-01Z')"
    )
    answer = next(e for e in (await cases.case(case["id"]))["available_actions"] if e["action"] == "answer")
    assert answer["on_expiry"] == "mediator"
    clock.forward(LATE)
    await drain()
    assert (await cases.case(case["id"]))["status"] == "disputed"
    assert await cases.ends() == []
    assert await cases.frozen() == 1


async def test_an_undelivered_orders_claim_is_not_granted_by_silence(cases: Cases, clock: Any, drain: Any) -> None:
    case = await cases.filed(await cases.order(delivered=False), kind="not_delivered")
    clock.forward(LATE)
    await drain()
    assert (await cases.case(case["id"]))["status"] == "disputed"
    assert await cases.ends() == []


async def test_an_injury_never_closes_by_silence(cases: Cases, clock: Any, drain: Any) -> None:
    case = await cases.filed(await cases.order(), kind="unsafe", harm="injury")
    await cases.ok(f"/{case['id']}/triage", {}, by=cases.mediator)
    await cases.ok(f"/{case['id']}/answer", {"decision": "offer", "offer": HALF}, by=cases.seller)
    clock.forward(timedelta(days=7, minutes=1))
    await drain()
    after = await cases.case(case["id"])
    assert (after["status"], after["offers"][0]["status"]) == ("disputed", "expired")
    assert await cases.frozen() == 1


async def test_an_offer_that_nobody_answers_is_warned_of_and_closes_the_claim(
    cases: Cases, clock: Any, drain: Any
) -> None:
    case = await cases.filed(await cases.order())
    await cases.ok(f"/{case['id']}/answer", {"decision": "offer", "offer": HALF}, by=cases.seller)
    clock.forward(timedelta(days=5, minutes=1))
    await drain()
    assert (await cases.events(case["id"]))[-1] == "complaint.offer_expiring"
    assert (await cases.case(case["id"]))["status"] == "answered"
    clock.forward(timedelta(days=2))
    await drain()
    after = await cases.case(case["id"])
    assert (after["status"], after["offers"][0]["status"]) == ("closed", "expired")
    assert (after["hold"]["state"], after["hold"]["freezes"]) == ("in_window", [])
    assert after["hold"]["window_left_seconds"] is None
    assert await cases.ends() == []


async def test_a_refusal_that_is_not_escalated_closes_the_claim_and_the_window_resumes(
    cases: Cases, clock: Any, drain: Any
) -> None:
    case = await cases.filed(await cases.order())
    await cases.ok(f"/{case['id']}/answer", {"decision": "refuse", "text": "It is as described."}, by=cases.seller)
    clock.forward(timedelta(days=7, minutes=1))
    await drain()
    after = await cases.case(case["id"])
    assert (after["status"], after["hold"]["state"], after["hold"]["freezes"]) == ("closed", "in_window", [])
    left = (await cases.sql("SELECT window_ends_at - fairhold_now() FROM hold WHERE id = :id", id=after["hold"]["id"]))[
        0
    ][0]
    assert timedelta(days=9, hours=23) < left <= timedelta(days=10)


async def test_a_triage_that_nobody_does_is_told_and_decides_nothing(cases: Cases, clock: Any, drain: Any) -> None:
    case = await cases.filed(await cases.order(), harm="hospital")
    clock.forward(LATE)
    await drain()
    assert "complaint.triage_overdue" in await cases.events(case["id"])
    assert (await cases.case(case["id"]))["status"] == "triage"
    assert await cases.frozen() == 1
