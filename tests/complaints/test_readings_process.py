"""The process that reads photos: one, when needed, ended when idle; what goes wrong in it costs one photo's reading."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import pytest

from service.complaints.recognise import reader
from service.complaints.recognise.reader import Limits, ReadingFailed, Recogniser
from service.core.errors import Unavailable
from service.files import pipe_end, piped

ENGINE = "tests.complaints.odd_engine"
Make = Callable[[Limits], Recogniser]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Recogniser] = []

    def one(limits: Limits) -> Recogniser:
        made.append(Recogniser(limits, engine=ENGINE))
        return made[-1]

    yield one
    for each in made:
        await each.close()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - another process tells nobody that it ended
            await asyncio.sleep(0.01)


async def test_one_process_starts_with_the_first_photo_and_reads_all(make: Make) -> None:
    recogniser = make(Limits())
    before = recogniser.pid
    assert before is None
    seen = await asyncio.gather(*(recogniser.read(b"fine") for _ in range(5)))
    assert {each.engine for each in seen} == {"odd 1"}
    pid = recogniser.pid
    assert pid is not None
    await recogniser.read(b"fine")
    assert recogniser.pid == pid


async def test_a_process_that_nobody_needs_is_ended_and_started_again(make: Make) -> None:
    recogniser = make(Limits(idle_seconds=0.05))
    await recogniser.read(b"fine")
    first = recogniser.pid
    assert first is not None
    await until(lambda: recogniser.pid is None and not is_running(first))
    await recogniser.read(b"fine")
    assert recogniser.pid not in {None, first}


async def test_a_process_is_renewed_after_so_many_photos(make: Make) -> None:
    recogniser = make(Limits(photos_max=2))
    await recogniser.read(b"fine")
    first = recogniser.pid
    await recogniser.read(b"fine")
    assert recogniser.pid is None
    await recogniser.read(b"fine")
    assert recogniser.pid != first


@pytest.mark.parametrize(
    ("photo", "reason"),
    [(b"die", "crashed"), (b"babble", "crashed"), (b"memory", "memory"), (b"unreadable", "unreadable")],
)
async def test_what_goes_wrong_is_that_photos_alone(make: Make, photo: bytes, reason: str) -> None:
    recogniser = make(Limits())
    await recogniser.read(b"fine")
    with pytest.raises(ReadingFailed) as raised:
        await recogniser.read(photo)
    assert raised.value.reason == reason
    assert (await recogniser.read(b"fine")).engine == "odd 1"


async def test_a_photo_is_tried_again_when_an_earlier_one_had_spoilt_the_process(make: Make) -> None:
    recogniser = make(Limits())
    await recogniser.read(b"fine")
    assert recogniser.pid is not None
    os.kill(recogniser.pid, 9)
    assert (await recogniser.read(b"fine")).width == 8


@pytest.mark.parametrize(
    ("photo", "limits", "reason"),
    [
        (b"hang", Limits(wall_seconds=0.6), "timeout"),
        (b"spin", Limits(cpu_seconds=1, wall_seconds=60), "timeout"),
    ],
)
async def test_a_hanging_process_is_ended(make: Make, photo: bytes, limits: Limits, reason: str) -> None:
    recogniser = make(limits)
    await make(Limits()).read(b"fine")  # so that the time is not the interpreter's
    with pytest.raises(ReadingFailed) as raised:
        await recogniser.read(photo)
    assert raised.value.reason == reason
    assert recogniser.pid is None


async def test_a_worker_that_ends_fails_no_photo(make: Make) -> None:
    recogniser = make(Limits())
    reading = asyncio.create_task(recogniser.read(b"hang"))
    await until(lambda: recogniser.pid is not None)
    await recogniser.close()
    with pytest.raises(Unavailable) as raised:
        await reading
    assert raised.value.code == "recogniser_closed"
    with pytest.raises(Unavailable):
        await recogniser.read(b"fine")


async def test_the_process_gets_nothing_of_our_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRHOLD_SECRET", "not for you")
    names = (await make(Limits()).read(b"environment")).engine.split()
    assert set(names) <= set(piped.ENVIRONMENT) | {"LC_CTYPE"}


def test_both_ends_of_the_pipe_agree_on_frames() -> None:
    assert pipe_end._SIZES.format == piped.SIZES.format


def test_the_service_imports_nothing_that_reads_pixels_and_nothing_heavy_before_it_is_needed() -> None:
    """They take seconds and hundreds of megabytes, which no process but the reading one is to have."""
    heavy = {"rapidocr", "onnxruntime", "cv2", "zxingcpp", "biip", "pdqhash"}
    heavy |= {"lightgbm", "scipy", "pypinyin"}  # the matcher's: to train, and for whoever writes Chinese
    script = "import sys, service.cli.application, service.cli.worker; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert reader.__name__ in loaded
    assert heavy & set(loaded) == set()
