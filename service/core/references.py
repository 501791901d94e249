"""References that people read aloud, such as `FH-7K3M-9QXT`.

Seven base-32 characters without look-alikes (Crockford's alphabet: no I, L, O, U) and one check character. The check is
a weighted sum over GF(32) with eight different weights (a shortened Reed-Solomon code), so that any single wrong
character and any swap of two characters is noticed.
"""

import re

from service.core.errors import Invalid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FIELD_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1, irreducible over GF(2)
_LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0"})
_SHAPE = re.compile(r"^FH-?([0-9A-Z]{4})-?([0-9A-Z]{4})$")
BITS = 35  # seven characters of five bits


def from_number(number: int) -> str:
    """Return the reference of a number from 0 to 2**35 - 1; draw it at random, so that references cannot be counted."""
    if not 0 <= number < 1 << BITS:
        raise ValueError(f"a reference holds {BITS} bits")
    body = "".join(_ALPHABET[(number >> shift) & 31] for shift in range(BITS - 5, -1, -5))
    text = body + _check(body)
    return f"FH-{text[:4]}-{text[4:]}"


def parse(text: str) -> str:
    """Return the reference in its one written form; raises `Invalid` ("reference_wrong") if the check fails."""
    folded = text.strip().upper().replace(" ", "")
    found = _SHAPE.match(folded[:2] + folded[2:].translate(_LOOKALIKES))
    if found is None:
        raise Invalid("reference_wrong", "a reference looks like FH-7K3M-9QXT")
    whole = found[1] + found[2]
    if any(letter not in _ALPHABET for letter in whole) or _check(whole[:7]) != whole[7]:
        raise Invalid("reference_wrong", "the reference has a wrong character")
    return f"FH-{whole[:4]}-{whole[4:]}"


def _check(body: str) -> str:
    total = 0
    for letter in body:  # Horner's scheme at the generator 2; the check letter's own weight is 1
        total = _double(total ^ _ALPHABET.index(letter))
    return _ALPHABET[total]


def _double(element: int) -> int:
    doubled = element << 1
    return doubled ^ _FIELD_POLYNOMIAL if doubled & 32 else doubled
