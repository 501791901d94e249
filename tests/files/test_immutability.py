"""Locked evidence on a real server: nobody changes or removes it through S3, and a change beneath S3 is found.

Nothing here goes round the server's own rules but the turning of bits, which is written into its volume files.
"""

import hashlib
import io
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from minio import Minio
from minio.commonconfig import COMPLIANCE, GOVERNANCE, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.retention import Retention
from sqlalchemy import text

from service.core.ids import new_id
from service.db.session import Database
from service.files.check_queries import Scope, findings_of
from service.files.check_runs import begin_check, verify_stored
from service.files.images import ImageWorkshop
from service.files.intake import view_name
from service.files.ownership import claim_buckets
from service.files.sealing import KeyRing
from service.files.store import Bucket, Store
from tests.chance import new_seed
from tests.files.beneath import Beneath, own_server
from tests.files.pictures import quarters, saved
from tests.files.shelf import Shelf

FLIPS_IN_A_ROUND = 60


@pytest.fixture(scope="module")
def beneath() -> Iterator[Beneath]:
    with tempfile.TemporaryDirectory(prefix="fh-s3-") as folder, own_server(Path(folder)) as running:
        running.add_service_user()
        yield running


@pytest.fixture
async def own(beneath: Beneath, prefix: str) -> AsyncIterator[Store]:
    """The store of an administrator, who has made the buckets."""
    keys = beneath.access
    made = Store(keys.endpoint, keys.access_key, keys.secret_key, secure=False, prefix=prefix)
    await made.ensure_buckets()
    yield made
    made.close()


@pytest.fixture
async def locked(
    beneath: Beneath, own: Store, database: Database, workshop: ImageWorkshop, ring: KeyRing, prefix: str
) -> AsyncIterator["Locked"]:
    """A photo that the service, with rights of its own only, has locked."""
    await claim_buckets(database, own)
    keys = beneath.add_service_user()
    store = Store(keys.endpoint, keys.access_key, keys.secret_key, secure=False, prefix=prefix)
    shelf = Shelf(database, store, workshop, ring, new_id())
    file_id = await shelf.add()
    await shelf.lock(file_id)
    async with database.begin() as tx:
        row = (await tx.execute(text("SELECT object_name, version_id FROM stored_file"))).one()
    stored = await store.read(Bucket.EVIDENCE, row.object_name, row.version_id)
    yield Locked(shelf, beneath, f"{prefix}-evidence", row.object_name, row.version_id, stored)
    store.close()


@dataclass(frozen=True, slots=True)
class Locked:
    """One locked version, its bytes, and who tries to change it."""

    shelf: Shelf
    beneath: Beneath
    bucket: str
    name: str
    version: str
    stored: bytes

    def client(self, who: str) -> Minio:
        keys = self.beneath.access if who == "admin" else self.beneath.add_service_user()
        return Minio(keys.endpoint, keys.access_key, keys.secret_key, secure=False, region="us-east-1")

    async def assert_as_it_was(self) -> None:
        """The version, by its id, holds the same bytes under the same lock, and the check finds them so."""
        store = self.shelf.store
        assert await store.read(Bucket.EVIDENCE, self.name, self.version) == self.stored
        async with self.shelf.database.begin() as tx:
            row = (await tx.execute(text("SELECT sha256_stored, retain_until FROM stored_file"))).one()
        assert hashlib.sha256(self.stored).digest() == row.sha256_stored
        facts = await store.stat(Bucket.EVIDENCE, self.name, self.version)
        assert (facts.version_id, facts.locked_until) == (self.version, row.retain_until)


@pytest.mark.parametrize("who", ["service", "admin"])
async def test_a_locked_version_is_deleted_by_nobody(locked: Locked, who: str) -> None:
    client = locked.client(who)
    with pytest.raises(S3Error) as refused:
        client.remove_object(locked.bucket, locked.name, version_id=locked.version)
    assert refused.value.code == "AccessDenied"
    wanted = [DeleteObject(locked.name, locked.version)]
    errors = list(client.remove_objects(locked.bucket, wanted, bypass_governance_mode=True))
    assert [each.version_id for each in errors] == [locked.version]
    await locked.assert_as_it_was()


@pytest.mark.parametrize("who", ["service", "admin"])
async def test_a_deletion_without_a_version_only_lays_a_marker_over_it(locked: Locked, who: str) -> None:
    locked.client(who).remove_object(locked.bucket, locked.name)
    versions = await locked.shelf.store.versions(Bucket.EVIDENCE, locked.name)
    assert sorted(each.is_marker for each in versions) == [False, True]
    await locked.assert_as_it_was()


@pytest.mark.parametrize("who", ["service", "admin"])
async def test_an_overwriting_or_copied_object_is_another_version(locked: Locked, who: str) -> None:
    client = locked.client(who)
    client.put_object(locked.bucket, locked.name, io.BytesIO(b"other"), 5)
    client.put_object(locked.bucket, "another", io.BytesIO(b"others"), 6)
    client.copy_object(locked.bucket, locked.name, CopySource(locked.bucket, "another"))
    versions = await locked.shelf.store.versions(Bucket.EVIDENCE, locked.name)
    assert (len(versions), locked.version in [each.id for each in versions]) == (3, True)
    await locked.assert_as_it_was()


