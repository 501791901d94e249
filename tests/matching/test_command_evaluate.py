"""`fairhold matching evaluate`: the service's own answers over files, without a database; clear words on bad files."""

import csv
import os
from pathlib import Path

import pytest

from service.complaints.matching.calibrate import shipped_model
from service.complaints.matching.decide import score_of
from service.complaints.matching.evaluate import answer, evaluate
from service.complaints.matching.facts import Outcome
from service.complaints.matching.labelled import read_labelled
from service.complaints.matching.match import match_on
from service.complaints.matching.measures import figures
from service.complaints.matching.shelf import Shelf, read_registry
from service.core.errors import Invalid
from tests.matching.commanding import Command, read_json
from tests.matching.generated import REGISTERED, TOLD, Made, write


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A generated registry with 80 complaints."""
    return Made(3, complaints=80).write(tmp_path_factory.mktemp("made"))


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, {})


async def test_files_are_answered_without_a_database_and_judged(
    command: Command, files: tuple[Path, Path], tmp_path: Path
) -> None:
    out, figures_file = tmp_path / "predictions.csv", tmp_path / "figures.json"
    told = await command.run("evaluate", *files, "--predictions", out, "--json", figures_file)
    assert (told.status, "right batch first, lot told" in told.out) == (0, True), told
    assert not list(tmp_path.glob("*.part"))
    with out.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) == ["complaint_id", "batch_id", "score", "rank"]
    ranks: dict[str, list[int]] = {}
    for row in rows:
        ranks.setdefault(row["complaint_id"], []).append(int(row["rank"]))
    assert all(found == list(range(1, len(found) + 1)) and len(found) <= 10 for found in ranks.values())
    complaints = read_labelled(files[1], needs_truth=True)
    assert set(ranks) <= {each.complaint_id for each in complaints}
    first = {row["complaint_id"]: row for row in rows if row["rank"] == "1"}
    with_lot = [each for each in complaints if each.lot_told and each.batch]
    right = sum(first[each.complaint_id]["batch_id"] == each.batch for each in with_lot)
    said = read_json(figures_file)
    assert said["figures"]["all"]["recall_at_1"] == round(right / len(with_lot), 4)
    assert said["figures"]["all"]["complaints"] == 80
    assert sum(each["complaints"] for each in said["figures"]["lang"].values()) == 80
    assert set(said["figures"]["difficulty"]) == {"easy", "hard"}
    assert (said["model"], said["is_out_of_fold"]) == (shipped_model().version, False)
    over = [each for each in complaints if float(first[each.complaint_id]["score"]) >= said["threshold"]]
    assert said["figures"]["all"]["at_threshold"]["coverage"] == round(len(over) / 80, 4)
    assert 0.5 <= said["threshold"] <= said["strict_threshold"]
    assert set(said["files"]) == {"registry", "complaints"}


def test_the_answers_are_those_of_the_code_that_the_service_runs(files: tuple[Path, Path]) -> None:
    found = evaluate(*files, train_on=None)
    shelf = Shelf(read_registry(files[0]))
    for each in found.answers:
        query = each.complaint.query
        decision = match_on(shelf, query)
        assert decision.best is not None
        assert each.places[0].batch == str(decision.best.candidate.batch_id)
        assert (each.outcome, each.is_strict) == (str(decision.outcome), decision.strict)
        assert each.is_linked == (decision.outcome == Outcome.LINKED)
        assert each.score == score_of(decision, lot_told=bool(query.lot_text))
        assert list(each.places) == sorted(each.places, key=lambda place: -place.score)


def test_evaluating_twice_says_the_same(files: tuple[Path, Path]) -> None:
    assert evaluate(*files, train_on=None) == evaluate(*files, train_on=None)


@pytest.mark.timeout(300)
async def test_the_training_file_alone_decides_thresholds_and_model(files: tuple[Path, Path], tmp_path: Path) -> None:
    registry, complaints = Made(5).write(tmp_path, "other-")
    whole = evaluate(registry, complaints, train_on=complaints)
    half = write(tmp_path / "half.csv", TOLD, Made(5).complaints[:40])
    part = evaluate(registry, half, train_on=complaints)
    assert (part.threshold, part.strict_threshold) == (whole.threshold, whole.strict_threshold)
    assert (whole.is_out_of_fold, part.is_out_of_fold) == (True, False)
    assert 0.5 <= whole.threshold <= whole.strict_threshold
    judged = figures(whole.answers, whole.threshold, whole.strict_threshold)["all"]
    assert judged["at_threshold"]["precision"] >= 0.99
    assert judged["recall_at_10"] >= 0.95


async def test_complaints_without_truth_are_answered_and_not_judged(
    command: Command, files: tuple[Path, Path], tmp_path: Path
) -> None:
    untold = write(tmp_path / "untold.csv", TOLD[:7], Made(3, complaints=20).complaints)
    out, said = tmp_path / "p.csv", tmp_path / "j.json"
    told = await command.run("evaluate", files[0], untold, "--predictions", out, "--json", said)
    assert (told.status, read_json(said)["figures"]) == (0, None), told
    assert "does not say what is right" in told.out
    assert len(out.read_text("utf-8").splitlines()) > 20


GOOD = {"complaint_id": "C1", "product_text": "Amber Night Cream", "purchase_date": "2026-01-02", "lang": "en"}
KNOWN = {"batch_id": "b1", "seller": "Amber", "product_name": "Amber Cream", "lot_code": "A1",
         "registered_on": "2025-01-01", "product_key": "p1"}  # fmt: skip
HEAD = ",".join(TOLD[:7])


def row(**cells: str) -> str:
    return ",".join((GOOD | cells).get(name, "") for name in TOLD[:7])


def batch(**cells: str) -> str:
    return ",".join((KNOWN | cells).get(name, "") for name in REGISTERED)


BAD_COMPLAINTS: dict[str, tuple[bytes, str, int]] = {
    "nothing": (b"", "csv_empty", 1),
    "no rows": (f"{HEAD}\n".encode(), "csv_empty", 1),
    "a column missing": (b"complaint_id,product_text\nC1,x\n", "csv_column_missing", 1),
    "a column twice": (f"{HEAD},lang\n{row()},en\n".encode(), "csv_column_twice", 1),
    "a date that is none": (f"{HEAD}\n{row()}\n{row(complaint_id='C2', purchase_date='2026-02-30')}\n".encode(),
                            "csv_date_wrong", 3),
    "a date in words": (f"{HEAD}\n{row(purchase_date='May')}\n".encode(), "csv_date_wrong", 2),
    "the same id twice": (f"{HEAD}\n{row()}\n\n{row()}\n".encode(), "csv_duplicate", 4),
    "no id": (f"{HEAD}\n{row(complaint_id=' ')}\n".encode(), "csv_cell_missing", 2),
    "a cell too many": (f"{HEAD}\n{row()},more\n".encode(), "csv_row_wrong", 2),
    "a row cut off": (f"{HEAD}\n{row()}\nC2,x\n".encode(), "csv_row_wrong", 3),
    "a quote not closed": (f'{HEAD}\n{row()}\nC2,"x\n'.encode(), "csv_malformed", 3),
    "another encoding": (f"{HEAD}\n".encode() + "C1,面膜,,,,,zh\n".encode("gb18030"), "csv_not_utf8", 1),
    "a byte of zero": (f"{HEAD}\nC1,a\0b,,,,,en\n".encode(), "", 0),
    "a cell without end": (f"{HEAD}\nC1,{'x' * 200_000},,,,,en\n".encode(), "csv_malformed", 2),
    "a line break in a cell": (f'{HEAD}\nC1,"x\ny",,,,,en\nC2,x,,,bad,,en\n'.encode(), "csv_date_wrong", 4),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_COMPLAINTS)
def test_what_is_wrong_with_complaints_is_told_by_its_line(name: str, tmp_path: Path) -> None:
    content, code, line = BAD_COMPLAINTS[name]
    (tmp_path / "c.csv").write_bytes(content)
    registry = tmp_path / "r.csv"
    registry.write_text(f"{','.join(REGISTERED)}\n{batch()}\n", "utf-8")
    if not code:
        assert len(evaluate(registry, tmp_path / "c.csv", train_on=None).answers) == 1
        return
    with pytest.raises(Invalid) as raised:
        evaluate(registry, tmp_path / "c.csv", train_on=None)
    assert (raised.value.code, raised.value.facts["line"]) == (code, line)
    assert f"c.csv, line {line}: " in raised.value.message


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        ([batch(registered_on="")], "csv_date_wrong", 2),
        ([batch(), batch(batch_id="b2", registered_on="1 May")], "csv_date_wrong", 3),
        ([batch(), batch()], "csv_duplicate", 3),
        ([batch(product_key="")], "csv_cell_missing", 2),
        ([batch(batch_id="")], "csv_cell_missing", 2),
        ([], "csv_empty", 1),
    ],
)
def test_what_is_wrong_with_a_registry_is_told_by_its_line(
    rows: list[str], code: str, line: int, tmp_path: Path
) -> None:
    registry, complaints = tmp_path / "r.csv", tmp_path / "c.csv"
    registry.write_text("\n".join([",".join(REGISTERED), *rows]) + "\n", "utf-8")
    complaints.write_text(f"{HEAD}\n{row()}\n", "utf-8")
    with pytest.raises(Invalid) as raised:
        evaluate(registry, complaints, train_on=None)
    assert (raised.value.code, raised.value.facts["line"]) == (code, line)


def test_a_training_file_must_say_what_is_right(files: tuple[Path, Path], tmp_path: Path) -> None:
    untold = write(tmp_path / "untold.csv", TOLD[:7], Made(3, complaints=5).complaints)
    half = write(
        tmp_path / "half.csv", TOLD, [each | {"expected_product_key": ""} for each in Made(3, complaints=5).complaints]
    )
    for file, code in ((untold, "csv_column_missing"), (half, "csv_cell_missing")):
        with pytest.raises(Invalid) as raised:
            evaluate(*files, train_on=file)
        assert raised.value.code == code


async def test_the_command_ends_with_1_and_writes_nothing_where_a_file_is_wrong(
    command: Command, files: tuple[Path, Path], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text(f"{HEAD}\n{row(purchase_date='soon')}\n", "utf-8")
    out = tmp_path / "p.csv"
    assert await command.refused("evaluate", files[0], bad, "--predictions", out) == (1, "csv_date_wrong")
    assert await command.refused("evaluate", files[0], tmp_path / "absent.csv") == (1, "csv_not_readable")
    assert await command.refused("evaluate", files[0], tmp_path) == (1, "csv_not_readable")
    assert not out.exists()


@pytest.mark.parametrize("place", ["no/such.json", ".", "/", "/dev/null/figures.json"])
async def test_what_has_no_place_is_refused_before_any_work(
    command: Command, files: tuple[Path, Path], tmp_path: Path, place: str
) -> None:
    absent = tmp_path / "absent.csv"  # would be refused as soon as it is looked at
    for option in ("--json", "--predictions"):
        assert await command.refused("evaluate", files[0], absent, option, tmp_path / place) == (1, "file_not_written")


def test_a_pipe_that_can_be_read_only_once_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for asked in ((pipe, files[1]), (files[0], pipe)):
        with pytest.raises(Invalid) as raised:
            evaluate(*asked, train_on=None)
        assert raised.value.code == "csv_not_readable"


def test_a_file_with_a_mark_of_its_byte_order_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    registry, complaints = tmp_path / "r.csv", tmp_path / "c.csv"
    registry.write_text("\n".join([",".join(REGISTERED), batch()]), "utf-8")
    complaints.write_bytes(("\ufeff" + f"{HEAD}\r\n{row()}\r\n").encode())
    (only,) = read_labelled(complaints, needs_truth=False)
    assert (only.complaint_id, str(only.query.purchase_date)) == ("C1", "2026-01-02")
    model = shipped_model()
    assert answer(only, Shelf(), model).places == ()
