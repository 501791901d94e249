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

from collections.abc import Collection, Sequence
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


async def nearest_earlier(
    tx: Tx, file_ids: Collection[UUID], *, reach: int = REACH_MAX, limit: int = NEAREST_MAX, but_not: str = "false"
) -> dict[UUID, Compared]:
    """Return of each file the stored photos that came before it and are at most `reach` bits from it, mirrored or not.

    Exact for a reach up to `REACH_MAX`; at most `limit` of each. It knows no permissions: ask who may see a photo of
    whoever shows it. `but_not` is SQL of the program's own that leaves out a stored file `f`.
    """
    ensure(0 <= reach <= REACH_MAX, "the index finds everything up to its reach only")
    found = await tx.execute(
        select(StoredFile.id, StoredFile.kind, PhotoLikeness.hash, PhotoLikeness.quality)
        .outerjoin(PhotoLikeness, PhotoLikeness.file_id == StoredFile.id)
        .where(StoredFile.id.in_(list(file_ids)), StoredFile.state != State.ERASED)
    )
    facts = {row.id: (_comparison(row.kind, row.hash, row.quality), row.quality) for row in found}
    near: dict[UUID, list[Near]] = {file_id: [] for file_id in facts}
    asked = {"ids": list(facts), "mirror": MIRROR, "reach": reach, "limit": limit, "quality_min": QUALITY_MIN}
    for row in await tx.execute(text(_NEAREST.format(but_not=but_not)), asked) if facts else ():
        near[row[0]].append(Near(*row[1:]))
    compared = {file_id: Compared(*facts[file_id], near[file_id]) for file_id in facts}
    return {file_id: compared.get(file_id, Compared(Comparison.ERASED)) for file_id in file_ids}


def _comparison(kind: str, own: str | None, quality: int | None) -> Comparison:
    if not Kind(kind).is_photo:
        return Comparison.NOT_A_PHOTO
    if quality is None:
        return Comparison.WAITING
    if own is None:
        return Comparison.UNREADABLE
    return Comparison.COMPARED if quality >= QUALITY_MIN else Comparison.TOO_PLAIN


_NEAREST = """
SELECT a.id, n.* FROM (
    SELECT s.id, s.received_at, s.sha256_plain, CASE WHEN l.quality >= :quality_min THEN l.hash END AS hash
    FROM stored_file s LEFT JOIN photo_likeness l ON l.file_id = s.id WHERE s.id = ANY (:ids)
) a CROSS JOIN LATERAL (
    SELECT f.id AS file_id, min(d.distance) AS distance, f.sha256_plain = a.sha256_plain AS is_same_file, f.received_at,
        (array_agg(d.is_mirrored ORDER BY d.distance, d.is_mirrored))[1] AS is_mirrored
    FROM (
        SELECT s.id AS file_id, CAST(0 AS bigint) AS distance, false AS is_mirrored FROM stored_file s
        WHERE s.sha256_plain = a.sha256_plain
        UNION ALL SELECT file_id, distance, false FROM photo_likeness_near(a.hash, :reach)
        UNION ALL SELECT file_id, distance, true FROM photo_likeness_near(a.hash # CAST(:mirror AS bit(256)), :reach)
    ) d JOIN stored_file f ON f.id = d.file_id
    WHERE f.state <> 'erased' AND (f.received_at, f.id) < (a.received_at, a.id) AND NOT ({but_not})
    GROUP BY f.id ORDER BY 2, 3 DESC, f.received_at, f.id LIMIT :limit
) n ORDER BY a.id, n.distance, n.is_same_file DESC, n.received_at, n.file_id
"""
"""A hash that says too little is NULL here, and nothing is near to NULL: then only the same bytes are found."""
