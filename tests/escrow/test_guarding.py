"""Checks that come round by themselves: what they find stops paying until it is put right."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from service.core.actor import SYSTEM
from service.core.money import Money
from service.core.wire import Kind
from service.escrow.alerts import AlertView, live_alerts
from service.escrow.check import RULES, check_rules
from service.escrow.gateway import HttpGateway
from service.escrow.guarding import queue_checks, reconcile_ledger, verify_whole_chain
from service.files.store import Store
from tests.conftest import Clock, DatabaseUrls
from tests.escrow.asking import carry_out, switch
from tests.escrow.sealed import grow, superuser
from tests.escrow.unmoved import unmoved
from tests.escrow.world import WINDOW, World
from tests.sandbox.running import Sandbox, capture


async def alerts(world: World) -> Mapping[str, AlertView]:
    async with world.database.begin() as tx:
        return {each.kind: each for each in await live_alerts(tx, SYSTEM)}


async def funded(world: World, gateway: HttpGateway, amount_minor: int = 10_000) -> None:
    """Fund and deliver a hold whose money the provider really took."""
    payment_id = await world.request(Money(amount_minor, "CNY"), batch_id=world.batch_id)
    assert await carry_out(world, gateway, payment_id) == "done"
    await world.deliver(await world.value("SELECT id FROM hold WHERE payment_id = :id", id=payment_id))


async def reconcile(world: World, gateway: HttpGateway) -> None:
    await reconcile_ledger({}, database=world.database, gateway=gateway)


async def test_a_clean_ledger_that_agrees_with_the_provider_raises_nothing(
    world: World, gateway: HttpGateway, sandbox: Sandbox
) -> None:
    await funded(world, gateway)
    await reconcile(world, gateway)
    await funded(world, gateway)
    await reconcile(world, gateway)
    assert await alerts(world) == {}
    assert await world.value("SELECT count(*) FROM statement_line") == 2
    assert await world.value("SELECT ended_at = fairhold_now() OR ended_at > '2026-01-01' FROM ledger_check LIMIT 1")


BREAKS: list[tuple[str, str]] = [
    ("locked_is_derived", "UPDATE account SET balance_minor = balance_minor + 1 WHERE kind = 'payable'"),
    ("drained_exactly", "UPDATE transfer SET amount_minor = amount_minor - 1 WHERE code = 'release'"),
    ("one_funding", "DELETE FROM transfer WHERE code = 'fund'"),
    ("held_is_open_holds", "UPDATE hold SET amount_minor = amount_minor + 1 WHERE ended_at IS NULL"),
    ("end_has_resolution", "DELETE FROM resolution"),
    ("account_of_transfer", "DELETE FROM account WHERE kind = 'held'"),
    ("freeze_count", "UPDATE hold SET freeze_count = 1 WHERE freeze_count = 0 AND state = 'released'"),
    ("payment_is_on_statement", "DELETE FROM statement_line WHERE position = 1"),
    ("statement_is_in_payments", "UPDATE payment SET amount_minor = amount_minor + 1"),
    ("statement_has_each_once", "UPDATE statement_line SET client_id = (SELECT min(client_id) FROM statement_line)"),
]


async def test_each_kind_of_break_is_found_by_its_rule(
    world: World, gateway: HttpGateway, sandbox: Sandbox, urls: DatabaseUrls
) -> None:
    await funded(world, gateway)
    await world.waive(await world.value("SELECT id FROM hold"))
    await funded(world, gateway)
    await reconcile(world, gateway)
    assert await alerts(world) == {}
    tables = sorted({"account", "transfer", "hold", "resolution", "statement_line", "payment"})
    with superuser(urls.admin) as admin:
        for table in tables:
            admin.execute(f"CREATE TABLE kept_{table} AS TABLE {table}")
    for rule, query in BREAKS:
        with superuser(urls.admin) as admin:
            admin.execute(query)  # type: ignore[call-overload]  # SQL of this test
        broken = {each.rule async for each in check_rules(world.database) if not each.holds}
        assert rule in broken, f"{rule}: {broken}"
        with superuser(urls.admin) as admin:
            for table in tables:
                columns = admin.execute(
                    "SELECT string_agg(column_name, ', ') FROM information_schema.columns WHERE table_name = %s"
                    " AND is_generated = 'NEVER'",
                    (table,),
                ).fetchone()[0]  # type: ignore[index]  # one row
                admin.execute(f"DELETE FROM {table}")
                admin.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept_{table}")
    assert [each.rule async for each in check_rules(world.database) if not each.holds] == []


async def test_a_failing_rule_stops_the_sweep_until_a_clean_run_clears_it(
    world: World, gateway: HttpGateway, sandbox: Sandbox, urls: DatabaseUrls, clock: Clock
) -> None:
    for _ in range(3):
        await funded(world, gateway)
    with superuser(urls.admin) as admin:
        admin.execute("UPDATE account SET balance_minor = balance_minor + 1 WHERE kind = 'payable'")
    await reconcile(world, gateway)
    alert = (await alerts(world))["reconciliation_failed"]
    assert (alert.stops_sweep, alert.facts) == (True, {"rules": {"locked_is_derived": 1}})
    clock.forward(WINDOW + timedelta(minutes=1))
    async with unmoved(world.database):
        assert await world.sweep() == 0
    # The buyer's own waiver still settles within the ledger: what is stopped is paying by itself, and paying out.
    await world.waive(await world.value("SELECT id FROM hold ORDER BY id LIMIT 1"))
    with superuser(urls.admin) as admin:
        admin.execute("UPDATE account SET balance_minor = balance_minor - 1 WHERE kind = 'payable'")
    await reconcile(world, gateway)
    assert await alerts(world) == {}
    assert await world.sweep() == 2


async def test_money_that_only_one_side_knows_of_is_found(world: World, gateway: HttpGateway, sandbox: Sandbox) -> None:
    await funded(world, gateway)
    sandbox.ask(Kind.CAPTURE, capture("stranger"), now=await world.value("SELECT fairhold_now()"))
    await reconcile(world, gateway)
    assert (await alerts(world))["reconciliation_failed"].facts == {"rules": {"statement_is_in_payments": 1}}
    await world.fund()  # recorded as done, and the provider knows nothing of it
    await reconcile(world, gateway)
    assert (await alerts(world))["reconciliation_failed"].facts == {
        "rules": {"payment_is_on_statement": 1, "statement_is_in_payments": 1}
    }


async def test_a_provider_that_does_not_answer_is_told_and_stops_nothing(
    world: World, gateway: HttpGateway, sandbox: Sandbox
) -> None:
    await funded(world, gateway)
    await switch(world, sandbox, down=True)
    await reconcile(world, gateway)
    (alert,) = (await alerts(world)).values()
    assert (alert.kind, alert.stops_sweep) == ("statement_not_read", False)
    await switch(world, sandbox, down=False)
    await reconcile(world, gateway)
    assert await alerts(world) == {}


async def test_a_changed_row_stops_paying_and_only_a_whole_verification_clears_it(
    world: World, gateway: HttpGateway, sandbox: Sandbox, store: Store, urls: DatabaseUrls, clock: Clock
) -> None:
    await grow(world, clock, 2)
    await verify_whole_chain({}, database=world.database, store=store)
    assert await alerts(world) == {}
    change = "UPDATE event SET name = name || {} WHERE seq = (SELECT min(seq) FROM event)"
    with superuser(urls.admin) as admin:
        admin.execute(change.format("'x'"))  # type: ignore[call-overload]  # SQL of this test
    await verify_whole_chain({}, database=world.database, store=store)
    alert = (await alerts(world))["seal_failure"]
    assert (alert.stops_sweep, alert.facts) == (True, {"seal_number": 1, "problems": 1})
    await reconcile(world, gateway)
    assert (await alerts(world))["seal_failure"].id == alert.id
    with superuser(urls.admin) as admin:
        admin.execute("UPDATE event SET name = left(name, -1) WHERE seq = (SELECT min(seq) FROM event)")
    await verify_whole_chain({}, database=world.database, store=store)
    assert "seal_failure" not in await alerts(world)


async def test_new_seals_are_verified_every_hour_from_where_the_last_check_ended(
    world: World, gateway: HttpGateway, sandbox: Sandbox, urls: DatabaseUrls, clock: Clock
) -> None:
    await grow(world, clock, 2)
    await reconcile(world, gateway)
    assert await world.value("SELECT mark FROM ledger_check WHERE name = 'verify'") == 2
    await grow(world, clock, 1)
    with superuser(urls.admin) as admin:
        admin.execute("UPDATE event SET at = at + interval '1 s' WHERE seq = (SELECT max(seq) FROM event WHERE"
                      " xid < (SELECT max(to_xid::text) FROM seal)::xid8)")  # fmt: skip
    await reconcile(world, gateway)
    assert (await alerts(world))["seal_failure"].facts == {"seal_number": 3, "problems": 1}


async def test_checks_come_round_by_the_one_clock_once_however_many_workers_ask(world: World, clock: Clock) -> None:
    async def asked() -> dict[str, int]:
        async def ask() -> None:
            async with world.database.begin() as tx:
                await queue_checks(tx)

        await asyncio.gather(*(ask() for _ in range(5)))
        found: dict[str, int] = {}
        for name in ("escrow.reconcile", "escrow.verify_chain"):
            found[name] = await world.value("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :n", n=name)
        return found

    assert await asked() == {"escrow.reconcile": 1, "escrow.verify_chain": 1}
    clock.forward(timedelta(minutes=59))
    assert await asked() == {"escrow.reconcile": 1, "escrow.verify_chain": 1}
    clock.forward(timedelta(minutes=2))
    assert await asked() == {"escrow.reconcile": 2, "escrow.verify_chain": 1}
    clock.forward(timedelta(hours=23))
    assert await asked() == {"escrow.reconcile": 3, "escrow.verify_chain": 2}


async def test_every_rule_is_one_statement_that_runs(world: World, clock: Clock) -> None:
    await grow(world, clock, 1)
    checked: list[Any] = [each async for each in check_rules(world.database)]
    assert [each.rule for each in checked] == list(RULES)
    assert all(each.holds for each in checked)
