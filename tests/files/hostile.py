"""Files that nobody takes with a kind heart: cut off, of two kinds, of the wrong kind, and bombs. All made here.

Each says what may come of it: `shown` (derivatives, or the pages of a PDF) or one of the codes of `kinds`.
"""

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pillow_heif
from PIL import Image

from service.files.kinds import FILE_BYTES_MAX, FRAMES_MAX, PAGES_MAX
from tests.files.documents import (
    CATALOG,
    END,
    ONE_PAGE,
    PAGE,
    active,
    object_stream_bomb,
    packed,
    pdf,
    protected,
    written,
)
from tests.files.pictures import (
    box_claiming,
    exif,
    jpeg_claiming,
    many_frames,
    noise,
    png_bomb,
    png_with,
    quarters,
    saved,
    webp_claiming,
)

SHOWN = "shown"
FORMS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF")
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCRIPT = b"<html><script>alert(document.domain)</script></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

pillow_heif.register_heif_opener()


@dataclass(frozen=True, slots=True)
class Hostile:
    """One file, and what may come of it."""

    name: str
    data: bytes
    expected: frozenset[str]


def hostile(name: str, data: bytes, *expected: str) -> Hostile:
    """One file with a code or several that would be right."""
    return Hostile(name, data, frozenset(expected))


def good_files() -> dict[str, bytes]:
    """One small file of each kind, with metadata, by name."""
    picture = quarters(160, 120)
    files = {form.lower(): saved(picture, form, exif=exif()) for form in FORMS}
    files["progressive"] = saved(picture, "JPEG", progressive=True, exif=exif())
    files["cmyk"] = saved(picture.convert("CMYK"), "JPEG")
    files["palette"] = saved(picture.convert("P"), "PNG", transparency=0)
    files["lossless"] = saved(noise(160, 120), "WEBP", lossless=True)
    files["animation"] = many_frames("WEBP", 5)
    files["apng"] = many_frames("PNG", 5)
    files["mpo"] = many_frames("MPO", 3)
    files["pdf"] = written({**ONE_PAGE, 4: packed(b"0 0 m 200 200 l S\n" * 30)})
    return files


def cut_off() -> Iterator[Hostile]:
    """Every kind, cut off at every 5 %. The first of several pictures may still be whole."""
    for name, whole in good_files().items():
        expected = ["file_damaged", SHOWN] if name in ("apng", "mpo") else ["file_damaged"]
        for part in range(5, 100, 5):
            yield hostile(f"{name} cut at {part} %", whole[: len(whole) * part // 100], *expected)


def of_two_kinds() -> Iterator[Hostile]:
    """Photos that are something else as well, or carry it along.

    A PDF's header counts in the first kilobyte only; behind that, readers of PDFs see a photo too.
    """
    tails: dict[str, tuple[bytes, str]] = {
        "a ZIP": (zipped({"run.js": b"alert(1)"}), "file_not_a_photo"),
        "an empty ZIP with a comment": (b"PK\x05\x06" + bytes(16) + b"\x04\x00note", "file_not_a_photo"),
        "a page with a script": (SCRIPT, SHOWN),
        "a drawing with a script": (SVG, SHOWN),
        "a PDF": (pdf(1), SHOWN),
        "the EICAR file": (EICAR, SHOWN),
        "a program": (b"MZ" + bytes(200) + b"PE\0\0" + bytes(200), SHOWN),
        "a shell script": (b"\n#!/bin/sh\nrm -rf /\n", SHOWN),
        "another photo": (saved(quarters(40, 30), "PNG"), SHOWN),
    }
    for form in FORMS:
        photo = saved(noise(160, 120), form)
        for name, (tail, expected) in tails.items():
            yield hostile(f"{form} and then {name}", photo + tail, expected)
    yield hostile("PDF and then a ZIP", pdf(1) + zipped({"a": b"b"}), "file_not_a_photo")
    yield hostile("PDF in a ZIP's comment", zipped({"a": b"b"}, comment=pdf(1)), "file_not_a_photo")
    for name, comment, expected in (
        ("a PDF", written(ONE_PAGE), "file_not_a_photo"),
        ("a page", SCRIPT, SHOWN),
        ("a drawing", SVG, SHOWN),
        ("EICAR", EICAR, SHOWN),
    ):
        yield hostile(f"JPEG with {name} for a comment", saved(quarters(64, 48), "JPEG", comment=comment), expected)
    yield hostile("PNG with a page for its text", png_with(b"tEXt", b"Comment\0" + SCRIPT), SHOWN)


def off_the_list() -> Iterator[Hostile]:
    """What is no photo of ours, whatever its name says."""
    picture = quarters(64, 48)
    others = ("GIF", "BMP", "TIFF", "ICO", "PPM", "TGA", "PCX", "SGI", "DDS", "JPEG2000", "ICNS", "EPS")
    files: dict[str, bytes] = {f"a {form}": saved(picture, form) for form in others}
    files |= {
        "SVG with a script": SVG,
        "SVG behind a mark of byte order": b"\xef\xbb\xbf" + SVG,
        "SVG, packed": gzip.compress(SVG),
        "a page": SCRIPT,
        "EICAR": EICAR,
        "EICAR in a ZIP": zipped({"eicar.com": EICAR}),
        "a document of an office": zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}),
        "a ZIP bomb": zipped({f"{number}.txt": bytes(1_000_000) for number in range(40)}),
        "a RAR": b"Rar!\x1a\x07\x01\x00" + bytes(99),
        "a 7z": b"7z\xbc\xaf\x27\x1c" + bytes(99),
        "a program of Windows": b"MZ" + bytes(999),
        "a program of Linux": b"\x7fELF\x02\x01\x01" + bytes(999),
        "a shell script": b"#!/bin/sh\nrm -rf /\n",
        "PHP": b"<?php system($_GET['c']); ?>",
        "PHP behind GIF's first letters": b"GIF89a<?php system($_GET['c']); ?>",
        "a film": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42" + bytes(999),
        "a film of QuickTime": b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  " + bytes(999),
        "JPEG XL": b"\xff\x0a" + bytes(99),
        "PostScript": b"%!PS-Adobe-3.0\n(run) run\n",
        "rich text": rb"{\rtf1 hello}",
        "words": "这不是照片".encode(),
        "words in UTF-16": "not a photo".encode("utf-16"),
        "a sound": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(99),
        "PDF behind a line": b"\n" + pdf(1),
        "PDF of another future": b"%PDF-9.9\n" + END,
    }
    for name, data in files.items():
        yield hostile(name, data, "file_not_a_photo")


