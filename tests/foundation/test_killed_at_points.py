"""kill -9 of the worker and of PostgreSQL at named points, under load: every acknowledged write is there, once."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.core.actor import SYSTEM
from service.core.ids import new_id
from service.db import clock
from service.db.session import Database, Tx
from service.embedded import EmbeddedPostgres
from service.embedded.postgres import SOCKET_NAME
from service.escrow import actions
from service.escrow.rules import SWEEP_MARGIN, ScopeKey
from service.settings import Settings
from tests.chance import new_seed
from tests.foundation.gates import COMMIT, NOTICE_STORED, PAUSING, POINTS, PROVIDER_ANSWERED, SWEEP_BATCH, Gates
from tests.foundation.test_killed import CLIENTS, EVENTUALLY_SECONDS, Load, Shop, loaded
from tests.sandbox.running import wait_until
from tests.world import Whose

HOLDS = 6  # in a sweep's batch and in a paused scope
_FREE = (
    "SELECT id FROM hold WHERE state = 'awaiting_delivery' AND freeze_count = 0 AND parent_hold_id IS NULL"
    " ORDER BY id LIMIT {}"
)


@dataclass
class Street:
    """Everything that runs, and the load on it."""

    server: EmbeddedPostgres
    gates: Gates
    shop: Shop
    load: Load

    def act(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        """Do something in a transaction of our own, and return once it is committed."""

        async def once() -> Any:
            database = Database(self.shop.parts.settings.database_url, pool_max=1)
            try:
                return await database.run(work)
            finally:
                await database.close()

        return asyncio.run(once())

    def count(self, query: str, *values: object) -> int:
        return int(self.shop.parts.rows(f"SELECT count(*) AS n FROM {query}", *values)[0]["n"])

    def free_holds(self, count: int) -> list[UUID]:
        """Return holds of the load that nobody has touched."""
        return wait_until(lambda: self._free(count), EVENTUALLY_SECONDS)

    def _free(self, count: int) -> list[UUID]:
        found = [row["id"] for row in self.shop.parts.rows(_FREE.format(count))]
        return found if len(found) == count else []

    def kill(self, victim: str) -> None:
        if victim == "worker":
            self.shop.parts.kill("worker")
        else:
            os.kill(int((self.server.sockets / f"{SOCKET_NAME}.lock").read_text().split()[0]), signal.SIGKILL)

    def start_again(self, victim: str) -> None:
        if victim == "worker":
            self.shop.parts.start("worker")
        else:
            self.server.stop()
            self.server.start()

    def go_on(self) -> None:
        """Wait until the load has written more, so that the service is known to work."""
        wanted = len(self.load.acknowledged) + CLIENTS
        wait_until(lambda: len(self.load.acknowledged) >= wanted, EVENTUALLY_SECONDS)


Condition = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Begun:
    """What was begun: when it is done, and what else must be true while it stands before the gate."""

    is_done: Condition
    is_there: Condition = lambda: True
    freeze_id: UUID | None = None


def refund(street: Street, point: int) -> Begun:
    """Refund a hold; it is done when the provider has paid it once, and we know."""
    (hold_id,) = street.free_holds(1)

    async def work(tx: Tx) -> None:
        await actions.refund_hold(tx, SYSTEM, hold_id, decided_by=new_id(), now=await tx.now())

    street.act(work)

    (row,) = street.shop.parts.rows("SELECT id FROM payment WHERE hold_id = %s", hold_id)
    unapplied = "gateway_notice WHERE body ->> 'client_id' = %s AND applied_at IS NULL"

    def lines() -> int:
        return sum(line["client_id"] == str(row["id"]) for line in street.shop.parts.provider_lines())

    def has_state(*states: str) -> bool:
        return street.count("payment WHERE hold_id = %s AND state = ANY(%s)", hold_id, list(states)) == 1

    def is_done() -> bool:
        paid = street.count("transfer WHERE code = 'refund_paid' AND subject_id = %s", row["id"])
        assert paid <= 1
        return has_state("done") and street.count(unapplied, str(row["id"])) == 0 and (paid, lines()) == (1, 1)

    def is_stored_and_unapplied() -> bool:
        return street.count(unapplied, str(row["id"])) > 0

    def is_paid_and_unrecorded() -> bool:
        return lines() == 1 and has_state("requested", "unknown")

    return Begun(is_done, {NOTICE_STORED: is_stored_and_unapplied, PROVIDER_ANSWERED: is_paid_and_unrecorded}[point])


def let_windows_end(street: Street, point: int) -> Begun:
    """Make a batch of holds due; it is done when the sweep, which nobody calls, has released each."""
    hold_ids = street.free_holds(HOLDS)
    street.gates.close(point, hold_ids[HOLDS // 2])

    async def work(tx: Tx) -> None:
        window = timedelta(seconds=1)
        for hold_id in hold_ids:
            now = await tx.now()
            await actions.start_window(tx, hold_id, window=window, proof_kind="receipt", proof_id=None, now=now)

    street.act(work)
    clock.shift(street.gates.owner_url, SWEEP_MARGIN + timedelta(seconds=2))

    def released() -> int:
        return street.count("transfer WHERE code = 'release' AND subject_id = ANY(%s)", hold_ids)

    return Begun(lambda: released() == HOLDS, lambda: released() == 0)


def freeze_the_batch(street: Street, point: int) -> Begun:
    """Freeze the batch of every order; it is done when each open hold is paused."""
    hold_ids = street.free_holds(HOLDS)
    street.gates.close(point, hold_ids[HOLDS // 2])
    key = ScopeKey.batch(street.shop.world.things["batch", Whose.OWN])

    async def work(tx: Tx) -> UUID:
        return await actions.freeze_scopes(
            tx, SYSTEM, [key], reason="signal", source_id=new_id(), expires_at=None, now=await tx.now()
        )

    freeze_id = street.act(work)
    return Begun(
        lambda: street.count("hold WHERE ended_at IS NULL AND freeze_count <> 1") == 0,
        lambda: street.count("hold WHERE ended_at IS NULL AND freeze_count <> 1") > 0,
        freeze_id,
    )


def place_orders(street: Street, point: int) -> Begun:
    """The load does it: its orders are being committed."""
    wanted = len(street.load.acknowledged) + CLIENTS
    return Begun(lambda: len(street.load.acknowledged) >= wanted)


ACTS: dict[int, Callable[[Street, int], Begun]] = {
    NOTICE_STORED: refund,
    SWEEP_BATCH: let_windows_end,
    PROVIDER_ANSWERED: refund,
    PAUSING: freeze_the_batch,
    COMMIT: place_orders,
}
CLOSES_ITSELF = frozenset({SWEEP_BATCH, PAUSING})  # at the row of a hold that only the act knows
VICTIMS = ("worker", "postgresql")


def kill_at(street: Street, point: int, victim: str) -> None:
    """Let the act come to the point, kill the victim there, start it again: what was begun ends by itself."""
    if point not in CLOSES_ITSELF:
        street.gates.close(point)
    begun = ACTS[point](street, point)
    # Who waits too long before the gate gives up and comes again: both must be true at once.
    wait_until(lambda: begun.is_there() and street.gates.waiting(point), EVENTUALLY_SECONDS)
    street.kill(victim)
    if victim == "postgresql":
        street.start_again(victim)
        street.gates.open(point)
    else:
        street.gates.open(point)
        street.start_again(victim)
    wait_until(begun.is_done, EVENTUALLY_SECONDS)
    street.go_on()
    if begun.freeze_id is not None:
        lift(street, begun.freeze_id)
    street.shop.check_ledger()


def lift(street: Street, freeze_id: UUID) -> None:
    """Lift the freeze of a batch, and wait until its holds are free again for the next round."""

    async def work(tx: Tx) -> None:
        await actions.lift_scope_freeze(tx, SYSTEM, freeze_id, now=await tx.now())

    street.act(work)
    wait_until(lambda: street.count("hold WHERE freeze_count > 0 AND ended_at IS NULL") == 0, EVENTUALLY_SECONDS)


@contextmanager
def running(settings: Settings, folder: Path) -> Iterator[Street]:
    """Everything that runs, with gates in its database."""
    made: list[Gates] = []

    def build(owner_url: str) -> None:
        made.append(Gates(owner_url))
        made[0].build()

    with loaded(settings, folder, check_acknowledged, build=build) as (server, shop, load):
        yield Street(server, made[0], shop, load)


def check_acknowledged(shop: Shop, acknowledged: list[str]) -> None:
    """Every acknowledged order, and no other of the load's, is there, and its payment was captured and held once."""
    stored = shop.parts.rows("""SELECT id FROM "order" WHERE platform_ref LIKE 'LOAD-%%'""")
    assert sorted(str(row["id"]) for row in stored) == sorted(acknowledged)
    wait_until(lambda: shop.holds(acknowledged) == len(acknowledged), EVENTUALLY_SECONDS)
    captures = [line for line in shop.parts.provider_lines() if line["kind"] == "capture"]
    assert len(captures) == len(acknowledged)
    shop.check_ledger()


def run_rounds(settings: Settings, folder: Path, count: int) -> None:
    """Kill somebody at each point in turn, in an order and with victims that the seed chooses."""
    dice = random.Random(new_seed())
    order: list[tuple[int, str]] = []
    while len(order) < count:
        points = dice.sample(list(POINTS), len(POINTS))
        order += [(point, "postgresql" if point == COMMIT else dice.choice(VICTIMS)) for point in points]
    with running(settings, folder) as street:
        for point, victim in order[:count]:
            print(f"{victim} killed {POINTS[point]}, {len(street.load.acknowledged)} orders")
            kill_at(street, point, victim)


@pytest.mark.timeout(900)
def test_whoever_is_killed_at_a_named_point_everything_acknowledged_is_there(
    settings: Settings, tmp_path: Path
) -> None:
    run_rounds(settings, tmp_path, 5)


@pytest.mark.full
@pytest.mark.timeout(2 * 3_600)
def test_whoever_is_killed_fifty_times_everything_acknowledged_is_there(settings: Settings, tmp_path: Path) -> None:
    run_rounds(settings, tmp_path, 50)
