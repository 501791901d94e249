"""Looking at pictures: which colours are where, and how like each other two of them are."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.files.images import Derivatives
from service.files.kinds import Kind

Pixel = tuple[int, ...]
Plane = npt.NDArray[np.float64]


def opened(data: bytes) -> Image.Image:
    """A decoded picture."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def is_near(one: Pixel, other: Pixel, by: int = 24) -> bool:
    """Whether no channel differs by more."""
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def corners(picture: Image.Image) -> list[Pixel]:
    """The colours in the middle of the four quarters: top left, top right, bottom left, bottom right."""
    wide, high = picture.size
    at = [(x, y) for y in (high // 4, high * 3 // 4) for x in (wide // 4, wide * 3 // 4)]
    return [pixel for each in at if isinstance(pixel := picture.getpixel(each), tuple)]


def middle(made: Derivatives) -> Pixel:
    """The colour in the middle of a view."""
    view = opened(made.view)
    pixel = view.getpixel((view.width // 2, view.height // 2))
    assert isinstance(pixel, tuple)
    return pixel


def luma(picture: Image.Image) -> Plane:
    """Brightness from 0 to 255."""
    return np.asarray(picture.convert("L")).astype(np.float64)


def psnr_db(one: Image.Image, other: Image.Image) -> float:
    """Peak signal to noise of all three channels, in dB."""
    apart = np.asarray(one.convert("RGB")).astype(np.float64) - np.asarray(other.convert("RGB"))
    return float(10 * np.log10(255**2 / max(1e-9, float((apart**2).mean()))))


def ssim(one: Image.Image, other: Image.Image) -> float:
    """Structural similarity of brightness (Wang and others, 2004) over windows of 8 x 8, 1 for the same picture."""
    x, y = _windows(luma(one)), _windows(luma(other))
    mean_x, mean_y = x.mean(-1), y.mean(-1)
    both = ((x - mean_x[..., None]) * (y - mean_y[..., None])).mean(-1)
    steady, lively = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_x * mean_y + steady) * (2 * both + lively)
    return float((alike / ((mean_x**2 + mean_y**2 + steady) * (x.var(-1) + y.var(-1) + lively))).mean())


def _windows(plane: Plane) -> Plane:
    high, wide = (side // 8 * 8 for side in plane.shape)
    cut = plane[:high, :wide].reshape(high // 8, 8, wide // 8, 8)
    return cut.transpose(0, 2, 1, 3).reshape(high // 8, wide // 8, 64)


def bits_apart(one: bytes, other: bytes) -> int:
    """How many of the 256 bits of two hashes differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


KINDS = {"JPEG": Kind.JPEG, "PNG": Kind.PNG, "WEBP": Kind.WEBP, "AVIF": Kind.AVIF, "HEIF": Kind.HEIC}
