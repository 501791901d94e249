"""The payment provider: captures, refunds and payouts, each done once per client id for ever."""

import sqlite3
import time
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path

from service.core.errors import Invalid, NotFound, unreachable
from service.core.ids import new_id
from service.core.wire import (
    INBOUND_GATEWAY,
    ChargebackNotice,
    ChargebackRequest,
    Kind,
    MoneyLines,
    MoneyNotice,
    MoneyRequest,
    MoneyStatus,
    Reason,
    State,
    encode,
    format_instant,
)
from service.sandbox import statement
from service.sandbox.statement import next_line, status_of
from service.sandbox.store import Store, notice_id

IMPORT_CHUNK = 5_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS operation (
    client_id TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), currency TEXT NOT NULL, reference TEXT NOT NULL,
    payer TEXT, payee TEXT, original TEXT, created_at TEXT NOT NULL, at TEXT NOT NULL,
    end_due_s REAL, line INTEGER UNIQUE,
    CHECK (kind IN ('capture', 'refund', 'payout') AND state IN ('pending', 'done', 'failed')),
    CHECK ((state = 'pending') = (end_due_s IS NOT NULL) AND (state = 'pending') = (line IS NULL)),
    CHECK (state <> 'failed' OR reason IS NOT NULL), CHECK (state <> 'done' OR reason IS NULL)
) STRICT;
CREATE INDEX IF NOT EXISTS operation_pending ON operation (end_due_s) WHERE state = 'pending';
CREATE INDEX IF NOT EXISTS operation_original ON operation (original) WHERE original IS NOT NULL;
CREATE TABLE IF NOT EXISTS chargeback (
    chargeback TEXT PRIMARY KEY, client_id TEXT NOT NULL REFERENCES operation, reason TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0), at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS chargeback_capture ON chargeback (client_id);
