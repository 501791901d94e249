"""Counting what can be guessed, atomically across processes: one upsert a try.

A count must survive the refusal that it causes, so it is committed first, in a short transaction of its own.
"""

import hashlib
import hmac
import math
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, text

from service.accounts.rules import ATTEMPTS_KEPT, Limit
from service.accounts.tables import Attempt
from service.core.errors import TooMany
from service.db.session import Database, Tx

_FORGET_MAX = 500


async def count_attempt(database: Database, sources: Mapping[Limit, str], *, salt: str) -> None:
    """Count one try for each source, committed at once; raises `TooMany` ("too_many_attempts") past a limit.

    `sources` maps a limit to the e-mail or network address it is counted for; only its digest under `salt` is kept.
    `retry_after_seconds` among the error's facts says when the longest of the windows ends.
    """

    async def count(tx: Tx) -> float:
        now = await tx.now()
        # One order of rows for everybody, so that two requests cannot wait for each other.
        ordered = sorted(sources.items(), key=lambda each: each[0].kind)
        return max([await _wait_seconds(tx, limit, digest_of(source, salt), now) for limit, source in ordered])

    wait_seconds = math.ceil(await database.run(count))
    if wait_seconds > 0:
        raise TooMany("too_many_attempts", "too many tries; wait", retry_after_seconds=wait_seconds)


async def forget_attempts(tx: Tx, limit: Limit, source: str, *, salt: str, now: datetime) -> None:
    """Start the source's count anew after a success, and clear away some counts older than a day."""
    await tx.execute(delete(Attempt).where(Attempt.kind == limit.kind, Attempt.digest == digest_of(source, salt)))
    await tx.execute(
        text(
            "DELETE FROM sign_in_attempt WHERE (kind, digest) IN (SELECT kind, digest FROM sign_in_attempt"
            " WHERE started_at < :before LIMIT :most FOR UPDATE SKIP LOCKED)"
        ),
        {"before": now - ATTEMPTS_KEPT, "most": _FORGET_MAX},
    )


def digest_of(source: str, salt: str) -> bytes:
    """Return the keyed digest under which a contact or address is counted; without the salt it cannot be guessed."""
    return hmac.digest(salt.encode(), source.encode("utf-8", "surrogatepass"), hashlib.sha256)


async def _wait_seconds(tx: Tx, limit: Limit, digest: bytes, now: datetime) -> float:
    """Add a try, in a new window if the last is over; return the seconds to wait, 0 while within the limit."""
    counted = (
        await tx.execute(
            text(
                "INSERT INTO sign_in_attempt AS a (kind, digest, tries, started_at) VALUES (:kind, :digest, 1, :now)"
                " ON CONFLICT (kind, digest) DO UPDATE SET"
                " tries = CASE WHEN a.started_at <= :before THEN 1 ELSE a.tries + 1 END,"
                " started_at = CASE WHEN a.started_at <= :before THEN :now ELSE a.started_at END"
                " RETURNING tries, started_at"
            ),
            {"kind": limit.kind, "digest": digest, "now": now, "before": now - limit.window},
        )
    ).one()
    if counted.tries <= limit.tries:
        return 0.0
    return float((counted.started_at + limit.window - now).total_seconds())
