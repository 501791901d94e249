"""Pictures with much to see, and what people make of a photo before they send it again."""

import random
from io import BytesIO

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps


def scene(seed: int, width: int = 1_280, height: int = 960) -> Image.Image:
    """A picture of its own for every seed: soft shapes all over, as lit things on a table."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (width, height), tuple(chance.randrange(60, 200) for _ in range(3)))
    draw = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y = chance.randrange(-100, width), chance.randrange(-100, height)
        box = (x, y, x + chance.randrange(40, 500), y + chance.randrange(40, 400))
        colour = tuple(chance.randrange(256) for _ in range(3))
        (draw.ellipse if chance.random() < 0.5 else draw.rectangle)(box, fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(3))


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    """The picture as a JPEG."""
    out = BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """A photo's pixels, upright."""
    return ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")


def recompressed(data: bytes) -> bytes:
    """As a messenger sends it on."""
    return jpeg(opened(data), quality=55)


def halved(data: bytes) -> bytes:
    """At half the width and height, as PNG."""
    picture, out = opened(data), BytesIO()
    picture.resize((picture.width // 2, picture.height // 2)).save(out, "PNG")
    return out.getvalue()


def mirrored(data: bytes) -> bytes:
    """With left and right swapped."""
    return jpeg(ImageOps.mirror(opened(data)))


def brightened(data: bytes) -> bytes:
    """A fifth brighter."""
    return jpeg(ImageEnhance.Brightness(opened(data)).enhance(1.2))
