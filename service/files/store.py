"""The S3 store as the service sees it: the calls of `s3.S3` in a bounded set of threads.

Never call it while a transaction is open. Every failure is `Unavailable` ("storage_unavailable"), a missing object
`NotFound` ("object_missing").
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from io import BytesIO
from typing import Self, TypeVar

from service.core.errors import Unavailable
from service.files.forms import UploadForm
from service.files.s3 import CONNECTIONS_MAX, S3, Bucket, LockCapability, ObjectFacts, Version
from service.files.streams import Readable, Writable
from service.settings import Settings

__all__ = ["Bucket", "LockCapability", "ObjectFacts", "Readable", "Store", "Version", "new_object_name"]

WAITING_MAX = 128
PUTS_MAX = 2  # originals that are stored at once: each takes a few parts' memory, and decoders give no more

T = TypeVar("T")


def new_object_name() -> str:
    """Return a random name of 128 bits; it says nothing about case, time or file."""
    return secrets.token_hex(16)


class Store:
    """One S3 server. Make one for each process and `close()` it."""

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        *,
        secure: bool,
        prefix: str,
        region: str = "us-east-1",
        public_url: str = "",
    ) -> None:
        """`endpoint` is host:port; `prefix` begins every bucket's name. Nothing is asked of the server yet.

        `public_url` is where clients reach the server, the endpoint unless it is named.
        """
        self._s3 = S3(
            endpoint,
            access_key,
            secret_key,
            secure=secure,
            prefix=prefix,
            region=region,
            public_url=public_url or f"{'https' if secure else 'http'}://{endpoint}",
        )
        self._threads = ThreadPoolExecutor(CONNECTIONS_MAX, thread_name_prefix="s3")
        self._putting = ThreadPoolExecutor(PUTS_MAX, thread_name_prefix="s3-put")
        self._under_way = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the store that the settings name."""
        return cls(
            settings.s3_endpoint,
            settings.s3_access_key,
            settings.s3_secret_key,
            secure=settings.s3_secure,
            prefix=settings.s3_prefix,
            public_url=settings.s3_public_url.rstrip("/"),
        )

    def close(self) -> None:
        """Let the calls under way end, and free the threads."""
        for threads in (self._threads, self._putting):
            threads.shutdown(wait=True, cancel_futures=True)

    async def ensure_buckets(self) -> LockCapability:
        """Make the buckets that are missing; return whether the locked ones can lock."""
        await self._call(self._s3.make_buckets)
        return await self.lock_capability()

    async def lock_capability(self) -> LockCapability:
        """Ask the server whether the locked buckets have object lock and versioning."""
        return await self._call(self._s3.lock_capability)

    async def read_marks(self) -> dict[Bucket, str | None]:
        """Return whose each bucket is by its mark, None where there is none."""
        return await self._call(lambda: {bucket: self._s3.read_mark(bucket) for bucket in Bucket})

    async def write_mark(self, bucket: Bucket, says: str) -> None:
        """Mark a bucket as somebody's, over a mark that is there."""
        await self._call(lambda: self._s3.write_mark(bucket, says))

    async def check(self) -> None:
        """Raise `Unavailable` unless the server answers soon, takes our key and has every bucket (for readiness)."""
        await self._call(self._s3.check)

    async def put_quarantine(self, name: str, data: bytes) -> None:
        """Store bytes in quarantine."""
        await self.stream_to_quarantine(name, BytesIO(data), len(data))

    async def stream_to_quarantine(self, name: str, data: Readable, size_bytes: int) -> None:
        """Store a stream of so many bytes in quarantine, in parts; it appears whole or not at all."""
        await self._call(lambda: self._s3.put(Bucket.QUARANTINE, name, data, size_bytes), self._putting)

    async def put_view(self, name: str, data: bytes) -> None:
        """Store a sealed derivative."""
        await self._call(lambda: self._s3.put(Bucket.VIEWS, name, BytesIO(data), len(data)))

    async def put_locked(self, bucket: Bucket, name: str, data: bytes, until: datetime) -> str:
        """Store `data` so that this version cannot be deleted before `until`, by anybody; return its version id.

        Asked again with the same bytes, it returns the version that is there. Raises `Unavailable`
        ("storage_cannot_lock") if the server took the bytes but did not lock them.
        """
        digest = hashlib.sha256(data).digest()
        return await self._call(lambda: self._s3.put_locked(bucket, name, BytesIO(data), len(data), digest, until))

    async def copy_locked(self, name: str, *, sha256_stored: bytes, until: datetime) -> str:
        """Copy an object from quarantine to evidence, locked as by `put_locked`; return its version id.

        The bytes pass through here: they are locked only if they still have the digest `sha256_stored` (else
        `sealing.BytesChanged`), and CopyObject of some servers forgets the retention without saying so.
        """
        return await self._call(lambda: self._s3.copy_locked(name, sha256_stored, until), self._putting)

    async def read(self, bucket: Bucket, name: str, version_id: str | None = None) -> bytes:
        """Return all bytes of an object of at most `s3.OBJECT_BYTES_MAX`."""
        return await self._call(lambda: self._s3.read(bucket, name, version_id))

    async def stream(self, bucket: Bucket, name: str, version_id: str | None = None) -> AsyncGenerator[bytes, None]:
        """Give an object's bytes in pieces of at most `streams.READ_BYTES`."""
        pieces = await self._call(lambda: self._s3.open(bucket, name, version_id))
        try:
            while piece := await self._call(pieces.read_piece):
                yield piece
        finally:
            pieces.close()

    async def stat(self, bucket: Bucket, name: str, version_id: str | None = None) -> ObjectFacts:
        """Return what S3 knows about an object, its lock included."""
        return await self._call(lambda: self._s3.stat(bucket, name, version_id))

    async def delete_quarantine(self, name: str) -> None:
        """Delete an object from quarantine; one that is gone already is fine."""
        await self._call(lambda: self._s3.delete(Bucket.QUARANTINE, name))

    async def upload_form(self, name: str, *, size_min: int, size_max: int, lasting: timedelta) -> UploadForm:
        """Return a form by which a client may put `name` among the plain uploads, for so long by the server's clock."""
        return await self._call(
            lambda: self._s3.upload_form(name, size_min=size_min, size_max=size_max, lasting=lasting)
        )

    async def fetch_upload(self, name: str, sink: Writable, *, bytes_max: int) -> int:
        """Write a plain upload into `sink`, in pieces, and return its size; over the limit nothing is written."""
        return await self._call(lambda: self._s3.fetch_upload(name, sink, bytes_max))

    async def delete_upload(self, name: str) -> None:
        """Delete a plain upload; one that is gone already is fine."""
        await self._call(lambda: self._s3.delete(Bucket.UPLOADS, name))

    async def age(self, bucket: Bucket, name: str) -> timedelta:
        """Return how long ago an object was written, both times by the server's own clock."""
        return await self._call(lambda: self._s3.age(bucket, name))

    async def delete_view(self, name: str) -> None:
        """Delete a derivative; one that is gone already is fine."""
        await self._call(lambda: self._s3.delete(Bucket.VIEWS, name))

    async def quarantine_age(self, name: str) -> timedelta:
        """Return how long ago an object in quarantine was written, both times by the server's own clock."""
        return await self.age(Bucket.QUARANTINE, name)

    async def list_names(self, bucket: Bucket, after: str = "") -> list[str]:
        """Return the first `s3.LISTED_MAX` names of a bucket's objects behind `after`, without its mark."""
        return await self._call(lambda: self._s3.names(bucket, after))

    async def name_pages(self, bucket: Bucket) -> AsyncIterator[list[str]]:
        """Give the names of a bucket's objects, without its mark, in lists of at most `s3.LISTED_MAX`."""
        after = ""
        while names := await self.list_names(bucket, after):
            yield names
            after = names[-1]

    async def versions(self, bucket: Bucket, name: str) -> list[Version]:
        """Return every version of one object, markers of deletion among them."""
        return await self._call(lambda: self._s3.versions(bucket, name))

    async def list_evidence(self, after: str = "") -> list[str]:
        """Return the first `s3.LISTED_MAX` names of locked originals behind `after`, deleted ones among them."""
        return await self._call(lambda: self._s3.locked_names(Bucket.EVIDENCE, "", after))

    async def list_locked(self, prefix: str, after: str = "") -> list[str]:
        """Return the first `s3.LISTED_MAX` names in the bucket of reports and heads, with `prefix`, behind `after`.

        Names whose newest version was marked as deleted are among them: what is locked is still there.
        """
        return await self._call(lambda: self._s3.locked_names(Bucket.REPORTS, prefix, after))

    async def _call(self, work: Callable[[], T], threads: ThreadPoolExecutor | None = None) -> T:
        """Run `work` in one of the threads, the common ones unless others are named.

        Raises `Unavailable` at once if `WAITING_MAX` calls are under way.
        """
        if self._under_way >= WAITING_MAX:
            raise Unavailable("storage_unavailable", "too many calls wait for the storage")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads or self._threads, work)
        finally:
            self._under_way -= 1
