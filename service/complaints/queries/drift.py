"""How the matcher does on what people send now: what it could not place, and which of its links people changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from service.complaints import rules
from service.complaints.tables import MatchingDrift
from service.db.session import Tx
from service.db.words import one_of

DRIFT_DAYS = (7, 30)
_NOT_SENT = one_of("c.status", rules.UNCOUNTED)
_CHOSEN = """SELECT p.batch_id IS DISTINCT FROM m.batch_id FROM complaint_match p
    WHERE p.complaint_id = m.complaint_id AND p.link_by <> 'automatic' AND p.id > m.id AND NOT EXISTS (
        SELECT 1 FROM complaint_match a WHERE a.complaint_id = m.complaint_id AND a.link_by = 'automatic'
            AND a.id > m.id AND a.id < p.id)
    ORDER BY p.link_by = 'mediator' DESC, p.id DESC LIMIT 1"""
"""Whether the last word of people on a link `m`, a mediator's before a buyer's, is another batch or none.

A link that the matcher itself replaced before anybody spoke was not overridden by people.
"""
_DRIFT = text(
    f"""
WITH newest AS (
    SELECT DISTINCT ON (m.complaint_id) m.model_version, m.outcome, c.submitted_at
    FROM complaint_match m JOIN complaint c ON c.id = m.complaint_id
    WHERE m.link_by = 'automatic' AND m.at > :since AND c.submitted_at > :since AND NOT ({_NOT_SENT})
    ORDER BY m.complaint_id, m.id DESC
), link AS (
    SELECT m.model_version, m.at, coalesce(({_CHOSEN}), false) AS is_overridden
    FROM complaint_match m WHERE m.link_by = 'automatic' AND m.outcome = 'linked' AND m.at > :since
), counted AS (
    SELECT d.days, n.model_version, 1 AS tried, (n.outcome = 'unmatched')::int AS unmatched, 0 AS links, 0 AS overridden
    FROM newest n JOIN unnest(CAST(:days AS int[])) AS d(days)
        ON n.submitted_at > CAST(:now AS timestamptz) - make_interval(days => d.days)
    UNION ALL
    SELECT d.days, l.model_version, 0, 0, 1, l.is_overridden::int
    FROM link l JOIN unnest(CAST(:days AS int[])) AS d(days)
        ON l.at > CAST(:now AS timestamptz) - make_interval(days => d.days)
)
SELECT days, coalesce(model_version, '') AS version, sum(tried)::int AS tried, sum(unmatched)::int AS unmatched,
    sum(links)::int AS links, sum(overridden)::int AS overridden
FROM counted GROUP BY GROUPING SETS ((days, model_version), (days)) ORDER BY version DESC, days
"""  # noqa: S608 - made of constants
)
_NEWEST_LINKS = text(
    f"""
SELECT count(*)::int AS links, count(*) FILTER (WHERE ({_CHOSEN}))::int AS overridden FROM (
    SELECT id, complaint_id, batch_id FROM complaint_match
    WHERE link_by = 'automatic' AND outcome = 'linked' ORDER BY at DESC, id DESC LIMIT :count
) m
"""  # noqa: S608 - made of constants
)


@dataclass(frozen=True, slots=True)
class Drift:
    """What one model (or, with an empty version, all of them) did in the last days.

    `tried`: complaints sent in that time whose newest try was this model's, and of them `unmatched`; `links` that it
    made by itself in that time, and of them those `overridden` by people since.
    """

    version: str
    days: int
    tried: int
    unmatched: int
    links: int
    overridden: int

    @property
    def unmatched_share(self) -> float | None:
        """The part of the complaints that it could not place, None without any."""
        return self.unmatched / self.tried if self.tried else None

    @property
    def overridden_share(self) -> float | None:
        """The part of its links that people took away or changed, None without any."""
        return self.overridden / self.links if self.links else None


@dataclass(frozen=True, slots=True)
class NewestLinks:
    """The newest automatic links, and how many of them people overrode."""

    links: int
    overridden: int


async def drift(tx: Tx, *, now: datetime) -> list[Drift]:
    """Count the tries of each model and of all together, for 7 and for 30 days: half a second for 65,000 of them."""
    since = now - timedelta(days=max(DRIFT_DAYS))
    found = await tx.execute(_DRIFT, {"since": since, "now": now, "days": list(DRIFT_DAYS)})
    return [Drift(row.version, row.days, row.tried, row.unmatched, row.links, row.overridden) for row in found]


async def counted_drift(tx: Tx) -> tuple[list[Drift], datetime | None]:
    """Return the drift as the worker counted it last, and when; nothing and None where it never was."""
    kept = await tx.get(MatchingDrift, "all", populate_existing=True)
    return ([], None) if kept is None else ([Drift(**each) for each in kept.counts], kept.counted_at)


async def newest_links(tx: Tx) -> NewestLinks:
    """Return what became of the newest automatic links, at most `rules.OVERRIDES_WATCHED`."""
    row = (await tx.execute(_NEWEST_LINKS, {"count": rules.OVERRIDES_WATCHED})).one()
    return NewestLinks(row.links, row.overridden)
