"""kill -9 between any two steps of taking a file in, by both ways, and of locking it: what was acknowledged is there,
what was not leaves nothing behind, and whatever was begun is gone on with.

The service and the worker are processes; they reach S3 through a door at which a request can be made to wait, and the
database through gates at which a statement can.
"""

import asyncio
import hashlib
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from service.app import Service
from service.db.session import Database, driver_url
from service.embedded import EmbeddedServers
from service.files import jobs
from service.files.ownership import claim_buckets
from service.files.store import Bucket, Store
from service.files.uploads import sweep_uploads
from service.settings import Settings
from tests.complaints.attaching import form
from tests.complaints.conftest import Cases
from tests.complaints.stalling import Door, Stop, stalling
from tests.conftest import DatabaseUrls
from tests.files.pictures import quarters, saved
from tests.foundation.gates import Gates
from tests.processes import Processes, on_real_ports, processes
from tests.sandbox.running import wait_until

pytestmark = pytest.mark.timeout(600)

EVENTUALLY_SECONDS = 60.0
AT_ONCE = timedelta(seconds=-60)
ROW, COMMIT, LOCKED_ROW = 101, 102, 103
_GATES = f"""
CREATE TRIGGER b_gate BEFORE INSERT ON stored_file FOR EACH ROW EXECUTE FUNCTION test_wait_at_gate({ROW});
CREATE CONSTRAINT TRIGGER c_gate AFTER INSERT ON stored_file DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION test_wait_at_gate({COMMIT});
CREATE TRIGGER b_gate_lock BEFORE UPDATE ON stored_file FOR EACH ROW EXECUTE FUNCTION test_wait_at_gate({LOCKED_ROW});
"""

Point = Stop | int
INTAKE: dict[str, Point] = {
    "before the original is in quarantine": Stop(r"^PUT /[^/]+-quarantine/", is_done=False),
    "after the original is in quarantine": Stop(r"^PUT /[^/]+-quarantine/", is_done=True),
    "after the view": Stop(r"^PUT /[^/]+-views/.*-view", is_done=True),
    "after the thumbnail": Stop(r"^PUT /[^/]+-views/.*-thumbnail", is_done=True),
    "while the row is written": ROW,
    "while it is committed": COMMIT,
}
PRESIGNED: dict[str, Point] = {
    "after the plain file was fetched": Stop(r"^GET /[^/]+-uploads/(?!fairhold)", is_done=True),
    **INTAKE,
}
LOCKING: dict[str, Point] = {
    "before the locked copy": Stop(r"^PUT /[^/]+-evidence/", is_done=False),
    "after the locked copy": Stop(r"^PUT /[^/]+-evidence/", is_done=True),
    "while the lock is written down": LOCKED_ROW,
    "before the quarantined copy is deleted": Stop(r"^DELETE /[^/]+-quarantine/", is_done=False),
    "after the quarantined copy is deleted": Stop(r"^DELETE /[^/]+-quarantine/", is_done=True),
}
PLAIN_DELETED: dict[str, Point] = {
    "before the plain file is deleted": Stop(r"^DELETE /[^/]+-uploads/", is_done=False),
    "after the plain file is deleted": Stop(r"^DELETE /[^/]+-uploads/", is_done=True),
}


def some(points: dict[str, Point], *short: str) -> list[object]:
    """Return the names of some points for short runs, and of the others for full ones."""
    return [[*short], pytest.param([name for name in points if name not in short], marks=pytest.mark.full)]


