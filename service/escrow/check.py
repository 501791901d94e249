"""Reconciliation: what must be true of the whole ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.db.session import Tx


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold, with the figures or ids that show it."""

    rule: str
    facts: Mapping[str, Any]


async def reconcile(tx: Tx) -> list[Finding]:
    """Return every finding of every rule; an empty list is a clean ledger."""
    raise NotImplementedError
