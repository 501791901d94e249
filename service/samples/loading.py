"""Rows into tables by COPY, as the application role."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from service.db.session import driver_url

Connection = psycopg.Connection[tuple[Any, ...]]
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
NO_VALUE = "\\N"


def connect(database_url: str) -> Connection:
    """Open a connection for bulk work; whoever opens it commits. Waits for the disk are left to the checkpoints."""
    return psycopg.connect(
        driver_url(database_url), options="-c timezone=UTC -c synchronous_commit=off -c work_mem=256MB"
    )


def copy_text(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Append rows whose values are already text fit for COPY."""
    if not rows:
        return
    with connection.cursor() as cursor, cursor.copy(_copy(table, columns)) as copy:
        copy.write("\n".join(["\t".join(row) for row in rows]) + "\n")


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Append rows of Python values: text, numbers, moments, ids, JSON or None."""
    copy_text(connection, table, columns, [tuple(map(_text, row)) for row in rows])


def _copy(table: str, columns: Sequence[str]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)


def _text(value: object) -> str:
    if value is None:
        return NO_VALUE
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)
