"""Words and limits of products and batches; pure."""

from datetime import date
from typing import Final

from service.core.errors import Conflict, Invalid
from service.core.lots import fold_lot

CATEGORIES = (
    "cosmetics",
    "food",
    "drug",
    "supplement",
    "device",
    "clothing",
    "toy",
    "electronics",
    "household",
    "other",
)
STATUSES = ("active", "held", "recalled", "cleared")
FROZEN: Final = ("held", "recalled")
CORRECTION_REASONS = ("typing_error", "left_out", "label_differs", "maker_told")
"""Why something is corrected: mistyped, left out at first, the label says otherwise, or the maker does."""
CORRECTED_BY = ("seller", "mediator")
CORRECTIONS_MAX = 100  # of one thing: each has complaints looked for again
IMPORT_ROWS_MAX = 10_000
IMPORT_BYTES_MAX = 5 * 2**20
IMPORT_ERRORS_MAX = 100
UNITS_MAX = 10**9
PHOTOS_SHOWN_MAX = 20
PHOTOS_EVER_MAX = 100  # taken away or not: what was shown is kept
_GTIN_LENGTHS = (8, 12, 13, 14)


def gtin14(text: str) -> str:
    """Return a GTIN as 14 digits; raises `Invalid` ("gtin_wrong").

    Length and check digit as in the GS1 General Specifications, 7.9.
    """
    digits = text.strip().replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) in _GTIN_LENGTHS):
        raise Invalid("gtin_wrong", "a GTIN has 8, 12, 13 or 14 digits", field="gtin")
    full = digits.zfill(14)
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(full[:13]))
    if (10 - total % 10) % 10 != int(full[13]):
        raise Invalid("gtin_wrong", "the GTIN's check digit is wrong", field="gtin")
    return full


def folded(lot_code: str) -> str:
    """Return a batch's lot code in the form in which lots are compared; raises `Invalid` ("lot_code_empty")."""
    lot = fold_lot(lot_code)
    if not lot:
        raise Invalid("lot_code_empty", "a lot code has letters or figures", field="lot_code")
    return lot


def check_dates(made_on: date | None, expires_on: date | None, *, today: date) -> None:
    """Refuse dates that no batch can have; raises `Invalid` ("batch_dates_wrong")."""
    if made_on and expires_on and expires_on <= made_on:
        raise Invalid("batch_dates_wrong", "a batch expires after it was made", field="expires_on")
    if made_on and made_on > today:
        raise Invalid("batch_dates_wrong", "a batch cannot be made in the future", field="made_on")


def check_photos(new: int, shown: int, ever: int) -> None:
    """Refuse more photos than a batch may show, or may ever have shown; raises `Conflict` ("batch_photos_too_many")."""
    if new + shown > PHOTOS_SHOWN_MAX or new + ever > PHOTOS_EVER_MAX:
        raise Conflict(
            "batch_photos_too_many",
            "a batch shows no more photos than this",
            shown_max=PHOTOS_SHOWN_MAX,
            ever_max=PHOTOS_EVER_MAX,
        )
