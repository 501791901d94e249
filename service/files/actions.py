"""What is done with stored files inside a transaction. None of this talks to S3."""

import time
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from service.core.actor import SYSTEM, Actor
from service.core.errors import Conflict, NotFound, Unavailable, ensure
from service.core.ids import new_id
from service.db.locks import locked
from service.db.session import Tx
from service.events.log import emit
from service.files.intake import CaseKey, Received
from service.files.likeness import likeness_of
from service.files.rules import FILE, REGISTER_WITHIN_S, State, retain_until
from service.files.sealing import KeyRing
from service.files.tables import FileKey, StoredFile
from service.jobs.queue import enqueue


async def open_case_key(tx: Tx, ring: KeyRing, *, tenant_id: UUID, case_id: UUID, now: datetime) -> CaseKey:
    """Return the data key of a case, made at the first call; commit before anything is sealed with it.

    Raises `Conflict` ("file_erased") once the key was destroyed.
    """
    await tx.execute(
        insert(FileKey)
        .values(
            id=new_id(),
            tenant_id=tenant_id,
            case_id=case_id,
            wrapped_key=ring.wrap(ring.new_key(), case_id),
            legal_hold=False,
            made_at=now,
        )
        .on_conflict_do_nothing(index_elements=["case_id"])
    )
    row = await _key_of(tx, case_id)
    ensure(row.tenant_id == tenant_id, "a case has one tenant")
    if row.wrapped_key is None:
        raise Conflict("file_erased", "the files of this case were erased")
    return CaseKey(row.id, row.tenant_id, case_id, ring.unwrap(row.wrapped_key, case_id))


async def register_file(tx: Tx, actor: Actor, received: Received, *, retention_days: int, now: datetime) -> UUID:
    """Write the row of a file that lies in quarantine, and queue its locking; return the file's id.

    Raises `Unavailable` ("file_expired") when the upload was so long ago that the sweep may have taken it, and
    `Conflict` ("file_erased") when the case's key was destroyed meanwhile. Locks the key's row FOR SHARE.
    """
    if time.monotonic() - received.put_at_monotonic > REGISTER_WITHIN_S:
        raise Unavailable("file_expired", "the upload took too long; send the file again")
    key = await tx.get_one(FileKey, received.case_key_id, with_for_update={"read": True})
    if key.destroyed_at is not None:
        raise Conflict("file_erased", "the files of this case were erased")
    derived = received.derived
    stored = StoredFile(
        id=received.id,
        tenant_id=received.tenant_id,
        case_key_id=received.case_key_id,
        object_name=received.object_name,
        state=FILE.initial,
        kind=received.kind.value,
        size_bytes=received.size_bytes,
        stored_size_bytes=received.stored_size_bytes,
        sha256_plain=received.sha256_plain,
        sha256_stored=received.sha256_stored,
        width_px=derived.width_px if derived else None,
        height_px=derived.height_px if derived else None,
        pages=received.pages,
        view_sha256=derived.view_sha256 if derived else None,
        thumbnail_sha256=derived.thumbnail_sha256 if derived else None,
        received_at=now,
        retain_until=retain_until(now, retention_days),
    )
    tx.add(stored)
    if derived is not None:
        await tx.flush()  # the likeness refers to the file
        tx.add(likeness_of(stored.id, stored.tenant_id, derived.likeness, derived.likeness_quality))
    await emit(
        tx,
        "file.received",
        actor=actor,
        subject=("file", stored.id),
        now=now,
        tenant_id=stored.tenant_id,
        facts={"kind": stored.kind, "size_bytes": stored.size_bytes, "sha256": stored.sha256_plain.hex()},
    )
    await enqueue(tx, "files.lock_file", {"file_id": str(stored.id)}, once=f"files.lock_file:{stored.id}")
    return stored.id


async def mark_locked(tx: Tx, file_id: UUID, *, version_id: str, now: datetime) -> bool:
    """Record that this version is locked; False if the file was locked or erased meanwhile, which is fine."""
    step = FILE.next(State.QUARANTINED, "lock")
    changed = await tx.execute(
        update(StoredFile)
        .where(StoredFile.id == file_id, StoredFile.state == step.state)
        .values(state=step.to, locked_at=now, version_id=version_id)
        .returning(StoredFile.tenant_id, StoredFile.retain_until)
    )
    found = changed.one_or_none()
    if found is None:
        return False
    facts = {"version_id": version_id, "retain_until": found.retain_until.isoformat()}
    await emit(tx, step.event, actor=SYSTEM, subject=("file", file_id), now=now, tenant_id=found.tenant_id, facts=facts)
    return True


async def set_legal_hold(tx: Tx, actor: Actor, case_id: UUID, *, is_held: bool, now: datetime) -> None:
    """Hold the files of a case against erasure, or let them go. Locks the key's row.

    Raises `NotFound` ("file_key_not_found") or `Conflict` ("file_erased").
    """
    row = await _key_of(tx, case_id, is_locked=True)
    if row.destroyed_at is not None:
        raise Conflict("file_erased", "the files of this case were erased")
    if row.legal_hold is is_held:
        return
    row.legal_hold = is_held
    name = "file_key.held" if is_held else "file_key.let_go"
    await emit(tx, name, actor=actor, subject=("file_key", row.id), now=now, tenant_id=row.tenant_id)


async def erase_case_files(tx: Tx, actor: Actor, case_id: UUID, *, now: datetime) -> int:
    """Destroy the key of a case, so that none of its files can be read again; return how many files that were.

    The rows and the locked bytes stay: hashes, sizes and times still prove what there was. Locks the key's row. Raises
    `NotFound` ("file_key_not_found"), or `Conflict` ("file_legal_hold") under a legal hold; erasing twice does nothing.
    """
    row = await _key_of(tx, case_id, is_locked=True)
    if row.legal_hold:
        raise Conflict("file_legal_hold", "a legal hold keeps these files")
    if row.destroyed_at is not None:
        return 0
    row.wrapped_key, row.destroyed_at = None, now
    await tx.flush()  # the key is gone before its files say so
    erased = await tx.execute(
        update(StoredFile)
        .where(StoredFile.case_key_id == row.id, StoredFile.state != State.ERASED)
        .values(state=FILE.next(State.LOCKED, "erase").to, erased_at=now)
        .returning(StoredFile.id)
    )
    ids = list(erased.scalars())
    for file_id in ids:
        await emit(tx, "file.erased", actor=actor, subject=("file", file_id), now=now, tenant_id=row.tenant_id)
    await emit(tx, "file_key.destroyed", actor=actor, subject=("file_key", row.id), now=now, tenant_id=row.tenant_id)
    await enqueue(tx, "files.delete_erased", {"case_key_id": str(row.id)})
    return len(ids)


async def queue_housekeeping(tx: Tx) -> int:
    """Queue the sweep of orphans, overdue locks and likenesses to make up, unless they wait already; for a worker.

    Always 0: there is nothing more to do at once.
    """
    for name in ("files.clean_orphans", "files.clean_uploads", "files.lock_overdue", "files.make_likenesses"):
        await enqueue(tx, name, {}, once=name)
    return 0


async def _key_of(tx: Tx, case_id: UUID, *, is_locked: bool = False) -> FileKey:
    wanted = select(FileKey).where(FileKey.case_id == case_id)
    row = await tx.scalar(locked(wanted) if is_locked else wanted)
    if row is None:
        raise NotFound("file_key_not_found", "this case has no files")
    return row
