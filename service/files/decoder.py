"""The process that decodes photos of strangers; `images.ImageWorkshop` starts it.

It imports nothing of the service but its end of the pipe, holds no secret, opens no file, and may die at any byte of
input. Heads and bodies of what goes through the pipe:

    job     {"kind", "cpu_seconds"} + the file
    answer  {"error"} or {"width", "height", "likeness": hex, "likeness_quality", "view": n} + view (n bytes), thumbnail
            or {"pages"} for a PDF
"""

import struct
import warnings
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import pdqhash
import pillow_heif
from PIL import AvifImagePlugin, Image, ImageCms

from service.files.pipe_end import answer_jobs

PIXELS_MAX = 50_000_000  # this and the next two are the same as in kinds; a test holds them together
FRAMES_MAX = 200
PAGES_MAX = 500
SIDE_MAX = 32_767
VIEW_SIDE_MAX = 2_048
THUMBNAIL_SIDE_MAX = 480
VIEW_QUALITY = 82
THUMBNAIL_QUALITY = 75
WEBP_EFFORT = 2  # of 0 to 6; the files grow by a few hundredths, the time halves
FILTER = Image.Resampling.BICUBIC  # half the time of Lanczos, and nobody sees the difference (53 dB)
REDUCING_GAP = 2.0  # cheap halving stops at twice the wanted size; the fine filter does the rest
MEMORY_BYTES_MAX = 637_534_208  # 608 MiB of address space: 100 of them are libraries, so at most 512 are ever touched
BAND_ROWS = 256
PROFILE_BYTES_KEPT = 65_536

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


def prepare() -> None:
    """Set the libraries' own limits."""
    # Over twice its limit Pillow refuses, before a decoder is made; below it only warns, and we count ourselves.
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX // 2
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # An embedded thumbnail may show something else than the photo, so it never stands in for it.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def work(job: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Return an answer's head and body."""
    kind = job["kind"]
    try:
        if kind == "pdf":
            return {"pages": count_pages(body)}, b""
        made = derive(kind, body)
    except Refused as refusal:
        return {"error": str(refusal)}, b""
    except Image.DecompressionBombError:
        return {"error": "file_too_many_pixels"}, b""
    except MemoryError:
        return {"error": "file_unpacks_too_large"}, b""
    except Exception:  # noqa: BLE001  # decoders raise nearly anything on broken bytes, and nothing else runs here
        is_bomb = kind in ("heic", "avif") and _claimed_pixels(body) > PIXELS_MAX
        return {"error": "file_too_many_pixels" if is_bomb else "file_damaged"}, b""
    head = {
        "width": made.width_px,
        "height": made.height_px,
        "likeness": made.likeness.hex(),
        "likeness_quality": made.likeness_quality,
        "view": len(made.view),
    }
    return head, made.view + made.thumbnail


def derive(kind: str, body: bytes) -> Made:
    """Return what is made of a photo: one decode, one fine resize, and everything smaller from its result."""
    width, height, view = upright_view(kind, body)
    thumbnail = view.resize(_fit(view.size, THUMBNAIL_SIDE_MAX), FILTER, reducing_gap=REDUCING_GAP)
    likeness, quality = _likeness(thumbnail)
    return Made(width, height, _webp(view, VIEW_QUALITY), _webp(thumbnail, THUMBNAIL_QUALITY), likeness, quality)


def upright_view(kind: str, body: bytes) -> tuple[int, int, Image.Image]:
    """Return the upright width and height of the photo, and the pixels of its view: upright, sRGB, on white.

    Raises `Refused` ("file_too_many_pixels", "file_too_many_frames"), and whatever a decoder may raise.
    """
    photo: Image.Image = Image.open(BytesIO(body), formats=(_FORMATS[kind],))
    width, height = photo.size
    if width * height > PIXELS_MAX or max(width, height) > SIDE_MAX:
        raise Refused("file_too_many_pixels")
    if getattr(photo, "n_frames", 1) > FRAMES_MAX:
        raise Refused("file_too_many_frames")
    profile = photo.info.get("icc_profile")
    turn = _TURNS.get(_orientation(photo))
    size = _fit(photo.size, VIEW_SIDE_MAX)
    # JPEG alone can be decoded at a half, a quarter or an eighth; never at less than the gap.
    drafted = photo.draft(None, (round(size[0] * REDUCING_GAP), round(size[1] * REDUCING_GAP)))
    photo.load()
    photo = _plain(photo)  # what was decoded is given back before more is taken
    box = drafted[1] if drafted else (0, 0, *photo.size)
    small = photo.resize(size, FILTER, box=box, reducing_gap=REDUCING_GAP)
    view = _to_srgb(small, profile)
    if turn is not None:
        view = view.transpose(turn)
    if turn in _SIDEWAYS:
        width, height = height, width
    view.info.clear()  # an encoder would carry comments and profiles along
    return width, height, view