@dataclass
class Desk:
    """The processes, what they can be stopped at, and a case to put files into."""

    parts: Processes
    door: Door
    gates: Gates
    cases: Cases
    service: Service
    case_id: str

    @contextmanager
    def killing(self, part: str, point: Point) -> Iterator[None]:
        """Kill the part when it has come to the point; start it again at the end of the block."""
        if isinstance(point, Stop):
            self.door.close_at(point)
            yield
            assert self.door.came.wait(EVENTUALLY_SECONDS)
            self.parts.kill(part)
            self.door.open()
        else:
            self.gates.close(point)
            yield
            wait_until(lambda: self.gates.waiting(point), EVENTUALLY_SECONDS)
            self.parts.kill(part)
            self.gates.open(point)
        self.parts.start(part)

    def url(self, path: str) -> str:
        return f"/api/v1/complaints/{self.case_id}{path}"

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.parts.http.post(self.url(path), headers=self.cases.buyer.by_key, **more)

    def ask(self, photo: bytes) -> str:
        """Send a photo by a form; return what completes it."""
        told = self.post("/uploads", json={}).json()
        sent = httpx.post(told["url"], data=told["fields"], files={"file": photo}, trust_env=False)
        assert sent.status_code == 204, sent.text
        return f"/uploads/{told['id']}/completion"

    def add(self, photo: bytes) -> httpx.Response:
        return self.post("/evidence", files=form(photo))

    async def files(self) -> int:
        return await self.cases.files(self.case_id)

    async def until_no_more(self, bucket: Bucket) -> None:
        """Wait until the worker has emptied a bucket."""
        async with asyncio.timeout(EVENTUALLY_SECONDS):
            while await self.service.store.list_names(bucket):  # noqa: ASYNC110 - S3 tells nobody
                await asyncio.sleep(0.05)

    async def sweep(self) -> None:
        """What the worker's housekeeping does, without waiting until the leftovers are five minutes old."""
        await jobs.sweep_orphans(self.service.database, self.service.store, older_than=AT_ONCE)
        await sweep_uploads(self.service.database, self.service.store, older_than=AT_ONCE)

    async def leftovers(self) -> set[str]:
        """Objects in quarantine, among the views or the uploads that no row knows."""
        store = self.service.store
        known = {row.object_name for row in await self.cases.sql("SELECT object_name FROM stored_file")}
        names = [*await store.list_names(Bucket.QUARANTINE), *await store.list_names(Bucket.VIEWS)]
        forms = {row.object_name for row in await self.cases.sql(
            "SELECT object_name FROM upload WHERE completed_at IS NULL")}  # fmt: skip
        return {name for name in names if name.partition("-")[0] not in known} | (
            set(await store.list_names(Bucket.UPLOADS)) - forms
        )

    async def check(self, photos: list[bytes]) -> None:
        """These photos and no others are in the case, each can be read, and nothing without a row is left."""
        await self.sweep()
        assert await self.leftovers() == set()
        listed = self.parts.http.get(self.url("/evidence"), headers=self.cases.buyer.by_key).json()
        assert len(listed) == await self.files() == len(photos)
        for each, photo in zip(listed, photos, strict=True):
            shown = f"/evidence/{each['file_id']}/"
            original = self.parts.http.get(self.url(shown + "original"), headers=self.cases.buyer.by_key)
            assert original.content == photo
            view = self.parts.http.get(self.url(shown + "view"), headers=self.cases.buyer.by_key)
            assert view.content[8:12] == b"WEBP"


@pytest.fixture
async def buckets(servers: EmbeddedServers, urls: DatabaseUrls) -> str:
    """Buckets of this test's own: it looks at everything in them."""
    prefix, s3 = f"k{secrets.token_hex(5)}", servers.s3
    store = Store(s3.endpoint, s3.access_key, s3.secret_key, secure=False, prefix=prefix)
    database = Database(urls.app)
    try:
        await store.ensure_buckets()
        await claim_buckets(database, store)
    finally:
        store.close()
        await database.close()
    return prefix


@pytest.fixture
async def desk(settings: Settings, tmp_path: Path, cases: Cases, service: Service) -> AsyncIterator[Desk]:
    """The service as a process, behind the door and before the gates, with a draft that takes photos."""
    gates = Gates(settings.owner_database_url)
    gates.build()
    with psycopg.connect(driver_url(settings.owner_database_url)) as owner:
        owner.execute(_GATES)
    case_id = await cases.draft(await cases.order())
    with stalling(settings.s3_endpoint) as (door, address):
        behind = msgspec.structs.replace(on_real_ports(settings, tmp_path), s3_endpoint=address)
        with processes(behind, tmp_path) as parts:
            parts.start("serve")
            yield Desk(parts, door, gates, cases, service, case_id)


