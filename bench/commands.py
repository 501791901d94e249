"""Commands on held payments over real HTTP with 8 clients, against a bare handler and against pgbench, in one run.

Funding is the provider's signed capture notice: `POST /inbound/gateway` stores it, the worker makes the hold. Its rate
counts holds made, from the first request to the last hold. Delivering is the carrier's signed record, brought by the
platform with its API key: `POST /orders/{id}/delivery` starts the window before it answers.

Floor: `_bare.py`, which runs each command's statements in a Litestar handler without sign-in, signature or queue.
Rival: pgbench's TPC-B-like transaction with prepared statements on the same PostgreSQL, also with 8 clients. They take
turns, round by round, and each figure is the median of its rounds. Ratios are those of the slower command.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
from _load import CLIENTS, Driven, drive, request
from _run import ROOT, Result, clean_environment, median, quantile, run
from _shop import AREA, Process, Shop, open_shop
from startup import free_port

from service.core.ids import new_id
from service.core.signatures import sign_message, sign_record
from service.core.wire import DeliveryRecord, Kind, MoneyNotice, ParcelStatus, State, encode, format_instant
from service.embedded.postgres import _programs

ROUNDS, ROUNDS_QUICK = 5, 2
COMMANDS, COMMANDS_QUICK = 250, 80
WARM_UP, WARM_UP_QUICK = 100, 40
PGBENCH_SCALE = 10
PGBENCH_SECONDS, PGBENCH_SECONDS_QUICK = 5, 2
TAIL_SAMPLES_MIN = 1000  # a 99th percentile of fewer says little, and is left out
HOLDS_SECONDS_MAX = 120.0


@dataclass
class Measured:
    """One kind of command: a rate for each round, every latency, and processor time."""

    rates: list[float] = field(default_factory=list)
    answered_rates: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


def measure(result: Result, *, quick: bool) -> None:
    """Measure funding and delivering over HTTP against a bare handler and pgbench."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    try:
        with open_shop(folder) as shop:
            bare_port = start_bare(shop)
            prepare_pgbench(shop)
            measured, tps = take_turns(shop, bare_port, quick=quick)
        report(result, measured, tps)
    finally:
        shutil.rmtree(folder)


def take_turns(shop: Shop, bare_port: int, *, quick: bool) -> tuple[dict[str, Measured], list[float]]:
    """Run every kind once in each round; the first round only warms up."""
    count = COMMANDS_QUICK if quick else COMMANDS
    kinds: dict[str, Callable[[int, str], tuple[Driven, float, float]]] = {
        "fund": lambda n, tag: fund(shop, n, tag),
        "bare_fund": lambda n, tag: bare_fund(shop, bare_port, n, tag),
        "deliver": lambda n, tag: deliver(shop, n, tag),
        "bare_deliver": lambda n, tag: bare_deliver(shop, bare_port, n, tag),
    }
    measured: dict[str, Measured] = {kind: Measured() for kind in kinds}
    tps: list[float] = []
    for round_number in range(1 + (ROUNDS_QUICK if quick else ROUNDS)):
        is_warm_up = round_number == 0
        for kind, command in kinds.items():
            done = (WARM_UP_QUICK if quick else WARM_UP) if is_warm_up else count
            driven, seconds, cpu_seconds = command(done, f"{kind}-{round_number}-")
            assert not driven.failures, f"{kind}: {driven.failures} {driven.failed_body!r}"
            if not is_warm_up:
                measured[kind].rates.append(done / seconds)
                measured[kind].answered_rates.append(done / driven.seconds)
                measured[kind].latencies_ms += driven.latencies_ms
                measured[kind].cpu_us.append(cpu_seconds / done * 1e6)
        if not is_warm_up:
            tps.append(pgbench(shop, PGBENCH_SECONDS_QUICK if quick else PGBENCH_SECONDS))
    return measured, tps


