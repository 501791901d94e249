"""Bad days with real processes: whoever is killed, and whenever, every acknowledged write is there, once."""

import asyncio
import os
import random
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from service.cli.metadata import all_tables
from service.cli.storage import prepare_buckets
from service.core.actor import Role
from service.db.schema import upgrade
from service.db.session import Database
from service.embedded import EmbeddedPostgres
from service.embedded.postgres import SOCKET_NAME
from service.escrow.check import reconcile
from service.settings import Settings
from tests import world as worlds
from tests.processes import Processes, on_real_ports, processes
from tests.sandbox.running import wait_until
from tests.world import Whose, World, new_order

pytestmark = pytest.mark.timeout(300)
EVENTUALLY_SECONDS = 60.0
CUTS = 20
CLIENTS = 3
WRITES_BEFORE, WRITES_AFTER = 30, 30
GROUND = (worlds._add_tenants, worlds._add_people, worlds._add_sellers, worlds._add_batches)


@dataclass
class Shop:
    """The processes, and a platform that orders through them."""

    parts: Processes
    world: World

    @property
    def headers(self) -> dict[str, str]:
        return self.world.account(Role.PLATFORM).by_key

    def body(self, ref: str) -> bytes:
        return msgspec.json.encode(new_order(self.world, Whose.OWN, ref))

    def place(self, ref: str, key: str | None = None) -> httpx.Response:
        headers = {**self.headers, "content-type": "application/json", "idempotency-key": key or ref}
        return self.parts.http.post("/api/v1/orders", content=self.body(ref), headers=headers)

    def pay(self, order_id: str) -> httpx.Response:
        headers = {**self.headers, "idempotency-key": f"pay-{order_id}"}
        return self.parts.http.post(f"/api/v1/orders/{order_id}/payment", headers=headers)

    def status(self, order_id: str) -> str:
        return str(self.parts.rows('SELECT status FROM "order" WHERE id = %s', UUID(order_id))[0]["status"])

    def orders(self, ref: str) -> list[str]:
        found = self.parts.rows('SELECT id FROM "order" WHERE platform_ref = %s', f"{ref}-{Whose.OWN}")
        return [str(row["id"]) for row in found]

    def holds(self, order_ids: list[str]) -> int:
        counted = self.parts.rows(
            "SELECT count(*) FROM hold h JOIN transfer t ON t.subject_id = h.id AND t.code = 'fund'"
            " WHERE h.reference_id = ANY(%s)", [UUID(each) for each in order_ids]
        )  # fmt: skip
        return int(counted[0]["count"])

    def jobs(self) -> list[str]:
        found = self.parts.rows("SELECT status FROM procrastinate_jobs WHERE task_name = 'escrow.capture_payment'")
        return [str(row["status"]) for row in found]

    def check_ledger(self) -> None:
        async def findings() -> Any:
            database = Database(self.parts.settings.database_url, pool_max=1)
            try:
                async with database.begin() as tx:
                    return await reconcile(tx)
            finally:
                await database.close()

        assert asyncio.run(findings()) == []


async def build_ground(database: Database) -> World:
    """Make people, sellers and goods; the orders are the tests' own."""
    world = World()
    for step in GROUND:
        async with database.begin() as tx:
            await step(tx, world, await tx.now())
    return world


@contextmanager
def opened(settings: Settings, folder: Path) -> Iterator[Shop]:
    async def make() -> World:
        database = Database(settings.database_url, pool_max=2)
        try:
            return await build_ground(database)
        finally:
            await database.close()

    world = asyncio.run(make())
    settings = on_real_ports(settings, folder)
    with processes(settings, folder) as parts:
        url = f"http://127.0.0.1:{parts.sandbox.port}/provider"
        parts.settings = msgspec.structs.replace(settings, gateway_url=url)
        parts.start("serve")
        yield Shop(parts, world)


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Iterator[Shop]:
    """The service on the test's database, without a worker."""
    with opened(settings, tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"time_out_after_work": 1, "drop_notices": True}, id="during the call"),
        pytest.param({"delay_ms": 2_000, "drop_notices": True}, id="before the outcome", marks=pytest.mark.full),
    ],
)
def test_a_worker_killed_between_steps_goes_on_and_funds_the_hold_once(shop: Shop, switches: dict[str, Any]) -> None:
    shop.parts.switch(**switches)
    order_id = shop.place("KILLED").json()["id"]
    assert shop.pay(order_id).status_code == 202
    is_cut = "time_out_after_work" in switches
    shop.parts.start("worker")
    if is_cut:  # the provider has done the work, and the worker hears nothing
        wait_until(lambda: len(shop.parts.provider_lines()) == 1, EVENTUALLY_SECONDS)
        assert shop.jobs() == ["doing"]
    else:  # the provider has the capture, and the worker has promised to ask
        wait_until(lambda: shop.parts.rows("SELECT 1 FROM payment WHERE asked_count > 0"), EVENTUALLY_SECONDS)
        wait_until(lambda: shop.jobs() == [], EVENTUALLY_SECONDS)
    shop.parts.kill("worker")
    assert (shop.status(order_id), shop.holds([order_id])) == ("placed", 0)

    shop.parts.start("worker")
    wait_until(lambda: shop.status(order_id) == "paid", EVENTUALLY_SECONDS)
    assert shop.holds([order_id]) == 1
    assert [line["state"] for line in shop.parts.provider_lines()] == ["done"]
    shop.check_ledger()


def test_the_same_request_many_times_at_once_has_one_effect_and_one_answer(shop: Shop) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: shop.place("TWICE"), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({(answer.content, answer.headers["location"]) for answer in answers}) == 1
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False] + [True] * 19
    assert shop.orders("TWICE") == [answers[0].json()["id"]]
    other = shop.place("OTHER", key="TWICE")
    assert (other.status_code, other.json()["code"], shop.orders("OTHER")) == (422, "idempotency_key_reused", [])


