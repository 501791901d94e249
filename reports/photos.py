"""Evidence photos made fit for paper: small JPEGs that carry nothing but the picture."""

import io
from typing import Final

from PIL import Image, UnidentifiedImageError

SIDE_PX_MAX: Final = 900  # 54 mm on paper at more than 400 dots an inch
PIXELS_MAX: Final = 50_000_000
JPEG_QUALITY: Final = 85
_FORMATS: Final = ("JPEG", "WEBP")
_BOMBS: Final = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def for_paper(view: bytes) -> bytes | None:
    """Return the view as an RGB JPEG of at most 900 px a side without metadata, or `None` if it cannot be read.

    The same bytes give the same JPEG on the same libraries. Transparent parts become white.
    """
    try:
        with Image.open(io.BytesIO(view), formats=_FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                return None
            image.draft("RGB", (SIDE_PX_MAX, SIDE_PX_MAX))
            image.thumbnail((SIDE_PX_MAX, SIDE_PX_MAX))
            layered = image.convert("RGBA")
    except (UnidentifiedImageError, *_BOMBS, OSError, ValueError, SyntaxError):
        return None  # a broken view must not stop a report; the page says that there is no picture
    paper = Image.new("RGB", layered.size, "white")
    paper.paste(layered, mask=layered.getchannel("A"))
    out = io.BytesIO()
    paper.save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return out.getvalue()
