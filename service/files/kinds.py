"""What a file is, judged by its bytes alone: never by its name or the header that came with it.

Refusals of files, all over this package, each for one cause: `file_empty`; too big `file_too_large`, and what unpacks
to more than a decoder may hold `file_unpacks_too_large`; `file_not_a_photo`; `file_damaged`; `file_protected`;
`file_infected`; too many `too_many_files`, `file_too_many_pixels`, `file_too_many_frames`, `file_too_many_pages`; too
slow `file_timeout`.
"""

from enum import StrEnum

from service.core.errors import Invalid, TooLarge

FILE_BYTES_MAX = 20_000_000
PIXELS_MAX = 50_000_000
FRAMES_MAX = 200  # pictures in one file: a burst, an animation; only the first, or the main one, is shown
PAGES_MAX = 500
FILES_PER_COMPLAINT_MAX = 10
FILES_PER_CASE_MAX = 30

HEAD_BYTES = 1_024  # PDF readers accept their header this far into a file, so a second kind can hide this deep
TAIL_BYTES = 22 + 65_535  # a ZIP's end record and its longest comment

_HEIC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_FTYP_BYTES_MAX = 256


class Kind(StrEnum):
    """The kinds that are taken as evidence."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    HEIC = "heic"
    AVIF = "avif"
    PDF = "pdf"

    @property
    def is_photo(self) -> bool:
        """Whether a view and a thumbnail can be made; a PDF is kept as a document without either."""
        return self is not Kind.PDF

    @property
    def media_type(self) -> str:
        """The media type that the original is served with."""
        return "application/pdf" if self is Kind.PDF else f"image/{self.value}"


def check_size(size_bytes: int) -> None:
    """Refuse an empty file (`Invalid`, "file_empty") and one over the limit (`TooLarge`, "file_too_large")."""
    if size_bytes <= 0:
        raise Invalid("file_empty", "the file holds no bytes")
    if size_bytes > FILE_BYTES_MAX:
        raise TooLarge("file_too_large", "the file is over the limit", bytes_max=FILE_BYTES_MAX)


def check_count(new: int, in_complaint: int, in_case: int) -> None:
    """Refuse more files than an entry or a case may hold; raises `Invalid` ("too_many_files")."""
    if new + in_complaint > FILES_PER_COMPLAINT_MAX or new + in_case > FILES_PER_CASE_MAX:
        raise Invalid(
            "too_many_files",
            "the complaint or its case holds too many files",
            complaint_max=FILES_PER_COMPLAINT_MAX,
            case_max=FILES_PER_CASE_MAX,
        )


def sniff(head: bytes, tail: bytes) -> Kind:
    """Return the kind of a file from its first `HEAD_BYTES` and last `TAIL_BYTES` (a short file: all of it, twice).

    Raises `Invalid`: "file_empty"; "file_not_a_photo" for anything off the list, and for what is a PDF or a ZIP as
    well; "file_damaged" for a PDF without its end.
    """
    if not head:
        raise Invalid("file_empty", "the file holds no bytes")
    kind = _by_magic(head)
    if kind is None:
        raise Invalid("file_not_a_photo", "the bytes are not those of a JPEG, PNG, WebP, HEIC, AVIF or PDF")
    if (kind.is_photo and b"%PDF-" in head[:HEAD_BYTES]) or _ends_as_zip(tail):
        raise Invalid("file_not_a_photo", "the file is of two kinds at once")
    if kind is Kind.PDF and b"%%EOF" not in tail[-HEAD_BYTES:]:
        raise Invalid("file_damaged", "the PDF has no end")
    return kind


def _by_magic(head: bytes) -> Kind | None:
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return Kind.WEBP
    if head.startswith((b"%PDF-1.", b"%PDF-2.")):
        return Kind.PDF
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    return None


def _by_brand(head: bytes) -> Kind | None:
    """Return HEIC or AVIF from an ISO base media file's brands: the major one decides, else the compatible ones."""
    box = head[: min(int.from_bytes(head[:4], "big"), _FTYP_BYTES_MAX)]
    brands = [box[8:12], *(box[at : at + 4] for at in range(16, len(box) - 3, 4))]
    for brand in brands:
        if brand in _AVIF_BRANDS:
            return Kind.AVIF
        if brand in _HEIC_BRANDS:
            return Kind.HEIC
    return None


def _ends_as_zip(tail: bytes) -> bool:
    """Whether the last bytes are a ZIP's end record whose comment reaches exactly to the end of the file."""
    at = tail.rfind(b"PK\x05\x06")
    return at >= 0 and len(tail) - at >= 22 and int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail) - at - 22
