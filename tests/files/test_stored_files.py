"""A stored file: taken in, locked and seen; and stopped anywhere between."""

import asyncio
import hashlib
import io
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pikepdf
import pytest
from minio import Minio
from sqlalchemy import text

from service.core.actor import SYSTEM
from service.core.errors import Invalid, NotFound, Unavailable
from service.core.ids import new_id
from service.files import jobs, rules, s3
from service.files.actions import (
    mark_locked,
    queue_housekeeping,
)
from service.files.intake import view_name
from service.files.kinds import Kind
from service.files.queries import files_of_cases
from service.files.reading import Part, fetch, open_file
from service.files.rules import State
from service.files.sealing import BytesChanged
from service.files.store import Bucket, Store
from service.worker.host import HOUSEKEEPING
from tests.files.pictures import quarters, saved
from tests.files.shelf import PHOTO, Shelf, names_in


class MovableClock(Protocol):
    """The test database's clock."""

    def forward(self, by: timedelta) -> None: ...


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
    assert names_in(admin, prefix, "quarantine") == []
    assert sorted(names_in(admin, prefix, "views")) == [
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


async def test_files_of_a_case_come_in_order(shelf: Shelf) -> None:
    ids = [await shelf.add(saved(quarters(64, 40 + 2 * n), "PNG")) for n in range(3)]
    async with shelf.database.begin() as tx:
        assert [each.id for each in await files_of_cases(tx, [shelf.case_id])] == ids
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
    assert names_in(admin, prefix, "quarantine") == names_in(admin, prefix, "views") == []
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
    name = received.object_name
    versions = admin.list_objects(f"{prefix}-evidence", prefix=name, recursive=True, include_version=True)
    assert [each.version_id for each in versions] == [version]
    assert names_in(admin, prefix, "quarantine") == []


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
    assert names_in(admin, prefix, "quarantine") == [received.object_name]
    await shelf.lock(file_id)
    await shelf.lock(file_id)
    assert names_in(admin, prefix, "quarantine") == []
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
    assert names_in(admin, prefix, "evidence") == []


@pytest.mark.parametrize("part", Part)
async def test_an_object_that_is_gone_is_a_damaged_file_and_no_fault_of_ours(
    shelf: Shelf, admin: Minio, prefix: str, part: Part
) -> None:
    received = await shelf.take()
    file_id = await shelf.register(received)
    if part is Part.ORIGINAL:
        admin.remove_object(f"{prefix}-quarantine", received.object_name)
    else:
        admin.remove_object(f"{prefix}-views", view_name(received.object_name, part))
    with pytest.raises(BytesChanged) as damage:
        await shelf.see(file_id, part)
    assert damage.value.code == "stored_file_damaged"


async def test_a_file_that_is_locked_between_its_ticket_and_its_bytes_is_read_where_it_is(shelf: Shelf) -> None:
    file_id = await shelf.add()
    async with shelf.database.begin() as tx:
        now = await tx.now()
        ticket = await open_file(tx, SYSTEM, shelf.ring, file_id, Part.ORIGINAL, case_id=shelf.case_id, now=now)
    await shelf.lock(file_id)
    assert await fetch(shelf.store, ticket) == PHOTO


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
    assert set(names_in(admin, prefix, "quarantine")) == {orphan.object_name, kept.object_name}
    swept = await jobs.sweep_orphans(shelf.database, shelf.store, older_than=timedelta(seconds=-60))
    assert swept == 1
    assert names_in(admin, prefix, "quarantine") == [kept.object_name]
    assert {name.partition("-")[0] for name in names_in(admin, prefix, "views")} == {kept.object_name}
    assert await shelf.see(file_id, Part.ORIGINAL) == PHOTO


async def test_orphans_behind_the_first_page_of_names_are_swept_too(
    shelf: Shelf, admin: Minio, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "LISTED_MAX", 2)
    received = sorted([await shelf.take() for _ in range(5)], key=lambda each: each.object_name)
    for each in received[:3]:
        await shelf.register(each)
    assert await jobs.sweep_orphans(shelf.database, shelf.store, older_than=timedelta(seconds=-60)) == 2
    assert names_in(admin, prefix, "quarantine") == [each.object_name for each in received[:3]]


async def test_a_moved_clock_does_not_make_an_upload_look_old(
    shelf: Shelf, clock: MovableClock, admin: Minio, prefix: str
) -> None:
    received = await shelf.take()
    clock.forward(timedelta(days=30))
    await jobs.clean_orphans({}, database=shelf.database, store=shelf.store)
    assert names_in(admin, prefix, "quarantine") == [received.object_name]


async def test_an_upload_that_took_too_long_is_not_registered(shelf: Shelf) -> None:
    received = await shelf.take()
    late = replace(received, put_at_monotonic=received.put_at_monotonic - rules.REGISTER_WITHIN_S - 1)
    with pytest.raises(Unavailable) as refusal:
        await shelf.register(late)
    assert refusal.value.code == "file_expired"
    async with shelf.database.begin() as tx:
        assert await files_of_cases(tx, [shelf.case_id]) == []


def test_an_orphan_lies_for_less_than_five_minutes_and_for_longer_than_a_row_may_take() -> None:
    (sweeper,) = (each for each in HOUSEKEEPING if each.name == "files")
    assert rules.ORPHAN_AGE + sweeper.pause < timedelta(minutes=5)
    assert timedelta(seconds=2 * rules.REGISTER_WITHIN_S) <= rules.ORPHAN_AGE


async def test_housekeeping_is_queued_once_however_many_workers_ask(shelf: Shelf) -> None:
    for _ in range(3):
        async with shelf.database.begin() as tx:
            assert await queue_housekeeping(tx) == 0
    assert await shelf.waiting("files.clean_orphans") == await shelf.waiting("files.lock_overdue") == 1
