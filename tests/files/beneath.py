"""The S3 server from beneath: one of a test's own, users with fewer rights, and bits turned in its volume files."""

import json
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.embedded.s3 import EmbeddedS3, S3Access, _environment, _weed

SERVICE = S3Access("", "FAIRHOLDSERVICE", "a-secret-of-the-service-alone")
_SHELL_SECONDS = 60
_TABLE = []
for _index in range(256):
    _value = _index
    for _ in range(8):
        _value = (_value >> 1) ^ (0x82F63B78 if _value & 1 else 0)
    _TABLE.append(_value)


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum that the server keeps of each stored piece."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Beneath:
    """A server that runs, and the folder in which it keeps what it stores."""

    access: S3Access
    folder: Path

    def add_service_user(self) -> S3Access:
        """Add a user who may read, write, list and lock, as a service does, and nothing more; return its keys."""
        ports, keys = (json.loads((self.folder / "s3" / name).read_text()) for name in ("ports.json", "keys.json"))
        words = (
            f"s3.configure -user=service -access_key={SERVICE.access_key} -secret_key={SERVICE.secret_key}"
            " -actions=Read,Write,List,Tagging,GetObjectRetention,PutObjectRetention -apply\n"
        )
        master, filer = (f"127.0.0.1:{ports[part]}.{ports[f'{part}_grpc']}" for part in ("master", "filer"))
        subprocess.run(
            [str(_weed()), "shell", f"-master={master}", f"-filer={filer}"],
            input=words.encode(), env=_environment(keys), check=True, capture_output=True, timeout=_SHELL_SECONDS,
        )  # fmt: skip
        return S3Access(self.access.endpoint, SERVICE.access_key, SERVICE.secret_key)

    def find(self, stored: bytes) -> "Piece":
        """Find where these bytes, of one piece of at most 4 MB, lie in a volume file."""
        for file in sorted((self.folder / "s3" / "data").glob("*.dat")):
            at = file.read_bytes().find(stored)
            if at >= 0:
                return Piece(file, at, len(stored))
        raise AssertionError("these bytes are in no volume")


@dataclass(frozen=True, slots=True)
class Piece:
    """Where an object's bytes lie in a volume file; its checksum lies behind them."""

    file: Path
    at: int
    size: int

    def turn(self, bit: int, *, mends_checksum: bool = True) -> None:
        """Turn one bit of the stored bytes; doing it again turns it back.

        With a mended checksum the server gives the changed bytes without a word, as after a tampering by somebody who
        knows it; without, it notices by itself.
        """
        handle = os.open(self.file, os.O_RDWR)
        try:
            place = self.at + bit // 8
            was = os.pread(handle, 1, place)[0]
            os.pwrite(handle, bytes((was ^ (1 << bit % 8),)), place)
            if mends_checksum:
                (body,) = struct.unpack(">I", os.pread(handle, 4, self.at - 8))
                data = os.pread(handle, self.size, self.at)
                os.pwrite(handle, struct.pack(">I", crc32c(data)), self.at - 4 + body)
        finally:
            os.close(handle)


@contextmanager
def own_server(folder: Path) -> Iterator[Beneath]:
    """An S3 server in `folder`, whose volumes nobody else shares."""
    server = EmbeddedS3(folder)
    try:
        yield Beneath(server.start(), folder)
    finally:
        server.stop()
