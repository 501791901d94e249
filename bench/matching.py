"""From a complaint to its batch: how often that is right, how fast, and how rivals do on the same complaints.

Reads ../shared/data/registry in place: 42,475 batches and 4,000 complaints. Products are split into five folds; each
complaint is judged by a model whose weights and thresholds were chosen on the other four. Figures are counted as the
scorer beside the data counts (`_accuracy.py`). Two more sets are made of the complaints: lots cut in two, and true
batches hidden from the registry (`_complaints.py`). The registry of 1,000,000 is the real one inside a generated one
(`_registry.py`). Queries are timed one by one on one core, all stages, after others have warmed the process up.
Rivals (`_rival_*.py`) are asked on one core as well; their threshold for each fold is chosen on the other folds.
Where a rival is too slow for all complaints it has a seeded sample, and ours on the same sample stands beside it.
`--quick` has 400 complaints to learn from and to judge, and leaves out the million.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import _matcher
from _accuracy import Answer, Judged, by_group, judged_by_other_folds, links, recalls, share, strict_links
from _ceiling import ceilings
from _complaints import Complaint, complaints_of, hideable, read_rows, sample, split, write_rows
from _registry import around, generated, read_batches, write_batches
from _rival_rapidfuzz import RapidFuzz
from _rival_splink import measure_splink
from _rival_tantivy import Tantivy
from _rival_trigrams import Trigrams
from _rivals import Opener, measure_rival, note_accuracy, note_shares
from _run import ROOT, Result, quantile, run
from _visit import WARM_UP, Models, Seen, Visit, in_child, per_second, visit

DATA = ROOT.parent / "shared" / "data" / "registry"
QUICK_COMPLAINTS, QUICK_MORE = 400, 100
TIMED, TIMED_QUICK = 1_200, 150
MILLION = 1_000_000
NEWCOMERS, NEWCOMERS_ROUND = 1_000, 90

# How many complaints each is asked: at 42,475 batches, in --quick, at a million.
RIVALS: dict[str, tuple[Opener, int, int, int]] = {
    "rapidfuzz": (RapidFuzz, 4_000, 60, 100),
    "tantivy": (Tantivy, 4_000, 400, 1_000),
    "pg_trgm": (Trigrams, 4_000, 40, 200),
}


@dataclass(frozen=True, slots=True)
class Ground:
    """What every part of the bench stands on."""

    folder: Path
    registry: Path
    newcomers: Path
    complaints: Sequence[Complaint]
    models: Models


def measure(result: Result, *, quick: bool) -> None:
    """Measure matching and its rivals."""
    if not (DATA / "registry.csv").exists():
        sys.exit(f"bench/matching.py needs {DATA} with registry.csv and complaints_dev.csv")
    with tempfile.TemporaryDirectory(prefix="fh-bench-") as folder:
        ground = prepare(Path(folder), quick=quick)
        answers = measure_ours(result, ground, quick=quick)
        for name, (opener, count, count_quick, _) in RIVALS.items():
            asked = sample(ground.complaints, count_quick if quick else count)
            theirs = measure_rival(result, name, opener, ground.registry, asked, size="42k")
            note_accuracy(result, name, asked, theirs.answers)
            note_ours_beside(result, name, ground, answers, asked)
        if quick:
            print("  splink takes too long to train: left out of --quick", flush=True)
        else:
            measure_splink(result, ground.registry, ground.complaints)
            measure_million(result, ground)


def prepare(folder: Path, *, quick: bool) -> Ground:
    """Read the complaints, train the models of the folds, and write the batches that come later."""
    rows = read_rows(DATA / "complaints_dev.csv")
    if quick:
        rows = sample(rows, QUICK_COMPLAINTS)
    write_rows(folder / "complaints.csv", rows)
    registry = DATA / "registry.csv"
    folds = _matcher.folds_of(folder / "complaints.csv")
    models = _matcher.models_of_folds(registry, folder / "complaints.csv")
    newcomers = folder / "newcomers.csv"
    write_batches(newcomers, islice(generated(read_batches(registry), first_round=NEWCOMERS_ROUND), NEWCOMERS))
    return Ground(folder, registry, newcomers, complaints_of(rows, folds), models)


def measure_ours(result: Result, ground: Ground, *, quick: bool) -> dict[str, Answer]:
    """Measure the product at 42,475 batches; return its answers by complaint."""
    real, most = ground.complaints, QUICK_MORE if quick else len(ground.complaints)
    cut_ones = sample(split(real), most)
    hidden = sample(hideable(real, read_batches(ground.registry)), most)
    asked = [(one, "") for one in (*real, *cut_ones)] + [(one, one.batch) for one in hidden]
    timed = sample(real, WARM_UP + (TIMED_QUICK if quick else TIMED))
    seen = in_child(visit, Visit(ground.registry, ground.models, asked, timed, ground.newcomers))
    judged = judge(ground.models, [one for one, _ in asked], seen.answers)
    note_accuracies(result, judged[: len(real)])
    if not quick:
        note_shares(result, ceilings(judged[: len(real)], read_batches(ground.registry)))
    cut_judged = [one for one in judged[len(real) : len(real) + len(cut_ones)] if one.complaint.batch]
    hidden_judged = judged[len(real) + len(cut_ones) :]
    more = {
        "split_recall_at_1": share(one.right for one in cut_judged),
        "split_linked": share(one.linked for one in cut_judged),
        "strict_false_lot": share(one.linked_strictly for one in hidden_judged),
        "standard_false_lot": share(one.linked for one in hidden_judged),
        "standard_false_unregistered": share(one.linked for one in judged[: len(real)] if not one.complaint.batch),
    }
    note_shares(result, more)
    note_times(result, seen, "42k")
    result.note("per_s_all_cores", per_second(ground.registry, ground.models, real), "complaints/s")
    return {one.complaint_id: answer for one, answer in zip(real, seen.answers, strict=False)}


def judge(models: Models, complaints: Sequence[Complaint], answers: Sequence[Answer]) -> list[Judged]:
    """Hold each answer against the thresholds of the model that gave it."""
    limits = {fold: _matcher.Judge(model).limits for fold, model in models.items()}
    return [Judged(one, answer, limits[one.fold]) for one, answer in zip(complaints, answers, strict=True)]


def note_accuracies(result: Result, judged: Sequence[Judged]) -> None:
    """Note how right the answers are, of all and by language and difficulty."""
    note_shares(result, accuracies(judged))
    note_shares(result, by_group(judged, accuracies))


def accuracies(judged: Sequence[Judged]) -> dict[str, float]:
    """Return all figures of real complaints."""
    return recalls(judged) | links(judged) | strict_links(judged)


def note_times(result: Result, seen: Seen, size: str) -> None:
    """Note what one query takes, and each of its stages, and the index."""
    result.note(f"p50_ms_{size}", quantile(seen.times_ms, 0.5), "ms")
    result.note(f"p95_ms_{size}", quantile(seen.times_ms, 0.95), "ms")
    for stage, milliseconds in seen.stages_ms.items():
        result.note(f"{stage}_p50_ms_{size}", milliseconds, "ms")
    result.note(f"build_s_{size}", seen.build_s, "s")
    result.note(f"rss_mb_{size}", seen.rss_mb, "MB")
    result.note(f"own_mb_{size}", seen.own_mb, "MB")
    if seen.catch_up_s is None:
        print("  the product's index takes no new batches: catch_up_1000_s is left out", flush=True)
    else:
        result.note("catch_up_1000_s" + ("" if size == "1m" else f"_{size}"), seen.catch_up_s, "s")


def note_ours_beside(
    result: Result, name: str, ground: Ground, answers: Mapping[str, Answer], asked: Sequence[Complaint]
) -> None:
    """Note our figures on the sample that a rival had, if it had not all."""
    if len(asked) < len(ground.complaints):
        ours = judge(ground.models, asked, [answers[one.complaint_id] for one in asked])
        figures = recalls(ours) | links(ours)
        note_shares(result, {f"{figure}_on_{name}_sample": value for figure, value in figures.items()})


def measure_million(result: Result, ground: Ground) -> None:
    """Measure the product, and the rivals' times, at a million batches."""
    registry = ground.folder / "million.csv"
    write_batches(registry, around(read_batches(ground.registry), MILLION))
    asked = [(one, "") for one in ground.complaints]
    timed = sample(ground.complaints, WARM_UP + TIMED)
    seen = in_child(visit, Visit(registry, ground.models, asked, timed, ground.newcomers))
    judged = judge(ground.models, ground.complaints, seen.answers)
    note_shares(result, {f"{name}_1m": value for name, value in accuracies(judged).items()})
    note_times(result, seen, "1m")
    for name, (opener, _, _, count) in RIVALS.items():
        some = sample(ground.complaints, count)
        theirs = measure_rival(result, name, opener, registry, some, size="1m")
        found = recalls(judged_by_other_folds(some, theirs.answers))
        note_shares(result, {f"{name}_recall_at_1_1m": found["recall_at_1"]})


if __name__ == "__main__":
    run(measure, "matching")
