"""Photos for a few seeded complaints, taken in like everybody's: checked, sealed, stored, registered."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from service.complaints.evidence import attach, open_case, receive_all
from service.core.actor import COMMONS, Actor, Grant, Role, SignIn
from service.db.session import Database
from service.files.images import ImageWorkshop
from service.files.sealing import KeyRing
from service.files.store import Store
from service.samples.pictures import label_png
from service.settings import Settings

PHOTOS = ("opened.jpg", "skin.jpg", "box.jpg", "sachet-lot.jpg", "seller-lot.jpg")
"""Drawn by us; each is put into one case."""
_FOLDER = Path(__file__).with_name("photos")


@dataclass(frozen=True, slots=True)
class Photographed:
    """An open case whose buyer adds photos; a label is drawn with these words."""

    complaint_id: UUID
    buyer_id: UUID
    product_name: str
    lot_code: str


async def add_photos(settings: Settings, cases: list[Photographed]) -> int:
    """Add a photo and a drawn label to each case, at most five, and return how many cases got some.

    Raises `Unavailable` if S3 does not answer; the cases before stay as they are.
    """
    chosen = list(zip(cases, PHOTOS, strict=False))
    if not chosen:
        return 0
    database, store, workshop = Database(settings.database_url, pool_max=2), Store.of(settings), ImageWorkshop()
    try:
        await store.ensure_buckets()
        for case, photo in chosen:
            await _add(settings, database, store, workshop, case, photo)
    finally:
        await workshop.close()
        store.close()
        await database.close()
    return len(chosen)


async def _add(
    settings: Settings, database: Database, store: Store, workshop: ImageWorkshop, case: Photographed, photo: str
) -> None:
    buyer = Actor(case.buyer_id, frozenset({Grant(Role.BUYER, COMMONS)}), SignIn.SESSION)
    pictures = (_FOLDER.joinpath(photo).read_bytes(), label_png(case.product_name, case.lot_code))
    sources: list[BinaryIO] = [io.BytesIO(picture) for picture in pictures]
    key = await open_case(database, buyer, case.complaint_id, ring=KeyRing(settings.secret), new=len(sources))
    received = await receive_all(store, workshop, key, sources)
    async with database.begin() as tx:
        days = settings.evidence_retention_days
        await attach(tx, buyer, case.complaint_id, received, retention_days=days, now=await tx.now())
