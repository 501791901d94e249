"""What people see of a photo: upright, small, like the photo, and with a hash that knows its copies."""

from pathlib import Path

import numpy as np
import pdqhash
import pikepdf
import pillow_heif
import pytest
from PIL import Image

from service.core.errors import Invalid
from service.files import decoder
from service.files.images import Derivatives, ImageWorkshop
from service.files.kinds import Kind
from tests.files.documents import pdf
from tests.files.judging import sniff_whole
from tests.files.looking import KINDS, bits_apart, corners, is_near, opened, psnr_db, ssim
from tests.files.metadata import assert_bare
from tests.files.pictures import BLUE, GREEN, RED, WHITE, exif, many_frames, quarters, saved, scene

pillow_heif.register_heif_opener()
DRAWN = sorted((Path(decoder.__file__).parents[1] / "samples" / "photos").glob("*.jpg"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_every_orientation_comes_out_upright(workshop: ImageWorkshop, form: str, orientation: int) -> None:
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = quarters(640, 400)
    turn = turns[orientation]
    lying = upright if turn is None else upright.transpose(turn)
    lying.info["exif"] = exif(orientation).tobytes()  # the HEIF encoder writes its rotation from here only
    data = saved(lying, form, exif=lying.info["exif"], quality=90)
    made = await workshop.derive(data, sniff_whole(data))
    assert (made.width_px, made.height_px) == (640, 400)
    view = opened(made.view)
    assert view.size == (640, 400)
    assert all(is_near(a, b) for a, b in zip(corners(view), (RED, GREEN, BLUE, WHITE), strict=True))
    assert opened(made.thumbnail).size == (480, 300)
    assert_bare(made)


async def test_in_heif_the_container_decides_and_a_left_over_exif_orientation_does_not(workshop: ImageWorkshop) -> None:
    data = saved(quarters(640, 400), "HEIF", exif=exif(6), quality=90)
    assert b"irot" not in data
    made = await workshop.derive(data, Kind.HEIC)
    assert (made.width_px, made.height_px) == (640, 400)
    assert is_near(corners(opened(made.view))[0], RED)


async def test_a_large_photo_is_reduced_and_a_small_one_is_not_enlarged(workshop: ImageWorkshop) -> None:
    large = await workshop.derive(saved(quarters(4000, 3000), "JPEG"), Kind.JPEG)
    assert (large.width_px, large.height_px) == (4000, 3000)
    assert (opened(large.view).size, opened(large.thumbnail).size) == ((2048, 1536), (480, 360))
    small = await workshop.derive(saved(quarters(30, 20), "PNG"), Kind.PNG)
    assert (opened(small.view).size, opened(small.thumbnail).size) == ((30, 20), (30, 20))


async def test_of_an_animation_the_first_picture_is_shown(workshop: ImageWorkshop) -> None:
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (64, 64), BLUE)
    for form, kind in (("PNG", Kind.PNG), ("WEBP", Kind.WEBP)):
        data = saved(first, form, save_all=True, append_images=[second] * 20, duration=50)
        made = await workshop.derive(data, kind)
        assert is_near(corners(opened(made.view))[0], RED)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.8, 0.95])
async def test_a_truncated_jpeg_is_damaged(workshop: ImageWorkshop, part: float) -> None:
    whole = saved(quarters(640, 400), "JPEG")
    with pytest.raises(Invalid) as refusal:
        await workshop.derive(whole[: int(len(whole) * part)], Kind.JPEG)
    assert refusal.value.code == "file_damaged"


async def test_pages_of_a_pdf_are_counted(workshop: ImageWorkshop) -> None:
    assert await workshop.count_pages(pdf(3)) == 3


async def test_a_pdf_with_a_password_is_protected_and_a_broken_one_damaged(workshop: ImageWorkshop) -> None:
    with pytest.raises(Invalid) as refusal:
        await workshop.count_pages(pdf(1, encryption=pikepdf.Encryption(owner="owner", user="secret")))
    assert refusal.value.code == "file_protected"
    with pytest.raises(Invalid) as refusal:
        await workshop.count_pages(b"%PDF-1.7\nnothing\n%%EOF")
    assert refusal.value.code == "file_damaged"
    assert await workshop.count_pages(pdf(1)) == 1


async def test_a_pdf_that_opens_without_a_password_is_taken(workshop: ImageWorkshop) -> None:
    assert await workshop.count_pages(pdf(2, encryption=pikepdf.Encryption(owner="owner", user=""))) == 2


@pytest.mark.parametrize("form", KINDS)
async def test_every_format_keeps_the_size_of_a_photo_with_odd_sides(workshop: ImageWorkshop, form: str) -> None:
    made = await workshop.derive(saved(quarters(2_501, 1_667), form, quality=90), KINDS[form])
    assert (made.width_px, made.height_px) == (2_501, 1_667)
    assert (opened(made.view).size, opened(made.thumbnail).size) == ((2_048, 1_365), (480, 320))


