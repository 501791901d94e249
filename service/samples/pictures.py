"""Photos for demonstrations, drawn by code: a product label with its lot, and a phone's photo of one."""

import io

from PIL import Image, ImageDraw, ImageFont
from PIL.ExifTags import GPS, IFD, Base

from reports.fonts import han_path

SIZE = (900, 1200)
_PAPER, _INK, _ACCENT = (246, 241, 232), (43, 52, 59), (176, 84, 70)
_PLACE: dict[int, object] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (30.0, 16.0, 27.0),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (120.0, 9.0, 19.0),
}


def label_png(name: str, lot: str) -> bytes:
    """Return a PNG of a product's label that prints a name and a lot code."""
    target = io.BytesIO()
    _draw(name, f"LOT {lot}").save(target, "PNG", optimize=True)
    return target.getvalue()


def photo_with_place(text: str) -> bytes:
    """Return a JPEG as a phone takes it: with the camera's name, the time and the place in its EXIF."""
    picture = _draw("SUYUN", text)
    exif = picture.getexif()
    exif[Base.Make], exif[Base.Model] = "Fairhold", "Drawn by code"
    exif[Base.DateTime] = "2026:11:20 20:14:03"
    exif.get_ifd(IFD.GPSInfo).update(_PLACE)
    target = io.BytesIO()
    picture.rotate(3, fillcolor=(120, 110, 98), resample=Image.Resampling.BICUBIC).save(
        target, "JPEG", quality=82, exif=exif
    )
    return target.getvalue()


def _draw(name: str, line: str) -> Image.Image:
    picture = Image.new("RGB", SIZE, (214, 204, 188))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((90, 120, 810, 1080), radius=36, fill=_PAPER, outline=_INK, width=4)
    pen.ellipse((300, 230, 600, 530), fill=_ACCENT)
    pen.ellipse((345, 275, 555, 485), fill=_PAPER)
    pen.text((450, 640), name, font=_font(64), fill=_INK, anchor="mm")
    pen.line((180, 730, 720, 730), fill=_ACCENT, width=6)
    pen.text((450, 850), line, font=_font(54), fill=_INK, anchor="mm")
    for place in range(48):  # a barcode's look, not a code
        if place * 7 % 5 < 3:
            pen.rectangle((210 + place * 10, 930, 214 + place * 10, 1020), fill=_INK)
    return picture


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(han_path()), size)
