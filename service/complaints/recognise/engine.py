"""The process that reads photos: barcodes (zxing-cpp, biip) and print (RapidOCR). Started by `reader.Recogniser`.

It gets our own WebP view of a photo, never a stranger's bytes, and holds no secret. A job is {"cpu_seconds"} and the
view; the answer {"error"} or {"width", "height", "engine", "codes": [...], "lines": [...]}, with regions as corners in
pixels of the view. The text models (and 700 MB) are loaded for the first photo that can hold print at all.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from typing import Any

import biip
import numpy as np
import zxingcpp
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_messages import GS1Message
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from service.files.pipe_end import answer_jobs

MEMORY_BYTES_MAX = 1_610_612_736  # 1.5 GiB of private memory; a photo with much text takes half of it
CODES_MAX = 20
LINES_MAX = 200
TEXT_LENGTH_MAX = 2_000
VIEW_SIDE_MAX = 4_096
LOOKS_ALWAYS = 2  # a photo may show several codes, of which one look misses some
SMALL_SIDE_PX = 1_100  # below this a bar may be only a few pixels wide, and is looked for enlarged too
TINY_SIDE_PX = 600
ASLANT = 45  # degrees; a code that leans by up to 20 degrees to either side is found without being turned
SURE_OF_SHARPENED = 0.8
AGREEING_MIN = 3  # two ways of sharpening have agreed on a wrong number
# How many times larger, and how wide a blur is undone, in pixels of the picture.
SHARPENED_TINY = ((4.0, 0.5), (6.0, 1.5), (2.0, 2.0), (2.0, 3.0), (3.0, 3.0), (4.0, 0.0))
SHARPENED = ((1.0, 1.5), (1.0, 3.0), (1.0, 6.0))
EDGE_STEP = 18  # of 255: print differs from its ground by more, even on foil
EDGE_SHARE_MIN = 0.0004  # of all pixels; one short line of print on a photo has more
TEXT_SCORE_MIN = 0.5
SURE_OF_PRINT_MAX = 0.98  # bars carry check digits, print does not

_ENGINE = f"zxing-cpp {version('zxing-cpp')}, biip {version('biip')}, rapidocr {version('rapidocr')} PP-OCRv6 small"
_SEPARATOR = "\x1d"
_NO_DATES = biip.ParseConfig(gs1_element_strings_verify_date=False)
"""A wrong date must not hide the lot beside it; dates are judged by whoever asked."""
# How often zxing's names of formats are spelled by others: ours are lowercase with underscores.
_SYMBOLOGIES = {
    "EAN13": "ean_13", "EAN8": "ean_8", "UPCA": "upc_a", "UPCE": "upc_e", "ISBN": "ean_13", "Code128": "code_128",
    "Code39": "code_39", "Code39Std": "code_39", "Code39Ext": "code_39", "Code93": "code_93", "ITF": "itf",
    "ITF14": "itf", "Codabar": "codabar", "DataBarOmni": "databar", "DataBarStk": "databar",
    "DataBarStkOmni": "databar", "DataBarLtd": "databar_limited", "DataBarExp": "databar_expanded",
    "DataBarExpStk": "databar_expanded", "DataMatrix": "data_matrix", "QRCode": "qr_code", "QRCodeModel1": "qr_code",
    "QRCodeModel2": "qr_code", "MicroQRCode": "qr_code", "RMQRCode": "qr_code", "Aztec": "aztec",
    "AztecCode": "aztec", "PDF417": "pdf_417", "CompactPDF417": "pdf_417", "MicroPDF417": "pdf_417",
}  # fmt: skip
Grey = NDArray[np.uint8]
Region = list[tuple[int, int]]
_Key = tuple[str, bytes]


class _Reader:
    """Keeps the text models once they are loaded."""

    def __init__(self) -> None:
        self._text_engine: Any = None

    def work(self, _: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Answer one job."""
        try:
            with Image.open(BytesIO(body), formats=("WEBP",)) as opened:
                if max(opened.size) > VIEW_SIDE_MAX:
                    return {"error": "unreadable"}, b""
                picture = opened.convert("RGB")
        except (OSError, ValueError, SyntaxError):
            return {"error": "unreadable"}, b""
        try:
            return self._read(picture), b""
        except MemoryError:
            return {"error": "memory"}, b""

    def _read(self, picture: Image.Image) -> dict[str, Any]:
        codes = read_codes(picture)
        lines = self._lines(picture) if may_hold_print(np.asarray(picture.convert("L"))) else []
        return {
            "width": picture.width,
            "height": picture.height,
            "engine": _ENGINE,
            "codes": codes[:CODES_MAX],
            "lines": lines[:LINES_MAX],
        }

    def _lines(self, picture: Image.Image) -> list[dict[str, Any]]:
        """Return the lines of print, from top to bottom, with how sure the model is of each (0 to 1)."""
        if self._text_engine is None:
            self._text_engine = _load_text_engine()
        found = self._text_engine(np.asarray(picture)[:, :, ::-1])  # the models learned with blue first
        if found.txts is None or found.boxes is None:
            return []
        return [
            {
                "text": text[:TEXT_LENGTH_MAX],
                "sure": round(min(float(score), SURE_OF_PRINT_MAX), 3),
                "region": [(round(float(x)), round(float(y))) for x, y in box],
            }
            for text, score, box in zip(found.txts, found.scores, found.boxes, strict=True)
        ]


