"""The check of everything that is stored: what it finds, what it leaves alone, and how a run is written down."""

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.core.errors import Unavailable
from service.core.ids import new_id
from service.db.session import driver_url
from service.embedded import EmbeddedServers
from service.files import jobs
from service.files.check_queries import Scope, get_run, last_whole_check
from service.files.check_runs import queue_check, verify_stored
from service.files.s3 import MARK
from service.files.sealing import KeyRing
from service.files.store import Bucket, Store
from tests.conftest import Clock
from tests.files.pictures import quarters, saved
from tests.files.watch import Watch

_EVIDENCE = Bucket.EVIDENCE
PDF = saved(quarters(20, 20), "PDF")


async def test_what_is_stored_as_it_was_is_counted_and_gives_no_finding(watch: Watch) -> None:
    await watch.locked()
    await watch.shelf.add()
    await watch.shelf.lock(await watch.shelf.add(PDF))
    run = await watch.check()
    assert (run.files, run.objects, run.findings) == (3, 7, 0)
    async with watch.shelf.database.begin() as tx:
        sizes = "SELECT sum(stored_size_bytes) FROM stored_file"
        originals = await tx.scalar(text(sizes))
        assert await last_whole_check(tx) == run
    listed = watch.admin.list_objects(f"{watch.prefix}-views", recursive=True)
    views = sum(each.size or 0 for each in listed if each.object_name != MARK)
    assert run.bytes == originals + views


