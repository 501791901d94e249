"""Heads of the chain in the object store: locked there, they show when the newest seals were cut off."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import exists, func, insert, select

from service.core.chain import Block
from service.core.wire import format_instant
from service.db.session import Database, Tx
from service.escrow.alerts import clear_alert, raise_alert
from service.escrow.sealing import CHAIN, block_of, last_block
from service.escrow.tables import Seal, SealHead
from service.files.rules import retain_until
from service.files.store import Bucket, Store
from service.jobs.queue import Payload
from service.settings import Settings

LOCK_OVERDUE = timedelta(minutes=15)
PREFIX = "seals/"
_NAME = re.compile(r"seals/([0-9a-f-]{36})/(\d{12})-([0-9a-f]{64})\.json")


@dataclass(frozen=True, slots=True)
class Head:
    """What a locked object's name says: the chain's hash after seal `number` of a ledger."""

    ledger_id: UUID
    number: int
    chain_hash: bytes


def head_name(block: Block) -> str:
    """Return the name of a head's object. It holds all that counts, so that a listing is enough to check the chain."""
    return f"{PREFIX}{block.ledger_id}/{block.number:012d}-{block.chain_hash.hex()}.json"


def head_in(name: str) -> Head | None:
    """Return what an object's name says; None if it is none of a head."""
    found = _NAME.fullmatch(name)
    return None if found is None else Head(UUID(found[1]), int(found[2]), bytes.fromhex(found[3]))


async def lock_head(_: Payload, *, database: Database, store: Store, settings: Settings) -> None:
    """Put the newest head into the object store, locked as long as evidence; done already: nothing.

    The chain's newest head vouches for all before it, so heads that a failing store missed are not made up for.
    """
    async with database.begin() as tx:
        block, now = await last_block(tx), await tx.now()
        is_locked = block is None or await tx.scalar(select(exists().where(SealHead.seal_number == block.number)))
    if block is None or is_locked:
        return
    name, until = head_name(block), retain_until(now, settings.evidence_retention_days)
    body = {
        "ledger_id": str(block.ledger_id),
        "number": block.number,
        "to_xid": str(block.to_xid),
        "at": format_instant(block.at),
        "chain_hash": block.chain_hash.hex(),
    }
    await store.put_locked(Bucket.REPORTS, name, msgspec.json.encode(body), until)
    async with database.begin() as tx:
        row = {"seal_number": block.number, "object_name": name, "locked_at": await tx.now(), "locked_until": until}
        known = await tx.scalar(select(exists().where(SealHead.seal_number == block.number)))
        if not known:  # a second worker puts the same object; its row is refused by the key
            await tx.execute(insert(SealHead).values(row))


async def tell_of_unlocked(tx: Tx, *, now: datetime) -> None:
    """Raise or clear the alert that the chain's newest seals lie nowhere but in the database."""
    locked = await tx.scalar(select(func.coalesce(func.max(SealHead.seal_number), 0)))
    oldest = await tx.scalar(select(Seal).where(Seal.number > locked).order_by(Seal.number).limit(1))
    if oldest is not None and oldest.at < now - LOCK_OVERDUE:
        facts = {"seal_number": oldest.number, "since": format_instant(oldest.at)}
        await raise_alert(tx, "seal_not_locked", CHAIN, facts=facts, now=now)
    else:
        await clear_alert(tx, "seal_not_locked", CHAIN, now=now)


@dataclass(frozen=True, slots=True)
class HeadProblem:
    """A locked head that the database's chain does not have: `number` is the seal that is gone or differs."""

    number: int
    reason: str


async def compare_heads(database: Database, store: Store) -> AsyncIterator[HeadProblem]:
    """Yield what is wrong between the heads in the object store and the chain in the database, the oldest first.

    No transaction is open while the store is asked.
    """
    async with database.begin() as tx:
        last = await last_block(tx)
    prefix = PREFIX if last is None else f"{PREFIX}{last.ledger_id}/"
    after = ""
    while names := await store.list_locked(prefix, after):
        after = names[-1]
        heads = [head for head in map(head_in, names) if head is not None]
        if last is None and heads:
            yield HeadProblem(heads[-1].number, "the object store has its head, and the database has no seal at all")
            return
        async with database.begin() as tx:
            wanted = [head.number for head in heads]
            seals = await tx.scalars(select(Seal).where(Seal.number.in_(wanted)))
            chain = {block.number: block.chain_hash for block in map(block_of, seals)}
        for head in heads:
            if head.number not in chain:
                yield HeadProblem(head.number, "the object store has its head, and the database has lost it")
            elif chain[head.number] != head.chain_hash:
                yield HeadProblem(head.number, "its locked head in the object store is another one")
