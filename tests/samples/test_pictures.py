"""The photos that demonstrations send."""

import io

from PIL import Image
from PIL.ExifTags import GPS, IFD

from service.samples.pictures import label_png, photo_with_place

BYTES_MAX = 100_000


def test_a_phones_photo_is_a_jpeg_with_its_place() -> None:
    photo = photo_with_place("LOT SY26J1807")

    with Image.open(io.BytesIO(photo)) as opened:
        assert opened.format == "JPEG"
        assert opened.getexif().get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] == (30.0, 16.0, 27.0)
    assert len(photo) < BYTES_MAX


def test_a_label_is_a_png_and_the_same_every_time() -> None:
    label = label_png("素芸补水面膜", "SY26J1807")

    with Image.open(io.BytesIO(label)) as opened:
        assert opened.format == "PNG"
    assert label == label_png("素芸补水面膜", "SY26J1807")
    assert label != label_png("素芸补水面膜", "SY26J1808")
