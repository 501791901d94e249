"""Alerts: one live row for each cause, seen by those whose matter it is."""

import asyncio
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from service.accounts.actions import create_tenant
from service.core.actor import COMMONS, SYSTEM, Actor, Grant, Role, SignIn
from service.core.errors import InvariantBroken
from service.core.ids import new_id
from service.db.session import Database
from service.escrow.alerts import (
    KINDS,
    alerts_page,
    clear_alert,
    count_live_alerts,
    live_alerts,
    raise_alert,
)
from service.web.words import PHRASES
from tests.escrow.world import World
from tests.world import make_account

LEDGER = ("ledger", "all")


def acting(role: Role, tenant_id: UUID) -> Actor:
    return Actor(new_id(), frozenset({Grant(role, tenant_id)}), SignIn.SESSION)


async def raised(database: Database, *, stops_sweep: bool = False, **facts: int) -> bool:
    async with database.begin() as tx:
        return await raise_alert(
            tx, "reconciliation_failed", LEDGER, facts=facts, stops_sweep=stops_sweep, now=await tx.now()
        )


async def cleared(database: Database) -> bool:
    async with database.begin() as tx:
        return await clear_alert(tx, "reconciliation_failed", LEDGER, now=await tx.now())


async def test_an_alert_is_raised_once_keeps_the_newest_facts_and_may_come_again_after_it_was_cleared(
    world: World,
) -> None:
    assert await raised(world.database, zero_sum=1)
    assert not await raised(world.database, zero_sum=1)
    assert not await raised(world.database, stops_sweep=True, zero_sum=2)
    assert not await raised(world.database, zero_sum=3)
    async with world.database.begin() as tx:
        (alert,) = await live_alerts(tx, SYSTEM)
        assert (alert.kind, alert.subject_kind, alert.subject_id) == ("reconciliation_failed", *LEDGER)
        assert (alert.facts, alert.stops_sweep, alert.cleared_at) == ({"zero_sum": 3}, True, None)
        assert await count_live_alerts(tx) == {"reconciliation_failed": 1}
    assert await cleared(world.database)
    assert not await cleared(world.database)
    assert await raised(world.database)
    async with world.database.begin() as tx:
        page = await alerts_page(tx, SYSTEM, is_live=False)
        assert [each.id for each in page.rows] == [alert.id]
        names = await tx.execute(text("SELECT name FROM event WHERE subject_kind = 'alert' ORDER BY seq"))
        assert list(names.scalars()) == ["alert.raised", "alert.cleared", "alert.raised"]


async def test_many_workers_that_find_the_same_raise_one_alert(world: World) -> None:
    found = await asyncio.gather(*(raised(world.database, n=1) for _ in range(8)))
    assert sorted(found) == [False] * 7 + [True]
    assert await world.value("SELECT count(*) FROM alert") == 1


async def test_supervisors_see_their_tenants_alerts_and_those_of_commons_what_concerns_all(world: World) -> None:
    async with world.database.begin() as tx:
        now = await tx.now()
        ours, theirs = await create_tenant(tx, "Ours", now=now), await create_tenant(tx, "Theirs", now=now)
        for tenant_id, subject_id in ((ours, "a"), (theirs, "b"), (None, "c")):
            await raise_alert(tx, "hold_near_limit", ("hold", subject_id), facts={}, tenant_id=tenant_id, now=now)

    async def seen(actor: Actor) -> set[str]:
        async with world.database.begin() as tx:
            return {each.subject_id for each in await live_alerts(tx, actor)}

    assert await seen(acting(Role.OPERATOR, COMMONS)) == {"a", "b", "c"}
    assert await seen(acting(Role.SUPERVISOR, ours)) == {"a"}
    assert await seen(acting(Role.SUPERVISOR, theirs)) == {"b"}
    assert await seen(acting(Role.SUPERVISOR, COMMONS)) == {"c"}
    assert await seen(acting(Role.MEDIATOR, ours)) == set()


async def test_alerts_are_listed_over_http_and_counted_in_readiness(client: httpx.AsyncClient, world: World) -> None:
    await raised(world.database, stops_sweep=True, zero_sum=1)
    headers = (await make_account(world.database, "olga", Role.OPERATOR)).by_key
    answer = await client.get("/api/v1/alerts", headers=headers)
    (shown,) = answer.json()["data"]
    assert shown["raised_at"].endswith("Z")
    assert {name: shown[name] for name in ("kind", "subject_kind", "subject_id", "facts", "stops_sweep")} == {
        "kind": "reconciliation_failed",
        "subject_kind": "ledger",
        "subject_id": "all",
        "facts": {"zero_sum": 1},
        "stops_sweep": True,
    }
    assert (await client.get("/api/v1/alerts?is_live=false", headers=headers)).json()["data"] == []
    assert (await client.get("/health/ready")).json()["alerts"] == {"reconciliation_failed": 1}


async def test_an_alert_of_an_unknown_kind_is_a_mistake_and_every_known_one_has_words(world: World) -> None:
    async with world.database.begin() as tx:
        with pytest.raises(InvariantBroken):
            await raise_alert(tx, "bored", LEDGER, facts={}, now=await tx.now())
    assert [kind for kind in sorted(KINDS) if f"alert.{kind}" not in PHRASES] == []
