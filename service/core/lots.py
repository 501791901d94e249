"""Lot codes in the one form in which they are compared.

People copy a lot code from a label: they add "LOT" or "批号", spaces and dashes, and take O for 0 or S for 5. Folding
those look-alikes makes only 22 pairs of 46,412 real lots of the same firm collide, so it is a safe first normal form.
Nothing else is ever corrected: 72 % of real lots have a sibling that differs in a single character.
"""

import re
import unicodedata
from functools import lru_cache

LOT_LENGTH_MAX = 120  # characters read; the longest real code seen has 19

_LOOKALIKES = str.maketrans("OILSBZ", "011582")
# Capitals of other alphabets that look like Latin ones: keyboards and OCR mix them in unseen.
_OTHER_ALPHABETS = str.maketrans("АВЕЅІЈКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABESIJKMHOPCTYXABEZHIKMNOPTYX")
_GAP = r"[\s.:#=_()\[\]-]*"
_LATIN_LABEL = re.compile(
    rf"^{_GAP}(?:"
    rf"(?:LOT|BATCH|CHARGE){_GAP}(?:(?:NUMBER|NUM|NO|NR|N°|CODE|ID)(?![A-Z]))?{_GAP}(?=.*\d)"
    rf"|(?:[BL]\s*/\s*N|\(\s*[LB]\s*\)|[LB]\s*[:#]|BN\s*[:#.]|(?:NUMBER|NO|NR|N°)[\s.:#]){_GAP}(?=.*\d)"
    rf"|#{_GAP})"
)
_HAN_LABEL = re.compile(r"^[^\w]*(?:生产|生產|产品|產品|制造|製造)?(?:批[号號次]|批)(?:[码碼])?[是为為]?[^\w]*")


@lru_cache(maxsize=100_000)
def fold_lot(code: str) -> str:
    """Return the form in which two lot codes are equal if they only differ in label, case, spacing or look-alikes.

    Folding twice changes nothing. The answer holds letters and digits only and is empty if the code holds none; a date
    that is glued on stays, because many lots are dates themselves.
    """
    folded = _folded_once(_upright(code[:LOT_LENGTH_MAX]))
    while strip_label(folded) != folded:  # "CH/ARGE 5" is a label only once its sign is gone
        folded = _folded_once(folded)
    return folded


def _folded_once(text: str) -> str:
    compact = "".join(letter for letter in strip_label(text) if letter.isalnum())
    while (found := _HAN_LABEL.match(compact)) is not None and found.end() > 0:
        compact = compact[found.end() :]
    return compact.translate(_LOOKALIKES)


def strip_label(code: str) -> str:
    """Return the code without "LOT", "Batch no.", "B/N", "批号" and the like before it, in capitals."""
    text = _upright(code).strip()
    while True:
        found = _LATIN_LABEL.match(text) or _HAN_LABEL.match(text)
        if found is None or found.end() == 0:
            return text
        text = text[found.end() :].strip()


def _upright(text: str) -> str:
    """Full-width to ASCII, accents off, capitals, digits of any script to 0-9."""
    if text.isascii():  # all of the below changes nothing else of it
        return text.upper()
    opened = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).upper()).upper()
    bare = "".join(letter for letter in opened if not 0x300 <= ord(letter) <= 0x36F)
    closed = unicodedata.normalize("NFKC", bare).translate(_OTHER_ALPHABETS)
    return "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in closed)
