"""Idempotency keys: the same key and body gives the stored answer; another body is refused.

The key is claimed inside the business transaction, so a key exists exactly when its effect does. A refusal rolls both
back: refusals are never stored. A second request with the same key waits at the primary key for the first to end.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.core.errors import Invalid, ensure
from service.db.base import Base
from service.db.session import Tx

KEY_LENGTH_MAX = 255
PRUNE_BATCH = 1_000


class IdempotencyKey(Base):
    """A key that was used, with the answer it got."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("idempotency_key_created_at_idx", "created_at"),)

    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int | None]
    content_type: Mapped[str | None]
    location: Mapped[str | None]
    body: Mapped[bytes | None]
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was sent the first time."""

    status: int
    content_type: str
    location: str | None
    body: bytes


KEEP = """
INSERT INTO idempotency_key (principal, key, fingerprint, status, content_type, location, body, created_at)
VALUES (%(principal)s, %(key)s, %(fingerprint)s, %(status)s, %(content_type)s, %(location)s, %(body)s, %(now)s)
"""
"""A key and its answer in one statement of the driver, for hot commands; a key that was used before is an error."""


def kept(*, principal: str, key: str, fingerprint: bytes, answer: StoredAnswer, now: datetime) -> dict[str, object]:
    """Return the values of `KEEP`."""
    return {
        "principal": principal,
        "key": key,
        "fingerprint": fingerprint,
        "status": answer.status,
        "content_type": answer.content_type,
        "location": answer.location,
        "body": answer.body,
        "now": now,
    }


def is_well_formed(key: str | None) -> bool:
    """Whether a key is visible ASCII of a right length, as the API's description says, or there is none."""
    if key is None:
        return True
    return 0 < len(key) <= KEY_LENGTH_MAX and key.isascii() and key.isprintable() and " " not in key


async def claim(tx: Tx, *, principal: str, key: str, fingerprint: bytes) -> StoredAnswer | None:
    """Take the key for this transaction and return None, or return the answer it already got.

    Raises `Invalid` ("idempotency_key_malformed", "idempotency_key_reused"). Locks the key until the transaction ends.
    """
    _check_form(key)
    claimed = await tx.execute(
        text(
            "INSERT INTO idempotency_key (principal, key, fingerprint, created_at)"
            " VALUES (:principal, :key, :fingerprint, fairhold_now()) ON CONFLICT DO NOTHING RETURNING 1"
        ),
        {"principal": principal, "key": key, "fingerprint": fingerprint},
    )
    if claimed.first() is not None:
        return None
    found = await tx.get(IdempotencyKey, (principal, key))
    ensure(found is not None, "a key that is taken is there")
    return _answer_of(found, fingerprint)  # type: ignore[arg-type]  # ensured above


async def answered(tx: Tx, *, principal: str, key: str, fingerprint: bytes) -> StoredAnswer | None:
    """Return the answer that the key already got, None for a key that nobody has used; raises as `claim`."""
    _check_form(key)
    found = await tx.get(IdempotencyKey, (principal, key))
    return None if found is None else _answer_of(found, fingerprint)


def _check_form(key: str) -> None:
    if not is_well_formed(key):
        raise Invalid("idempotency_key_malformed", f"1 to {KEY_LENGTH_MAX} printable characters")


def _answer_of(found: IdempotencyKey, fingerprint: bytes) -> StoredAnswer:
    ensure(found.status is not None, "a committed key has its answer")
    if found.fingerprint != fingerprint:
        raise Invalid("idempotency_key_reused", "this Idempotency-Key was used with another request")
    return StoredAnswer(found.status or 0, found.content_type or "", found.location, found.body or b"")


async def store(tx: Tx, *, principal: str, key: str, answer: StoredAnswer) -> None:
    """Keep the answer beside the claimed key, in the same transaction."""
    await tx.execute(
        text(
            "UPDATE idempotency_key SET status = :status, content_type = :content_type, location = :location,"
            " body = :body WHERE principal = :principal AND key = :key"
        ),
        {
            "principal": principal,
            "key": key,
            "status": answer.status,
            "content_type": answer.content_type,
            "location": answer.location,
            "body": answer.body,
        },
    )


async def forget_answers(tx: Tx, principals: Collection[str], words: str) -> int:
    """Forget the keys of these principals whose stored answer holds the words (an id, say); return how many.

    A request that is repeated afterwards runs again, as after `prune`.
    """
    gone = await tx.execute(
        text(
            "DELETE FROM idempotency_key WHERE principal = ANY(:principals)"
            " AND position(CAST(:words AS bytea) IN body) > 0 RETURNING 1"
        ),
        {"principals": list(principals), "words": words.encode()},
    )
    return len(gone.all())


async def prune(tx: Tx, *, before: datetime, limit: int = PRUNE_BATCH) -> int:
    """Forget up to `limit` keys made before then, the oldest first; return how many.

    A request that is repeated later than that runs again, and is refused by what it did the first time: money moves
    keep their client id for ever. Passes over keys that are locked.
    """
    gone = await tx.execute(
        text(
            "DELETE FROM idempotency_key WHERE (principal, key) IN (SELECT principal, key FROM idempotency_key"
            " WHERE created_at < :before ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED) RETURNING 1"
        ),
        {"before": before, "limit": limit},
    )
    return len(gone.all())
