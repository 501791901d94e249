"""Barcodes on pictures: every kind, leaning, small, pale, inverted, several at once; and none that is made up."""

import numpy as np
import pytest
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

from service.complaints.recognise.engine import may_hold_print, read_codes
from tests.complaints.labels import barcode
from tests.data import data_folder

F = zxingcpp.BarcodeFormat
EAN = "6901234567892"
GS1 = "(01)06901234567892(17)290311(10)SY26J1807(21)S-1"
DATA = data_folder() / "photos" / "barcodes"


def on_paper(*codes: Image.Image, side: int = 1_000, shade: int = 235) -> Image.Image:
    """Codes beneath each other in the middle of a sheet."""
    sheet = Image.new("L", (side, side), shade)
    height = sum(code.height + 80 for code in codes)
    y = (side - height) // 2
    for code in codes:
        sheet.paste(code, ((side - code.width) // 2, y))
        y += code.height + 80
    return sheet


def texts(picture: Image.Image) -> set[str]:
    return {str(code["text"]) for code in read_codes(picture.convert("RGB"))}


@pytest.mark.parametrize(
    ("content", "symbology", "name", "text"),
    [
        (EAN, F.EAN13, "ean_13", EAN),
        ("96385074", F.EAN8, "ean_8", "96385074"),
        ("071831007995", F.UPCA, "ean_13", "0071831007995"),
        ("01234565", F.UPCE, "upc_e", "0012345000065"),
        ("SY26J1807", F.Code128, "code_128", "SY26J1807"),
        ("16901234567899", F.ITF, "itf", "16901234567899"),
        ("SY26J1807", F.DataMatrix, "data_matrix", "SY26J1807"),
        ("SY26J1807", F.QRCode, "qr_code", "SY26J1807"),
        ("SY26J1807", F.Aztec, "aztec", "SY26J1807"),
        ("SY26J1807", F.PDF417, "pdf_417", "SY26J1807"),
    ],
)
def test_a_code_of_every_kind_is_read(content: str, symbology: F, name: str, text: str) -> None:
    (found,) = read_codes(on_paper(barcode(content, symbology, scale=3)).convert("RGB"))
    assert (found["symbology"], found["text"]) == (name, text)


@pytest.mark.parametrize("symbology", [F.DataMatrix, F.QRCode, F.DataBarExp, F.Code128])
def test_gs1_identifiers_are_parsed_with_their_separators(symbology: F) -> None:
    (found,) = read_codes(on_paper(barcode(GS1, symbology, scale=2, gs1=True), side=1_600).convert("RGB"))
    assert dict(found["elements"]) == {"01": "06901234567892", "17": "290311", "10": "SY26J1807", "21": "S-1"}


def test_a_digital_link_is_parsed() -> None:
    link = "https://id.example.com/01/06901234567892/10/SY26J1807?17=290311"
    (found,) = read_codes(on_paper(barcode(link, F.QRCode)).convert("RGB"))
    assert dict(found["elements"]) == {"01": "06901234567892", "17": "290311", "10": "SY26J1807"}
    (found,) = read_codes(on_paper(barcode("https://example.com/a/b", F.QRCode)).convert("RGB"))
    assert found["elements"] == []


def test_an_element_string_with_a_wrong_date_still_gives_the_lot() -> None:
    (found,) = read_codes(on_paper(barcode("(17)290230(10)A1", F.DataMatrix, gs1=True)).convert("RGB"))
    assert ("10", "A1") in [tuple(each) for each in found["elements"]]


@pytest.mark.parametrize("angle", range(0, 360, 15))
@pytest.mark.parametrize(("content", "symbology"), [(EAN, F.EAN13), ("SY26J1807", F.Code128), (GS1, F.DataMatrix)])
def test_a_code_may_lean_any_way(content: str, symbology: F, angle: int) -> None:
    code = barcode(content, symbology, scale=3, gs1=content == GS1)
    tall = code if symbology is F.DataMatrix else code.resize((code.width, max(code.height, 160)))
    leaning = on_paper(tall).rotate(angle, Image.Resampling.BICUBIC, fillcolor=235)
    (found,) = read_codes(leaning.convert("RGB"))
    across, down = [x for x, _ in found["region"]], [y for _, y in found["region"]]
    assert abs(sum(across) / 4 - 500) < 60  # its place is told in the picture's own pixels
    assert abs(sum(down) / 4 - 500) < 60


@pytest.mark.parametrize(("darkest", "lightest"), [(0, 255), (100, 140), (120, 132)])
def test_a_pale_code_is_read(darkest: int, lightest: int) -> None:
    sheet = np.asarray(on_paper(barcode(EAN, F.EAN13, scale=3), shade=255)).astype(float)
    pale = Image.fromarray((darkest + (lightest - darkest) * sheet / 255).astype(np.uint8))
    assert texts(pale) == {EAN}


def test_a_light_code_on_a_dark_ground_is_read() -> None:
    assert texts(ImageOps.invert(on_paper(barcode(EAN, F.EAN13, scale=3), shade=255))) == {EAN}


def test_a_small_code_in_a_large_photo_is_read() -> None:
    assert texts(on_paper(barcode(EAN, F.EAN13, scale=2), side=2_048)) == {EAN}


def test_a_blurred_code_is_read_less_surely() -> None:
    sharp = on_paper(barcode(EAN, F.EAN13, scale=3), side=580)
    (found,) = read_codes(sharp.filter(ImageFilter.GaussianBlur(2.0)).convert("RGB"))
    assert (found["text"], found["sure"]) == (EAN, 0.8)
    assert read_codes(sharp.filter(ImageFilter.GaussianBlur(6)).convert("RGB")) == []


def test_several_codes_of_one_photo_are_all_read() -> None:
    sheet = on_paper(barcode(EAN, F.EAN13, scale=3), barcode(GS1, F.DataMatrix, gs1=True), barcode("x", F.QRCode))
    assert {code["symbology"] for code in read_codes(sheet.convert("RGB"))} == {"ean_13", "data_matrix", "qr_code"}


def test_bars_whose_check_digit_is_wrong_are_not_read() -> None:
    drawn = np.asarray(barcode(EAN, F.EAN13, scale=3)).copy()
    other = np.asarray(barcode("6901234567908", F.EAN13, scale=3))
    changed = np.flatnonzero((drawn != other).any(axis=0))
    half = changed[: len(changed) // 2]  # some digits of the one, some of the other
    drawn[:, half] = other[:, half]
    assert not texts(on_paper(Image.fromarray(drawn))) & {EAN, "6901234567908"}


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_code(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (600, 800, 3), dtype=np.uint8)
    assert read_codes(Image.fromarray(noise)) == []


def test_pictures_without_sharp_edges_are_spared_the_text_models() -> None:
    flat = np.full((600, 800), 120, np.uint8)
    slope = np.tile(np.linspace(0, 255, 800).astype(np.uint8), (600, 1))
    assert not may_hold_print(flat)
    assert not may_hold_print(slope)
    written = np.asarray(on_paper(barcode("a", F.QRCode, scale=1), side=400))
    assert may_hold_print(written)
    assert not may_hold_print(flat[:, :1])


@pytest.mark.parametrize(
    ("folder", "least"),
    [
        ("code128-1", 7), ("datamatrix-2", 18), ("ean13-4", 15), ("ean8-1", 8), ("itf-1", 14), ("qrcode-5", 19),
        ("rssexpanded-1", 35),
    ],
)  # fmt: skip
def test_public_photos_of_codes_are_read_and_never_wrongly(folder: str, least: int) -> None:
    if not DATA.is_dir():
        pytest.skip(f"the public photos are not at {DATA}; FAIRHOLD_DATA names their folder")
    right = 0
    for photo in sorted((DATA / folder).glob("*.png")):
        truth = _bare(photo.with_suffix(".txt").read_bytes().decode())
        with Image.open(photo) as opened:
            found = read_codes(opened.convert("RGBA").convert("RGB"))
        right += any(_bare(code["text"]) == truth[:1_900] for code in found)
        assert all(_bare(code["text"]).lstrip("0") == truth[:1_900].lstrip("0") for code in found), photo.name
    assert right >= least


def test_the_blurred_upc_photos_are_not_read_and_nothing_is_made_up() -> None:
    if not DATA.is_dir():
        pytest.skip(f"the public photos are not at {DATA}; FAIRHOLD_DATA names their folder")
    for photo in sorted((DATA / "upca-6").glob("*.png")):
        with Image.open(photo) as opened:
            assert read_codes(opened.convert("RGBA").convert("RGB")) == [], photo.name


def _bare(text: str) -> str:
    return text.replace("\r", "").strip()[:1_900]
