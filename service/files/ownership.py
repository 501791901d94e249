"""Whose the buckets are. Each carries a mark with the id of one installation, and each database has one such id.

Whoever deletes objects that its own database does not know must be sure that no other database knows them. So the marks
are compared when a process starts and before each sweep, and a mark is written only where it can hurt nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from service.core.errors import Conflict, Unavailable
from service.db.session import Database, Tx
from service.files.queries import names_with_row
from service.files.store import Bucket, Store

_ADOPT = "`fairhold storage adopt --from {}` hands them over to this one"
_log = structlog.get_logger("fairhold.files")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which installation a database is; `is_copy` when it lies on another PostgreSQL than the one it was named on."""

    id: UUID
    is_older_than_marks: bool
    is_copy: bool


@dataclass(frozen=True, slots=True)
class _Count:
    """How many files have a row in the database, and how many have none."""

    known: int
    unknown: int


async def identity(tx: Tx) -> Identity:
    """Return which installation this database is."""
    found = await tx.execute(
        text("SELECT id, is_older_than_marks, server <> system_identifier FROM installation, pg_control_system()")
    )
    return Identity(*found.one())


async def claim_buckets(database: Database, store: Store) -> None:
    """Mark the buckets that have no mark as this installation's, once they are made; then they are all ours.

    A bucket without a mark is adopted when all of them are empty, or when this database was in use before there were
    marks and nothing in them contradicts it. Raises as `check_buckets`, and `Conflict` ("storage_unclaimed") where
    somebody's files lie in buckets without a mark. Nothing is marked then.
    """
    async with database.begin() as tx:
        ours = await identity(tx)
    marks = await store.read_marks()
    unmarked = [bucket for bucket, mark in marks.items() if mark is None]
    _refuse_others(ours, marks)
    if unmarked and not await _may_adopt(database, store, ours, unmarked):
        raise Conflict(
            "storage_unclaimed",
            "there are files in buckets without a mark, and this database does not know them. If they are its own,"
            " `fairhold storage adopt` marks them as such; else name other buckets with FAIRHOLD_S3_PREFIX",
            buckets=sorted(unmarked),
        )
    for bucket in unmarked:
        await store.write_mark(bucket, str(ours.id))
    await check_buckets(database, store)


async def check_buckets(database: Database, store: Store) -> None:
    """Return if every bucket is this installation's.

    Raises `Conflict`: "storage_of_another" where a bucket belongs to another installation, "storage_unclaimed" where
    one has no mark, "database_is_a_copy" where this database was restored on another server; and `Unavailable`.
    """
    async with database.begin() as tx:
        ours = await identity(tx)
    marks = await store.read_marks()
    _refuse_others(ours, marks)
    if None in marks.values():
        raise Conflict("storage_unclaimed", "the buckets carry no mark yet: run `fairhold migrate`")


async def check_at_start(database: Database, store: Store, *, is_lock_needed: bool) -> None:
    """Say in the log what the storage cannot do, and refuse to start on what would lose files.

    Raises as `check_buckets` does, and `Unavailable` ("storage_cannot_lock") if `is_lock_needed`. A storage or database
    that does not answer yet stops nobody: readiness says so, and whoever deletes looks again before.
    """
    try:
        await check_buckets(database, store)
        capability = await store.lock_capability()
    except (Unavailable, DBAPIError, PoolTimeout, OSError) as error:
        _log.warning("storage_not_checked", error=getattr(error, "code", type(error).__name__))
        return
    if capability.works:
        return
    _log.warning("storage_cannot_lock", reason=capability.reason)
    if is_lock_needed:
        raise Unavailable(
            "storage_cannot_lock",
            f"evidence could be deleted or overwritten ({capability.reason}). In production the buckets need object"
            " lock and versioning, which only a new bucket can get: choose a server that has them, and other buckets"
            " with FAIRHOLD_S3_PREFIX",
        )


async def rename(database: Database, store: Store, taken_from: str) -> UUID:
    """Make this database, as its owner, the one installation that the buckets belong to, under a new id.

    `taken_from` is what the marks say now: whoever bears that id is refused from then on. Buckets without a mark are
    marked too. Raises `Conflict` ("storage_of_another") if a mark says something else. Safe to repeat.
    """
    async with database.begin() as tx:
        ours = await identity(tx)
    expected = {None, taken_from} if ours.is_copy else {None, taken_from, str(ours.id)}
    marks = await store.read_marks()
    for bucket, mark in marks.items():
        if mark not in expected:
            raise Conflict(
                "storage_of_another",
                f"the bucket {bucket} belongs to {mark}; if that database is gone, say --from {mark}",
            )
    async with database.begin() as tx:
        renamed = await tx.execute(
            text(
                "UPDATE installation SET id = gen_random_uuid(), server = system_identifier, named_at = fairhold_now()"
                " FROM pg_control_system() RETURNING id"
            )
        )
        new_id: UUID = renamed.scalar_one()
    for bucket in marks:
        await store.write_mark(bucket, str(new_id))
    return new_id


def _refuse_others(ours: Identity, marks: Mapping[Bucket, str | None]) -> None:
    for bucket, mark in marks.items():
        if mark not in {None, str(ours.id)}:
            raise Conflict(
                "storage_of_another",
                f"the buckets belong to the installation {mark}; this database is {ours.id}. Name other buckets with"
                f" FAIRHOLD_S3_PREFIX. If that database is gone for good (wiped, or replaced by this one),"
                f" {_ADOPT.format(mark)}",
                bucket=bucket,
                installation=mark,
            )
    if ours.is_copy:
        raise Conflict(
            "database_is_a_copy",
            "this database was restored or copied from another server, whose files it must not touch. If that server is"
            f" gone for good, {_ADOPT.format(ours.id)}; if it still runs, name other buckets with FAIRHOLD_S3_PREFIX"
            " first",
            installation=str(ours.id),
        )


async def _may_adopt(database: Database, store: Store, ours: Identity, unmarked: Sequence[Bucket]) -> bool:
    """Whether nothing in the buckets says that they are somebody else's.

    A file in evidence has a row since before it came there. One in quarantine may have lost its row to a crash, so it
    speaks against us only where nothing speaks for us.
    """
    if not any([await store.list_names(bucket) for bucket in unmarked]):
        return True
    if not ours.is_older_than_marks:
        return False
    kept, waiting = [await _count(database, store, each, unmarked) for each in (Bucket.EVIDENCE, Bucket.QUARANTINE)]
    return kept.unknown == 0 and (kept.known + waiting.known > 0 or waiting.unknown == 0)


async def _count(database: Database, store: Store, bucket: Bucket, among: Sequence[Bucket]) -> _Count:
    """Count the files of a bucket with and without a row; none where it is not `among` those asked about."""
    count = _Count(0, 0)
    if bucket not in among:
        return count
    async for names in store.name_pages(bucket):
        async with database.begin() as tx:
            known = len(await names_with_row(tx, names))
        count = _Count(count.known + known, count.unknown + len(names) - known)
    return count
