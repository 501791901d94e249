"""Every photo is kept with its PDQ hash, and the nearest earlier photos are found exactly, whatever is stored."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from minio import Minio
from PIL import Image
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from service.cli.metadata import all_tables
from service.core.actor import COMMONS
from service.core.ids import new_id
from service.db.schema import MIGRATIONS, upgrade
from service.db.session import driver_url, sqlalchemy_url
from service.embedded import EmbeddedServers
from service.files import likeness_jobs
from service.files.actions import register_file
from service.files.images import ImageWorkshop, Limits
from service.files.intake import Derived, Received, view_name
from service.files.kinds import Kind
from service.files.likeness import REACH_MAX, Compared, Comparison, bits, nearest_earlier
from service.files.reading import Part
from service.jobs.queue import Waiting, waiting_jobs
from tests.conftest import Clock, DatabaseUrls, fresh_database
from tests.files.scenes import brightened, halved, jpeg, mirrored, recompressed, scene
from tests.files.shelf import PERSON, Shelf, names_in

BITS = 256
Kept = tuple[str | None, int | None]


@dataclass(frozen=True, slots=True)
class Hashes:
    """Rows of photos that were never drawn: only their hashes matter."""

    shelf: Shelf

    async def add(self, hashes: Sequence[int], *, quality: int = 80) -> list[UUID]:
        key = await self.shelf.key()
        added = []
        async with self.shelf.database.begin() as tx:
            for number in hashes:
                file = Received(
                    id=new_id(), tenant_id=COMMONS, case_key_id=key.id, object_name=str(new_id()), kind=Kind.JPEG,
                    size_bytes=1, stored_size_bytes=2, sha256_plain=random.randbytes(32), sha256_stored=bytes(32),
                    derived=Derived(1, 1, bytes(32), bytes(32), number.to_bytes(32, "big"), quality), pages=None,
                    put_at_monotonic=time.monotonic(),
                )  # fmt: skip
                added.append(await register_file(tx, PERSON, file, retention_days=1, now=await tx.now()))
        return added


@pytest.fixture
def hashes(shelf: Shelf) -> Hashes:
    return Hashes(shelf)


async def nearest(shelf: Shelf, file_id: UUID, reach: int = REACH_MAX) -> Compared:
    async with shelf.database.begin() as tx:
        return (await nearest_earlier(tx, [file_id], reach=reach))[file_id]


async def kept(shelf: Shelf, file_id: UUID) -> Kept | None:
    async with shelf.database.begin() as tx:
        asked = text("SELECT hash::text, quality FROM photo_likeness WHERE file_id = :id")
        row = (await tx.execute(asked, {"id": file_id})).one_or_none()
    return None if row is None else (row[0], row[1])


def distance(one: Kept | None, other: Kept | None) -> int:
    """How many bits of two hashes differ; both must be there."""
    first, second = (int((each or (None, None))[0] or "", 2) for each in (one, other))
    return (first ^ second).bit_count()


def _document() -> bytes:
    out = BytesIO()
    Image.new("RGB", (60, 60), "white").save(out, "PDF", creationDate=None, modDate=None)
    return out.getvalue()


def turned(number: int, places: Sequence[int]) -> int:
    for place in places:
        number ^= 1 << place
    return number


async def test_a_photo_is_kept_with_the_hash_and_quality_that_the_decoder_made(shelf: Shelf) -> None:
    photo = jpeg(scene(1))
    file_id = await shelf.add(photo)
    made = await shelf.workshop.derive(photo, Kind.JPEG)
    assert made.likeness_quality >= 50
    assert await kept(shelf, file_id) == (bits(made.likeness), made.likeness_quality)


async def test_a_document_has_no_likeness_and_only_the_same_bytes_are_found(shelf: Shelf) -> None:
    first, second = await shelf.add(_document()), await shelf.add(_document())
    assert await kept(shelf, first) is None
    found = await nearest(shelf, second)
    assert (found.comparison, [near.file_id for near in found.near]) == (Comparison.NOT_A_PHOTO, [first])


async def test_copies_are_found_nearest_first_and_another_photo_is_not(shelf: Shelf) -> None:
    photo = jpeg(scene(1))
    original = await shelf.add(photo)
    await shelf.add(jpeg(scene(2)))
    for change in (recompressed, halved, brightened):
        found = await nearest(shelf, await shelf.add(change(photo)))
        assert found.comparison is Comparison.COMPARED
        assert original in [near.file_id for near in found.near], change.__name__
        assert [near.distance for near in found.near] == sorted(near.distance for near in found.near)
        assert not any(near.is_same_file for near in found.near)
    same = await nearest(shelf, await shelf.add(photo))
    assert (same.near[0].file_id, same.near[0].distance, same.near[0].is_same_file) == (original, 0, True)


async def test_a_mirrored_copy_is_found_and_said_to_be_one(shelf: Shelf) -> None:
    for seed in range(10, 14):
        photo = jpeg(scene(seed))
        original = await shelf.add(photo)
        found = await nearest(shelf, await shelf.add(recompressed(mirrored(photo))))
        assert [(near.file_id, near.is_mirrored) for near in found.near] == [(original, True)]
        (plain,) = (await nearest(shelf, await shelf.add(photo))).near[:1]
        assert (plain.file_id, plain.distance, plain.is_mirrored) == (original, 0, False)


async def test_everything_within_the_reach_is_found_and_nothing_beyond_it(shelf: Shelf, hashes: Hashes) -> None:
    chance = random.Random(5)
    asked = chance.getrandbits(BITS)
    planted = [turned(asked, chance.sample(range(BITS), count)) for count in range(48) for _ in range(3)]
    others = [chance.getrandbits(BITS) for _ in range(150)]
    ids = dict(zip(await hashes.add([*planted, *others]), [*planted, *others], strict=True))
    (file_id,) = await hashes.add([asked])
    for reach in (0, 7, 16, 31):
        found = await nearest(shelf, file_id, reach)
        expected = {each: (number ^ asked).bit_count() for each, number in ids.items()}
        assert {near.file_id: near.distance for near in found.near} == {
            each: far for each, far in expected.items() if far <= reach
        }


async def test_the_worst_spread_of_31_bits_is_found_and_32_are_not(shelf: Shelf, hashes: Hashes) -> None:
    """Two bits in every word but one, which has one: no word is the same, and only one is a bit away."""
    asked = random.Random(6).getrandbits(BITS)
    two_each = [place for word in range(16) for place in (word * 16 + 3, word * 16 + 9)]
    for left_out in range(0, 32, 5):
        near, far = turned(asked, [place for place in two_each if place != two_each[left_out]]), turned(asked, two_each)
        near_id, _ = await hashes.add([near, far])
        (file_id,) = await hashes.add([asked])
        found = [(each.file_id, each.distance) for each in (await nearest(shelf, file_id)).near if each.distance]
        assert (near_id, 31) in found
        assert {each for _, each in found} == {31}


async def test_several_photos_are_asked_about_at_once_each_with_its_own_answer(shelf: Shelf, hashes: Hashes) -> None:
    chance = random.Random(8)
    first, second = chance.getrandbits(BITS), chance.getrandbits(BITS)
    far = await hashes.add([turned(first, range(20)), turned(second, range(3)), turned(first, range(9)), second])
    plain, document = await hashes.add([first], quality=49), await shelf.add(_document())
    asked = [*await hashes.add([first, second]), *plain, document, new_id()]
    async with shelf.database.begin() as tx:
        found = await nearest_earlier(tx, asked)
        nearest_one = await nearest_earlier(tx, asked[:1], limit=1)
        but_one = await nearest_earlier(tx, asked[:1], limit=1, but_not=f"f.id = '{far[2]}'")
        nothing = await nearest_earlier(tx, [])
    assert {each: [(near.file_id, near.distance) for near in found[each].near] for each in asked} == {
        asked[0]: [(far[2], 9), (far[0], 20)], asked[1]: [(far[3], 0), (far[1], 3)],
        asked[2]: [], asked[3]: [], asked[4]: [],
    }  # fmt: skip
    assert [found[each].comparison for each in asked] == [
        Comparison.COMPARED, Comparison.COMPARED, Comparison.TOO_PLAIN, Comparison.NOT_A_PHOTO, Comparison.ERASED,
    ]  # fmt: skip
    assert [near.file_id for near in nearest_one[asked[0]].near] == [far[2]]
    assert [near.file_id for near in but_one[asked[0]].near] == [far[0]]
    assert nothing == {}


async def test_only_what_came_before_is_found(shelf: Shelf, hashes: Hashes, clock: Clock) -> None:
    (first,) = await hashes.add([7])
    clock.forward(timedelta(minutes=1))
    (second,) = await hashes.add([7])
    assert [near.file_id for near in (await nearest(shelf, second)).near] == [first]
    assert (await nearest(shelf, first)).near == []


async def test_a_plain_photo_is_like_no_other_but_one_with_the_same_bytes(shelf: Shelf) -> None:
    white, snow = (jpeg(Image.new("RGB", (640, 480), colour)) for colour in ("white", (250, 250, 252)))
    first = await shelf.add(white)
    other = await nearest(shelf, await shelf.add(snow))
    assert (other.comparison, other.near) == (Comparison.TOO_PLAIN, [])
    again = await nearest(shelf, await shelf.add(white))
    assert [(near.file_id, near.is_same_file) for near in again.near] == [(first, True)]


async def test_a_plain_photo_is_not_found_by_its_hash(shelf: Shelf, hashes: Hashes) -> None:
    await hashes.add([7], quality=49)
    (good,) = await hashes.add([7], quality=50)
    (file_id,) = await hashes.add([7], quality=100)
    assert [near.file_id for near in (await nearest(shelf, file_id)).near] == [good]


async def test_erasure_takes_the_hash_away_and_the_photo_is_not_found_again(shelf: Shelf, hashes: Hashes) -> None:
    (erased,) = await hashes.add([7])
    assert await kept(shelf, erased) is not None
    await shelf.erase()
    assert await kept(shelf, erased) is None
    elsewhere = Hashes(Shelf(shelf.database, shelf.store, shelf.workshop, shelf.ring, new_id()))
    (file_id,) = await elsewhere.add([7])
    assert (await nearest(shelf, file_id)).near == []
    assert (await nearest(shelf, erased)).comparison is Comparison.ERASED


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE photo_likeness SET hash = ~hash",
        "UPDATE photo_likeness SET quality = 0, hash = NULL",
        "UPDATE photo_likeness SET quality = NULL, hash = NULL",
        "DELETE FROM photo_likeness",
        "TRUNCATE photo_likeness",
    ],
)
async def test_a_hash_stays_as_it_was_made(shelf: Shelf, hashes: Hashes, urls: DatabaseUrls, statement: str) -> None:
    (file_id,) = await hashes.add([7])
    before = await kept(shelf, file_id)
    with pytest.raises(DBAPIError):
        async with shelf.database.begin() as tx:
            await tx.execute(text(statement))
    if "TRUNCATE" not in statement:
        with psycopg.connect(driver_url(urls.owner)) as owner, pytest.raises(psycopg.Error) as refusal:
            owner.execute(statement)
        assert "photo_likeness_kept" in str(refusal.value)
    assert await kept(shelf, file_id) == before


@pytest.fixture
def forget(urls: DatabaseUrls) -> Callable[[UUID], None]:
    """Make a photo one of those that came before hashes were kept."""

    def forgotten(file_id: UUID) -> None:
        with psycopg.connect(driver_url(urls.admin)) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("UPDATE photo_likeness SET hash = NULL, quality = NULL WHERE file_id = %s", (file_id,))

    return forgotten


async def make(shelf: Shelf, **payload: int) -> None:
    await likeness_jobs.make_likenesses(
        payload, database=shelf.database, store=shelf.store, workshop=shelf.workshop, ring=shelf.ring
    )


async def test_a_photo_from_before_gets_a_hash_from_its_view_and_is_then_found(
    shelf: Shelf, forget: Callable[[UUID], None]
) -> None:
    photo = jpeg(scene(3))
    old = await shelf.add(photo)
    own = await kept(shelf, old)
    forget(old)
    copy = await shelf.add(recompressed(photo))
    assert (await nearest(shelf, old)).comparison is Comparison.WAITING
    assert (await nearest(shelf, copy)).near == []
    await make(shelf)
    made = await kept(shelf, old)
    assert distance(own, made) <= 8
    assert [near.file_id for near in (await nearest(shelf, copy)).near] == [old]


async def test_a_view_that_cannot_be_read_is_written_down_and_stops_no_other(
    shelf: Shelf, forget: Callable[[UUID], None], admin: Minio, prefix: str
) -> None:
    broken, sound = await shelf.add(jpeg(scene(4))), await shelf.add(jpeg(scene(5)))
    forget(broken)
    forget(sound)
    async with shelf.database.begin() as tx:
        asked = text("SELECT object_name FROM stored_file WHERE id = :id")
        name = view_name((await tx.execute(asked, {"id": broken})).scalar_one(), Part.VIEW)
    assert name in names_in(admin, prefix, "views")
    admin.put_object(f"{prefix}-views", name, BytesIO(b"noise"), 5)
    await make(shelf)
    assert await kept(shelf, broken) == (None, 0)
    assert (await nearest(shelf, broken)).comparison is Comparison.UNREADABLE
    assert (await nearest(shelf, sound)).comparison is Comparison.COMPARED


FAILING = {
    "dies": ImageWorkshop(decoder="tests.files.no_such_decoder"),
    "is too slow": ImageWorkshop(Limits(wall_seconds=0.001)),
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING)
async def test_a_photo_at_which_the_decoder_fails_waits_an_hour_and_is_tried_again(
    shelf: Shelf, forget: Callable[[UUID], None], clock: Clock, failing: ImageWorkshop
) -> None:
    photo = await shelf.add(jpeg(scene(8)))
    forget(photo)
    await make(replace(shelf, workshop=failing))
    await make(shelf)
    assert (await nearest(shelf, photo)).comparison is Comparison.WAITING
    clock.forward(likeness_jobs.AGAIN_AFTER)
    await make(shelf)
    assert (await nearest(shelf, photo)).comparison is Comparison.COMPARED


async def test_a_photo_at_which_the_decoder_always_fails_is_given_up_after_so_many_tries(
    shelf: Shelf, forget: Callable[[UUID], None], clock: Clock
) -> None:
    photo = await shelf.add(jpeg(scene(9)))
    forget(photo)
    for _ in range(likeness_jobs.TRIES_MAX):
        assert await kept(shelf, photo) == (None, None)
        await make(replace(shelf, workshop=FAILING["dies"]))
        clock.forward(likeness_jobs.AGAIN_AFTER)
    assert await kept(shelf, photo) == (None, 0)
    await make(shelf)
    assert (await nearest(shelf, photo)).comparison is Comparison.UNREADABLE


async def test_what_is_left_waits_for_the_next_job(shelf: Shelf, forget: Callable[[UUID], None]) -> None:
    for seed in (6, 7):
        forget(await shelf.add(jpeg(scene(seed))))
    for left, queued in ((1, 1), (0, 1)):
        await make(shelf, limit=1)
        async with shelf.database.begin() as tx:
            waiting = await tx.scalar(text("SELECT count(*) FROM photo_likeness WHERE quality IS NULL"))
            jobs: Waiting = await waiting_jobs(tx, prefix=likeness_jobs.JOB)
        assert (waiting, jobs.count) == (left, queued)


def test_photos_of_a_database_from_before_wait_for_their_hash(servers: EmbeddedServers) -> None:
    with fresh_database(servers) as urls:
        _upgrade_to(urls.owner, "0002")
        file_id = _photo_of_before(urls.owner)
        upgrade(urls.owner, app_role="fairhold_app", metadata=all_tables(), is_clock_movable=True)
        with psycopg.connect(driver_url(urls.app)) as app:
            found = app.execute("SELECT file_id, hash, quality FROM photo_likeness").fetchall()
    assert found == [(file_id, None, None)]


def _upgrade_to(owner_url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes.update(metadata=all_tables(), app_role="fairhold_app", is_clock_movable=True)
    engine = create_engine(sqlalchemy_url(owner_url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def _photo_of_before(owner_url: str) -> UUID:
    """A photo, and a document, which gets no hash."""
    key_id, photo, document = new_id(), new_id(), new_id()
    with psycopg.connect(driver_url(owner_url)) as owner:
        owner.execute(
            "INSERT INTO file_key (id, tenant_id, case_id, wrapped_key, legal_hold, made_at)"
            " VALUES (%s, %s, %s, '\\x00', false, now())",
            (key_id, COMMONS, new_id()),
        )
        for file_id, kind, side, digest, pages in (
            (photo, "jpeg", 640, bytes(32), None), (document, "pdf", None, None, 1),
        ):  # fmt: skip
            owner.execute(
                "INSERT INTO stored_file (id, tenant_id, case_key_id, object_name, state, kind, size_bytes,"
                " stored_size_bytes, sha256_plain, sha256_stored, width_px, height_px, pages, view_sha256,"
                " thumbnail_sha256, received_at, retain_until)"
                " VALUES (%s, %s, %s, %s, 'quarantined', %s, 1, 2, %s, %s, %s, %s, %s, %s, %s, now(), now())",
                (file_id, COMMONS, key_id, str(file_id), kind, bytes(32), bytes(32), side, side, pages, digest, digest),
            )
    return photo
