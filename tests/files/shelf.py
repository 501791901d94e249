"""One case with its files, and what is needed to keep them: for the tests of stored files."""

import io
from dataclasses import dataclass
from uuid import UUID

from minio import Minio
from sqlalchemy import text

from service.core.actor import COMMONS, SYSTEM, Actor
from service.db.session import Database
from service.files import jobs
from service.files.actions import erase_case_files, open_case_key, register_file, set_legal_hold
from service.files.images import ImageWorkshop
from service.files.intake import CaseKey, Received, receive
from service.files.queries import FileView, get_file
from service.files.reading import Part, fetch, open_file
from service.files.s3 import MARK
from service.files.sealing import KeyRing
from service.files.store import Store
from tests.files.pictures import exif, quarters, saved

PHOTO = saved(quarters(640, 480), "JPEG", exif=exif(), comment=b"taken at home")
PERSON = Actor(person_id=UUID("018f0000-0000-7000-8000-00000000000a"))


@dataclass(frozen=True, slots=True)
class Shelf:
    """One case and what is needed to keep files in it."""

    database: Database
    store: Store
    workshop: ImageWorkshop
    ring: KeyRing
    case_id: UUID

    async def key(self) -> CaseKey:
        async with self.database.begin() as tx:
            return await open_case_key(tx, self.ring, tenant_id=COMMONS, case_id=self.case_id, now=await tx.now())

    async def take(self, data: bytes = PHOTO) -> Received:
        return await receive(self.store, self.workshop, await self.key(), io.BytesIO(data))

    async def register(self, received: Received) -> UUID:
        async with self.database.begin() as tx:
            return await register_file(tx, PERSON, received, retention_days=2, now=await tx.now())

    async def add(self, data: bytes = PHOTO) -> UUID:
        return await self.register(await self.take(data))

    async def lock(self, file_id: UUID) -> None:
        await jobs.lock_file({"file_id": str(file_id)}, database=self.database, store=self.store)

    async def view(self, file_id: UUID) -> FileView:
        async with self.database.begin() as tx:
            return await get_file(tx, file_id, case_id=self.case_id)

    async def see(self, file_id: UUID, part: Part) -> bytes:
        async with self.database.begin() as tx:
            ticket = await open_file(tx, PERSON, self.ring, file_id, part, case_id=self.case_id, now=await tx.now())
        return await fetch(self.store, ticket)

    async def erase(self) -> int:
        async with self.database.begin() as tx:
            return await erase_case_files(tx, SYSTEM, self.case_id, now=await tx.now())

    async def hold(self, *, is_held: bool) -> None:
        async with self.database.begin() as tx:
            await set_legal_hold(tx, PERSON, self.case_id, is_held=is_held, now=await tx.now())

    async def events(self) -> list[str]:
        async with self.database.begin() as tx:
            return list(await tx.scalars(text("SELECT name FROM event WHERE name LIKE 'file%' ORDER BY seq")))

    async def waiting(self, job: str) -> int:
        async with self.database.begin() as tx:
            counted = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :job AND status = 'todo'")
            return int((await tx.execute(counted, {"job": job})).scalar_one())


def names_in(admin: Minio, prefix: str, bucket: str) -> list[str]:
    """The names of the objects in a bucket, its mark left out."""
    names = [each.object_name or "" for each in admin.list_objects(f"{prefix}-{bucket}", recursive=True)]
    return [name for name in names if name != MARK]
