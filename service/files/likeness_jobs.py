"""Makes up the hashes of photos that came before hashes were kept, from what people see of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import case, func, or_, select, update

from service.core.actor import SYSTEM
from service.core.errors import Conflict, FairholdError, Invalid, InvariantBroken
from service.db.session import Database
from service.files.images import DecoderFailed, ImageWorkshop
from service.files.kinds import Kind
from service.files.likeness import bits
from service.files.reading import Part, fetch, open_file
from service.files.sealing import BytesChanged, KeyRing
from service.files.store import Store
from service.files.tables import FileKey, PhotoLikeness, StoredFile
from service.jobs.queue import Payload, enqueue

JOB = "files.make_likenesses"
PHOTOS_PER_JOB = 500
TRIES_MAX: Final = 3
"""So often the decoder may fail at a photo; then it is taken for one that cannot be read."""
AGAIN_AFTER: Final = timedelta(hours=1)
_log = structlog.get_logger("fairhold.files")


async def make_likenesses(
    payload: Payload, *, database: Database, store: Store, workshop: ImageWorkshop, ring: KeyRing
) -> None:
    """Make the hashes of up to `limit` photos (`PHOTOS_PER_JOB` untold) that wait for one, and queue the rest.

    The view is a copy of the photo, so its hash differs from the photo's own in a few bits. A view that cannot be read
    is written down as such. One at which the decoder fails is tried again: the machine may be to blame. One that fails
    otherwise stops no other: the job fails at its end, and is retried.
    """
    failed: Exception | None = None
    limit = int(payload.get("limit", PHOTOS_PER_JOB))
    waiting = await _waiting(database, limit)
    for file_id, case_id in waiting:
        try:
            await _make(database, store, workshop, ring, file_id, case_id)
        except (FairholdError, InvariantBroken) as error:
            _log.warning("likeness_failed", file_id=str(file_id), cause=str(error))
            failed = failed or error
    if failed is not None:
        raise failed
    if len(waiting) == limit:
        async with database.begin() as tx:
            await enqueue(tx, JOB, payload, once=JOB)


async def _waiting(database: Database, limit: int) -> Sequence[tuple[UUID, UUID]]:
    async with database.begin() as tx:
        rested = PhotoLikeness.tried_at <= await tx.now() - AGAIN_AFTER
        query = (
            select(PhotoLikeness.file_id, FileKey.case_id)
            .join(StoredFile, StoredFile.id == PhotoLikeness.file_id)
            .join(FileKey, FileKey.id == StoredFile.case_key_id)
            .where(PhotoLikeness.quality.is_(None), or_(PhotoLikeness.tried_at.is_(None), rested))
            .order_by(PhotoLikeness.file_id)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in await tx.execute(query)]


async def _make(
    database: Database, store: Store, workshop: ImageWorkshop, ring: KeyRing, file_id: UUID, case_id: UUID
) -> None:
    try:
        async with database.begin() as tx:
            ticket = await open_file(tx, SYSTEM, ring, file_id, Part.VIEW, case_id=case_id, now=await tx.now())
    except Conflict:  # it was erased meanwhile, and its row is gone
        return
    made: dict[str, object] = {"hash": None, "quality": 0}
    try:
        derived = await workshop.derive(await fetch(store, ticket), Kind.WEBP)
        made = {"hash": bits(derived.likeness), "quality": derived.likeness_quality}
    except DecoderFailed as error:
        _log.warning("likeness_failed", file_id=str(file_id), cause=str(error))
        tries = PhotoLikeness.tries + 1
        made = {"tries": tries, "tried_at": func.fairhold_now(), "quality": case((tries >= TRIES_MAX, 0))}
    except (BytesChanged, Invalid) as error:
        _log.error("likeness_unreadable", file_id=str(file_id), cause=str(error))
    async with database.begin() as tx:
        known = PhotoLikeness.quality.is_not(None)
        await tx.execute(update(PhotoLikeness).where(PhotoLikeness.file_id == file_id, ~known).values(**made))
