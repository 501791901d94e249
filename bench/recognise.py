"""How much of what stands on photos is read: barcodes of the public photos by kind, and print of 300 drawn labels.

Both go the product's way: the photo becomes a view (WebP of at most 2,048 px) in the decoder, and the view is read. A
barcode counts if its text is that of the photo's `.txt`; a lot if it is what the photo's surest reading says. Barcodes
come from FAIRHOLD_DATA (default ../shared/data) and are left out where that is absent.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from io import BytesIO
from pathlib import Path

from _labels import CONDITIONS, FAIR, Label, draw
from _run import ROOT, Result, median, quantile, run
from PIL import Image
from rapidfuzz import fuzz

from service.complaints.recognise.engine import read_codes as codes_of_picture
from service.complaints.recognise.findings import Finding, surest_first
from service.complaints.recognise.labels import read_lines
from service.complaints.recognise.reader import ReadingFailed, Recogniser, Seen
from service.core.lots import fold_lot
from service.files.images import ImageWorkshop
from service.files.kinds import Kind

LABELS, LABELS_QUICK = 300, 12
KINDS = {
    "code128-1": "code_128", "datamatrix-2": "data_matrix", "ean13-4": "ean_13", "ean8-1": "ean_8", "itf-1": "itf",
    "qrcode-5": "qr_code", "rssexpanded-1": "databar_expanded", "upca-6": "upc_a",
}  # fmt: skip
TODAY = date(2026, 11, 22)
NAME_LIKENESS_MIN = 90
NOTHING = Seen(1, 1, "", (), ())
Rates = dict[str, list[bool]]


def measure(result: Result, *, quick: bool) -> None:
    """Barcode and print rates, seconds a photo, and memory."""
    asyncio.run(_measure(result, LABELS_QUICK if quick else LABELS))


async def _measure(result: Result, count: int) -> None:
    workshop, recogniser = ImageWorkshop(), Recogniser()
    try:
        await _barcodes(result, workshop)
        await _print(result, workshop, recogniser, count)
    finally:
        await recogniser.close()
        await workshop.close()


async def _barcodes(result: Result, workshop: ImageWorkshop) -> None:
    folder = Path(os.environ.get("FAIRHOLD_DATA", ROOT.parent / "shared" / "data")) / "photos" / "barcodes"
    if not folder.is_dir():
        print(f"  no barcodes: {folder} is not there")
        return
    right: Rates = defaultdict(list)
    unread, wrong, seconds = [], 0, []
    for photo in sorted(folder.glob("*/*.png")):
        truth = photo.with_suffix(".txt")
        if not truth.exists():
            continue
        view = await _view(workshop, photo.read_bytes(), Kind.PNG)
        started = time.perf_counter()
        with Image.open(BytesIO(view)) as picture:
            texts = [_plain(code["text"]) for code in codes_of_picture(picture.convert("RGB"))]
        seconds.append(time.perf_counter() - started)
        wanted = _plain(truth.read_bytes().decode(errors="replace"))
        is_read = any(_same(text, wanted) for text in texts)
        right[KINDS.get(photo.parent.name, photo.parent.name)].append(is_read)
        if not is_read:
            unread.append(f"{photo.parent.name}/{photo.name}")
            wrong += bool(texts)
    for kind, hits in sorted(right.items()):
        result.compare(f"barcode_rate_{kind}", _rate(hits))
    result.compare("barcode_rate", _rate(hit for hits in right.values() for hit in hits))
    result.note("barcodes_wrong", wrong, "photos")
    result.note("barcode_ms_a_photo", median(seconds) * 1_000, "ms")
    print(f"  not read: {', '.join(unread)}")


async def _print(result: Result, workshop: ImageWorkshop, recogniser: Recogniser, count: int) -> None:
    rates: dict[str, Rates] = defaultdict(lambda: defaultdict(list))
    seconds, failed, peak_kb = [], 0, 0
    await recogniser.read(await _view(workshop, _jpeg(draw(0, today=TODAY)), Kind.JPEG))  # the models are loaded once
    for number in range(count):
        label = draw(number, today=TODAY)
        view = await _view(workshop, _jpeg(label), Kind.JPEG)
        started = time.perf_counter()
        try:
            seen = await recogniser.read(view)
        except ReadingFailed:
            failed += 1
            seen = NOTHING
        seconds.append(time.perf_counter() - started)
        peak_kb = max(peak_kb, _peak_kb(recogniser.pid))
        for what, is_right in _judged(label, seen):
            for group in ("all", label.language, "fair" if label.condition in FAIR else "hard", label.condition):
                rates[what][group].append(is_right)
    for what in ("lot", "lot_any", "made_on", "expiry", "name"):
        if count >= LABELS:
            result.compare(f"ocr_{what}_rate", _rate(rates[what]["all"]))
        else:
            print(f"  ocr {what}: {sum(rates[what]['all'])} of {count}")
    if count >= LABELS:
        for group in ("en", "zh", "fair", "hard", *CONDITIONS):
            result.compare(f"ocr_lot_rate_{group}", _rate(rates["lot"][group]))
        result.note("ocr_lots_wrong", sum(rates["lot_wrong"]["all"]), "labels")
    result.note("seconds_a_photo", median(seconds), "s")
    result.note("seconds_a_photo_p95", quantile(seconds, 0.95), "s")
    result.note("rss_peak_mb", peak_kb / 1_024, "MB")
    result.note("photos_failed", failed, "photos")


def _judged(label: Label, seen: Seen) -> Iterator[tuple[str, bool]]:
    found = surest_first(read_lines(seen.lines, today=TODAY))
    lots = [fold_lot(each.value) for each in found if each.kind == "lot"]
    yield "lot", lots[:1] == [fold_lot(label.lot)]
    yield "lot_wrong", bool(lots) and lots[0] != fold_lot(label.lot)
    yield "lot_any", fold_lot(label.lot) in lots
    yield "made_on", _says(found, "made_on", label.made_on)
    yield "expiry", _says(found, "expiry", label.expiry)
    yield "name", any(fuzz.ratio(_bare(line.text), _bare(label.name)) >= NAME_LIKENESS_MIN for line in seen.lines)


def _says(found: list[Finding], kind: str, day: date) -> bool:
    return next((each.value for each in found if each.kind == kind), "") == day.isoformat()


async def _view(workshop: ImageWorkshop, photo: bytes, kind: Kind) -> bytes:
    return (await workshop.derive(photo, kind)).view


def _jpeg(label: Label) -> bytes:
    out = BytesIO()
    label.picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def _peak_kb(pid: int | None) -> int:
    """Return the most memory that the process held so far; 0 where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if pid and status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def _plain(text: str) -> str:
    return text.replace("\r", "").strip()


def _same(text: str, wanted: str) -> bool:
    """Whether two texts are the same; the reader shows UPC-A as the EAN-13 that it is, and long texts are cut."""
    return text.zfill(13) == wanted[: len(text)].zfill(13) and (len(text) == len(wanted) or len(text) >= 1_900 or
                                                                text.lstrip("0") == wanted.lstrip("0"))  # fmt: skip


def _bare(text: str) -> str:
    return "".join(text.lower().split())


def _rate(hits: Iterable[bool]) -> float:
    kept = list(hits)
    return sum(kept) / len(kept) if kept else 0.0


if __name__ == "__main__":
    run(measure, "recognise")
