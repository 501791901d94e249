"""Service and worker on hosts whose clocks are wrong: the database's clock decides, nothing else.

libfaketime shifts what a process sees: wall clock and monotonic clock.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.core.ids import new_id
from service.core.signatures import sign_message
from service.core.wire import INBOUND_GATEWAY, Kind, MoneyNotice, State, encode, format_instant
from service.db.session import Database
from service.settings import Settings
from tests.conftest import Clock
from tests.escrow.world import WINDOW, World
from tests.processes import Processes, on_real_ports, processes
from tests.sandbox.running import SECRET, wait_until

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not LIBRARIES, reason="libfaketime is missing; `.ci/system-libraries test` installs it"),
]
HOSTS = {
    "an hour ahead": {"FAKETIME": "+1h"},
    "an hour behind": {"FAKETIME": "-1h"},
    "a day ahead": {"FAKETIME": "+1d"},
    "a day behind": {"FAKETIME": "-1d"},
    "an autumn night of an hour twice": {"FAKETIME": "@2026-10-25 02:59:50", "TZ": "Europe/Berlin"},
    "a spring night of a missing hour": {"FAKETIME": "@2027-03-28 01:59:50", "TZ": "Europe/Berlin"},
}
SHORT = ("a day ahead", "an autumn night of an hour twice")


def shifted(host: str) -> Mapping[str, str]:
    return {"LD_PRELOAD": str(LIBRARIES[0]), **HOSTS[host]}


@pytest.fixture
def parts(settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    with processes(on_real_ports(settings, tmp_path), tmp_path) as running:
        yield running


async def two_holds(settings: Settings, clock: Clock) -> tuple[Any, Any]:
    """Return a hold that is due, and one whose window has another minute to go."""
    database = Database(settings.database_url, pool_max=2)
    try:
        world = World(database)
        due = await world.delivered()
        clock.forward(timedelta(minutes=2))
        running = await world.delivered()
        clock.forward(WINDOW - timedelta(minutes=1))
        return due.id, running.id
    finally:
        await database.close()


def never_early(parts: Processes, settings: Settings, clock: Clock, host: str) -> None:
    due, running = asyncio.run(two_holds(settings, clock))

    def state(hold_id: object) -> str:
        return str(parts.rows("SELECT state FROM hold WHERE id = %s", hold_id)[0]["state"])

    parts.start("worker", host=shifted(host))
    wait_until(lambda: state(due) == "released", 60)
    assert state(running) == "in_window"
    early = "SELECT count(*) AS n FROM resolution r JOIN event e ON e.subject_id = r.hold_id WHERE r.at < %s"
    assert parts.rows(early, datetime.fromisoformat("2026-01-01T00:00:00Z"))[0]["n"] == 0
    clock.forward(timedelta(minutes=2))
    wait_until(lambda: state(running) == "released", 60)
    assert parts.rows("SELECT count(*) AS n FROM resolution WHERE at > fairhold_now()")[0]["n"] == 0


@pytest.mark.parametrize("host", SHORT)
def test_a_worker_whose_host_clock_is_wrong_releases_nothing_early(
    parts: Processes, settings: Settings, clock: Clock, host: str
) -> None:
    never_early(parts, settings, clock, host)


@pytest.mark.full
@pytest.mark.parametrize("host", sorted(set(HOSTS) - set(SHORT)))
def test_nor_does_one_on_any_other_wrong_host(parts: Processes, settings: Settings, clock: Clock, host: str) -> None:
    never_early(parts, settings, clock, host)


def test_a_service_a_day_ahead_judges_signatures_by_the_databases_clock(parts: Processes, settings: Settings) -> None:
    parts.start("serve", host=shifted("a day ahead"))
    now = parts.rows("SELECT fairhold_now() AS now")[0]["now"]

    def send(at: datetime) -> tuple[int, str | None]:
        notice = MoneyNotice(f"nt_{new_id()}", Kind.CAPTURE, str(new_id()), State.DONE, 1, "CNY", format_instant(at))
        body = encode(notice)
        headers = {**sign_message(SECRET, notice.id, body, now=at), "content-type": "application/json"}
        answer = parts.http.post(INBOUND_GATEWAY, content=body, headers=headers)
        return answer.status_code, msgspec.json.decode(answer.content).get("code")

    assert send(now) == (202, None)
    assert send(now + timedelta(days=1)) == (401, "signature_stale")
    stored = parts.rows("SELECT received_at FROM gateway_notice")
    assert [row["received_at"] - now < timedelta(minutes=5) for row in stored] == [True]
