"""Look into a test's database, and send forms' tokens."""

from typing import Any

import httpx
from sqlalchemy import text

from service.db.session import Database


async def rows(database: Database, sql: str, **values: Any) -> list[list[Any]]:
    async with database.begin() as tx:
        return [list(row) for row in await tx.execute(text(sql), values)]


async def count(database: Database, table: str) -> int:
    [[number]] = await rows(database, f"SELECT count(*) FROM {table}")
    return int(number)


def csrf(client: httpx.AsyncClient) -> dict[str, str]:
    return {"x-csrf-token": client.cookies["fairhold_csrf"]}
