"""What is sealed, and the bytes of a row, as docs/seal.md describes them; pure, so that it runs offline.

A row's bytes are those of PostgreSQL's binary COPY: the number of fields (2 bytes), then for each field its length
(4 bytes, -1 for null) and its value; whole numbers are big-endian. So the database makes them fast, and anybody else
can make them from an export.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts from here
_MICROSECOND = timedelta(microseconds=1)
_NULL = b"\xff\xff\xff\xff"
_LENGTH = struct.Struct(">i")
_COUNT = struct.Struct(">h")
_WHOLE = struct.Struct(">q")
_XID = struct.Struct(">Q")
_XID_AT = _COUNT.size + _LENGTH.size  # the transaction id is every row's first field


@dataclass(frozen=True, slots=True)
class Sealed:
    """A table that is sealed: the letter that begins a row's hash, its columns with their types, and the row's key.

    Rows of a block are ordered by the key, which begins with the transaction id; text by its bytes.
    """

    name: str
    letter: bytes
    columns: Mapping[str, str]
    key: Sequence[str]


TRANSFER = Sealed(
    "transfer",
    b"T",
    {
        "xid": "xid8",
        "subject_id": "uuid",
        "code": "text",
        "hold_id": "uuid",
        "debit_account": "text",
        "credit_account": "text",
        "currency": "text",
        "amount_minor": "int8",
        "at": "timestamptz",
    },
    ("xid", "subject_id", "code"),
)
RESOLUTION = Sealed(
    "resolution",
    b"R",
    {
        "xid": "xid8",
        "hold_id": "uuid",
        "tenant_id": "uuid",
        "seller_id": "uuid",
        "outcome": "text",
        "cause": "text",
        "currency": "text",
        "amount_minor": "int8",
        "fee_bps": "int8",
        "buyer_minor": "int8",
        "seller_minor": "int8",
        "fee_minor": "int8",
        "claimed_minor": "int8",
        "rest_minor": "int8",
        "claimed_hold_id": "uuid",
        "rest_hold_id": "uuid",
        "decision_id": "uuid",
        "actor_id": "uuid",
        "at": "timestamptz",
    },
    ("xid", "hold_id"),
)
EVENT = Sealed(
    "event",
    b"E",
    {
        "xid": "xid8",
        "seq": "int8",
        "id": "uuid",
        "name": "text",
        "subject_kind": "text",
        "subject_id": "uuid",
        "tenant_id": "uuid",
        "actor_id": "uuid",
        "at": "timestamptz",
        "facts": "jsonb",
    },
    ("xid", "seq"),
)
TABLES = (TRANSFER, RESOLUTION, EVENT)
"""In the order in which a block takes their rows."""
TABLE_BY_NAME = {table.name: table for table in TABLES}


def encode_row(table: Sealed, values: Mapping[str, Any]) -> bytes:
    """Return a row's bytes from its values as an export has them.

    Whole numbers as `int` (transaction ids as text), uuids and JSON as text, times as ISO 8601. Raises `ValueError`,
    `KeyError` or `TypeError` where a value is none of its type.
    """
    parts = [_COUNT.pack(len(table.columns))]
    for name, kind in table.columns.items():
        value = values[name]
        if value is None:
            parts.append(_NULL)
        else:
            field = _ENCODE[kind](value)
            parts += (_LENGTH.pack(len(field)), field)
    return b"".join(parts)


def decode_row(table: Sealed, row: bytes) -> dict[str, Any]:
    """Return the values of a row's bytes, as `encode_row` takes them; raises `ValueError` if they are no such row."""
    values: dict[str, Any] = {}
    position = _COUNT.size
    if _COUNT.unpack_from(row)[0] != len(table.columns):
        raise ValueError(f"a row of {table.name} has {len(table.columns)} fields")
    for name, kind in table.columns.items():
        (length,) = _LENGTH.unpack_from(row, position)
        position += _LENGTH.size
        if length < 0:
            values[name] = None
        else:
            values[name] = _DECODE[kind](bytes(row[position : position + length]))
            position += length
    if position != len(row):
        raise ValueError(f"bytes are left over after a row of {table.name}")
    return values


def key_of(table: Sealed, row: bytes) -> dict[str, Any]:
    """Return the part of a row that names it."""
    values = decode_row(table, row)
    return {name: values[name] for name in table.key}


def xid_of(row: bytes) -> int:
    """Return the transaction id of a row's bytes."""
    return int(_XID.unpack_from(row, _XID_AT)[0])


def microseconds(at: datetime) -> int:
    """Return a time as PostgreSQL stores it: microseconds since 2000-01-01 UTC."""
    return (at - _EPOCH) // _MICROSECOND


def read_time(text: str) -> datetime:
    """Return the time of an ISO 8601 text with its zone; raises `ValueError`."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time needs a zone")
    return at


def write_time(at: datetime) -> str:
    """Return a UTC time in the one form that exports have."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time_in(field: bytes) -> str:
    return write_time(_EPOCH + timedelta(microseconds=_WHOLE.unpack(field)[0]))


def _utf8(text: str) -> bytes:
    if not isinstance(text, str):
        raise TypeError("a text is needed")
    return text.encode()


_ENCODE: Mapping[str, Callable[[Any], bytes]] = {
    "xid8": lambda text: _XID.pack(int(text)),
    "int8": _WHOLE.pack,
    "uuid": lambda text: UUID(text).bytes,
    "text": _utf8,
    "timestamptz": lambda text: _WHOLE.pack(microseconds(read_time(text))),
    "jsonb": lambda text: b"\x01" + _utf8(text),
}
_DECODE: Mapping[str, Callable[[bytes], Any]] = {
    "xid8": lambda field: str(_XID.unpack(field)[0]),
    "int8": lambda field: int(_WHOLE.unpack(field)[0]),
    "uuid": lambda field: str(UUID(bytes=field)),
    "text": lambda field: field.decode(),
    "timestamptz": _time_in,
    "jsonb": lambda field: field[1:].decode(),
}
