"""The nearest earlier photos among 1,000,000, by the index of words, against a sequential scan of the same hashes.

Embedded PostgreSQL; hashes are generated (even bits), and each photo that is asked about has neighbours planted at 0 to
40 bits. The index is built when all hashes are there (`build_s`). Product and scan are asked in turns; what they find
within 31 bits must be the same to the last photo (`recall`), and `scan_vs_index` is the scan's median time by the
product's, which has looked for mirrored copies as well; the scan has not. `p95_ms_crowd` asks among
10,000 photos that share half of their words, as pictures of one template do.
`--quick` has 50,000 photos and leaves out the keys of a million.
"""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
from _due import open_database
from _run import Result, median, quantile, run

from service.core.actor import COMMONS
from service.core.ids import new_id
from service.db.session import Database, driver_url
from service.embedded import PostgresUrls
from service.files.likeness import HASH_BYTES, NEAREST_MAX, REACH_MAX, nearest_earlier

PHOTOS, PHOTOS_QUICK = 1_000_000, 50_000
ASKED, ASKED_QUICK = 200, 60
CROWD = 10_000
SCANNED = 20
NEIGHBOURS = (0, 1, 4, 9, 16, 24, 30, 31, 32, 33, 40)
INSERTS = 500
HASH_BITS = HASH_BYTES * 8
INDEX = "photo_likeness_words_idx"

