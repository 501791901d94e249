"""Evidence by way of the storage: a form for one file, and its completion, which takes it in like any other."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast
from uuid import UUID

from service.complaints import evidence
from service.complaints.evidence import Desk
from service.complaints.queries.access import get_row, require_side
from service.complaints.rules import Side
from service.complaints.tables import Complaint
from service.core.actor import Actor
from service.core.errors import Conflict, Invalid
from service.db.session import Tx
from service.files.actions import open_case_key
from service.files.forms import UploadForm
from service.files.intake import Received
from service.files.sealing import KeyRing
from service.files.uploads import (
    PlainUpload,
    Prepared,
    Promise,
    complete,
    count_pending,
    fetch,
    get_upload,
    open_upload,
    prepare,
)
from service.settings import Mode

SPOOL_BYTES = 2**20  # larger files wait on disk


@dataclass(frozen=True, slots=True)
class Opened:
    """A form as its client gets it."""

    id: UUID
    form: UploadForm
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came by a form. `received` is None where the side had put these bytes into the case before.

    Both are None for a form that was completed before.
    """

    upload: PlainUpload
    sha256: bytes | None = None
    received: Received | None = None


async def prepare_form(desk: Desk, actor: Actor, complaint_id: UUID, promise: Promise) -> Prepared:
    """Return a form that no row knows yet, for an actor who may bring one more file; no transaction may be open.

    Forms that can still bring a file count as files here, so that nobody collects forms; they do not count where a file
    comes in, so that forms which nobody used stop nobody. Raises `NotFound` ("complaint_not_found"), `Forbidden`
    ("not_your_part"), `Conflict` ("complaint_ended", "uploads_not_offered"), `Invalid` ("too_many_files"), `TooLarge`.
    """
    if desk.settings.mode is Mode.PRODUCTION and not desk.settings.s3_public_url:
        raise Conflict("uploads_not_offered", "send the file to the service: clients do not reach its storage")
    async with desk.database.begin() as tx:
        await _check_may_open(tx, actor, await get_row(tx, actor, complaint_id), now=await tx.now())
    return await prepare(desk.store, promise)


async def open_form(
    tx: Tx, actor: Actor, complaint_id: UUID, prepared: Prepared, *, ring: KeyRing, now: datetime
) -> Opened:
    """Write down the form, with everything checked again. Locks the complaint; raises as `prepare_form`."""
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = await _check_may_open(tx, actor, complaint, now=now)
    key = await open_case_key(tx, ring, tenant_id=complaint.tenant_id, case_id=complaint.id, now=now)
    upload = await open_upload(tx, key, prepared, side=side, opened_by=actor.person_id, now=now)
    return Opened(upload.id, prepared.form, upload.expires_at)


async def take_in_form(desk: Desk, actor: Actor, complaint_id: UUID, upload_id: UUID) -> Arrived:
    """Fetch what came by a form of the actor's side and take it in, unless it was completed before.

    No transaction may be open. Raises as `evidence.take_in`, `NotFound` ("upload_not_found") and `Conflict`
    ("upload_expired", "upload_missing", "upload_not_whole").
    """
    async with desk.database.begin() as tx:
        complaint = await get_row(tx, actor, complaint_id)
        side = require_side(actor, complaint, "buyer", "seller")
        upload = await get_upload(tx, upload_id, case_id=complaint.id, side=side, now=await tx.now())
    if upload.file_id is not None:
        return Arrived(upload)
    with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spooled:
        source = cast("BinaryIO", spooled)
        digest = await fetch(desk.store, upload, source)
        try:
            received = await evidence.take_in(desk, actor, complaint_id, [source])
        except Invalid as error:
            if error.code == "file_infected":  # nothing of it is kept until its form expires
                await desk.store.delete_upload(upload.object_name)
            raise
    return Arrived(upload, digest, received[0] if received else None)


async def complete_form(
    tx: Tx, actor: Actor, complaint_id: UUID, arrived: Arrived, *, retention_days: int, now: datetime
) -> UUID:
    """Write the file into the case and note that the form has brought it; return the file's id, also the second time.

    Locks the complaint, then the upload. Raises as `evidence.attach` and `take_in_form`.
    """
    if arrived.upload.file_id is not None:
        return arrived.upload.file_id
    complaint = await get_row(tx, actor, complaint_id, is_locked=True)
    side = require_side(actor, complaint, "buyer", "seller")
    upload = await get_upload(tx, arrived.upload.id, case_id=complaint.id, side=side, now=now, is_locked=True)
    if upload.file_id is not None:
        return upload.file_id
    new = [] if arrived.received is None else [arrived.received]
    await evidence.attach(tx, actor, complaint_id, new, retention_days=retention_days, now=now)
    file_id = None if arrived.sha256 is None else await evidence.file_of(tx, complaint.id, side, arrived.sha256)
    if file_id is None:
        raise Conflict("upload_missing", "the file was taken out of the draft meanwhile; send it again")
    await complete(tx, upload, file_id, now=now)
    return file_id


async def _check_may_open(tx: Tx, actor: Actor, complaint: Complaint, *, now: datetime) -> Side:
    forms = await count_pending(tx, complaint.id, now=now)
    return await evidence.check_may_add(tx, actor, complaint, 1, awaited=forms)
