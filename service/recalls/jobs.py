"""What happens to signals by itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from service.batches.queries import ancestors
from service.complaints.queries import case_facts
from service.db.session import Database, Tx
from service.events.log import Later
from service.jobs.queue import Payload
from service.recalls import actions


async def evaluate(payload: Payload, *, database: Database) -> None:
    """A complaint was linked, or counts no more: count its batch again, and each batch that this one was made from."""
    complaint_id = UUID(payload["subject_id"])
    async with database.begin() as tx:
        case = (await case_facts(tx, [complaint_id])).get(complaint_id)
        told = payload.get("facts", {}).get("batch_id")
        batch_id = case.batch_id if case is not None and case.batch_id is not None else told and UUID(told)
        above = [] if batch_id is None else await ancestors(tx, batch_id)
    if batch_id is None:
        return
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
    "recalls.evaluate": evaluate,
    "recalls.cover_batch": cover_batch,
    "recalls.call_supervisor": call_supervisor,
    "recalls.not_confirmed": not_confirmed,
    "recalls.time_over": time_over,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {
    "complaint.linked": ["recalls.evaluate"],
    "complaint.unmatched": ["recalls.evaluate"],
    "complaint.withdrawn": ["recalls.evaluate"],
    "batch.registered": [Later("recalls.cover_batch")],
}
