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


_SEARCH_INDEXES = ("product_name_idx", "seller_name_idx", "batch_lot_trgm_idx", "batch_maker_lot_trgm_idx")
_BULK = {
    "timezone": "UTC",
    "synchronous_commit": "off",  # a crash loses sample data only
    "work_mem": "256MB",
    "gin_pending_list_limit": "1GB",  # new trigrams wait in a list and are sorted in once, at the end
}


def connect(database_url: str) -> Connection:
    """Open an autocommit connection for bulk work, in transactions of its caller."""
    options = " ".join(f"-c {name}={value}" for name, value in _BULK.items())
    return psycopg.connect(driver_url(database_url), options=options, autocommit=True)


def clean_search_indexes(owner_database_url: str) -> None:
    """Sort the waiting trigrams into their indexes, as the owner; without it the next autovacuum does it."""
    with psycopg.connect(
        driver_url(owner_database_url), options="-c maintenance_work_mem=512MB", autocommit=True
    ) as connection:
        for index in _SEARCH_INDEXES:
            connection.execute("SELECT gin_clean_pending_list(%s::regclass)", (index,))
        connection.execute("ANALYZE")


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