def nearly_nothing() -> Iterator[Hostile]:
    """Nothing, nothings, and a right beginning with nothing behind it."""
    yield hostile("no byte", b"", "file_empty")
    for length in (1, 2, 11, 100, 1_000_000):
        yield hostile(f"{length} zeros", bytes(length), "file_not_a_photo")
    yield hostile("over the limit by a byte", b"\xff\xd8\xff" + bytes(FILE_BYTES_MAX - 2), "file_too_large")
    chance = random.Random(7)
    heads = {
        "JPEG": b"\xff\xd8\xff\xe0",
        "PNG": b"\x89PNG\r\n\x1a\n",
        "WebP": b"RIFF\x00\x01\x00\x00WEBPVP8 ",
        "HEIC": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        "AVIF": b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif",
        "PDF": b"%PDF-1.7\n",
    }
    for name, head in heads.items():
        for what, body in (("nothing", b""), ("zeros", bytes(5_000)), ("chance", chance.randbytes(5_000))):
            yield hostile(f"{name}'s first bytes and {what}", head + body, "file_damaged")
    yield hostile("PDF of nothing with an end", heads["PDF"] + END, "file_damaged")


def bombs() -> Iterator[Hostile]:
    """Small to send, large to open."""
    for side in (7_072, 20_000, 65_500):
        yield hostile(f"JPEG that claims {side} squared", jpeg_claiming(side, side), "file_too_many_pixels")
    yield hostile("JPEG as long as its kind allows", jpeg_claiming(65_500, 1), "file_too_many_pixels", "file_damaged")
    yield hostile("PNG of 144 megapixels", png_bomb(12_000), "file_too_many_pixels")
    for form, claimed in (("WEBP", (8_000, 16_384)), ("HEIF", (8_000, 32_000, 2**32 - 1)), ("AVIF", (8_000, 2**31))):
        for side in claimed:
            bomb = webp_claiming(side) if form == "WEBP" else box_claiming(form, side)
            yield hostile(f"{form} that claims {side} squared", bomb, "file_too_many_pixels")
    for form in ("PNG", "WEBP", "AVIF", "MPO", "HEIF"):
        yield hostile(f"{form} of one picture too many", many_frames(form, FRAMES_MAX + 1), "file_too_many_frames")
    yield hostile("PNG that says it has two thousand million frames", _apng_claiming(2**31), "file_too_many_frames")
    zeros = zlib.compress(bytes(100_000_000), 9)
    yield hostile("PNG with a text of 100 MB", png_with(b"zTXt", b"Comment\0\0" + zeros), SHOWN, "file_damaged")
    yield hostile("PNG with a profile of 100 MB", png_with(b"iCCP", b"x\0\0" + zeros), SHOWN, "file_damaged")
    yield hostile("PNG with words of 100 MB", png_with(b"iTXt", b"k\0\1\0\0\0" + zeros), SHOWN, "file_damaged")
    grey = saved(Image.new("L", (64, 48), 9), "PNG")
    yield hostile("PNG whose chunk is as long as can be", grey[:8] + b"\x7f\xff\xff\xff" + grey[12:], "file_damaged")
    yield hostile("JPEG whose EXIF goes in circles", _looping_exif(), SHOWN)
    yield hostile("a photo as large as a file may be", _filled_up(), SHOWN)


