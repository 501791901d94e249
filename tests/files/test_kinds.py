"""Files are judged by their bytes."""

import io
import zipfile

import pillow_heif
import pytest

from service.core.errors import FairholdError, Invalid, TooLarge
from service.files import decoder, images, kinds
from service.files.kinds import FILE_BYTES_MAX, Kind, check_count, check_size
from service.web import catalogues
from service.web.words import PHRASES
from tests.files.judging import sniff_whole
from tests.files.pictures import quarters, saved

pillow_heif.register_heif_opener()
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer <<>>\n%%EOF\n"


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("run.js", "alert(1)")
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "kind"),
    [("JPEG", Kind.JPEG), ("PNG", Kind.PNG), ("WEBP", Kind.WEBP), ("HEIF", Kind.HEIC), ("AVIF", Kind.AVIF)],
)
def test_each_photo_kind_is_known_by_its_bytes(form: str, kind: Kind) -> None:
    assert sniff_whole(saved(quarters(64, 48), form)) is kind
    assert kind.is_photo


def test_a_pdf_is_a_document_and_not_a_photo() -> None:
    assert sniff_whole(PDF) is Kind.PDF
    assert not Kind.PDF.is_photo
    assert Kind.PDF.media_type == "application/pdf"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b"hello", "file_not_a_photo"),
        (b"\xff\xd8", "file_not_a_photo"),
        (b"GIF89a" + bytes(50), "file_not_a_photo"),
        (b"BM" + bytes(50), "file_not_a_photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "file_not_a_photo"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(50), "file_not_a_photo"),
        (b"\n" + PDF, "file_not_a_photo"),
        (PDF[:-7], "file_damaged"),
    ],
)
def test_what_is_off_the_list_is_refused_with_its_code(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        sniff_whole(data)
    assert refusal.value.code == code


@pytest.mark.parametrize("tail", [_zipped(), b"PK\x05\x06" + bytes(16) + b"\x04\x00note"])
def test_a_photo_that_is_a_zip_as_well_is_refused(tail: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        sniff_whole(saved(quarters(64, 48), "JPEG") + tail)
    assert refusal.value.code == "file_not_a_photo"


def test_a_photo_that_is_a_pdf_as_well_is_refused() -> None:
    photo = saved(quarters(64, 48), "JPEG", comment=PDF)
    with pytest.raises(Invalid) as refusal:
        sniff_whole(photo)
    assert refusal.value.code == "file_not_a_photo"


def test_letters_of_a_zip_somewhere_in_a_photo_do_no_harm() -> None:
    assert sniff_whole(saved(quarters(64, 48), "JPEG") + b"PK\x05\x06 is not a record here") is Kind.JPEG


def test_size_limits_are_exact() -> None:
    check_size(1)
    check_size(FILE_BYTES_MAX)
    with pytest.raises(TooLarge) as refusal:
        check_size(FILE_BYTES_MAX + 1)
    assert refusal.value.code == "file_too_large"
    assert refusal.value.facts == {"bytes_max": 20_000_000}


@pytest.mark.parametrize(("new", "in_complaint", "in_case"), [(11, 0, 0), (1, 10, 10), (1, 0, 30)])
def test_too_many_files_are_refused(new: int, in_complaint: int, in_case: int) -> None:
    with pytest.raises(FairholdError) as refusal:
        check_count(new, in_complaint, in_case)
    assert refusal.value.code == "too_many_files"


def test_as_many_files_as_the_limits_say_are_taken() -> None:
    check_count(10, 0, 20)


def test_decoder_and_service_agree_on_the_limits() -> None:
    assert decoder.PIXELS_MAX == kinds.PIXELS_MAX == 50_000_000
    assert decoder.FRAMES_MAX == kinds.FRAMES_MAX == 200
    assert decoder.PAGES_MAX == kinds.PAGES_MAX == 500
    assert set(decoder._FORMATS) == {kind.value for kind in Kind if kind.is_photo}


@pytest.mark.parametrize(
    "code",
    ["file_empty", "file_too_large", "file_not_a_photo", "too_many_files", "photo_workshop_busy", *images._REFUSALS],
)
def test_each_cause_has_words_of_its_own_in_both_languages(code: str) -> None:
    english = str(PHRASES[f"error.{code}"])
    same = {other for other, said in PHRASES.items() if other.startswith("error.file_") and str(said) == english}
    assert same <= {f"error.{code}"}
    assert catalogues.load("zh").gettext(english) != english


def test_a_document_that_is_a_zip_as_well_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        sniff_whole(PDF + _zipped())
    assert refusal.value.code == "file_not_a_photo"
