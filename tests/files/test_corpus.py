"""Hundreds of broken, odd and hostile files: each gives its pictures or one clear code, and harms no other file."""

import asyncio
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from service.files.images import ImageWorkshop
from service.files.kinds import Kind
from tests.files.hostile import CATEGORIES, SHOWN, Hostile, made
from tests.files.judging import MEMORY_MB_MAX, SECONDS_MAX, SLACK_SECONDS, Outcome, judge, peak_mb
from tests.files.metadata import assert_bare, assert_no_metadata
from tests.files.pictures import quarters, saved, scan_bomb

SECONDS_ALLOWED = SECONDS_MAX + SLACK_SECONDS
CODES = {SHOWN, "file_empty", "file_too_large", "file_not_a_photo", "file_damaged", "file_protected"} | {
    "file_too_many_pixels", "file_too_many_frames", "file_too_many_pages", "file_timeout", "file_unpacks_too_large",
}  # fmt: skip


@pytest.mark.parametrize("category", CATEGORIES)
async def test_hostile_files_come_to_what_is_right_for_them_in_time_and_in_bounds(
    workshop: ImageWorkshop, tmp_path: Path, category: str
) -> None:
    files = made(category)
    wrong = []
    for file, outcome in zip(files, await _judged(workshop, files, tmp_path), strict=True):
        if outcome.code not in file.expected or outcome.seconds > SECONDS_ALLOWED:
            wrong.append((file.name, outcome.code, round(outcome.seconds, 1), set(file.expected)))
    assert wrong == []
    await _assert_works(workshop)


def test_there_are_hostile_files_enough_of_every_sort() -> None:
    counts = {name: len(made(name)) for name in CATEGORIES}
    assert sum(counts.values()) >= 200
    assert all(count >= 20 for count in counts.values()), counts


async def _judged(workshop: ImageWorkshop, files: Sequence[Hostile], folder: Path) -> list[Outcome]:
    """Judge files one after the other; the derivatives are bare by Pillow and by exiftool."""
    outcomes = []
    for number, file in enumerate(files):
        outcome = await judge(workshop, file.data)
        assert outcome.code in CODES, file.name
        assert peak_mb(workshop) <= MEMORY_MB_MAX, file.name
        _keep(outcome, folder, str(number))
        outcomes.append(outcome)
    assert_no_metadata(folder)
    return outcomes


def _keep(outcome: Outcome, folder: Path, name: str) -> None:
    if outcome.made is not None:
        assert_bare(outcome.made)
        (folder / f"{name}-view.webp").write_bytes(outcome.made.view)
        (folder / f"{name}-thumbnail.webp").write_bytes(outcome.made.thumbnail)


async def _assert_works(workshop: ImageWorkshop) -> None:
    shown = await workshop.derive(saved(quarters(64, 48), "JPEG"), Kind.JPEG)
    assert (shown.width_px, shown.height_px) == (64, 48)


@pytest.mark.full
async def test_a_file_that_decodes_for_ever_ends_within_ten_seconds_and_costs_one_worker() -> None:
    workshop = ImageWorkshop()
    try:
        await asyncio.gather(_assert_works(workshop), _assert_works(workshop))
        assert len(workshop._idle) == 2
        outcome = await judge(workshop, scan_bomb(4_000, 3_000))
        assert outcome.code == "file_timeout"
        assert outcome.seconds <= SECONDS_ALLOWED
        assert len(workshop._idle) == 1
        await _assert_works(workshop)
    finally:
        await workshop.close()


PUBLIC = (("exif", 1), ("malformed", 1), ("barcodes", 4))  # folder, and how many are left out between two in short runs


@pytest.mark.parametrize(
    "is_whole", [pytest.param(False, id="sample"), pytest.param(True, id="whole", marks=pytest.mark.full)]
)
async def test_public_photos_give_bare_pictures_or_a_code(
    workshop: ImageWorkshop, photos: Path, tmp_path: Path, is_whole: bool
) -> None:
    codes: dict[str, Counter[str]] = {}
    for folder, step in PUBLIC:
        files = sorted(each for each in (photos / folder).rglob("*") if each.is_file() and each.suffix != ".txt")
        for number, file in enumerate(files[:: 1 if is_whole else step]):
            outcome = await judge(workshop, file.read_bytes())
            assert outcome.code in CODES, file
            assert outcome.seconds <= SECONDS_ALLOWED, file
            assert peak_mb(workshop) <= MEMORY_MB_MAX, file
            _keep(outcome, tmp_path, f"{folder}-{number}")
            codes.setdefault(folder, Counter())[outcome.code] += 1
    assert codes["exif"] == {SHOWN: 35}
    assert codes["malformed"] == {SHOWN: 44, "file_not_a_photo": 62, "file_damaged": 4}
    assert set(codes["barcodes"]) <= {SHOWN, "file_not_a_photo"}
    assert_no_metadata(tmp_path)
    await _assert_works(workshop)


async def test_public_photos_of_every_orientation_come_out_upright(workshop: ImageWorkshop, photos: Path) -> None:
    files = sorted((photos / "exif" / "jpg" / "orientation").glob("*.jpg"))
    assert len(files) == 16
    for file in files:
        shown = (await judge(workshop, file.read_bytes())).made
        assert shown is not None, file
        assert (shown.width_px > shown.height_px) is file.name.startswith("landscape_"), file
        reference = file.with_name(f"{file.stem[:-1]}1.jpg")
        with Image.open(file.parent / reference) as first:
            wanted = first.resize((24, 24)).convert("L").tobytes()
        with Image.open(io.BytesIO(shown.view)) as view:
            seen = view.resize((24, 24)).convert("L").tobytes()
        assert sum(abs(a - b) for a, b in zip(seen, wanted, strict=True)) / len(seen) < 12, file