"""
# A pending operation's reason is already decided: it becomes public when the operation ends.
_INSERT = """INSERT INTO operation VALUES (
    :client_id, :id, :kind, :state, :reason, :amount_minor, :currency, :reference, :payer, :payee, :original,
    :created_at, :at, :end_due_s, :line)"""
_REQUEST_FIELDS = "amount_minor currency reference payer payee original".split()


class Provider:
    """The provider's books. Every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path, _SCHEMA + statement.SCHEMA)
        if self.store.machine_restarted:
            self.store.connection.execute("UPDATE operation SET end_due_s = 0 WHERE state = 'pending'")

    def submit(self, kind: Kind, request: MoneyRequest, *, now: datetime) -> MoneyStatus:
        """Return the operation of this client id, made now if it is new.

        Raises `Invalid`: the body is wrong for the kind, or the id was used for something else.
        """
        request.check(kind)
        with self.store.transaction() as connection:
            known = self._row(request.client_id)
            if known is not None:
                if known["kind"] != kind or any(known[name] != getattr(request, name) for name in _REQUEST_FIELDS):
                    raise Invalid("idempotency_key_reused", "the key was used for another operation")
                return status_of(known)
            reason = self._reason(kind, request)
            delay_s = self.store.switches().delay_ms / 1000
            at = format_instant(now)
            values = {name: getattr(request, name) for name in ("client_id", *_REQUEST_FIELDS)}
            values |= {"id": f"po_{new_id().hex}", "kind": kind.value, "reason": reason, "created_at": at, "at": at}
            if delay_s:
                values |= {"state": State.PENDING.value, "end_due_s": time.monotonic() + delay_s, "line": None}
            else:
                values |= {"state": _end_state(reason).value, "end_due_s": None, "line": next_line(connection)}
            connection.execute(_INSERT, values)
            return self._tell(request.client_id)

    def status(self, kind: Kind, client_id: str) -> MoneyStatus:
        """Return how an operation stands; raises `NotFound`."""
        row = self._row(client_id)
        if row is None or row["kind"] != kind:
            raise NotFound("operation_unknown", "no such operation")
        return status_of(row)

    def charge_back(self, client_id: str, request: ChargebackRequest, *, now: datetime) -> ChargebackNotice:
        """Let the payer's bank take money of a done capture back, and tell; the same name again changes nothing.

        Raises `NotFound` ("operation_unknown"), `Invalid` ("more_than_captured", "original_not_done").
        """
        request.check()
        with self.store.transaction() as connection:
            capture = self._row(client_id)
            if capture is None or capture["kind"] != Kind.CAPTURE:
                raise NotFound("operation_unknown", "no such capture")
            if capture["state"] != State.DONE:
                raise Invalid(Reason.ORIGINAL_NOT_DONE.value, "nothing was captured")
            notice = ChargebackNotice(
                id=notice_id(),
                kind="chargeback",
                chargeback=request.chargeback,
                client_id=client_id,
                amount_minor=request.amount_minor,
                currency=capture["currency"],
                reason=request.reason,
                at=format_instant(now),
            )
            known = "SELECT 1 FROM chargeback WHERE chargeback = ?"
            if connection.execute(known, (request.chargeback,)).fetchone() is not None:
                return notice
            if self._charged_back(client_id) + request.amount_minor > capture["amount_minor"]:
                raise Invalid(Reason.MORE_THAN_CAPTURED.value, "more than was captured", field="amount_minor")
            values = (request.chargeback, client_id, request.reason, request.amount_minor, notice.at)
            connection.execute("INSERT INTO chargeback VALUES (?, ?, ?, ?, ?)", values)
            line = (next_line(connection), request.chargeback)
            connection.execute("INSERT INTO chargeback_line VALUES (?, ?)", line)
            self.store.add_notice(notice.id, INBOUND_GATEWAY, encode(notice), signed=True)
            return notice

    def lines(self, after: int, limit: int) -> MoneyLines:
        """Return what ended and was charged back beyond line `after`, as `statement.read_lines`."""
        return statement.read_lines(self.store.connection, after, limit)

    def end_due(self) -> float | None:
        """End pending operations whose time has come; return the next one's monotonic time."""
        query = "SELECT client_id, reason FROM operation WHERE state = 'pending' AND end_due_s <= ? ORDER BY end_due_s"
        for row in self.store.connection.execute(query, (time.monotonic(),)).fetchall():
            now = self.store.now()
            if now is None:
                unreachable("an operation is pending, so Fairhold's time was heard")
            with self.store.transaction() as connection:
                connection.execute(
                    "UPDATE operation SET state = ?, at = ?, end_due_s = NULL, line = ? WHERE client_id = ?",
                    (_end_state(row["reason"]).value, format_instant(now), next_line(connection), row["client_id"]),
                )
                self._tell(row["client_id"])
        due: float | None = self.store.connection.execute("SELECT min(end_due_s) FROM operation").fetchone()[0]
        return due

    def _row(self, client_id: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.store.connection.execute(
            "SELECT * FROM operation WHERE client_id = ?", (client_id,)
        ).fetchone()
        return found

    def _reason(self, kind: Kind, request: MoneyRequest) -> str | None:
        """Return why the operation must fail, None if it may be done."""
        if self.store.use_up("refuse_next"):
            return Reason.REFUSED.value
        if kind is not Kind.REFUND:
            return None
        capture = self._row(request.original or "")
        if capture is None or capture["kind"] != Kind.CAPTURE:
            return Reason.ORIGINAL_UNKNOWN.value
        if capture["state"] != State.DONE:
            return Reason.ORIGINAL_NOT_DONE.value
        if capture["currency"] != request.currency:
            return Reason.CURRENCY_DIFFERS.value
        refunded: int = self.store.connection.execute(
            "SELECT coalesce(sum(amount_minor), 0) FROM operation WHERE original = ? AND reason IS NULL",
            (request.original,),
        ).fetchone()[0]
        gone = refunded + self._charged_back(capture["client_id"])
        return Reason.MORE_THAN_CAPTURED.value if gone + request.amount_minor > capture["amount_minor"] else None

    def _charged_back(self, client_id: str) -> int:
        found: int = self.store.connection.execute(
            "SELECT coalesce(sum(amount_minor), 0) FROM chargeback WHERE client_id = ?", (client_id,)
        ).fetchone()[0]
        return found

    def _tell(self, client_id: str) -> MoneyStatus:
        row = self._row(client_id)
        if row is None:
            unreachable("an operation is told of in the transaction that wrote it")
        told = status_of(row)
        notice = MoneyNotice(
            id=notice_id(),
            kind=told.kind,
            client_id=told.client_id,
            state=told.state,
            amount_minor=told.amount_minor,
            currency=told.currency,
            at=told.at,
            reason=told.reason,
        )
        self.store.add_notice(notice.id, INBOUND_GATEWAY, encode(notice), signed=True)
        return told


def import_captures(path: Path, captures: Iterable[tuple[MoneyRequest, datetime]]) -> int:
    """Write captures that were done before (of sample data) into the provider's file at `path`, without notices.

    Returns how many were new. May run beside the provider: it writes in chunks of 5,000.
    """
    return _import(path, Kind.CAPTURE, captures)


def import_refunds(path: Path, refunds: Iterable[tuple[MoneyRequest, datetime]]) -> int:
    """Write refunds that were done before, as `import_captures` does; their captures were imported before them."""
    return _import(path, Kind.REFUND, refunds)


def _import(path: Path, kind: Kind, operations: Iterable[tuple[MoneyRequest, datetime]]) -> int:
    provider = Provider(path)
    before: int = provider.store.connection.total_changes
    rows = iter(operations)
    while chunk := list(islice(rows, IMPORT_CHUNK)):
        with provider.store.transaction() as connection:
            line = next_line(connection)
            connection.executemany(
                _INSERT.replace("INSERT", "INSERT OR IGNORE", 1),
                (_imported(kind, request, at, line + index) for index, (request, at) in enumerate(chunk)),
            )
    made = provider.store.connection.total_changes - before
    provider.store.close()
    return made


def _imported(kind: Kind, request: MoneyRequest, at: datetime, line: int) -> dict[str, object]:
    request.check(kind)
    values: dict[str, object] = {name: getattr(request, name) for name in ("client_id", *_REQUEST_FIELDS)}
    instant = format_instant(at)
    values |= {"id": f"po_{new_id().hex}", "kind": kind.value, "state": State.DONE.value, "reason": None}
    return values | {"created_at": instant, "at": instant, "end_due_s": None, "line": line}


def _end_state(reason: str | None) -> State:
    return State.DONE if reason is None else State.FAILED
