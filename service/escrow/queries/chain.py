"""The newest seal of the chain, and when the ledger was last checked."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from service.db.session import Tx
from service.escrow.tables import LedgerCheck, Seal


@dataclass(frozen=True, slots=True)
class SealView:
    """A seal: its number, when it was made, and the chain's head after it, in hex."""

    number: int
    at: datetime
    chain_head: str


async def newest_seal(tx: Tx) -> SealView | None:
    """Return the newest seal; None before the first."""
    found = await tx.execute(select(Seal.number, Seal.at, Seal.chain_hash).order_by(Seal.number.desc()).limit(1))
    row = found.one_or_none()
    return None if row is None else SealView(row.number, row.at, row.chain_hash.hex())


async def last_checks(tx: Tx) -> dict[str, datetime]:
    """Return when each check that has run last ended: "reconcile", "statement", "verify"."""
    found = await tx.scalars(select(LedgerCheck).where(LedgerCheck.ended_at.is_not(None)))
    return {each.name: each.ended_at for each in found if each.ended_at is not None}
