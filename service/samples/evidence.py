"""Photos for a few seeded complaints, taken in like everybody's: checked, sealed, stored, registered."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from service.complaints.evidence import Desk, attach, take_in
from service.core.actor import COMMONS, Actor, Grant, Role, SignIn
from service.db.session import Database
from service.files.images import ImageWorkshop
from service.files.sealing import KeyRing
from service.files.store import Store
from service.samples.loading import Connection
from service.samples.pictures import label_png
from service.settings import Settings

PHOTOS = ("opened.jpg", "skin.jpg", "box.jpg", "sachet-lot.jpg", "seller-lot.jpg")
"""Drawn by us; each is put into one case."""
_FOLDER = Path(__file__).with_name("photos")


_OPEN_CASES = """
SELECT c.id, c.buyer_id, CASE c.language WHEN 'zh' THEN p.name_zh ELSE p.name_en END, coalesce(b.lot_code, ''),
       EXISTS (SELECT FROM complaint_evidence e WHERE e.complaint_id = c.id)
FROM complaint c
JOIN "order" o ON o.id = c.order_id
JOIN product p ON p.id = o.product_id
LEFT JOIN batch b ON b.id = o.batch_id
WHERE starts_with(o.platform_ref, %s) AND c.claim_minor IS NOT NULL AND c.ended_at IS NULL
ORDER BY o.platform_ref LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class _OpenCase:
    """A case whose buyer adds photos; a label is drawn with these words."""

    complaint_id: UUID
    buyer_id: UUID
    product_name: str
    lot_code: str
    has_photos: bool


async def add_photos(settings: Settings, connection: Connection, tag: str) -> int:
    """Add a photo and a drawn label to each of a run's first five open claims that has none; return how many got some.

    Raises `Unavailable` if S3 does not answer; the cases before stay as they are.
    """
    found = [_OpenCase(*row) for row in connection.execute(_OPEN_CASES, (tag, len(PHOTOS)))]
    wanted = [(case, photo) for case, photo in zip(found, PHOTOS, strict=False) if not case.has_photos]
    if not wanted:
        return 0
    database, store, workshop = Database(settings.database_url, pool_max=2), Store.of(settings), ImageWorkshop()
    try:
        await store.ensure_buckets()
        for case, photo in wanted:
            await _add(settings, database, store, workshop, case, photo)
    finally:
        await workshop.close()
        store.close()
        await database.close()
    return len(wanted)


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
