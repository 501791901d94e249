"""What people see of a photo has the photo's colours: in sRGB, from whatever profile, mode or depth."""

import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from service.files.images import ImageWorkshop
from service.files.kinds import Kind
from tests.files.looking import KINDS, corners, is_near, middle, opened
from tests.files.metadata import assert_bare
from tests.files.pictures import GREEN, RED, WHITE, saved
from tests.files.profiles import ADOBE_RGB, DISPLAY_P3, SRGB, cmyk_profile, grey_profile, in_srgb, rgb_profile

pillow_heif.register_heif_opener()


async def test_a_broken_colour_profile_does_not_spoil_the_photo(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(Image.new("RGB", (64, 64), RED), "PNG", icc_profile=b"junk" * 50), Kind.PNG)
    assert is_near(corners(opened(made.view))[0], RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
async def test_every_mode_of_png_is_shown_in_its_colours(workshop: ImageWorkshop, mode: str) -> None:
    if mode == "I;16":
        picture = Image.new("I;16", (64, 64), 128 * 256)
        expected = (128, 128, 128)
    else:
        picture = Image.new("RGB", (64, 64), WHITE).convert(mode)
        expected = WHITE
    made = await workshop.derive(saved(picture, "PNG"), Kind.PNG)
    assert is_near(corners(opened(made.view))[0], expected, by=3)


async def test_transparency_becomes_white(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"), Kind.PNG)
    assert is_near(corners(opened(made.view))[0], WHITE, by=3)


async def test_cmyk_is_shown_in_its_colours(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(Image.new("RGB", (64, 64), GREEN).convert("CMYK"), "JPEG"), Kind.JPEG)
    assert is_near(corners(opened(made.view))[0], GREEN)


COLOURS = ((200, 90, 60), (60, 160, 90), (90, 80, 200), (128, 128, 128), (240, 200, 40))


@pytest.mark.parametrize("matrix", [DISPLAY_P3, ADOBE_RGB], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("form", KINDS)
async def test_a_wide_profile_is_converted_to_srgb_not_dropped(
    workshop: ImageWorkshop, form: str, matrix: tuple[tuple[float, ...], ...]
) -> None:
    for colour in COLOURS:
        data = saved(Image.new("RGB", (64, 64), colour), form, icc_profile=rgb_profile(matrix), quality=95)
        made = await workshop.derive(data, KINDS[form])
        right = in_srgb(colour, matrix)
        assert is_near(middle(made), right, by=6), (colour, right)
        assert_bare(made)
    assert max(abs(a - b) for a, b in zip(in_srgb(COLOURS[0], matrix), COLOURS[0], strict=True)) > 12


async def test_srgb_itself_changes_no_colour_and_a_curve_of_its_own_does(workshop: ImageWorkshop) -> None:
    for gamma in (2.2, 1.0):
        data = saved(Image.new("RGB", (64, 64), (90, 90, 90)), "PNG", icc_profile=rgb_profile(SRGB, gamma))
        right = in_srgb((90, 90, 90), SRGB, gamma)
        assert is_near(middle(await workshop.derive(data, Kind.PNG)), right, by=3)


async def test_grey_with_a_profile_of_its_own_is_converted(workshop: ImageWorkshop) -> None:
    data = saved(Image.new("L", (64, 64), 100), "PNG", icc_profile=grey_profile(1.0))
    right = in_srgb((100, 100, 100), SRGB, 1.0)
    assert is_near(middle(await workshop.derive(data, Kind.PNG)), right, by=3)


async def test_cmyk_is_read_by_its_printers_profile(workshop: ImageWorkshop) -> None:
    """In this printer's world cyan ink is a bright red, so that no formula without the profile could know it."""

    def lab(cyan: int, magenta: int, yellow: int, black: int) -> tuple[int, int, int]:
        return (136, 208, 195) if cyan and not (magenta or yellow or black) else (255, 128, 128)

    ink = Image.new("CMYK", (64, 64), (255, 0, 0, 0))
    naive = await workshop.derive(saved(ink, "JPEG"), Kind.JPEG)
    read = await workshop.derive(saved(ink, "JPEG", icc_profile=cmyk_profile(lab)), Kind.JPEG)
    assert is_near(middle(naive), (0, 255, 255), by=6)
    red, green, blue = middle(read)
    assert red > 200
    assert max(green, blue) < 100


@pytest.mark.parametrize("colours", [2, 6], ids=["RGB", "RGBA"])
async def test_sixteen_bits_of_colour_are_shown_in_eight(workshop: ImageWorkshop, colours: int) -> None:
    deep = _deep_png((0x2080, 0xA0FF, 0xF000, 0xFFFF), colours)
    assert is_near(middle(await workshop.derive(deep, Kind.PNG)), (0x20, 0xA0, 0xF0), by=3)


async def test_sixteen_bits_of_grey_are_shown_in_eight_at_any_size(workshop: ImageWorkshop) -> None:
    grey = np.full((60, 9_000), 0x6400, dtype=np.uint16)
    made = await workshop.derive(saved(Image.fromarray(grey), "PNG"), Kind.PNG)
    assert opened(made.view).size == (2_048, 14)
    assert is_near(middle(made), (0x64, 0x64, 0x64), by=3)


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
async def test_what_is_half_transparent_is_seen_on_white_in_every_band(workshop: ImageWorkshop, mode: str) -> None:
    picture = Image.new("RGBA", (500, 700), (0, 0, 0, 128))
    if mode == "P":
        palette = Image.new("P", (500, 700), 0)
        palette.putpalette([0, 0, 0] * 256)
        data = saved(palette, "PNG", transparency=bytes([128]) * 256)
    else:
        data = saved(picture.convert(mode), "PNG")
    view = opened((await workshop.derive(data, Kind.PNG)).view)
    for y in (3, 255, 256, 511, 512, 697):
        pixel = view.getpixel((250, y))
        assert isinstance(pixel, tuple)
        assert is_near(pixel, (127, 127, 127), by=3)


@pytest.mark.parametrize(("mode", "colour"), [("L", 30), ("RGB", (30, 60, 90))])
async def test_a_colour_that_a_png_calls_transparent_is_white(
    workshop: ImageWorkshop, mode: str, colour: int | tuple[int, int, int]
) -> None:
    picture = Image.new(mode, (64, 64), colour)
    made = await workshop.derive(saved(picture, "PNG", transparency=colour), Kind.PNG)
    assert is_near(middle(made), WHITE, by=3)
    assert not is_near(middle(await workshop.derive(saved(picture, "PNG"), Kind.PNG)), WHITE)


async def test_a_transparent_photo_in_a_wide_profile_stays_white_outside(workshop: ImageWorkshop) -> None:
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    picture.paste((200, 90, 60, 255), (0, 0, 64, 32))
    view = opened((await workshop.derive(saved(picture, "PNG", icc_profile=rgb_profile(ADOBE_RGB)), Kind.PNG)).view)
    top, bottom = view.getpixel((32, 10)), view.getpixel((32, 54))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert is_near(top, in_srgb((200, 90, 60), ADOBE_RGB), by=6)
    assert is_near(bottom, WHITE, by=3)


async def test_a_profile_of_another_mode_is_left_aside(workshop: ImageWorkshop) -> None:
    data = saved(Image.new("RGB", (64, 64), RED), "PNG", icc_profile=grey_profile(1.0))
    assert is_near(middle(await workshop.derive(data, Kind.PNG)), RED, by=6)


def _deep_png(pixel: tuple[int, ...], colours: int) -> bytes:
    """A PNG of 64 x 64 pixels of 16 bits a channel."""
    channels = 3 if colours == 2 else 4
    row = b"\0" + struct.pack(f">{channels}H", *pixel[:channels]) * 64

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 64, 64, 16, colours, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 64)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