@pytest.mark.parametrize("who", ["service", "admin"])
@pytest.mark.parametrize(("mode", "days"), [(COMPLIANCE, -1), (GOVERNANCE, 0), (GOVERNANCE, 30), (COMPLIANCE, -1_000)])
async def test_a_retention_is_neither_shortened_nor_weakened(locked: Locked, who: str, mode: str, days: int) -> None:
    async with locked.shelf.database.begin() as tx:
        until = (await tx.execute(text("SELECT retain_until FROM stored_file"))).scalar_one()
    with pytest.raises((S3Error, ValueError)):
        locked.client(who).set_object_retention(
            locked.bucket, locked.name, Retention(mode, until + timedelta(days=days)), version_id=locked.version
        )
    await locked.assert_as_it_was()


@pytest.mark.parametrize("who", ["service", "admin"])
async def test_a_retention_is_not_taken_away_nor_the_lock_of_the_bucket(locked: Locked, who: str) -> None:
    client = locked.client(who)
    with suppress(S3Error):  # whatever the server says to it, the version must stand
        client.delete_object_lock_config(locked.bucket)
    with pytest.raises(S3Error):
        client.remove_bucket(locked.bucket)
    with pytest.raises(S3Error):
        client.remove_object(locked.bucket, locked.name, version_id=locked.version)
    await locked.assert_as_it_was()


@dataclass(frozen=True, slots=True)
class Turned:
    """An object whose stored bits are turned: which part of which file, and where its bytes lie."""

    name: str
    part: str
    bucket: Bucket
    version: str | None


async def objects_of(shelf: Shelf) -> list[Turned]:
    async with shelf.database.begin() as tx:
        rows = (await tx.execute(text("SELECT object_name, version_id, kind FROM stored_file ORDER BY id"))).all()
    found = []
    for row in rows:
        bucket = Bucket.EVIDENCE if row.version_id else Bucket.QUARANTINE
        found.append(Turned(row.object_name, "original", bucket, row.version_id))
        found += [Turned(view_name(row.object_name, part), part, Bucket.VIEWS, None) for part in ("view", "thumbnail")]
    return found


async def find_every_turned_bit(shelf: Shelf, beneath: Beneath, chance: random.Random, rounds: int) -> int:
    """Turn a random bit of each of many objects, check, and turn them back; return how many bits that were."""
    objects = await objects_of(shelf)
    pieces = [beneath.find(await shelf.store.read(each.bucket, each.name, each.version)) for each in objects]
    turned = 0
    for _ in range(rounds):
        chosen = chance.sample(range(len(objects)), min(FLIPS_IN_A_ROUND, len(objects)))
        bits = {at: chance.randrange(8 * pieces[at].size) for at in chosen}
        for at, bit in bits.items():
            pieces[at].turn(bit)
        wanted = sorted((objects[at].name, objects[at].part, "changed") for at in bits)
        assert await found_by_check(shelf) == wanted, {objects[at]: bit for at, bit in bits.items()}
        for at, bit in bits.items():
            pieces[at].turn(bit)
        turned += len(bits)
    assert await found_by_check(shelf) == []
    return turned


async def found_by_check(shelf: Shelf) -> list[tuple[str, str | None, str]]:
    async with shelf.database.begin() as tx:
        check_id = await begin_check(tx, Scope(), now=await tx.now())
    await verify_stored(shelf.database, shelf.store, shelf.ring, check_id, Scope())
    async with shelf.database.begin() as tx:
        return sorted((each.object_name, each.part, each.what) for each in await findings_of(tx, check_id))


async def filled(own: Store, database: Database, workshop: ImageWorkshop, ring: KeyRing, files: int) -> Shelf:
    """A shelf with so many photos, every third of them still in quarantine, and one larger than a chunk of sealing."""
    await claim_buckets(database, own)
    shelf = Shelf(database, own, workshop, ring, new_id())
    for number in range(files):
        data = saved(quarters(16 + number, 12), "PNG") if number else saved(quarters(1_400, 1_000), "JPEG", quality=98)
        file_id = await shelf.add(data)
        if number % 3:
            await shelf.lock(file_id)
    return shelf


async def test_random_bits_turned_beneath_s3_are_all_found(
    own: Store, beneath: Beneath, database: Database, workshop: ImageWorkshop, ring: KeyRing
) -> None:
    chance = random.Random(new_seed())
    shelf = await filled(own, database, workshop, ring, 4)
    assert await find_every_turned_bit(shelf, beneath, chance, rounds=3) == 36


@pytest.mark.full
@pytest.mark.timeout(900)
async def test_a_thousand_random_bits_turned_beneath_s3_are_all_found(
    own: Store, beneath: Beneath, database: Database, workshop: ImageWorkshop, ring: KeyRing
) -> None:
    chance = random.Random(new_seed())
    shelf = await filled(own, database, workshop, ring, 40)
    assert await find_every_turned_bit(shelf, beneath, chance, rounds=17) == 1_020


@pytest.mark.full
@pytest.mark.timeout(600)
async def test_a_bit_that_the_server_itself_notices_is_found_as_unreadable(
    own: Store, beneath: Beneath, database: Database, workshop: ImageWorkshop, ring: KeyRing
) -> None:
    shelf = await filled(own, database, workshop, ring, 3)
    (first, *_) = await objects_of(shelf)
    piece = beneath.find(await shelf.store.read(first.bucket, first.name, first.version))
    piece.turn(80, mends_checksum=False)
    assert await found_by_check(shelf) == [(first.name, "original", "unreadable")]
    piece.turn(80, mends_checksum=False)
    assert await found_by_check(shelf) == []
