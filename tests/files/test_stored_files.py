"""The life of a stored file: taken in, locked, seen, held, erased; and stopped anywhere between."""

import asyncio
import hashlib
import io
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import pikepdf
import psycopg
import pytest
from minio import Minio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.actor import COMMONS, SYSTEM, Actor
from service.core.errors import Conflict, Invalid, NotFound, Unavailable
from service.core.ids import new_id
from service.db.session import Database, driver_url
from service.files import jobs, rules
from service.files.actions import (
    erase_case_files,
    mark_locked,
    open_case_key,
    queue_housekeeping,
    register_file,
    set_legal_hold,
)
from service.files.images import ImageWorkshop
from service.files.intake import CaseKey, Received, receive
from service.files.kinds import Kind
from service.files.queries import FileView, count_files, files_of_cases, get_file
from service.files.reading import Part, fetch, open_file
from service.files.rules import State
from service.files.sealing import BytesChanged, KeyRing
from service.files.store import Bucket, Store
from tests.files.pictures import exif, quarters, saved

PHOTO = saved(quarters(640, 480), "JPEG", exif=exif(), comment=b"taken at home")
PERSON = Actor(person_id=UUID("018f0000-0000-7000-8000-00000000000a"))


class MovableClock(Protocol):
    """The test database's clock."""

    def forward(self, by: timedelta) -> None: ...


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


@pytest.fixture
def shelf(database: Database, store: Store, workshop: ImageWorkshop, ring: KeyRing) -> Shelf:
    return Shelf(database, store, workshop, ring, new_id())


def _names(admin: Minio, prefix: str, bucket: str) -> list[str]:
    return [each.object_name or "" for each in admin.list_objects(f"{prefix}-{bucket}", recursive=True)]


async def test_a_photo_is_taken_in_sealed_locked_and_shown_without_metadata(
    shelf: Shelf, admin: Minio, prefix: str
) -> None:
    received = await shelf.take()
    assert received.sha256_plain == hashlib.sha256(PHOTO).digest()
    stored = await shelf.store.read(Bucket.QUARANTINE, received.object_name)
    assert received.sha256_stored == hashlib.sha256(stored).digest()
    assert (received.size_bytes, received.stored_size_bytes) == (len(PHOTO), len(stored))
    assert PHOTO[100:200] not in stored

    file_id = await shelf.register(received)
    waiting = await shelf.view(file_id)
    assert (waiting.state, waiting.kind, waiting.locked_at, waiting.version_id) == (
        State.QUARANTINED, Kind.JPEG, None, None,
    )  # fmt: skip
    assert (waiting.width_px, waiting.height_px, waiting.pages) == (640, 480, None)
    assert waiting.sha256 == hashlib.sha256(PHOTO).hexdigest()
    assert await shelf.waiting("files.lock_file") == 1
    assert await shelf.see(file_id, Part.ORIGINAL) == PHOTO

    await shelf.lock(file_id)
    locked = await shelf.view(file_id)
    assert locked.state is State.LOCKED
    assert locked.locked_at is not None
    assert locked.retain_until == locked.received_at.replace(microsecond=0) + timedelta(days=2)
    facts = await shelf.store.stat(Bucket.EVIDENCE, received.object_name, locked.version_id)
    assert facts.locked_until == locked.retain_until
    assert _names(admin, prefix, "quarantine") == []
    assert sorted(_names(admin, prefix, "views")) == [
        f"{received.object_name}-thumbnail", f"{received.object_name}-view",
    ]  # fmt: skip
    assert await shelf.see(file_id, Part.ORIGINAL) == PHOTO
    view, thumbnail = await shelf.see(file_id, Part.VIEW), await shelf.see(file_id, Part.THUMBNAIL)
    assert view[8:12] == thumbnail[8:12] == b"WEBP"
    assert b"taken at home" not in view
    assert b"Secret Maker" not in view
    assert await shelf.events() == ["file.received", "file.viewed", "file.locked"] + ["file.viewed"] * 3


