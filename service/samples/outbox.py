"""Events of bulk data need not be relayed: a million jobs would keep the worker from everything else."""

from service.samples.loading import Connection

# Only what lies below every running transaction, and before the first event of anybody else, is passed over.
_MOVE_MARK = """
WITH mark AS (SELECT xid, seq FROM event_relay WHERE name = 'main' FOR UPDATE),
ahead AS (
    SELECT e.xid, e.seq FROM event e, mark m
    WHERE (e.xid, e.seq) > (m.xid, m.seq) AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
), others AS (SELECT xid FROM ahead WHERE xid <> %(own)s::xid8 ORDER BY xid LIMIT 1),
last AS (
    SELECT xid, seq FROM ahead
    WHERE xid = %(own)s::xid8 AND NOT EXISTS (SELECT FROM others o WHERE o.xid < ahead.xid)
    ORDER BY xid DESC, seq DESC LIMIT 1
)
UPDATE event_relay r SET xid = l.xid, seq = l.seq FROM last l WHERE r.name = 'main'
"""


def own_xid(connection: Connection) -> str:
    """Return the id of the running transaction, by which its events are known."""
    found = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
    return str(found[0]) if found else "0"


def pass_over(connection: Connection, xid: str) -> None:
    """Move the relay's mark over the events of a committed transaction, unless others wait before them."""
    connection.execute(_MOVE_MARK, {"own": xid})
