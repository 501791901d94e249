"""Files as a form brings them over HTTP, for whoever takes files."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, cast

from litestar.datastructures import UploadFile


@dataclass(frozen=True)
class PhotosUpload:
    """Up to ten photos, each of at most 20 MB: JPEG, PNG, WebP, HEIC or AVIF, judged by content."""

    files: list[UploadFile]


def contents(files: Iterable[UploadFile]) -> list[BinaryIO]:
    """Return what to read the files from; a spooled file is binary, though its type does not say so."""
    return [cast("BinaryIO", each.file) for each in files]
