"""The store on a real S3 server: what is locked stays, and every failure has a code."""

import asyncio
import hashlib
import io
import secrets
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from minio import Minio
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.error import S3Error
from minio.retention import Retention

from service.core.errors import NotFound, Unavailable
from service.embedded.s3 import S3Access
from service.files.s3 import PART_BYTES
from service.files.sealing import BytesChanged, Sealer, SealingReader, sealed_size
from service.files.store import WAITING_MAX, Bucket, LockCapability, Store, new_object_name
from tests.files.makes import on_both, on_one_that_locks

PLAIN = b"sealed bytes" * 1000
DIGEST = hashlib.sha256(PLAIN).digest()


@pytest.fixture
def until(admin: Minio) -> datetime:
    """A day from now by S3's clock, which alone judges a retention."""
    probe = f"clock-{secrets.token_hex(4)}"
    admin.make_bucket(probe)
    written = admin.put_object(probe, "now", io.BytesIO(b"x"), 1).http_headers["date"]
    admin.remove_object(probe, "now")
    admin.remove_bucket(probe)
    return datetime.strptime(written, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC) + timedelta(days=1)


@pytest.fixture
async def other_keys(s3: S3Access, prefix: str) -> AsyncIterator[Store]:
    """A store with a secret that the server does not know."""
    made = Store(s3.endpoint, s3.access_key, "wrong-secret", secure=False, prefix=prefix)
    yield made
    made.close()


async def _quarantined(store: Store, data: bytes = PLAIN) -> str:
    name = new_object_name()
    await store.put_quarantine(name, data)
    return name


@on_one_that_locks
async def test_buckets_are_made_once_and_can_lock(store: Store) -> None:
    assert await store.ensure_buckets() == LockCapability(works=True, reason="")
    await store.check()


@on_both
async def test_what_was_put_is_read_back_whole_and_in_pieces(store: Store) -> None:
    data = secrets.token_bytes(700_000)
    name = await _quarantined(store, data)
    assert await store.read(Bucket.QUARANTINE, name) == data
    pieces = [piece async for piece in store.stream(Bucket.QUARANTINE, name)]
    assert b"".join(pieces) == data
    assert len(pieces) == 3
    assert (await store.stat(Bucket.QUARANTINE, name)).size_bytes == 700_000


@on_one_that_locks
async def test_an_object_is_locked_under_a_version_and_read_back(store: Store, until: datetime) -> None:
    name = await _quarantined(store)
    version = await store.copy_locked(name, sha256_stored=DIGEST, until=until)
    facts = await store.stat(Bucket.EVIDENCE, name)
    assert (facts.version_id, facts.size_bytes, facts.locked_until) == (version, len(PLAIN), until)
    assert await store.read(Bucket.EVIDENCE, name, version) == PLAIN
    await store.delete_quarantine(name)
    await store.delete_quarantine(name)
    with pytest.raises(NotFound):
        await store.stat(Bucket.QUARANTINE, name)
    assert await store.read(Bucket.EVIDENCE, name, version) == PLAIN


@on_one_that_locks
async def test_a_locked_version_cannot_be_deleted_or_its_retention_shortened_even_by_the_owner(
    store: Store, admin: Minio, prefix: str, until: datetime
) -> None:
    name = await _quarantined(store)
    version = await store.copy_locked(name, sha256_stored=DIGEST, until=until)
    bucket = f"{prefix}-evidence"
    with pytest.raises(S3Error, match="AccessDenied"):
        admin.remove_object(bucket, name, version_id=version)
    for mode, days in ((COMPLIANCE, -0.5), (GOVERNANCE, 0), (GOVERNANCE, 10)):
        retention = Retention(mode, until + timedelta(days=days))
        with pytest.raises(S3Error, match="AccessDenied"):
            admin.set_object_retention(bucket, name, retention, version_id=version)
    admin.put_object(bucket, name, io.BytesIO(b"other"), 5)
    admin.remove_object(bucket, name)
    assert await store.read(Bucket.EVIDENCE, name, version) == PLAIN
    assert (await store.stat(Bucket.EVIDENCE, name, version)).locked_until == until


