"""Keyset pages: a page ends with an opaque mark, and the next page starts behind it."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

from service.core.errors import Invalid
from service.db.base import Base
from service.db.schemas import PageMeta, PageOf
from service.db.session import Tx

LIMIT_DEFAULT = 50
LIMIT_MAX = 200

Row = TypeVar("Row")
View = TypeVar("View")
Entity = TypeVar("Entity", bound=Base)
Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows and the mark of the next page, or None at the end."""

    rows: Sequence[Row]
    next: str | None

    def shown_as(self, views: Sequence[View]) -> "Page[View]":
        """Return the same page with what is shown of its rows."""
        return Page(views, self.next)

    def answer(self) -> PageOf[Row]:
        """Return what a list route answers."""
        return PageOf(list(self.rows), PageMeta(self.next))

    def answer_of(self, view: Callable[[Row], View]) -> PageOf[View]:
        """Return what a list route answers, with the view of each row."""
        return PageOf([view(row) for row in self.rows], PageMeta(self.next))


def page_query(
    query: Query, key: InstrumentedAttribute[UUID], *, after: str | None, limit: int, is_oldest_first: bool = False
) -> Query:
    """Return the query for the rows of a page and one more, the newest first: `key` is a UUIDv7, which has the time.

    Raises `Invalid` ("page_limit_wrong", "page_mark_wrong").
    """
    query = query.order_by(key if is_oldest_first else key.desc()).limit(check_limit(limit) + 1)
    if not after:
        return query
    (last,) = decode_mark(after, UUID)
    return query.where(key > last if is_oldest_first else key < last)


def cut_page(rows: Sequence[Row], limit: int, mark_of: Callable[[Row], str]) -> Page[Row]:
    """Return the page of `limit` rows; a row more says that there is a next one, behind the mark of the last."""
    return Page(rows[:limit], mark_of(rows[limit - 1]) if len(rows) > limit else None)


async def read_page(
    tx: Tx,
    query: Select[Entity],
    key: InstrumentedAttribute[UUID],
    *,
    after: str | None,
    limit: int,
    is_oldest_first: bool = False,
) -> Page[Entity]:
    """Return a page of mapped rows; raises as `page_query`."""
    found = await tx.scalars(page_query(query, key, after=after, limit=limit, is_oldest_first=is_oldest_first))
    return cut_page(found.all(), limit, lambda row: encode_mark(str(getattr(row, key.key))))


def whole_list(rows: Iterable[Row]) -> PageOf[Row]:
    """Return what the route of a short list answers, which has one page only."""
    return PageOf(list(rows), PageMeta(None))


def encode_mark(*values: str | int | None) -> str:
    """Return an opaque mark for the sort values of the last row of a page."""
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def decode_mark(mark: str, *types: type) -> tuple[object, ...]:
    """Return the sort values of a mark, converted to `types`; raises `Invalid` ("page_mark_wrong")."""
    try:
        decoded = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
        values = msgspec.json.decode(decoded, type=list[object])
        return tuple(msgspec.convert(value, kind, strict=False) for value, kind in zip(values, types, strict=True))
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise Invalid("page_mark_wrong", "`after` is not a mark that a page gave", field="after") from error


def check_limit(limit: int) -> int:
    """Return the limit if it is from 1 to 200; raises `Invalid` ("page_limit_wrong")."""
    if not 1 <= limit <= LIMIT_MAX:
        raise Invalid("page_limit_wrong", f"a page has 1 to {LIMIT_MAX} rows", field="limit")
    return limit
