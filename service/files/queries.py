"""Reads of stored files. Who may see a case is for its domain to judge: ask only about cases already permitted."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select

from service.core.errors import NotFound
from service.db.session import Tx
from service.files.kinds import Kind
from service.files.rules import State
from service.files.tables import FileKey, StoredFile


@dataclass(frozen=True, slots=True)
class FileView:
    """A stored file as its case shows it. Sizes are in bytes; width and height those of the upright original."""

    id: UUID
    case_id: UUID
    kind: Kind
    state: State
    size_bytes: int
    sha256: str
    width_px: int | None
    height_px: int | None
    pages: int | None
    received_at: datetime
    locked_at: datetime | None
    retain_until: datetime
    version_id: str | None

    @property
    def has_view(self) -> bool:
        """Whether a view and a thumbnail can be read: a photo that was not erased."""
        return self.kind.is_photo and self.state is not State.ERASED


async def get_file(tx: Tx, file_id: UUID, *, case_id: UUID) -> FileView:
    """Return a file of this case; raises `NotFound` ("file_not_found") also for a file of another one."""
    found = (await tx.execute(_files().where(StoredFile.id == file_id, FileKey.case_id == case_id))).one_or_none()
    if found is None:
        raise NotFound("file_not_found", "no such file in this case")
    return _view(*found)


async def files_of_cases(tx: Tx, case_ids: Collection[UUID]) -> list[FileView]:
    """Return the files of these cases in the order they came."""
    wanted = _files().where(FileKey.case_id.in_(list(case_ids))).order_by(StoredFile.received_at, StoredFile.id)
    return [_view(*each) for each in await tx.execute(wanted)]


def with_view() -> Select[UUID]:
    """Return the query of the files that have a view: photos that were not erased."""
    photos = [kind for kind in Kind if kind.is_photo]
    return select(StoredFile.id).where(StoredFile.kind.in_(photos), StoredFile.state != State.ERASED)


async def files_with(tx: Tx, file_ids: Collection[UUID], digests: Collection[bytes]) -> dict[bytes, UUID]:
    """Return those of the files that were not erased whose received bytes have one of these SHA-256, by it."""
    wanted = select(StoredFile.sha256_plain, StoredFile.id).where(
        StoredFile.id.in_(list(file_ids)),
        StoredFile.sha256_plain.in_(list(digests)),
        StoredFile.state != State.ERASED,
    )
    return {row.sha256_plain: row.id for row in await tx.execute(wanted)}


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What became of the key of a case that has, or may get, files."""

    case_id: UUID
    is_held: bool
    destroyed_at: datetime | None


async def key_facts(tx: Tx, case_ids: Collection[UUID]) -> list[KeyFacts]:
    """Return the keys of these cases, as far as they have one."""
    found = await tx.execute(
        select(FileKey.case_id, FileKey.legal_hold, FileKey.destroyed_at).where(FileKey.case_id.in_(list(case_ids)))
    )
    return [KeyFacts(*row) for row in found]


async def any_erased(tx: Tx, file_ids: Collection[UUID]) -> bool:
    """Return whether one of these files was erased."""
    found = select(StoredFile.id).where(StoredFile.id.in_(list(file_ids)), StoredFile.state == State.ERASED)
    return await tx.scalar(found.limit(1)) is not None


async def names_with_row(tx: Tx, object_names: Collection[str]) -> set[str]:
    """Return those of the object names that a stored file has."""
    wanted = select(StoredFile.object_name).where(StoredFile.object_name.in_(list(object_names)))
    return set(await tx.scalars(wanted))


async def overdue_ids(tx: Tx, *, before: datetime, limit: int) -> list[UUID]:
    """Return files received before `before` that still wait to be locked, oldest first."""
    wanted = select(StoredFile.id).where(StoredFile.state == State.QUARANTINED, StoredFile.received_at < before)
    return list(await tx.scalars(wanted.order_by(StoredFile.received_at).limit(limit)))


def _files() -> Select[StoredFile, UUID]:
    return select(StoredFile, FileKey.case_id).join(FileKey, FileKey.id == StoredFile.case_key_id)


def _view(stored: StoredFile, case_id: UUID) -> FileView:
    return FileView(
        id=stored.id,
        case_id=case_id,
        kind=Kind(stored.kind),
        state=State(stored.state),
        size_bytes=stored.size_bytes,
        sha256=stored.sha256_plain.hex(),
        width_px=stored.width_px,
        height_px=stored.height_px,
        pages=stored.pages,
        received_at=stored.received_at,
        locked_at=stored.locked_at,
        retain_until=stored.retain_until,
        version_id=stored.version_id,
    )
