"""The shelf of this process, in step with what PostgreSQL has committed: with `ways`, all of matching that reads.

A shelf is read whole when it is first asked, and before each later look it takes what was registered or corrected
since, by the events of it. Events are read from the oldest transaction on that was still running at the look before, so
that one which commits late is not passed over; what is read twice is put twice, which changes nothing. Nothing is kept
between processes: after a crash the shelf is read anew.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Row, RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import Pool

from service.complaints.matching.evidence import Found
from service.complaints.matching.facts import Candidate, Query
from service.complaints.matching.shelf import Shelf

PAGE = 20_000
PUT_AT_ONCE = 200
"""More batches than these are put in a thread of their own, so that the process goes on with other work."""
_T = TypeVar("_T")

_FACTS = """
SELECT b.id AS batch_id, b.product_id, b.seller_id, b.lot_code, b.maker_lot_code, b.made_on, b.expires_on,
       (b.registered_at AT TIME ZONE 'UTC')::date AS registered_on,
       p.name_en, p.name_zh, p.brand, p.gtin, trim(concat_ws(' ', s.name, s.name_zh)) AS seller_name
FROM batch b JOIN product p ON p.id = b.product_id JOIN seller s ON s.id = b.seller_id
"""
_PAGE = text(f"{_FACTS} WHERE b.id > :after AND b.id <> ALL(:own) ORDER BY b.id LIMIT :limit")
_SOME = text(f"{_FACTS} WHERE b.id = ANY(:batches) OR b.product_id = ANY(:products)")
_OWN = text(
    """
SELECT CASE e.name WHEN 'product.corrected' THEN NULL ELSE e.subject_id END FROM event e
WHERE e.xid = pg_current_xact_id_if_assigned()
    AND e.name IN ('batch.registered', 'batch.corrected', 'product.corrected', 'batches.seeded')
"""
)
"""What this very transaction has done, which may still be undone."""
_HORIZON = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
_SINCE = text(
    """
SELECT h.horizon::text AS horizon, e.seq, e.name, e.subject_id
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon) h
LEFT JOIN event e ON e.xid >= CAST(:since AS xid8) AND e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()
    AND e.name IN ('batch.registered', 'batch.corrected', 'product.corrected', 'batches.seeded')
"""
)
_BEFORE_ALL = UUID(int=0)


class Followed:
    """A shelf that follows one database. Belongs to one event loop."""

    def __init__(self) -> None:
        self._shelf: Shelf | None = None
        self._since = "0"
        self._seen: frozenset[int] = frozenset()
        self._turn = asyncio.Lock()

    async def ask(self, session: AsyncSession, question: Callable[[Shelf], _T]) -> _T:
        """Return the answer of the shelf as of now."""
        async with self._turn:
            return question(await self._caught_up(session))

    async def _caught_up(self, session: AsyncSession) -> Shelf:
        if self._shelf is None:
            self._since = (await session.execute(_HORIZON)).scalar_one()
            self._seen = _numbers(await self._events(session))  # committed before all is read, so they are in it
            own = (await session.execute(_OWN)).scalars().all()
            shelf = await self._read_all(session, [each for each in own if each is not None])
            if own:  # its work may be undone, and nobody would say so: it gets a shelf of its own
                return shelf
            self._shelf = shelf
        rows = await self._events(session)
        news = [row for row in rows if row.seq is not None and row.seq not in self._seen]
        if news and (await session.execute(_OWN)).first():  # what it has renamed itself would come with the news
            return self._shelf
        if any(row.name == "batches.seeded" for row in news):
            self._shelf = None
            return await self._caught_up(session)
        if news:
            products = [row.subject_id for row in news if row.name == "product.corrected"]
            batches = [row.subject_id for row in news if row.name != "product.corrected"]
            found = await _read(session, batches, products)
            for start in range(0, len(found), PUT_AT_ONCE):
                self._shelf.put(found[start : start + PUT_AT_ONCE])
                await asyncio.sleep(0)  # a long list of news holds nobody up
        self._since, self._seen = rows[0].horizon, _numbers(rows)
        return self._shelf

    async def _events(self, session: AsyncSession) -> Sequence[Row[Any]]:
        """Return what was told since, and with each row (or alone) the oldest transaction that is running."""
        return (await session.execute(_SINCE, {"since": self._since})).all()

    @staticmethod
    async def _read_all(session: AsyncSession, own: Collection[UUID]) -> Shelf:
        shelf = Shelf()
        async for page in _pages(session, own):
            if len(page) <= PUT_AT_ONCE:
                shelf.put(page)
            else:
                await asyncio.to_thread(shelf.put, page)
        return shelf


_followed: WeakKeyDictionary[Pool, Followed] = WeakKeyDictionary()


async def find(session: AsyncSession, query: Query) -> Found:
    """Return the batches that a complaint may mean, of those registered now; reads only and takes no lock."""
    return (await find_each(session, [query]))[0]


async def find_each(session: AsyncSession, queries: Sequence[Query]) -> list[Found]:
    """Return what `find` finds for each of the queries, in their order."""
    return await _of(session).ask(session, lambda shelf: [shelf.find(query) for query in queries])


async def catch_up(session: AsyncSession) -> None:
    """Bring this process's shelf in step, so that whoever asks next does not wait until all batches are read."""
    await _of(session).ask(session, lambda _: None)


