"""A server without object lock: it stores, it says that it cannot lock, and nothing pretends otherwise."""

import hashlib
from datetime import timedelta

import httpx
import msgspec
import pytest
from minio import Minio
from structlog.testing import capture_logs

from service.app import assemble, create_app
from service.core.errors import Unavailable
from service.db.session import Database
from service.embedded.s3 import S3Access
from service.files import jobs
from service.files.ownership import check_at_start, check_buckets, claim_buckets
from service.files.reading import Part
from service.files.rules import State
from service.files.store import Bucket, LockCapability, Store
from service.settings import Mode, Settings
from tests.conftest import Clock
from tests.files.shelf import PHOTO, Shelf, names_in


@pytest.fixture
def s3(second_s3: S3Access) -> S3Access:
    """The server that cannot lock."""
    return second_s3


@pytest.fixture
def here(settings: Settings, s3: S3Access, prefix: str) -> Settings:
    """Settings of a service on that server."""
    return msgspec.structs.replace(
        settings, s3_endpoint=s3.endpoint, s3_access_key=s3.access_key, s3_secret_key=s3.secret_key, s3_prefix=prefix
    )


async def test_it_says_that_it_cannot_lock_although_it_took_the_order_to(store: Store, prefix: str) -> None:
    expected = LockCapability(works=False, reason=f"{prefix}-evidence: NotImplemented")
    assert await store.ensure_buckets() == await store.lock_capability() == expected


async def test_nothing_is_called_locked_and_nothing_stays_where_locked_files_belong(
    store: Store, admin: Minio, prefix: str, shelf: Shelf
) -> None:
    received = await shelf.take()
    until = (await shelf.view(await shelf.register(received))).retain_until
    for refused in (
        store.put_locked(Bucket.EVIDENCE, "x", b"bytes", until),
        store.put_locked(Bucket.REPORTS, "x", b"bytes", until),
        store.copy_locked(received.object_name, sha256_stored=received.sha256_stored, until=until),
    ):
        with pytest.raises(Unavailable) as refusal:
            await refused
        assert refusal.value.code == "storage_cannot_lock"
    assert names_in(admin, prefix, "evidence") == names_in(admin, prefix, "reports") == []


async def test_a_file_is_taken_in_and_shown_and_waits_to_be_locked_for_as_long_as_it_must(
    shelf: Shelf, admin: Minio, prefix: str, clock: Clock
) -> None:
    file_id = await shelf.add()
    for _ in range(2):
        with pytest.raises(Unavailable) as refusal:
            await shelf.lock(file_id)
        assert refusal.value.code == "storage_cannot_lock"
    waiting = await shelf.view(file_id)
    assert (waiting.state, waiting.locked_at, waiting.version_id) == (State.QUARANTINED, None, None)
    assert await shelf.see(file_id, Part.ORIGINAL) == PHOTO
    assert (await shelf.see(file_id, Part.VIEW))[8:12] == b"WEBP"
    assert await jobs.sweep_orphans(shelf.database, shelf.store, older_than=timedelta(seconds=-60)) == 0
    assert len(names_in(admin, prefix, "quarantine")) == 1
    clock.forward(timedelta(minutes=6))
    await jobs.lock_overdue({}, database=shelf.database)
    assert await shelf.waiting("files.lock_file") == 1


async def test_an_orphan_is_swept_there_too(shelf: Shelf, admin: Minio, prefix: str) -> None:
    await shelf.take()
    kept = await shelf.add()
    assert await jobs.sweep_orphans(shelf.database, shelf.store, older_than=timedelta(seconds=-60)) == 1
    assert len(names_in(admin, prefix, "quarantine")) == 1
    assert await shelf.see(kept, Part.ORIGINAL) == PHOTO


async def test_at_start_it_is_said_in_the_log_and_production_refuses(database: Database, store: Store) -> None:
    await claim_buckets(database, store)
    with capture_logs() as logs:
        await check_at_start(database, store, is_lock_needed=False)
    assert [(each["event"], each["log_level"]) for each in logs] == [("storage_cannot_lock", "warning")]
    with pytest.raises(Unavailable) as refusal:
        await check_at_start(database, store, is_lock_needed=True)
    assert refusal.value.code == "storage_cannot_lock"
    assert "FAIRHOLD_S3_PREFIX" in refusal.value.message
    await check_buckets(database, store)


@pytest.mark.parametrize(("mode", "status"), [(Mode.DEMONSTRATION, 200), (Mode.PRODUCTION, 503)])
async def test_readiness_says_so_and_in_production_the_service_is_not_ready(
    here: Settings, database: Database, store: Store, prefix: str, mode: Mode, status: int
) -> None:
    await claim_buckets(database, store)
    settings = msgspec.structs.replace(here, mode=mode)
    parts = assemble(settings)
    transport = httpx.ASGITransport(app=create_app(settings, parts), raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
            answer = await client.get("/health/ready")
    finally:
        await parts.close()
    assert answer.status_code == status
    told = answer.json()
    assert (told["storage"], told["buckets"], told["locks_objects"]) == ("ok", "ours", False)
    assert told["lock_problem"] == f"{prefix}-evidence: NotImplemented"


async def test_what_was_stored_there_has_the_bytes_that_were_sent(store: Store) -> None:
    data = PHOTO * 100
    await store.put_quarantine("a", data)
    assert hashlib.sha256(await store.read(Bucket.QUARANTINE, "a")).digest() == hashlib.sha256(data).digest()
