"""What the nightly check of stored evidence tells those who run the service, and when it stops telling it."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from service.app import Service
from service.core.actor import SYSTEM
from service.core.errors import Unavailable
from service.core.ids import new_id
from service.escrow.alerts import live_alerts
from service.escrow.evidence_checks import watch_evidence
from service.files import jobs
from service.files.check_queries import Scope, latest_runs
from service.files.check_runs import begin_check, verify_stored
from service.files.ownership import claim_buckets
from service.files.store import Bucket, Store
from tests.conftest import Clock
from tests.files.shelf import Shelf

Drain = Callable[[], Awaitable[None]]


@pytest.fixture
def buckets() -> str:
    """Buckets of this test's own: a check of everything would meet other tests' objects."""
    return f"k{secrets.token_hex(5)}"


@pytest.fixture
async def kept(service: Service) -> Shelf:
    """A locked file in a service of this test's own."""
    await service.store.ensure_buckets()
    await claim_buckets(service.database, service.store)
    shelf = Shelf(service.database, service.store, service.workshop, service.ring, new_id())
    await shelf.lock(await shelf.add())
    return shelf


async def night(service: Service, drain: Drain) -> None:
    """Let the watch look, and the worker work."""
    await service.database.run(watch_evidence)
    await drain()


async def alerts(service: Service) -> list[tuple[str, dict[str, Any]]]:
    async with service.database.begin() as tx:
        return [(each.kind, dict(each.facts)) for each in await live_alerts(tx, SYSTEM)]


async def test_damage_is_an_alert_that_stops_no_payment_and_goes_with_the_damage(
    kept: Shelf, service: Service, drain: Drain, clock: Clock, client: httpx.AsyncClient
) -> None:
    await night(service, drain)
    assert await alerts(service) == []
    async with service.database.begin() as tx:
        name = f"{await tx.scalar(text('SELECT object_name FROM stored_file'))}-view"
    sealed = await service.store.read(Bucket.VIEWS, name)
    await service.store.put_view(name, sealed[:-1] + bytes((sealed[-1] ^ 1,)))
    clock.forward(timedelta(days=1))
    await night(service, drain)
    ((kind, facts),) = await alerts(service)
    assert (kind, facts["findings"], facts["what"]) == ("evidence_damaged", 1, {"changed": 1})
    async with service.database.begin() as tx:
        assert (await latest_runs(tx))[0].id == UUID(facts["check_id"])
        assert not await tx.scalar(text("SELECT bool_or(stops_sweep) FROM alert"))
    assert (await client.get("/health/ready")).json()["alerts"] == {"evidence_damaged": 1}
    await service.store.put_view(name, sealed)
    clock.forward(timedelta(days=1))
    await night(service, drain)
    assert await alerts(service) == []
    async with service.database.begin() as tx:
        runs = await latest_runs(tx)
    assert [(each.files, each.findings, each.ended_at is not None) for each in runs] == [
        (1, 0, True), (1, 1, True), (1, 0, True),
    ]  # fmt: skip


async def test_a_store_that_is_down_all_night_is_no_damage_but_a_check_that_does_not_end(
    kept: Shelf, service: Service, drain: Drain, clock: Clock
) -> None:
    await service.database.run(watch_evidence)
    async with service.database.begin() as tx:
        check_id = await tx.scalar(text("SELECT id FROM file_check"))
        await tx.execute(text("DELETE FROM procrastinate_jobs"))
    settings = service.settings
    down = Store("127.0.0.1:9", settings.s3_access_key, settings.s3_secret_key, secure=False, prefix="none")
    with pytest.raises(Unavailable):
        await jobs.verify({"check_id": str(check_id)}, database=service.database, store=down, ring=service.ring)
    down.close()
    await service.database.run(watch_evidence)
    assert await alerts(service) == []
    clock.forward(timedelta(days=1, minutes=5))
    await service.database.run(watch_evidence)
    ((kind, facts),) = await alerts(service)
    assert (kind, facts["check_id"]) == ("evidence_not_checked", str(check_id))
    await drain()
    await service.database.run(watch_evidence)
    assert [kind for kind, _ in await alerts(service) if kind != "evidence_not_checked"] == []
    await drain()
    await service.database.run(watch_evidence)
    assert await alerts(service) == []


async def test_damage_that_a_check_by_hand_finds_is_an_alert_too_and_only_a_whole_check_clears_it(
    kept: Shelf, service: Service, drain: Drain
) -> None:
    async with service.database.begin() as tx:
        name = f"{await tx.scalar(text('SELECT object_name FROM stored_file'))}-thumbnail"
    sealed = await service.store.read(Bucket.VIEWS, name)
    await service.store.put_view(name, b"forged")
    await by_hand(service, Scope(case_ids=(kept.case_id,)))
    await drain()
    assert [kind for kind, _ in await alerts(service)] == ["evidence_damaged"]
    await service.store.put_view(name, sealed)
    await by_hand(service, Scope(case_ids=(kept.case_id,)))
    await drain()
    assert [kind for kind, _ in await alerts(service)] == ["evidence_damaged"]
    await by_hand(service, Scope())
    await drain()
    assert await alerts(service) == []


async def test_a_check_that_began_before_another_found_damage_does_not_clear_its_alert(
    kept: Shelf, service: Service, drain: Drain
) -> None:
    async with service.database.begin() as tx:
        earlier = await begin_check(tx, Scope(), now=await tx.now())
        name = f"{await tx.scalar(text('SELECT object_name FROM stored_file'))}-view"
    sealed = await service.store.read(Bucket.VIEWS, name)
    await service.store.put_view(name, b"forged")
    await by_hand(service, Scope(case_ids=(kept.case_id,)))
    await drain()
    await service.store.put_view(name, sealed)  # as whole as the earlier one would have found it
    await verify_stored(service.database, service.store, service.ring, earlier, Scope())
    await drain()
    assert [kind for kind, _ in await alerts(service)] == ["evidence_damaged"]
    await by_hand(service, Scope())
    await drain()
    assert await alerts(service) == []


async def by_hand(service: Service, scope: Scope) -> None:
    async with service.database.begin() as tx:
        check_id = await begin_check(tx, scope, now=await tx.now())
    await verify_stored(service.database, service.store, service.ring, check_id, scope)