def count_pages(body: bytes) -> int:
    """Return how many pages a PDF has; raises `Refused` ("file_protected", "file_damaged", "file_too_many_pages").

    One that is encrypted but opens without a password (as many invoices are) is not protected from its reader.
    """
    import pikepdf  # noqa: PLC0415  # costs 0.2 s, which workers that only see photos save

    try:
        with pikepdf.open(BytesIO(body)) as document:
            pages = len(document.pages)
    except pikepdf.PasswordError as error:
        raise Refused("file_protected") from error
    except pikepdf.PdfError as error:
        # For a reader with a certificate, or by a method that nobody knows: there is no way in either.
        raise Refused("file_protected" if "encryption" in str(error) else "file_damaged") from error
    if pages == 0:
        raise Refused("file_damaged")
    if pages > PAGES_MAX:
        raise Refused("file_too_many_pages")
    return pages


def _claimed_pixels(body: bytes) -> int:
    """Return the most pixels that an ISO base media file claims for one of its pictures (box `ispe`).

    Its libraries refuse a size by themselves, and say too little about why.
    """
    claimed, at = 0, body.find(b"ispe")
    while at >= 0:
        width, height = struct.unpack(">II", body[at + 8 : at + 16].ljust(8, b"\0"))
        claimed = max(claimed, width * height)
        at = body.find(b"ispe", at + 4)
    return claimed


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 if it is missing or not readable: broken EXIF does not spoil a photo."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, EOFError, ArithmeticError, struct.error):
        return 1
    return value if isinstance(value, int) else 1


def _fit(size: tuple[int, int], side_max: int) -> tuple[int, int]:
    """Return `size`, made smaller in proportion until no side is over `side_max`."""
    scale = min(1.0, side_max / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _plain(image: Image.Image) -> Image.Image:
    """Return a picture of any mode in 8 bits of L, RGB or CMYK, on white where it is transparent.

    In bands: three copies of a large picture, as one conversion after the other would need, are over the memory limit.
    """
    if image.mode in ("L", "RGB", "CMYK") and "transparency" not in image.info:
        return image
    is_grey = image.mode.startswith(("I", "F"))
    plain = Image.new("L" if is_grey else "RGB", image.size)
    for top in range(0, image.height, BAND_ROWS):
        band = image.crop((0, top, image.width, min(top + BAND_ROWS, image.height)))
        plain.paste(_grey_band(band) if is_grey else _on_white(band), (0, top))
    return plain


def _grey_band(band: Image.Image) -> Image.Image:
    """Return 16 bits of grey in 8; a plain conversion would clip all but the darkest."""
    levels = np.asarray(band).astype(np.int64) >> 8
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def _on_white(band: Image.Image) -> Image.Image:
    if "A" not in band.mode.upper() and "transparency" not in band.info:
        return band.convert("RGB")
    seen = band.convert("RGBA")
    ground = Image.new("RGB", band.size, _WHITE)
    ground.paste(seen, mask=seen.getchannel("A"))
    return ground


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in sRGB; a profile that does not fit is left aside."""
    if profile:
        transform = (_kept_transform if len(profile) <= PROFILE_BYTES_KEPT else _transform)(profile, image.mode)
        if transform is not None:
            return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB, or None if the profile does not fit the mode or changes nothing."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if mode == "RGB":
        probe = _colour_cube()
        changed = np.asarray(transform.apply(probe)).astype(np.int16) - np.asarray(probe)
        if np.abs(changed).max() <= 1:
            return None
    return transform


_kept_transform = lru_cache(maxsize=8)(_transform)


@lru_cache(maxsize=1)
def _colour_cube() -> Image.Image:
    """Return a picture of 9 x 9 x 9 colours."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    return Image.fromarray(colours)


def _likeness(image: Image.Image) -> tuple[bytes, int]:
    """Return the PDQ hash of an upright picture, 32 bytes in the order of PDQ's hexadecimal form, and its quality.

    Quality is 0 (nothing to tell apart, or under five pixels) to 100. PDQ's own tools hash a copy of 512 pixels.
    """
    bits, quality = pdqhash.compute(np.asarray(image))
    return np.packbits(bits.astype(np.uint8)).tobytes(), int(quality)


def _webp(image: Image.Image, quality: int) -> bytes:
    out = BytesIO()
    image.save(out, "WEBP", quality=quality, method=WEBP_EFFORT)
    return out.getvalue()


if __name__ == "__main__":
    prepare()
    answer_jobs(work, memory_bytes_max=MEMORY_BYTES_MAX, memory_limit="RLIMIT_AS")
