"""Reading a stored file: a ticket inside the transaction, with its event; the bytes outside of it."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import structlog
from sqlalchemy import select

from service.core.actor import Actor
from service.core.errors import Conflict, NotFound
from service.db.session import Tx
from service.events.log import emit
from service.files.intake import ORIGINAL, THUMBNAIL, VIEW, associated, view_name
from service.files.kinds import Kind
from service.files.rules import State
from service.files.sealing import BytesChanged, KeyRing, decrypt
from service.files.store import Bucket, Store
from service.files.tables import FileKey, StoredFile

_log = structlog.get_logger("fairhold.files")


class Part(StrEnum):
    """What of a file is asked for."""

    ORIGINAL = ORIGINAL
    VIEW = VIEW
    THUMBNAIL = THUMBNAIL


@dataclass(frozen=True, slots=True)
class Ticket:
    """All that `fetch` needs; it stays in memory for one request."""

    file_id: UUID
    part: Part
    media_type: str
    bucket: Bucket
    object_name: str
    version_id: str | None
    sha256_plain: bytes
    data_key: bytes

    def __repr__(self) -> str:
        """Leave the key out of logs."""
        return f"Ticket(file_id={self.file_id}, part={self.part})"


async def open_file(
    tx: Tx, actor: Actor, ring: KeyRing, file_id: UUID, part: Part, *, case_id: UUID, now: datetime
) -> Ticket:
    """Return a ticket for a file of a case that the actor is already permitted to see, and record the view.

    Commit before `fetch`, so that no view goes unrecorded. Raises `NotFound` ("file_not_found", also for a view of a
    document) and `Conflict` ("file_erased").
    """
    wanted = select(StoredFile, FileKey.wrapped_key).join(FileKey, FileKey.id == StoredFile.case_key_id)
    row = (await tx.execute(wanted.where(StoredFile.id == file_id, FileKey.case_id == case_id))).one_or_none()
    if row is None:
        raise NotFound("file_not_found", "no such file in this case")
    stored, wrapped = row
    if wrapped is None or stored.state == State.ERASED:
        raise Conflict("file_erased", "the files of this case were erased")
    digest = {Part.VIEW: stored.view_sha256, Part.THUMBNAIL: stored.thumbnail_sha256}.get(part, stored.sha256_plain)
    if digest is None:
        raise NotFound("file_not_found", "a document has no view")
    facts = {"part": part.value, "case_id": str(case_id)}
    await emit(
        tx, "file.viewed", actor=actor, subject=("file", file_id), now=now, tenant_id=stored.tenant_id, facts=facts
    )
    is_original = part is Part.ORIGINAL
    is_locked = stored.state == State.LOCKED
    return Ticket(
        file_id=file_id,
        part=part,
        media_type=Kind(stored.kind).media_type if is_original else "image/webp",
        bucket=(Bucket.EVIDENCE if is_locked else Bucket.QUARANTINE) if is_original else Bucket.VIEWS,
        object_name=stored.object_name if is_original else view_name(stored.object_name, part),
        version_id=stored.version_id if is_original else None,
        sha256_plain=digest,
        data_key=ring.unwrap(wrapped, case_id),
    )


async def fetch(store: Store, ticket: Ticket) -> bytes:
    """Return the plain bytes of a ticket, checked against the hash in the row; no transaction may be open.

    Raises `BytesChanged` if they are not what was stored, or gone, and `Unavailable` if S3 does not answer.
    """
    try:
        return _opened(ticket, await _sealed(store, ticket))
    except BytesChanged as damage:
        log_damage(damage, ticket.bucket, ticket.object_name, ticket.version_id, file_id=str(ticket.file_id))
        raise


def _opened(ticket: Ticket, sealed: bytes) -> bytes:
    plain = decrypt(ticket.data_key, sealed, associated(ticket.file_id, ticket.part))
    if hashlib.sha256(plain).digest() != ticket.sha256_plain:
        raise BytesChanged("the bytes are not those that were received")
    return plain


def log_damage(damage: BytesChanged, bucket: Bucket, object_name: str, version_id: str | None, **facts: str) -> None:
    """Tell those who run the service which stored object is damaged, so that they can compare it with a copy."""
    _log.error(
        "stored_file_damaged",
        bucket=bucket.value,
        object_name=object_name,
        version_id=version_id,
        cause=str(damage),
        **facts,
    )


async def _sealed(store: Store, ticket: Ticket) -> bytes:
    places = [(ticket.bucket, ticket.version_id)]
    if ticket.bucket is Bucket.QUARANTINE:
        places.append((Bucket.EVIDENCE, None))  # it may have been locked since the ticket was made
    for bucket, version_id in places:
        with suppress(NotFound):
            return await store.read(bucket, ticket.object_name, version_id)
    raise BytesChanged("the store has no such object")
