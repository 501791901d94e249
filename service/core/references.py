"""References that people read aloud, such as `FH-7K3M-9QXT`.

Seven base-32 characters without look-alikes (Crockford's alphabet: no I, L, O, U) and one check character, so that
any single wrong character and any swap of two neighbours is noticed.
"""

import re

from service.core.errors import Invalid

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MODULUS = 31  # prime: weights 1..7 keep every single error and every swap of neighbours visible
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
    total = sum(weight * _ALPHABET.index(letter) for weight, letter in enumerate(body, start=1))
    return _ALPHABET[total % _MODULUS]
