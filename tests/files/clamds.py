"""A small server that speaks clamd's protocol as told, and the real clamd of Debian where it is installed."""

import asyncio
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Fairhold.Test.Eicar"
_START_SECONDS = 60


@dataclass(slots=True)
class FakeClamd:
    """Answers INSTREAM as told; `None` as an answer means silence, b"" that it hangs up. Keeps what it was sent."""

    answer: bytes | None = b"stream: OK\0"
    is_down: bool = False
    bytes_max: int = 25_000_000
    address: str = ""
    seen: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.is_down:
                return
            command = await reader.readuntil(b"\0")
            if command == b"zPING\0":
                writer.write(b"PONG\0")
            elif command == b"zINSTREAM\0":
                await self._scan(reader, writer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _scan(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = bytearray()
        while size := struct.unpack(">I", await reader.readexactly(4))[0]:
            if len(got) + size > self.bytes_max:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
            got += await reader.readexactly(size)
        self.seen.append(bytes(got))
        if self.answer is None:
            await reader.read()  # until the other side has had enough
        elif EICAR in got:
            writer.write(b"stream: " + SIGNATURE.encode() + b" FOUND\0")
        else:
            writer.write(self.answer)


@asynccontextmanager
async def fake_clamd() -> AsyncIterator[FakeClamd]:
    """A fake on a free port of loopback."""
    made = FakeClamd()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()


@contextmanager
def real_clamd(folder: Path) -> Iterator[Path]:
    """Debian's clamd with one signature, EICAR's, on a socket in `folder`; skips the test where it is not installed."""
    program = shutil.which("clamd") or shutil.which("/usr/sbin/clamd")
    if program is None:
        pytest.skip("clamd is not installed (Debian: clamav-daemon)")
    signatures, address = folder / "signatures", folder / "clamd.sock"
    signatures.mkdir()
    (signatures / "fairhold.ndb").write_text(f"{SIGNATURE}:0:*:{EICAR.hex()}\n")
    config = folder / "clamd.conf"
    config.write_text(
        f"LocalSocket {address}\nDatabaseDirectory {signatures}\nForeground yes\nStreamMaxLength 25M\n"
        "MaxFileSize 25M\nMaxScanSize 25M\nSelfCheck 3600\n"
    )
    with (folder / "clamd.log").open("wb") as log:
        process = subprocess.Popen([program, "--config-file", str(config)], stdout=log, stderr=log)
        try:
            _wait_for(address, process, folder / "clamd.log")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(address: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once it listens."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"clamd ended: {log.read_text()}")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(address))
            except OSError:
                time.sleep(0.05)
                continue
            return
    pytest.fail(f"clamd does not listen: {log.read_text()}")
