"""Who sees which case, and what of it."""

from uuid import UUID

import pytest

from service.complaints.queries import case_facts, linked_complaints
from service.core.actor import Role
from tests.complaints.conftest import STORY, Cases
from tests.world import Whose

CONTACT = {"contact_email": "li@example.com", "contact_phone": "+8613900000000"}


@pytest.mark.parametrize(
    ("role", "whose", "status"),
    [
        (Role.BUYER, Whose.OTHERS, 404),
        (Role.SELLER, Whose.OTHERS, 404),
        (Role.MEDIATOR, Whose.FOREIGN, 404),
        (Role.SUPERVISOR, Whose.FOREIGN, 404),
        (Role.PLATFORM, Whose.FOREIGN, 404),
        (Role.SELLER, Whose.OWN, 200),
        (Role.MEDIATOR, Whose.OWN, 200),
        (Role.SUPERVISOR, Whose.OWN, 200),
        (Role.PLATFORM, Whose.OWN, 200),
        (Role.REGULATOR, Whose.FOREIGN, 200),
        (Role.OPERATOR, Whose.FOREIGN, 200),
    ],
)
async def test_a_case_is_there_for_its_sides_only(cases: Cases, role: Role, whose: Whose, status: int) -> None:
    case = await cases.filed(await cases.order())
    for path in ("", "/timeline"):
        answer = await cases.send(f"/{case['id']}{path}", by=cases.who(role, whose), method="GET")
        assert answer.status_code == status
    listed = await cases.get(f"?order_id={case['order_id']}", by=cases.who(role, whose))
    assert [each["id"] for each in listed["data"]] == ([case["id"]] if status == 200 else [])


async def test_a_draft_is_its_buyers_alone(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    for role in (Role.SELLER, Role.MEDIATOR, Role.SUPERVISOR, Role.REGULATOR, Role.OPERATOR, Role.PLATFORM):
        assert (await cases.send(f"/{case_id}", by=cases.who(role), method="GET")).status_code == 404


async def test_the_seller_reads_the_story_and_never_the_contact(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), **CONTACT)
    answer = await cases.send(f"/{case['id']}", by=cases.seller, method="GET")
    seen = answer.json()
    assert (seen["viewer"], seen["narrative"]) == ("seller", STORY)
    assert (seen["buyer_id"], seen["buyer_name"], seen["contact"]) == (None, None, None)
    for secret in (*CONTACT.values(), str(cases.buyer.person_id)):
        assert secret not in answer.text
    timeline = await cases.send(f"/{case['id']}/timeline", by=cases.seller, method="GET")
    assert str(cases.buyer.person_id) not in timeline.text


async def test_the_seller_learns_the_name_only_with_consent(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), shows_name=True)
    assert (await cases.case(case["id"], cases.seller))["buyer_name"] == "buyer-own"


async def test_operators_and_platforms_see_the_facts_and_nothing_that_was_written(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), **CONTACT, lot_text="SECRETLOT")
    for role in (Role.OPERATOR, Role.PLATFORM):
        answer = await cases.send(f"/{case['id']}", by=cases.who(role), method="GET")
        seen = answer.json()
        assert (seen["status"], seen["narrative"], seen["told"], seen["contact"]) == ("with_seller", None, None, None)
        assert not any(word in answer.text for word in (STORY, "SECRETLOT", *CONTACT.values()))


async def test_a_regulators_view_is_recorded(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), **CONTACT)
    seen = await cases.case(case["id"], cases.who(Role.REGULATOR))
    assert seen["contact"] == {"email": CONTACT["contact_email"], "phone": CONTACT["contact_phone"]}
    assert (await cases.events(case["id"]))[-1] == "complaint.viewed"
    for part in ("evidence", "challenges"):
        await cases.get(f"/{case['id']}/{part}", by=cases.who(Role.REGULATOR))
    assert (await cases.events(case["id"])).count("complaint.viewed") == 3
    assert "complaint.viewed" not in [each["name"] for each in await cases.get(f"/{case['id']}/timeline")]


async def test_lists_are_filtered_and_paged(cases: Cases) -> None:
    order_id = await cases.order()
    first = await cases.filed(order_id)
    second = await cases.filed(order_id, kind="damaged", wanted="none")
    page = await cases.get(f"?order_id={order_id}&limit=1", by=cases.seller)
    assert [each["id"] for each in page["data"]] == [second["id"]]
    after = await cases.get(f"?order_id={order_id}&limit=1&after={page['meta']['next']}", by=cases.seller)
    assert [each["id"] for each in after["data"]] == [first["id"]]
    assert after["data"][0]["due"]["action"] == "answer"
    assert after["meta"]["next"] is None
    assert len((await cases.get(f"?order_id={order_id}&kind=damaged&is_open=true&mine=true"))["data"]) == 1
    assert (await cases.get(f"?order_id={order_id}&risk=serious"))["data"] == []


async def test_a_mediator_does_not_decide_their_own_case(cases: Cases) -> None:
    """A seller who is a mediator too looks from the seller's side."""
    case = await cases.filed(await cases.order(), harm="injury")
    await cases.sql(
        "INSERT INTO role_grant (id, person_id, role, tenant_id, granted_at)"
        " VALUES (uuidv7(), :person, 'mediator', :tenant, fairhold_now())",
        person=cases.buyer.person_id,
        tenant=cases.world.tenant_ids[Whose.OWN],
    )
    async with cases.database.begin() as tx:
        assert (await case_facts(tx, [UUID(case["id"])]))[UUID(case["id"])].status == "triage"
    session = {"Cookie": f"fairhold_session={cases.buyer.session_token}"}
    answer = await cases.client.post(f"/api/v1/complaints/{case['id']}/triage", json={}, headers=session)
    assert answer.status_code == 403
    assert (await cases.case(case["id"]))["status"] == "triage"


async def test_facts_for_other_domains_leave_drafts_and_withdrawals_out(cases: Cases) -> None:
    order_id = await cases.order()
    kept = await cases.filed(order_id)
    gone = await cases.filed(order_id, kind="damaged", wanted="none")
    batch = {"batch_id": str(cases.goods.batch_id)}
    for case in (kept, gone):
        await cases.ok(f"/{case['id']}/link", batch, by=cases.mediator)
    await cases.ok(f"/{gone['id']}/withdrawal")
    async with cases.database.begin() as tx:
        found = await linked_complaints(tx, [cases.goods.batch_id], strict_only=True)
    assert [(str(each.id), each.link_is_strict, each.claim_minor) for each in found] == [(kept["id"], True, 48_000)]
