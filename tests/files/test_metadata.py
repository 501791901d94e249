"""What a photo tells about its place, its device and its maker stays with the original."""

import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from service.files.images import ImageWorkshop
from service.files.kinds import Kind
from tests.files.judging import sniff_whole
from tests.files.metadata import assert_bare, assert_no_metadata, read_by_exiftool
from tests.files.pictures import exif, png_with, quarters, saved

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret:maker xmlns:secret="urn:secret"/></x:xmpmeta>'
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _iptc(caption: bytes) -> bytes:
    """Photoshop's part of a JPEG with a caption of IPTC's in it."""
    said = b"\x1c\x02\x78" + len(caption).to_bytes(2) + caption
    block = b"8BIM\x04\x04\0\0" + len(said).to_bytes(4) + said + b"\0" * (len(said) % 2)
    part = b"Photoshop 3.0\0" + block
    return b"\xff\xed" + (len(part) + 2).to_bytes(2) + part


def _thumbnail_inside() -> bytes:
    """EXIF with a GPS place and a whole JPEG of its own: a thumbnail that may show what was cut away."""
    made = exif()
    thumbnail = saved(Image.new("RGB", (40, 30), (9, 9, 9)), "JPEG", comment=b"secret thumbnail")
    made.get_ifd(0x8825)
    first = made.tobytes()
    return first + thumbnail


def laden() -> dict[str, bytes]:
    """A photo of each format with all the metadata that it can carry."""
    picture, told = quarters(400, 300), exif().tobytes()
    jpeg = saved(picture, "JPEG", exif=_thumbnail_inside(), icc_profile=PROFILE, xmp=XMP, comment=b"secret comment")
    return {
        "jpeg": jpeg[:2] + _iptc(b"secret caption") + jpeg[2:],
        "png": saved(picture, "PNG", exif=told, icc_profile=PROFILE),
        "png with text": png_with(b"tEXt", b"Comment\0secret comment"),
        "png with xmp": png_with(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        "webp": saved(picture, "WEBP", exif=told, icc_profile=PROFILE, xmp=XMP),
        "avif": saved(picture, "AVIF", exif=told, icc_profile=PROFILE, xmp=XMP),
        "heic": saved(picture, "HEIF", exif=told, icc_profile=PROFILE, xmp=XMP),
        "mpo": saved(picture, "MPO", save_all=True, append_images=[quarters(40, 30)], exif=told),
    }


async def test_metadata_of_every_sort_and_format_stays_behind(workshop: ImageWorkshop, tmp_path: Path) -> None:
    for number, (name, data) in enumerate(laden().items()):
        assert b"ecret" in data or b"urn:" in data, name
        made = await workshop.derive(data, sniff_whole(data))
        assert_bare(made)
        assert b"ecret" not in made.view + made.thumbnail, name
        (tmp_path / f"{number}-view.webp").write_bytes(made.view)
        (tmp_path / f"{number}-thumbnail.webp").write_bytes(made.thumbnail)
    assert_no_metadata(tmp_path)


async def test_exiftool_sees_what_the_original_tells_and_nothing_in_what_is_shown(
    workshop: ImageWorkshop, tmp_path: Path
) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed: derivatives are read by Pillow and chunk by chunk only")
    data = laden()["jpeg"]
    (tmp_path / "original.jpg").write_bytes(data)
    (original,) = read_by_exiftool(tmp_path / "original.jpg")
    groups = {name.partition(":")[0] for name in original}
    assert {"EXIF", "XMP", "IPTC", "ICC_Profile"} <= groups
    assert original["EXIF:Make"] == "Secret Maker"
    assert original["IPTC:Caption-Abstract"] == "secret caption"
    assert any(name.startswith("EXIF:GPS") for name in original)
    made = await workshop.derive(data, Kind.JPEG)
    (tmp_path / "view.webp").write_bytes(made.view)
    (view,) = read_by_exiftool(tmp_path / "view.webp")
    assert {name.partition(":")[0] for name in view} <= {"SourceFile", "ExifTool", "File", "RIFF", "Composite"}


async def test_an_embedded_thumbnail_is_never_shown_in_the_photos_place(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(laden()["jpeg"], Kind.JPEG)
    with Image.open(BytesIO(made.thumbnail)) as thumbnail:
        corner = thumbnail.getpixel((20, 20))
    assert isinstance(corner, tuple)
    assert corner[0] > 180, "the photo's red corner, not the dark picture inside"
