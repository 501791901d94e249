"""What is measured of every rival: the same complaints, the same registry, the same count of what is right."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from pathlib import Path
from typing import Protocol

from _accuracy import FIRST, PRODUCTS_SHOWN, Answer, judged_by_other_folds, links, recalls
from _complaints import EXPIRY, Complaint
from _registry import Batch, read_batches
from _run import Result, quantile
from _visit import in_child, pin

from service.core.lots import fold_lot

WARM_UP = 20


class Rival(Protocol):
    """Another way to find batches, opened over a registry."""

    def ask(self, told: Mapping[str, str]) -> Sequence[tuple[int, float]]:
        """Return the ten best batches by their places in the registry, with scores, the best first."""

    def close(self) -> None:
        """End what was started."""


def lot_of(told: Mapping[str, str]) -> str:
    """Return the told lot as every rival has it: folded as the product folds, without label and date."""
    return fold_lot(EXPIRY.sub("", told["lot_text"]))


Opener = Callable[[Sequence[Batch]], Rival]


@dataclass(slots=True)
class Asked:
    """What a rival said, and how long it took; `build_s` is from rows in memory to the first question."""

    build_s: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)


def ask(opener: Opener, registry: Path, complaints: Sequence[Complaint]) -> Asked:
    """Open a rival over the registry and ask it, on one core; meant for a process of its own."""
    batches, asked = read_batches(registry), Asked()
    began = time.perf_counter()
    rival = opener(batches)
    asked.build_s = time.perf_counter() - began
    pin()
    try:
        for complaint in complaints[:WARM_UP]:
            rival.ask(complaint.told)
        for complaint in complaints:
            began = time.perf_counter()
            found = rival.ask(complaint.told)
            asked.times_ms.append((time.perf_counter() - began) * 1000)
            asked.answers.append(answer(batches, found))
    finally:
        rival.close()
    return asked


def answer(batches: Sequence[Batch], found: Iterable[tuple[int, float]]) -> Answer:
    """Return an answer of places with scores."""
    listed = [(batches[place], score) for place, score in found]
    return Answer(
        tuple(batch.batch_id for batch, _ in listed)[:FIRST],
        tuple(dict.fromkeys(batch.product_key for batch, _ in listed))[:PRODUCTS_SHOWN],
        listed[0][1] if listed else None,
    )


def measure_rival(
    result: Result, name: str, opener: Opener, registry: Path, complaints: Sequence[Complaint], *, size: str
) -> Asked:
    """Ask a rival and note its times, with its name in front."""
    asked = in_child(ask, opener, registry, complaints)
    result.note(f"{name}_build_s_{size}", asked.build_s, "s")
    result.note(f"{name}_p50_ms_{size}", quantile(asked.times_ms, 0.5), "ms")
    result.note(f"{name}_p95_ms_{size}", quantile(asked.times_ms, 0.95), "ms")
    return asked


def note_accuracy(result: Result, name: str, complaints: Sequence[Complaint], answers: Sequence[Answer]) -> None:
    """Note how right a rival's answers are; its threshold for each fold is the one that the other folds choose."""
    judged = judged_by_other_folds(complaints, answers)
    figures = recalls(judged) | links(judged)
    del figures["product_recall_no_lot_top3"]  # ten batches may well be of two products: nobody asked them for three
    note_shares(result, {f"{name}_{figure}": value for figure, value in figures.items()})


def note_shares(result: Result, figures: Mapping[str, float]) -> None:
    """Note shares; one of nothing (what is right among no links) is left out."""
    for name, value in figures.items():
        if not isnan(value):
            result.note(name, value, "share")