def report(result: Result, measured: dict[str, Measured], tps: Sequence[float]) -> None:
    """Write medians and ratios."""
    for kind, each in measured.items():
        result.note(f"{kind}_per_s", median(each.rates), "1/s")
        result.note(f"{kind}_p50_ms", median(each.latencies_ms), "ms")
        if len(each.latencies_ms) >= TAIL_SAMPLES_MIN:
            result.note(f"{kind}_p99_ms", quantile(each.latencies_ms, 0.99), "ms")
        result.note(f"{kind}_python_cpu_us", median(each.cpu_us), "us")
    result.note("fund_answered_per_s", median(measured["fund"].answered_rates), "1/s")
    result.note("pgbench_tps", median(tps), "1/s")
    versus_bare, versus_pgbench, tails = [], [], []
    for kind in ("fund", "deliver"):
        ours, bare = measured[kind], measured[f"bare_{kind}"]
        versus_bare.append(median([a / b for a, b in zip(ours.rates, bare.rates, strict=True)]))
        versus_pgbench.append(median([a / b for a, b in zip(ours.rates, tps, strict=True)]))
        result.compare(f"{kind}_vs_bare", versus_bare[-1])
        result.compare(f"{kind}_vs_pgbench", versus_pgbench[-1])
        if len(ours.latencies_ms) >= TAIL_SAMPLES_MIN:
            tails.append(quantile(ours.latencies_ms, 0.99) / median(ours.latencies_ms))
            result.compare(f"{kind}_p99_over_median", tails[-1])
        result.compare(f"bare_{kind}_vs_pgbench", median([a / b for a, b in zip(bare.rates, tps, strict=True)]))
    result.compare("commands_vs_bare", min(versus_bare))
    result.compare("commands_vs_pgbench", min(versus_pgbench))
    if tails:
        result.compare("p99_over_median", max(tails))


def fund(shop: Shop, count: int, tag: str) -> tuple[Driven, float, float]:
    """Send capture notices, and wait until the worker has made the last hold."""
    payments = [payment for payment, _ in shop.orders(count, tag)]
    now = current(shop)
    requests = [signed_notice(shop, payment, now) for payment in payments]
    made = "SELECT count(*) FROM hold WHERE payment_id = ANY(%(payments)s)"
    parts = [shop.processes["serve"], shop.processes["worker"]]
    used, began = cpu(parts), time.perf_counter()
    driven = drive(shop.settings.port, requests)
    while shop.rows(made, {"payments": payments}) != [(count,)]:
        if time.perf_counter() - began > HOLDS_SECONDS_MAX:
            raise RuntimeError((shop.folder / "worker.log").read_text())
        time.sleep(0.02)
    seconds, used = time.perf_counter() - began, cpu(parts) - used
    wait_idle(shop)
    return driven, seconds, used


def wait_idle(shop: Shop) -> None:
    """Let the worker finish what follows a funding (the order is marked paid), so that it disturbs no other turn."""
    waiting = """SELECT count(*) FROM "order" o JOIN hold h ON h.reference_id = o.id WHERE o.status = 'placed'"""
    end = time.perf_counter() + HOLDS_SECONDS_MAX
    while shop.rows(waiting) != [(0,)]:
        if time.perf_counter() > end:
            raise RuntimeError((shop.folder / "worker.log").read_text())
        time.sleep(0.05)


def signed_notice(shop: Shop, payment: UUID, now: datetime) -> bytes:
    """Return the provider's notice that it has captured a payment."""
    notice = MoneyNotice(
        id=f"nt_{new_id().hex}",
        kind=Kind.CAPTURE,
        client_id=str(payment),
        state=State.DONE,
        amount_minor=48_000,
        currency="CNY",
        at=format_instant(now),
    )
    body = encode(notice)
    return request(
        "POST", "/api/v1/inbound/gateway", sign_message(shop.settings.gateway_secret, notice.id, body, now=now), body
    )


def bare_fund(shop: Shop, port: int, count: int, tag: str) -> tuple[Driven, float, float]:
    """Fund by the bare handler."""
    payments = [payment for payment, _ in shop.orders(count, tag)]
    bodies = [msgspec.json.encode({"payment_id": payment}) for payment in payments]
    return drive_bare(shop, port, [request("POST", "/fund", {}, body) for body in bodies])


