"""No derivative carries a word about its photo: read by our own eyes, by Pillow, and by exiftool where it is."""

import io
import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

from PIL import Image

from service.files.images import Derivatives

_TAGS_OF_ANY_FILE = {"SourceFile", "ExifTool", "File", "RIFF", "Composite"}
_TAGS_OF_ANY_PICTURE = {
    "RIFF:ImageWidth", "RIFF:ImageHeight", "RIFF:HorizontalScale", "RIFF:VerticalScale", "RIFF:VP8Version",
    "Composite:ImageSize", "Composite:Megapixels",
}  # fmt: skip


def assert_bare(made: Derivatives) -> None:
    """Both derivatives are one chunk of a WebP's pixels and not a byte more."""
    for data in (made.view, made.thumbnail):
        length, kind = struct.unpack("<4xI4x4s", data[:16])
        assert (data[:4], data[8:12], kind) == (b"RIFF", b"WEBP", b"VP8 ")
        assert length + 8 == len(data)
        assert 0 <= len(data) - 20 - struct.unpack("<I", data[16:20])[0] <= 1, (
            "a chunk of odd length has a byte to fill"
        )
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.mode == "RGB"
            assert len(picture.getexif()) == 0
            assert set(picture.info) <= {"loop", "background"}


def assert_no_metadata(folder: Path) -> None:
    """exiftool finds nothing in the folder's pictures but their sizes; without exiftool, nobody looks."""
    files = list(folder.glob("*.webp"))
    if shutil.which("exiftool") is None or not files:
        return
    told = read_by_exiftool(folder)
    assert len(told) == len(files)
    for file in told:
        assert {name.partition(":")[0] for name in file} <= _TAGS_OF_ANY_FILE, file
        picture = {name for name in file if name.startswith(("RIFF:", "Composite:"))}
        assert picture <= _TAGS_OF_ANY_PICTURE, file


def read_by_exiftool(path: Path) -> list[dict[str, Any]]:
    """Everything that exiftool finds in a file, or in each file of a folder, the unknown tags too."""
    command = ["exiftool", "-json", "-G", "-a", "-u", str(path)]
    told: list[dict[str, Any]] = json.loads(
        subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    )
    return told
