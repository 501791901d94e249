"""How people copy a name or a lot code wrongly."""

import random

from service.samples.words import HAN_SLIPS, LOT_SLIPS


def misspell_name(rng: random.Random, name: str) -> str:
    """Return the name with one slip: a like-sounding character, two letters swapped, or one left out."""
    slips = [place for place, letter in enumerate(name) if letter in HAN_SLIPS]
    if slips:
        place = rng.choice(slips)
        return name[:place] + HAN_SLIPS[name[place]] + name[place + 1 :]
    if len(name) < 5:
        return name
    place = rng.randrange(1, len(name) - 2)
    if rng.random() < 0.5:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + name[place + 1 :]


def misspell_lot(rng: random.Random, lot: str) -> str:
    """Return the code as people type it: a look-alike, lower case, a label or a space too many."""
    way = rng.randrange(4)
    slips = [place for place, letter in enumerate(lot) if letter in LOT_SLIPS]
    if way == 0 and slips:
        place = rng.choice(slips)
        return lot[:place] + LOT_SLIPS[lot[place]] + lot[place + 1 :]
    if way == 1:
        return lot.lower()
    if way == 2:
        return f"LOT {lot}"
    return f"{lot[:4]} {lot[4:]}"
