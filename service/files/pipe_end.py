"""The worker's side of `piped`: takes jobs from standard input and answers them, within limits of its own.

Needs nothing but Python: it runs where nothing of the service is configured.
"""

import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

OPEN_FILES_MAX = 64
_SIZES = struct.Struct(">II")  # as in `piped`; a test holds them together
Work = Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]


def answer_jobs(work: Work, *, memory_bytes_max: int, memory_limit: str = "RLIMIT_DATA") -> None:
    """Answer jobs until standard input ends. `work` must not raise: what it raises ends the process.

    A job's head says in "cpu_seconds" how much processor time it may take; over that the system ends the process with
    SIGXCPU. Over `memory_bytes_max` allocations fail: of private memory, or of address space with "RLIMIT_AS", which
    counts what libraries reserve and never touch as well.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service closes us in order
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not write into an answer
    _limit(memory_limit, memory_bytes_max)
    while len(sizes := source.read(_SIZES.size)) == _SIZES.size:
        head_size, body_size = _SIZES.unpack(sizes)
        job = json.loads(source.read(head_size))
        _allow_cpu(int(job["cpu_seconds"]))
        head, body = work(job, source.read(body_size))
        packed = json.dumps(head).encode()
        sink.writelines((_SIZES.pack(len(packed), len(body)), packed, body))
        sink.flush()


def _limit(memory_limit: str, memory_bytes_max: int) -> None:
    """Take away what no job needs: memory over the limit, many files, writing files, core dumps."""
    limits = {
        memory_limit: memory_bytes_max,
        "RLIMIT_NOFILE": OPEN_FILES_MAX,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
    }
    for name, value in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (ValueError, OSError):  # macOS does not hold every limit; the wall clock of whoever asked still does
            continue


def _allow_cpu(seconds: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
