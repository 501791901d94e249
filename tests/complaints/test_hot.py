"""Sending a claim by its prepared statements does exactly what the general way does, and refuses nothing else."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from service.app import Service
from service.core.actor import Role
from tests.changes import PLAIN, BothWays
from tests.complaints.attaching import form, jpeg_with_gps, upload
from tests.complaints.conftest import Cases
from tests.world import Whose


async def send(cases: Cases, case_id: str, media_type: str = PLAIN, **headers: str) -> httpx.Response:
    headers = {**cases.buyer.by_key, "content-type": media_type, **headers}
    return await cases.client.post(f"/api/v1/complaints/{case_id}/submission", headers=headers)


async def named(cases: Cases, order_id: UUID, case_id: str, reference: str) -> dict[object, str]:
    hold = (await cases.sql("SELECT id FROM hold WHERE reference_id = :id", id=order_id))[0]
    return {order_id: "order", hold.id: "hold", case_id: "case", reference: "reference"}


@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize(
    "told",
    [
        {},
        {
            "kind": "unsafe",
            "harm": "discomfort",
            "lot_text": "SY26J1807",
            "product_text": "面膜 mask",
            "shows_name": True,
        },
        {"wanted": "part_refund", "claim": {"amount_minor": 48_000, "currency": "CNY"}, "narrative": "批号 SY26J1807"},
    ],
)
async def test_a_claim_writes_and_answers_the_same(
    cases: Cases, service: Service, owner_url: str, told: dict[str, Any], delivered: bool
) -> None:
    platform = cases.who(Role.PLATFORM)
    names: dict[object, str] = {
        cases.seller_id: "seller", cases.world.tenant_ids[Whose.OWN]: "tenant", cases.goods.product_id: "product",
        cases.goods.batch_id: "batch", cases.buyer.person_id: "buyer", platform.person_id: "platform",
        **{f"{start}WX-{number}": f"{start}WX" for start in ("", "SB-") for number in (1, 2)},
    }  # fmt: skip
    orders = [await cases.order(ref, delivered=delivered) for ref in ("WX-1", "WX-2")]
    drafts = [await cases.draft(order_id, **told) for order_id in orders]
    for case_id in drafts:
        assert (await upload(cases, case_id, form(jpeg_with_gps()))).status_code == 201
    cases_as_drafts = [await cases.case(case_id) for case_id in drafts]
    things = [
        await named(cases, order_id, case_id, draft["reference"])
        for order_id, case_id, draft in zip(orders, drafts, cases_as_drafts, strict=True)
    ]

    async def submit(number: int, media_type: str) -> httpx.Response:
        return await send(cases, drafts[number], media_type)

    await BothWays(service, owner_url, names).are_alike((things[0], things[1]), submit)
    assert await cases.frozen() == 2
    for thing, case_id in zip(things, drafts, strict=True):
        held = next(key for key, name in thing.items() if name == "hold")
        told_of = await cases.sql(
            "SELECT name FROM event WHERE subject_id IN (:case_id, :held) ORDER BY seq DESC LIMIT 3",
            case_id=case_id,
            held=held,
        )
        assert [row.name for row in told_of] == ["complaint.with_seller", "complaint.submitted", "hold.frozen"]
        again = await send(cases, case_id)
        assert (again.status_code, again.json()["code"]) == (409, "complaint_sent")
    assert await cases.frozen() == 2


async def test_what_was_answered_is_what_is_read_and_a_retry_replays_it(cases: Cases, service: Service) -> None:
    case_id = await cases.draft(await cases.order())
    key = {"idempotency-key": "once"}
    answer = await send(cases, case_id, **key)
    assert (answer.status_code, service.hot_connections.answered) == (200, 1)
    assert await cases.case(case_id) == answer.json()
    again = await send(cases, case_id, **key)
    assert (again.headers["idempotency-replayed"], again.content) == ("true", answer.content)
    assert await cases.frozen() == 1


@pytest.mark.parametrize(
    "told",
    [
        {"harm": "injury"},
        {"claim": {"amount_minor": 100, "currency": "CNY"}},
        {"wanted": "replacement"},
    ],
)
async def test_triage_parts_and_no_claim_go_the_general_way(
    cases: Cases, service: Service, told: dict[str, Any]
) -> None:
    case_id = await cases.draft(await cases.order(), **told)
    assert (await send(cases, case_id)).status_code == 200
    assert service.hot_connections.answered == 0


async def test_a_frozen_scope_sends_the_claim_the_general_way_and_both_freezes_lie(
    cases: Cases, service: Service
) -> None:
    order_id = await cases.order()
    case_id = await cases.draft(order_id)
    await cases.sql(
        "WITH f AS (INSERT INTO scope_freeze (id, reason, source_id, at)"
        " VALUES (uuidv7(), 'signal', uuidv7(), fairhold_now()) RETURNING id)"
        " INSERT INTO scope_freeze_member (freeze_id, kind, key) SELECT id, 'batch', :batch FROM f",
        batch=str(cases.goods.batch_id),
    )
    answer = await send(cases, case_id)
    assert (answer.status_code, service.hot_connections.answered) == (200, 0)
    assert sorted(each["kind"] for each in answer.json()["hold"]["freezes"]) == ["claim", "scope"]


async def test_a_second_complaint_of_the_kind_goes_the_general_way_and_becomes_an_addition(
    cases: Cases, service: Service
) -> None:
    order_id = await cases.order()
    first, second = await cases.draft(order_id), await cases.draft(order_id)
    assert (await send(cases, first)).status_code == 200
    added = await send(cases, second)
    assert (added.status_code, added.json()["id"], service.hot_connections.answered) == (200, first, 1)
    assert (await cases.case(second))["status"] == "merged"
    assert await cases.frozen() == 1