def test_a_connection_cut_at_any_moment_has_its_effect_once_and_the_retry_gets_the_answer(shop: Shop) -> None:
    chance = random.Random(7)
    for number in range(CUTS):
        ref = f"CUT-{number}"
        with send_raw(shop, ref):
            time.sleep(chance.uniform(0, 0.03))  # the moment of the cut is the chance that this test is about
        answer = shop.place(ref)
        assert answer.status_code == 201, answer.text
        assert shop.orders(ref) == [answer.json()["id"]]


def test_a_server_killed_after_the_commit_gives_the_stored_answer_to_the_retry(shop: Shop) -> None:
    with send_raw(shop, "LOST"):
        wait_until(lambda: shop.orders("LOST"), EVENTUALLY_SECONDS)  # committed; nobody has read the answer
        shop.parts.kill("serve")
    committed = shop.orders("LOST")
    assert len(committed) == 1
    shop.parts.start("serve")
    retried = shop.place("LOST")
    assert (retried.status_code, retried.headers["idempotency-replayed"]) == (201, "true")
    assert (retried.json()["id"], shop.orders("LOST")) == (committed[0], committed)


def send_raw(shop: Shop, ref: str) -> socket.socket:
    """Send a whole request; whoever closes the socket has read nothing of the answer."""
    body = shop.body(ref)
    lines = [
        "POST /api/v1/orders HTTP/1.1",
        "host: testserver.local",
        f"authorization: {shop.headers['Authorization']}",
        "content-type: application/json",
        f"idempotency-key: {ref}",
        f"content-length: {len(body)}",
    ]
    connection = socket.create_connection(("127.0.0.1", shop.parts.settings.port), timeout=10)
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return connection


@dataclass
class Load:
    """Clients that order and pay, and repeat a request under its key until it is acknowledged."""

    shop: Shop
    acknowledged: list[str] = field(default_factory=list)
    failures: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, client: int) -> None:
        number = 0
        while not self.stopping.is_set():
            number += 1
            order = self._until_acknowledged(lambda n=number: self.shop.place(f"LOAD-{client}-{n}"), 201)
            self._until_acknowledged(lambda made=order: self.shop.pay(made["id"]), 202)
            self.acknowledged.append(order["id"])

    def _until_acknowledged(self, call: Any, status: int) -> dict[str, Any]:
        end = time.monotonic() + EVENTUALLY_SECONDS
        while time.monotonic() < end:
            try:
                answer = call()
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code == status:
                return dict(answer.json())
            assert answer is None or answer.status_code == 503, answer.text
            self.failures += 1
            time.sleep(0.05)  # a client's pause before it tries again
        raise AssertionError("the service did not come back")


@contextmanager
def loaded(
    settings: Settings,
    folder: Path,
    check: Callable[[Shop, list[str]], None],
    *,
    build: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[EmbeddedPostgres, Shop, Load]]:
    """A PostgreSQL of the test's own, serve, worker, sandbox, and clients that order and pay all the time.

    `build` gets the address of the migrated database before anything else uses it, as its owner. When the block has
    ended and the clients have stopped, `check` gets the orders that were acknowledged.
    """
    server = EmbeddedPostgres(folder)
    urls = server.start()
    try:
        upgrade(urls.owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=True)
        build(urls.owner)
        own = msgspec.structs.replace(
            settings,
            database_url=urls.app,
            owner_database_url=urls.owner,
            s3_prefix=f"k{secrets.token_hex(5)}",  # buckets belong to one installation
        )
        asyncio.run(prepare_buckets(own))
        with opened(own, folder) as shop:
            shop.parts.start("worker")
            load = Load(shop)
            with ThreadPoolExecutor(CLIENTS) as pool:
                clients = [pool.submit(load.run, client) for client in range(CLIENTS)]
                try:
                    yield server, shop, load
                finally:
                    load.stopping.set()
                for client in clients:
                    client.result()
            check(shop, load.acknowledged)
    finally:
        server.stop()


def test_postgresql_killed_under_load_has_every_acknowledged_write(settings: Settings, tmp_path: Path) -> None:
    with loaded(settings, tmp_path, check_all_there) as (server, _, load):
        kill_and_restart(server, load)


def kill_and_restart(server: EmbeddedPostgres, load: Load) -> None:
    """kill -9 the postmaster while the load runs, start it again, and let the load go on for a while."""
    wait_until(lambda: len(load.acknowledged) >= WRITES_BEFORE, EVENTUALLY_SECONDS)
    before = load.failures
    os.kill(int((server.sockets / f"{SOCKET_NAME}.lock").read_text().split()[0]), signal.SIGKILL)
    wait_until(lambda: load.failures >= before + CLIENTS, EVENTUALLY_SECONDS)
    server.stop()
    server.start()
    wanted = len(load.acknowledged) + WRITES_AFTER
    wait_until(lambda: len(load.acknowledged) >= wanted, EVENTUALLY_SECONDS)


def check_all_there(shop: Shop, acknowledged: list[str]) -> None:
    """Every acknowledged order, and no other of the load's, is in the database, and is paid for once."""
    stored = shop.parts.rows("""SELECT id FROM "order" WHERE platform_ref LIKE 'LOAD-%%'""")
    assert sorted(str(row["id"]) for row in stored) == sorted(acknowledged)
    assert shop.parts.is_running("worker")
    wait_until(lambda: all(shop.status(order_id) == "paid" for order_id in acknowledged), EVENTUALLY_SECONDS)
    assert shop.holds(acknowledged) == len(acknowledged) == len(shop.parts.provider_lines())
    shop.check_ledger()
