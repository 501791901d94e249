"""Counting over time what may be done so often only, atomically across processes: one upsert a source.

A count must survive the refusal that it causes, so it is committed first, in a short transaction of its own. Sources
are kept as keyed digests only.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn

from sqlalchemy import Index, delete, text
from sqlalchemy.orm import Mapped, mapped_column

from service.core.errors import TooMany
from service.core.limits import Limit
from service.db.base import Base
from service.db.session import Database, Tx

ATTEMPTS_KEPT: Final = timedelta(days=1)
FORGET_MAX: Final = 500
_DAY: Final = timedelta(days=1)
_COUNT = text(
    "INSERT INTO attempt AS a (kind, digest, tries, started_at) VALUES (:kind, :digest, :times, :now)"
    " ON CONFLICT (kind, digest) DO UPDATE SET"
    " tries = CASE WHEN a.started_at <= :before THEN :times ELSE a.tries + :times END,"
    " started_at = CASE WHEN a.started_at <= :before THEN :now ELSE a.started_at END"
    " RETURNING tries, started_at"
)
_FORGET = text(
    "DELETE FROM attempt WHERE (kind, digest) IN (SELECT kind, digest FROM attempt"
    " WHERE started_at < :before LIMIT :most FOR UPDATE SKIP LOCKED) RETURNING 1"
)


class Attempt(Base):
    """How often one source did one kind of thing in a window: sign-ins, registrations, complaints, receipts."""

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_started_idx", "started_at"),)

    kind: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    tries: Mapped[int]
    started_at: Mapped[datetime]


async def count_attempt(database: Database, sources: Mapping[Limit, str], *, salt: str) -> None:
    """Count one try for each source, committed at once; raises `TooMany` ("too_many_attempts") past a limit.

    `sources` maps a limit to the e-mail or network address it is counted for; only its digest under `salt` is kept.
    `retry_after_seconds` and `retry_at` among the error's facts say when the longest of the windows ends.
    """

    async def count(tx: Tx) -> tuple[datetime, datetime]:
        now = await tx.now()
        # One order of rows for everybody, so that two requests cannot wait for each other.
        ordered = sorted(sources.items(), key=lambda each: each[0].kind)
        return now, max([await _free_at(tx, limit, digest_of(source, salt), 1, now) for limit, source in ordered])

    now, free_at = await database.run(count)
    if free_at > now:
        _refuse("too_many_attempts", now=now, free_at=free_at)


async def count_in_turn(
    database: Database, sources: Sequence[tuple[Limit, str]], *, salt: str, code: str, times: int = 1
) -> None:
    """Count `times` for one source after the other, committed at once, up to the first that is past its limit.

    So what one device is refused does not use up what its whole address may do. Everybody gives the same kinds in the
    same order, so that two requests cannot wait for each other. The salt changes with the UTC day: yesterday's digests
    say nothing about today's, and no window outlasts its day. Raises `TooMany` with `code`, and among its facts `limit`
    (the kind), `retry_after_seconds` and `retry_at`.
    """

    async def count(tx: Tx) -> tuple[datetime, datetime, str]:
        now = await tx.now()
        for limit, source in sources:
            free_at = await _free_at(tx, limit, digest_of(source, daily(salt, now)), times, now)
            if free_at > now:
                return now, min(free_at, _midnight(now)), limit.kind
        return now, now, ""

    now, free_at, kind = await database.run(count)
    if free_at > now:
        _refuse(code, now=now, free_at=free_at, limit=kind)


async def forget_attempts(tx: Tx, limit: Limit, source: str, *, salt: str) -> None:
    """Start the source's count anew after a success. `salt` as it was counted: whole, or `daily`."""
    await tx.execute(delete(Attempt).where(Attempt.kind == limit.kind, Attempt.digest == digest_of(source, salt)))


async def prune_attempts(tx: Tx, *, now: datetime) -> int:
    """Forget up to `FORGET_MAX` counts that began more than a day ago; return how many."""
    gone = await tx.execute(_FORGET, {"before": now - ATTEMPTS_KEPT, "most": FORGET_MAX})
    return len(gone.all())


def daily(salt: str, now: datetime) -> str:
    """Return the salt of a UTC day."""
    return f"{now.astimezone(UTC):%Y-%m-%d}:{salt}"


def digest_of(source: str, salt: str) -> bytes:
    """Return the keyed digest under which a contact or address is counted; without the salt it cannot be guessed."""
    return hmac.digest(salt.encode(), source.encode("utf-8", "surrogatepass"), hashlib.sha256)


async def _free_at(tx: Tx, limit: Limit, digest: bytes, times: int, now: datetime) -> datetime:
    """Add to a count, in a new window if the last is over; return when the source is free, `now` within the limit."""
    values = {"kind": limit.kind, "digest": digest, "times": times, "now": now, "before": now - limit.window}
    counted = (await tx.execute(_COUNT, values)).one()
    if counted.tries <= limit.tries:
        return now
    free_at: datetime = counted.started_at + limit.window
    return free_at


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY


def _refuse(code: str, *, now: datetime, free_at: datetime, **facts: str) -> NoReturn:
    seconds = math.ceil((free_at - now).total_seconds())
    when = {"retry_after_seconds": seconds, "retry_at": (now + timedelta(seconds=seconds)).isoformat()}
    raise TooMany(code, "too many tries; wait", **when, **facts)
