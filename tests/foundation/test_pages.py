"""Pages of a list: whole, in order, and each behind the one before, whatever is added meanwhile."""

from uuid import UUID

import pytest
from sqlalchemy import select

from service.accounts.tables import Tenant
from service.core.errors import Invalid
from service.core.ids import new_id
from service.db.pages import Page, encode_mark, read_page
from service.db.session import Database


@pytest.fixture
async def tenant_ids(database: Database) -> list[UUID]:
    """Five tenants, the oldest first."""
    ids = [new_id() for _ in range(5)]
    async with database.begin() as tx:
        tx.add_all(Tenant(id=each, name=f"tenant {each}", kind="platform") for each in ids)
    return ids


async def page_of(database: Database, after: str | None, limit: int, *, oldest_first: bool = False) -> Page[Tenant]:
    query = select(Tenant).where(Tenant.name.like("tenant %"))
    async with database.begin() as tx:
        return await read_page(tx, query, Tenant.id, after=after, limit=limit, is_oldest_first=oldest_first)


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
async def test_pages_give_every_row_once_in_order(
    database: Database, tenant_ids: list[UUID], limit: int, oldest_first: bool
) -> None:
    found: list[UUID] = []
    after: str | None = None
    pages = 0
    while pages == 0 or after is not None:
        page = await page_of(database, after, limit, oldest_first=oldest_first)
        found += [each.id for each in page.rows]
        after, pages = page.next, pages + 1
    assert found == (tenant_ids if oldest_first else tenant_ids[::-1])
    assert pages == -(-5 // limit)


async def test_what_is_added_meanwhile_moves_no_later_page(database: Database, tenant_ids: list[UUID]) -> None:
    first = await page_of(database, None, 2)
    async with database.begin() as tx:
        tx.add(Tenant(id=new_id(), name="tenant new", kind="platform"))
    second = await page_of(database, first.next, 2)
    assert [each.id for each in (*first.rows, *second.rows)] == tenant_ids[:0:-1]


@pytest.mark.parametrize(
    ("after", "limit", "code"),
    [
        ("x", 2, "page_mark_wrong"),
        (encode_mark("no id"), 2, "page_mark_wrong"),
        (encode_mark("a", "b"), 2, "page_mark_wrong"),
        (None, 0, "page_limit_wrong"),
        (None, 201, "page_limit_wrong"),
    ],
)
async def test_a_mark_that_no_page_gave_and_a_limit_out_of_bounds_are_refused(
    database: Database, after: str | None, limit: int, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await page_of(database, after, limit)
    assert refused.value.code == code
