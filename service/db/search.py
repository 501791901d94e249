"""Search by words with pg_trgm on keys of `core.names.name_key`; the GIN index on the key serves it."""

from sqlalchemy import ColumnElement, literal
from sqlalchemy.orm import InstrumentedAttribute


def is_like(column: InstrumentedAttribute[str], key: str) -> ColumnElement[bool]:
    """Whether the words of `key` stand in the column, wrong letters forgiven (word similarity 0.6)."""
    return literal(key).op("<%", is_comparison=True)(column)