# Rows as `register_file` writes them, without events and jobs; a photo is received a second after the one before.
_FILES = """
INSERT INTO stored_file (id, tenant_id, case_key_id, object_name, state, kind, size_bytes, stored_size_bytes,
    sha256_plain, sha256_stored, width_px, height_px, view_sha256, thumbnail_sha256, received_at, retain_until)
SELECT md5('file ' || n)::uuid, %(tenant)s, %(key)s, md5('name ' || n), 'quarantined', 'jpeg', 1, 2,
    sha256(n::text::bytea), sha256(''), 640, 480, sha256(''), sha256(''),
    timestamptz '2026-01-01Z' + n * interval '1 second', timestamptz '2036-01-01Z'
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
_HASHES = """
INSERT INTO photo_likeness (file_id, tenant_id, hash, quality)
SELECT md5('file ' || n)::uuid, %(tenant)s,
    ('x' || CASE WHEN n <= %(crowd)s THEN md5('crowd') ELSE md5('left ' || n) END || md5('right ' || n))::bit(256), 80
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
"""
_PLANTED = """
INSERT INTO photo_likeness (file_id, tenant_id, hash, quality)
SELECT md5('file ' || n)::uuid, %(tenant)s, hash::bit(256), 80
FROM unnest(%(places)s::bigint[], %(hashes)s::text[]) AS planted (n, hash)
"""
_SCAN = """
SELECT file_id, bit_count(hash # %(hash)s::bit(256)) FROM photo_likeness
WHERE quality >= 50 AND bit_count(hash # %(hash)s::bit(256)) <= %(reach)s AND file_id <> %(id)s
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A photo that is asked about."""

    file_id: UUID
    hash: str


def measure(result: Result, *, quick: bool) -> None:
    """Measure the search for similar photos against a scan."""
    folder = Path(tempfile.mkdtemp(prefix="fh-bench-"))
    try:
        with open_database(folder) as urls:
            photos, count = (PHOTOS_QUICK, ASKED_QUICK) if quick else (PHOTOS, ASKED)
            asked, crowd = seed(urls, photos, count)
            build_s, index_mb = build(urls)
            if not quick:
                result.note("build_s", build_s, "s")
                result.note("index_mb", index_mb, "MB")
            asyncio.run(search(result, urls, asked, crowd, size="50k" if quick else "1m"))
            result.note("insert_us", insert_us(urls, photos + 10 * PHOTOS), "us")
    finally:
        shutil.rmtree(folder)


def seed(urls: PostgresUrls, photos: int, count: int) -> tuple[list[Asked], list[Asked]]:
    """Write the photos, their neighbours and those that are asked about, which came last; the index comes later."""
    chance = random.Random(11)
    hashes = [chance.getrandbits(HASH_BITS) for _ in range(count)]
    near = [turned(chance, each, far) for each in hashes for far in NEIGHBOURS]
    planted = [*near, *hashes]
    with psycopg.connect(driver_url(urls.admin), autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")  # neither keys nor triggers: they are not measured
        admin.execute(f"DROP INDEX {INDEX}")
        key = {"tenant": COMMONS, "key": new_id(), "crowd": CROWD}
        admin.execute(_FILES, {**key, "first": 1, "last": photos + len(planted)})
        admin.execute(_HASHES, {**key, "first": 1, "last": photos})
        places = list(range(photos + 1, photos + len(planted) + 1))
        admin.execute(_PLANTED, {**key, "places": places, "hashes": [bits(each) for each in planted]})
        admin.execute("VACUUM ANALYZE stored_file, photo_likeness")
        return rows(admin, places[len(near) :]), rows(admin, list(range(CROWD - count + 1, CROWD + 1)))


def rows(admin: psycopg.Connection[tuple[object, ...]], places: Sequence[int]) -> list[Asked]:
    """Return the photos with these numbers."""
    found = admin.execute(
        "SELECT l.file_id, l.hash::text FROM unnest(%s::bigint[]) n"
        " JOIN photo_likeness l ON l.file_id = md5('file ' || n)::uuid",
        (list(places),),
    )
    return [Asked(UUID(str(file_id)), str(shown)) for file_id, shown in found]


def build(urls: PostgresUrls) -> tuple[float, float]:
    """Build the index over what is there; return the seconds and its megabytes."""
    sql = (Path(__file__).parent.parent / "service/db/migrations/sql/0003_30_likeness.sql").read_text("utf-8")
    statement = sql[sql.index(f"CREATE INDEX {INDEX}") :].partition(";")[0]
    with psycopg.connect(driver_url(urls.owner), autocommit=True) as owner:
        began = time.perf_counter()
        owner.execute(statement.encode())
        seconds = time.perf_counter() - began
        owner.execute("ANALYZE photo_likeness")
        size = owner.execute("SELECT pg_relation_size(%s::regclass)", (INDEX,)).fetchone()
    assert size is not None, "the index is there"
    return seconds, size[0] / 2**20


async def search(result: Result, urls: PostgresUrls, asked: list[Asked], crowd: list[Asked], *, size: str) -> None:
    """Ask for the neighbours of each photo, by the product and, for the first of them, by a scan."""
    database = Database(urls.app)
    try:
        await timed(database, asked[:SCANNED])  # the first questions read the index from the disk
        scanned, found, right, wanted = [], [], 0, 0
        for each in asked[:SCANNED]:
            expected, taken = await scan(database, each)
            near, same = await ask(database, each)
            scanned.append(taken)
            found.append(same)
            assert near.keys() <= expected.keys(), "nothing is found that is not there"
            right += sum(near.get(file_id) == far for file_id, far in expected.items())
            wanted += len(expected)
        assert wanted >= SCANNED * sum(far <= REACH_MAX for far in NEIGHBOURS), "the planted ones are there"
        times = await timed(database, asked)
        crowded = await timed(database, crowd)
    finally:
        await database.close()
    result.note(f"p50_ms_{size}", median(times), "ms")
    result.note(f"p95_ms_{size}", quantile(times, 0.95), "ms")
    result.note("p95_ms_crowd", quantile(crowded, 0.95), "ms")
    result.note(f"scan_p50_ms_{size}", median(scanned), "ms")
    result.note("recall", right / wanted, "of what the scan finds")
    result.compare(f"scan_vs_index_{size}", median(scanned) / median(found))


async def timed(database: Database, asked: Sequence[Asked]) -> list[float]:
    """Return what each question took in milliseconds."""
    return [(await ask(database, each))[1] for each in asked]


async def ask(database: Database, asked: Asked) -> tuple[dict[UUID, int], float]:
    """Return what the product finds, and its milliseconds."""
    async with database.begin() as tx:
        began = time.perf_counter()
        compared = (await nearest_earlier(tx, [asked.file_id]))[asked.file_id]
        taken = (time.perf_counter() - began) * 1000
    assert len(compared.near) < NEAREST_MAX, "nothing was cut off"
    return {near.file_id: near.distance for near in compared.near}, taken


async def scan(database: Database, asked: Asked) -> tuple[dict[UUID, int], float]:
    """Return what a scan of all hashes finds, and its milliseconds."""
    async with database.begin() as tx:
        driver = await tx.driver()
        began = time.perf_counter()
        cursor = await driver.execute(_SCAN, {"hash": asked.hash, "reach": REACH_MAX, "id": asked.file_id})
        near = {row[0]: row[1] for row in await cursor.fetchall()}
        return near, (time.perf_counter() - began) * 1000


def insert_us(urls: PostgresUrls, first: int) -> float:
    """Return what a photo's hash costs when it is written with the index there, commit left out."""
    with psycopg.connect(driver_url(urls.admin)) as admin:
        admin.execute("SET session_replication_role = replica")
        began = time.perf_counter()
        for place in range(first, first + INSERTS):
            admin.execute(_HASHES, {"tenant": COMMONS, "crowd": 0, "first": place, "last": place})
        taken = time.perf_counter() - began
        admin.rollback()
    return taken / INSERTS * 1e6


def turned(chance: random.Random, number: int, far: int) -> int:
    """Return a hash that differs in so many bits."""
    for place in chance.sample(range(HASH_BITS), far):
        number ^= 1 << place
    return number


def bits(number: int) -> str:
    """Return a hash as PostgreSQL writes it."""
    return format(number, f"0{HASH_BITS}b")


if __name__ == "__main__":
    run(measure, "likeness")
