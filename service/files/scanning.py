"""Looks for malware in what strangers send, where a clamd is configured: over its INSTREAM protocol, piece by piece.

It fails closed: without an answer of clamd a file is not taken. clamd's `StreamMaxLength`, `MaxScanSize` and
`MaxFileSize` must be at least `kinds.FILE_BYTES_MAX`; a file over the first is refused as if clamd were down.
"""

import asyncio
import contextlib
import struct
from dataclasses import dataclass
from typing import BinaryIO, Self

import structlog

from service.core.errors import Invalid, Unavailable

CONNECT_SECONDS = 3.0
PING_SECONDS = 2.0
SCAN_SECONDS = 30.0
"""From the question to the answer, waiting for a free place among `SCANS_AT_ONCE` included."""
SCANS_AT_ONCE = 4
PIECE_BYTES = 131_072
ANSWER_BYTES_MAX = 4_096
_LENGTH = struct.Struct(">I")
_log = structlog.get_logger("fairhold.files")

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class ClamdAddress:
    """Where a clamd listens: `host` and `port`, or the `path` of its socket."""

    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the address in "host:port", "[::1]:port" or "unix:/path"; raises `ValueError`."""
        if text.startswith("unix:/"):
            return cls("", 0, text.removeprefix("unix:"))
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
            raise ValueError("host:port or unix:/path")
        return cls(host, int(port), "")


class Scanner:
    """One clamd. Holds nothing open between two questions. Belongs to one event loop."""

    def __init__(self, address: ClamdAddress, *, seconds: float = SCAN_SECONDS) -> None:
        """`seconds` is the time from the question to the answer."""
        self._address = address
        self._seconds = seconds
        self._free = asyncio.Semaphore(SCANS_AT_ONCE)

    @classmethod
    def of(cls, clamd: str) -> "Scanner | None":
        """Return the scanner at an address as the settings have it; None where none is configured."""
        return cls(ClamdAddress.parse(clamd)) if clamd else None

    async def scan(self, source: BinaryIO) -> None:
        """Let clamd look at all of a seekable file, from its beginning.

        Raises `Invalid` ("file_infected"), and `Unavailable` ("scanner_unavailable") when there is no clear answer.
        """
        try:
            async with asyncio.timeout(self._seconds), self._free:
                said = await self._ask_about(source)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            _log.error("scanner_unavailable", error=type(error).__name__)
            raise Unavailable("scanner_unavailable", "the malware scanner does not answer") from error
        if said == "stream: OK":
            return
        if said.endswith(" FOUND"):
            _log.warning("file_infected", signature=said.removeprefix("stream: ").removesuffix(" FOUND"))
            raise Invalid("file_infected", "the malware scanner recognised this file")
        _log.error("scanner_unavailable", error=said)
        raise Unavailable("scanner_unavailable", "the malware scanner could not look at the file")

    async def check(self) -> None:
        """Raise `Unavailable` ("scanner_unavailable") unless clamd answers soon (for readiness)."""
        try:
            async with asyncio.timeout(PING_SECONDS):
                reader, writer = await self._connect()
                try:
                    writer.write(b"zPING\0")
                    await writer.drain()
                    if await _answer(reader) == "PONG":
                        return
                finally:
                    await _hang_up(writer)
        except (OSError, TimeoutError, EOFError, ValueError) as error:
            raise Unavailable("scanner_unavailable", "the malware scanner does not answer") from error
        raise Unavailable("scanner_unavailable", "what answers is no clamd")

    async def _connect(self) -> _Connection:
        async with asyncio.timeout(CONNECT_SECONDS):
            if self._address.path:
                return await asyncio.open_unix_connection(self._address.path, limit=ANSWER_BYTES_MAX)
            return await asyncio.open_connection(self._address.host, self._address.port, limit=ANSWER_BYTES_MAX)

    async def _ask_about(self, source: BinaryIO) -> str:
        reader, writer = await self._connect()
        try:
            with contextlib.suppress(ConnectionError):  # clamd hangs up early to say that it had enough: read why
                await _send(writer, source)
            return await _answer(reader)
        finally:
            await _hang_up(writer)


async def _send(writer: asyncio.StreamWriter, source: BinaryIO) -> None:
    await asyncio.to_thread(source.seek, 0)
    writer.write(b"zINSTREAM\0")
    while piece := await asyncio.to_thread(source.read, PIECE_BYTES):
        writer.write(_LENGTH.pack(len(piece)) + piece)
        await writer.drain()
    writer.write(_LENGTH.pack(0))
    await writer.drain()


async def _answer(reader: asyncio.StreamReader) -> str:
    """Return what clamd said; raises `EOFError` where it said nothing whole, `ValueError` where it said too much."""
    try:
        return (await reader.readuntil(b"\0"))[:-1].decode("utf-8", "replace").strip()
    except asyncio.LimitOverrunError as error:
        raise ValueError("an answer is too long") from error


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