def photo_of(number: int) -> bytes:
    """A photo unlike the others."""
    return saved(quarters(200 + 8 * number, 160), "JPEG")


def begun(act: Callable[[], httpx.Response]) -> threading.Thread:
    """Send a request whose sender will get no answer."""

    def unanswered() -> None:
        with pytest.raises(httpx.TransportError):
            act()

    sending = threading.Thread(target=unanswered)
    sending.start()
    return sending


@pytest.mark.parametrize("names", some(INTAKE, "after the original is in quarantine", "while it is committed"))
async def test_killed_while_a_file_is_taken_in_it_is_there_once_it_was_sent_again_and_nothing_else_is(
    desk: Desk, names: list[str]
) -> None:
    photos: list[bytes] = []
    for number, name in enumerate(names):
        point = INTAKE[name]
        print(name)
        photo = photo_of(number)
        with desk.killing("serve", point):
            sending = begun(partial(desk.add, photo))
        sending.join()
        assert await desk.files() == len(photos) + (point == COMMIT)  # committed and not acknowledged is allowed
        await desk.check([*photos, photo] if point == COMMIT else photos)
        again = desk.add(photo)
        assert again.status_code == 201, again.text
        photos.append(photo)
        await desk.check(photos)


@pytest.mark.parametrize("names", some(PRESIGNED, "after the plain file was fetched"))
async def test_killed_while_an_upload_is_completed_the_same_form_completes_it_later(
    desk: Desk, names: list[str]
) -> None:
    photos: list[bytes] = []
    for number, name in enumerate(names):
        point = PRESIGNED[name]
        print(name)
        photo = photo_of(number)
        complete = partial(desk.post, desk.ask(photo))
        with desk.killing("serve", point):
            sending = begun(complete)
        sending.join()
        await desk.check([*photos, photo] if point == COMMIT else photos)
        answers = [complete() for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 200], answers[0].text
        assert answers[0].json()["sha256"] == hashlib.sha256(photo).hexdigest()
        assert answers[0].json()["file_id"] == answers[1].json()["file_id"]
        photos.append(photo)
        await desk.check(photos)


@pytest.mark.parametrize("names", some(PLAIN_DELETED, "before the plain file is deleted"))
async def test_killed_while_a_plain_file_is_deleted_it_is_deleted_later(desk: Desk, names: list[str]) -> None:
    for number, name in enumerate(names):
        point = PLAIN_DELETED[name]
        print(name)
        assert desk.post(desk.ask(photo_of(number))).status_code == 200
        with desk.killing("worker", point):
            desk.parts.start("worker")
        await desk.until_no_more(Bucket.UPLOADS)
        desk.parts.kill("worker")
    await desk.check([photo_of(number) for number in range(len(names))])


@pytest.mark.parametrize("names", some(LOCKING, "after the locked copy", "before the quarantined copy is deleted"))
async def test_killed_while_a_file_is_locked_it_is_locked_once_and_leaves_quarantine(
    desk: Desk, names: list[str]
) -> None:
    photos: list[bytes] = []
    for number, name in enumerate(names):
        point = LOCKING[name]
        print(name)
        photos.append(photo_of(number))
        assert desk.add(photos[-1]).status_code == 201
        with desk.killing("worker", point):
            desk.parts.start("worker")
        await desk.until_no_more(Bucket.QUARANTINE)
        desk.parts.kill("worker")
        rows = await desk.cases.sql(
            "SELECT f.object_name, f.state, f.version_id FROM stored_file f JOIN file_key k ON k.id = f.case_key_id"
            " WHERE k.case_id = :id",
            id=desk.case_id,
        )
        assert {row.state for row in rows} == {"locked"}
        for row in rows:
            versions = await desk.service.store.versions(Bucket.EVIDENCE, row.object_name)
            assert [each.id for each in versions] == [row.version_id]
        await desk.check(photos)
