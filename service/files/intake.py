"""Taking in a file, outside any transaction: judge it, make its derivatives, seal all of it into the store.

The steps of whoever takes files (complaints, for one):
1. in a short transaction: check the permission, `actions.open_case_key`;
2. with no transaction open: `receive`;
3. in the transaction that writes the entry: `actions.register_file`.
What is left of a crash between 2 and 3 is swept after `rules.ORPHAN_AGE`.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

from service.core.ids import new_id
from service.files.images import Derivatives, ImageWorkshop
from service.files.kinds import HEAD_BYTES, TAIL_BYTES, Kind, check_size, sniff
from service.files.sealing import Sealer, SealingReader, sealed_size
from service.files.store import Store, new_object_name

ORIGINAL, VIEW, THUMBNAIL = "original", "view", "thumbnail"


@dataclass(frozen=True, slots=True)
class CaseKey:
    """The open data key of a case; it stays in memory for one request."""

    id: UUID
    tenant_id: UUID
    case_id: UUID
    data_key: bytes

    def __repr__(self) -> str:
        """Leave the key out of logs."""
        return f"CaseKey(case_id={self.case_id})"


@dataclass(frozen=True, slots=True)
class Received:
    """A file that lies sealed in quarantine and has no row yet."""

    id: UUID
    tenant_id: UUID
    case_key_id: UUID
    object_name: str
    kind: Kind
    size_bytes: int
    stored_size_bytes: int
    sha256_plain: bytes
    sha256_stored: bytes
    derived: "Derived | None"
    pages: int | None
    put_at_monotonic: float


@dataclass(frozen=True, slots=True)
class Derived:
    """The facts of a photo and its derivatives: SHA-256 of their plain bytes, `likeness` as in `images.Derivatives`."""

    width_px: int
    height_px: int
    view_sha256: bytes
    thumbnail_sha256: bytes
    likeness: bytes
    likeness_quality: int


async def receive(store: Store, workshop: ImageWorkshop, key: CaseKey, source: BinaryIO) -> Received:
    """Take in an upload (any seekable file) and return what to register within `rules.REGISTER_WITHIN_S`.

    Never holds more than a few parts of the original, besides the copy that a decoder works on. Raises the file codes
    of `kinds`, "file_infected" where a scanner is configured, and `Unavailable` if S3, the decoders or the scanner do
    not answer; then nothing is registered.
    """
    head, tail, size = await asyncio.to_thread(_edges, source)
    check_size(size)
    if workshop.scanner is not None:
        await workshop.scanner.scan(source)
    kind = sniff(head, tail)
    derivatives = await workshop.derive(source, kind) if kind.is_photo else None
    pages = None if kind.is_photo else await workshop.count_pages(source)
    file_id, name = new_id(), new_object_name()
    sealer = Sealer(key.data_key, associated(file_id, ORIGINAL))
    await asyncio.to_thread(source.seek, 0)
    started = time.monotonic()
    await store.stream_to_quarantine(name, SealingReader(source, sealer), sealed_size(size))
    derived = await _put_derivatives(store, key, file_id, name, derivatives) if derivatives else None
    return Received(
        id=file_id,
        tenant_id=key.tenant_id,
        case_key_id=key.id,
        object_name=name,
        kind=kind,
        size_bytes=sealer.plain_bytes,
        stored_size_bytes=sealer.stored_bytes,
        sha256_plain=sealer.sha256_plain,
        sha256_stored=sealer.sha256_stored,
        derived=derived,
        pages=pages,
        put_at_monotonic=started,
    )


def associated(file_id: UUID, part: str) -> bytes:
    """Return what the sealed bytes of one part of one file are bound to."""
    return part.encode() + b":" + file_id.bytes


def view_name(object_name: str, part: str) -> str:
    """Return the name of a derivative; it follows the original's, so that who sweeps one finds the other."""
    return f"{object_name}-{part}"


async def _put_derivatives(store: Store, key: CaseKey, file_id: UUID, name: str, made: Derivatives) -> Derived:
    """Seal and store the derivatives; after the original, so that an orphan always has its original in quarantine."""
    digests = []
    for part, plain in ((VIEW, made.view), (THUMBNAIL, made.thumbnail)):
        sealer = Sealer(key.data_key, associated(file_id, part))
        await store.put_view(view_name(name, part), sealer.update(plain) + sealer.finish())
        digests.append(sealer.sha256_plain)
    return Derived(
        width_px=made.width_px,
        height_px=made.height_px,
        view_sha256=digests[0],
        thumbnail_sha256=digests[1],
        likeness=made.likeness,
        likeness_quality=made.likeness_quality,
    )


def _edges(source: BinaryIO) -> tuple[bytes, bytes, int]:
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    head = source.read(HEAD_BYTES)
    source.seek(max(0, size - TAIL_BYTES))
    return head, source.read(TAIL_BYTES), size
