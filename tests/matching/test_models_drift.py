"""Drift: what could not be placed and which links people changed, by model and time; and the alert about it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.complaints import rules
from service.complaints.models import shipped_report
from service.complaints.queries.drift import Drift, drift, newest_links
from service.complaints.watching import matching_now, watch_matching
from service.core.actor import Role
from service.escrow.alerts import live_alerts
from service.worker.host import HOUSEKEEPING
from tests.complaints.conftest import Cases, cases
from tests.complaints.test_linking import register
from tests.conftest import Clock
from tests.matching.modelling import SHIPPED, deployed, kept, tried

__all__ = ["cases"]


@pytest.fixture
async def quiet(cases: Cases, clock: Clock) -> Cases:
    """Cases long after what the world has brought with it."""
    clock.forward(timedelta(days=100))
    return cases


async def counted(cases: Cases) -> dict[tuple[str, int], Drift]:
    async with cases.database.begin() as tx:
        return {(each.version, each.days): each for each in await drift(tx, now=await tx.now())}


async def sent(cases: Cases) -> UUID:
    """A complaint that was sent, and is not yet tried."""
    return UUID((await cases.filed(product_text="Suyun Sheet Mask", seller_text="Suyun"))["id"])


async def say(cases: Cases, complaint_id: UUID, *said: tuple[str, UUID | None], **more: Any) -> None:
    """Write tries and choices, in their order."""
    async with cases.database.begin() as tx:
        for by, batch_id in said:
            await tried(tx, complaint_id, by=by, batch_id=batch_id, **(more if by == "automatic" else {}))


async def test_complaints_and_links_are_counted_by_model_for_7_and_for_30_days(quiet: Cases, clock: Clock) -> None:
    other = UUID(await register(quiet, "ZX1", "Rice cooker"))
    ours = quiet.goods.batch_id
    old = [await sent(quiet) for _ in range(2)]
    await say(quiet, old[0], ("automatic", ours), ("mediator", ours))
    await say(quiet, old[1], ("automatic", None), version="older")
    clock.forward(timedelta(days=10))
    new = [await sent(quiet) for _ in range(3)]
    await say(quiet, new[0], ("automatic", ours), ("buyer", other))
    await say(quiet, new[1], ("automatic", None))
    await say(quiet, new[2], ("automatic", ours))
    found = await counted(quiet)
    assert found == {
        ("older", 30): Drift("older", 30, tried=1, unmatched=1, links=0, overridden=0),
        (SHIPPED, 7): Drift(SHIPPED, 7, tried=3, unmatched=1, links=2, overridden=1),
        (SHIPPED, 30): Drift(SHIPPED, 30, tried=4, unmatched=1, links=3, overridden=1),
        ("", 7): Drift("", 7, tried=3, unmatched=1, links=2, overridden=1),
        ("", 30): Drift("", 30, tried=5, unmatched=2, links=3, overridden=1),
    }
    assert (found["", 30].unmatched_share, found["", 7].overridden_share) == (2 / 5, 1 / 2)
    assert found["older", 30].overridden_share is None
    clock.forward(timedelta(days=31))
    assert await counted(quiet) == {}


async def test_only_the_newest_try_of_a_complaint_says_whether_it_could_be_placed(quiet: Cases) -> None:
    case = await sent(quiet)
    await say(quiet, case, ("automatic", None), version="older")
    await say(quiet, case, ("automatic", quiet.goods.batch_id))
    assert {(each.version, each.tried, each.unmatched) for each in (await counted(quiet)).values()} == {
        (SHIPPED, 1, 0),
        ("", 1, 0),
    }


async def test_what_is_overridden_is_peoples_last_word_on_a_link_and_not_the_matchers(quiet: Cases) -> None:
    other = UUID(await register(quiet, "ZX1", "Rice cooker"))
    ours = quiet.goods.batch_id
    for said, overridden in (
        ([("automatic", ours), ("buyer", other), ("buyer", ours)], 0),  # back again
        ([("automatic", ours), ("buyer", ours), ("mediator", None)], 1),  # taken away
        ([("automatic", ours), ("mediator", ours), ("buyer", other)], 0),  # the mediator's word stands
        ([("automatic", other), ("automatic", ours), ("mediator", ours)], 0),  # the matcher moved it itself
        ([("automatic", ours), ("mediator", None), ("automatic", None), ("mediator", ours)], 1),
        ([("mediator", other), ("automatic", ours)], 0),  # said before the link
    ):
        before = (await counted(quiet)).get(("", 7), Drift("", 7, 0, 0, 0, 0))
        await say(quiet, await sent(quiet), *said)
        now = (await counted(quiet))["", 7]
        assert now.overridden - before.overridden == overridden, said


async def test_withdrawn_complaints_and_drafts_are_not_counted(quiet: Cases) -> None:
    case = await sent(quiet)
    await say(quiet, case, ("automatic", None))
    assert (await counted(quiet))["", 7].tried == 1
    await quiet.ok(f"/{case}/withdrawal", {})
    assert await counted(quiet) == {}


async def test_an_alert_is_raised_when_people_override_more_than_twice_what_is_promised(quiet: Cases) -> None:
    operator = await quiet.actor(quiet.who(Role.OPERATOR))
    case, ours = await sent(quiet), quiet.goods.batch_id
    overridden: list[tuple[str, UUID | None]] = [("automatic", ours), ("mediator", None)]

    async def watched() -> list[dict[str, Any]]:
        async with quiet.database.begin() as tx:
            await watch_matching(tx)
            return [dict(each.facts) for each in await live_alerts(tx, operator) if each.kind == "matching_overridden"]

    assert rules.overrides_allowed() == 4
    await say(quiet, case, *overridden * 4)
    assert await watched() == []
    await say(quiet, case, *overridden)
    async with quiet.database.begin() as tx:
        links = (await newest_links(tx)).links
    raised = {"links": links, "overridden": 5, "model": SHIPPED}
    assert await watched() == [raised]
    assert await watched() == [raised], "once"
    told = await quiet.sql("SELECT count(*) FROM event WHERE name = 'alert.raised'")
    assert told[0][0] == 1
    good: list[tuple[str, UUID | None]] = [("automatic", ours)]
    await say(quiet, case, *good * (rules.OVERRIDES_WATCHED - 2))
    assert await watched() == [], "of the newest 200 only the last was overridden"


async def test_the_view_holds_the_drift_against_the_report_of_the_model_in_force(quiet: Cases) -> None:
    async def now() -> tuple[Any, ...]:
        async with quiet.database.begin() as tx:
            view = await matching_now(tx)
            return view.version, view.origin, view.unmatched_expected, view.overridden_expected, view.overridden_max

    expected = shipped_report()["expected"]
    assert 0 < expected["overridden"] < 0.01 < expected["unmatched"] < 0.2
    assert await now() == (SHIPPED, "shipped", expected["unmatched"], expected["overridden"], 4)
    version = await kept(quiet.database)
    await deployed(quiet.database, version)
    assert await now() == (version, "trained", 0.06, 0.006, 4)


async def test_operators_and_supervisors_read_it_over_http(cases: Cases) -> None:
    await say(cases, await sent(cases), ("automatic", cases.goods.batch_id))
    await cases.database.run(watch_matching)
    for role, status in ((Role.OPERATOR, 200), (Role.SUPERVISOR, 200), (Role.MEDIATOR, 403), (Role.BUYER, 403)):
        answer = await cases.client.get("/api/v1/matching", headers=cases.who(role).by_key)
        assert answer.status_code == status, role
        if status == 200:
            assert answer.json()["version"] == SHIPPED
            assert {each["days"] for each in answer.json()["drift"]} == {7, 30}


async def test_the_worker_counts_once_in_a_while_and_readers_read_what_it_counted(quiet: Cases, clock: Clock) -> None:
    async def links() -> list[int]:
        async with quiet.database.begin() as tx:
            view = await matching_now(tx)
            assert (view.counted_at is None) == (view.drift == [])
            return [each.links for each in view.drift]

    await say(quiet, await sent(quiet), ("automatic", quiet.goods.batch_id))
    assert await links() == []
    await quiet.database.run(watch_matching)
    assert await links() == [1, 1, 1, 1]
    await say(quiet, await sent(quiet), ("automatic", quiet.goods.batch_id))
    await quiet.database.run(watch_matching)
    assert await links() == [1, 1, 1, 1], "another worker counted a moment ago"
    clock.forward(timedelta(minutes=5))
    await quiet.database.run(watch_matching)
    assert await links() == [2, 2, 2, 2]


def test_the_worker_watches_the_matcher() -> None:
    assert [each.name for each in HOUSEKEEPING if each.work is watch_matching] == ["matching"]
