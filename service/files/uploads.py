"""Files that clients put straight into the storage: a form, and a completion that takes the file in like any other.

The steps of whoever takes files this way:
1. in a short transaction: check the permission; with none open: `prepare`; in the next: `open_upload`;
2. the client sends the file to the storage by the form, as often as it needs to;
3. in a short transaction: `get_upload`; with none open: `fetch`, `intake.receive`; in the transaction that writes the
   entry: `complete`, which queues the deletion of the plain file.
Plain files whose form has expired or was completed are swept, whoever put them there.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import Select, delete, func, select, update

from service.core.errors import Conflict, NotFound, ensure
from service.core.ids import new_id
from service.db.session import Database, Tx
from service.files.forms import UploadForm
from service.files.intake import CaseKey
from service.files.kinds import FILE_BYTES_MAX, check_size
from service.files.ownership import check_buckets
from service.files.rules import UPLOAD_KEPT, UPLOAD_LASTS, UPLOAD_MARGIN
from service.files.store import Bucket, Store, new_object_name
from service.files.tables import FileKey, Upload
from service.jobs.queue import enqueue

HASH_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Promise:
    """What a client says of its file beforehand, so that a wrong one is known; None where it says nothing."""

    size_bytes: int | None = None
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A form that no row knows yet."""

    object_name: str
    form: UploadForm
    promise: Promise


@dataclass(frozen=True, slots=True)
class PlainUpload:
    """An upload as it stands: `file_id` once it was completed."""

    id: UUID
    object_name: str
    promise: Promise
    expires_at: datetime
    file_id: UUID | None


async def prepare(store: Store, promise: Promise) -> Prepared:
    """Return a form for one new object; no transaction may be open. Raises `TooLarge` ("file_too_large")."""
    if promise.size_bytes is not None:
        check_size(promise.size_bytes)
    name, size = new_object_name(), promise.size_bytes
    form = await store.upload_form(name, size_min=size or 1, size_max=size or FILE_BYTES_MAX, lasting=UPLOAD_LASTS)
    return Prepared(name, form, promise)


async def open_upload(
    tx: Tx, key: CaseKey, prepared: Prepared, *, side: str, opened_by: UUID | None, now: datetime
) -> PlainUpload:
    """Write down the form for one side of a case, and return the upload."""
    row = Upload(
        id=new_id(),
        tenant_id=key.tenant_id,
        case_key_id=key.id,
        side=side,
        object_name=prepared.object_name,
        opened_by=opened_by,
        size_bytes=prepared.promise.size_bytes,
        sha256=prepared.promise.sha256,
        opened_at=now,
        expires_at=now + UPLOAD_LASTS,
    )
    tx.add(row)
    await tx.flush()  # a refusal of the database comes here
    return _told(row)


async def count_pending(tx: Tx, case_id: UUID, *, now: datetime) -> dict[str, int]:
    """Return how many forms of each side of a case can still bring a file."""
    counted = await tx.execute(
        select(Upload.side, func.count())
        .join(FileKey, FileKey.id == Upload.case_key_id)
        .where(FileKey.case_id == case_id, Upload.completed_at.is_(None), Upload.expires_at > now)
        .group_by(Upload.side)
    )
    return {row[0]: row[1] for row in counted}


async def get_upload(
    tx: Tx, upload_id: UUID, *, case_id: UUID, side: str, now: datetime, is_locked: bool = False
) -> PlainUpload:
    """Return an upload of this side of this case, its row locked if asked.

    Raises `NotFound` ("upload_not_found", also for the other side's) and `Conflict` ("upload_expired").
    """
    wanted: Select[Upload] = (
        select(Upload)
        .join(FileKey, FileKey.id == Upload.case_key_id)
        .where(Upload.id == upload_id, Upload.side == side, FileKey.case_id == case_id)
    )
    if is_locked:
        wanted = wanted.with_for_update(of=Upload).execution_options(populate_existing=True)
    row = (await tx.scalars(wanted)).one_or_none()
    if row is None:
        raise NotFound("upload_not_found", "no such upload in this case")
    if row.file_id is None and now > row.expires_at + UPLOAD_MARGIN:
        raise Conflict("upload_expired", "the form has expired; ask for a new one and send the file again")
    return _told(row)