@pytest.mark.parametrize(("part", "bucket"), [("original", "quarantine"), ("view", "views"), ("thumbnail", "views")])
async def test_a_changed_bit_of_what_nothing_locks_is_found(watch: Watch, part: str, bucket: str) -> None:
    file_id, _ = await watch.shelf.add(), await watch.locked()
    name = await watch.name(file_id)
    name = name if part == "original" else f"{name}-{part}"
    sealed = bytearray(watch.get(bucket, name))
    for at in (0, 5, 20, 30, len(sealed) // 2, len(sealed) - 1):  # version, salt, nonce, bytes, the last tag
        sealed[at] ^= 1
        watch.put(bucket, name, bytes(sealed))
        assert await watch.found() == [("changed", part)], at
        sealed[at] ^= 1
    watch.put(bucket, name, bytes(sealed))
    assert await watch.found() == []


@pytest.mark.parametrize("part", ["original", "view", "thumbnail"])
async def test_a_missing_object_is_found(watch: Watch, part: str) -> None:
    file_id, _ = await watch.shelf.add(), await watch.locked()
    name = await watch.name(file_id)
    watch.remove(*(("quarantine", name) if part == "original" else ("views", f"{name}-{part}")))
    assert await watch.found() == [("missing", part)]


async def test_bytes_cut_off_or_added_are_found(watch: Watch) -> None:
    name = await watch.name(await watch.shelf.add())
    sealed = watch.get("quarantine", name)
    for data in (sealed[:-1], sealed + b"\0", b"", sealed[:10]):
        watch.put("quarantine", name, data)
        assert await watch.found() == [("changed", "original")]


async def test_the_bytes_of_another_file_are_found(watch: Watch) -> None:
    first, second = await watch.name(await watch.shelf.add()), await watch.name(await watch.shelf.add())
    for bucket, one, other in (
        ("quarantine", first, second),
        ("views", f"{first}-view", f"{second}-view"),
        ("views", f"{first}-view", f"{first}-thumbnail"),
    ):
        own = watch.get(bucket, one)
        watch.put(bucket, one, watch.get(bucket, other))
        assert [what for what, _ in await watch.found()] == ["changed"]
        watch.put(bucket, one, own)
    assert await watch.found() == []


async def test_other_bytes_under_a_locked_name_and_a_marker_over_it_are_found_while_the_original_stands(
    watch: Watch,
) -> None:
    file_id = await watch.locked()
    name = await watch.name(file_id)
    added = watch.put("evidence", name, b"forged")
    assert await watch.found() == [("additional_version", "original")]
    watch.remove("evidence", name)
    run = await watch.check()
    found = await watch.findings(run.id)
    assert sorted(each.what for each in found) == ["additional_version", "marked_deleted"]
    assert added in [each.version_id for each in found]
    assert all(each.file_id == file_id and each.object_name == name for each in found)
    for each in found:
        watch.remove("evidence", name, each.version_id)
    assert await watch.found() == []


async def test_the_same_bytes_locked_twice_are_no_damage(watch: Watch) -> None:
    file_id = await watch.locked()
    name, version = await watch.name(file_id), await watch.version(file_id)
    watch.put("evidence", name, await watch.shelf.store.read(_EVIDENCE, name, version))
    assert await watch.found() == []


async def test_a_version_that_the_row_does_not_lock_as_long_is_found(watch: Watch, owner_url: str) -> None:
    file_id = await watch.locked()
    rewrite(owner_url, "UPDATE stored_file SET retain_until = retain_until + interval '1 year'")
    assert await watch.found() == [("lock_shortened", "original")]
    rewrite(owner_url, f"UPDATE stored_file SET version_id = '{new_id().hex}' WHERE id = '{file_id}'")
    found = await watch.found()
    assert found[0] == ("missing", "original")


async def test_a_row_that_was_rewritten_is_found_by_its_hashes(watch: Watch, owner_url: str) -> None:
    await watch.locked()
    rewrite(owner_url, "UPDATE stored_file SET sha256_stored = decode(repeat('00', 32), 'hex')")
    assert await watch.found() == [("changed", "original")]


async def test_a_plain_hash_that_was_rewritten_is_found(watch: Watch, owner_url: str) -> None:
    await watch.locked()
    rewrite(owner_url, "UPDATE stored_file SET sha256_plain = decode(repeat('00', 32), 'hex')")
    assert await watch.found() == [("does_not_open", "original")]


async def test_a_key_that_no_longer_opens_is_found_once_a_file(watch: Watch) -> None:
    await watch.locked()
    run = await watch.check(ring=KeyRing("another secret, that is long enough too"))
    assert [each.what for each in await watch.findings(run.id)] == ["does_not_open"]


async def test_an_object_among_the_originals_that_no_row_knows_is_found_by_a_whole_check_only(watch: Watch) -> None:
    await watch.locked()
    watch.put("evidence", "f" * 32, b"who put this here?")
    assert await watch.found() == [("unknown_object", None)]
    assert await watch.found(Scope(case_ids=(watch.shelf.case_id,))) == []


async def test_erased_files_are_still_held_against_their_stored_hash(
    watch: Watch, clock: Clock, owner_url: str
) -> None:
    await watch.locked()
    waiting = await watch.shelf.add()
    assert await watch.shelf.erase() == 2
    run = await watch.check()
    assert (run.files, run.objects, run.findings) == (2, 1, 0)
    clock.forward(timedelta(hours=2))
    assert sorted(await watch.found()) == sorted(
        [("not_erased", part) for part in ("view", "thumbnail")] * 2 + [("not_erased", "original")]
    )
    async with watch.shelf.database.begin() as tx:
        key_id = await tx.scalar(text("SELECT id FROM file_key"))
    await jobs.delete_erased({"case_key_id": str(key_id)}, database=watch.shelf.database, store=watch.shelf.store)
    assert await watch.found() == []
    assert (await watch.shelf.view(waiting)).version_id is None
    rewrite(owner_url, "UPDATE stored_file SET sha256_stored = decode(repeat('00', 32), 'hex')")
    assert await watch.found() == [("changed", "original")]


async def test_only_the_files_of_a_case_or_since_a_moment_are_looked_at(watch: Watch, clock: Clock) -> None:
    old = await watch.shelf.add()
    clock.forward(timedelta(days=2))
    await watch.shelf.add()
    watch.remove("quarantine", await watch.name(old))
    async with watch.shelf.database.begin() as tx:
        since = await tx.now() - timedelta(days=1)
    recent = await watch.check(Scope(since=since))
    assert (recent.files, recent.findings, recent.is_whole) == (1, 0, False)
    assert (await watch.check(Scope(case_ids=(new_id(),)))).files == 0
    case = await watch.check(Scope(case_ids=(watch.shelf.case_id,)))
    assert (case.files, case.findings) == (2, 1)


async def test_a_store_that_is_down_is_no_damage_and_the_run_goes_on_from_its_mark(
    watch: Watch, servers: EmbeddedServers
) -> None:
    await watch.locked()
    s3 = servers.s3
    down = Store("127.0.0.1:9", s3.access_key, s3.secret_key, secure=False, prefix=watch.prefix)
    async with watch.shelf.database.begin() as tx:
        await queue_check(tx, now=await tx.now())
        check_id = await tx.scalar(text("SELECT id FROM file_check"))
    payload = {"check_id": str(check_id)}
    with pytest.raises(Unavailable):
        await jobs.verify(payload, database=watch.shelf.database, store=down, ring=watch.shelf.ring)
    down.close()
    async with watch.shelf.database.begin() as tx:
        run = await get_run(tx, check_id)
    assert (run.ended_at, run.files, run.findings) == (None, 0, 0)
    await jobs.verify(payload, database=watch.shelf.database, store=watch.shelf.store, ring=watch.shelf.ring)
    async with watch.shelf.database.begin() as tx:
        run = await get_run(tx, check_id)
    assert (run.ended_at is not None, run.files, run.findings) == (True, 1, 0)


async def test_the_nightly_check_is_begun_once_a_day_and_one_that_was_cut_off_gets_a_job_again(
    watch: Watch, clock: Clock
) -> None:
    async def ask() -> tuple[int, int]:
        async with watch.shelf.database.begin() as tx:
            await queue_check(tx, now=await tx.now())
        async with watch.shelf.database.begin() as tx:
            runs = await tx.scalar(text("SELECT count(*) FROM file_check"))
        return int(runs or 0), await watch.shelf.waiting("files.verify")

    assert await ask() == await ask() == (1, 1)
    await _take_jobs_away(watch)
    assert await ask() == (1, 1)
    async with watch.shelf.database.begin() as tx:
        check_id = await tx.scalar(text("SELECT id FROM file_check"))
    await verify_stored(watch.shelf.database, watch.shelf.store, watch.shelf.ring, check_id, Scope())
    await _take_jobs_away(watch)
    assert await ask() == (1, 0)
    clock.forward(timedelta(days=1))
    assert await ask() == (2, 1)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM file_check",
        "UPDATE file_check SET findings = 0",
        "UPDATE file_check SET started_at = started_at - interval '1 day'",
        "DELETE FROM file_finding",
        "UPDATE file_finding SET what = 'missing'",
    ],
)
async def test_what_a_check_found_cannot_be_rewritten_by_service_or_owner(
    watch: Watch, owner_url: str, change: str
) -> None:
    watch.remove("quarantine", await watch.name(await watch.shelf.add()))
    run = await watch.check()
    with pytest.raises(DBAPIError):
        async with watch.shelf.database.begin() as tx:
            await tx.execute(text(change))
    with psycopg.connect(driver_url(owner_url)) as owner, pytest.raises(psycopg.Error):
        owner.execute(change)
    async with watch.shelf.database.begin() as tx:
        assert await get_run(tx, run.id) == run
    assert len(await watch.findings(run.id)) == 1


async def _take_jobs_away(watch: Watch) -> None:
    async with watch.shelf.database.begin() as tx:
        await tx.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'files.verify'"))


def rewrite(owner_url: str, change: str) -> None:
    """Do as the owner what the triggers refuse to everybody."""
    with psycopg.connect(driver_url(owner_url)) as owner:
        owner.execute("ALTER TABLE stored_file DISABLE TRIGGER USER")
        owner.execute(change)
        owner.execute("ALTER TABLE stored_file ENABLE TRIGGER USER")