def documents() -> Iterator[Hostile]:
    """PDFs that do things, ask for things or never end."""
    script = b"(app.alert('hello'); this.submitForm('http://127.0.0.1/'))"
    yield hostile("PDF with JavaScript", active(b"<< /S /JavaScript /JS %s >>" % script), SHOWN)
    yield hostile("PDF that starts a program", active(b"<< /S /Launch /F (cmd.exe) >>"), SHOWN)
    yield hostile("PDF that opens an address", active(b"<< /S /URI /URI (http://127.0.0.1/) >>"), SHOWN)
    yield hostile("PDF with a password", protected(), "file_protected")
    yield hostile("PDF that only its owner may change", protected(user=""), SHOWN)
    sealed = written(ONE_PAGE).replace(
        b"<< /Size", b"<< /Encrypt << /Filter /Adobe.PubSec /V 4 /R 4 >> /ID [(a) (a)] /Size"
    )
    yield hostile("PDF for who has a certificate", sealed, "file_protected")
    yield hostile("PDF of a thousand pages", pdf(1_000), "file_too_many_pages")
    yield hostile("PDF of one page too many", pdf(PAGES_MAX + 1), "file_too_many_pages")
    yield hostile("PDF of as many pages as may be", pdf(PAGES_MAX), SHOWN)
    trees: dict[str, bytes | None] = {
        "no pages": b"<< /Type /Pages /Kids [] /Count 0 >>",
        "pages that hold themselves": b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>",
        "no tree": None,
    }
    for name, tree in trees.items():
        yield hostile(f"PDF with {name}", written({1: CATALOG} | ({2: tree} if tree else {})), "file_damaged")
    loop = {2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", 3: b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] >>"}
    yield hostile("PDF whose pages go in circles", written({1: CATALOG, **loop}), "file_damaged")
    levels = {number: b"<< /Type /Pages /Kids [%d 0 R] /Count 1 >>" % (number + 1) for number in range(2, 5_000)}
    yield hostile("PDF of 5,000 levels", written({1: CATALOG, **levels, 5_000: PAGE}), "file_damaged", SHOWN)
    same = b"<< /Type /Pages /Kids [%s] /Count 20000 >>" % (b"3 0 R " * 20_000)
    yield hostile("PDF of one page 20,000 times", written({**ONE_PAGE, 2: same}), "file_too_many_pages")
    lie = b"<< /Type /Pages /Kids [3 0 R] /Count 1000000000 >>"
    yield hostile("PDF that says it has a thousand million pages", written({**ONE_PAGE, 2: lie}), SHOWN)
    nested = b"<< /Type /Catalog /Pages 2 0 R /X %s%s >>" % (b"[" * 100_000, b"]" * 100_000)
    yield hostile("PDF nested 100,000 deep", written({**ONE_PAGE, 1: nested}), "file_damaged", SHOWN)
    yield hostile("PDF without a root", written(ONE_PAGE, root=9), "file_damaged")
    again = written(ONE_PAGE).replace(b"<< /Size", b"<< /Prev 9 /Size")
    yield hostile("PDF whose table points at itself", again, SHOWN, "file_damaged")
    long = b"<< /Length 99999999999 >>\nstream\nabc\nendstream"
    yield hostile("PDF with a stream that says too much", written({**ONE_PAGE, 4: long}), SHOWN)
    yield hostile(
        "PDF with a picture that unpacks to 1 GB", written({**ONE_PAGE, 4: packed(bytes(2_000_000), times=3)}), SHOWN
    )
    yield hostile("PDF whose catalogue unpacks to 50 MB", object_stream_bomb(50), SHOWN)
    yield hostile(
        "PDF whose catalogue unpacks to 500 MB", object_stream_bomb(500), "file_unpacks_too_large", "file_damaged"
    )


CATEGORIES: dict[str, Callable[[], Iterator[Hostile]]] = {
    each.__name__: each for each in (cut_off, of_two_kinds, off_the_list, nearly_nothing, bombs, documents)
}


@cache
def made(category: str) -> tuple[Hostile, ...]:
    """All files of a category; some take seconds to make."""
    return tuple(CATEGORIES[category]())


def zipped(contents: dict[str, bytes], *, comment: bytes = b"") -> bytes:
    """A ZIP of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
        archive.comment = comment
    return out.getvalue()


def _apng_claiming(frames: int) -> bytes:
    return png_with(b"acTL", struct.pack(">II", frames, 0))


def _looping_exif() -> bytes:
    """EXIF whose first directory says that the next one is itself, and whose own part is it again."""
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    looped = b"Exif\0\0II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 8)
    return saved(quarters(64, 48), "JPEG", exif=looped)


def _filled_up() -> bytes:
    photo = saved(quarters(640, 480), "JPEG")
    return photo + bytes(FILE_BYTES_MAX - len(photo))
