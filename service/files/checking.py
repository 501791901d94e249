"""Is every stored byte what it was? One file at a time: its row against all that the store has of it.

A finding is damage, or somebody's hand in the store. That the store does not answer is neither: it raises.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from service.core.errors import NotFound, Unavailable
from service.files.intake import associated, view_name
from service.files.reading import Part
from service.files.rules import State
from service.files.sealing import BytesChanged, KeyRing, Unsealer
from service.files.store import Bucket, Store, new_object_name
from service.files.tables import StoredFile, What

AT_ONCE = 4
RETRY_AFTER_SECONDS = (0.5,)
"""An object that cannot be read is asked for again after these pauses. A server may take its time to give one up."""
ERASED_WITHIN = timedelta(hours=1)
"""So long the job that deletes what an erasure left may take before it counts as a finding."""
_PROBE = b"Does the store still take and give bytes?"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as its row says it is, with the wrapped key of its case (None once it was erased)."""

    row: StoredFile
    case_id: UUID
    wrapped_key: bytes | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One object that is not as its row says. `file_id` and `part` are None for an object that no row knows."""

    what: What
    bucket: Bucket
    object_name: str
    version_id: str | None
    file_id: UUID | None
    part: Part | None


@dataclass(slots=True)
class Looked:
    """What was read so far, in objects and stored bytes, and what was found."""

    objects: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: "Looked") -> None:
        """Count in what was looked at elsewhere."""
        self.objects += other.objects
        self.bytes += other.bytes
        self.findings += other.findings


@dataclass(frozen=True, slots=True)
class _Place:
    """Where bytes lie, and what they must be: the hash of the stored ones, of the plain ones, or both."""

    bucket: Bucket
    name: str
    version_id: str | None
    file_id: UUID
    part: Part
    stored: bytes | None
    plain: bytes | None

    def finding(self, what: What) -> Finding:
        return Finding(what, self.bucket, self.name, self.version_id, self.file_id, self.part)


async def check_files(store: Store, ring: KeyRing, files: Sequence[Kept], *, now: datetime) -> list[Looked]:
    """Look at everything that the store has of these files, a few at once; return what was found, file by file.

    No transaction may be open. Bytes pass through piece by piece. Raises `Unavailable` when the store does not answer.
    """
    free = asyncio.Semaphore(AT_ONCE)

    async def one(kept: Kept) -> Looked:
        async with free:
            return await _FileCheck(store, ring, kept, now).run()

    done = await asyncio.gather(*(one(each) for each in files), return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return [each for each in done if isinstance(each, Looked)]


async def unknown_objects(
    store: Store, known: Callable[[Sequence[str]], Awaitable[set[str]]]
) -> AsyncIterator[Finding]:
    """Give the objects among the locked originals that have no row, page by page; `known` says which names have one."""
    after = ""
    while names := await store.list_evidence(after):
        have_row = await known(names)
        for name in names:
            if name not in have_row:
                yield Finding(What.UNKNOWN_OBJECT, Bucket.EVIDENCE, name, None, None, None)
        after = names[-1]


class _FileCheck:
    """The check of one file."""

    def __init__(self, store: Store, ring: KeyRing, kept: Kept, now: datetime) -> None:
        self._store, self._ring, self._kept, self._now = store, ring, kept, now
        self._row = kept.row
        self._key: bytes | None = None
        self._looked = Looked()

    async def run(self) -> Looked:
        if self._row.state == State.ERASED:
            await self._check_erased()
            return self._looked
        original = self._original()
        try:
            self._key = self._ring.unwrap(self._kept.wrapped_key or b"", self._kept.case_id)
        except Unavailable:
            self._looked.findings.append(original.finding(What.DOES_NOT_OPEN))
        await self._check_original(original)
        for part, digest in self._derivatives():
            if self._key is not None:  # the hash of a derivative is of its plain bytes
                await self._expect(self._derivative(part, digest))
        return self._looked

    def _original(self) -> _Place:
        """Where the original lies now: in quarantine until it is locked, then for ever under its version."""
        row, is_locked = self._row, self._row.version_id is not None
        bucket = Bucket.EVIDENCE if is_locked else Bucket.QUARANTINE
        plain = None if row.state == State.ERASED else row.sha256_plain
        return _Place(bucket, row.object_name, row.version_id, row.id, Part.ORIGINAL, row.sha256_stored, plain)

    def _derivatives(self) -> list[tuple[Part, bytes]]:
        digests = ((Part.VIEW, self._row.view_sha256), (Part.THUMBNAIL, self._row.thumbnail_sha256))
        return [(part, digest) for part, digest in digests if digest is not None]

    def _derivative(self, part: Part, digest: bytes) -> _Place:
        return _Place(Bucket.VIEWS, view_name(self._row.object_name, part), None, self._row.id, part, None, digest)

    async def _check_original(self, place: _Place) -> None:
        await self._expect(place)
        if place.bucket is Bucket.EVIDENCE:
            await self._check_lock(place)
            await self._check_versions(place)

    async def _check_erased(self) -> None:
        """Locked bytes stay and are still held against their hash; all else must be gone, a while after."""
        if self._row.version_id is not None:
            await self._check_original(self._original())
        erased_at = self._row.erased_at or self._now
        if erased_at + ERASED_WITHIN > self._now:
            return
        gone = [self._derivative(part, digest) for part, digest in self._derivatives()]
        gone.append(replace(self._original(), bucket=Bucket.QUARANTINE, version_id=None))
        for place in gone:
            try:
                await self._store.stat(place.bucket, place.name)
            except NotFound:
                continue
            self._looked.findings.append(place.finding(What.NOT_ERASED))

    async def _check_lock(self, place: _Place) -> None:
        try:
            facts = await self._store.stat(place.bucket, place.name, place.version_id)
        except NotFound:
            return  # it was found missing, or changed where the store keeps its name
        if facts.locked_until is None or facts.locked_until < self._row.retain_until:
            self._looked.findings.append(place.finding(What.LOCK_SHORTENED))

    async def _check_versions(self, place: _Place) -> None:
        """Look at what else lies under the original's name: the same bytes again are harmless, all else is not."""
        for version in await self._store.versions(place.bucket, place.name):
            if version.id == place.version_id:
                continue
            other = replace(place, version_id=version.id, plain=None)
            if version.is_marker:
                self._looked.findings.append(other.finding(What.MARKED_DELETED))
            elif await self._judge(other) is not None:
                self._looked.findings.append(other.finding(What.ADDITIONAL_VERSION))

    async def _expect(self, place: _Place) -> None:
        what = await self._judge(place)
        if what is not None:
            self._looked.findings.append(place.finding(what))

    async def _judge(self, place: _Place) -> What | None:
        """Return what is wrong with the bytes at a place; raises `Unavailable` if the store gives nothing at all."""
        for pause in (*RETRY_AFTER_SECONDS, None):
            try:
                self._looked.objects += 1
                return await self._read(place)
            except NotFound:
                return What.MISSING
            except Unavailable:
                self._looked.objects -= 1
                if pause is not None:
                    await asyncio.sleep(pause)
        await ensure_store_works(self._store)
        return What.UNREADABLE

    async def _read(self, place: _Place) -> What | None:
        stored, opening = hashlib.sha256(), _Opening(self._key, place)
        async with aclosing(self._store.stream(place.bucket, place.name, place.version_id)) as pieces:
            async for piece in pieces:
                stored.update(piece)
                self._looked.bytes += len(piece)
                opening.update(piece)
        opens = opening.finish()
        if place.stored is None:
            return None if opens else What.CHANGED
        if stored.digest() != place.stored:
            return What.CHANGED
        return None if opens else What.DOES_NOT_OPEN


