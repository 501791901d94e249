"""Photos with a one-time code: who asks, who sees the code and when, who judges, and what is recorded."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from service.complaints import challenge_rules, challenges
from service.complaints.challenge_rules import CHALLENGE
from service.complaints.challenge_schemas import NewChallenge
from service.core.actor import Role
from service.core.errors import Conflict, Forbidden
from service.db.session import driver_url
from tests.complaints.challenging import ASKED, MINUTE, ask, asked, at, one, opened, send_photo
from tests.complaints.conftest import Cases
from tests.conftest import Clock
from tests.world import Whose


async def test_the_code_is_shown_to_the_asked_side_alone_and_to_mediators_with_the_photo(
    cases: Cases, drain: Any
) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    mine = await one(cases, case["id"], cases.buyer)
    assert (mine["status"], mine["code"], mine["text"]) == ("asked", None, ASKED["text"])
    assert at(mine["open_by"]) - at(mine["asked_at"]) == timedelta(hours=72)
    shown = await opened(cases, case["id"], challenge_id)
    assert shown["status"] == "opened"
    assert re.fullmatch(f"[{challenge_rules.ALPHABET}]{{3}}-[{challenge_rules.ALPHABET}]{{3}}", shown["code"])
    assert at(shown["answer_by"]) - at(shown["opened_at"]) == timedelta(minutes=15)
    for by in (cases.seller, cases.mediator, cases.who(Role.REGULATOR)):
        assert (await one(cases, case["id"], by))["code"] is None
    answer = await send_photo(cases, case["id"], challenge_id)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["status"], answer.json()["code"]) == ("answered", shown["code"])
    for by, code in ((cases.mediator, shown["code"]), (cases.who(Role.REGULATOR), shown["code"]), (cases.seller, None)):
        assert (await one(cases, case["id"], by))["code"] == code
    view = await cases.case(case["id"], cases.mediator)
    (photo,) = view["evidence"]
    assert (photo["file_id"], photo["side"]) == (answer.json()["file_id"], "buyer")
    await drain()
    assert (await cases.case(case["id"]))["evidence"][0]["state"] == "locked"
    facts = await cases.sql("SELECT facts::text AS told FROM event")
    assert not any(shown["code"] in row.told for row in facts)


async def test_opening_again_shows_the_same_code_and_gives_no_more_time(cases: Cases, clock: Clock) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    first = await opened(cases, case["id"], challenge_id)
    clock.forward(5 * MINUTE)
    assert await opened(cases, case["id"], challenge_id) == first
    assert (await cases.events(case["id"])).count("complaint.challenge_opened") == 1


async def test_whoever_does_not_open_it_in_three_days_is_recorded_as_silent(
    cases: Cases, clock: Clock, drain: Any
) -> None:
    case = await cases.filed(await cases.order(), harm="injury", kind="unsafe")
    challenge_id = await asked(cases, case["id"])
    clock.forward(timedelta(hours=72, seconds=1))
    late = await cases.send(f"/{case['id']}/challenges/{challenge_id}/opening")
    assert (late.status_code, late.json()["code"]) == (409, "challenge_expired")
    await drain()
    assert (await one(cases, case["id"]))["status"] == "expired"
    (told,) = await cases.sql("SELECT facts FROM event WHERE name = 'complaint.challenge_expired'")
    assert (told.facts["asked_side"], told.facts["reason"]) == ("buyer", "not_opened")
    assert (await asked(cases, case["id"])) != challenge_id  # and may be asked again


async def test_both_sides_are_asked_at_once_and_each_answers_its_own(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    buyers, sellers = await asked(cases, case["id"]), await asked(cases, case["id"], side="seller")
    again = await ask(cases, case["id"])
    assert (again.status_code, again.json()["code"]) == (409, "challenge_open_already")
    for challenge_id, other in ((sellers, cases.buyer), (buyers, cases.seller)):
        for path in ("opening", "photo"):
            refused = (
                await send_photo(cases, case["id"], challenge_id, by=other)
                if path == "photo"
                else await cases.send(f"/{case['id']}/challenges/{challenge_id}/{path}", by=other)
            )
            assert (refused.status_code, refused.json()["code"]) == (403, "not_your_part")
    codes = {
        (await opened(cases, case["id"], buyers))["code"],
        (await opened(cases, case["id"], sellers, cases.seller))["code"],
    }
    assert len(codes) == 2
    assert (await send_photo(cases, case["id"], sellers, by=cases.seller)).status_code == 201
    seen = await cases.get(f"/{case['id']}/challenges", by=cases.buyer)
    assert [(each["side"], each["status"], each["code"] in codes) for each in seen] == [
        ("buyer", "opened", True), ("seller", "answered", False),
    ]  # fmt: skip


async def test_two_mediators_at_once_ask_a_side_once(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    answers = await asyncio.gather(ask(cases, case["id"]), ask(cases, case["id"], by=cases.who(Role.SUPERVISOR)))
    assert sorted(each.status_code for each in answers) == [201, 409]
    assert len(await cases.get(f"/{case['id']}/challenges")) == 1


async def test_the_asked_side_finds_it_among_what_it_may_do_with_its_time(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])

    async def step() -> dict[str, Any]:
        view = await cases.case(case["id"])
        return next(dict(each) for each in view["available_actions"] if each["action"] == "answer_challenge")

    found = await step()
    assert (found["side"], found["on_expiry"]) == ("buyer", "recorded")
    assert found["due_at"] == (await one(cases, case["id"]))["open_by"]
    shown = await opened(cases, case["id"], challenge_id)
    assert (await step())["due_at"] == shown["answer_by"]
    page = (await cases.client.get("/api/v1/complaints", headers=cases.buyer.by_key)).json()["data"]
    assert (page[0]["due"]["action"], page[0]["due"]["due_at"]) == ("answer_challenge", shown["answer_by"])


async def test_a_mediator_says_once_whether_the_code_is_in_the_frame(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    path = f"/{case['id']}/challenges/{challenge_id}/judgement"
    early = await cases.send(path, {"verdict": "in_frame"}, by=cases.mediator)
    assert (early.status_code, early.json()["code"]) == (409, "challenge_state")
    await opened(cases, case["id"], challenge_id)
    assert (await send_photo(cases, case["id"], challenge_id)).status_code == 201
    judged = await cases.ok(path, {"verdict": "not_in_frame"}, by=cases.mediator)
    assert (judged["status"], judged["verdict"]) == ("answered", "not_in_frame")
    again = await cases.send(path, {"verdict": "in_frame"}, by=cases.who(Role.SUPERVISOR))
    assert (again.status_code, again.json()["code"]) == (409, "challenge_judged_already")
    assert (await one(cases, case["id"]))["verdict"] == "not_in_frame"
    story = await cases.get(f"/{case['id']}/timeline")
    told = [each for each in story if each["name"].startswith("complaint.challenge_")]
    assert [each["name"].removeprefix("complaint.challenge_") for each in told] == [
        "asked", "opened", "answered", "judged",
    ]  # fmt: skip
    assert told[-1]["facts"]["verdict"] == "not_in_frame"
    assert {each["facts"]["asked_side"] for each in told} == {"buyer"}


async def test_a_request_is_taken_back_and_one_that_was_answered_is_not(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    taken = await cases.ok(f"/{case['id']}/challenges/{challenge_id}/withdrawal", by=cases.mediator)
    assert taken["status"] == "withdrawn"
    for path in ("opening", "photo"):
        refused = (
            await send_photo(cases, case["id"], challenge_id)
            if path == "photo"
            else await cases.send(f"/{case['id']}/challenges/{challenge_id}/{path}")
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "challenge_state")
    second = await asked(cases, case["id"])
    await opened(cases, case["id"], second)
    assert (await send_photo(cases, case["id"], second)).status_code == 201
    refused = await cases.send(f"/{case['id']}/challenges/{second}/withdrawal", by=cases.mediator)
    assert (refused.status_code, refused.json()["code"]) == (409, "challenge_state")


async def test_the_end_of_a_case_takes_what_was_asked_back(cases: Cases, clock: Clock, drain: Any) -> None:
    case = await cases.filed(await cases.order())
    challenge_id = await asked(cases, case["id"])
    await opened(cases, case["id"], challenge_id)
    await cases.ok(f"/{case['id']}/withdrawal")
    assert (await one(cases, case["id"]))["status"] == "withdrawn"
    refused = await send_photo(cases, case["id"], challenge_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "challenge_state")
    again = await ask(cases, case["id"])
    assert (again.status_code, again.json()["code"]) == (409, "complaint_ended")
    clock.forward(timedelta(days=4))
    await drain()
    assert (await one(cases, case["id"]))["status"] == "withdrawn"


async def test_only_mediators_of_the_case_ask_and_judge(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    for by, status, code in (
        (cases.buyer, 403, "role_not_allowed"),
        (cases.seller, 403, "role_not_allowed"),
        (cases.who(Role.REGULATOR), 403, "role_not_allowed"),
        (cases.who(Role.MEDIATOR, Whose.FOREIGN), 404, "complaint_not_found"),
    ):
        refused = await ask(cases, case["id"], by=by)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await cases.get(f"/{case['id']}/challenges") == []


async def test_a_mediator_who_is_the_buyer_asks_nobody(cases: Cases) -> None:
    order_id = await cases.order()
    case = await cases.filed(order_id)
    await cases.sql(
        "INSERT INTO role_grant (id, person_id, role, tenant_id, granted_at)"
        " SELECT uuidv7(), :buyer, 'mediator', tenant_id, fairhold_now() FROM complaint WHERE id = :id",
        buyer=cases.buyer.person_id,
        id=case["id"],
    )
    actor = await cases.actor(cases.buyer)
    assert actor.has(Role.MEDIATOR)
    with pytest.raises(Forbidden) as refusal:
        async with cases.database.begin() as tx:
            await challenges.ask(tx, actor, UUID(case["id"]), NewChallenge("seller", "Box."), now=await tx.now())
    assert refusal.value.code == "not_your_part"
    assert await cases.get(f"/{case['id']}/challenges") == []


async def test_a_seller_who_was_not_reached_is_not_asked(cases: Cases) -> None:
    case = await cases.filed(await cases.order(), harm="injury", kind="unsafe")
    assert case["status"] == "triage"
    refused = await ask(cases, case["id"], side="seller")
    assert (refused.status_code, refused.json()["code"]) == (409, "side_not_reached")
    assert (await ask(cases, case["id"])).status_code == 201


async def test_a_side_is_asked_five_times_at_most(cases: Cases) -> None:
    case = await cases.filed(await cases.order())
    for _ in range(5):
        challenge_id = await asked(cases, case["id"])
        await cases.ok(f"/{case['id']}/challenges/{challenge_id}/withdrawal", by=cases.mediator)
    refused = await ask(cases, case["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "challenges_too_many")
    assert (await ask(cases, case["id"], side="seller")).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        "code = 'CCC-CCC'",
        "status = 'asked', code = NULL, opened_at = NULL, answer_by = NULL",
        "answer_by = answer_by + interval '1 hour'",
        "opened_at = opened_at + interval '1 hour'",
        "side = 'seller'",
        "status = 'answered'",
    ],
)
async def test_the_database_lets_nobody_rewrite_what_was_asked_and_shown(
    cases: Cases, owner_url: str, change: str
) -> None:
    case = await cases.filed(await cases.order())
    await opened(cases, case["id"], await asked(cases, case["id"]))
    with psycopg.connect(driver_url(owner_url), autocommit=True) as owner:
        for statement in (f"UPDATE challenge SET {change}", "DELETE FROM challenge"):
            with pytest.raises(psycopg.Error) as refusal:
                owner.execute(statement)  # type: ignore[call-overload]  # SQL above
            assert refusal.value.sqlstate in {"FH409", "23514"}


_WHO = ("buyer", "seller", "mediator", "system")


@pytest.mark.parametrize("status", CHALLENGE.states)
@pytest.mark.parametrize("action", CHALLENGE.actions)
def test_the_table_says_for_every_state_and_action_who_may(status: str, action: str) -> None:
    expected = {
        ("asked", "open"): ("opened", {"buyer", "seller"}),
        ("asked", "expire"): ("expired", {"system"}),
        ("asked", "withdraw"): ("withdrawn", {"mediator", "system"}),
        ("opened", "answer"): ("answered", {"buyer", "seller"}),
        ("opened", "expire"): ("expired", {"system"}),
        ("opened", "withdraw"): ("withdrawn", {"mediator", "system"}),
        ("answered", "judge"): ("answered", {"mediator"}),
    }.get((status, action))
    if expected is None:
        with pytest.raises(Conflict) as refusal:
            CHALLENGE.next(status, action)
        assert refusal.value.code == "challenge_state"
        return
    step = CHALLENGE.next(status, action)
    assert (step.to, set(step.who) & set(_WHO)) == expected


def test_a_code_has_no_look_alikes_and_every_byte_counts() -> None:
    assert not set("0OQD1ILJ2Z5S8B6GUVAE") & set(challenge_rules.ALPHABET)
    assert len(set(challenge_rules.ALPHABET)) == 16
    codes = [challenge_rules.code_of(bytes(each)) for each in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (255,) * 3)]
    assert codes == ["CCC-CCC", "FCC-CCC", "CCF-CCC", "CCC-CFC", "999-999"]


@pytest.mark.parametrize(
    ("viewer", "status", "is_seen"),
    [
        ("buyer", "opened", True),
        ("buyer", "expired", True),
        ("seller", "opened", False),
        ("seller", "answered", False),
        ("mediator", "opened", False),
        ("mediator", "expired", False),
        ("mediator", "answered", True),
        ("regulator", "answered", True),
        ("operator", "answered", False),
        ("platform", "answered", False),
    ],
)
def test_who_sees_the_code_of_a_buyers_challenge(viewer: str, status: str, is_seen: bool) -> None:
    assert challenge_rules.sees_code(viewer, "buyer", status) is is_seen
