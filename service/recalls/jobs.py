"""What happens to signals by itself."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from service.batches.queries import ancestors, batches_of_product, related
from service.complaints.queries import batches_of
from service.db.session import Database, Tx
from service.events.log import Together, heard
from service.jobs.queue import Payload, enqueue, enqueue_many
from service.recalls import actions
from service.recalls.queries import batches_that_count

# Two that ask for the same count at once would break the queue's key, and one would have to be tried again.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('recalls.recount'))")


async def recount(payload: Payload, *, database: Database) -> None:
    """Complaints were linked, moved, or count no more: have their batches, those of before too, counted again.

    One that was held back first, and then linked elsewhere by a person, still stands in the signal of before.
    """

    async def work(tx: Tx) -> None:
        events = await heard(tx, payload)
        subjects = {each.subject_id for each in events}
        linked = await batches_of(tx, subjects)
        told = {str(batch_id) for batch_id in {*linked.values(), *await batches_that_count(tx, subjects)}}
        told |= {str(each.facts.get(name) or "") for each in events for name in ("batch_id", "was_batch_id")}
        await _have_counted(tx, told - {""})

    await database.run(work)


async def recount_corrected(payload: Payload, *, database: Database) -> None:
    """A batch or product was corrected: its batches may belong to other scopes, frozen ones among them.

    Of a product's only those that may share another's fate: its names and GTIN say no more than with whom.
    """
    async with database.begin() as tx:
        batch_ids = [UUID(payload["subject_id"])]
        if payload["subject_kind"] == "product":
            batch_ids = await related(tx, await batches_of_product(tx, batch_ids[0]))
        await _have_counted(tx, [str(batch_id) for batch_id in batch_ids])
    for batch_id in batch_ids:
        await cover_batch({"subject_id": str(batch_id)}, database=database)


async def _have_counted(tx: Tx, batch_ids: Collection[str]) -> None:
    """Have batches counted again, each once however often it is asked for."""
    await tx.execute(_ONE_AT_A_TIME)
    for batch_id in sorted(batch_ids):
        await enqueue(tx, "recalls.evaluate", {"batch_id": batch_id}, once=f"recalls.evaluate {batch_id}")


async def evaluate(payload: Payload, *, database: Database) -> None:
    """Count a batch again, and each batch that it was made from."""
    batch_id = UUID(payload["batch_id"])
    async with database.begin() as tx:
        above = await ancestors(tx, batch_id)
    for each in (batch_id, *above):
        await database.run(lambda tx, each=each: _evaluate(tx, each))  # type: ignore[misc]  # the default binds


async def _evaluate(tx: Tx, batch_id: UUID) -> None:
    await actions.evaluate_batch(tx, batch_id, now=await tx.now())


async def cover_batches(payload: Payload, *, database: Database) -> None:
    """Batches were registered: have those looked at that may belong to a frozen scope."""

    async def work(tx: Tx) -> None:
        batch_ids = await related(tx, {each.subject_id for each in await heard(tx, payload)})
        await enqueue_many(tx, "recalls.cover_batch", [{"subject_id": str(each)} for each in batch_ids])

    await database.run(work)


async def cover_batch(payload: Payload, *, database: Database) -> None:
    """If a registered or corrected batch belongs to a frozen scope, it is frozen too."""
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
    "recalls.recount_corrected": recount_corrected,
    "recalls.evaluate": evaluate,
    "recalls.cover_batches": cover_batches,
    "recalls.cover_batch": cover_batch,
    "recalls.call_supervisor": call_supervisor,
    "recalls.not_confirmed": not_confirmed,
    "recalls.time_over": time_over,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {
    "complaint.linked": [Together("recalls.recount")],
    "complaint.unmatched": [Together("recalls.recount")],
    "complaint.withdrawn": [Together("recalls.recount")],
    "batch.registered": [Together("recalls.cover_batches")],
    "batch.corrected": ["recalls.recount_corrected"],
    "product.corrected": ["recalls.recount_corrected"],
}