@on_one_that_locks
async def test_locking_twice_makes_one_version(store: Store, admin: Minio, prefix: str, until: datetime) -> None:
    name = await _quarantined(store)
    first = await store.copy_locked(name, sha256_stored=DIGEST, until=until)
    await store.delete_quarantine(name)
    assert await store.copy_locked(name, sha256_stored=DIGEST, until=until) == first
    assert len(list(admin.list_objects(f"{prefix}-evidence", recursive=True, include_version=True))) == 1


@on_one_that_locks
async def test_a_longer_retention_makes_a_new_version(store: Store, until: datetime) -> None:
    name = await _quarantined(store)
    first = await store.copy_locked(name, sha256_stored=DIGEST, until=until)
    second = await store.copy_locked(name, sha256_stored=DIGEST, until=until + timedelta(days=1))
    assert second != first
    assert (await store.stat(Bucket.EVIDENCE, name, first)).locked_until == until


@on_one_that_locks
@pytest.mark.parametrize("size", [1_000, PART_BYTES + 1, 2 * PART_BYTES])
async def test_changed_bytes_are_never_locked(
    store: Store, admin: Minio, prefix: str, until: datetime, size: int
) -> None:
    data = secrets.token_bytes(size)
    name = await _quarantined(store, data[:-1] + bytes((data[-1] ^ 1,)))
    with pytest.raises(BytesChanged):
        await store.copy_locked(name, sha256_stored=hashlib.sha256(data).digest(), until=until)
    assert list(admin.list_objects(f"{prefix}-evidence", recursive=True, include_version=True)) == []


@on_one_that_locks
async def test_a_large_object_is_locked_in_parts(store: Store, until: datetime) -> None:
    data = secrets.token_bytes(2 * PART_BYTES + 5)
    name = await _quarantined(store, data)
    version = await store.copy_locked(name, sha256_stored=hashlib.sha256(data).digest(), until=until)
    assert await store.read(Bucket.EVIDENCE, name, version) == data
    assert (await store.stat(Bucket.EVIDENCE, name, version)).locked_until == until


@on_one_that_locks
async def test_a_report_is_stored_locked_and_asked_again_is_the_same_version(store: Store, until: datetime) -> None:
    first = await store.put_locked(Bucket.REPORTS, "case/1.pdf", b"%PDF", until)
    assert await store.put_locked(Bucket.REPORTS, "case/1.pdf", b"%PDF", until) == first
    assert (await store.stat(Bucket.REPORTS, "case/1.pdf", first)).locked_until == until


@on_both
async def test_a_server_that_does_not_lock_is_found_out_and_nothing_stays(
    store: Store, admin: Minio, prefix: str, until: datetime
) -> None:
    """The views bucket stands for a server without object lock: it refuses or forgets the retention."""
    with pytest.raises(Unavailable) as refusal:
        await store.put_locked(Bucket.VIEWS, "x", PLAIN, until)
    assert refusal.value.code in {"storage_cannot_lock", "storage_unavailable"}
    assert list(admin.list_objects(f"{prefix}-views", recursive=True)) == []


@on_one_that_locks
async def test_buckets_without_lock_are_reported(s3: S3Access, admin: Minio, prefix: str) -> None:
    for bucket in ("evidence", "reports"):
        admin.make_bucket(f"{prefix}-{bucket}")
    plain = Store(s3.endpoint, s3.access_key, s3.secret_key, secure=False, prefix=prefix)
    try:
        capability = await plain.ensure_buckets()
    finally:
        plain.close()
    assert capability == LockCapability(works=False, reason=f"{prefix}-evidence: ObjectLockConfigurationNotFoundError")


@on_one_that_locks
async def test_a_missing_object_is_not_found_and_a_missing_bucket_is_a_failure(
    store: Store, s3: S3Access, until: datetime
) -> None:
    for ask in (
        store.read(Bucket.QUARANTINE, "nothing"),
        store.stat(Bucket.EVIDENCE, "nothing"),
        store.copy_locked("nothing", sha256_stored=DIGEST, until=until),
    ):
        with pytest.raises(NotFound) as missing:
            await ask
        assert missing.value.code == "object_missing"
    empty = Store(s3.endpoint, s3.access_key, s3.secret_key, secure=False, prefix="never-made")
    try:
        for failing in (empty.check(), empty.read(Bucket.VIEWS, "x"), empty.put_quarantine("x", b"x")):
            with pytest.raises(Unavailable) as refusal:
                await failing
            assert refusal.value.code == "storage_unavailable"
        assert (await empty.lock_capability()).works is False
    finally:
        empty.close()


