"""The S3 calls themselves, synchronous, over the minio SDK; `store.Store` runs them in threads.

Every failure is `Unavailable` ("storage_unavailable"), a missing object `NotFound` ("object_missing").
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from io import BytesIO
from itertools import groupby, islice
from typing import Any

import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED
from minio.datatypes import Object
from minio.error import S3Error
from minio.retention import Retention

from service.core.errors import NotFound, Unavailable
from service.files.forms import UploadForm, sign_form
from service.files.streams import MISSING, InWholeParts, ObjectReader, Readable, Writable, failures

CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 20
CHECK_TIMEOUT_S = 2
RETRIES_MAX = 2
RETRY_BACKOFF_S = 0.2
CONNECTIONS_MAX = 8
PART_BYTES = 5 * 1024 * 1024  # the smallest part that S3 allows: a stream costs this much memory, not its length
OBJECT_BYTES_MAX = 64_000_000  # what `read` will hold in memory
LISTED_MAX = 1_000
MARK = "fairhold-installation"
"""The object that says whose a bucket is. It is not listed."""
MARK_BYTES_MAX = 100

_ALREADY_THERE = frozenset(("BucketAlreadyOwnedByYou", "BucketAlreadyExists"))
_NO_LOCK = frozenset(
    ("ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "NotImplemented", "InvalidRequest")
)
_DIGEST_HEADER = "x-amz-meta-sha256-stored"


class Bucket(StrEnum):
    """The buckets by their part; a prefix comes in front of the name."""

    QUARANTINE = "quarantine"
    """Sealed originals until they are locked."""
    EVIDENCE = "evidence"
    """Sealed originals, locked."""
    VIEWS = "views"
    """Sealed derivatives, which could be made again."""
    REPORTS = "reports"
    """Signed reports and chain heads, locked."""
    UPLOADS = "uploads"
    """Plain files that clients put here by a form, until they are taken in or have expired."""

    @property
    def is_locked(self) -> bool:
        """Whether it is made with object lock (compliance mode, a date for each object)."""
        return self in (Bucket.EVIDENCE, Bucket.REPORTS)


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What S3 says about one object; `locked_until` is None if nothing locks this version."""

    version_id: str | None
    size_bytes: int
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or a marker that says that it was deleted without naming a version."""

    id: str
    is_marker: bool


@dataclass(frozen=True, slots=True)
class LockCapability:
    """Whether the locked buckets can lock; `reason` says why not, for health pages."""

    works: bool
    reason: str


class S3:
    """A client of one server and its set of buckets; the methods block and may be called from several threads."""

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        *,
        secure: bool,
        prefix: str,
        region: str,
        public_url: str,
    ) -> None:
        """`endpoint` is host:port, `public_url` what clients use; nothing is asked of the server yet."""

        def client(connect_s: int, read_s: int, retries: int) -> Minio:
            pool = urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=connect_s, read=read_s),
                maxsize=CONNECTIONS_MAX,
                retries=urllib3.Retry(
                    total=retries, backoff_factor=RETRY_BACKOFF_S, status_forcelist=(500, 502, 503, 504)
                ),
            )
            return Minio(endpoint, access_key, secret_key, secure=secure, region=region, http_client=pool)

        self._prefix = prefix
        self._public_url = public_url
        self._client = client(CONNECT_TIMEOUT_S, READ_TIMEOUT_S, RETRIES_MAX)
        self._checking = client(CHECK_TIMEOUT_S, CHECK_TIMEOUT_S, 0)

    def make_buckets(self) -> None:
        """Make the buckets that are missing."""
        with failures():
            for bucket in Bucket:
                name = self._named(bucket)
                if self._client.bucket_exists(name):
                    continue
                try:
                    self._client.make_bucket(name, object_lock=bucket.is_locked)
                except S3Error as error:
                    if error.code not in _ALREADY_THERE:  # another process was faster
                        raise

    def lock_capability(self) -> LockCapability:
        """Return whether the locked buckets have object lock and versioning."""
        with failures():
            for bucket in filter(lambda each: each.is_locked, Bucket):
                name = self._named(bucket)
                try:
                    self._client.get_object_lock_config(name)
                    is_versioned = self._client.get_bucket_versioning(name).status == ENABLED
                except S3Error as error:
                    if error.code not in _NO_LOCK and error.code != "NoSuchBucket":
                        raise
                    return LockCapability(works=False, reason=f"{name}: {error.code}")
                if not is_versioned:
                    return LockCapability(works=False, reason=f"{name}: versioning is off")
        return LockCapability(works=True, reason="")

    def read_mark(self, bucket: Bucket) -> str | None:
        """Return what the bucket's mark says, None if it has none."""
        try:
            return self.read(bucket, MARK, None)[:MARK_BYTES_MAX].decode(errors="replace")
        except NotFound:
            return None

    def write_mark(self, bucket: Bucket, says: str) -> None:
        """Mark a bucket, over a mark that is there."""
        with failures():
            data = says.encode()
            self._client.put_object(self._named(bucket), MARK, BytesIO(data), len(data))

    def check(self) -> None:
        """Raise `Unavailable` unless the server answers soon, takes our key and has every bucket."""
        with failures():
            for bucket in Bucket:
                if not self._checking.bucket_exists(self._named(bucket)):
                    raise Unavailable("storage_unavailable", f"the bucket {self._named(bucket)} is missing")

    def put(self, bucket: Bucket, name: str, data: Readable, size_bytes: int) -> None:
        """Store a stream of so many bytes in parts; it appears whole or not at all."""
        with failures():
            self._put(bucket, name, data, size_bytes)

    def put_locked(
        self, bucket: Bucket, name: str, data: Readable, size_bytes: int, digest: bytes, until: datetime
    ) -> str:
        """Store a stream with SHA-256 `digest`, locked until `until`, unless it is there; return the version id."""
        with failures():
            present = self._locked_version(bucket, name, digest, until)
            if present is not None:
                return present
            metadata, retention = {_DIGEST_HEADER: digest.hex()}, Retention(COMPLIANCE, until)
            try:
                version_id = self._put(bucket, name, data, size_bytes, metadata=metadata, retention=retention)
            except S3Error as error:
                if error.code not in _NO_LOCK:
                    raise
                raise Unavailable("storage_cannot_lock", f"the server locks nothing: {error.code}") from error
            if version_id is None or not self._is_locked(bucket, name, version_id, until):
                self._client.remove_object(self._named(bucket), name, version_id=version_id)
                raise Unavailable("storage_cannot_lock", "the server took the bytes but does not lock them")
            return version_id

    def copy_locked(self, name: str, digest: bytes, until: datetime) -> str:
        """Store what is in quarantine as `put_locked` does in evidence; raises `BytesChanged`."""
        with failures():
            present = self._locked_version(Bucket.EVIDENCE, name, digest, until)
        if present is not None:
            return present
        source = self.open(Bucket.QUARANTINE, name, None, digest=digest)
        try:
            return self.put_locked(Bucket.EVIDENCE, name, source, source.size_bytes, digest, until)
        finally:
            source.close()

    def open(self, bucket: Bucket, name: str, version_id: str | None, *, digest: bytes | None = None) -> "ObjectReader":
        """Return a reader of an object; with a `digest` it refuses to end if the bytes do not have it."""
        with failures():
            return ObjectReader(self._client.get_object(self._named(bucket), name, version_id=version_id), digest)

    def read(self, bucket: Bucket, name: str, version_id: str | None) -> bytes:
        """Return an object of at most `OBJECT_BYTES_MAX` bytes."""
        reader = self.open(bucket, name, version_id)
        try:
            if reader.size_bytes > OBJECT_BYTES_MAX:
                raise Unavailable("storage_unavailable", "the object is larger than anything stored here")
            return b"".join(iter(reader.read_piece, b""))
        finally:
            reader.close()

    def stat(self, bucket: Bucket, name: str, version_id: str | None) -> ObjectFacts:
        """Return what S3 knows about an object."""
        with failures():
            found = self._client.stat_object(self._named(bucket), name, version_id=version_id)
            locked_until = self._retention(bucket, name, found.version_id) if bucket.is_locked else None
            return ObjectFacts(found.version_id, found.size or 0, locked_until)

    def upload_form(self, name: str, *, size_min: int, size_max: int, lasting: timedelta) -> UploadForm:
        """Return a form for a plain upload that the server takes for so long."""
        with failures():
            bucket = self._named(Bucket.UPLOADS)
            until = _asked_at(self._client.stat_object(bucket, MARK)) + lasting
            return sign_form(
                self._client, self._public_url, bucket, name, size_min=size_min, size_max=size_max, until=until
            )

    def fetch_upload(self, name: str, sink: Writable, bytes_max: int) -> int:
        """Write a plain upload into `sink` and return its size in bytes; over the limit nothing is written."""
        reader = self.open(Bucket.UPLOADS, name, None)
        try:
            if reader.size_bytes <= bytes_max:
                for piece in iter(reader.read_piece, b""):
                    sink.write(piece)
            return reader.size_bytes
        finally:
            reader.close()

    def delete(self, bucket: Bucket, name: str) -> None:
        """Delete an object; one that is gone already is fine."""
        with failures():
            self._client.remove_object(self._named(bucket), name)

    def age(self, bucket: Bucket, name: str) -> timedelta:
        """Return the server's time less the object's time of writing."""
        with failures():
            found = self._client.stat_object(self._named(bucket), name)
        if found.last_modified is None:
            raise Unavailable("storage_unavailable", "the server left out the time")
        return _asked_at(found) - found.last_modified

    def names(self, bucket: Bucket, after: str) -> list[str]:
        """Return the first `LISTED_MAX` names of objects behind `after`, the mark left out."""
        with failures():
            listed = self._client.list_objects(self._named(bucket), recursive=True, start_after=after or None)
            names = (each.object_name or "" for each in listed)
            return list(islice((name for name in names if name != MARK and name > after), LISTED_MAX))

    def versions(self, bucket: Bucket, name: str) -> list[Version]:
        """Return every version of one object, markers of deletion among them, at most `LISTED_MAX`."""
        with failures():
            listed = self._client.list_objects(self._named(bucket), prefix=name, recursive=True, include_version=True)
            own = (each for each in listed if each.object_name == name)
            return [Version(each.version_id or "null", bool(each.is_delete_marker)) for each in islice(own, LISTED_MAX)]

    def locked_names(self, bucket: Bucket, prefix: str, after: str) -> list[str]:
        """Return the first `LISTED_MAX` names that begin with `prefix` and come behind `after`.

        Each version counts, so that a marker of deletion, which anybody with the key can set, hides none.
        """
        with failures():
            listed = self._client.list_objects(
                self._named(bucket), prefix=prefix, recursive=True, start_after=after, include_version=True
            )
            names = (
                each.object_name or "" for each in listed if not each.is_delete_marker and each.object_name != MARK
            )
            single = (name for name, _ in groupby(names))  # the versions of a name stand together
            return list(islice((name for name in single if name > after), LISTED_MAX))

    def _named(self, bucket: Bucket) -> str:
        return f"{self._prefix}-{bucket.value}"

    def _put(self, bucket: Bucket, name: str, data: Readable, size_bytes: int, **locking: Any) -> str | None:
        """Store a stream with two parts of it in memory; without its size the SDK would copy each thrice."""
        result = self._client.put_object(
            self._named(bucket),
            name,
            InWholeParts(data),  # type: ignore[arg-type]  # the SDK asks for BinaryIO and only calls read(size)
            length=size_bytes,
            part_size=PART_BYTES,
            num_parallel_uploads=1,
            **locking,
        )
        return result.version_id

    def _locked_version(self, bucket: Bucket, name: str, digest: bytes, until: datetime) -> str | None:
        """Return the version of these bytes that an earlier, interrupted try locked long enough."""
        try:
            found = self._client.stat_object(self._named(bucket), name)
        except S3Error as error:
            if error.code in MISSING:
                return None
            raise
        same = (found.metadata or {}).get(_DIGEST_HEADER) == digest.hex()
        if not same or found.version_id is None or not self._is_locked(bucket, name, found.version_id, until):
            return None
        return found.version_id

    def _is_locked(self, bucket: Bucket, name: str, version_id: str, until: datetime) -> bool:
        found = self._retention(bucket, name, version_id)
        return found is not None and found >= until.replace(microsecond=0)  # S3 keeps whole seconds

    def _retention(self, bucket: Bucket, name: str, version_id: str | None) -> datetime | None:
        try:
            found = self._client.get_object_retention(self._named(bucket), name, version_id=version_id)
        except S3Error as error:
            if error.code in _NO_LOCK:
                return None
            raise
        return found.retain_until_date if found is not None and found.mode == COMPLIANCE else None


def _asked_at(found: Object) -> datetime:
    """Return the server's time of its answer."""
    said = (found.metadata or {}).get("date")
    if said is None:
        raise Unavailable("storage_unavailable", "the server left out the time")
    return parsedate_to_datetime(str(said))