async def test_a_strip_keeps_at_least_one_pixel_of_its_short_side(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(quarters(30_000, 3), "PNG"), Kind.PNG)
    assert (opened(made.view).size, opened(made.thumbnail).size) == ((2_048, 1), (480, 1))


async def test_in_avif_the_container_decides_about_its_rotation_once(workshop: ImageWorkshop) -> None:
    data = saved(quarters(640, 400).transpose(Image.Transpose.ROTATE_90), "AVIF", exif=exif(6), quality=90)
    assert b"irot" in data
    made = await workshop.derive(data, Kind.AVIF)
    assert (made.width_px, made.height_px) == (640, 400)
    assert is_near(corners(opened(made.view))[0], RED)


@pytest.mark.parametrize(("width", "height"), [(4_000, 3_000), (8_192, 1_024)], ids=["12 MP", "decoded at a half"])
async def test_a_view_is_close_to_a_careful_resize(workshop: ImageWorkshop, width: int, height: int) -> None:
    photo = saved(scene(width, height), "JPEG", quality=92)
    size = (2_048, 2_048 * height // width)
    careful = opened(photo).resize(size, Image.Resampling.LANCZOS)
    _, _, pixels = decoder.upright_view("jpeg", photo)
    assert psnr_db(pixels, careful) > 42
    assert ssim(pixels, careful) > 0.99
    made = await workshop.derive(photo, Kind.JPEG)
    assert psnr_db(opened(made.view), careful) > 26
    assert ssim(opened(made.view), careful) > 0.94
    small = careful.resize((480, 480 * height // width), Image.Resampling.LANCZOS)
    assert ssim(opened(made.thumbnail), small) > 0.9


async def _likeness(
    workshop: ImageWorkshop, picture: Image.Image, form: str = "JPEG", **options: object
) -> Derivatives:
    made = await workshop.derive(saved(picture, form, **options), KINDS[form])
    assert len(made.likeness) == 32
    return made


async def test_copies_of_a_photo_have_nearly_the_same_hash_and_other_photos_do_not(workshop: ImageWorkshop) -> None:
    drawn = [opened(path.read_bytes()).convert("RGB") for path in DRAWN]
    assert len(drawn) == 5
    hashes = [await _likeness(workshop, picture) for picture in drawn]
    assert all(made.likeness_quality >= 50 for made in hashes)
    for picture, made in zip(drawn, hashes, strict=True):
        lying = picture.transpose(Image.Transpose.ROTATE_90)
        copies = [
            await _likeness(workshop, picture, quality=30),
            await _likeness(workshop, picture.resize((320, 240))),
            await _likeness(workshop, picture.resize((2_560, 1_920))),
            await _likeness(workshop, lying, exif=exif(6).tobytes()),
            await _likeness(workshop, picture, "WEBP", quality=60),
        ]
        assert max(bits_apart(made.likeness, copy.likeness) for copy in copies) <= 31, "PDQ's own limit for a match"
    apart = [bits_apart(a.likeness, b.likeness) for a in hashes for b in hashes if a is not b]
    assert min(apart) >= 60


async def test_the_hash_is_that_of_pdq_in_the_order_of_its_hexadecimal_form(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(DRAWN[0], Kind.JPEG)
    bits, quality = pdqhash.compute(np.asarray(opened(DRAWN[0].read_bytes()).convert("RGB")))
    assert bits_apart(made.likeness, int("".join(map(str, bits)), 2).to_bytes(32)) <= 16
    assert abs(made.likeness_quality - int(quality)) <= 10


async def test_a_photo_of_nothing_has_a_hash_of_no_quality(workshop: ImageWorkshop) -> None:
    plain = await _likeness(workshop, Image.new("RGB", (640, 480), RED))
    tiny = await _likeness(workshop, quarters(4, 4), "PNG")
    assert (plain.likeness_quality, tiny.likeness_quality) == (0, 0)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF", "HEIF", "MPO"])
async def test_as_many_pictures_in_a_file_as_the_limit_says_are_taken(workshop: ImageWorkshop, form: str) -> None:
    data = many_frames(form, decoder.FRAMES_MAX)
    made = await workshop.derive(data, sniff_whole(data))
    assert (made.width_px, made.height_px) == (16, 16)


async def test_a_document_of_too_many_pages_is_refused(workshop: ImageWorkshop) -> None:
    assert await workshop.count_pages(pdf(decoder.PAGES_MAX)) == 500
    with pytest.raises(Invalid) as refusal:
        await workshop.count_pages(pdf(decoder.PAGES_MAX + 1))
    assert refusal.value.code == "file_too_many_pages"
