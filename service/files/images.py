"""Makes what people see of a photo, in processes of their own that may crash, hang or run out of memory.

A worker stays warm for a hundred files and is thrown away after any failure, so that one file can harm
only itself.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, BinaryIO, NoReturn

import msgspec

from service.core.errors import Invalid, Unavailable, ensure
from service.files.kinds import Kind, check_size
from service.files.piped import ENVIRONMENT, Piped
from service.files.scanning import Scanner

WORKERS_MAX = 2
ANSWER_HEAD_BYTES_MAX = 1_024
DERIVATIVE_BYTES_MAX = 16_000_000

_DECODER = "service.files.decoder"
# Memory that is kept from photo to photo need not be cleared for each: that was a tenth of a photo's time.
_ENVIRONMENT = ENVIRONMENT | {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "100663296"}
_REFUSALS = {
    "file_damaged": "the file cannot be decoded",
    "file_protected": "the file is protected by a password",
    "file_too_many_pixels": "the picture has more pixels than the limit",
    "file_too_many_frames": "the file holds more pictures than the limit",
    "file_too_many_pages": "the document has more pages than the limit",
    "file_unpacks_too_large": "the file unpacks to more than the memory limit",
    "file_timeout": "the file took too long to decode",
}


_PASSING = frozenset({"decoder_died", "file_unpacks_too_large", "file_timeout"})


class DecoderFailed(Invalid):
    """The decoder died, or ran out of memory or time: of this file, or for want of what the machine had elsewhere."""


@dataclass(frozen=True, slots=True)
class Derivatives:
    """What people see of a photo: WebP in sRGB without metadata. Width and height are the original's, upright.

    `likeness` is the PDQ hash of the upright photo: 32 bytes, in the order of PDQ's hexadecimal form. Copies of a photo
    differ in few of its 256 bits. `likeness_quality` is 0 to 100; PDQ's authors trust hashes from 50 on.
    """

    view: bytes
    thumbnail: bytes
    width_px: int
    height_px: int
    likeness: bytes
    likeness_quality: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost (in whole CPU seconds, because the system counts those), and how many may wait."""

    cpu_seconds: int = 8
    wall_seconds: float = 10.0
    jobs_per_worker_max: int = 100
    waiting_max: int = 32


_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a decoder may answer. It reads strangers' files, so it may have become a stranger itself."""

    error: str = ""
    pages: _Count = 0
    width: _Count = 0
    height: _Count = 0
    likeness: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")] = ""
    likeness_quality: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    view: _Count = 0

    def fits(self, kind: Kind, body: bytes) -> bool:
        """Whether this and `body` are a whole answer for a file of this kind."""
        if self.error:
            return not body
        if not kind.is_photo:
            return self.pages > 0 and not body
        pictures = (body[: self.view], body[self.view :])
        return min(self.width, self.height, len(self.likeness)) > 0 and all(
            each.startswith(b"RIFF") and each[8:12] == b"WEBP" for each in pictures
        )


