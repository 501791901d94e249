"""Where something was bought: a code, in the buyer's own case, for mediators, and never for the seller."""

from typing import Any
from uuid import UUID

import pytest

from service.complaints.actions.finding import query_of
from service.complaints.tables import Complaint
from service.core.actor import Role
from tests.complaints.conftest import Cases
from tests.complaints.test_anonymous import REPORT as REPORTED
from tests.complaints.test_anonymous import REPORTS, report
from tests.world import make_account

TOLD = {"product_text": "Suyun mask", "seller_text": "Shop own"}


async def asked_about(cases: Cases, case_id: str) -> tuple[str, str, UUID | None, str]:
    """What the matcher reads of the way of the goods."""
    async with cases.database.begin() as tx:
        complaint = await tx.get_one(Complaint, UUID(case_id))
        query = await query_of(tx, complaint)
    assert not isinstance(query.sold_by, str)
    return query.country, query.area, query.sold_by, query.agent_text


@pytest.mark.parametrize(
    ("bought_in", "place"),
    [("330100", ("CN", "330100")), ("US-CA", ("US", "US-CA")), ("SG", ("SG", "")), ("", ("", ""))],
)
async def test_a_place_is_told_and_read_back_and_the_matcher_reads_it(
    cases: Cases, bought_in: str, place: tuple[str, str]
) -> None:
    draft = await cases.draft(None, **TOLD, bought_in=bought_in, agent_text="Corner shop")
    assert (await cases.case(draft))["told"]["bought_in"] == bought_in
    assert await asked_about(cases, draft) == (*place, None, "Corner shop")


@pytest.mark.parametrize(
    "bought_in", ["33010", "3301000", "us", "USA", "US-", "浙江", "330100\n", "12 Lake Road", "x" * 99]
)
async def test_what_is_no_code_of_a_place_is_refused_and_changes_nothing(cases: Cases, bought_in: str) -> None:
    draft = await cases.draft(None, **TOLD, bought_in="330100")
    answer = await cases.send(f"/{draft}", {"bought_in": bought_in, "lot_text": "A1"}, method="PATCH")
    assert (answer.status_code, answer.json()["code"]) == (422, "place_malformed")
    assert '"bought_in"' in answer.text
    told = (await cases.case(draft))["told"]
    assert (told["bought_in"], told["lot_text"]) == ("330100", "")
    drafts = await cases.sql("SELECT count(*) FROM complaint")
    refused = await cases.send("", {**TOLD, "kind": "fake", "bought_in": bought_in})
    assert (refused.status_code, refused.json()["code"]) == (422, "place_malformed")
    assert await cases.sql("SELECT count(*) FROM complaint") == drafts


async def test_of_an_order_the_order_says_where_and_by_whom(cases: Cases) -> None:
    draft = await cases.draft(await cases.order(), bought_in="440300")
    assert await asked_about(cases, draft) == ("CN", "330100", cases.seller_id, "")


async def test_a_seller_that_was_named_by_its_id_sold_the_goods(cases: Cases) -> None:
    draft = await cases.draft(None, **TOLD, seller_id=str(cases.seller_id))
    assert (await asked_about(cases, draft))[2] == cases.seller_id


async def test_buyer_and_mediator_read_it_and_the_seller_does_not(cases: Cases) -> None:
    told = {**TOLD, "seller_id": str(cases.seller_id), "bought_in": "330100", "bought_on": "2026-01-05"}
    case = await cases.filed(None, **told)
    mediator = await make_account(cases.database, "commons-mediator", Role.MEDIATOR)
    assert case["status"] == "with_seller"
    for reader, place in ((cases.buyer, "330100"), (mediator, "330100"), (cases.seller, "")):
        seen = (await cases.case(case["id"], by=reader))["told"]
        assert (seen["bought_in"], seen["seller_text"]) == (place, "Shop own")


async def test_what_was_sent_is_not_changed_and_is_erased_with_the_words(cases: Cases) -> None:
    case = await cases.filed(None, **TOLD, bought_in="330100")
    changed = await cases.send(f"/{case['id']}", {"bought_in": "440000"}, method="PATCH")
    assert (changed.status_code, changed.json()["code"]) == (409, "complaint_sent")
    await cases.sql("DELETE FROM complaint_text WHERE complaint_id = :id", id=UUID(case["id"]))
    assert (await cases.case(case["id"]))["told"]["bought_in"] == ""
    assert await asked_about(cases, case["id"]) == ("", "", None, "")


async def test_a_report_without_an_account_may_say_where_too(cases: Cases) -> None:
    sent = await report(cases, bought_in="440000")
    assert sent["complaint"]["told"]["bought_in"] == "440000"
    told: dict[str, Any] = {**REPORTED, "bought_in": "Lake Road"}
    refused = await cases.client.post(REPORTS, json=told)
    assert (refused.status_code, refused.json()["code"]) == (422, "place_malformed")
