"""Checks that come round by themselves: hourly reconciliation, nightly verification of the whole chain.

What they find raises an alert that stops the sweep and payouts; a clean run clears it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import or_, select, update

from service.core.verdict import Problem
from service.db.session import Database, Tx
from service.escrow.alerts import clear_alert, raise_alert
from service.escrow.check import Checked, check_rules
from service.escrow.gateway import Gateway
from service.escrow.heads import compare_heads, tell_of_unlocked
from service.escrow.sealing import CHAIN
from service.escrow.statement import read_statement
from service.escrow.tables import LedgerCheck
from service.escrow.verify import verify_database
from service.files.store import Store
from service.jobs.queue import Payload, enqueue

LEDGER = ("ledger", "all")
STATEMENT = ("provider", "statement")
EVERY: Mapping[str, timedelta] = {"reconcile": timedelta(hours=1), "verify": timedelta(days=1)}
_JOBS = {"reconcile": "escrow.reconcile", "verify": "escrow.verify_chain"}
_log = structlog.get_logger("fairhold.ledger")


async def queue_checks(tx: Tx) -> int:
    """Enqueue the checks whose time has come, each once however many workers ask; return 0: no need to ask again."""
    now = await tx.now()
    for name, every in EVERY.items():
        begun = await tx.execute(
            update(LedgerCheck)
            .where(
                LedgerCheck.name == name, or_(LedgerCheck.started_at.is_(None), LedgerCheck.started_at <= now - every)
            )
            .values(started_at=now)
            .returning(LedgerCheck.name)
            .execution_options(synchronize_session=False)
        )
        if begun.first() is not None:
            await enqueue(tx, _JOBS[name], {}, lock="escrow.checks")
    return 0


async def reconcile_ledger(_: Payload, *, database: Database, gateway: Gateway) -> None:
    """Read the provider's statement, check every rule and the seals since the last time; raise or clear alerts."""
    is_read = await read_statement(database, gateway)
    broken = [each async for each in check_rules(database) if not each.holds]
    verified = await _verified_up_to(database)
    verdict = await asyncio.to_thread(verify_database, database.url, after=verified)
    async with database.begin() as tx:
        now = await tx.now()
        await _tell(tx, "reconciliation_failed", LEDGER, _facts_of_rules(broken), now)
        if verdict.problems:  # only the whole chain, verified, can clear it
            await _tell(tx, "seal_failure", CHAIN, _facts_of_chain(verdict.problems), now)
        await tell_of_unlocked(tx, now=now)
        if is_read:
            await clear_alert(tx, "statement_not_read", STATEMENT, now=now)
        else:
            await raise_alert(tx, "statement_not_read", STATEMENT, facts={}, now=now)
        number = verified if verdict.before is None or verdict.problems else verdict.before.number
        await _ended(tx, "verify", now=None, mark=number, facts={})
        await _ended(tx, "reconcile", now=now, mark=0, facts=_facts_of_rules(broken))
    _log.info("reconciled", broken=[each.rule for each in broken], statement_read=is_read, seals=verdict.seals)


async def verify_whole_chain(_: Payload, *, database: Database, store: Store) -> None:
    """Hash every sealed row again, and compare the chain with its locked heads; raise or clear the alert."""
    verdict = await asyncio.to_thread(verify_database, database.url)
    problems = verdict.problems + [Problem(each.number, each.reason) async for each in compare_heads(database, store)]
    async with database.begin() as tx:
        now = await tx.now()
        facts = _facts_of_chain(problems)
        await _tell(tx, "seal_failure", CHAIN, facts, now)
        number = 0 if problems or verdict.before is None else verdict.before.number
        await _ended(tx, "verify", now=now, mark=number, facts=facts)
    _log.info("verified", seals=verdict.seals, rows=verdict.rows, problems=len(problems))


async def _verified_up_to(database: Database) -> int:
    async with database.begin() as tx:
        return await tx.scalar(select(LedgerCheck.mark).where(LedgerCheck.name == "verify")) or 0


async def _tell(tx: Tx, kind: str, subject: tuple[str, str], facts: Mapping[str, Any], now: datetime) -> None:
    if facts:
        await raise_alert(tx, kind, subject, facts=facts, stops_sweep=True, now=now)
    else:
        await clear_alert(tx, kind, subject, now=now)


async def _ended(tx: Tx, name: str, *, now: datetime | None, mark: int, facts: Mapping[str, Any]) -> None:
    values: dict[str, Any] = {"mark": mark}
    if now is not None:
        values |= {"ended_at": now, "facts": dict(facts)}
    await tx.execute(
        update(LedgerCheck).where(LedgerCheck.name == name).values(values).execution_options(synchronize_session=False)
    )


def _facts_of_rules(broken: Sequence[Checked]) -> dict[str, Any]:
    """Return how often each rule is broken; None for one that took too long to know."""
    counts = {each.rule: len(each.findings) if each.is_finished else None for each in broken}
    return {"rules": counts} if counts else {}


def _facts_of_chain(problems: Sequence[Problem]) -> dict[str, Any]:
    if not problems:
        return {}
    return {"seal_number": min(each.number for each in problems), "problems": len(problems)}