async def test_a_document_is_kept_without_a_view(shelf: Shelf) -> None:
    out = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page()
        document.add_blank_page()
        document.save(out)
    file_id = await shelf.add(out.getvalue())
    await shelf.lock(file_id)
    kept = await shelf.view(file_id)
    assert (kept.kind, kept.pages, kept.width_px, kept.has_view) == (Kind.PDF, 2, None, False)
    assert await shelf.see(file_id, Part.ORIGINAL) == out.getvalue()
    with pytest.raises(NotFound) as refusal:
        await shelf.see(file_id, Part.VIEW)
    assert refusal.value.code == "file_not_found"


async def test_files_of_a_case_come_in_order_and_are_counted(shelf: Shelf) -> None:
    ids = [await shelf.add(saved(quarters(64, 40 + 2 * n), "PNG")) for n in range(3)]
    async with shelf.database.begin() as tx:
        assert [each.id for each in await files_of_cases(tx, [shelf.case_id])] == ids
        assert await count_files(tx, shelf.case_id) == 3
        assert await files_of_cases(tx, [new_id()]) == []


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "file_empty"), (b"not a photo", "file_not_a_photo"), (PHOTO[:4000], "file_damaged")]
)
async def test_a_refused_file_leaves_nothing_behind(
    shelf: Shelf, admin: Minio, prefix: str, data: bytes, code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await shelf.take(data)
    assert refusal.value.code == code
    assert _names(admin, prefix, "quarantine") == _names(admin, prefix, "views") == []
    assert await shelf.events() == []


async def test_two_first_files_at_once_share_one_key(shelf: Shelf) -> None:
    first, second = await asyncio.gather(shelf.key(), shelf.key())
    assert first.data_key == second.data_key
    assert first.id == second.id
    assert first.data_key.hex() not in repr(first)


async def test_stopped_after_the_locked_copy_it_goes_on_with_the_same_version(
    shelf: Shelf, admin: Minio, prefix: str
) -> None:
    received = await shelf.take()
    file_id = await shelf.register(received)
    until = (await shelf.view(file_id)).retain_until
    version = await shelf.store.copy_locked(received.object_name, sha256_stored=received.sha256_stored, until=until)
    await shelf.lock(file_id)
    assert (await shelf.view(file_id)).version_id == version
    versions = admin.list_objects(f"{prefix}-evidence", recursive=True, include_version=True)
    assert [each.version_id for each in versions] == [version]
    assert _names(admin, prefix, "quarantine") == []


async def test_stopped_after_the_row_it_only_deletes_the_quarantined_copy(
    shelf: Shelf, admin: Minio, prefix: str
) -> None:
    received = await shelf.take()
    file_id = await shelf.register(received)
    until = (await shelf.view(file_id)).retain_until
    version = await shelf.store.copy_locked(received.object_name, sha256_stored=received.sha256_stored, until=until)
    async with shelf.database.begin() as tx:
        assert await mark_locked(tx, file_id, version_id=version, now=await tx.now())
    before = await shelf.view(file_id)
    assert _names(admin, prefix, "quarantine") == [received.object_name]
    await shelf.lock(file_id)
    await shelf.lock(file_id)
    assert _names(admin, prefix, "quarantine") == []
    assert await shelf.view(file_id) == before
    assert await shelf.events() == ["file.received", "file.locked"]


async def test_a_job_for_a_file_that_never_was_does_nothing(shelf: Shelf) -> None:
    await shelf.lock(new_id())
    assert await shelf.events() == []


async def test_changed_bytes_in_quarantine_are_not_locked(shelf: Shelf, admin: Minio, prefix: str) -> None:
    received = await shelf.take()
    file_id = await shelf.register(received)
    stored = bytearray(await shelf.store.read(Bucket.QUARANTINE, received.object_name))
    stored[500] ^= 1
    admin.put_object(f"{prefix}-quarantine", received.object_name, io.BytesIO(stored), len(stored))
    with pytest.raises(BytesChanged):
        await shelf.lock(file_id)
    with pytest.raises(BytesChanged):
        await shelf.see(file_id, Part.ORIGINAL)
    assert (await shelf.view(file_id)).state is State.QUARANTINED
    assert _names(admin, prefix, "evidence") == []


async def test_while_s3_is_down_the_file_waits_and_is_queued_again_when_overdue(
    shelf: Shelf, clock: MovableClock
) -> None:
    file_id = await shelf.add()
    down = Store("127.0.0.1:9", "key", "secret-key", secure=False, prefix="down")
    try:
        with pytest.raises(Unavailable) as refusal:
            await jobs.lock_file({"file_id": str(file_id)}, database=shelf.database, store=down)
    finally:
        down.close()
    assert refusal.value.code == "storage_unavailable"
    assert (await shelf.view(file_id)).state is State.QUARANTINED
    async with shelf.database.begin() as tx:
        await tx.execute(text("UPDATE procrastinate_jobs SET status = 'failed' WHERE task_name = 'files.lock_file'"))
    await jobs.lock_overdue({}, database=shelf.database)
    assert await shelf.waiting("files.lock_file") == 0
    clock.forward(rules.LOCK_OVERDUE + timedelta(seconds=1))
    await jobs.lock_overdue({}, database=shelf.database)
    await jobs.lock_overdue({}, database=shelf.database)
    assert await shelf.waiting("files.lock_file") == 1
    await shelf.lock(file_id)
    assert (await shelf.view(file_id)).state is State.LOCKED


async def test_an_orphan_is_swept_when_it_is_old_and_never_a_file_with_a_row(
    shelf: Shelf, admin: Minio, prefix: str
) -> None:
    orphan, kept = await shelf.take(), await shelf.take()
    file_id = await shelf.register(kept)
    await jobs.clean_orphans({}, database=shelf.database, store=shelf.store)
    assert set(_names(admin, prefix, "quarantine")) == {orphan.object_name, kept.object_name}
    swept = await jobs.sweep_orphans(shelf.database, shelf.store, older_than=timedelta(seconds=-60))
    assert swept == 1
    assert _names(admin, prefix, "quarantine") == [kept.object_name]
    assert {name.partition("-")[0] for name in _names(admin, prefix, "views")} == {kept.object_name}
    assert await shelf.see(file_id, Part.ORIGINAL) == PHOTO


async def test_a_moved_clock_does_not_make_an_upload_look_old(
    shelf: Shelf, clock: MovableClock, admin: Minio, prefix: str
) -> None:
    received = await shelf.take()
    clock.forward(timedelta(days=30))
    await jobs.clean_orphans({}, database=shelf.database, store=shelf.store)
    assert _names(admin, prefix, "quarantine") == [received.object_name]


async def test_an_upload_that_took_too_long_is_not_registered(shelf: Shelf) -> None:
    received = await shelf.take()
    late = replace(received, put_at_monotonic=received.put_at_monotonic - rules.REGISTER_WITHIN_S - 1)
    with pytest.raises(Unavailable) as refusal:
        await shelf.register(late)
    assert refusal.value.code == "file_expired"
    async with shelf.database.begin() as tx:
        assert await count_files(tx, shelf.case_id) == 0


async def test_erasure_destroys_the_key_and_the_views_and_keeps_the_proof(
    shelf: Shelf, admin: Minio, prefix: str
) -> None:
    locked, waiting = await shelf.add(), await shelf.add()
    await shelf.lock(locked)
    before = await shelf.view(locked)
    assert await shelf.erase() == 2
    assert await shelf.erase() == 0
    assert await shelf.waiting("files.delete_erased") == 1
    for file_id in (locked, waiting):
        for part in Part:
            with pytest.raises(Conflict) as refusal:
                await shelf.see(file_id, part)
            assert refusal.value.code == "file_erased"
    with pytest.raises(Conflict) as refusal:
        await shelf.key()
    assert refusal.value.code == "file_erased"
    async with shelf.database.begin() as tx:
        key = (await tx.execute(text("SELECT id, wrapped_key FROM file_key"))).one()
    assert key.wrapped_key is None
    await jobs.delete_erased({"case_key_id": str(key.id)}, database=shelf.database, store=shelf.store)
    await shelf.lock(waiting)
    assert _names(admin, prefix, "quarantine") == _names(admin, prefix, "views") == []
    assert len(_names(admin, prefix, "evidence")) == 1
    after = await shelf.view(locked)
    assert after == replace(before, state=State.ERASED)
    assert (await shelf.view(waiting)).locked_at is None
    assert [name for name in await shelf.events() if "erased" in name or "destroyed" in name] == [
        "file.erased", "file.erased", "file_key.destroyed",
    ]  # fmt: skip


async def test_a_legal_hold_stops_erasure_until_it_is_lifted(shelf: Shelf) -> None:
    file_id = await shelf.add()
    await shelf.hold(is_held=True)
    await shelf.hold(is_held=True)
    with pytest.raises(Conflict) as refusal:
        await shelf.erase()
    assert refusal.value.code == "file_legal_hold"
    assert await shelf.see(file_id, Part.ORIGINAL) == PHOTO
    await shelf.hold(is_held=False)
    assert await shelf.erase() == 1
    with pytest.raises(Conflict):
        await shelf.hold(is_held=True)
    assert (await shelf.events()).count("file_key.held") == 1


async def test_a_file_that_arrives_after_the_erasure_is_refused(shelf: Shelf) -> None:
    received = await shelf.take()
    assert await shelf.erase() == 0
    with pytest.raises(Conflict) as refusal:
        await shelf.register(received)
    assert refusal.value.code == "file_erased"
    async with shelf.database.begin() as tx:
        assert await count_files(tx, shelf.case_id) == 0


async def test_a_file_of_another_case_is_not_found(shelf: Shelf) -> None:
    file_id = await shelf.add()
    other = replace(shelf, case_id=new_id())
    await other.key()
    for asking in (other.view(file_id), other.see(file_id, Part.VIEW)):
        with pytest.raises(NotFound) as refusal:
            await asking
        assert refusal.value.code == "file_not_found"
    with pytest.raises(NotFound):
        await replace(shelf, case_id=new_id()).erase()
    assert "file.viewed" not in await shelf.events()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stored_file SET sha256_plain = decode(repeat('00', 32), 'hex')",
        "UPDATE stored_file SET retain_until = received_at",
        "UPDATE stored_file SET state = 'quarantined', locked_at = NULL, version_id = NULL",
        "UPDATE stored_file SET version_id = 'other'",
        "DELETE FROM stored_file",
        "UPDATE file_key SET wrapped_key = '\\x00'",
        "DELETE FROM file_key",
    ],
)
async def test_rows_of_stored_files_cannot_be_rewritten_by_service_or_owner(
    shelf: Shelf, owner_url: str, change: str
) -> None:
    file_id = await shelf.add()
    await shelf.lock(file_id)
    before = await shelf.view(file_id)
    with pytest.raises(DBAPIError):
        async with shelf.database.begin() as tx:
            await tx.execute(text(change))
    with psycopg.connect(driver_url(owner_url)) as owner, pytest.raises(psycopg.Error):
        owner.execute(change)
    assert await shelf.view(file_id) == before
    assert await shelf.see(file_id, Part.ORIGINAL) == PHOTO


async def test_a_destroyed_key_cannot_come_back_and_a_held_one_cannot_go(shelf: Shelf, owner_url: str) -> None:
    await shelf.key()
    await shelf.hold(is_held=True)
    with psycopg.connect(driver_url(owner_url)) as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("UPDATE file_key SET wrapped_key = NULL, destroyed_at = now()")
    await shelf.hold(is_held=False)
    await shelf.erase()
    with psycopg.connect(driver_url(owner_url)) as owner, pytest.raises(psycopg.Error, match="file_key_kept"):
        owner.execute("UPDATE file_key SET wrapped_key = '\\x00', destroyed_at = NULL")


async def test_housekeeping_is_queued_once_however_many_workers_ask(shelf: Shelf) -> None:
    for _ in range(3):
        async with shelf.database.begin() as tx:
            assert await queue_housekeeping(tx) == 0
    assert await shelf.waiting("files.clean_orphans") == await shelf.waiting("files.lock_overdue") == 1
