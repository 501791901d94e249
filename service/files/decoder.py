"""The process that decodes photos of strangers: `python -I decoder.py`, started by `images.ImageWorkshop`.

It imports nothing of the service, holds no secret, opens no file, and may die at any byte of input. Jobs come on
standard input, answers go to standard output, both as a length-prefixed JSON head and a body:

    job     {"kind", "cpu_seconds", "body": n}                                   + the file
    answer  {"error"} or {"width", "height", "likeness": hex, "likeness_quality", "view": n, "thumbnail": n}
                                                                                 + view + thumbnail
            or {"pages"} for a PDF
"""

import json
import os
import resource
import signal
import struct
import sys
import warnings
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pdqhash
import pillow_heif
from PIL import Image, ImageCms

PIXELS_MAX = 50_000_000  # the same as kinds.PIXELS_MAX; a test holds them together
SIDE_MAX = 32_767
VIEW_SIDE_MAX = 2_048
THUMBNAIL_SIDE_MAX = 480
VIEW_QUALITY = 82
THUMBNAIL_QUALITY = 75
WEBP_EFFORT = 2  # of 0 to 6; the files grow by a few hundredths, the time halves
MEMORY_BYTES_MAX = 671_088_640  # 640 MiB of address space, about 100 of them libraries
OPEN_FILES_MAX = 32

_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF", "avif": "AVIF"}
_SRGB = ImageCms.createProfile("sRGB")
_WHITE = (255, 255, 255)
_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])


class Refused(Exception):
    """The file cannot be shown; the argument is the code that people see explained."""


class Made(NamedTuple):
    """Upright width and height of the photo, its view and thumbnail (WebP, sRGB, no metadata), and its PDQ hash."""

    width_px: int
    height_px: int
    view: bytes
    thumbnail: bytes
    likeness: bytes
    likeness_quality: int


def main() -> None:
    """Answer jobs until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the service closes us in order
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not write into an answer
    prepare()
    _limit_process()
    while (prefix := source.read(4)) and len(prefix) == 4:
        job = json.loads(source.read(struct.unpack(">I", prefix)[0]))
        _allow_cpu(job["cpu_seconds"])
        _answer(sink, *work(job["kind"], source.read(job["body"])))


def prepare() -> None:
    """Set the libraries' own limits."""
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    # An embedded thumbnail may show something else than the photo, so it never stands in for it.
    pillow_heif.register_heif_opener(thumbnails=False, decode_threads=1)


def work(kind: str, body: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Return an answer's head, view and thumbnail."""
    try:
        if kind == "pdf":
            return {"pages": count_pages(body)}, b"", b""
        made = derive(kind, body)
    except Refused as refusal:
        return {"error": str(refusal)}, b"", b""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        return {"error": "file_too_many_pixels"}, b"", b""
    except Exception:  # noqa: BLE001  # decoders raise nearly anything on broken bytes, and nothing else runs here
        return {"error": "file_damaged"}, b"", b""
    head = {
        "width": made.width_px,
        "height": made.height_px,
        "likeness": made.likeness.hex(),
        "likeness_quality": made.likeness_quality,
        "view": len(made.view),
        "thumbnail": len(made.thumbnail),
    }
    return head, made.view, made.thumbnail


def derive(kind: str, body: bytes) -> Made:
    """Return what is made of a photo."""
    with Image.open(BytesIO(body), formats=(_FORMATS[kind],)) as opened:
        width, height = opened.size
        if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX:
            raise Refused("file_too_many_pixels")
        opened.load()
        profile = opened.info.get("icc_profile")
        turn = _TURNS.get(_orientation(opened))
        small = _reduced(opened, VIEW_SIDE_MAX)
    if turn is not None:
        small = small.transpose(turn)
    view = _clean(_to_srgb(small, profile))
    thumbnail = view.copy()
    thumbnail.thumbnail((THUMBNAIL_SIDE_MAX, THUMBNAIL_SIDE_MAX))
    if turn in _SIDEWAYS:
        width, height = height, width
    likeness, quality = _likeness(thumbnail)
    return Made(width, height, _webp(view, VIEW_QUALITY), _webp(thumbnail, THUMBNAIL_QUALITY), likeness, quality)


def count_pages(body: bytes) -> int:
    """Return how many pages a PDF has; raises `Refused` ("file_protected", "file_damaged").

    One that is encrypted but opens without a password (as many invoices are) is not protected from its reader.
    """
    import pikepdf  # noqa: PLC0415  # costs 0.2 s, which workers that only see photos save

    try:
        with pikepdf.open(BytesIO(body)) as document:
            pages = len(document.pages)
    except pikepdf.PasswordError as error:
        raise Refused("file_protected") from error
    if pages == 0:
        raise Refused("file_damaged")
    return pages


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 if it is missing or not readable: broken EXIF does not spoil a photo."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, EOFError, ArithmeticError, struct.error):
        return 1
    return value if isinstance(value, int) else 1


def _reduced(image: Image.Image, side_max: int) -> Image.Image:
    """Return an 8-bit L, RGB, RGBA or CMYK picture with sides of at most `side_max`; the input may be used up."""
    if image.mode in ("1", "P", "PA", "LA", "La", "RGBa") or "transparency" in image.info:
        has_alpha = "A" in image.mode.upper() or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    elif image.mode not in ("L", "RGB", "RGBA", "CMYK") and not image.mode.startswith("I"):
        image = image.convert("RGB")
    image.thumbnail((side_max, side_max), Image.Resampling.LANCZOS, reducing_gap=2.0)
    if image.mode.startswith("I"):  # 16 bits of grey; a plain conversion would clip all but the darkest
        image = image.convert("F").point(lambda level: level * (1 / 256)).convert("L")
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in sRGB, on white where it is transparent; a profile that does not fit is left aside."""
    if image.mode == "RGBA":
        ground = Image.new("RGB", image.size, _WHITE)
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


def _clean(image: Image.Image) -> Image.Image:
    """Return the same pixels in a new picture: a saved copy would carry comments and profiles along."""
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    return clean


def _webp(image: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    image.save(out, "WEBP", quality=quality, method=WEBP_EFFORT)
    return out.getvalue()


def _likeness(image: Image.Image) -> tuple[bytes, int]:
    """Return the PDQ hash of an upright picture, 32 bytes in the order of PDQ's hexadecimal form, and its quality.

    Quality is 0 (nothing to tell apart, or under five pixels) to 100. PDQ's own tools hash a copy of 512 pixels.
    """
    bits, quality = pdqhash.compute(np.asarray(image))
    return np.packbits(bits.astype(np.uint8)).tobytes(), int(quality)


def _limit_process() -> None:
    """Take away what decoding does not need: memory over the limit, files, core dumps."""
    limits = {"RLIMIT_AS": MEMORY_BYTES_MAX, "RLIMIT_NOFILE": OPEN_FILES_MAX, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
    for name, value in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (ValueError, OSError):  # macOS knows no limit of the address space; the wall clock still holds there
            continue


def _allow_cpu(seconds: int) -> None:
    """Let the process use `seconds` more of CPU; over that the system ends it with SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _answer(sink: BinaryIO, head: dict[str, Any], view: bytes, thumbnail: bytes) -> None:
    packed = json.dumps(head).encode()
    sink.write(struct.pack(">I", len(packed)) + packed + view + thumbnail)
    sink.flush()


if __name__ == "__main__":
    main()
