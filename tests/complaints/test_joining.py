"""Other people's complaints are joined to a case by a mediator: who learns what of whom, and what is refused."""

from typing import Any
from uuid import UUID

from service.complaints.queries import complainants_of
from service.complaints.telling import OF_WHOLE
from service.core.actor import COMMONS, Role
from tests.complaints.conftest import STORY, Cases
from tests.complaints.test_anonymous import by_token, mediated, report
from tests.world import Whose


async def parted(cases: Cases) -> tuple[dict[str, Any], dict[str, Any]]:
    """A buyer's case, and the anonymous report of the one for whom the gift was, both before one mediator."""
    await mediated(cases)
    case = await cases.filed(await cases.order())
    return case, await report(cases)


async def join(cases: Cases, complaint_id: str, parent_id: str, **more: Any) -> Any:
    return await cases.send(f"/{complaint_id}/parent", {"parent_id": parent_id, **more}, by=cases.mediator)


async def test_all_complainants_of_a_case_are_kept_and_told_of_its_course(cases: Cases) -> None:
    case, sent = await parted(cases)
    theirs = sent["complaint"]["id"]
    joined = await join(cases, theirs, case["id"], text="The gift was for her.")
    assert (joined.status_code, joined.json()["status"]) == (200, "merged"), joined.text
    assert joined.json()["part_of"]["reference"] == case["reference"]
    seen = await cases.case(case["id"], cases.mediator)
    assert [(each["complaint_id"], each["is_anonymous"]) for each in seen["joined"]] == [(theirs, True)]
    assert (seen["harm"], seen["risk"]) == ("discomfort", "low")
    async with cases.database.begin() as tx:
        everybody = await complainants_of(tx, UUID(case["id"]))
    assert [(str(each.complaint_id), each.person_id, each.is_first) for each in everybody] == [
        (case["id"], cases.buyer.person_id, True),
        (theirs, None, False),
    ]
    await cases.ok(f"/{case['id']}/answer", {"decision": "accept"}, by=cases.seller)
    headers = by_token(sent)
    view = (await cases.client.get(f"/api/v1/complaints/{theirs}", headers=headers)).json()
    assert view["part_of"] == {
        "complaint_id": None, "reference": None, "status": "settled", "outcome": "accepted",
        "ended_at": view["part_of"]["ended_at"],
    }  # fmt: skip
    told = (await cases.client.get(f"/api/v1/complaints/{theirs}/timeline", headers=headers)).json()
    assert [each["name"] for each in told][-2:] == ["complaint.joined", "complaint.settled"]
    assert told[-1]["facts"] == {}


async def test_who_was_joined_learns_that_the_case_was_ruled_on_and_not_how(cases: Cases) -> None:
    case, sent = await parted(cases)
    assert (await join(cases, sent["complaint"]["id"], case["id"])).status_code == 200
    await cases.ok(f"/{case['id']}/answer", {"decision": "refuse", "text": "No."}, by=cases.seller)
    dispute = await cases.ok(f"/{case['id']}/escalation")
    path, by = f"/api/v1/disputes/{dispute['id']}", cases.mediator.by_key
    assert (await cases.client.post(f"{path}/assignment", json={}, headers=by)).status_code == 201
    half = {"buyer": {"amount_minor": 24_000, "currency": "CNY"}, "reasons": "Half."}
    assert (await cases.client.post(f"{path}/ruling", json=half, headers=by)).status_code == 201
    theirs = f"/api/v1/complaints/{sent['complaint']['id']}/timeline"
    told = (await cases.client.get(theirs, headers=by_token(sent))).json()
    course = [(each["name"], each["facts"]) for each in told if each["name"] in OF_WHOLE]
    assert [each for each in course if each[0] != "complaint.triaged"] == [
        ("complaint.with_seller", {}), ("complaint.answered", {}), ("complaint.disputed", {}), ("dispute.ruled", {}),
    ]  # fmt: skip


