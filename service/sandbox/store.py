"""The SQLite file of one sandbox service: its switches, its idea of Fairhold's time, its outbox.

Calls block the event loop on purpose: each is one short local transaction, and one connection used by one thread needs
no locks. A killed process loses nothing; a power cut may lose the last commits (WAL, synchronous NORMAL).
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from service.core.ids import new_id
from service.core.wire import format_instant, parse_instant
from service.sandbox.switches import Switches

BUSY_TIMEOUT_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS switches (one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS clock (
    one INTEGER PRIMARY KEY CHECK (one = 1), fairhold_now TEXT NOT NULL, monotonic_s REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, notice_id TEXT NOT NULL UNIQUE, path TEXT NOT NULL, body BLOB NOT NULL,
    signed INTEGER NOT NULL CHECK (signed IN (0, 1)), copies INTEGER NOT NULL CHECK (copies > 0),
    attempts INTEGER NOT NULL DEFAULT 0, due_s REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due_s, seq);
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that has not been taken yet. `due_s` counts on the monotonic clock."""

    seq: int
    notice_id: str
    path: str
    body: bytes
    signed: bool
    copies: int
    attempts: int
    due_s: float


def notice_id() -> str:
    """Return a new id of a notice, fit for `webhook-id`."""
    return f"nt_{new_id().hex}"


class Store:
    """One SQLite file, open until `close`."""

    def __init__(self, path: Path, schema: str = "") -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # it holds the carrier's private key
        self.connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.executescript(_SCHEMA + schema)
        self.machine_restarted = self._is_machine_restarted()
        if self.machine_restarted:
            self.connection.execute("UPDATE outbox SET due_s = 0")

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done within, or undo it if an exception leaves. Never awaits: see the module."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def switches(self) -> Switches:
        """Return the switches as they are set."""
        row = self.connection.execute("SELECT body FROM switches").fetchone()
        return Switches() if row is None else msgspec.json.decode(row["body"], type=Switches)

    def set_switches(self, switches: Switches) -> None:
        """Replace all switches."""
        self.connection.execute("INSERT OR REPLACE INTO switches VALUES (1, ?)", (msgspec.json.encode(switches),))

    def use_up(self, counter: str) -> bool:
        """Take one off a counting switch; whether there was one to take."""
        switches = self.switches()
        left: int = getattr(switches, counter)
        if left > 0:
            self.set_switches(msgspec.structs.replace(switches, **{counter: left - 1}))
        return left > 0

    def adopt_now(self, now: datetime) -> None:
        """Take over Fairhold's time from a message of Fairhold's, earlier or later than what was known."""
        values = (format_instant(now), time.monotonic())
        self.connection.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?)", values)

    def now(self) -> datetime | None:
        """Return Fairhold's time as last heard, plus what has passed since; None before it was ever heard.

        The system's monotonic clock goes on while the process is down; it starts again with the machine, and then
        the time is late until Fairhold's next message.
        """
        row = self.connection.execute("SELECT fairhold_now, monotonic_s FROM clock").fetchone()
        if row is None:
            return None
        passed_s = max(0.0, time.monotonic() - row["monotonic_s"])
        return parse_instant(row["fairhold_now"]) + timedelta(seconds=passed_s)

    def add_notice(self, identifier: str, path: str, body: bytes, *, signed: bool, delay_s: float = 0) -> None:
        """Put a notice in the outbox, twice if the switch says so; within the transaction of what it tells."""
        self.connection.execute(
            "INSERT INTO outbox (notice_id, path, body, signed, copies, due_s) VALUES (?, ?, ?, ?, ?, ?)",
            (identifier, path, body, signed, 2 if self.switches().duplicate_notices else 1, time.monotonic() + delay_s),
        )

    def due_notices(self, limit: int) -> list[Waiting]:
        """Return up to `limit` notices whose time has come, oldest first."""
        rows = self.connection.execute(
            "SELECT * FROM outbox WHERE due_s <= ? ORDER BY seq LIMIT ?", (time.monotonic(), limit)
        ).fetchall()
        return [Waiting(**{**dict(row), "signed": bool(row["signed"])}) for row in rows]

    def next_due_s(self) -> float | None:
        """Return the monotonic time of the next notice, None if the outbox is empty."""
        due: float | None = self.connection.execute("SELECT min(due_s) FROM outbox").fetchone()[0]
        return due

    def taken(self, notice: Waiting) -> None:
        """Note that one copy was taken; the last one leaves the outbox."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM outbox WHERE seq = ? AND copies = 1", (notice.seq,))
            connection.execute("UPDATE outbox SET copies = copies - 1, attempts = 0 WHERE seq = ?", (notice.seq,))

    def remove(self, notice: Waiting) -> None:
        """Throw a notice away."""
        self.connection.execute("DELETE FROM outbox WHERE seq = ?", (notice.seq,))

    def postpone(self, notice: Waiting, pause_s: float) -> None:
        """Note a failed attempt, to be repeated after a pause."""
        self.connection.execute(
            "UPDATE outbox SET attempts = attempts + 1, due_s = ? WHERE seq = ?",
            (time.monotonic() + pause_s, notice.seq),
        )

    def _is_machine_restarted(self) -> bool:
        """Whether stored monotonic times lie ahead of the clock: then they were another run's and mean nothing."""
        row = self.connection.execute("SELECT monotonic_s FROM clock").fetchone()
        return row is not None and row["monotonic_s"] > time.monotonic()
