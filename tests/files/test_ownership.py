"""Whose the buckets are: two installations that name the same buckets do not sweep each other's evidence."""

import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import psycopg
import pytest
from minio import Minio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.cli.metadata import all_tables
from service.core.errors import Conflict, Unavailable
from service.core.ids import new_id
from service.db.schema import upgrade
from service.db.session import Database, driver_url
from service.embedded import EmbeddedServers
from service.files import jobs
from service.files.images import ImageWorkshop
from service.files.ownership import check_at_start, check_buckets, claim_buckets, identity, rename
from service.files.s3 import MARK
from service.files.sealing import KeyRing
from service.files.store import Bucket, Store
from tests.conftest import DatabaseUrls, fresh_database
from tests.files.shelf import Shelf, names_in

AT_ONCE = timedelta(seconds=-60)  # whatever its age


@pytest.fixture
def others_urls(servers: EmbeddedServers) -> Iterator[DatabaseUrls]:
    """A second installation's database."""
    with fresh_database(servers) as urls:
        upgrade(urls.owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=True)
        yield urls


@pytest.fixture
async def other(others_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """A second installation, as its service."""
    database = Database(others_urls.app)
    yield database
    await database.close()


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[Database]:
    """Our database as its owner."""
    database = Database(owner_url)
    yield database
    await database.close()


def marks(admin: Minio, prefix: str) -> set[str]:
    """What the marks of all buckets say."""
    return {admin.get_object(f"{prefix}-{bucket}", MARK).data.decode() for bucket in Bucket}


def unmark(admin: Minio, prefix: str) -> None:
    """Make the buckets what they were before there were marks."""
    for bucket in Bucket:
        for each in admin.list_objects(f"{prefix}-{bucket}", prefix=MARK, include_version=True):
            admin.remove_object(f"{prefix}-{bucket}", MARK, version_id=each.version_id)


async def id_of(database: Database) -> str:
    async with database.begin() as tx:
        return str((await identity(tx)).id)


def was_used_before_marks(owner_url: str) -> None:
    with psycopg.connect(driver_url(owner_url)) as owner:
        owner.execute("UPDATE installation SET is_older_than_marks = true")


async def test_each_migrated_database_is_an_installation_of_its_own(database: Database, other: Database) -> None:
    assert await id_of(database) != await id_of(other)


async def test_empty_buckets_are_marked_once_and_stay_ours(
    database: Database, store: Store, admin: Minio, prefix: str
) -> None:
    for _ in range(2):
        await claim_buckets(database, store)
        await check_buckets(database, store)
        assert marks(admin, prefix) == {await id_of(database)}
    assert await store.list_names(Bucket.QUARANTINE) == []


async def test_another_installation_sweeps_nothing_in_our_buckets(
    shelf: Shelf, other: Database, admin: Minio, prefix: str
) -> None:
    kept = await shelf.take()
    await shelf.register(kept)
    waiting = await shelf.take()
    for refused in (
        jobs.sweep_orphans(other, shelf.store, older_than=AT_ONCE),
        jobs.clean_orphans({}, database=other, store=shelf.store),
        claim_buckets(other, shelf.store),
        check_at_start(other, shelf.store, is_lock_needed=False),
    ):
        with pytest.raises(Conflict) as refusal:
            await refused
        assert refusal.value.code == "storage_of_another"
        assert str(refusal.value.facts["installation"]) == await id_of(shelf.database)
    assert set(names_in(admin, prefix, "quarantine")) == {kept.object_name, waiting.object_name}
    assert len(names_in(admin, prefix, "views")) == 4
    assert marks(admin, prefix) == {await id_of(shelf.database)}


async def test_without_a_mark_nothing_is_swept(shelf: Shelf, admin: Minio, prefix: str) -> None:
    received = await shelf.take()
    unmark(admin, prefix)
    with pytest.raises(Conflict) as refusal:
        await jobs.sweep_orphans(shelf.database, shelf.store, older_than=AT_ONCE)
    assert refusal.value.code == "storage_unclaimed"
    assert names_in(admin, prefix, "quarantine") == [received.object_name]


@pytest.mark.parametrize("is_locked", [False, True])
async def test_an_installation_from_before_marks_adopts_the_buckets_with_its_files_and_its_orphans(
    shelf: Shelf, owner_url: str, admin: Minio, prefix: str, *, is_locked: bool
) -> None:
    file_id = await shelf.add()
    if is_locked:
        await shelf.lock(file_id)
    orphan = await shelf.take()
    unmark(admin, prefix)
    was_used_before_marks(owner_url)
    await claim_buckets(shelf.database, shelf.store)
    assert marks(admin, prefix) == {await id_of(shelf.database)}
    assert await jobs.sweep_orphans(shelf.database, shelf.store, older_than=AT_ONCE) == 1
    assert orphan.object_name not in names_in(admin, prefix, "quarantine")


async def test_a_new_installation_does_not_adopt_buckets_that_hold_anything(
    shelf: Shelf, other: Database, others_urls: DatabaseUrls, admin: Minio, prefix: str
) -> None:
    await shelf.take()
    unmark(admin, prefix)
    for _ in ("new", "used before there were marks, and knows none of the files"):
        with pytest.raises(Conflict) as refusal:
            await claim_buckets(other, shelf.store)
        assert refusal.value.code == "storage_unclaimed"
        assert all(mark is None for mark in (await shelf.store.read_marks()).values())
        was_used_before_marks(others_urls.owner)


async def test_evidence_that_an_old_installation_does_not_know_is_a_contradiction(
    shelf: Shelf, workshop: ImageWorkshop, ring: KeyRing, other: Database, others_urls: DatabaseUrls, admin: Minio,
    prefix: str,
) -> None:  # fmt: skip
    await shelf.lock(await shelf.add())
    unmark(admin, prefix)
    was_used_before_marks(others_urls.owner)
    await Shelf(other, shelf.store, workshop, ring, new_id()).add()  # as before there were checks
    with pytest.raises(Conflict) as refusal:
        await claim_buckets(other, shelf.store)
    assert refusal.value.code == "storage_unclaimed"


async def test_a_database_restored_on_another_server_is_refused_until_it_takes_the_buckets_over(
    shelf: Shelf, owner: Database, owner_url: str, admin: Minio, prefix: str
) -> None:
    first = await id_of(shelf.database)
    with psycopg.connect(driver_url(owner_url)) as connection:
        connection.execute("UPDATE installation SET server = server - 1")
    for refused in (
        jobs.sweep_orphans(shelf.database, shelf.store, older_than=AT_ONCE),
        claim_buckets(shelf.database, shelf.store),
    ):
        with pytest.raises(Conflict) as refusal:
            await refused
        assert refusal.value.code == "database_is_a_copy"
    taken = await rename(owner, shelf.store, first)
    assert marks(admin, prefix) == {str(taken)} == {await id_of(shelf.database)}
    assert str(taken) != first
    await check_buckets(shelf.database, shelf.store)


async def test_whose_buckets_were_taken_over_is_refused_from_then_on(
    shelf: Shelf, other: Database, others_urls: DatabaseUrls
) -> None:
    theirs, as_owner = await id_of(shelf.database), Database(others_urls.owner)
    try:
        with pytest.raises(Conflict) as refusal:
            await rename(as_owner, shelf.store, str(new_id()))
        assert refusal.value.code == "storage_of_another"
        await check_buckets(shelf.database, shelf.store)
        await rename(as_owner, shelf.store, theirs)
    finally:
        await as_owner.close()
    await check_buckets(other, shelf.store)
    with pytest.raises(Conflict) as refusal:
        await jobs.sweep_orphans(shelf.database, shelf.store, older_than=AT_ONCE)
    assert refusal.value.code == "storage_of_another"


async def test_the_service_cannot_say_that_it_is_another_installation(database: Database) -> None:
    before = await id_of(database)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.begin() as tx:
            await tx.execute(text("UPDATE installation SET id = gen_random_uuid()"))
    assert await id_of(database) == before


async def test_storage_that_does_not_answer_stops_no_start(database: Database) -> None:
    down = Store("127.0.0.1:9", "key", "secret-key", secure=False, prefix=f"x{secrets.token_hex(4)}")
    try:
        await check_at_start(database, down, is_lock_needed=True)
        with pytest.raises(Unavailable):
            await check_buckets(database, down)
    finally:
        down.close()
