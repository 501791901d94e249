"""The provider's statement: what ended and what was charged back, each with a line that never changes."""

import sqlite3

from service.core.wire import LINES_PAGE_MAX, ChargebackLine, Kind, MoneyLines, MoneyStatus, State

LINE_MAX = 2**63 - 1  # what SQLite can compare with
SCHEMA = """
CREATE TABLE IF NOT EXISTS chargeback_line (
    line INTEGER PRIMARY KEY, chargeback TEXT NOT NULL UNIQUE REFERENCES chargeback
) STRICT;
-- Books from before chargebacks had lines: they get theirs at the end, since none is put in before the last.
INSERT INTO chargeback_line
SELECT max(coalesce((SELECT max(line) FROM operation), 0), coalesce((SELECT max(line) FROM chargeback_line), 0))
       + row_number() OVER (ORDER BY at, chargeback), chargeback
FROM chargeback WHERE chargeback NOT IN (SELECT chargeback FROM chargeback_line);
"""
_LAST = """SELECT max(coalesce((SELECT max(line) FROM operation), 0),
    coalesce((SELECT max(line) FROM chargeback_line), 0))"""
_OPERATIONS = "SELECT * FROM operation WHERE line > ? ORDER BY line LIMIT ?"
_CHARGEBACKS = """
SELECT l.line, c.*, o.currency FROM chargeback_line l JOIN chargeback c ON c.chargeback = l.chargeback
JOIN operation o ON o.client_id = c.client_id WHERE l.line > ? ORDER BY l.line LIMIT ?"""
_STATUS_FIELDS = "id kind client_id state amount_minor currency reference created_at at reason".split()
_CHARGEBACK_FIELDS = "chargeback client_id amount_minor currency reason at".split()


def next_line(connection: sqlite3.Connection) -> int:
    """Return the line of what ends next; within the transaction that writes it."""
    last: int = connection.execute(_LAST).fetchone()[0]
    return last + 1


def read_lines(connection: sqlite3.Connection, after: int, limit: int) -> MoneyLines:
    """Return up to `limit` lines beyond line `after`, oldest first; `next` is None on the last page."""
    limit = max(1, min(limit, LINES_PAGE_MAX))
    asked = (max(0, min(after, LINE_MAX)), limit + 1)
    connection.execute("BEGIN")  # both kinds as of one moment
    try:
        operations, chargebacks = (connection.execute(query, asked).fetchall() for query in (_OPERATIONS, _CHARGEBACKS))
    finally:
        connection.execute("COMMIT")
    marks = sorted(row["line"] for row in (*operations, *chargebacks))
    last = marks[:limit][-1] if marks else 0
    return MoneyLines(
        lines=[status_of(row) for row in operations if row["line"] <= last],
        next=last if len(marks) > limit else None,
        last=last or None,
        chargebacks=[_chargeback(row) for row in chargebacks if row["line"] <= last],
    )


def status_of(row: sqlite3.Row) -> MoneyStatus:
    """Return an operation as the provider tells it."""
    values = {name: row[name] for name in _STATUS_FIELDS}
    state = State(row["state"])
    reason = None if state is State.PENDING else row["reason"]
    return MoneyStatus(**{**values, "kind": Kind(row["kind"]), "state": state, "reason": reason})


def _chargeback(row: sqlite3.Row) -> ChargebackLine:
    return ChargebackLine(**{name: row[name] for name in _CHARGEBACK_FIELDS})
