"""Forms for plain uploads: what each make of server takes by them, and what it refuses."""

import http.client
import io
from datetime import timedelta

import httpx
import pytest
from minio import Minio

from service.core.errors import NotFound
from service.db.session import Database
from service.embedded.s3 import S3Access
from service.files.forms import UploadForm
from service.files.ownership import claim_buckets
from service.files.store import Bucket, Store
from tests.files.makes import on_both
from tests.files.shelf import names_in

TEN_MINUTES = timedelta(minutes=10)
BOUNDS = "bounds"


@pytest.fixture
async def form(database: Database, store: Store) -> UploadForm:
    """A form for one object of 1 to 1,000 bytes."""
    await claim_buckets(database, store)
    return await store.upload_form("one", size_min=1, size_max=1_000, lasting=TEN_MINUTES)


async def send(form: UploadForm, data: bytes, *, url: str = "", **changed: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url or form.url, data={**form.fields, **changed}, files={"file": ("a", data)})


@on_both
async def test_a_file_comes_whole_and_a_second_one_by_the_same_form_replaces_it(store: Store, form: UploadForm) -> None:
    for data in (b"x" * 1_000, b"y"):
        assert (await send(form, data)).status_code == 204
        sink = io.BytesIO()
        assert await store.fetch_upload("one", sink, bytes_max=1_000) == len(data)
        assert sink.getvalue() == data
    await store.delete_upload("one")
    await store.delete_upload("one")
    with pytest.raises(NotFound):
        await store.fetch_upload("one", io.BytesIO(), bytes_max=1_000)


@on_both
@pytest.mark.parametrize(
    ("size", "changed", "code"),
    [
        (0, {}, "EntityTooSmall"),
        (1_001, {}, "EntityTooLarge"),
        (9, {"key": "two"}, "AccessDenied"),
        (9, {"x-amz-meta-note": "more"}, "AccessDenied"),
        (9, {"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
    ],
)
async def test_whatever_the_form_does_not_say_is_refused(
    store: Store, form: UploadForm, size: int, changed: dict[str, str], code: str
) -> None:
    refused = await send(form, bytes(size), **changed)
    assert (refused.status_code in {400, 403}, f"<Code>{code}</Code>" in refused.text) == (True, True)
    assert await store.list_names(Bucket.UPLOADS) == []


@on_both
async def test_no_other_bucket_takes_the_form(form: UploadForm, admin: Minio, prefix: str) -> None:
    for bucket in set(Bucket) - {Bucket.UPLOADS}:
        refused = await send(form, b"x", url=form.url.removesuffix("uploads") + bucket)
        assert (refused.status_code, "AccessDenied" in refused.text) == (403, True)
        assert names_in(admin, prefix, bucket) == []


@on_both
async def test_after_its_time_by_the_servers_clock_a_form_is_refused(store: Store, form: UploadForm) -> None:
    late = await store.upload_form("late", size_min=1, size_max=10, lasting=timedelta(seconds=-1))
    refused = await send(late, b"x")
    assert (refused.status_code, "Policy expired" in refused.text) == (403, True)
    assert await store.list_names(Bucket.UPLOADS) == []
    assert form.fields["key"] == "one"


@on_both
async def test_an_upload_that_is_cut_off_leaves_nothing_and_can_be_sent_again(
    store: Store, form: UploadForm, s3: S3Access
) -> None:
    parts = [
        f'--{BOUNDS}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form.fields.items()
    ]
    file = f'--{BOUNDS}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = ("".join(parts) + file).encode() + b"z" * 900 + f"\r\n--{BOUNDS}--\r\n".encode()
    connection = http.client.HTTPConnection(s3.endpoint, timeout=20)
    connection.putrequest("POST", "/" + form.url.rpartition("/")[2])
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDS}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[:-500])
    connection.close()
    assert await store.list_names(Bucket.UPLOADS) == []
    assert (await send(form, b"z" * 900)).status_code == 204
    assert await store.list_names(Bucket.UPLOADS) == ["one"]


@on_both
async def test_an_object_over_the_limit_is_not_fetched(store: Store, form: UploadForm) -> None:
    await send(form, bytes(1_000))
    sink = io.BytesIO()
    assert await store.fetch_upload("one", sink, bytes_max=999) == 1_000
    assert sink.getvalue() == b""
    assert "signature" not in repr(form)
