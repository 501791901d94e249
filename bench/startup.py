"""How long until the first page: after a fresh clone (`cold_s`), and when started again (`warm_s`).

Cold is `git clone` into an empty folder and `make run`: environment from the locks, servers, schema, sample data, first
page. What this machine's package cache holds already is not downloaded again. Warm is the median of later starts of the
same home. With `--quick` there is no clone: the first start of a new home in this checkout is not counted.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from _run import ROOT, Result, clean_environment, median, run

WARM_STARTS = 3
FIRST_PAGE_SECONDS_MAX = 900.0
STOP_SECONDS_MAX = 60.0


def measure(result: Result, *, quick: bool) -> None:
    """Measure how long `make run` takes to its first page."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    try:
        if quick:
            command, place = [sys.executable, "-m", "service.cli", "up"], ROOT
            first_page(command, place, folder / "var")
        else:
            command, place = ["make", "--silent", "run"], folder / "clone"
            began = time.monotonic()
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(place)], check=True)
            cloned_s = time.monotonic() - began
            result.note("cold_s", cloned_s + first_page(command, place, folder / "var"), "s")
        warm = [first_page(command, place, folder / "var") for _ in range(1 if quick else WARM_STARTS)]
        result.note("warm_s", median(warm), "s")
    finally:
        shutil.rmtree(folder)


def first_page(command: Sequence[str], place: Path, home: Path) -> float:
    """Start, wait for the first page that answers 200, stop; return the seconds from the start to the page."""
    port = free_port()
    environment = clean_environment({"FAIRHOLD_HOME": str(home), "FAIRHOLD_PORT": str(port)})
    environment.pop("VIRTUAL_ENV", None)
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=None, start_new_session=True
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/"):
            if process.poll() is not None or time.monotonic() - began > FIRST_PAGE_SECONDS_MAX:
                raise RuntimeError(f"no page; {' '.join(command)} ended with {process.returncode}")
            time.sleep(0.02)
        return time.monotonic() - began
    finally:
        stop(process)


def answers(url: str) -> bool:
    """Whether there is a page at `url`."""
    try:
        with urllib.request.urlopen(url, timeout=5) as page:  # noqa: S310 - our own address
            return bool(page.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def stop(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to make and to what it runs; wait until both are gone."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(STOP_SECONDS_MAX)
    end = time.monotonic() + STOP_SECONDS_MAX
    while group_is_alive(process.pid) and time.monotonic() < end:
        time.sleep(0.05)


def group_is_alive(group: int) -> bool:
    """Whether a process of the group still runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    run(measure, "startup")
