"""Streams to and from S3, and what the SDK's failures mean."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Protocol
from xml.etree.ElementTree import ParseError

import urllib3
from minio.error import MinioException, S3Error

from service.core.errors import NotFound, Unavailable
from service.files.sealing import BytesChanged

READ_BYTES = 256 * 1024
MISSING = frozenset(("NoSuchKey", "NoSuchVersion", "NoSuchObject"))


class Readable(Protocol):
    """A stream that can be stored: an open file, a `BytesIO`, a `sealing.SealingReader`."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and b"" at the end."""
        ...


class Writable(Protocol):
    """What bytes can be written into: an open file."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""
        ...


class InWholeParts:
    """Gives as much as it is asked for at once, so that the SDK need not put pieces together, copying at each."""

    def __init__(self, source: Readable) -> None:
        self._source = source

    def read(self, size: int) -> bytes:
        """Return `size` bytes, fewer only at the end."""
        whole, left = BytesIO(), size  # unlike a join, it gives its bytes away without a copy
        while left and (piece := self._source.read(left)):
            whole.write(piece)
            left -= len(piece)
        return whole.getvalue()


class ObjectReader:
    """Reads an object's bytes; if a digest is expected, the last of them are held back unless all have it."""

    def __init__(self, response: urllib3.BaseHTTPResponse, digest: bytes | None) -> None:
        self.size_bytes = int(response.headers.get("content-length", "0"))
        self._response, self._digest = response, digest
        self._left = self.size_bytes
        self._seen = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; raises `BytesChanged` instead of the last ones."""
        with failures():
            piece = bytes(self._response.read(min(size, READ_BYTES)))
        self._left -= len(piece)
        if self._digest is not None:
            self._seen.update(piece)
            if (self._left <= 0 or not piece) and self._seen.digest() != self._digest:
                raise BytesChanged("the object does not hold the bytes that were stored")
        return piece

    def read_piece(self) -> bytes:
        """Return up to `READ_BYTES`."""
        return self.read(READ_BYTES)

    def close(self) -> None:
        """Give the connection back, or drop it if bytes are left."""
        self._response.close()
        self._response.release_conn()


@contextmanager
def failures() -> Iterator[None]:
    """Translate what the SDK and its connections raise."""
    try:
        yield
    except S3Error as error:
        if error.code in MISSING:
            raise NotFound("object_missing", "no such object") from error
        raise Unavailable("storage_unavailable", f"the storage refused: {error.code}") from error
    except (MinioException, urllib3.exceptions.HTTPError, ParseError) as error:
        raise Unavailable("storage_unavailable", "the storage does not answer") from error
