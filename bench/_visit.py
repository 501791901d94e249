"""Visits to a registry in processes of their own: the index is built, timed, asked and weighed there.

What a process weighs is then its own, and a query has one core: the process is pinned to one once the index stands. So
that nothing of the reading counts, memory is what the process holds after the rows that it read have been let go.
"""

import ctypes
import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import _matcher
from _accuracy import Answer
from _complaints import Complaint
from _run import median

P = ParamSpec("P")
R = TypeVar("R")
WARM_UP = 200
CHUNKS_PER_CORE = 16

Models = Mapping[int, Mapping[str, object]]  # by the fold that they did not see
Asked = tuple[Complaint, str]  # with the batch that is hidden, or nothing


@dataclass(frozen=True, slots=True)
class Visit:
    """What is wanted of a registry: answers to the asked, and times of the timed."""

    registry: Path
    models: Models
    asked: Sequence[Asked]
    timed: Sequence[Complaint]
    newcomers: Path | None = None


@dataclass(slots=True)
class Seen:
    """What a visit has seen."""

    build_s: float = 0.0
    rss_mb: float = 0.0
    own_mb: float = 0.0  # without pages of files, which processes share
    catch_up_s: float | None = None
    answers: list[Answer] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)
    stages_ms: dict[str, float] = field(default_factory=dict)


def visit(wanted: Visit) -> Seen:
    """Build the index and answer; meant for a process of its own."""
    seen, judges = Seen(), {fold: _matcher.Judge(model) for fold, model in wanted.models.items()}
    batches = _matcher.batches_of(wanted.registry)
    began = time.perf_counter()
    shelf = _matcher.build(batches)
    seen.build_s = time.perf_counter() - began
    del batches
    pin()
    queries = [(_matcher.query_of(one.told), judges[one.fold]) for one in wanted.timed]
    for query, judge in queries[:WARM_UP]:
        judge.decide(shelf, query)
    release_memory()
    seen.rss_mb, seen.own_mb = memory_mb("VmRSS"), memory_mb("RssAnon")
    for query, judge in queries[WARM_UP:]:
        began = time.perf_counter()
        judge.decide(shelf, query)
        seen.times_ms.append((time.perf_counter() - began) * 1000)
    # Asked so long ago that nothing of them is remembered any more.
    seen.stages_ms = _stages([judge.stages_ms(shelf, query) for query, judge in queries[:WARM_UP]])
    for complaint, hidden in wanted.asked:
        judge = judges[complaint.fold]
        seen.answers.append(judge.answer(shelf, _matcher.query_of(complaint.told), hidden=hidden))
    if wanted.newcomers:
        new = _matcher.batches_of(wanted.newcomers)
        assert not _matcher.finds(shelf, new[-1]), "a new batch is not there before"
        began = time.perf_counter()
        if _matcher.add(shelf, new):
            assert _matcher.finds(shelf, new[-1]), "a new batch is found as soon as it was added"
            seen.catch_up_s = time.perf_counter() - began
    return seen


def _stages(times: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median([each[name] for each in times]) for name in times[0]} if times else {}


def in_child(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the work in a new process and return what it returns."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as child:
        return child.submit(work, *args, **kwargs).result()


def pin() -> None:
    """Keep this process to one of its cores."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def release_memory() -> None:
    """Give back what is no longer used, as far as the allocator can."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def memory_mb(line: str) -> float:
    """Return a line of this process's status in megabytes."""
    for each in Path("/proc/self/status").read_text().splitlines():
        if each.startswith(f"{line}:"):
            return int(each.split()[1]) / 1024
    raise KeyError(line)


class _Desk:
    """What a process of the throughput's pool keeps between chunks."""

    ready: tuple[Any, dict[int, _matcher.Judge]]


def _open_desk(registry: Path, models: Models) -> None:
    judges = {fold: _matcher.Judge(model) for fold, model in models.items()}
    _Desk.ready = _matcher.build(_matcher.batches_of(registry)), judges


def _decide_all(complaints: Sequence[Complaint]) -> int:
    shelf, judges = _Desk.ready
    for complaint in complaints:
        judges[complaint.fold].decide(shelf, _matcher.query_of(complaint.told))
    return len(complaints)


def per_second(registry: Path, models: Models, complaints: Sequence[Complaint]) -> float:
    """Return the complaints that a process on every core decide in a second, each with an index of its own."""
    cores = len(os.sched_getaffinity(0))
    chunks = [complaints[at :: cores * CHUNKS_PER_CORE] for at in range(cores * CHUNKS_PER_CORE)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(cores, initializer=_open_desk, initargs=(registry, models)) as pool:
        pool.map(_decide_all, chunks[::2], chunksize=1)  # waits for every index, and warms up with other complaints
        began = time.perf_counter()
        decided = pool.map(_decide_all, chunks[1::2], chunksize=1)
        taken = time.perf_counter() - began
    return sum(decided) / taken
