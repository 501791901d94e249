"""Seeded data in a real database: what is asked for, consistent with the ledger, and fit for the worker."""

import sqlite3
from asyncio import to_thread
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psycopg
import pytest
from rich.console import Console
from sqlalchemy import text

from service.core.errors import Conflict, Invalid, Unavailable
from service.db.session import Database, driver_url
from service.escrow.check import reconcile
from service.samples.people import demonstration_people
from service.samples.seeding import Amounts, seed_database, seed_first
from service.settings import Mode, Settings
from tests.sandbox.running import wait_until

AMOUNTS = Amounts(batches=120, orders=240, complaints=120)
Drain = Callable[[], Awaitable[None]]
_MADE = (
    "SELECT 'batches', count(*) FROM batch UNION SELECT 'orders', count(*) FROM \"order\""
    " UNION SELECT 'complaints', count(*) FROM complaint"
)
_MARKETS = "SELECT 'markets', count(*) FROM tenant WHERE name LIKE 'Sample market %'"
_WHOLE = {"batches": 120, "orders": 240, "complaints": 120}
CUT_SECONDS_MAX = 30.0


@pytest.fixture
def quiet() -> Console:
    """A console that nobody reads."""
    return Console(quiet=True)


async def counts(database: Database, query: str) -> dict[str, int]:
    """Return the rows of a query of names and counts."""
    async with database.begin() as tx:
        return {str(name): int(count) for name, count in (await tx.execute(text(query))).all()}


def _seed_and_be_cut_off(settings: Settings, owner_url: str, console: Console) -> None:
    """Seed; at the first complaint, which waits for a lock, the connection is ended."""
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(driver_url(settings.database_url), autocommit=True) as ender,
        psycopg.connect(driver_url(owner_url)) as holder,
    ):
        holder.execute("LOCK TABLE complaint IN SHARE MODE")
        seeding = pool.submit(seed_first, settings, AMOUNTS, seed=1, console=console)
        waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"
        wait_until(lambda: ender.execute(waiting, (holder.info.backend_pid,)).fetchone(), CUT_SECONDS_MAX)
        holder.rollback()
        seeding.result(CUT_SECONDS_MAX)


def _booked(home: Path) -> dict[str, int]:
    """What the sandbox provider of the home has done, by kind."""
    with sqlite3.connect(home / "sandbox" / "provider.sqlite") as books:
        return dict(books.execute("SELECT kind, count(*) FROM operation WHERE state = 'done' GROUP BY 1").fetchall())


async def test_as_much_is_made_as_was_asked_for_and_the_ledger_reconciles(
    settings: Settings, database: Database, quiet: Console
) -> None:
    await demonstration_people(settings)

    await to_thread(seed_database, settings, AMOUNTS, seed=1, console=quiet)

    async with database.begin() as tx:
        assert await reconcile(tx) == []
    assert await counts(database, _MADE) == _WHOLE


async def test_orders_holds_and_complaints_stand_in_every_state(
    settings: Settings, database: Database, quiet: Console
) -> None:
    await demonstration_people(settings)

    await to_thread(seed_database, settings, AMOUNTS, seed=1, console=quiet)

    orders = await counts(database, 'SELECT status, count(*) FROM "order" GROUP BY 1')
    holds = await counts(database, "SELECT state, count(*) FROM hold GROUP BY 1")
    cases = await counts(database, "SELECT status, count(*) FROM complaint GROUP BY 1")
    disputes = await counts(database, "SELECT state, count(*) FROM dispute GROUP BY 1")
    assert orders.keys() == {"placed", "paid", "shipped", "delivered", "cancelled"}
    assert holds.keys() == {"awaiting_delivery", "in_window", "released", "refunded", "split"}
    assert cases.keys() == {"triage", "with_seller", "answered", "disputed", "settled", "closed", "withdrawn"}
    assert disputes.keys() == {"queued", "in_review", "ruled", "final"}


async def test_what_is_promised_lies_ahead_and_no_window_is_overdue(
    settings: Settings, database: Database, quiet: Console
) -> None:
    await demonstration_people(settings)

    await to_thread(seed_database, settings, AMOUNTS, seed=1, console=quiet)

    late = await counts(
        database,
        "SELECT 'deadlines', count(*) FROM deadline WHERE due_at < fairhold_now()"
        " UNION SELECT 'windows', count(*) FROM hold WHERE window_ends_at < fairhold_now()",
    )
    promised = await counts(database, "SELECT name, count(*) FROM deadline GROUP BY 1")
    assert late == {"deadlines": 0, "windows": 0}
    assert {"ship_order", "deliver_order", "ask_carrier"} <= promised.keys()
    assert {"answer_claim", "accept_offer", "escalate", "triage", "first_ruling", "appeal"} <= promised.keys()


async def test_the_worker_finds_its_work_in_seeded_data_and_freezes_the_batch_with_many_complaints(
    settings: Settings, database: Database, quiet: Console, drain: Drain
) -> None:
    await demonstration_people(settings)
    await to_thread(seed_database, settings, AMOUNTS, seed=1, console=quiet)
    before = await counts(database, "SELECT match_status, count(*) FROM complaint GROUP BY 1")

    await drain()

    after = await counts(database, "SELECT match_status, count(*) FROM complaint GROUP BY 1")
    frozen = await counts(database, "SELECT state, count(*) FROM signal WHERE frozen_at IS NOT NULL GROUP BY 1")
    assert after["linked"] > before["linked"]
    assert frozen["preliminary"] >= 1
    async with database.begin() as tx:
        assert await reconcile(tx) == []


