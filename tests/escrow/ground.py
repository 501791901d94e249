"""The database of the state machine: one connection that acts, one that looks and cleans."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row, scalar_row
from sqlalchemy.exc import DBAPIError

from service.core.errors import FairholdError
from service.db.session import Database, Tx, driver_url
from service.escrow.check import reconcile
from service.escrow.rules import ScopeKey
from tests.conftest import DatabaseUrls
from tests.escrow.model import ModelHold
from tests.escrow.model_moves import Ledger

Result = TypeVar("Result")
OUR_STATES = frozenset({"FH409", "FH422"})


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Result]):
    """What a committed action returned, or the code with which it was refused and rolled back; and its time."""

    now: datetime
    value: Result | None
    refusal: str | None

    @property
    def made(self) -> Result:
        assert self.value is not None, self.refusal
        return self.value


class Ground:
    """A database that is emptied after each run, so that every account in it is the model's."""

    def __init__(self, urls: DatabaseUrls, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.database = Database(urls.app, pool_max=1)
        self._looking = psycopg.connect(driver_url(urls.admin), autocommit=True, row_factory=namedtuple_row)
        self._looking.execute("SET timezone = 'UTC'; SET session_replication_role = 'replica'")
        self._started_empty = [name for name in self._tables() if not self._has_rows(name)]
        self.seen: Counter[str] = Counter()
        """How often each transfer was made and each refusal given, over all runs."""

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)

    def attempt(self, work: Callable[[Tx, datetime], Awaitable[Result]]) -> Outcome[Result]:
        """Do `work` in a transaction; a refusal with one of our codes rolls it back."""

        async def once() -> Outcome[Result]:
            tx = self.database.session()
            try:
                now = await tx.now()
                try:
                    value = await work(tx, now)
                    await tx.commit()
                except FairholdError as error:
                    return Outcome(now, None, error.code)
                except DBAPIError as error:
                    if getattr(error.orig, "sqlstate", None) not in OUR_STATES:
                        raise
                    return Outcome(now, None, str(error.orig).splitlines()[0])
                return Outcome(now, value, None)
            finally:
                await tx.close()

        return self.run(once())

    def forward(self, by: timedelta) -> None:
        """Move the clock."""
        self._looking.execute("UPDATE fairhold_clock SET clock_offset = clock_offset + %s", (by,))

    def rows(self, query: str, *values: object) -> list[Any]:
        """Look at what is committed."""
        return self._looking.execute(query, values).fetchall()

    def children_of(self, hold_id: UUID) -> tuple[UUID, UUID]:
        (found,) = self.rows("SELECT claimed_hold_id, rest_hold_id FROM resolution WHERE hold_id = %s", hold_id)
        return found.claimed_hold_id, found.rest_hold_id

    def reconcile(self) -> None:
        async def findings() -> Any:
            async with self.database.begin() as tx:
                return await reconcile(tx)

        assert self.run(findings()) == []

    def empty(self) -> None:
        """Make everything as it was at the start. Triggers and foreign keys are off for this connection."""
        for name in self._started_empty:
            if self._has_rows(name):
                self._looking.execute(f'DELETE FROM "{name}"')
        self._looking.execute("UPDATE fairhold_clock SET clock_offset = '0'")

    def close(self) -> None:
        self._looking.close()
        self.run(self.database.close())

    def _tables(self) -> list[str]:
        query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        with self._looking.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(query).fetchall()

    def _has_rows(self, name: str) -> bool:
        return bool(self.rows(f'SELECT EXISTS (SELECT FROM "{name}") AS found')[0].found)


def check_agreement(ground: Ground, model: Ledger) -> None:
    """Compare every hold, freeze, scope, operation, alert, transfer and account with the model."""
    take_up_refunds(ground, model)
    holds = {row.id: row[1:] for row in ground.rows(
        "SELECT id, state, amount_minor, currency, batch_id, freeze_count, window_ends_at, window_left_seconds,"
        " has_used_floor FROM hold")}  # fmt: skip
    _same("holds", holds, {hold.id: _columns(hold) for hold in model.holds.values()})

    freezes: dict[UUID, set[UUID]] = {hold_id: set() for hold_id in holds}
    for row in ground.rows("SELECT hold_id, source_id FROM hold_freeze WHERE lifted_at IS NULL"):
        freezes[row.hold_id].add(row.source_id)
    _same("freezes", freezes, {hold.id: hold.freezes for hold in model.holds.values()})
    scopes = {ScopeKey(row.kind, row.key): row.freeze_count for row in ground.rows(
        "SELECT kind, key, freeze_count FROM scope WHERE freeze_count > 0")}  # fmt: skip
    _same("scopes", scopes, model.scope_counts)

    operations = {row.id: row[1:] for row in ground.rows(
        "SELECT id, kind, state, amount_minor, currency, hold_id FROM payment")}  # fmt: skip
    _same("operations", operations, {
        each.id: (each.kind, each.state, each.amount.amount_minor, each.amount.currency, each.hold_id)
        for each in model.operations.values()
    })  # fmt: skip
    alerts = {tuple(row) for row in ground.rows("SELECT kind, subject_id FROM alert WHERE cleared_at IS NULL")}
    assert alerts == model.alerts, (alerts, model.alerts)
    _check_money(ground, model)


def _check_money(ground: Ground, model: Ledger) -> None:
    transfers = {row[:2]: row[2:] for row in ground.rows(
        "SELECT subject_id, code, debit_account, credit_account, amount_minor FROM transfer")}  # fmt: skip
    _same("transfers", transfers, model.transfers)
    balances = model.balances
    derived: Counter[str] = Counter()
    for debit, credit, minor in transfers.values():
        derived[debit] -= minor
        derived[credit] += minor
    accounts = ground.rows("SELECT id, balance_mode, balance_minor FROM account")
    for account in accounts:
        minor = account.balance_minor if account.balance_mode == "locked" else derived[account.id]
        assert minor == balances.get(account.id, 0), (account, minor, balances)
    assert balances.keys() <= {account.id for account in accounts}


def take_up_refunds(ground: Ground, model: Ledger) -> None:
    """Give the model the ids of the refunds that it expects; there must be one for each."""
    if model.refunds_to_come:
        for row in ground.rows("SELECT id, hold_id FROM payment WHERE kind = 'refund' ORDER BY id"):
            if row.id not in model.operations:
                model.name_refund(row.id, row.hold_id)
    assert model.refunds_to_come == {}


def _same(what: str, found: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> None:
    """Assert that two tables are the same, and show only the rows that differ."""
    keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    differing = [(key, found.get(key), wanted.get(key)) for key in keys]
    assert not differing, f"{what}: (key, database, model) {differing}"


def _columns(hold: ModelHold) -> tuple[object, ...]:
    left = None if hold.left is None else int(hold.left.total_seconds())
    return (
        hold.state, hold.amount.amount_minor, hold.amount.currency, hold.batch_id, len(hold.freezes), hold.ends_at,
        left, hold.has_used_floor,
    )  # fmt: skip