def deliver(shop: Shop, count: int, tag: str) -> tuple[Driven, float, float]:
    """Bring the carrier's records."""
    orders, now = shop.shipped(count, tag), current(shop)
    headers = {"authorization": f"Bearer {shop.platform_key}"}
    requests = [
        request(
            "POST", f"/api/v1/orders/{order}/delivery", headers, msgspec.json.encode({"proof": proof(shop, order, now)})
        )
        for order in orders
    ]
    parts = [shop.processes["serve"], shop.processes["worker"]]
    used = cpu(parts)
    driven = drive(shop.settings.port, requests)
    return driven, driven.seconds, cpu(parts) - used


def bare_deliver(shop: Shop, port: int, count: int, tag: str) -> tuple[Driven, float, float]:
    """Deliver by the bare handler."""
    orders, now = shop.shipped(count, tag), current(shop)
    bodies = []
    for order in orders:
        signed = msgspec.to_builtins(proof(shop, order, now))
        bodies.append(
            msgspec.json.encode({"order_id": order, "signature": signed["signature"], "record": signed["record"]})
        )
    return drive_bare(shop, port, [request("POST", "/deliver", {}, body) for body in bodies])


def proof(shop: Shop, order: UUID, now: datetime) -> Any:
    """Return the carrier's signed record of an order's parcel."""
    record = DeliveryRecord(
        carrier="sandbox",
        tracking_number=f"BN-{order.hex}",
        status=ParcelStatus.DELIVERED,
        created_at=format_instant(now),
        delivered_at=format_instant(now),
        destination_area=AREA,
    )
    return sign_record(shop.carrier, record)


def drive_bare(shop: Shop, port: int, requests: Sequence[bytes]) -> tuple[Driven, float, float]:
    """Send requests to the bare handler."""
    used = cpu([shop.processes["bare"]])
    driven = drive(port, requests)
    return driven, driven.seconds, cpu([shop.processes["bare"]]) - used


def start_bare(shop: Shop) -> int:
    """Start the bare handler as the service is started: granian, one process; its port."""
    port = free_port()
    words = ["--factory", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    command = [str(Path(sys.executable).with_name("granian")), *words, "--no-access-log", "_bare:application"]
    environment = {"BENCH_DATABASE_URL": shop.settings.database_url, "PYTHONPATH": str(ROOT / "bench")}
    shop.start("bare", command, clean_environment(environment))
    shop.wait_answering("bare", f"http://127.0.0.1:{port}/")
    return port


def prepare_pgbench(shop: Shop) -> None:
    """Make pgbench's tables in a database of their own."""
    run_program(shop, "createdb", "bench")
    run_program(shop, "pgbench", "-i", "-q", "-s", str(PGBENCH_SCALE), "bench")


def pgbench(shop: Shop, seconds: int) -> float:
    """Return transactions a second of the TPC-B-like script with 8 clients."""
    said = run_program(
        shop, "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "bench"
    )
    return next(float(line.split()[2]) for line in said.splitlines() if line.startswith("tps"))


def run_program(shop: Shop, program: str, *words: str) -> str:
    """Run one of PostgreSQL's programs as the superuser; what it printed."""
    url = urlsplit(shop.servers.postgres.admin)
    where = parse_qs(url.query)
    login = {
        "PGHOST": where["host"][0],
        "PGPORT": where["port"][0],
        "PGUSER": url.username or "",
        "PGPASSWORD": url.password or "",
    }
    command = [str(_programs() / program), *words]
    return subprocess.run(command, env={**os.environ, **login}, capture_output=True, text=True, check=True).stdout


def cpu(processes: Sequence[Process]) -> float:
    """Return the processor seconds of these processes so far."""
    return sum(process.cpu_seconds() for process in processes)


def current(shop: Shop) -> datetime:
    """Return the database's time."""
    now = shop.rows("SELECT fairhold_now()")[0][0]
    assert isinstance(now, datetime)
    return now


if __name__ == "__main__":
    run(measure, "commands")
