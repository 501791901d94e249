"""Splink 5 on DuckDB: a Fellegi-Sunter model, all complaints against all batches at once.

Fields are prepared as its guide asks: folded lots, words of names, missing ones empty. Pairs come from equal lots, from
lots with equal beginnings or ends, and from shared rare words. How often true pairs agree is learnt from the right
answers of the very complaints that are judged, a dozen numbers, which can only flatter it. Splink works in batches: its
time for one complaint is the whole prediction by the complaints, on all cores; complaints asked one by one are timed as
well (`predict_between`). It is no dependency of the product: `uv pip install splink` puts it beside the others, and
without it this is left out.
"""

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from _complaints import Complaint
from _rivals import note_accuracy
from _run import Result, quantile
from _visit import in_child


def measure_splink(result: Result, registry: Path, complaints: Sequence[Complaint]) -> None:
    """Ask Splink and note what it found, or print why not."""
    if not importlib.util.find_spec("splink"):
        print("  splink is not installed: its figures are left out (uv pip install splink)", flush=True)
        return
    answers, train_s, batch_s, alone_ms = in_child(importlib.import_module("_splink_model").ask, registry, complaints)
    result.note("splink_train_s", train_s, "s")
    result.note("splink_ms_in_batch", batch_s * 1000 / len(complaints), "ms")
    result.note("splink_p50_ms_42k", quantile(alone_ms, 0.5), "ms")
    result.note("splink_p95_ms_42k", quantile(alone_ms, 0.95), "ms")
    note_accuracy(result, "splink", complaints, answers)
