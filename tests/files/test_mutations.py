"""Good files with chance in their bytes: whatever a stranger's file looks like, the next one is decoded.

500 in short runs, 100,000 with `-m full`. Each mutation is drawn from the run's seed and its own number, so that a
failure names the one file that caused it; `CHANCE_SEED` repeats the run.
"""

import asyncio
import random
import struct

import pytest

from service.files.images import ImageWorkshop
from service.files.kinds import Kind
from tests.chance import new_seed
from tests.files.hostile import SHOWN, good_files
from tests.files.judging import MEMORY_MB_MAX, SECONDS_MAX, SLACK_SECONDS, judge, peak_mb
from tests.files.metadata import assert_bare
from tests.files.pictures import quarters, saved

CODES = {
    SHOWN, "file_not_a_photo", "file_damaged", "file_protected", "file_too_many_pixels", "file_too_many_frames",
    "file_too_many_pages", "file_timeout", "file_unpacks_too_large",
}  # fmt: skip
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CHECKED_EVERY = 50


def mutated(whole: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A file with one to eight accidents."""
    data = bytearray(whole)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(max(1, len(data)))
        length = chance.choice((1, 2, 4, 16, 64, 256))
        match chance.randrange(8):
            case 0:
                data[at : at + 1] = bytes([data[at] ^ 1 << chance.randrange(8)]) if data else b""
            case 1:
                data[at : at + length] = chance.randbytes(length)
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = chance.randbytes(length)
            case 4:
                data[at:at] = data[at : at + length] * chance.randrange(1, 20)
            case 5:
                form = chance.choice((">I", "<I", ">H", "<H"))
                size = struct.calcsize(form)
                data[at : at + size] = struct.pack(form, chance.choice(EXTREMES) & (256**size - 1))
            case 6:
                del data[at:]
            case _:
                other = chance.choice(others)
                start = chance.randrange(len(other))
                data[at : at + length] = other[start : start + length]
    return bytes(data)


@pytest.mark.parametrize(
    "count",
    [500, pytest.param(100_000, marks=[pytest.mark.full, pytest.mark.timeout(7_200)])],
)
async def test_a_file_with_accidents_gives_pictures_or_a_code_and_costs_no_other_file(
    workshop: ImageWorkshop, count: int
) -> None:
    seed = new_seed()
    wholes = list(good_files().values())

    async def send(numbers: range) -> None:
        for number in numbers:
            chance = random.Random(f"{seed}:{number}")
            data = mutated(chance.choice(wholes), wholes, chance)
            outcome = await judge(workshop, data)
            told = f"CHANCE_SEED={seed}, mutation {number}: {outcome.code} after {outcome.seconds:.1f} s"
            assert outcome.code in CODES | ({"file_empty"} if not data else set()), told
            assert outcome.seconds <= SECONDS_MAX + SLACK_SECONDS, told
            assert peak_mb(workshop) <= MEMORY_MB_MAX, told
            if outcome.made is not None:
                assert_bare(outcome.made)
            if number % CHECKED_EVERY < 2:
                good = await workshop.derive(saved(quarters(64, 48), "JPEG"), Kind.JPEG)
                assert (good.width_px, good.height_px) == (64, 48), told

    await asyncio.gather(send(range(0, count, 2)), send(range(1, count, 2)))


def test_the_same_seed_makes_the_same_accidents() -> None:
    wholes = list(good_files().values())
    once, again = (mutated(wholes[0], wholes, random.Random("7:1")) for _ in range(2))
    assert once == again != wholes[0]
