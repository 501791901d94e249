"""What tests of the check do to a case's files and to the bare S3 beneath them."""

import io
from dataclasses import dataclass
from uuid import UUID

from minio import Minio
from sqlalchemy import text

from service.files.check_queries import FindingView, RunView, Scope, findings_of
from service.files.check_runs import begin_check, verify_stored
from service.files.sealing import KeyRing
from tests.files.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Watch:
    """One shelf that is checked, and the bare S3 beneath it."""

    shelf: Shelf
    admin: Minio
    prefix: str

    async def check(self, scope: Scope | None = None, *, ring: KeyRing | None = None) -> RunView:
        wanted = scope or Scope()
        async with self.shelf.database.begin() as tx:
            check_id = await begin_check(tx, wanted, now=await tx.now())
        return await verify_stored(self.shelf.database, self.shelf.store, ring or self.shelf.ring, check_id, wanted)

    async def found(self, scope: Scope | None = None) -> list[tuple[str, str | None]]:
        """What a check finds, and of which part."""
        run = await self.check(scope)
        return [(each.what, each.part) for each in await self.findings(run.id)]

    async def findings(self, check_id: UUID) -> list[FindingView]:
        async with self.shelf.database.begin() as tx:
            return await findings_of(tx, check_id)

    async def locked(self) -> UUID:
        file_id = await self.shelf.add()
        await self.shelf.lock(file_id)
        return file_id

    async def name(self, file_id: UUID) -> str:
        async with self.shelf.database.begin() as tx:
            return str(await tx.scalar(text("SELECT object_name FROM stored_file WHERE id = :id"), {"id": file_id}))

    async def version(self, file_id: UUID) -> str:
        return str((await self.shelf.view(file_id)).version_id)

    def put(self, bucket: str, name: str, data: bytes) -> str | None:
        return self.admin.put_object(f"{self.prefix}-{bucket}", name, io.BytesIO(data), len(data)).version_id

    def get(self, bucket: str, name: str) -> bytes:
        answer = self.admin.get_object(f"{self.prefix}-{bucket}", name)
        try:
            return bytes(answer.read())
        finally:
            answer.close()
            answer.release_conn()

    def remove(self, bucket: str, name: str, version_id: str | None = None) -> None:
        self.admin.remove_object(f"{self.prefix}-{bucket}", name, version_id=version_id)
