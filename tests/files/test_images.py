"""What people see of a photo: upright, sRGB, small, and without a word about where it was taken."""

import asyncio
import io
import json
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pillow_heif
import pytest
from PIL import Image, ImageCms

from service.core.errors import FairholdError, Invalid, TooLarge, Unavailable
from service.files.images import Derivatives, ImageWorkshop, Limits
from service.files.kinds import Kind, sniff_whole
from tests.files.pictures import BLUE, GREEN, RED, WHITE, exif, png_bomb, quarters, saved, scan_bomb

pillow_heif.register_heif_opener()
CODES = {"file_empty", "file_not_a_photo", "file_damaged", "file_too_many_pixels", "file_timeout", "file_protected"}


def _open(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def _is_near(one: tuple[int, ...], other: tuple[int, ...], by: int = 24) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def _corners(picture: Image.Image) -> list[tuple[int, ...]]:
    wide, high = picture.size
    at = [
        (wide // 4, high // 4),
        (wide * 3 // 4, high // 4),
        (wide // 4, high * 3 // 4),
        (wide * 3 // 4, high * 3 // 4),
    ]
    pixels = [picture.getpixel(each) for each in at]
    return [pixel for pixel in pixels if isinstance(pixel, tuple)]


def _assert_clean(made: Derivatives) -> None:
    for data in (made.view, made.thumbnail):
        picture = _open(data)
        assert (picture.format, picture.mode) == ("WEBP", "RGB")
        assert len(picture.getexif()) == 0
        assert set(picture.info) <= {"loop", "background", "timestamp", "duration"}
        names = {data[at : at + 4] for at in range(12, 17, 4)}
        assert names & {b"VP8 ", b"VP8L"}, "a bare picture chunk, not an extended file with room for metadata"


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
    view = _open(made.view)
    assert view.size == (640, 400)
    assert all(_is_near(a, b) for a, b in zip(_corners(view), (RED, GREEN, BLUE, WHITE), strict=True))
    assert _open(made.thumbnail).size == (480, 300)
    _assert_clean(made)


async def test_in_heif_the_container_decides_and_a_left_over_exif_orientation_does_not(workshop: ImageWorkshop) -> None:
    data = saved(quarters(640, 400), "HEIF", exif=exif(6), quality=90)
    assert b"irot" not in data
    made = await workshop.derive(data, Kind.HEIC)
    assert (made.width_px, made.height_px) == (640, 400)
    assert _is_near(_corners(_open(made.view))[0], RED)


async def test_a_large_photo_is_reduced_and_a_small_one_is_not_enlarged(workshop: ImageWorkshop) -> None:
    large = await workshop.derive(saved(quarters(4000, 3000), "JPEG"), Kind.JPEG)
    assert (large.width_px, large.height_px) == (4000, 3000)
    assert (_open(large.view).size, _open(large.thumbnail).size) == ((2048, 1536), (480, 360))
    small = await workshop.derive(saved(quarters(30, 20), "PNG"), Kind.PNG)
    assert (_open(small.view).size, _open(small.thumbnail).size) == ((30, 20), (30, 20))


async def test_metadata_of_every_sort_stays_behind(workshop: ImageWorkshop) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><secret/></x:xmpmeta>'
    data = saved(quarters(300, 200), "JPEG", exif=exif(), icc_profile=profile, xmp=xmp, comment=b"secret comment")
    assert b"secret comment" in data
    assert b"Secret Maker" in data
    made = await workshop.derive(data, Kind.JPEG)
    _assert_clean(made)
    assert b"ecret" not in made.view + made.thumbnail


async def test_a_wide_colour_profile_is_converted_not_dropped(workshop: ImageWorkshop) -> None:
    swapped = _swapped_profile()
    made = await workshop.derive(saved(Image.new("RGB", (64, 64), RED), "PNG", icc_profile=swapped), Kind.PNG)
    seen = _open(made.view).getpixel((32, 32))
    assert isinstance(seen, tuple)
    assert seen[1] > seen[0] + 100, "under this profile the red numbers mean green"
    _assert_clean(made)


async def test_a_broken_colour_profile_does_not_spoil_the_photo(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(Image.new("RGB", (64, 64), RED), "PNG", icc_profile=b"junk" * 50), Kind.PNG)
    assert _is_near(_corners(_open(made.view))[0], RED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
async def test_every_mode_of_png_is_shown_in_its_colours(workshop: ImageWorkshop, mode: str) -> None:
    if mode == "I;16":
        picture = Image.new("I;16", (64, 64), 128 * 256)
        expected = (128, 128, 128)
    else:
        picture = Image.new("RGB", (64, 64), WHITE).convert(mode)
        expected = WHITE
    made = await workshop.derive(saved(picture, "PNG"), Kind.PNG)
    assert _is_near(_corners(_open(made.view))[0], expected, by=3)


async def test_transparency_becomes_white(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG"), Kind.PNG)
    assert _is_near(_corners(_open(made.view))[0], WHITE, by=3)


async def test_cmyk_is_shown_in_its_colours(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(Image.new("RGB", (64, 64), GREEN).convert("CMYK"), "JPEG"), Kind.JPEG)
    assert _is_near(_corners(_open(made.view))[0], GREEN)


async def test_of_an_animation_the_first_picture_is_shown(workshop: ImageWorkshop) -> None:
    first, second = Image.new("RGB", (64, 64), RED), Image.new("RGB", (64, 64), BLUE)
    for form, kind in (("PNG", Kind.PNG), ("WEBP", Kind.WEBP)):
        data = saved(first, form, save_all=True, append_images=[second] * 20, duration=50)
        made = await workshop.derive(data, kind)
        assert _is_near(_corners(_open(made.view))[0], RED)


@pytest.mark.parametrize("part", [0.05, 0.3, 0.5, 0.8, 0.95])
async def test_a_truncated_jpeg_is_damaged(workshop: ImageWorkshop, part: float) -> None:
    whole = saved(quarters(640, 400), "JPEG")
    with pytest.raises(Invalid) as refusal:
        await workshop.derive(whole[: int(len(whole) * part)], Kind.JPEG)
    assert refusal.value.code == "file_damaged"


async def test_an_empty_and_a_huge_file_are_refused_before_a_decoder_sees_them(workshop: ImageWorkshop) -> None:
    with pytest.raises(Invalid) as empty:
        await workshop.derive(b"", Kind.JPEG)
    with pytest.raises(TooLarge) as large:
        await workshop.derive(bytes(20_000_001), Kind.JPEG)
    assert (empty.value.code, large.value.code) == ("file_empty", "file_too_large")
    assert workshop._idle == []


@pytest.mark.parametrize("side", [7072, 12_000])
async def test_a_pixel_bomb_is_refused_by_its_header(workshop: ImageWorkshop, side: int) -> None:
    bomb = png_bomb(side)
    assert len(bomb) < 1_000_000
    with pytest.raises(Invalid) as refusal:
        await workshop.derive(bomb, Kind.PNG)
    assert refusal.value.code == "file_too_many_pixels"
    await _assert_still_works(workshop)


async def test_as_many_pixels_as_the_limit_says_are_decoded(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(png_bomb(7071), Kind.PNG)
    assert (made.width_px, made.height_px) == (7071, 7071)


async def test_a_file_that_decodes_for_ever_is_ended_by_the_cpu_limit() -> None:
    workshop = ImageWorkshop(Limits(cpu_seconds=1, wall_seconds=30.0))
    try:
        with pytest.raises(Invalid) as refusal:
            await workshop.derive(scan_bomb(4000, 400), Kind.JPEG)
        assert refusal.value.code == "file_timeout"
        await _assert_still_works(workshop)
    finally:
        await workshop.close()


async def test_a_file_that_decodes_for_ever_is_ended_by_the_wall_clock() -> None:
    workshop = ImageWorkshop(Limits(cpu_seconds=30, wall_seconds=1.0))
    try:
        with pytest.raises(Invalid) as refusal:
            await workshop.derive(scan_bomb(4000, 400), Kind.JPEG)
        assert refusal.value.code == "file_timeout"
        assert workshop._idle == []
    finally:
        await workshop.close()


async def test_a_worker_that_was_killed_costs_no_file(workshop: ImageWorkshop) -> None:
    await _assert_still_works(workshop)
    workshop._idle[0]._process.kill()
    await _assert_still_works(workshop)


async def test_a_hanging_file_holds_up_only_itself() -> None:
    workshop = ImageWorkshop(Limits(cpu_seconds=2, wall_seconds=30.0))
    try:
        hanging = asyncio.create_task(workshop.derive(scan_bomb(4000, 400), Kind.JPEG))
        for _ in range(5):
            await _assert_still_works(workshop)
        with pytest.raises(Invalid):
            await hanging
    finally:
        await workshop.close()


async def test_a_caller_who_goes_away_leaves_no_worker_in_the_middle_of_a_file(workshop: ImageWorkshop) -> None:
    task = asyncio.create_task(workshop.derive(scan_bomb(4000, 400), Kind.JPEG))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(task), timeout=0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert workshop._idle == []
    await _assert_still_works(workshop)


async def test_too_many_waiting_photos_are_refused_at_once() -> None:
    workshop = ImageWorkshop(Limits(waiting_max=2))
    photo = saved(quarters(64, 48), "JPEG")
    try:
        results = await asyncio.gather(*(workshop.derive(photo, Kind.JPEG) for _ in range(3)), return_exceptions=True)
    finally:
        await workshop.close()
    refused = [each for each in results if isinstance(each, Unavailable)]
    assert [each.code for each in refused] == ["photo_workshop_busy"]
    assert sum(isinstance(each, Derivatives) for each in results) == 2


async def test_a_worker_is_replaced_after_its_share_of_files() -> None:
    workshop = ImageWorkshop(Limits(jobs_per_worker_max=2))
    try:
        await _assert_still_works(workshop)
        first = workshop._idle[0]._process.pid
        await _assert_still_works(workshop)
        assert workshop._idle == []
        await _assert_still_works(workshop)
        assert workshop._idle[0]._process.pid != first
    finally:
        await workshop.close()


async def test_decoders_get_nothing_of_our_environment(
    workshop: ImageWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRHOLD_SECRET", "never to be seen there")
    await _assert_still_works(workshop)
    seen = Path(f"/proc/{workshop._idle[0]._process.pid}/environ")
    if not seen.exists():
        pytest.skip("no /proc on this system")
    assert b"FAIRHOLD" not in seen.read_bytes()


async def test_pages_of_a_pdf_are_counted(workshop: ImageWorkshop) -> None:
    assert await workshop.count_pages(_pdf(3)) == 3


async def test_a_pdf_with_a_password_is_protected_and_a_broken_one_damaged(workshop: ImageWorkshop) -> None:
    with pytest.raises(Invalid) as refusal:
        await workshop.count_pages(_pdf(1, encryption=pikepdf.Encryption(owner="owner", user="secret")))
    assert refusal.value.code == "file_protected"
    with pytest.raises(Invalid) as refusal:
        await workshop.count_pages(b"%PDF-1.7\nnothing\n%%EOF")
    assert refusal.value.code == "file_damaged"
    assert await workshop.count_pages(_pdf(1)) == 1


async def test_a_pdf_that_opens_without_a_password_is_taken(workshop: ImageWorkshop) -> None:
    assert await workshop.count_pages(_pdf(2, encryption=pikepdf.Encryption(owner="owner", user=""))) == 2


async def test_public_photos_come_out_upright_and_without_metadata(
    workshop: ImageWorkshop, photos: Path, tmp_path: Path
) -> None:
    made = 0
    for file in sorted(each for each in (photos / "exif").rglob("*") if each.suffix.lower() in _PHOTO_SUFFIXES):
        derived, code = await _derived(workshop, file)
        assert derived is not None, (file, code)
        _assert_clean(derived)
        (tmp_path / f"{made}-view.webp").write_bytes(derived.view)
        (tmp_path / f"{made}-thumbnail.webp").write_bytes(derived.thumbnail)
        if file.name.startswith(("landscape_", "portrait_")):
            upright = derived.width_px > derived.height_px
            assert upright is file.name.startswith("landscape_"), file
            reference = _open(Path(file.parent / f"{file.stem[:-1]}1.jpg").read_bytes()).convert("RGB")
            _assert_looks_like(_open(derived.view), reference)
        made += 1
    assert made == 35
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed; checked with Pillow only")
    _assert_no_metadata_by_exiftool(tmp_path)


async def test_malformed_files_give_derivatives_or_a_code_and_never_end_the_pool(
    workshop: ImageWorkshop, photos: Path
) -> None:
    codes: dict[str, int] = {}
    for file in sorted(each for each in (photos / "malformed").rglob("*") if each.is_file()):
        made, code = await _derived(workshop, file)
        assert code in CODES | {"shown"}, file
        codes[code] = codes.get(code, 0) + 1
        if made is not None:
            _assert_clean(made)
    assert codes == {"shown": 44, "file_not_a_photo": 62, "file_damaged": 4}
    await _assert_still_works(workshop)


_PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".heic", ".heif", ".webp", ".avif"}
_TAGS_OF_ANY_FILE = {"SourceFile", "ExifTool", "File", "RIFF", "Composite"}


def _assert_no_metadata_by_exiftool(folder: Path) -> None:
    command = ["exiftool", "-json", "-G", "-a", "-u", str(folder)]
    for file in json.loads(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout):
        groups = {name.partition(":")[0] for name in file}
        assert groups <= _TAGS_OF_ANY_FILE, file
        riff = {name for name in file if name.startswith(("RIFF:", "Composite:"))}
        assert riff <= {
            "RIFF:ImageWidth", "RIFF:ImageHeight", "RIFF:HorizontalScale", "RIFF:VerticalScale", "RIFF:VP8Version",
            "Composite:ImageSize", "Composite:Megapixels",
        }, file  # fmt: skip


def _assert_looks_like(picture: Image.Image, reference: Image.Image) -> None:
    small = picture.resize((24, 24)).convert("L").tobytes()
    wanted = reference.resize((24, 24)).convert("L").tobytes()
    assert sum(abs(a - b) for a, b in zip(small, wanted, strict=True)) / len(small) < 12


async def _derived(workshop: ImageWorkshop, file: Path) -> tuple[Derivatives | None, str]:
    """The derivatives of a file, or the code of its refusal."""
    try:
        return await workshop.derive(file, sniff_whole(file.read_bytes())), "shown"
    except FairholdError as refusal:
        return None, refusal.code


async def _assert_still_works(workshop: ImageWorkshop) -> None:
    made = await workshop.derive(saved(quarters(64, 48), "JPEG"), Kind.JPEG)
    assert (made.width_px, made.height_px) == (64, 48)


def _pdf(pages: int, **options: object) -> bytes:
    out = io.BytesIO()
    with pikepdf.new() as document:
        for _ in range(pages):
            document.add_blank_page()
        document.save(out, **options)
    return out.getvalue()


def _swapped_profile() -> bytes:
    """An RGB profile whose red and green primaries are exchanged."""
    plain = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = plain.index(b"rXYZ"), plain.index(b"gXYZ")
    plain[red : red + 4], plain[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(plain)
