"""Photos that a seller shows of a batch over HTTP: taken in as evidence is, seen by everybody, kept when taken away."""

import asyncio
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import text

from service.batches.rules import PHOTOS_EVER_MAX, PHOTOS_SHOWN_MAX, check_photos
from service.core.actor import COMMONS, Role
from service.core.errors import Conflict
from service.db.session import Database
from tests.files.pictures import exif, saved
from tests.files.scenes import scene
from tests.world import Account, Whose, World

STORED = "stored_file WHERE state <> 'erased'"  # the world's own were erased
PHOTO = saved(scene(1), "JPEG", exif=exif(orientation=6), comment=b"taken at home")


class Shop:
    """Our seller with a batch, and everybody who looks at it."""

    def __init__(self, client: httpx.AsyncClient, database: Database, world: World) -> None:
        self.client, self.database, self.world = client, database, world
        self.path = f"/api/v1/batches/{world.things['batch', Whose.OWN]}/photos"

    @property
    def seller(self) -> Account:
        return self.world.account(Role.SELLER)

    async def add(self, *contents: bytes, by: Account | None = None, key: str | None = None) -> httpx.Response:
        headers = {"Content-Type": "multipart/form-data; boundary=the-same"}  # a retry sends the same bytes
        headers |= {} if key is None else {"Idempotency-Key": key}
        files = [("files", (f"{place}.bin", content, "text/plain")) for place, content in enumerate(contents)]
        return await self.client.post(self.path, files=files, headers={**(by or self.seller).by_key, **headers})

    async def added(self, *contents: bytes) -> list[str]:
        answer = await self.add(*contents)
        assert answer.status_code == 201, answer.text
        return [each["file_id"] for each in answer.json()][-len(contents) :]

    async def take_away(self, file_id: str, by: Account | None = None) -> httpx.Response:
        return await self.client.delete(f"{self.path}/{file_id}", headers=(by or self.seller).by_key)

    async def see(self, file_id: str, by: Account, part: str = "view") -> httpx.Response:
        return await self.client.get(f"{self.path}/{file_id}/{part}", headers=by.by_key)

    async def shown(self, by: Account | None = None) -> list[str]:
        answer = await self.client.get(self.path, headers=(by or self.seller).by_key)
        assert answer.status_code == 200, answer.text
        return [each["file_id"] for each in answer.json()]

    async def count(self, table: str) -> int:
        async with self.database.begin() as tx:
            return int((await tx.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())

    async def events(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        async with self.database.begin() as tx:
            asked = text("SELECT name, facts FROM event WHERE name = ANY (:names) ORDER BY seq")
            return [(row.name, row.facts) for row in await tx.execute(asked, {"names": list(names)})]


@pytest.fixture
def shop(client: httpx.AsyncClient, database: Database, world: World) -> Shop:
    return Shop(client, database, world)


async def test_photos_are_shown_without_metadata_and_locked_as_they_came(
    shop: Shop, drain: Callable[[], Awaitable[None]]
) -> None:
    answer = await shop.add(PHOTO, saved(scene(2), "PNG"))
    assert answer.status_code == 201, answer.text
    kinds = [(each["kind"], each["width_px"], each["height_px"], each["removed_at"]) for each in answer.json()]
    assert kinds == [("jpeg", 960, 1_280, None), ("png", 1_280, 960, None)]
    file_id = answer.json()[0]["file_id"]
    seen = await shop.see(file_id, shop.world.account(Role.BUYER, Whose.FOREIGN))
    picture = Image.open(BytesIO(seen.content))
    assert (seen.headers["content-type"], picture.size) == ("image/webp", (960, 1_280))
    assert not picture.getexif()
    assert "comment" not in picture.info
    await drain()
    async with shop.database.begin() as tx:
        rows = await tx.execute(
            text(
                "SELECT f.state, f.tenant_id, k.case_id, l.quality >= 50 AS has_likeness FROM stored_file f"
                " JOIN file_key k ON k.id = f.case_key_id JOIN photo_likeness l ON l.file_id = f.id"
            )
        )
        assert set(rows) == {("locked", COMMONS, shop.world.things["batch", Whose.OWN], True)}


async def test_adding_looking_and_taking_away_are_events_of_the_batch_and_its_files(shop: Shop) -> None:
    first, second = await shop.added(PHOTO, saved(scene(2), "PNG"))
    seller_id = str(shop.world.things["seller", Whose.OWN])
    assert (await shop.see(first, shop.world.account(Role.BUYER), "thumbnail")).status_code == 200
    assert (await shop.take_away(second)).status_code == 204
    assert await shop.events("batch.photos_added", "file.viewed", "batch.photo_removed") == [
        ("batch.photos_added", {"file_ids": [first, second], "count": 2, "seller_id": seller_id}),
        ("file.viewed", {"part": "thumbnail", "case_id": str(shop.world.things["batch", Whose.OWN])}),
        ("batch.photo_removed", {"file_id": second, "seller_id": seller_id}),
    ]


async def test_a_photo_taken_away_is_kept_for_mediators_and_regulators_alone(shop: Shop) -> None:
    (file_id,) = await shop.added(PHOTO)
    everybody = [shop.world.account(role) for role in Role]
    for account in everybody:
        assert await shop.shown(account) == [file_id]
    assert (await shop.take_away(file_id)).status_code == 204
    staff = {Role.MEDIATOR, Role.SUPERVISOR, Role.REGULATOR}
    for role in Role:
        account, is_staff = shop.world.account(role), role in staff
        assert await shop.shown(account) == ([file_id] if is_staff else []), role
        assert (await shop.see(file_id, account)).status_code == (200 if is_staff else 404), role
    listed = await shop.client.get(shop.path, headers=shop.world.account(Role.MEDIATOR).by_key)
    assert listed.json()[0]["removed_at"] is not None
    assert await shop.count("photo_likeness") == 1


async def test_taking_away_twice_changes_nothing_and_another_batchs_photo_is_not_found(shop: Shop) -> None:
    (file_id,) = await shop.added(PHOTO)
    theirs = shop.world.account(Role.SELLER, Whose.OTHERS)
    refused = await shop.take_away(file_id, theirs)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_seller")
    elsewhere = f"/api/v1/batches/{shop.world.things['batch', Whose.OTHERS]}/photos/{file_id}"
    for method, path in (("DELETE", elsewhere), ("GET", f"{elsewhere}/view")):
        answer = await shop.client.request(method, path, headers=theirs.by_key)
        assert (answer.status_code, answer.json()["code"]) == (404, "file_not_found")
    assert await shop.count("batch_photo_removal") == 0
    for _ in range(2):
        assert (await shop.take_away(file_id)).status_code == 204
    assert await shop.count("batch_photo_removal") == 1
    assert len(await shop.events("batch.photo_removed")) == 1


async def test_only_people_of_the_seller_add_photos(shop: Shop) -> None:
    for role in Role:
        if role is Role.SELLER:
            continue
        answer = await shop.add(PHOTO, by=shop.world.account(role))
        assert (answer.status_code, answer.json()["code"]) == (403, "role_not_allowed")
    answer = await shop.add(PHOTO, by=shop.world.account(Role.SELLER, Whose.OTHERS))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_seller")
    assert (await shop.count(STORED), await shop.count("batch_photo")) == (0, 0)


async def test_what_is_no_photo_refuses_the_whole_upload_with_its_place(shop: Shop) -> None:
    document = BytesIO()
    Image.new("RGB", (60, 60), "white").save(document, "PDF")
    for wrong, code in (
        (b"", "file_empty"),
        (b"<svg onload='x()'/>", "file_not_a_photo"),
        (PHOTO[: len(PHOTO) // 3], "file_damaged"),
        (document.getvalue(), "photo_needed"),
    ):
        answer = await shop.add(PHOTO, wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
        assert answer.json()["facts"]["file"] == 1
    answer = await shop.client.post(shop.path, files={"other": b"x"}, headers=shop.seller.by_key)
    assert answer.status_code in {400, 422}
    assert (await shop.count(STORED), await shop.count("batch_photo")) == (0, 0)


async def test_a_retry_with_the_same_key_adds_nothing_twice(shop: Shop) -> None:
    answers = [await shop.add(PHOTO, key="listing-1") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert await shop.count("batch_photo") == 1


async def test_an_answer_that_was_lost_is_given_again_when_the_batch_shows_all_that_it_may(shop: Shop) -> None:
    small = saved(Image.new("RGB", (8, 8), (220, 30, 30)), "PNG")
    await shop.added(*[small] * 10)
    answers = [await shop.add(*[small] * 10, key="listing-1") for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert (await shop.count("batch_photo"), await shop.count(STORED)) == (20, 20)


async def test_a_batch_shows_so_many_photos_and_no_more(shop: Shop) -> None:
    small = saved(Image.new("RGB", (8, 8), (220, 30, 30)), "PNG")
    for _ in range(2):
        assert len(await shop.added(*[small] * 10)) == 10
    refused = await shop.add(small)
    assert (refused.status_code, refused.json()["code"]) == (409, "batch_photos_too_many")
    assert (await shop.count("batch_photo"), await shop.count(STORED)) == (20, 20)
    assert (await shop.take_away((await shop.shown())[0])).status_code == 204
    assert (await shop.add(small)).status_code == 201


async def test_uploads_at_once_are_counted_one_after_the_other(shop: Shop) -> None:
    small = saved(Image.new("RGB", (8, 8), (220, 30, 30)), "PNG")
    answers = await asyncio.gather(*[shop.add(*[small] * 8) for _ in range(3)])
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409]
    assert (await shop.count("batch_photo"), await shop.count(STORED)) == (16, 16)


def test_what_was_taken_away_counts_towards_all_that_a_batch_has_ever_shown() -> None:
    check_photos(1, PHOTOS_SHOWN_MAX - 1, PHOTOS_EVER_MAX - 1)
    for shown, ever in ((PHOTOS_SHOWN_MAX, PHOTOS_SHOWN_MAX), (0, PHOTOS_EVER_MAX)):
        with pytest.raises(Conflict) as refusal:
            check_photos(1, shown, ever)
        assert refusal.value.code == "batch_photos_too_many"


@pytest.mark.parametrize("table", ["batch_photo", "batch_photo_removal"])
async def test_what_was_shown_is_not_changed_or_deleted(shop: Shop, owner_url: str, table: str) -> None:
    (file_id,) = await shop.added(PHOTO)
    await shop.take_away(file_id)
    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET at = now()"):
        with pytest.raises(Exception, match="permission denied"):
            async with shop.database.begin() as tx:
                await tx.execute(text(statement))
    assert await shop.count(table) == 1
