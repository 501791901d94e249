"""From a refused claim to a final ruling: who may, what moves, to the last minor unit."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.complaints.actions.submission import submit
from service.core.actor import COMMONS, Actor, Grant, Role, SignIn
from service.escrow.check import reconcile
from tests.complaints.conftest import Cases
from tests.conftest import Clock
from tests.world import Account, Whose

Drain = Callable[[], Awaitable[None]]
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
HELD = 48_000
CLAIM = {"amount_minor": HELD, "currency": "CNY"}


@dataclass(slots=True)
class Disputes:
    """A claim that the seller refused and the buyer put before a mediator."""

    cases: Cases
    case_id: str
    dispute_id: str

    async def post(self, path: str, body: Any = None, *, by: Account) -> Any:
        return await self.cases.client.post(f"/api/v1/disputes/{self.dispute_id}{path}", json=body, headers=by.by_key)

    async def get(self, by: Account) -> dict[str, Any]:
        answer = await self.cases.client.get(f"/api/v1/disputes/{self.dispute_id}", headers=by.by_key)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rule(self, buyer_minor: int, by: Account | None = None) -> Any:
        body = {"buyer": {"amount_minor": buyer_minor, "currency": "CNY"}, "reasons": "The photo shows the lot."}
        return await self.post("/ruling", body, by=by or self.cases.mediator)

    async def ruled(self, buyer_minor: int) -> None:
        assert (await self.post("/assignment", {}, by=self.cases.mediator)).status_code == 201
        assert (await self.rule(buyer_minor)).status_code == 201

    async def parts(self) -> dict[str, int]:
        """What moved out of the hold, by code."""
        found = await self.cases.sql(
            "SELECT code, amount_minor FROM transfer WHERE code <> 'fund'"
            " AND hold_id = (SELECT hold_id FROM complaint WHERE id = :id)",
            id=self.case_id,
        )
        return {row.code: row.amount_minor for row in found}

    async def hold_state(self) -> str:
        query = "SELECT h.state FROM hold h JOIN complaint c ON c.hold_id = h.id WHERE c.id = :id"
        return str((await self.cases.sql(query, id=self.case_id))[0][0])


@pytest.fixture
async def disputes(cases: Cases) -> Disputes:
    order_id = await cases.order()
    case = await cases.filed(order_id, claim=CLAIM)
    await cases.ok(
        f"/{case['id']}/answer", {"decision": "refuse", "text": "Our stock is another lot."}, by=cases.seller
    )
    dispute = await cases.ok(f"/{case['id']}/escalation")
    return Disputes(cases, case["id"], dispute["id"])


async def test_a_ruling_of_thirty_percent_moves_when_both_accept(disputes: Disputes) -> None:
    cases = disputes.cases
    await disputes.ruled(14_400)
    assert (await disputes.parts(), await disputes.hold_state()) == ({}, "in_window")
    assert (await disputes.post("/acceptance", by=cases.buyer)).status_code == 201
    assert await disputes.parts() == {}
    final = await disputes.post("/acceptance", by=cases.seller)
    assert (final.status_code, final.json()["state"]) == (201, "final")
    assert final.json()["ruling"]["accepted_by"] == ["buyer", "seller"]
    # 33,600 to the seller, less 3 % fee rounded down
    assert await disputes.parts() == {"refund": 14_400, "release": 32_592, "fee": 1_008}
    assert await disputes.hold_state() == "split"
    assert (await cases.case(disputes.case_id))["status"] == "settled"
    async with cases.database.begin() as tx:
        assert await reconcile(tx) == []


async def test_without_acceptance_a_ruling_is_final_after_ten_days(
    disputes: Disputes, clock: Clock, drain: Drain
) -> None:
    await disputes.ruled(HELD)
    clock.forward(timedelta(days=9, hours=23))
    await drain()
    assert await disputes.hold_state() == "in_window"
    clock.forward(timedelta(hours=1, seconds=5))
    await drain()
    assert (await disputes.hold_state(), await disputes.parts()) == ("refunded", {"refund": HELD})
    assert (await disputes.get(disputes.cases.buyer))["state"] == "final"


async def test_a_case_that_nobody_rules_goes_to_a_supervisor_and_is_never_decided_by_silence(
    disputes: Disputes, clock: Clock, drain: Drain
) -> None:
    cases = disputes.cases
    await disputes.post("/assignment", {}, by=cases.mediator)
    clock.forward(timedelta(days=14, seconds=5))
    await drain()
    view = await disputes.get(cases.mediator)
    assert (view["state"], view["mediator_id"], view["needs_supervisor"]) == ("queued", None, True)
    assert await disputes.parts() == {}
    refused = await disputes.post("/assignment", {}, by=cases.mediator)
    assert (refused.status_code, refused.json()["code"]) == (403, "supervisor_needed")
    supervisor = cases.who(Role.SUPERVISOR)
    body = {"mediator_id": str(cases.mediator.person_id)}
    assert (await disputes.post("/assignment", body, by=supervisor)).status_code == 201
    assert (await disputes.rule(0)).status_code == 201


async def test_only_the_mediator_who_has_the_case_rules(disputes: Disputes) -> None:
    cases = disputes.cases
    other, foreign = cases.who(Role.MEDIATOR, Whose.OTHERS), cases.who(Role.MEDIATOR, Whose.FOREIGN)
    early = await disputes.rule(1)
    assert (early.status_code, early.json()["code"]) == (409, "dispute_state")
    await disputes.post("/assignment", {}, by=cases.mediator)
    taken = await disputes.post("/assignment", {}, by=other)
    assert (taken.status_code, taken.json()["code"]) == (409, "dispute_assigned_already")
    assert (await disputes.rule(1, by=other)).json()["code"] == "not_your_case"
    assert (await disputes.rule(1, by=foreign)).status_code == 404
    assert (await disputes.rule(1, by=cases.buyer)).status_code == 403
    assert await disputes.parts() == {}


@pytest.mark.parametrize(
    ("buyer", "code"),
    [
        ({"amount_minor": HELD + 1, "currency": "CNY"}, "amount_above_hold"),
        ({"amount_minor": 100, "currency": "EUR"}, "currency_mismatch"),
        ({"amount_minor": -1, "currency": "CNY"}, "fields_wrong"),
        ({"amount_minor": 1.5, "currency": "CNY"}, "fields_wrong"),
    ],
)
async def test_a_ruling_that_does_not_fit_is_refused(disputes: Disputes, buyer: dict[str, Any], code: str) -> None:
    await disputes.post("/assignment", {}, by=disputes.cases.mediator)
    answer = await disputes.post("/ruling", {"buyer": buyer, "reasons": "x"}, by=disputes.cases.mediator)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await disputes.get(disputes.cases.mediator))["state"] == "in_review"
    assert await disputes.parts() == {}


async def test_reasons_are_needed(disputes: Disputes) -> None:
    await disputes.post("/assignment", {}, by=disputes.cases.mediator)
    for reasons in ("", " \n", "x" * 5001):
        body = {"buyer": {"amount_minor": 0, "currency": "CNY"}, "reasons": reasons}
        assert (await disputes.post("/ruling", body, by=disputes.cases.mediator)).status_code == 422
    assert (await disputes.get(disputes.cases.mediator))["ruling"] is None


async def test_each_side_accepts_once_and_nobody_else(disputes: Disputes) -> None:
    cases = disputes.cases
    await disputes.ruled(14_400)
    assert (await disputes.post("/acceptance", by=cases.mediator)).status_code == 403
    assert (await disputes.post("/acceptance", by=cases.who(Role.BUYER, Whose.OTHERS))).status_code == 404
    assert (await disputes.post("/acceptance", by=cases.buyer)).status_code == 201
    again = await disputes.post("/acceptance", by=cases.buyer)
    assert (again.status_code, again.json()["code"]) == (409, "accepted_already")
    assert await disputes.parts() == {}


async def test_both_accepting_at_once_move_the_money_once(disputes: Disputes) -> None:
    cases = disputes.cases
    await disputes.ruled(14_400)
    sent = [disputes.post("/acceptance", by=who) for who in (cases.buyer, cases.seller) * 3]
    answers = await asyncio.gather(*sent)
    assert sorted({answer.status_code for answer in answers}) == [201, 409]
    assert await disputes.parts() == {"refund": 14_400, "release": 32_592, "fee": 1_008}


async def test_a_case_is_escalated_once(disputes: Disputes) -> None:
    answer = await disputes.cases.send(f"/{disputes.case_id}/escalation")
    assert (answer.status_code, answer.json()["code"]) == (409, "complaint_state")
    assert (await disputes.cases.sql("SELECT count(*) FROM dispute WHERE complaint_id = :id", id=disputes.case_id))[0][
        0
    ] == 1


async def test_a_withdrawn_complaint_ends_its_dispute(disputes: Disputes, drain: Drain) -> None:
    await disputes.cases.ok(f"/{disputes.case_id}/withdrawal")
    await drain()
    assert (await disputes.get(disputes.cases.buyer))["state"] == "final"
    assert await disputes.cases.frozen() == 0
    assert await disputes.hold_state() == "in_window"


async def test_the_queue_shows_the_oldest_first_to_the_tenants_mediators(disputes: Disputes) -> None:
    client, cases = disputes.cases.client, disputes.cases
    listed = await client.get("/api/v1/disputes", params={"open": "true"}, headers=cases.mediator.by_key)
    rows = listed.json()["data"]
    assert [row["opened_at"] for row in rows] == sorted(row["opened_at"] for row in rows)
    assert (rows[-1]["id"], rows[-1]["on_expiry"]) == (disputes.dispute_id, "goes_to_supervisor")
    foreign = await client.get("/api/v1/disputes", headers=cases.who(Role.MEDIATOR, Whose.FOREIGN).by_key)
    assert disputes.dispute_id not in [row["id"] for row in foreign.json()["data"]]


async def test_a_ruling_waits_for_a_claim_that_is_on_its_way_and_decides_it(cases: Cases) -> None:
    order_id = await cases.order()
    case = await cases.filed(order_id, wanted="none")
    await cases.ok(f"/{case['id']}/answer", {"decision": "refuse", "text": "No."}, by=cases.seller)
    disputes = Disputes(cases, case["id"], (await cases.ok(f"/{case['id']}/escalation"))["id"])
    assert (await disputes.post("/assignment", {}, by=cases.mediator)).status_code == 201
    draft = UUID(await cases.draft(order_id, wanted="refund"))
    buyer = Actor(cases.buyer.person_id, frozenset({Grant(Role.BUYER, COMMONS)}), SignIn.API_KEY)
    async with cases.database.begin() as tx:
        await submit(tx, buyer, draft, now=await tx.now())
        ruling = asyncio.create_task(disputes.rule(HELD))
        async with asyncio.timeout(20):
            while not (await cases.sql(WAITING))[0][0]:  # noqa: ASYNC110 - PostgreSQL tells it only when asked
                await asyncio.sleep(0.01)
    assert (await ruling).status_code == 201
    assert (await cases.sql("SELECT held_minor, buyer_minor FROM ruling"))[0] == (HELD, HELD)
