"""Ids and moments of generated rows: all from the generator's clock and its chance, so that a seed repeats them."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_VERSION = 7 << 76
_VARIANT = 2 << 62
_LOW = (1 << 62) - 1


def milliseconds(at: datetime) -> int:
    """Return the whole milliseconds since 1970 of an aware moment."""
    return (at - EPOCH) // _MILLISECOND


def id_at(rng: random.Random, ms: int) -> int:
    """Return the number of a UUIDv7 (RFC 9562, 5.7) of a millisecond, with 74 bits of the generator's chance."""
    chance = rng.getrandbits(74)
    return (ms << 80) | _VERSION | ((chance >> 62) << 64) | _VARIANT | (chance & _LOW)


def uuid_at(rng: random.Random, at: datetime) -> UUID:
    """Return a UUIDv7 of a moment."""
    return UUID(int=id_at(rng, milliseconds(at)))
