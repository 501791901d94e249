"""Read the provider's statement into our database, page by page, from where the last reading ended."""

from datetime import datetime

from sqlalchemy import func, insert, select, update

from service.core.wire import parse_instant
from service.db.session import Database, Tx
from service.escrow.gateway import Gateway, Statement
from service.escrow.tables import LedgerCheck, StatementLine

PAGES_MAX = 10_000
"""So many pages (5,000,000 lines) are read at once; the next reading goes on."""
NAME = "statement"


async def read_statement(database: Database, gateway: Gateway) -> bool:
    """Store every line that the provider has added; return whether the statement was read to its end.

    Each page commits with the mark behind it, so a reading that breaks off is gone on with. Two readings at once: the
    second finds its mark moved, and its page is dropped.
    """
    async with database.begin() as tx:
        began = await tx.now()
        mark = await tx.scalar(select(LedgerCheck.mark).where(LedgerCheck.name == NAME)) or 0
    for _ in range(PAGES_MAX):
        page = await gateway.statement(mark, now=began)  # no transaction is open
        if page is None or not (page.is_last_page or (page.last or 0) > mark):
            return False  # no answer, or one that would have us read the same page for ever
        async with database.begin() as tx:
            if not await _store(tx, page, mark, began):
                return False
        mark = mark if page.last is None else page.last
        if page.is_last_page:
            return True
    return False


async def _store(tx: Tx, page: Statement, mark: int, began: datetime) -> bool:
    """Store a page if the mark is still where it was read from. The last page says until when all is known."""
    values: dict[str, object] = {"mark": mark if page.last is None else page.last, "ended_at": await tx.now()}
    if page.is_last_page:
        values["started_at"] = began
    moved = await tx.execute(
        update(LedgerCheck)
        .where(LedgerCheck.name == NAME, LedgerCheck.mark == mark)
        .values(values)
        .returning(LedgerCheck.name)
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        return False
    if page.lines:
        start = await tx.scalar(select(func.coalesce(func.max(StatementLine.position), 0))) or 0
        now = await tx.now()
        await tx.execute(
            insert(StatementLine),
            [
                {
                    "position": start + number,
                    "client_id": line.client_id,
                    "provider_id": line.id,
                    "kind": line.kind.value,
                    "state": line.state.value,
                    "currency": line.currency,
                    "amount_minor": line.amount_minor,
                    "ended_at": parse_instant(line.at),
                    "read_at": now,
                }
                for number, line in enumerate(page.lines, 1)
            ],
        )
    return True
