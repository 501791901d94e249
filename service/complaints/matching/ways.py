"""The way of goods as PostgreSQL has it now: with `retrieve`, the only part of matching that reads anything.

Custody and orders change all the time, so they are on no shelf: one statement reads what is recorded of the first few
candidates of all the complaints of a chunk, by indexes and a few entries of each. A complaint that tells neither who
sold the goods nor where has none.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from service.complaints.matching.facts import Candidate, Key, Query
from service.complaints.matching.trade import PLACED_MIN, SALES_MIN, Way, is_code, names_told
from service.core.names import name_key

ABOVE_MAX = 200
"""How many sellers above one who sold are looked at, the nearest first."""
HANDED_MAX = 100
"""How many sellers are followed back from who sold to who registered, and of how many hand-overs a batch is read."""
NAMESAKES_MAX = 20
"""A name with which more sellers' names begin, or end, names nobody."""
_SALES, _PLACED = SALES_MIN + 1, PLACED_MIN + 1  # one may be the complaint's own order

_NAMED = text(
    """
SELECT told.key, s.id, s.name, s.name_zh FROM unnest(CAST(:keys AS text[])) told(key) CROSS JOIN LATERAL (
    (SELECT id, name, name_zh FROM seller
     WHERE name_key >= told.key AND name_key < told.key || '!' ORDER BY name_key LIMIT :most)
    UNION
    (SELECT id, name, name_zh FROM seller
     WHERE reverse(name_key) >= reverse(told.key) AND reverse(name_key) < reverse(told.key) || '!'
     ORDER BY reverse(name_key) LIMIT :most)
) s
"""
)
"""Sellers whose key begins or ends with a told one: a key is that of the name, a space, and that of the Chinese name.

What follows a word in a key is a space, which "!" comes after.
"""


def _some(what: str, where: str, most: int) -> str:
    """Return a count that stops at `most`, read by an index whatever the planner knows of the table."""
    return f"(SELECT count(*) FROM (SELECT FROM {what} WHERE {where} LIMIT {most}) few)"  # noqa: S608 - constants


def _came(start: str, *, before: str) -> str:
    """Return whether a batch came to one of the sellers that the query `start` finds, hand by hand from its owner.

    Anybody may write that they handed a batch on; that counts only where they had it from somebody who had it.
    """
    return f"""(
        WITH RECURSIVE back(seller_id) AS (
            {start} UNION
            SELECT g.from_seller_id FROM back b CROSS JOIN LATERAL (
                SELECT c.from_seller_id FROM custody c
                WHERE c.batch_id = a.batch_id AND c.to_seller_id = b.seller_id AND c.at < {before} LIMIT {HANDED_MAX}
            ) g
        ) SELECT a.seller_id IN (SELECT seller_id FROM back LIMIT {HANDED_MAX})
    )"""  # noqa: S608 - constants


def _orders(where: str, most: int) -> str:
    return _some('"order" o', f"o.batch_id = a.batch_id AND {where}", most)


_BEFORE, _EVER = "coalesce(a.before, 'infinity')", "'infinity'"
_TO_SELLER = "SELECT a.sold_by WHERE a.sold_by <> a.seller_id"
_TO_ABOVE = (
    "SELECT w.seller_id FROM above w WHERE w.sold_by = a.sold_by AND w.seller_id NOT IN (a.sold_by, a.seller_id)"
)
_HANDED = f"""(
    SELECT c.to_seller_id, c.from_seller_id FROM custody c
    WHERE c.batch_id = a.batch_id AND c.at < {_BEFORE} LIMIT {HANDED_MAX}
) c"""  # noqa: S608 - constants
_HANDED_HERE = f"{_HANDED} JOIN seller s ON s.id = c.to_seller_id"
_HERE = "o.jurisdiction = a.country AND o.destination_area"
_READ = {
    "is_of_principal": "EXISTS (SELECT FROM above w WHERE w.sold_by = a.sold_by AND w.seller_id = a.seller_id)",
    "to_seller": _came(_TO_SELLER, before=_BEFORE),
    "to_above": _came(_TO_ABOVE, before=_BEFORE),
    "to_seller_ever": _came(_TO_SELLER, before=_EVER),
    "to_others": f"{_some(_HANDED, 'a.sold_by IS NOT NULL AND c.from_seller_id = a.seller_id', 1)} > 0",
    "in_area": _orders(f"{_HERE} >= a.area AND o.destination_area < a.area_end", _SALES),
    "in_province": _orders(f"{_HERE} >= a.province AND o.destination_area < a.province_end", 2),
    "in_country": _orders(f"{_HERE} >= ''", 2),
    "placed": _orders(f"a.province IS NOT NULL AND {_HERE} >= '0' AND o.destination_area < ':'", _PLACED),
    "abroad": f"{_orders('o.jurisdiction < a.country', _PLACED)} + {_orders('o.jurisdiction > a.country', _PLACED)}",
    "held_in_country": f"{_some(_HANDED_HERE, 'c.from_seller_id = a.seller_id AND s.country = a.country', 1)} > 0",
}
_WAYS = text(
    f"""
WITH asked AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:asked AS jsonb)) AS a(place int, batch_id uuid, seller_id uuid,
        sold_by uuid, before timestamptz, country text, area text, area_end text, province text, province_end text)
), above AS MATERIALIZED (
    SELECT s.sold_by, w.seller_id FROM (SELECT DISTINCT sold_by FROM asked WHERE sold_by IS NOT NULL) s
    CROSS JOIN LATERAL (
        WITH RECURSIVE climbed(seller_id) AS (
            SELECT s.sold_by UNION
            SELECT l.principal_id FROM climbed b JOIN agent_link l ON l.agent_id = b.seller_id
        ) SELECT seller_id FROM climbed LIMIT {ABOVE_MAX}
    ) w
)
SELECT a.place, a.batch_id, {", ".join(f"{what} AS {name}" for name, what in _READ.items())} FROM asked a
"""  # noqa: S608 - made of constants
)


