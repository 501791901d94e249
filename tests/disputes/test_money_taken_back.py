"""A bank or the provider's limit takes the money of a case, whatever its state: no second refund, and the case ends."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from service.core.ids import new_id
from service.core.signatures import sign_message
from service.core.wire import ChargebackNotice, encode
from service.escrow.check import reconcile
from service.settings import Settings
from tests.complaints.conftest import Cases
from tests.conftest import Clock
from tests.disputes.test_ruling import HELD, Disputes, disputes

Drain = Callable[[], Awaitable[None]]
__all__ = ["disputes"]


async def charge_back(cases: Cases, settings: Settings, amount_minor: int) -> None:
    """Send the provider's signed notice that the bank took back a part of our first order's payment."""
    found = await cases.sql(
        "SELECT id, fairhold_now() AS now FROM payment WHERE kind = 'capture' AND reference_id = :id",
        id=cases.orders[0],
    )
    notice = ChargebackNotice(
        id=f"nt_{new_id().hex}",
        kind="chargeback",
        chargeback=f"cb_{new_id().hex}",
        client_id=str(found[0].id),
        amount_minor=amount_minor,
        currency="CNY",
        reason="not_as_described",
        at="2026-11-22T08:00:00.000000Z",
    )
    body = encode(notice)
    signed = sign_message(settings.gateway_secret, notice.id, body, now=found[0].now)
    for is_new in (True, False):
        answer = await cases.client.post("/api/v1/inbound/gateway", content=body, headers=signed)
        assert (answer.status_code, answer.json()) == (202, {"is_new": is_new}), answer.text


async def refunds(cases: Cases) -> int:
    return int((await cases.sql("SELECT count(*) FROM payment WHERE kind = 'refund'"))[0][0])


async def assert_clean(cases: Cases) -> None:
    async with cases.database.begin() as tx:
        assert await reconcile(tx) == []


async def test_a_chargeback_closes_the_claim_that_the_seller_has_with_no_second_refund(
    cases: Cases, settings: Settings, drain: Drain, clock: Clock
) -> None:
    case = await cases.filed(await cases.order(), claim={"amount_minor": HELD, "currency": "CNY"})
    await charge_back(cases, settings, HELD)
    await drain()
    assert (await cases.case(case["id"]))["status"] == "closed"
    assert await cases.ends() == [("charged_back", HELD, 0, 0)]
    clock.forward(timedelta(days=20))  # no promise of the case wakes up again
    await drain()
    answer = await cases.send(f"/{case['id']}/answer", {"decision": "accept"}, by=cases.seller)
    assert (answer.status_code, answer.json()["code"]) == (409, "complaint_state")
    assert (await refunds(cases), await cases.frozen()) == (0, 0)
    closed = await cases.sql("SELECT facts ->> 'reason' AS reason FROM event WHERE name = 'complaint.closed'")
    assert [row.reason for row in closed] == ["hold_charged_back"]
    await assert_clean(cases)


@pytest.mark.parametrize("is_ruled", [False, True])
async def test_a_chargeback_ends_the_dispute_too_even_one_that_is_ruled(
    disputes: Disputes, settings: Settings, drain: Drain, clock: Clock, is_ruled: bool
) -> None:
    cases = disputes.cases
    if is_ruled:
        await disputes.ruled(14_400)
    await charge_back(cases, settings, HELD)
    await drain()
    assert (await cases.case(disputes.case_id))["status"] == "closed"
    assert (await disputes.get(cases.buyer))["state"] == "final"
    clock.forward(timedelta(days=30))
    await drain()
    assert (await refunds(cases), await disputes.parts()) == (0, {"charge_back": HELD})
    accepted = await disputes.post("/acceptance", by=cases.buyer)
    assert accepted.status_code == 409
    await assert_clean(cases)


async def test_after_a_chargeback_of_a_part_the_claim_goes_on_for_the_rest(
    disputes: Disputes, settings: Settings, drain: Drain
) -> None:
    cases = disputes.cases
    await charge_back(cases, settings, 10_000)
    await drain()
    case = await cases.case(disputes.case_id)
    assert (case["status"], case["claim"]["amount_minor"]) == ("disputed", 38_000)
    await disputes.ruled(38_000)
    for side in (cases.buyer, cases.seller):
        assert (await disputes.post("/acceptance", by=side)).status_code == 201
    assert await cases.ends() == [("charged_back", 10_000, 0, 0), ("refunded", 38_000, 0, 0)]
    assert (await refunds(cases), await cases.frozen()) == (1, 0)
    await assert_clean(cases)


async def test_what_the_bank_gave_after_a_ruling_counts_towards_it(
    disputes: Disputes, settings: Settings, drain: Drain
) -> None:
    cases = disputes.cases
    await disputes.ruled(14_400)
    await charge_back(cases, settings, 10_000)
    await drain()
    for side in (cases.buyer, cases.seller):
        assert (await disputes.post("/acceptance", by=side)).status_code == 201
    assert await cases.ends() == [("charged_back", 10_000, 0, 0), ("split", 4_400, 32_592, 1_008)]
    await assert_clean(cases)


async def test_an_undecided_case_near_the_limit_goes_to_a_supervisor_and_is_refunded_at_the_limit(
    disputes: Disputes, drain: Drain, clock: Clock
) -> None:
    cases = disputes.cases
    assert (await disputes.post("/assignment", {}, by=cases.mediator)).status_code == 201
    await cases.sql("UPDATE deadline SET due_at = due_at + interval '100 days' WHERE name = 'first_ruling'")
    clock.forward(timedelta(days=80, hours=1))
    await drain()
    view = await disputes.get(cases.mediator)
    assert (view["state"], view["mediator_id"], view["needs_supervisor"]) == ("queued", None, True)
    clock.forward(timedelta(days=10))
    await drain()
    assert await disputes.parts() == {"refund": HELD}
    assert (await cases.case(disputes.case_id))["status"] == "closed"
    assert (await disputes.get(cases.buyer))["state"] == "final"
    await assert_clean(cases)


async def test_a_claim_that_is_no_dispute_yet_becomes_one_for_a_supervisor_near_the_limit(
    cases: Cases, drain: Drain, clock: Clock
) -> None:
    case = await cases.filed(await cases.order(), claim={"amount_minor": HELD, "currency": "CNY"})
    await cases.sql("UPDATE deadline SET due_at = due_at + interval '100 days' WHERE name = 'answer_claim'")
    clock.forward(timedelta(days=80, hours=1))
    await drain()
    assert (await cases.case(case["id"]))["status"] == "disputed"
    found = await cases.sql("SELECT state, needs_supervisor FROM dispute WHERE complaint_id = :id", id=case["id"])
    assert [tuple(row) for row in found] == [("queued", True)]


def test_the_notice_of_this_file_is_what_the_protocol_says() -> None:
    notice = ChargebackNotice("nt_1", "chargeback", "cb_1", "c", 1, "CNY", "fraud", "2026-11-22T08:00:00.000000Z")
    assert sorted(json.loads(encode(notice))) == sorted(
        ["id", "kind", "chargeback", "client_id", "amount_minor", "currency", "reason", "at"]
    )
