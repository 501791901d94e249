"""Photos as tests add them to a case and read them again."""

import shutil
import subprocess
from io import BytesIO

import httpx
from PIL import Image

from tests.complaints.conftest import Cases
from tests.files.pictures import exif, quarters, saved
from tests.world import Account

Files = list[tuple[str, tuple[str, bytes, str]]]


def jpeg_with_gps() -> bytes:
    return saved(quarters(1_600, 1_200), "JPEG", exif=exif(orientation=6), quality=90)


def png() -> bytes:
    return saved(quarters(800, 600), "PNG")


def form(*contents: bytes) -> Files:
    return [("files", (f"{place}.bin", content, "application/octet-stream")) for place, content in enumerate(contents)]


async def upload(cases: Cases, case_id: str, files: Files, by: Account | None = None) -> httpx.Response:
    return await cases.client.post(
        f"/api/v1/complaints/{case_id}/evidence", files=files, headers=(by or cases.buyer).by_key
    )


async def read(
    cases: Cases, case_id: str, file_id: str, part: str = "view", by: Account | None = None
) -> httpx.Response:
    return await cases.send(f"/{case_id}/evidence/{file_id}/{part}", by=by, method="GET")


def assert_clean(content: bytes) -> None:
    """Pillow and, where it is installed, exiftool find no metadata."""
    with Image.open(BytesIO(content)) as picture:
        assert dict(picture.getexif()) == {}
        assert not {"xmp", "icc_profile", "comment", "exif"} & set(picture.info)
    exiftool = shutil.which("exiftool")
    if exiftool is not None:
        told = subprocess.run(
            [exiftool, "-G", "-s", "-"], input=content, capture_output=True, check=True
        ).stdout.decode()
        assert not any(word in told for word in ("GPS", "Secret Maker", "[EXIF]", "[XMP]", "[IPTC]"))