class _Opening:
    """Opens bytes as they pass, where their key is known, and holds them against the hash of the plain ones."""

    def __init__(self, key: bytes | None, place: _Place) -> None:
        self._plain = place.plain
        wanted = key is not None and place.plain is not None
        self._unsealer = Unsealer(key, associated(place.file_id, place.part)) if key and wanted else None
        self._has_failed = False

    def update(self, piece: bytes) -> None:
        if self._unsealer is not None and not self._has_failed:
            try:
                self._unsealer.update(piece)
            except BytesChanged:
                self._has_failed = True

    def finish(self) -> bool:
        """Whether they opened to what they were; also where nobody asked."""
        if self._unsealer is None:
            return True
        try:
            self._unsealer.finish()
        except BytesChanged:
            return False
        return not self._has_failed and self._unsealer.sha256_plain == self._plain


async def ensure_store_works(store: Store) -> None:
    """Raise `Unavailable` unless the store takes bytes and gives the same back: else an object alone is to blame."""
    await store.check()
    name = new_object_name()
    await store.put_quarantine(name, _PROBE)
    try:
        given = await store.read(Bucket.QUARANTINE, name)
    except NotFound as error:
        raise Unavailable("storage_unavailable", "the storage loses what it takes") from error
    finally:
        await store.delete_quarantine(name)
    if given != _PROBE:
        raise Unavailable("storage_unavailable", "the storage gives other bytes than it took")