class ImageWorkshop:
    """At most `WORKERS_MAX` decoder processes, started when first needed. Belongs to one event loop."""

    def __init__(
        self, limits: Limits | None = None, *, scanner: Scanner | None = None, decoder: str = _DECODER
    ) -> None:
        """`scanner` looks at every file before it is taken in; without one, nobody looks for malware.

        `decoder` is the module that decodes, and speaks as `decoder` does.
        """
        self.scanner = scanner
        self._decoder = decoder
        self._limits = limits or Limits()
        self._free = asyncio.Semaphore(WORKERS_MAX)
        self._idle: list[Piped] = []
        self._under_way = 0

    async def derive(self, data: bytes | Path | BinaryIO, kind: Kind) -> Derivatives:
        """Return what people see of a photo. Reads `data` in pieces, perhaps twice.

        Raises `Invalid` with "file_damaged", "file_too_many_pixels", "file_too_many_frames", "file_unpacks_too_large"
        or "file_timeout", as `DecoderFailed` where another try may do better, and `Unavailable` ("photo_workshop_busy")
        when too many files wait.
        """
        ensure(kind.is_photo, "a document has no view")
        head, body = await self._work(data, kind)
        return Derivatives(
            view=body[: head.view],
            thumbnail=body[head.view :],
            width_px=head.width,
            height_px=head.height,
            likeness=bytes.fromhex(head.likeness),
            likeness_quality=head.likeness_quality,
        )

    async def count_pages(self, data: bytes | Path | BinaryIO) -> int:
        """Return how many pages a PDF has; raises as `derive`, and "file_protected" or "file_too_many_pages"."""
        head, _ = await self._work(data, Kind.PDF)
        return head.pages

    async def close(self) -> None:
        """End the workers; files under way are refused."""
        while self._idle:
            await self._idle.pop().end()

    async def _work(self, data: bytes | Path | BinaryIO, kind: Kind) -> tuple[_Head, bytes]:
        if self._under_way >= self._limits.waiting_max:
            raise Unavailable("photo_workshop_busy", "too many photos wait to be decoded")
        self._under_way += 1
        try:
            async with self._free, asyncio.timeout(self._limits.wall_seconds):
                with _readable(data) as source:
                    size = await asyncio.to_thread(source.seek, 0, os.SEEK_END)
                    check_size(size)
                    head, derivatives = await self._try_twice(_Job(kind, source, size))
        except TimeoutError:
            head, derivatives = _Head(error="file_timeout"), b""
        finally:
            self._under_way -= 1
        if head.error:
            _refuse(head.error)
        return head, derivatives

    async def _try_twice(self, job: "_Job") -> tuple[_Head, bytes]:
        """Ask a warm worker, and a new one if the first fails for what may be an earlier file's harm."""
        if self._idle:
            with contextlib.suppress(_WorkerDied):
                return await self._ask(self._idle.pop(), job)
        try:
            return await self._ask(await Piped.start(self._decoder, _ENVIRONMENT), job)
        except _WorkerDied as death:
            return _Head(error=death.code), b""

    async def _ask(self, worker: Piped, job: "_Job") -> tuple[_Head, bytes]:
        """Return a worker's answer; raises `_WorkerDied` when another worker might do better."""
        is_sound = False
        try:
            head, body = await _answer(worker, job, self._limits.cpu_seconds)
            if head.error == "file_unpacks_too_large":
                raise _WorkerDied("file_unpacks_too_large")
            is_sound = worker.jobs < self._limits.jobs_per_worker_max
            return head, body
        except (EOFError, ConnectionError, ValueError) as error:  # the pipe broke, or what came is not an answer
            if await worker.end() == -signal.SIGXCPU:  # each file has its own time: no earlier one used it up
                return _Head(error="file_timeout"), b""
            raise _WorkerDied("decoder_died") from error
        finally:
            if is_sound:
                self._idle.append(worker)
            else:
                await worker.end()


@dataclass(frozen=True, slots=True)
class _Job:
    """A file to decode."""

    kind: Kind
    source: BinaryIO
    size_bytes: int


class _WorkerDied(Exception):
    """A worker ended, ran out of memory or answered nonsense; `code` is what that makes of the file."""

    def __init__(self, code: str) -> None:
        super().__init__(f"decoder failed: {code}")
        self.code = code


async def _answer(worker: Piped, job: _Job, cpu_seconds: int) -> tuple[_Head, bytes]:
    """Return an answer's head and body; raises as `Piped.ask`, and `ValueError` for one that is not to this file."""
    told = {"kind": job.kind.value, "cpu_seconds": cpu_seconds}
    packed, body = await worker.ask(
        told,
        job.source,
        job.size_bytes,
        head_bytes_max=ANSWER_HEAD_BYTES_MAX,
        body_bytes_max=DERIVATIVE_BYTES_MAX,
    )
    try:
        head = msgspec.json.decode(packed, type=_Head)
    except msgspec.MsgspecError as error:
        raise ValueError("an answer's head is nonsense") from error
    if not head.fits(job.kind, body):
        raise ValueError("an answer is not one to this file")
    return head, body


@contextlib.contextmanager
def _readable(data: bytes | Path | BinaryIO) -> Iterator[BinaryIO]:
    """Give a file to read from; one that came open stays open."""
    if isinstance(data, Path):
        with data.open("rb") as opened:
            yield opened
    else:
        yield BytesIO(data) if isinstance(data, bytes) else data


def _refuse(code: str) -> NoReturn:
    kind = DecoderFailed if code in _PASSING else Invalid
    told = code if code in _REFUSALS else "file_damaged"
    raise kind(told, _REFUSALS[told])
