"""Photos that sellers show of what they list, over `files`: judged, re-encoded and sealed as evidence is.

A batch is the case of its photos. Whoever takes photos calls `open_case`, `files.receiving.receive_photos`, `attach`,
in this order; whoever shows one calls `open_photo`, commits, and then `files.reading.fetch`. A photo that was taken
away is kept, so that a complaint with a copy of it is still found; it is shown to mediators and regulators only.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from service.batches.actions import check_own_seller
from service.batches.queries import lock_batches
from service.batches.rules import check_photos
from service.batches.schemas import BatchPhotoView
from service.batches.tables import Batch, BatchPhoto, BatchPhotoRemoval
from service.core.actor import COMMONS, Actor, Role
from service.core.errors import Invalid, NotFound
from service.db.session import Database, Tx
from service.events.log import emit
from service.files.actions import open_case_key, register_file
from service.files.intake import CaseKey, Received
from service.files.queries import files_of_cases
from service.files.reading import Part, Ticket, open_file
from service.files.sealing import KeyRing

_SEES_REMOVED = (Role.MEDIATOR, Role.SUPERVISOR, Role.REGULATOR)


@dataclass(frozen=True, slots=True)
class Listed:
    """Which batch a photo was shown of, and until when; None while it still is."""

    file_id: UUID
    batch_id: UUID
    seller_id: UUID
    lot_code: str
    removed_at: datetime | None


async def open_case(database: Database, actor: Actor, batch_id: UUID, *, ring: KeyRing, new: int) -> CaseKey:
    """Check in a short transaction that the actor may add `new` photos, and return the key of the batch's photos.

    Raises `NotFound` ("batch_not_found"), `Forbidden` ("not_your_seller"), `Invalid` ("file_missing"), `Conflict`
    ("batch_photos_too_many", "file_erased").
    """
    if new == 0:
        raise Invalid("file_missing", "the form has no file", field="files")
    async with database.begin() as tx:
        await _check_may_add(tx, actor, batch_id, new)
        return await open_case_key(tx, ring, tenant_id=COMMONS, case_id=batch_id, now=await tx.now())


async def attach(
    tx: Tx, actor: Actor, batch_id: UUID, received: Sequence[Received], *, retention_days: int, now: datetime
) -> list[UUID]:
    """Show the photos with the batch and return their ids. Locks the batch and checks everything again.

    Raises as `open_case`, and `Unavailable` ("file_expired").
    """
    await lock_batches(tx, [batch_id])  # two uploads at once are counted one after the other
    batch = await _check_may_add(tx, actor, batch_id, len(received))
    file_ids = [await register_file(tx, actor, each, retention_days=retention_days, now=now) for each in received]
    await tx.flush()  # the rows refer to the files
    for file_id in file_ids:
        tx.add(BatchPhoto(file_id=file_id, tenant_id=COMMONS, batch_id=batch_id, added_by=actor.person_id, at=now))
    await tx.flush()  # the answer lists what was written
    facts = {
        "file_ids": [str(file_id) for file_id in file_ids],
        "count": len(file_ids),
        "seller_id": str(batch.seller_id),
    }
    await emit(tx, "batch.photos_added", actor=actor, subject=("batch", batch_id), now=now, facts=facts)
    return file_ids


async def take_away(tx: Tx, actor: Actor, batch_id: UUID, file_id: UUID, *, now: datetime) -> None:
    """Show a photo no longer; again, it changes nothing.

    Raises `NotFound` ("batch_not_found", "file_not_found"), `Forbidden` ("not_your_seller").
    """
    batch = await _get(tx, batch_id)
    check_own_seller(actor, batch.seller_id)
    await lock_batches(tx, [batch_id])
    photo = await tx.get(BatchPhoto, file_id)
    if photo is None or photo.batch_id != batch_id:
        raise NotFound("file_not_found", "no such photo of this batch")
    if await tx.get(BatchPhotoRemoval, file_id) is not None:
        return
    tx.add(BatchPhotoRemoval(file_id=file_id, removed_by=actor.person_id, at=now))
    facts = {"file_id": str(file_id), "seller_id": str(batch.seller_id)}
    await emit(tx, "batch.photo_removed", actor=actor, subject=("batch", batch_id), now=now, facts=facts)


async def photos_of(tx: Tx, actor: Actor, batch_id: UUID) -> list[BatchPhotoView]:
    """Return the photos of a batch that the actor may see, in the order they came; raises `NotFound`.

    Erased ones are left out: there is nothing to show.
    """
    await _get(tx, batch_id)
    query = (
        select(BatchPhoto.file_id, BatchPhotoRemoval.at)
        .outerjoin(BatchPhotoRemoval, BatchPhotoRemoval.file_id == BatchPhoto.file_id)
        .where(BatchPhoto.batch_id == batch_id, *_shown_to(actor))
    )
    removed: dict[UUID, datetime | None] = {row[0]: row[1] for row in await tx.execute(query)}
    return [
        BatchPhotoView(
            file_id=each.id,
            kind=each.kind,
            size_bytes=each.size_bytes,
            sha256=each.sha256,
            width_px=each.width_px,
            height_px=each.height_px,
            received_at=each.received_at,
            removed_at=removed[each.id],
        )
        for each in (await files_of_cases(tx, [batch_id]) if removed else [])
        if each.id in removed and each.has_view
    ]


async def open_photo(
    tx: Tx, actor: Actor, batch_id: UUID, file_id: UUID, part: Part, *, ring: KeyRing, now: datetime
) -> Ticket:
    """Return a ticket for a photo that the actor may see, and record the view. Commit before fetching.

    Raises `NotFound` ("batch_not_found", "file_not_found"), `Conflict` ("file_erased").
    """
    await _get(tx, batch_id)
    query = (
        select(BatchPhoto.file_id)
        .outerjoin(BatchPhotoRemoval, BatchPhotoRemoval.file_id == BatchPhoto.file_id)
        .where(BatchPhoto.batch_id == batch_id, BatchPhoto.file_id == file_id, *_shown_to(actor))
    )
    if await tx.scalar(query) is None:
        raise NotFound("file_not_found", "no such photo of this batch")
    return await open_file(tx, actor, ring, file_id, part, case_id=batch_id, now=now)


async def listed(tx: Tx, file_ids: Collection[UUID]) -> dict[UUID, Listed]:
    """Return those of the files that are or were photos of batches. Batches are common: anybody may know them."""
    found = await tx.execute(
        select(BatchPhoto.file_id, BatchPhoto.batch_id, Batch.seller_id, Batch.lot_code, BatchPhotoRemoval.at)
        .join(Batch, Batch.id == BatchPhoto.batch_id)
        .outerjoin(BatchPhotoRemoval, BatchPhotoRemoval.file_id == BatchPhoto.file_id)
        .where(BatchPhoto.file_id.in_(list(file_ids)))
    )
    return {row[0]: Listed(*row) for row in found}


async def batch_of_photo(tx: Tx, file_id: UUID) -> UUID:
    """Return the batch that a photo is or was shown of; raises `NotFound` ("file_not_found")."""
    found = await tx.scalar(select(BatchPhoto.batch_id).where(BatchPhoto.file_id == file_id))
    if found is None:
        raise NotFound("file_not_found", "no such photo of a batch")
    return found


def _shown_to(actor: Actor) -> tuple[ColumnElement[bool], ...]:
    """Return the filter of the photos that somebody may see: what was taken away is for staff."""
    return () if actor.is_system or actor.has(*_SEES_REMOVED) else (BatchPhotoRemoval.file_id.is_(None),)


async def _get(tx: Tx, batch_id: UUID) -> Batch:
    batch = await tx.get(Batch, batch_id)
    if batch is None:
        raise NotFound("batch_not_found")
    return batch


async def _check_may_add(tx: Tx, actor: Actor, batch_id: UUID, new: int) -> Batch:
    batch = await _get(tx, batch_id)
    check_own_seller(actor, batch.seller_id)
    counted = await tx.execute(
        select(func.count(BatchPhoto.file_id), func.count(BatchPhotoRemoval.file_id))
        .outerjoin(BatchPhotoRemoval, BatchPhotoRemoval.file_id == BatchPhoto.file_id)
        .where(BatchPhoto.batch_id == batch_id)
    )
    ever, removed = counted.one()
    check_photos(new, ever - removed, ever)
    return batch
