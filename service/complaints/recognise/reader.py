"""Reads photos in one process of its own, which is started when first needed and ended when nobody needs it.

Reading takes some 700 MB and a second or two a photo, and may crash or hang in libraries that decode pixels: it costs
that photo's reading only.
"""

import asyncio
import signal
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

import msgspec
import structlog

from service.core.errors import Unavailable
from service.files.piped import Piped

ANSWER_BYTES_MAX: Final = 4_000_000
_ENGINE: Final = "service.complaints.recognise.engine"
_log = structlog.get_logger("fairhold.complaints")
Region = tuple[tuple[int, int], ...]


class ReadingFailed(Exception):
    """A photo could not be read; `reason` is "crashed", "memory", "timeout" or "unreadable"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Code(msgspec.Struct, frozen=True):
    """A barcode: its symbology ("ean_13"), text, GS1 identifiers with values, and how sure it is (0 to 1)."""

    symbology: str
    identifier: str
    text: str
    elements: tuple[tuple[str, str], ...]
    sure: float
    region: Region


class Line(msgspec.Struct, frozen=True):
    """A line of print, and how sure the model is of it (0 to 1)."""

    text: str
    sure: float
    region: Region


class Seen(msgspec.Struct, frozen=True):
    """All that a photo says. Regions are corners in pixels of the view, which is `width` by `height`."""

    width: int
    height: int
    engine: str
    codes: tuple[Code, ...]
    lines: tuple[Line, ...]


class _Failure(msgspec.Struct, frozen=True):
    """Why a photo could not be read, if the answer says so."""

    error: Literal["memory", "unreadable"] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one photo may cost, and when the process is ended: after so many photos, or so long without one."""

    cpu_seconds: int = 40
    wall_seconds: float = 120.0
    idle_seconds: float = 60.0
    photos_max: int = 200


class Recogniser:
    """At most one reading process. Belongs to one event loop."""

    def __init__(self, limits: Limits | None = None, *, engine: str = _ENGINE) -> None:
        self._limits = limits or Limits()
        self._engine = engine
        self._turn = asyncio.Lock()
        self._process: Piped | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[int]] = set()
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The number of the process, or None while there is none."""
        return None if self._process is None else self._process.pid

    async def read(self, view: bytes) -> Seen:
        """Return what a view (WebP) says; photos wait for each other.

        Raises `ReadingFailed`, and `Unavailable` ("recogniser_closed") when the worker ends meanwhile.
        """
        async with self._turn:
            self._stay()
            try:
                return await self._read_twice(view)
            finally:
                self._end_when_idle()

    async def close(self) -> None:
        """End the process. The photo under way is not failed: its job is done again by another worker."""
        self._is_closed = True
        self._stay()
        await self._end()
        for ending in tuple(self._ending):
            await ending

    async def _read_twice(self, view: bytes) -> Seen:
        """Ask the warm process, and a new one if it dies: an earlier photo may have done the harm."""
        was_warm = self._process is not None and self._process.is_alive
        try:
            return await self._ask(view)
        except ReadingFailed as failure:
            if not (was_warm and failure.reason in {"crashed", "memory"}):
                raise
            return await self._ask(view)

    async def _ask(self, view: bytes) -> Seen:
        is_sound = False
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                process = await self._running()
                head, _ = await process.ask(
                    {"cpu_seconds": self._limits.cpu_seconds},
                    BytesIO(view),
                    len(view),
                    head_bytes_max=ANSWER_BYTES_MAX,
                    body_bytes_max=0,
                )
            failure = msgspec.json.decode(head, type=_Failure).error
            seen = msgspec.json.decode(head, type=Seen) if failure is None else None
            is_sound = failure != "memory" and process.jobs < self._limits.photos_max
        except TimeoutError as error:
            raise ReadingFailed("timeout") from error
        except (
            EOFError,
            ConnectionError,
            ValueError,
            msgspec.MsgspecError,
        ) as error:  # the pipe broke, or what came is not an answer
            if self._is_closed:
                raise Unavailable("recogniser_closed", "the worker ends; the photo is read later") from error
            status = await self._end()
            raise ReadingFailed("timeout" if status == -signal.SIGXCPU else "crashed") from error
        finally:
            if not is_sound:
                await self._end()
        if seen is None:
            raise ReadingFailed(str(failure))
        return seen

    async def _running(self) -> Piped:
        if self._is_closed:
            raise Unavailable("recogniser_closed", "the worker ends; the photo is read later")
        if self._process is not None and not self._process.is_alive:
            await self._end()
        if self._process is None:
            self._process = await Piped.start(self._engine)
            _log.info("recogniser_started", pid=self._process.pid)
        return self._process

    async def _end(self) -> int:
        """End the process, if there is one, and return its exit status (minus the signal)."""
        process, self._process = self._process, None
        if process is None:
            return 0
        status = await process.end()
        _log.info("recogniser_ended", pid=process.pid, status=status, photos=process.jobs)
        return status

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end_when_idle(self) -> None:
        if self._process is not None and not self._is_closed:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later(self._limits.idle_seconds, self._end_idle)

    def _end_idle(self) -> None:
        """End the process in a task of its own, unless somebody has begun to ask it."""
        self._idle = None
        if self._turn.locked() or self._process is None:
            return
        process, self._process = self._process, None
        ending = asyncio.create_task(process.end())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
