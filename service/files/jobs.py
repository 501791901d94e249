"""Queued work on stored files; each may be stopped between any two steps and simply run again."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import select

from service.core.errors import NotFound
from service.db.session import Database
from service.files.actions import mark_locked
from service.files.check_queries import Scope
from service.files.check_runs import verify_stored
from service.files.intake import THUMBNAIL, VIEW, view_name
from service.files.likeness_jobs import make_likenesses
from service.files.ownership import check_buckets
from service.files.queries import names_with_row, overdue_ids
from service.files.rules import LOCK_OVERDUE, ORPHAN_AGE, State
from service.files.sealing import KeyRing
from service.files.store import Bucket, Store
from service.files.tables import StoredFile
from service.files.uploads import drop_of_case, sweep_uploads
from service.jobs.queue import Payload, enqueue

_log = structlog.get_logger("fairhold.files")
OVERDUE_MAX = 500


async def lock_file(payload: Payload, *, database: Database, store: Store) -> None:
    """Copy a quarantined original into the locked bucket, record it, then delete the quarantined copy."""
    file_id = UUID(payload["file_id"])
    async with database.begin() as tx:
        stored = await tx.get(StoredFile, file_id)
    if stored is None:
        return
    if stored.state == State.QUARANTINED:
        version_id = await store.copy_locked(
            stored.object_name, sha256_stored=stored.sha256_stored, until=stored.retain_until
        )
        async with database.begin() as tx:
            await mark_locked(tx, file_id, version_id=version_id, now=await tx.now())
    await store.delete_quarantine(stored.object_name)


async def delete_erased(payload: Payload, *, database: Database, store: Store) -> None:
    """Delete the derivatives and quarantined copies of files whose key was destroyed; locked bytes stay, unreadable."""
    case_key_id = UUID(payload["case_key_id"])
    async with database.begin() as tx:
        wanted = select(StoredFile.object_name).where(
            StoredFile.case_key_id == case_key_id, StoredFile.state == State.ERASED
        )
        names = list(await tx.scalars(wanted))
    for name in names:
        await _delete_all(store, name)
    await drop_of_case(database, store, case_key_id)


async def delete_upload(payload: Payload, *, store: Store) -> None:
    """Delete the plain file of an upload that was completed: its sealed copy is in quarantine."""
    await store.delete_upload(payload["object_name"])


async def clean_uploads(payload: Payload, *, database: Database, store: Store) -> None:  # noqa: ARG001 - all handlers get one
    """Delete plain files that no open form can bring in any more, and forms that expired long ago."""
    await sweep_uploads(database, store, older_than=ORPHAN_AGE)


async def clean_orphans(payload: Payload, *, database: Database, store: Store) -> None:  # noqa: ARG001 - all handlers get one
    """Delete what a crash between the quarantine put and the row left over."""
    await sweep_orphans(database, store, older_than=ORPHAN_AGE)


async def sweep_orphans(database: Database, store: Store, *, older_than: timedelta) -> int:
    """Delete quarantined objects older than that which have no row, with their derivatives; return how many.

    The age is S3's time of writing against S3's own clock, so that no moved clock can make an upload look old. Raises
    `Conflict` as `ownership.check_buckets` does: in another installation's buckets everything looks like an orphan.
    """
    await check_buckets(database, store)
    swept = 0
    async for names in store.name_pages(Bucket.QUARANTINE):
        async with database.begin() as tx:
            known = await names_with_row(tx, names)
        for name in names:
            if name not in known and await _is_older(store, name, older_than):
                await _delete_all(store, name)
                swept += 1
    return swept


async def lock_overdue(payload: Payload, *, database: Database) -> None:  # noqa: ARG001 - all handlers get one
    """Queue the locking of files that have waited longer than `LOCK_OVERDUE`: their job gave up while S3 was down."""
    async with database.begin() as tx:
        for file_id in await overdue_ids(tx, before=await tx.now() - LOCK_OVERDUE, limit=OVERDUE_MAX):
            await enqueue(tx, "files.lock_file", {"file_id": str(file_id)}, once=f"files.lock_file:{file_id}")


async def verify(payload: Payload, *, database: Database, store: Store, ring: KeyRing) -> None:
    """Look at every stored byte, from where the run was cut off. While the store is down it raises, finding nothing."""
    run = await verify_stored(database, store, ring, UUID(payload["check_id"]), Scope())
    tell = _log.error if run.findings else _log.info
    tell("stored_files_checked", check_id=str(run.id), files=run.files, bytes=run.bytes, findings=run.findings)


async def _is_older(store: Store, name: str, than: timedelta) -> bool:
    try:
        return await store.quarantine_age(name) > than
    except NotFound:  # another sweep was faster
        return False


async def _delete_all(store: Store, name: str) -> None:
    """Derivatives first: as long as the original is there, a later sweep finds what is left."""
    await store.delete_view(view_name(name, VIEW))
    await store.delete_view(view_name(name, THUMBNAIL))
    await store.delete_quarantine(name)


HANDLERS: Mapping[str, Callable[..., Awaitable[None]]] = {
    "files.lock_file": lock_file,
    "files.delete_erased": delete_erased,
    "files.delete_upload": delete_upload,
    "files.clean_uploads": clean_uploads,
    "files.clean_orphans": clean_orphans,
    "files.lock_overdue": lock_overdue,
    "files.verify": verify,
    "files.make_likenesses": make_likenesses,
}