async def test_the_parties_do_not_learn_of_each_other(cases: Cases) -> None:
    case, sent = await parted(cases)
    assert (await join(cases, sent["complaint"]["id"], case["id"])).status_code == 200
    for by in (cases.buyer, cases.seller):
        answer = await cases.send(f"/{case['id']}", by=by, method="GET")
        timeline = await cases.send(f"/{case['id']}/timeline", by=by, method="GET")
        for secret in (sent["complaint"]["id"], sent["complaint"]["reference"], "My skin burned", "joined to"):
            assert secret not in answer.text + timeline.text
        assert answer.json()["joined"] == []
    theirs = f"/api/v1/complaints/{sent['complaint']['id']}"
    answer = await cases.client.get(theirs, headers=by_token(sent))
    for secret in (case["id"], case["reference"], STORY, str(cases.buyer.person_id)):
        assert secret not in answer.text


async def test_a_mediator_of_the_joined_complaint_alone_learns_no_more_of_the_case_than_its_complainant(
    cases: Cases,
) -> None:
    case, sent = await parted(cases)
    theirs, stranger = sent["complaint"]["id"], cases.who(Role.MEDIATOR, Whose.FOREIGN)
    await cases.sql(
        "INSERT INTO role_grant (id, person_id, role, tenant_id, granted_at)"
        " VALUES (uuidv7(), :person, 'mediator', :commons, fairhold_now())",
        person=stranger.person_id, commons=str(COMMONS),
    )  # fmt: skip
    assert (await join(cases, theirs, case["id"])).status_code == 200
    await cases.ok(f"/{case['id']}/answer", {"decision": "refuse", "text": "No."}, by=cases.seller)
    assert (await cases.send(f"/{case['id']}", by=stranger, method="GET")).status_code == 404
    for by, reference, facts in (
        (stranger, None, {}),
        (cases.mediator, case["reference"], {"decision": "refuse"}),
    ):
        assert (await cases.case(theirs, by))["part_of"]["reference"] == reference
        told = {each["name"]: each["facts"] for each in await cases.get(f"/{theirs}/timeline", by=by)}
        assert told["complaint.answered"] == facts
        assert ("complaint.complainant_joined" in told) is (by is cases.mediator)


async def test_who_was_joined_adds_to_their_own_part_until_the_case_ends(cases: Cases) -> None:
    case, sent = await parted(cases)
    theirs, headers = f"/api/v1/complaints/{sent['complaint']['id']}", by_token(sent)
    await join(cases, sent["complaint"]["id"], case["id"])
    added = await cases.client.post(f"{theirs}/entries", json={"text": "Still red."}, headers=headers)
    assert (added.status_code, added.json()["entries"][0]["text"]) == (201, "Still red.")
    assert (await cases.case(case["id"]))["entries"] == []
    await cases.ok(f"/{case['id']}/answer", {"decision": "accept"}, by=cases.seller)
    refused = await cases.client.post(f"{theirs}/entries", json={"text": "More."}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "complaint_ended")


async def test_what_cannot_be_joined_is_refused_and_stays(cases: Cases) -> None:
    case, sent = await parted(cases)
    theirs = sent["complaint"]["id"]
    other = await cases.filed(await cases.order("WX-2"))
    refusals = [
        (await join(cases, theirs, theirs), 422, "join_to_itself"),
        (await join(cases, other["id"], case["id"]), 409, "join_claims"),
        (await join(cases, theirs, "0198f3a1-7c2e-7d10-9b54-3f6a2c8e1d07"), 404, "complaint_not_found"),
    ]
    assert [(each.status_code, each.json()["code"]) for each, _, _ in refusals] == [
        (status, code) for _, status, code in refusals
    ]
    assert (await join(cases, theirs, case["id"])).status_code == 200
    third = (await report(cases))["complaint"]["id"]
    assert (await join(cases, third, theirs)).json()["code"] == "complaint_ended"
    assert (await cases.case(third, cases.mediator))["status"] == "triage"


async def test_a_case_that_has_a_part_of_its_own_is_joined_to_nothing_be_it_another_persons_or_an_addition(
    cases: Cases,
) -> None:
    case, sent = await parted(cases)
    orders = [await cases.order(ref) for ref in ("WX-2", "WX-3")]
    added_to, joined_to = [await cases.filed(order, wanted="none") for order in orders]
    await cases.ok(f"/{await cases.draft(orders[0], wanted='none')}/submission")
    assert (await join(cases, sent["complaint"]["id"], joined_to["id"])).status_code == 200
    for each in (added_to, joined_to):
        refused = await join(cases, each["id"], case["id"])
        assert (refused.status_code, refused.json()["code"]) == (409, "join_has_joined")
        assert (await cases.case(each["id"]))["status"] == each["status"]
