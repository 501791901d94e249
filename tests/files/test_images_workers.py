"""Decoders are processes of their own: what one file does to them costs that file and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from service.core.errors import Invalid, TooLarge, Unavailable
from service.files import images
from service.files.images import Derivatives, ImageWorkshop, Limits
from service.files.kinds import FILE_BYTES_MAX, Kind
from service.files.piped import SIZES, Piped
from tests.files.documents import object_stream_bomb
from tests.files.judging import MEMORY_MB_MAX
from tests.files.pictures import png_bomb, quarters, saved, scan_bomb


@pytest.fixture
async def workshop() -> AsyncIterator[ImageWorkshop]:
    """A workshop of the test's own, whose decoders it may count and kill."""
    made = ImageWorkshop()
    yield made
    await made.close()


async def assert_works(workshop: ImageWorkshop) -> None:
    """The next file is decoded."""
    made = await workshop.derive(saved(quarters(64, 48), "JPEG"), Kind.JPEG)
    assert (made.width_px, made.height_px) == (64, 48)


async def test_an_empty_and_a_huge_file_are_refused_before_a_decoder_sees_them(workshop: ImageWorkshop) -> None:
    with pytest.raises(Invalid) as empty:
        await workshop.derive(b"", Kind.JPEG)
    with pytest.raises(TooLarge) as large:
        await workshop.derive(bytes(20_000_001), Kind.JPEG)
    assert (empty.value.code, large.value.code) == ("file_empty", "file_too_large")
    assert workshop._idle == []


@pytest.mark.parametrize("side", [7072, 12_000])
async def test_a_pixel_bomb_is_refused_by_its_header(workshop: ImageWorkshop, side: int) -> None:
    bomb = png_bomb(side)
    assert len(bomb) < 1_000_000
    with pytest.raises(Invalid) as refusal:
        await workshop.derive(bomb, Kind.PNG)
    assert refusal.value.code == "file_too_many_pixels"
    await assert_works(workshop)


async def test_a_file_that_decodes_for_ever_is_ended_by_the_wall_clock() -> None:
    workshop = ImageWorkshop(Limits(cpu_seconds=30, wall_seconds=1.0))
    try:
        with pytest.raises(Invalid) as refusal:
            await workshop.derive(scan_bomb(4000, 400), Kind.JPEG)
        assert refusal.value.code == "file_timeout"
        assert workshop._idle == []
    finally:
        await workshop.close()


async def test_a_worker_that_was_killed_costs_no_file(workshop: ImageWorkshop) -> None:
    await assert_works(workshop)
    workshop._idle[0]._process.kill()
    await assert_works(workshop)


async def test_a_hanging_file_holds_up_only_itself() -> None:
    workshop = ImageWorkshop(Limits(cpu_seconds=1, wall_seconds=30.0))
    try:
        hanging = asyncio.create_task(workshop.derive(scan_bomb(4000, 400), Kind.JPEG))
        for _ in range(5):
            await assert_works(workshop)
        with pytest.raises(Invalid):
            await hanging
    finally:
        await workshop.close()


async def test_a_caller_who_goes_away_leaves_no_worker_in_the_middle_of_a_file(workshop: ImageWorkshop) -> None:
    task = asyncio.create_task(workshop.derive(scan_bomb(4000, 400), Kind.JPEG))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), timeout=0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert workshop._idle == []
    await assert_works(workshop)


async def test_too_many_waiting_photos_are_refused_at_once() -> None:
    workshop = ImageWorkshop(Limits(waiting_max=2))
    photo = saved(quarters(64, 48), "JPEG")
    try:
        results = await asyncio.gather(*(workshop.derive(photo, Kind.JPEG) for _ in range(3)), return_exceptions=True)
    finally:
        await workshop.close()
    refused = [each for each in results if isinstance(each, Unavailable)]
    assert [each.code for each in refused] == ["photo_workshop_busy"]
    assert sum(isinstance(each, Derivatives) for each in results) == 2


async def test_a_worker_is_replaced_after_its_share_of_files() -> None:
    workshop = ImageWorkshop(Limits(jobs_per_worker_max=2))
    try:
        await assert_works(workshop)
        first = workshop._idle[0]._process.pid
        await assert_works(workshop)
        assert workshop._idle == []
        await assert_works(workshop)
        assert workshop._idle[0]._process.pid != first
    finally:
        await workshop.close()


