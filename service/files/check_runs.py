"""Runs of the check of everything that is stored: begun, gone on with where one was cut off, ended, and read.

The steps of whoever checks: begin a run in a short transaction, then `verify_stored` with none open. It writes down how
far it is after every chunk, and says what it found by events: "file_check.found" after a chunk with findings,
"file_check.ended" at the end. Who is to be alerted is for higher domains.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from service.core.actor import SYSTEM
from service.core.ids import new_id
from service.db.session import Database, Tx
from service.events.log import emit
from service.files.check_queries import FINDINGS_KEPT_MAX, RunView, Scope, files_to_check, get_run, next_files
from service.files.checking import Finding, Kept, Looked, check_files, unknown_objects
from service.files.ownership import check_buckets
from service.files.queries import names_with_row
from service.files.sealing import KeyRing
from service.files.store import Store
from service.files.tables import FileCheck, FileFinding, StoredFile
from service.jobs.queue import enqueue

EVERY = timedelta(days=1)


async def queue_check(tx: Tx, *, now: datetime) -> None:
    """Begin the nightly check if its time has come, once however many workers ask, and see to it that a job does it.

    A run that has no end yet gets a new job, so that one whose job gave up while the store was down is gone on with.
    """
    open_run = await tx.scalar(
        select(FileCheck.id).where(FileCheck.started_by == "night", FileCheck.ended_at.is_(None))
    )
    if open_run is None:
        last = await tx.scalar(select(func.max(FileCheck.started_at)).where(FileCheck.started_by == "night"))
        if last is not None and last > now - EVERY:
            return
        values = _new_run("night", is_whole=True, now=now)
        begun = await tx.execute(upsert(FileCheck).values(values).on_conflict_do_nothing().returning(FileCheck.id))
        open_run = begun.scalar_one_or_none()
        if open_run is None:  # another worker was faster
            return
    await enqueue(tx, "files.verify", {"check_id": str(open_run)}, lock="files.verify", once="files.verify")


async def begin_check(tx: Tx, scope: Scope, *, now: datetime) -> UUID:
    """Write down that somebody begins a check by hand; return its id."""
    values = _new_run("command", is_whole=scope.is_whole, now=now)
    await tx.execute(insert(FileCheck).values(values))
    check_id: UUID = values["id"]
    return check_id


async def verify_stored(
    database: Database,
    store: Store,
    ring: KeyRing,
    check_id: UUID,
    scope: Scope,
    told: Callable[[int], None] = lambda _: None,
) -> RunView:
    """Look at every file of the scope behind the run's mark, chunk by chunk; return the run, ended.

    `told` gets the number of files so far. Nothing of the store is held in memory but a few pieces. Raises
    `Unavailable` when the store does not answer: the run then stays open at its mark, and found nothing by it. Raises
    `Conflict` as `ownership.check_buckets` does. A run that has ended is returned as it is.
    """
    async with database.begin() as tx:
        run = await get_run(tx, check_id)
    if run.ended_at is not None:
        return run
    await check_buckets(database, store)
    while True:
        async with database.begin() as tx:
            files, now = await next_files(tx, check_id, scope), await tx.now()
        if not files:
            break
        looked = await _look(database, store, ring, files, now)
        async with database.begin() as tx:
            run = await _record(tx, check_id, looked, mark=files[-1].row.id, files=len(files))
        told(run.files)
    if scope.is_whole:
        await _record_unknown(database, store, check_id)
    async with database.begin() as tx:
        return await _end(tx, check_id, now=await tx.now())


async def _look(database: Database, store: Store, ring: KeyRing, files: Sequence[Kept], now: datetime) -> Looked:
    """Check files; those with findings whose row has moved on meanwhile (locked, erased) once more as they are now."""
    looked = Looked()
    found = dict(zip([each.row.id for each in files], await check_files(store, ring, files, now=now), strict=True))
    suspects = [file_id for file_id, each in found.items() if each.findings]
    if suspects:
        async with database.begin() as tx:
            anew = {each.row.id: each for each in await files_to_check(tx, StoredFile.id.in_(suspects))}
        before = {each.row.id: each for each in files}
        moved = [anew[file_id] for file_id in suspects if _life(anew[file_id]) != _life(before[file_id])]
        for kept, again in zip(moved, await check_files(store, ring, moved, now=now), strict=True):
            found[kept.row.id] = again
    for each in found.values():
        looked.add(each)
    return looked


def _life(kept: Kept) -> tuple[str, str | None]:
    return kept.row.state, kept.row.version_id


def _new_run(started_by: str, *, is_whole: bool, now: datetime) -> dict[str, Any]:
    counts = {"files": 0, "objects": 0, "bytes": 0, "findings": 0}
    return {"id": new_id(), "started_by": started_by, "is_whole": is_whole, "started_at": now, **counts}


async def _record(tx: Tx, check_id: UUID, looked: Looked, *, mark: UUID | None, files: int) -> RunView:
    """Write down a chunk with its findings; locks the run's row."""
    counted: dict[str, Any] = {
        "files": FileCheck.files + files,
        "objects": FileCheck.objects + looked.objects,
        "bytes": FileCheck.bytes + looked.bytes,
        "findings": FileCheck.findings + len(looked.findings),
    }
    if mark is not None:
        counted["mark"] = mark
    await tx.execute(
        update(FileCheck).where(FileCheck.id == check_id).values(counted).execution_options(synchronize_session=False)
    )
    run = await get_run(tx, check_id)
    if looked.findings:
        await _write(tx, run, looked.findings, now=await tx.now())
    return run


async def _write(tx: Tx, run: RunView, findings: Collection[Finding], *, now: datetime) -> None:
    room = max(0, FINDINGS_KEPT_MAX - (run.findings - len(findings)))
    for each in list(findings)[:room]:
        tx.add(
            FileFinding(
                id=new_id(),
                check_id=run.id,
                file_id=each.file_id,
                part=each.part,
                bucket=each.bucket.value,
                object_name=each.object_name,
                version_id=each.version_id,
                what=each.what.value,
                at=now,
            )
        )
    facts = {"findings": run.findings, "what": dict(Counter(each.what.value for each in findings))}
    await emit(tx, "file_check.found", actor=SYSTEM, subject=("file_check", run.id), now=now, facts=facts)


async def _record_unknown(database: Database, store: Store, check_id: UUID) -> None:
    """Write down the locked objects that no row knows. A run that was cut off here does this step again."""

    async def known(names: Sequence[str]) -> set[str]:
        async with database.begin() as tx:
            return await names_with_row(tx, names)

    looked = Looked()
    async for finding in unknown_objects(store, known):
        looked.findings.append(finding)
        if len(looked.findings) >= FINDINGS_KEPT_MAX:
            break
    if looked.findings:
        async with database.begin() as tx:
            await _record(tx, check_id, looked, mark=None, files=0)


async def _end(tx: Tx, check_id: UUID, *, now: datetime) -> RunView:
    """End a run, once; its row is kept as it is from now on."""
    ended = await tx.execute(
        update(FileCheck)
        .where(FileCheck.id == check_id, FileCheck.ended_at.is_(None))
        .values(ended_at=func.greatest(FileCheck.started_at, now))
        .returning(FileCheck.id)
        .execution_options(synchronize_session=False)
    )
    run = await get_run(tx, check_id)
    if ended.first() is not None:
        facts = {"is_whole": run.is_whole, "files": run.files, "objects": run.objects, "findings": run.findings}
        await emit(tx, "file_check.ended", actor=SYSTEM, subject=("file_check", run.id), now=now, facts=facts)
    return run
