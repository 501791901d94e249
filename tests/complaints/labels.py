"""Photos of labels, drawn: print in both languages and barcodes."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pylopdf_fonts_zh_cn
import zxingcpp
from PIL import Image, ImageDraw, ImageFont

FONT = Path(pylopdf_fonts_zh_cn.__file__).parent / "NotoSansSC-Regular.otf"
PAPER, INK = (240, 238, 230), (30, 30, 30)


def label(*lines: str, code: Image.Image | None = None, size: tuple[int, int] = (900, 700)) -> bytes:
    """A JPEG of a label with these lines of print, and a barcode beneath them."""
    picture = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.truetype(FONT, 40)
    for place, line in enumerate(lines):
        pen.text((80, 60 + place * 90), line, font=font, fill=INK)
    if code is not None:
        picture.paste(code.convert("RGB"), (80, 90 + len(lines) * 90))
    out = BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def barcode(content: str, symbology: zxingcpp.BarcodeFormat, *, scale: int = 5, gs1: bool = False) -> Image.Image:
    """A barcode with its quiet zones."""
    made = zxingcpp.create_barcode(content, symbology, gs1=gs1)
    return Image.fromarray(np.asarray(zxingcpp.write_barcode_to_image(made, scale=scale)))