async def fetch(store: Store, upload: PlainUpload, sink: BinaryIO) -> bytes:
    """Write what the client sent into `sink`, check that it is whole, and return its SHA-256.

    No transaction may be open. The storage checks the form's limits too; here they hold whatever it does. Raises
    `Conflict` ("upload_missing" where nothing came yet, "upload_not_whole" where it is not what was promised), and as
    `check_size` does.
    """
    try:
        size = await store.fetch_upload(upload.object_name, sink, bytes_max=FILE_BYTES_MAX)
    except NotFound as error:
        raise Conflict("upload_missing", "no file has come by this form yet") from error
    check_size(size)
    digest, promised = await asyncio.to_thread(digest_of, sink), upload.promise
    if promised.size_bytes not in {None, size} or promised.sha256 not in {None, digest}:
        raise Conflict("upload_not_whole", "what came is not what was promised; send the file again")
    return digest


async def complete(tx: Tx, upload: PlainUpload, file_id: UUID, *, now: datetime) -> None:
    """Note that the upload became this file, and queue the deletion of the plain one. The caller has locked its row."""
    changed = await tx.execute(
        update(Upload)
        .where(Upload.id == upload.id, Upload.completed_at.is_(None))
        .values(completed_at=now, file_id=file_id)
        .returning(Upload.id)
    )
    ensure(changed.one_or_none() is not None, "an upload is completed once")
    await enqueue(tx, "files.delete_upload", {"object_name": upload.object_name})


def digest_of(source: BinaryIO) -> bytes:
    """Return the SHA-256 of a whole file, read in pieces; it stands at its beginning afterwards."""
    source.seek(0)
    seen = hashlib.sha256()
    while piece := source.read(HASH_BYTES):
        seen.update(piece)
    source.seek(0)
    return seen.digest()


async def sweep_uploads(database: Database, store: Store, *, older_than: timedelta) -> int:
    """Delete plain files older than that which no open form can bring in any more; return how many.

    Rows are deleted a day after they have expired. The age is by S3's own clock. Raises as `ownership.check_buckets`.
    """
    await check_buckets(database, store)
    swept = 0
    async for names in store.name_pages(Bucket.UPLOADS):
        async with database.begin() as tx:
            wanted = await _names_awaited(tx, names, now=await tx.now())
        for name in names:
            if name not in wanted and await _is_older(store, name, older_than):
                await store.delete_upload(name)
                swept += 1
    async with database.begin() as tx:
        await tx.execute(delete(Upload).where(Upload.expires_at < await tx.now() - UPLOAD_KEPT))
    return swept


async def drop_of_case(database: Database, store: Store, case_key_id: UUID) -> None:
    """Delete the plain files of a case that was erased, and their forms' rows, so that nothing is completed later."""
    async with database.begin() as tx:
        names = list(await tx.scalars(select(Upload.object_name).where(Upload.case_key_id == case_key_id)))
    for name in names:
        await store.delete_upload(name)
    async with database.begin() as tx:
        await tx.execute(delete(Upload).where(Upload.case_key_id == case_key_id, Upload.object_name.in_(names)))


async def _names_awaited(tx: Tx, names: list[str], *, now: datetime) -> set[str]:
    wanted = select(Upload.object_name).where(
        Upload.object_name.in_(names), Upload.completed_at.is_(None), Upload.expires_at > now - UPLOAD_MARGIN
    )
    return set(await tx.scalars(wanted))


async def _is_older(store: Store, name: str, than: timedelta) -> bool:
    try:
        return await store.age(Bucket.UPLOADS, name) > than
    except NotFound:  # somebody was faster
        return False


def _told(row: Upload) -> PlainUpload:
    return PlainUpload(row.id, row.object_name, Promise(row.size_bytes, row.sha256), row.expires_at, row.file_id)