def _load_text_engine() -> Any:
    """Load the models of the wheel. One thread: the work is not urgent, and the processors are for people who wait."""
    import cv2  # noqa: PLC0415  # 0.2 s and 60 MB, which photos without print save
    from rapidocr import RapidOCR  # noqa: PLC0415  # the same, and more

    cv2.setNumThreads(1)
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": TEXT_SCORE_MIN,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def may_hold_print(grey: Grey) -> bool:
    """Whether a picture has enough sharp edges to hold a line of print; plain colours and empty sheets have none."""
    steps = np.abs(np.diff(grey.astype(np.int16), axis=1)) >= EDGE_STEP
    return float(steps.mean()) >= EDGE_SHARE_MIN if steps.size else False


@dataclass(frozen=True, slots=True)
class _Look:
    """One way of looking at a picture, and how sure what it finds is (0 to 1). `turn` is in degrees."""

    picture: Image.Image
    sure: float
    scale: float = 1.0
    turn: int = 0
    binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage


def read_codes(picture: Image.Image) -> list[dict[str, Any]]:
    """Return the barcodes of a picture. After two looks, goes on to stranger ones until something is found."""
    grey = picture.convert("L")
    found: dict[_Key, dict[str, Any]] = {}
    for place, look in enumerate(_looks(grey)):
        if place >= LOOKS_ALWAYS and found:
            break
        for key, code in _seen(look, grey.size).items():
            found.setdefault(key, code)
    return _without_pieces(list(found.values())) or _agreed(grey)