async def registered(session: AsyncSession) -> list[Candidate]:
    """Return every registered batch, by id."""
    return [batch async for page in _pages(session, ()) for batch in page]


def _of(session: AsyncSession) -> Followed:
    """Return the shelf of the database that a session talks to, one in a process."""
    pool = session.sync_session.get_bind().engine.pool
    return _followed.setdefault(pool, Followed())


async def _pages(session: AsyncSession, own: Collection[UUID]) -> AsyncIterator[list[Candidate]]:
    """Give all batches but one's own, by id."""
    after, kept = _BEFORE_ALL, dict[Any, Any]()
    while True:
        rows = (await session.execute(_PAGE, {"after": after, "own": list(own), "limit": PAGE})).mappings().all()
        yield _candidates(rows, kept)
        if len(rows) < PAGE:
            return
        after = rows[-1]["batch_id"]


def _numbers(rows: Sequence[Row[Any]]) -> frozenset[int]:
    return frozenset(row.seq for row in rows if row.seq is not None)


async def _read(session: AsyncSession, batches: Collection[UUID], products: Collection[UUID]) -> list[Candidate]:
    found = await session.execute(_SOME, {"batches": list(batches), "products": list(products)})
    return _candidates(found.mappings(), {})


def _candidates(rows: Iterable[RowMapping], kept: dict[Any, Any]) -> list[Candidate]:
    """Return the batches; what rows share, also with those that came before into `kept`, is one object."""
    return [
        Candidate(
            batch_id=row["batch_id"],
            product_id=kept.setdefault(row["product_id"], row["product_id"]),
            seller_id=kept.setdefault(row["seller_id"], row["seller_id"]),
            name_en=_once(kept, row["name_en"]),
            name_zh=_once(kept, row["name_zh"]),
            brand=_once(kept, row["brand"]),
            seller_name=_once(kept, row["seller_name"]),
            gtin=_once(kept, row["gtin"]),
            lot_code=row["lot_code"],
            maker_lot_code=row["maker_lot_code"] or "",
            registered_on=kept.setdefault(row["registered_on"], row["registered_on"]),
            made_on=kept.setdefault(row["made_on"], row["made_on"]),
            expires_on=kept.setdefault(row["expires_on"], row["expires_on"]),
        )
        for row in rows
    ]


def _once(kept: dict[Any, Any], value: str | None) -> str:
    return str(kept.setdefault(value, value)) if value else ""
