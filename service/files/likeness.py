"""How alike photos look: a PDQ hash of each, and the nearest earlier photos found by it among all that are stored.

Two hashes are as far apart as they have different bits, of 256. Up to `REACH_MAX` nothing is missed: of sixteen words
of sixteen bits, one then differs in at most one bit, so the index is asked for seventeen values of each word, and the
whole hash decides (multi-index hashing: Norouzi, Punjani, Fleet, 2012; `photo_likeness_near` in SQL).

A mirrored copy is found as well: it turns the sign of every second column of the transform that PDQ takes the signs of,
so its hash is, but for a few bits, the photo's own with every second bit turned.

PDQ, its limit for a sure copy (31) and for a hash that says enough (quality 50): Facebook, "The TMK+PDQF Video-Hashing
Algorithm and the PDQ Image-Hashing Algorithm", 2019. Below that quality a photo is so plain that it is like every other
plain one, so only copies with the same bytes are found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, text

from service.core.errors import ensure
from service.db.session import Tx
from service.files.kinds import Kind
from service.files.rules import State
from service.files.tables import PhotoLikeness, StoredFile

HASH_BYTES = 32
REACH_MAX = 31
QUALITY_MIN = 50
NEAREST_MAX = 200
MIRROR = "01" * (HASH_BYTES * 4)


class Comparison(StrEnum):
    """Whether a photo could be compared by its looks."""

    COMPARED = "compared"
    TOO_PLAIN = "too_plain"
    WAITING = "waiting"
    UNREADABLE = "unreadable"
    NOT_A_PHOTO = "not_a_photo"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Near:
    """An earlier photo; `distance` is of 256 bits, from the mirrored photo where `is_mirrored`.

    `is_same_file`: even its bytes are the same.
    """

    file_id: UUID
    distance: int
    is_same_file: bool
    received_at: datetime
    is_mirrored: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """What a photo was found to be near to: the nearest first, then the same file, then the earliest."""

    comparison: Comparison
    quality: int | None = None
    near: Sequence[Near] = ()


def likeness_of(file_id: UUID, tenant_id: UUID, likeness: bytes, quality: int) -> PhotoLikeness:
    """Return the row to keep beside a photo's own."""
    return PhotoLikeness(file_id=file_id, tenant_id=tenant_id, hash=bits(likeness), quality=quality)


def bits(likeness: bytes) -> str:
    """Return a hash as PostgreSQL writes it: 256 zeros and ones."""
    ensure(len(likeness) == HASH_BYTES, "a PDQ hash has 32 bytes")
    return format(int.from_bytes(likeness, "big"), f"0{HASH_BYTES * 8}b")


async def nearest_earlier(tx: Tx, file_id: UUID, *, reach: int = REACH_MAX, limit: int = NEAREST_MAX) -> Compared:
    """Return the stored photos that came before this one and are at most `reach` bits from it, mirrored or not.

    Exact for a reach up to `REACH_MAX`. It knows no permissions: ask who may see a photo of whoever shows it.
    """
    ensure(0 <= reach <= REACH_MAX, "the index finds everything up to its reach only")
    found = await tx.execute(
        select(StoredFile, PhotoLikeness.hash, PhotoLikeness.quality)
        .outerjoin(PhotoLikeness, PhotoLikeness.file_id == StoredFile.id)
        .where(StoredFile.id == file_id)
    )
    row = found.one_or_none()
    if row is None or row[0].state == State.ERASED:
        return Compared(Comparison.ERASED)
    stored, own, quality = row
    comparison = _comparison(stored.kind, own, quality)
    asked = {"id": stored.id, "at": stored.received_at, "sha256": stored.sha256_plain, "limit": limit}
    if comparison is Comparison.COMPARED:
        asked |= {"hash": own, "mirror": MIRROR, "reach": reach}
    near = await tx.execute(_ALIKE if comparison is Comparison.COMPARED else _SAME_BYTES, asked)
    return Compared(comparison, quality, [Near(*each) for each in near])


def _comparison(kind: str, own: str | None, quality: int | None) -> Comparison:
    if not Kind(kind).is_photo:
        return Comparison.NOT_A_PHOTO
    if quality is None:
        return Comparison.WAITING
    if own is None:
        return Comparison.UNREADABLE
    return Comparison.COMPARED if quality >= QUALITY_MIN else Comparison.TOO_PLAIN


_SAME = "SELECT s.id AS file_id, CAST(0 AS bigint) AS distance, false AS is_mirrored FROM stored_file s"
_SAME += " WHERE s.sha256_plain = :sha256"
_NEAR = """
SELECT f.id, min(n.distance), f.sha256_plain = :sha256, f.received_at,
    (array_agg(n.is_mirrored ORDER BY n.distance, n.is_mirrored))[1]
FROM ({found}) n JOIN stored_file f ON f.id = n.file_id
WHERE f.state <> 'erased' AND (f.received_at, f.id) < (:at, :id)
GROUP BY f.id ORDER BY 2, 3 DESC, f.received_at, f.id LIMIT :limit
"""
_UPRIGHT = "SELECT file_id, distance, false FROM photo_likeness_near(CAST(:hash AS bit(256)), :reach)"
_MIRRORED = """
SELECT file_id, distance, true FROM photo_likeness_near(CAST(:hash AS bit(256)) # CAST(:mirror AS bit(256)), :reach)
"""
_SAME_BYTES = text(_NEAR.format(found=_SAME))
_ALIKE = text(_NEAR.format(found=f"{_SAME} UNION ALL {_UPRIGHT} UNION ALL {_MIRRORED}"))