def _without_pieces(codes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out a UPC-E beside an EAN: a piece of an EAN's bars, or its add-on, often is one, check digit and all."""
    has_ean = any(code["symbology"] in {"ean_13", "ean_8", "upc_a"} for code in codes)
    return [code for code in codes if code["symbology"] != "upc_e" or not has_ean]


def _agreed(grey: Image.Image) -> list[dict[str, Any]]:
    """Return the codes that several ways of sharpening a blurred picture agree on.

    One alone sometimes gives a wrong number whose check digit is right by chance. Where codes overlap, the one that
    most ways found is kept.
    """
    seen: dict[_Key, list[dict[str, Any]]] = {}
    for look in _sharpened(grey):
        for key, code in _seen(look, grey.size).items():
            seen.setdefault(key, []).append(code)
    kept: list[dict[str, Any]] = []
    for codes in sorted(seen.values(), key=len, reverse=True):
        if len(codes) >= AGREEING_MIN and not any(_overlap(codes[0]["region"], each["region"]) for each in kept):
            kept.append(codes[0])
    return kept


def _seen(look: _Look, size: tuple[int, int]) -> dict[_Key, dict[str, Any]]:
    return {
        (barcode.symbology_identifier, barcode.bytes): _code(barcode, look, size)
        for barcode in zxingcpp.read_barcodes(look.picture, binarizer=look.binarizer)
        if barcode.valid
    }


def _looks(grey: Image.Image) -> Iterator[_Look]:
    """Yield a picture as it is; larger or smaller; with one threshold; stretched; inverted; aslant."""
    whole = zxingcpp.Binarizer.GlobalHistogram
    yield _Look(grey, 0.99)
    factor = 2.0 if max(grey.size) <= SMALL_SIDE_PX else 0.5
    yield _Look(_scaled(grey, factor), 0.99, scale=factor)
    yield _Look(grey, 0.95, binarizer=whole)
    yield _Look(ImageOps.autocontrast(grey, cutoff=1), 0.95, binarizer=whole)
    yield _Look(ImageOps.invert(grey), 0.95)
    yield _Look(grey.rotate(ASLANT, Image.Resampling.BICUBIC, expand=True, fillcolor=255), 0.95, turn=ASLANT)


def _sharpened(grey: Image.Image) -> Iterator[_Look]:
    for factor, radius in SHARPENED_TINY if max(grey.size) <= TINY_SIDE_PX else SHARPENED:
        larger = _scaled(grey, factor)
        sharp = larger.filter(ImageFilter.UnsharpMask(radius * factor / 2, 300, 0)) if radius else larger
        yield _Look(sharp, SURE_OF_SHARPENED, scale=factor)


def _overlap(one: Region, other: Region) -> bool:
    def spans(region: Region, axis: int) -> tuple[int, int]:
        return min(point[axis] for point in region), max(point[axis] for point in region)

    pairs = [(spans(one, axis), spans(other, axis)) for axis in (0, 1)]
    return all(a[0] <= b[1] and b[0] <= a[1] for a, b in pairs)


def _scaled(grey: Image.Image, factor: float) -> Image.Image:
    size = (round(grey.width * factor), round(grey.height * factor))
    return grey.resize(size, Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX)


def _code(barcode: zxingcpp.Barcode, look: _Look, size: tuple[int, int]) -> dict[str, Any]:
    at = barcode.position
    corners = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    return {
        "symbology": _SYMBOLOGIES.get(barcode.format.name, "other"),
        "identifier": barcode.symbology_identifier,
        "text": barcode.text[:TEXT_LENGTH_MAX],
        "elements": _elements(barcode),
        "sure": look.sure,
        "region": [_back(look, (corner.x, corner.y), size) for corner in corners],
    }


def _back(look: _Look, point: tuple[float, float], size: tuple[int, int]) -> tuple[int, int]:
    """Return where a point of a look lies in the picture of this size, within its edges."""
    x, y = point[0] / look.scale, point[1] / look.scale
    if look.turn:
        angle = math.radians(look.turn)
        across, down = x - look.picture.width / 2, y - look.picture.height / 2
        x = size[0] / 2 + across * math.cos(angle) - down * math.sin(angle)
        y = size[1] / 2 + across * math.sin(angle) + down * math.cos(angle)
    return min(max(round(x), 0), size[0]), min(max(round(y), 0), size[1])


def _elements(barcode: zxingcpp.Barcode) -> list[tuple[str, str]]:
    """Return the GS1 application identifiers of a code with their values; none if it is not GS1's.

    From the identifier and the bytes, and not from the text, in which brackets and separators are lost.
    """
    try:
        value = barcode.bytes.decode("utf-8")
    except UnicodeDecodeError:
        return []
    try:
        if barcode.content_type == zxingcpp.ContentType.GS1:
            message = GS1Message.parse(value.strip(_SEPARATOR), config=_NO_DATES)
            return [(each.ai.ai, each.value) for each in message.element_strings]
        if value.lower().startswith(("http://", "https://")):
            link = GS1DigitalLinkURI.parse(value, config=_NO_DATES)
            return [(each.ai.ai, each.value) for each in link.element_strings]
    except (biip.ParseError, ValueError):
        return []
    return []


if __name__ == "__main__":
    answer_jobs(_Reader().work, memory_bytes_max=MEMORY_BYTES_MAX)