async def test_decoders_get_nothing_of_our_environment(
    workshop: ImageWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRHOLD_SECRET", "never to be seen there")
    await assert_works(workshop)
    seen = Path(f"/proc/{workshop._idle[0]._process.pid}/environ")
    if not seen.exists():
        pytest.skip("no /proc on this system")
    assert b"FAIRHOLD" not in seen.read_bytes()


async def test_a_file_that_uses_up_its_time_ends_one_worker_and_is_not_tried_again() -> None:
    workshop = ImageWorkshop(Limits(cpu_seconds=1, wall_seconds=30.0))
    try:
        await asyncio.gather(assert_works(workshop), assert_works(workshop))
        before = {worker._process.pid for worker in workshop._idle}
        assert len(before) == 2
        with pytest.raises(Invalid) as refusal:
            await workshop.derive(scan_bomb(4000, 3000), Kind.JPEG)
        assert refusal.value.code == "file_timeout"
        assert {worker._process.pid for worker in workshop._idle} < before
        await assert_works(workshop)
    finally:
        await workshop.close()


def framed(head: bytes, body: bytes = b"<htm>", *, body_bytes: int | None = None) -> bytes:
    """An answer as it goes through the pipe."""
    return SIZES.pack(len(head), len(body) if body_bytes is None else body_bytes) + head + body


HASH = b"0" * 64
NONSENSE = {
    "no frame": b"hello!!!",
    "no JSON": framed(b"hello"),
    "nothing of a photo": framed(b"{}", b""),
    "pages of a photo": framed(b'{"pages": 3}', b""),
    "sizes below nothing": framed(b'{"width": 9, "height": 9, "likeness": "%s", "view": -5}' % HASH),
    "words for numbers": framed(b'{"width": "nine", "height": 9}'),
    "a hash that is none": framed(b'{"width": 9, "height": 9, "likeness": "xyz"}'),
    "unheard-of words": framed(b'{"error": "file_damaged", "run": "this"}', b""),
    "a head without end": framed(b"{" * 1_025, b""),
    "a body without end": framed(b'{"width": 9, "height": 9, "view": 9}', body_bytes=4_294_967_295),
    "pictures that are none": framed(b'{"width": 9, "height": 9, "likeness": "%s", "view": 5}' % HASH),
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_a_decoder_that_talks_nonsense_is_ended_and_costs_its_file_only(answer: bytes) -> None:
    workshop = ImageWorkshop(Limits(wall_seconds=5), decoder="tests.files.odd_decoder")
    with pytest.raises(Invalid) as refusal:
        await workshop.derive(answer, Kind.JPEG)
    assert refusal.value.code == "file_damaged"
    assert workshop._idle == []


async def test_a_decoder_that_talks_sense_is_believed() -> None:
    """So the refusals above are of the nonsense, and not of how it is sent."""
    picture = b"RIFF....WEBP"
    workshop = ImageWorkshop(decoder="tests.files.odd_decoder")
    head = b'{"width": 9, "height": 8, "likeness": "%s", "view": 12}' % HASH
    try:
        made = await workshop.derive(framed(head, picture + picture), Kind.JPEG)
    finally:
        await workshop.close()
    assert (made.width_px, made.height_px, made.view, made.thumbnail) == (9, 8, picture, picture)


async def test_an_upload_is_handed_on_in_pieces_from_wherever_its_file_stands(
    workshop: ImageWorkshop, tmp_path: Path
) -> None:
    photo = saved(quarters(640, 480), "JPEG") + bytes(5_000_000)
    path = tmp_path / "upload"
    path.write_bytes(photo)
    with path.open("rb") as upload:
        upload.seek(1_000)
        from_file = await workshop.derive(upload, Kind.JPEG)
        assert not upload.closed
    assert from_file == await workshop.derive(path, Kind.JPEG) == await workshop.derive(photo, Kind.JPEG)


@pytest.mark.parametrize(
    "colours",
    [
        pytest.param(0, id="grey"),
        pytest.param(2, id="RGB", marks=pytest.mark.full),
        pytest.param(4, id="grey and alpha", marks=pytest.mark.full),
        pytest.param(6, id="RGBA"),
    ],
)
async def test_as_many_pixels_as_the_limit_says_are_decoded_within_the_memory(colours: int) -> None:
    body = png_bomb(7_071, colours).ljust(FILE_BYTES_MAX, b"\0")
    told, peak_mb = await _decoded_alone("png", body)
    assert (told["width"], told["height"]) == (7_071, 7_071)
    assert peak_mb <= MEMORY_MB_MAX


async def test_what_unpacks_to_more_than_the_memory_is_refused_within_it() -> None:
    told, peak_mb = await _decoded_alone("pdf", object_stream_bomb(500))
    assert told["error"] in ("file_unpacks_too_large", "file_damaged")
    assert peak_mb <= MEMORY_MB_MAX


async def _decoded_alone(kind: str, body: bytes) -> tuple[dict[str, Any], float]:
    """The answer's head of a decoder that sees one file only, and its peak of resident memory in MiB."""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc on this system: memory is not measured")
    worker = await Piped.start("service.files.decoder", images._ENVIRONMENT)
    job = {"kind": kind, "cpu_seconds": 60}
    head, _ = await worker.ask(
        job,
        BytesIO(body),
        len(body),
        head_bytes_max=images.ANSWER_HEAD_BYTES_MAX,
        body_bytes_max=images.DERIVATIVE_BYTES_MAX,
    )
    status = Path(f"/proc/{worker.pid}/status").read_text()
    assert worker._process.stdin is not None
    worker._process.stdin.close()
    assert await worker._process.wait() == 0
    return json.loads(head), int(status.partition("VmHWM:")[2].split()[0]) / 1_024
