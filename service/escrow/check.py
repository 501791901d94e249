"""Reconciliation: what must be true of the whole ledger. Most of it the database refuses to break; this proves it.

A rule is one query that finds what breaks it, so it is judged on one snapshot while others go on writing. Nothing is
locked. A rule that compares two tables therefore must be one statement.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from psycopg.errors import QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from service.db.session import Database, Tx
from service.escrow.check_holds import HOLD_RULES
from service.escrow.check_ledger import LEDGER_RULES
from service.escrow.check_moves import MOVE_RULES
from service.escrow.check_statement import STATEMENT_RULES

FINDINGS_MAX = 100
"""So many findings of a rule are listed; one is enough to stop."""
RULE_SECONDS_MAX = 600

_RULES: Mapping[str, str] = {**LEDGER_RULES, **HOLD_RULES, **MOVE_RULES, **STATEMENT_RULES}
RULES = tuple(_RULES)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold, with the figures or ids that show it."""

    rule: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule that was looked at: what it found (at most 100), or that it took too long to know."""

    rule: str
    findings: list[Finding] = field(default_factory=list)
    is_finished: bool = True
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the rule was proved."""
        return self.is_finished and not self.findings


async def reconcile(tx: Tx) -> list[Finding]:
    """Return the findings of every rule, at most 100 of each, in one transaction; an empty list is a clean ledger."""
    findings = []
    for rule in RULES:
        findings += await _find(tx, rule)
    return findings


async def check_rules(database: Database) -> AsyncIterator[Checked]:
    """Yield every rule as it was looked at, each in a read-only transaction of its own, for at most 10 minutes."""
    for rule in RULES:
        began = monotonic()
        try:
            async with database.begin() as tx:
                await tx.execute(
                    text(f"SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = '{RULE_SECONDS_MAX}s'")
                )
                findings = await _find(tx, rule)
            yield Checked(rule, findings, seconds=monotonic() - began)
        except DBAPIError as error:
            if not isinstance(error.orig, QueryCanceled):
                raise
            yield Checked(rule, is_finished=False, seconds=monotonic() - began)


async def _find(tx: Tx, rule: str) -> list[Finding]:
    found = await tx.execute(text(f"{_RULES[rule]} LIMIT {FINDINGS_MAX}"))
    return [Finding(rule, dict(row)) for row in found.mappings()]
