"""What happens to signals by itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service.batches.queries import ancestors
from service.complaints.queries import batches_of
from service.db.session import Database, Tx
from service.events.log import Later, Together, heard
from service.jobs.queue import Payload, enqueue
from service.recalls import actions

# Two that ask for the same count at once would break the queue's key, and one would have to be tried again.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('recalls.recount'))")


async def recount(payload: Payload, *, database: Database) -> None:
    """Complaints were linked, or count no more: have each of their batches counted again, once."""

    async def work(tx: Tx) -> None:
        events = await heard(tx, payload)
        linked = await batches_of(tx, {each.subject_id for each in events})
        told = {str(linked.get(each.subject_id) or each.facts.get("batch_id") or "") for each in events}
        await tx.execute(_ONE_AT_A_TIME)
        for batch_id in sorted(told - {""}):
            await enqueue(tx, "recalls.evaluate", {"batch_id": batch_id}, once=f"recalls.evaluate {batch_id}")

    await database.run(work)


async def evaluate(payload: Payload, *, database: Database) -> None:
    """Count a batch again, and each batch that it was made from."""
    batch_id = UUID(payload["batch_id"])
    async with database.begin() as tx:
        above = await ancestors(tx, batch_id)
    for each in (batch_id, *above):
        await database.run(lambda tx, each=each: _evaluate(tx, each))  # type: ignore[misc]  # the default binds


async def _evaluate(tx: Tx, batch_id: UUID) -> None:
    await actions.evaluate_batch(tx, batch_id, now=await tx.now())


async def cover_batch(payload: Payload, *, database: Database) -> None:
    """A batch was registered: if it belongs to a frozen scope, it is frozen too."""
    batch_id = UUID(payload["subject_id"])

    async def cover(tx: Tx) -> None:
        await actions.cover_batch(tx, batch_id, now=await tx.now())

    await database.run(cover)


async def call_supervisor(payload: Payload, *, database: Database) -> None:
    """Half of the time to confirm a freeze is over."""
    async with database.begin() as tx:
        await actions.call_supervisor(tx, UUID(payload["subject_id"]), now=await tx.now())


async def not_confirmed(payload: Payload, *, database: Database) -> None:
    """Nobody confirmed a freeze in time: it lifts."""
    async with database.begin() as tx:
        await actions.expire(tx, UUID(payload["subject_id"]), reason="not_confirmed", now=await tx.now())


async def time_over(payload: Payload, *, database: Database) -> None:
    """A freeze has lasted as long as one may: it lifts."""
    async with database.begin() as tx:
        await actions.expire(tx, UUID(payload["subject_id"]), reason="time_over", now=await tx.now())


HANDLERS: Mapping[str, Callable[..., Any]] = {
    "recalls.recount": recount,
    "recalls.evaluate": evaluate,
    "recalls.cover_batch": cover_batch,
    "recalls.call_supervisor": call_supervisor,
    "recalls.not_confirmed": not_confirmed,
    "recalls.time_over": time_over,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {
    "complaint.linked": [Together("recalls.recount")],
    "complaint.unmatched": [Together("recalls.recount")],
    "complaint.withdrawn": [Together("recalls.recount")],
    "batch.registered": [Later("recalls.cover_batch")],
}
