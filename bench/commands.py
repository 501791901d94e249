"""Commands on held payments over real HTTP with 8 clients, against a bare handler and against pgbench, in one run.

Funding is the provider's signed capture notice: `POST /inbound/gateway` makes the hold before it answers. Delivering is
the carrier's signed record, brought by the platform with its API key. Receipt and claiming (a complaint is sent, which
freezes what it claims) are the buyer's, with an API key and, as clients should, an `Idempotency-Key` of their own.

Floor: `_bare.py`, which runs the product's own statements in a Litestar handler without sign-in, signature or key.
Rival: pgbench's TPC-B-like transaction with prepared statements on the same PostgreSQL, also with 8 clients. They take
turns, round by round, and each figure is the median of its rounds. The worker runs all the while and does what events
ask for; what it has left to do at the end of a turn is done before the next begins. Ratios are the slowest command's.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from _load import CLIENTS, drive
from _requests import COMMANDS
from _run import ROOT, Result, clean_environment, median, quantile, run
from _shop import Shop, open_shop
from startup import free_port

from service.embedded.postgres import _programs

ROUNDS, ROUNDS_QUICK = 5, 2
COUNT, COUNT_QUICK = 1000, 200
WARM_UP, WARM_UP_QUICK = 200, 60
PGBENCH_SCALE = 10
PGBENCH_SECONDS, PGBENCH_SECONDS_QUICK = 5, 2
TAIL_SAMPLES_MIN = 1000  # a 99th percentile of fewer says little, and is left out
IDLE_SECONDS_MAX = 300.0
STILL_TO_DO = """
SELECT (SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')
            AND (scheduled_at IS NULL OR scheduled_at <= now()))
     + (SELECT count(*) FROM event e, event_relay r WHERE (e.xid, e.seq) > (r.xid, r.seq))
"""


@dataclass
class Measured:
    """One kind of command, ours or bare: a rate for each round, every latency, and processor time."""

    rates: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    worker_us: list[float] = field(default_factory=list)


def measure(result: Result, *, quick: bool) -> None:
    """Measure four commands over HTTP against a bare handler and pgbench."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    try:
        with open_shop(folder) as shop:
            ports = {"serve": shop.settings.port, "bare": start_bare(shop)}
            prepare_pgbench(shop)
            measured, tps = take_turns(shop, ports, quick=quick)
        report(result, measured, tps)
    finally:
        shutil.rmtree(folder)


def take_turns(shop: Shop, ports: dict[str, int], *, quick: bool) -> tuple[dict[str, Measured], list[float]]:
    """Run every kind once in each round; the first round only warms up."""
    measured = {f"{start}{kind}": Measured() for kind in COMMANDS for start in ("", "bare_")}
    tps: list[float] = []
    warm_up, count = (WARM_UP_QUICK, COUNT_QUICK) if quick else (WARM_UP, COUNT)
    for kind in measured:
        turn(shop, ports, kind, warm_up, "warm-up", Measured())
    for number in range(ROUNDS_QUICK if quick else ROUNDS):
        for kind, each in measured.items():
            turn(shop, ports, kind, count, str(number), each)
        tps.append(pgbench(shop, PGBENCH_SECONDS_QUICK if quick else PGBENCH_SECONDS))
    return measured, tps


def turn(shop: Shop, ports: dict[str, int], kind: str, count: int, number: str, measured: Measured) -> None:
    """Send `count` commands of a kind, check that each had its effect, and let the worker end what follows."""
    part, tag = "bare" if kind.startswith("bare_") else "serve", f"{kind}-{number}-"
    command = COMMANDS[kind.removeprefix("bare_")]
    requests = (command.bare if part == "bare" else command.ours)(shop, count, tag)
    wait_idle(shop)
    used, worker_used = shop.processes[part].cpu_seconds(), shop.processes["worker"].cpu_seconds()
    driven = drive(ports[part], requests)
    used, worker_used = shop.processes[part].cpu_seconds() - used, shop.processes["worker"].cpu_seconds() - worker_used
    assert not driven.failures, f"{kind}: {driven.failures} {driven.failed_body!r}"
    moved = shop.rows(command.moved, {"tag": tag})
    assert moved == [(count,)], f"{kind}: {moved} of {count}"
    measured.rates.append(count / driven.seconds)
    measured.latencies_ms += driven.latencies_ms
    measured.cpu_us.append(used / count * 1e6)
    measured.worker_us.append(worker_used / count * 1e6)
    wait_idle(shop)


def wait_idle(shop: Shop) -> None:
    """Let the worker finish what a turn has asked of it, so that it disturbs no other turn."""
    end = time.perf_counter() + IDLE_SECONDS_MAX
    while shop.rows(STILL_TO_DO) != [(0,)]:
        if time.perf_counter() > end:
            raise RuntimeError((shop.folder / "worker.log").read_text())
        time.sleep(0.1)


def report(result: Result, measured: dict[str, Measured], tps: Sequence[float]) -> None:
    """Write medians and ratios."""
    for kind, each in measured.items():
        result.note(f"{kind}_per_s", median(each.rates), "1/s")
        result.note(f"{kind}_p50_ms", median(each.latencies_ms), "ms")
        if len(each.latencies_ms) >= TAIL_SAMPLES_MIN:
            result.note(f"{kind}_p99_ms", quantile(each.latencies_ms, 0.99), "ms")
        result.note(f"{kind}_server_cpu_us", median(each.cpu_us), "us")
        result.note(f"{kind}_worker_cpu_us", median(each.worker_us), "us")
    result.note("pgbench_tps", median(tps), "1/s")
    versus_bare, versus_pgbench, tails = [], [], []
    for kind in COMMANDS:
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


if __name__ == "__main__":
    run(measure, "commands")
