"""Read the provider's statement into our database, page by page, from where the last reading ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update

from service.core.wire import ChargebackLine, MoneyStatus, State, parse_instant
from service.db.session import Database, Tx
from service.escrow.actions.notices import store_line
from service.escrow.gateway import Gateway, Statement
from service.escrow.tables import LedgerCheck, StatementLine

PAGES_MAX = 10_000
"""So many pages (5,000,000 lines) are read at once; the next reading goes on."""
NAME = "statement"
CHARGEBACK = "chargeback"
"""The kind of a chargeback's line, beside those of operations."""
LISTS_CHARGEBACKS = "lists_chargebacks"
"""Fact of the last whole reading: this provider's statement has chargebacks, so ours must be among them."""


async def read_statement(database: Database, gateway: Gateway) -> bool:
    """Store every line that the provider has added; return whether the statement was read to its end.

    A chargeback that fits and that we have not heard of is applied by a job, as by its notice.
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
    now = await tx.now()
    values: dict[str, object] = {"mark": mark if page.last is None else page.last, "ended_at": now}
    if page.is_last_page:
        values |= {"started_at": began, "facts": {LISTS_CHARGEBACKS: page.chargebacks is not None}}
    moved = await tx.execute(
        update(LedgerCheck)
        .where(LedgerCheck.name == NAME, LedgerCheck.mark == mark)
        .values(values)
        .returning(LedgerCheck.name)
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        return False
    rows = [_operation(line) for line in page.lines] + [_chargeback(line) for line in page.chargebacks or ()]
    if rows:
        start = await tx.scalar(select(func.coalesce(func.max(StatementLine.position), 0))) or 0
        await tx.execute(
            insert(StatementLine),
            [row | {"position": start + number, "read_at": now} for number, row in enumerate(rows, 1)],
        )
    for line in page.chargebacks or ():
        await store_line(tx, line, now=now)
    return True


def _operation(line: MoneyStatus) -> dict[str, Any]:
    what = {"client_id": line.client_id, "provider_id": line.id, "kind": line.kind.value, "state": line.state.value}
    return what | _amount(line)


def _chargeback(line: ChargebackLine) -> dict[str, Any]:
    named = {"client_id": line.client_id, "provider_id": line.chargeback}
    return named | {"kind": CHARGEBACK, "state": State.DONE.value} | _amount(line)


def _amount(line: MoneyStatus | ChargebackLine) -> dict[str, Any]:
    return {"currency": line.currency, "amount_minor": line.amount_minor, "ended_at": parse_instant(line.at)}
