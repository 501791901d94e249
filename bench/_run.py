"""What every bench shares: its two arguments, the machine's name, and the file that it writes.

A ratio compares two things that were measured in one run, alternating; on a shared machine only ratios count.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parent.parent


@dataclass
class Result:
    """What a bench has measured. Ratios are without a unit."""

    figures: dict[str, tuple[float, str]] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, value: float, unit: str) -> None:
        """Keep a figure and print it."""
        self.figures[name] = (_rounded(value), unit)
        print(f"  {name:34} {_rounded(value):>12} {unit}", flush=True)

    def compare(self, name: str, value: float) -> None:
        """Keep a ratio and print it."""
        self.ratios[name] = _rounded(value)
        print(f"  {name:34} {_rounded(value):>12}", flush=True)


class Measure(Protocol):
    """What a bench does, whole or in under a minute."""

    def __call__(self, result: Result, *, quick: bool) -> None:
        """Write what was measured into `result`."""


def run(measure: Measure, name: str) -> None:
    """Run a bench as its command line says: `--quick` (under 60 s, without the keys of full size), `--json FILE`."""
    parser = argparse.ArgumentParser(description=measure.__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="under 60 seconds; keys that need their full size are left out"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    machine, result = describe_machine(), Result()
    measure(result, quick=given.quick)
    told = {
        "bench": name,
        "commit": commit(),
        "machine": machine,
        "figures": {key: {"value": value, "unit": unit} for key, (value, unit) in result.figures.items()},
        "ratios": result.ratios,
    }
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def describe_machine() -> str:
    """Name processor, cores, memory, system, Python, and how busy it was before we began."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    kilobytes = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    parts = [
        names[0] if names else platform.processor() or platform.machine(),
        f"{os.cpu_count()} cores",
        f"{kilobytes[0] / 2**20:.0f} GiB" if kilobytes else "",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"load {os.getloadavg()[0]:.1f} at the start",
    ]
    return ", ".join(part for part in parts if part)


def commit() -> str:
    """Return the commit that was measured, with a plus sign if the service's files differ from it."""
    short = _git("rev-parse", "--short", "HEAD")
    return short + ("+" if _git("status", "--porcelain", "--", "service", "reports", "requirements.lock") else "")


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all do not exceed."""
    return sorted(values)[min(len(values) - 1, max(0, round(share * len(values)) - 1))]


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return our environment without settings of Fairhold, and with `more`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FAIRHOLD_")} | dict(more)


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
