"""Parts of the files domain on the session's real servers, and the public photos where they are at hand."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from minio import Minio

from service.core.ids import new_id
from service.db.session import Database
from service.embedded.s3 import S3Access
from service.files.images import ImageWorkshop
from service.files.ownership import claim_buckets
from service.files.sealing import KeyRing
from service.files.store import Store
from tests.data import data_folder
from tests.files.clamds import FakeClamd, fake_clamd
from tests.files.makes import access_of
from tests.files.second_server import second_server
from tests.files.shelf import Shelf
from tests.files.watch import Watch

SECRET = "a secret for tests only, long enough to pass"


@pytest.fixture
def prefix() -> str:
    """Buckets of this test's own."""
    return f"f{secrets.token_hex(5)}"


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> S3Access:
    """The server of the make that a test names, or the session's."""
    return access_of(request)


@pytest.fixture(scope="session")
def second_s3() -> Iterator[S3Access]:
    """A server of another make, started when a test first asks for it."""
    with second_server() as running:
        yield running


@pytest.fixture
async def store(s3: S3Access, prefix: str) -> AsyncIterator[Store]:
    """A store with its buckets made."""
    made = Store(s3.endpoint, s3.access_key, s3.secret_key, secure=False, prefix=prefix)
    await made.ensure_buckets()
    yield made
    made.close()


@pytest.fixture
async def shelf(database: Database, store: Store, workshop: ImageWorkshop, ring: KeyRing) -> Shelf:
    """A case without files, in this test's database and the buckets that are its own."""
    await claim_buckets(database, store)
    return Shelf(database, store, workshop, ring, new_id())


@pytest.fixture
def admin(s3: S3Access) -> Minio:
    """The bare SDK with the server's own keys, to try what the store never would."""
    return Minio(s3.endpoint, s3.access_key, s3.secret_key, secure=False, region="us-east-1")


@pytest.fixture(scope="module")
async def workshop() -> AsyncIterator[ImageWorkshop]:
    """A workshop with the limits of production, one for a file of tests: what one leaves behind, the next would meet.

    Starting a decoder takes longer than most photos.
    """
    made = ImageWorkshop()
    yield made
    await made.close()


@pytest.fixture
def watch(shelf: Shelf, admin: Minio, prefix: str) -> Watch:
    """The shelf, to be checked."""
    return Watch(shelf, admin, prefix)


@pytest.fixture
def ring() -> KeyRing:
    """The keys of a service with the tests' secret."""
    return KeyRing(SECRET)


@pytest.fixture
async def clamd() -> AsyncIterator[FakeClamd]:
    """A scanner that knows one virus, and remembers what it was shown."""
    async with fake_clamd() as made:
        yield made


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of public photos; without it the test is skipped, and says so."""
    folder = data_folder() / "photos"
    if not folder.is_dir():
        pytest.skip(f"no photos at {folder}; set FAIRHOLD_DATA")
    return folder