@on_both
async def test_a_wrong_key_is_unavailable_for_every_call(store: Store, other_keys: Store, until: datetime) -> None:
    name = await _quarantined(store)
    for failing in _every_call(other_keys, name, until):
        with pytest.raises(Unavailable) as refusal:
            await failing
        assert refusal.value.code == "storage_unavailable"
    assert await store.read(Bucket.QUARANTINE, name) == PLAIN


@on_both
async def test_a_server_that_is_down_is_unavailable_for_every_call(until: datetime) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers, and nobody else can
        down = Store(f"127.0.0.1:{taken.getsockname()[1]}", "key", "secret-key", secure=False, prefix="down")
        try:
            results = await asyncio.gather(*_every_call(down, "x", until), return_exceptions=True)
        finally:
            down.close()
    assert [getattr(each, "code", each) for each in results] == ["storage_unavailable"] * 13


async def test_a_server_that_talks_nonsense_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for _ in range(2):
                connection, _address = server.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot <xml>")

        talking = threading.Thread(target=answer)
        talking.start()
        odd = Store(f"127.0.0.1:{server.getsockname()[1]}", "key", "secret-key", secure=False, prefix="odd")
        try:
            for failing in (odd.list_names(Bucket.QUARANTINE), odd.lock_capability()):
                with pytest.raises(Unavailable) as refusal:
                    await failing
                assert refusal.value.code == "storage_unavailable"
        finally:
            odd.close()
            talking.join(10)


@on_both
async def test_too_many_calls_at_once_are_refused(store: Store) -> None:
    name = await _quarantined(store)
    calls = (store.read(Bucket.QUARANTINE, name) for _ in range(WAITING_MAX + 2))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [each == PLAIN for each in results] == [True] * WAITING_MAX + [False] * 2
    assert [getattr(each, "code", "") for each in results[WAITING_MAX:]] == ["storage_unavailable"] * 2


@on_both
async def test_twenty_megabytes_are_sealed_and_stored_in_the_memory_of_two_parts(store: Store, tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(20_000_000))
    sealer = Sealer(bytes(32), b"file")
    tracemalloc.start()
    try:
        with upload.open("rb") as source:
            await store.stream_to_quarantine("large", SealingReader(source, sealer), sealed_size(20_000_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (await store.stat(Bucket.QUARANTINE, "large")).size_bytes == sealer.stored_bytes == sealed_size(20_000_000)
    assert peak < 2.5 * PART_BYTES


@on_both
async def test_the_age_of_an_object_is_by_the_servers_clock(store: Store) -> None:
    name = await _quarantined(store)
    assert timedelta(seconds=-1) <= await store.quarantine_age(name) < timedelta(minutes=1)
    assert await store.list_names(Bucket.QUARANTINE) == [name]


def _every_call(store: Store, name: str, until: datetime) -> list[asyncio.Future[object]]:
    async def first_piece() -> object:
        return [piece async for piece in store.stream(Bucket.QUARANTINE, name)]

    calls = (
        store.ensure_buckets(),
        store.check(),
        store.put_quarantine(name, b"x"),
        store.put_view(name, b"x"),
        store.put_locked(Bucket.REPORTS, name, b"x", until),
        store.copy_locked(name, sha256_stored=DIGEST, until=until),
        store.read(Bucket.QUARANTINE, name),
        first_piece(),
        store.stat(Bucket.EVIDENCE, name),
        store.delete_quarantine(name),
        store.list_names(Bucket.QUARANTINE),
        store.upload_form(name, size_min=1, size_max=10, lasting=timedelta(minutes=1)),
        store.read_marks(),
    )
    return [asyncio.ensure_future(each) for each in calls]
