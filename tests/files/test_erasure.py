"""What a stored file cannot lose, and how its bytes are erased: the key goes, the proof stays."""

import asyncio
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from minio import Minio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.errors import Conflict, NotFound
from service.core.ids import new_id
from service.db.session import driver_url
from service.files import jobs
from service.files.queries import files_of_cases
from service.files.reading import Part
from service.files.rules import State
from tests.files.shelf import PHOTO, Shelf, names_in


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
    assert names_in(admin, prefix, "quarantine") == names_in(admin, prefix, "views") == []
    assert len(names_in(admin, prefix, "evidence")) == 1
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
        assert await files_of_cases(tx, [shelf.case_id]) == []


async def test_however_a_file_and_the_erasure_race_nothing_of_the_case_can_be_read(shelf: Shelf) -> None:
    taken = [await shelf.take() for _ in range(6)]
    raced = await asyncio.gather(
        *(shelf.register(each) for each in taken[:3]), shelf.erase(), *(shelf.register(each) for each in taken[3:]),
        return_exceptions=True,
    )  # fmt: skip
    codes = [each.code for each in raced if isinstance(each, Conflict)]
    ids = [each for each in raced if isinstance(each, UUID)]
    assert (len(codes) + len(ids), set(codes) <= {"file_erased"}) == (6, True)
    async with shelf.database.begin() as tx:
        assert {each.id for each in await files_of_cases(tx, [shelf.case_id])} == set(ids)
    for file_id in ids:
        assert (await shelf.view(file_id)).state is State.ERASED
        for part in Part:
            with pytest.raises(Conflict):
                await shelf.see(file_id, part)


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
