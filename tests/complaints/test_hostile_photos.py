"""Hostile files and names through the route that people use: a clear cause, no 500, nothing half taken."""

import httpx

from tests.complaints.conftest import Cases
from tests.files.documents import active, object_stream_bomb, pdf, protected
from tests.files.hostile import EICAR, SVG, zipped
from tests.files.judging import SECONDS_MAX
from tests.files.pictures import box_claiming, jpeg_claiming, many_frames, png_bomb, quarters, saved, webp_claiming

PHOTO = saved(quarters(64, 48), "PNG")
CAUSES = [
    ("empty", b"", 422, "file_empty"),
    ("too big", PHOTO + bytes(20_000_000), 413, "file_too_large"),
    ("a drawing with a script", SVG, 422, "file_not_a_photo"),
    ("EICAR", EICAR, 422, "file_not_a_photo"),
    ("a ZIP behind a photo", PHOTO + zipped({"a": b"b"}), 422, "file_not_a_photo"),
    ("cut off", saved(quarters(640, 480), "JPEG")[:900], 422, "file_damaged"),
    ("a document with a password", protected(), 422, "file_protected"),
    ("a thousand pages", pdf(1_000), 422, "file_too_many_pages"),
    ("a pixel bomb", png_bomb(12_000), 422, "file_too_many_pixels"),
    ("a JPEG that lies", jpeg_claiming(65_500, 65_500), 422, "file_too_many_pixels"),
    ("a WebP that lies", webp_claiming(16_384), 422, "file_too_many_pixels"),
    ("a HEIC that lies", box_claiming("HEIF", 32_000), 422, "file_too_many_pixels"),
    ("too many pictures", many_frames("WEBP", 201), 422, "file_too_many_frames"),
]
NAMES = [
    b"../../../../etc/passwd",
    b"..\\..\\windows\\system32\\drivers\\etc\\hosts",
    b"photo.jpg.php",
    b"photo.php%00.jpg",
    b"con",
    b"-rf *",
    b"$(touch /tmp/harm).jpg",
    b"a'; DROP TABLE complaint; --.jpg",
    b"<img src=x onerror=alert(1)>.jpg",
    "\u202egpj.exe".encode(),
    "照片🧴.jpg".encode(),
    b"\xff\xfe\xfd.jpg",
    b"x" * 3_000 + b".jpg",
    b"",
    b" ",
    b".",
    b"a;b;c=d.jpg",
]


async def send(cases: Cases, case_id: str, data: bytes) -> httpx.Response:
    return await cases.client.post(
        f"/api/v1/complaints/{case_id}/evidence",
        files=[("files", ("photo.jpg", data, "image/jpeg"))],
        headers=cases.buyer.by_key,
        timeout=SECONDS_MAX * 2,
    )


async def test_each_cause_has_its_code_and_nothing_is_kept(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    for cause, data, status, code in CAUSES:
        answer = await send(cases, case_id, data)
        assert (answer.status_code, answer.json()["code"]) == (status, code), cause
        assert answer.json()["facts"]["file"] == 0, cause
    assert await cases.get(f"/{case_id}/evidence") == []
    assert await cases.files(case_id) == 0
    assert (await send(cases, case_id, PHOTO)).status_code == 201


async def test_a_bomb_costs_only_itself_and_the_next_photo_is_taken(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    for data in (object_stream_bomb(500), PHOTO, active(b"<< /S /JavaScript /JS (app.alert(1)) >>")):
        answer = await send(cases, case_id, data)
        assert answer.status_code in (201, 422)
    assert [each["kind"] for each in await cases.get(f"/{case_id}/evidence")] == ["png", "pdf"]


async def test_a_document_with_a_script_is_given_as_an_attachment_that_no_page_runs(cases: Cases) -> None:
    case_id = await cases.draft(await cases.order())
    data = active(b"<< /S /JavaScript /JS (app.alert(1)) >>")
    (file,) = (await send(cases, case_id, data)).json()
    original = await cases.send(f"/{case_id}/evidence/{file['file_id']}/original", method="GET")
    assert original.content == data
    assert original.headers["content-disposition"].startswith("attachment")
    assert original.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert original.headers["x-content-type-options"] == "nosniff"


async def test_a_files_name_decides_nothing_and_is_kept_nowhere(cases: Cases) -> None:
    for name in NAMES:
        case_id = await cases.draft()
        answer = await cases.client.post(
            f"/api/v1/complaints/{case_id}/evidence",
            content=named(name),
            headers={**cases.buyer.by_key, "content-type": "multipart/form-data; boundary=edge"},
        )
        assert answer.status_code in (201, 400, 422), (name, answer.text)
        kept = await cases.get(f"/{case_id}/evidence")
        assert len(kept) == (answer.status_code == 201), name
        for each in kept:
            assert each["kind"] == "png"
            shown = await cases.send(f"/{case_id}/evidence/{each['file_id']}/original", method="GET")
            assert shown.headers["content-disposition"] == f'attachment; filename="{each["file_id"]}-original.png"'
        if len(name) > 3:
            assert name.decode("latin-1") not in str(kept)


def named(name: bytes) -> bytes:
    """A form with one photo under a name as its sender wrote it."""
    escaped = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    said = b'Content-Disposition: form-data; name="files"; filename="%s"\r\nContent-Type: text/html\r\n\r\n' % escaped
    return b"--edge\r\n" + said + PHOTO + b"\r\n--edge--\r\n"


async def test_a_field_in_a_charset_that_nobody_knows_is_a_malformed_request(cases: Cases) -> None:
    case_id = await cases.draft()
    for charset in (b"utf-8", b"nonsense", b"hex", b"idna"):
        said = b'Content-Disposition: form-data; name="files"\r\nContent-Type: text/plain; charset=%s\r\n\r\n' % charset
        answer = await cases.client.post(
            f"/api/v1/complaints/{case_id}/evidence",
            content=b"--edge\r\n" + said + b"\xff..\xfe\r\n--edge--\r\n",
            headers={**cases.buyer.by_key, "content-type": "multipart/form-data; boundary=edge"},
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "request_malformed"), charset
    assert await cases.get(f"/{case_id}/evidence") == []