async def sellers_named(session: AsyncSession, queries: Collection[Query]) -> dict[Query, UUID]:
    """Return the one registered seller that each complaint names, where its words name one; one statement for all.

    What was written of the agent comes first. The names must be equal as `name_key` compares them.
    """
    told = {query: names for query in queries if (names := names_told(query))}
    keys = {key for names in told.values() for text_keys in names for key in text_keys}
    if not keys:
        return {}
    most = NAMESAKES_MAX + 1
    near: defaultdict[str, list[Any]] = defaultdict(list)
    for row in await session.execute(_NAMED, {"keys": sorted(keys), "most": most}):
        near[row.key].append(row)
    of_key = {key: _named(key, rows) if len(rows) < most else set() for key, rows in near.items()}
    found: dict[Query, UUID] = {}
    for query, names in told.items():
        for text_keys in names:
            ids = set[UUID]().union(*(of_key.get(key, ()) for key in text_keys))
            if len(ids) == 1:
                found[query] = ids.pop()
                break
    return found


def _named(key: str, rows: Sequence[Any]) -> set[UUID]:
    """Return those of whom the key is one of the names, or both."""
    return {
        row.id for row in rows if key in (name_key(row.name), name_key(row.name_zh), name_key(row.name, row.name_zh))
    }


async def ways_of(session: AsyncSession, asked: Sequence[tuple[Query, Sequence[Candidate]]]) -> list[dict[Key, Way]]:
    """Return what is recorded of each complaint's candidates, by batch; one statement for all, none for no candidates.

    Every complaint tells by whom or where the goods were sold.
    """
    rows = [row for place, each in enumerate(asked) for row in _asked(place, *each)]
    found: list[dict[Key, Way]] = [{} for _ in asked]
    if rows:
        for row in await session.execute(_WAYS, {"asked": msgspec.json.encode(rows).decode()}):
            read: dict[str, Any] = {name: getattr(row, name) for name in _READ}
            found[row.place][row.batch_id] = Way(**read)
    return found


def _asked(place: int, query: Query, candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    area, province = _stem(query.area), query.area[:2] if is_code(query.area) else ""
    told = {
        "place": place,
        "sold_by": query.sold_by,
        "before": _day_after(query),
        "country": query.country or None,
        "area": area or None,
        "area_end": _end(area),
        "province": province or None,
        "province_end": _end(province),
    }
    return [{**told, "batch_id": each.batch_id, "seller_id": each.seller_id} for each in candidates]


def _stem(area: str) -> str:
    """Return what the codes of all places within an area begin with: a Chinese division's without its noughts."""
    if not is_code(area):
        return area
    stem = area
    while len(stem) > 2 and stem.endswith("00"):
        stem = stem[:-2]
    return stem


def _end(stem: str) -> str | None:
    """Return what comes after everything that begins with the figures, or after the very text."""
    if not stem:
        return None
    return stem[:-1] + chr(ord(stem[-1]) + 1) if is_code(stem) else f"{stem}\x01"


def _day_after(query: Query) -> datetime | None:
    """Return when the day of the purchase was over, in UTC; a buyer further west bought later, and is right too."""
    if query.purchase_date is None:
        return None
    return datetime.combine(query.purchase_date + timedelta(days=1), time.min, UTC)
