"""Rows that are locked before somebody decides by them."""

from typing import Any, TypeVar

from sqlalchemy import Select

Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


def locked(query: Query) -> Query:
    """Return the query with its rows locked FOR UPDATE and read as they are then.

    A session gives the object that it has, as it was read first: whoever waited for a lock would decide by what was.
    """
    return query.with_for_update().execution_options(populate_existing=True)