async def test_five_open_cases_and_an_order_to_send_have_photos_that_are_stored(
    settings: Settings, database: Database, quiet: Console, drain: Drain
) -> None:
    await demonstration_people(settings)
    await to_thread(seed_database, settings, AMOUNTS, seed=1, console=quiet)

    await drain()

    files = await counts(database, "SELECT state, count(*) FROM stored_file GROUP BY 1")
    cases = await counts(database, "SELECT 'cases', count(DISTINCT complaint_id) FROM complaint_evidence")
    packed = await counts(
        database,
        'SELECT o.status, count(*) FROM order_packing_photo p JOIN "order" o ON o.id = p.order_id GROUP BY 1',
    )
    lifted = await counts(
        database,
        "SELECT 'lifted', count(*) FROM batch_photo b JOIN stored_file l ON l.id = b.file_id"
        " JOIN stored_file f ON f.sha256_plain = l.sha256_plain AND f.received_at > l.received_at"
        " JOIN complaint_evidence e ON e.file_id = f.id",
    )
    assert files == {"locked": 13}
    assert cases == {"cases": 5}
    assert lifted == {"lifted": 1}
    assert packed == {"paid": 2}


async def test_a_first_seeding_that_is_cut_off_leaves_no_rows_and_the_next_one_makes_them_all(
    settings: Settings, database: Database, quiet: Console, owner_url: str
) -> None:
    await demonstration_people(settings)

    with pytest.raises(psycopg.OperationalError):
        await to_thread(_seed_and_be_cut_off, settings, owner_url, quiet)
    assert await counts(database, f"{_MADE} UNION {_MARKETS}") == dict.fromkeys([*_WHOLE, "markets"], 0)

    await to_thread(seed_first, settings, AMOUNTS, seed=1, console=quiet)
    assert await counts(database, f"{_MADE} UNION {_MARKETS}") == {**_WHOLE, "markets": 1}
    async with database.begin() as tx:
        assert await reconcile(tx) == []


async def test_a_first_seeding_that_is_cut_off_between_rows_and_photos_goes_on_there(
    settings: Settings, database: Database, quiet: Console, tmp_path: Path
) -> None:
    await demonstration_people(settings)
    without_store = msgspec.structs.replace(settings, s3_endpoint="127.0.0.1:9")
    with pytest.raises(Unavailable):
        await to_thread(seed_first, without_store, AMOUNTS, seed=1, console=quiet)
    assert await counts(database, _MADE) == _WHOLE

    own = msgspec.structs.replace(settings, mode=Mode.DEMONSTRATION, home=tmp_path)
    for _ in range(2):
        await to_thread(seed_first, own, AMOUNTS, seed=1, console=quiet)
        assert await counts(database, _MADE) == _WHOLE
        assert await counts(
            database, "SELECT 'photos', count(*) FROM complaint_evidence"
            " UNION SELECT 'cases', count(DISTINCT complaint_id) FROM complaint_evidence",
        ) == {"photos": 10, "cases": 5}  # fmt: skip
        assert _booked(tmp_path) == await counts(
            database, "SELECT kind, count(*) FROM payment WHERE state = 'done' GROUP BY 1"
        )


async def test_the_same_seed_again_adds_other_rows(settings: Settings, database: Database, quiet: Console) -> None:
    amounts = Amounts(batches=30, orders=40, complaints=10)

    await to_thread(seed_database, settings, amounts, seed=1, console=quiet)
    await to_thread(seed_database, settings, amounts, seed=1, console=quiet)

    assert await counts(database, "SELECT 'orders', count(*) FROM \"order\"") == {"orders": 80}
    async with database.begin() as tx:
        assert await reconcile(tx) == []


async def test_batches_alone_are_made_without_people_or_orders(
    settings: Settings, database: Database, quiet: Console
) -> None:
    await to_thread(seed_database, settings, Amounts(batches=60, orders=0, complaints=0), seed=2, console=quiet)

    made = await counts(database, "SELECT 'batches', count(*) FROM batch UNION SELECT 'people', count(*) FROM person")
    assert made == {"batches": 60, "people": 0}


async def test_orders_without_batches_are_refused_and_nothing_is_made(
    settings: Settings, database: Database, quiet: Console
) -> None:
    with pytest.raises(Invalid) as refused:
        await to_thread(seed_database, settings, Amounts(batches=0, orders=5, complaints=0), seed=1, console=quiet)

    assert refused.value.code == "seed_needs_batches"
    assert await counts(database, "SELECT 'tenants', count(*) FROM tenant") == {"tenants": 1}


async def test_the_sandbox_provider_knows_every_seeded_capture_and_refund(
    settings: Settings, database: Database, quiet: Console, tmp_path: Path
) -> None:
    own = msgspec.structs.replace(settings, mode=Mode.DEMONSTRATION, home=tmp_path)

    await to_thread(seed_database, own, Amounts(batches=30, orders=60, complaints=10), seed=1, console=quiet)

    done = await counts(database, "SELECT kind, count(*) FROM payment WHERE state = 'done' GROUP BY 1")
    assert _booked(tmp_path) == done
    assert done["refund"] > 0


async def test_the_demonstrations_people_have_roles_keys_and_passwords(settings: Settings) -> None:
    made = await demonstration_people(settings)

    assert [each.role for each in made] == [
        "buyer", "buyer", "buyer", "seller", "mediator", "mediator", "supervisor", "regulator", "operator", "platform",
    ]  # fmt: skip
    assert len({each.password for each in made}) == len(made)
    assert all(each.api_key.startswith("fh_") for each in made)
    assert [each.seller_id is not None for each in made] == [each.role == "seller" for each in made]


async def test_the_demonstrations_people_are_made_once(settings: Settings) -> None:
    await demonstration_people(settings)

    with pytest.raises(Conflict) as refused:
        await demonstration_people(settings)

    assert refused.value.code == "email_taken"
