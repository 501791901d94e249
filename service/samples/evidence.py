"""Photos for a few seeded complaints, taken in like everybody's: checked, sealed, stored, registered."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from service.batches import photos
from service.complaints.evidence import Desk, attach, take_in
from service.core.actor import COMMONS, SYSTEM, Actor, Grant, Role, SignIn
from service.db.session import Database
from service.files.images import ImageWorkshop
from service.files.receiving import receive_photos
from service.files.sealing import KeyRing
from service.files.store import Store
from service.orders import packing
from service.samples.loading import Connection
from service.samples.pictures import label_png
from service.settings import Settings

PHOTOS = ("opened.jpg", "skin.jpg", "box.jpg", "sachet-lot.jpg", "seller-lot.jpg")
"""Drawn by us; each is put into one case."""
LISTED = "sachet-lot.jpg"
"""Shown in the listing of its batch before its case gets it, so that mediators see a photo that was lifted."""
PACKED = ("box.jpg", "seller-lot.jpg")
"""Drawn by us; what a seller shows before sending an order."""
_FOLDER = Path(__file__).with_name("photos")


_OPEN_CASES = """
SELECT c.id, c.buyer_id, CASE c.language WHEN 'zh' THEN p.name_zh ELSE p.name_en END, coalesce(b.lot_code, ''),
       EXISTS (SELECT FROM complaint_evidence e WHERE e.complaint_id = c.id), b.id, b.seller_id
FROM complaint c
JOIN "order" o ON o.id = c.order_id
JOIN product p ON p.id = o.product_id
LEFT JOIN batch b ON b.id = o.batch_id
WHERE starts_with(o.platform_ref, %s) AND c.claim_minor IS NOT NULL AND c.ended_at IS NULL
ORDER BY o.platform_ref LIMIT %s
"""


_PACKABLE = """
SELECT o.id, o.seller_id, s.registered_by
FROM "order" o JOIN seller s ON s.id = o.seller_id
WHERE starts_with(o.platform_ref, %s) AND o.status = 'paid' AND NOT EXISTS (SELECT FROM order_packing_photo)
ORDER BY EXISTS (SELECT FROM role_grant g WHERE g.seller_id = s.id AND g.revoked_at IS NULL) DESC, o.platform_ref
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class _Packable:
    """A paid order, and who registered its shop."""

    order_id: UUID
    seller_id: UUID
    person_id: UUID | None


@dataclass(frozen=True, slots=True)
class _OpenCase:
    """A case whose buyer adds photos; a label is drawn with these words."""

    complaint_id: UUID
    buyer_id: UUID
    product_name: str
    lot_code: str
    has_photos: bool
    batch_id: UUID | None
    batch_seller_id: UUID | None


async def add_photos(settings: Settings, connection: Connection, tag: str) -> int:
    """Add a photo and a drawn label to each of a run's first five open claims that has none; return how many got some.

    A paid order, of a shop that somebody can sign in for if there is one, gets packing photos too, unless one has some.

    Raises `Unavailable` if S3 does not answer; the cases before stay as they are.
    """
    found = [_OpenCase(*row) for row in connection.execute(_OPEN_CASES, (tag, len(PHOTOS)))]
    wanted = [(case, photo) for case, photo in zip(found, PHOTOS, strict=False) if not case.has_photos]
    packable = connection.execute(_PACKABLE, (tag,)).fetchone()
    if not wanted and packable is None:
        return 0
    database, store, workshop = Database(settings.database_url, pool_max=2), Store.of(settings), ImageWorkshop()
    try:
        await store.ensure_buckets()
        for case, photo in wanted:
            if photo == LISTED:
                await _list(settings, database, store, workshop, case)
            await _add(settings, database, store, workshop, case, photo)
        if packable is not None:
            await _pack(settings, database, store, workshop, _Packable(*packable))
    finally:
        await workshop.close()
        store.close()
        await database.close()
    return len(wanted)


async def _pack(
    settings: Settings, database: Database, store: Store, workshop: ImageWorkshop, order: _Packable
) -> None:
    seller = Actor(order.person_id, frozenset({Grant(Role.SELLER, COMMONS, order.seller_id)}), SignIn.SESSION)
    pictures = [_FOLDER.joinpath(name).read_bytes() for name in PACKED]
    sources: list[BinaryIO] = [io.BytesIO(picture) for picture in pictures]
    ring = KeyRing(settings.secret)
    key = await packing.open_order(database, seller, order.order_id, ring=ring, new=len(sources))
    received = await receive_photos(store, workshop, key, sources)
    async with database.begin() as tx:
        days = settings.evidence_retention_days
        await packing.attach(tx, seller, order.order_id, received, retention_days=days, now=await tx.now())


async def _list(settings: Settings, database: Database, store: Store, workshop: ImageWorkshop, case: _OpenCase) -> None:
    """Show a photo of the case's batch, unless the run that was cut off did."""
    if case.batch_id is None:
        return
    async with database.begin() as tx:
        if await photos.photos_of(tx, SYSTEM, case.batch_id):
            return
    seller = Actor(None, frozenset({Grant(Role.SELLER, COMMONS, case.batch_seller_id)}), SignIn.SESSION)
    key = await photos.open_case(database, seller, case.batch_id, ring=KeyRing(settings.secret), new=1)
    received = await receive_photos(store, workshop, key, [io.BytesIO(_FOLDER.joinpath(LISTED).read_bytes())])
    async with database.begin() as tx:
        days = settings.evidence_retention_days
        await photos.attach(tx, seller, case.batch_id, received, retention_days=days, now=await tx.now())


async def _add(
    settings: Settings, database: Database, store: Store, workshop: ImageWorkshop, case: _OpenCase, photo: str
) -> None:
    buyer = Actor(case.buyer_id, frozenset({Grant(Role.BUYER, COMMONS)}), SignIn.SESSION)
    pictures = (_FOLDER.joinpath(photo).read_bytes(), label_png(case.product_name, case.lot_code))
    sources: list[BinaryIO] = [io.BytesIO(picture) for picture in pictures]
    desk = Desk(database, store, workshop, KeyRing(settings.secret), settings)
    received = await take_in(desk, buyer, case.complaint_id, sources)
    async with database.begin() as tx:
        days = settings.evidence_retention_days
        await attach(tx, buyer, case.complaint_id, received, retention_days=days, now=await tx.now())
