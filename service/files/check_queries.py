"""Reads of checks: runs and what they found, and the files that a check looks at."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from service.core.errors import unreachable
from service.db.session import Tx
from service.files.checking import Kept
from service.files.tables import FileCheck, FileFinding, FileKey, StoredFile

CHUNK = 100
FINDINGS_KEPT_MAX = 10_000
"""So many findings of a run are written down; all are counted."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which files a check looks at: all, those of some cases, or those received since a moment."""

    case_ids: tuple[UUID, ...] = ()
    since: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is everything, objects without a row included."""
        return not self.case_ids and self.since is None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as readers see it: counts of files, of objects, and of stored bytes read. Without an end it was cut off."""

    id: UUID
    started_by: str
    is_whole: bool
    started_at: datetime
    ended_at: datetime | None
    files: int
    objects: int
    bytes: int
    findings: int


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as readers see it."""

    what: str
    file_id: UUID | None
    part: str | None
    bucket: str
    object_name: str
    version_id: str | None


async def count_to_check(tx: Tx, scope: Scope) -> int:
    """Return how many files a check will look at, for a progress bar."""
    query = select(func.count()).select_from(StoredFile).join(FileKey, FileKey.id == StoredFile.case_key_id)
    return (await tx.execute(query.where(*_chosen(scope)))).scalar_one()


async def next_files(tx: Tx, check_id: UUID, scope: Scope) -> list[Kept]:
    """Return the next chunk behind the run's mark, in the order of ids, which is that of receipt."""
    mark = await tx.scalar(select(FileCheck.mark).where(FileCheck.id == check_id))
    wanted = _chosen(scope)
    if mark is not None:
        wanted.append(StoredFile.id > mark)
    return await files_to_check(tx, *wanted)


async def files_to_check(tx: Tx, *wanted: Any) -> list[Kept]:
    """Return the first `CHUNK` files that meet these conditions, by id, with the wrapped keys of their cases."""
    query = select(StoredFile, FileKey.case_id, FileKey.wrapped_key).join(FileKey, FileKey.id == StoredFile.case_key_id)
    found = await tx.execute(query.where(*wanted).order_by(StoredFile.id).limit(CHUNK))
    return [Kept(row, case_id, wrapped) for row, case_id, wrapped in found]


async def get_run(tx: Tx, check_id: UUID) -> RunView:
    """Return a run, which there must be, as it stands."""
    row = await tx.scalar(select(FileCheck).where(FileCheck.id == check_id).execution_options(populate_existing=True))
    if row is None:
        unreachable("a check is never deleted")
    return _view(row)


async def latest_runs(tx: Tx, *, limit: int = 20) -> list[RunView]:
    """Return the latest runs, the newest first, so that a gap is seen."""
    return [_view(row) for row in await tx.scalars(select(FileCheck).order_by(FileCheck.id.desc()).limit(limit))]


async def last_whole_check(tx: Tx) -> RunView | None:
    """Return the newest check of everything that came to its end."""
    query = select(FileCheck).where(FileCheck.is_whole, FileCheck.ended_at.is_not(None))
    row = await tx.scalar(query.order_by(FileCheck.ended_at.desc()).limit(1))
    return None if row is None else _view(row)


async def open_night_check(tx: Tx) -> RunView | None:
    """Return the nightly check that has begun and not ended."""
    row = await tx.scalar(select(FileCheck).where(FileCheck.started_by == "night", FileCheck.ended_at.is_(None)))
    return None if row is None else _view(row)


async def findings_of(tx: Tx, check_id: UUID, *, limit: int = FINDINGS_KEPT_MAX) -> list[FindingView]:
    """Return what a run found, in the order it was found."""
    found = await tx.scalars(
        select(FileFinding).where(FileFinding.check_id == check_id).order_by(FileFinding.id).limit(limit)
    )
    return [FindingView(e.what, e.file_id, e.part, e.bucket, e.object_name, e.version_id) for e in found]


async def any_found_since(tx: Tx, moment: datetime) -> bool:
    """Return whether a check has found something since then."""
    return await tx.scalar(select(FileFinding.id).where(FileFinding.at >= moment).limit(1)) is not None


async def count_findings(tx: Tx, check_id: UUID) -> dict[str, int]:
    """Return how often a run found what."""
    query = select(FileFinding.what, func.count()).where(FileFinding.check_id == check_id)
    return {
        row[0]: int(row[1]) for row in await tx.execute(query.group_by(FileFinding.what).order_by(FileFinding.what))
    }


def _view(row: FileCheck) -> RunView:
    return RunView(
        row.id,
        row.started_by,
        row.is_whole,
        row.started_at,
        row.ended_at,
        row.files,
        row.objects,
        row.bytes,
        row.findings,
    )


def _chosen(scope: Scope) -> list[Any]:
    wanted: list[Any] = []
    if scope.case_ids:
        wanted.append(FileKey.case_id.in_(scope.case_ids))
    if scope.since is not None:
        wanted.append(StoredFile.received_at >= scope.since)
    return wanted
