"""What happens to disputes by itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from service.complaints.queries import cases_of_holds
from service.core.actor import SYSTEM
from service.core.errors import Conflict
from service.db.session import Database
from service.disputes.actions import close_appeal, end_with_complaint, escalate, give_to_supervisor
from service.disputes.queries import dispute_of_complaint
from service.jobs.queue import Payload


async def ruling_overdue(payload: Payload, *, database: Database) -> None:
    """Nobody ruled in time: the case goes to a supervisor."""
    async with database.begin() as tx:
        await give_to_supervisor(tx, UUID(payload["subject_id"]), now=await tx.now())


async def appeal_over(payload: Payload, *, database: Database) -> None:
    """The time for an appeal has passed: the ruling is final and the money moves."""
    async with database.begin() as tx:
        await close_appeal(tx, UUID(payload["subject_id"]), now=await tx.now())


async def open_for_complaint(payload: Payload, *, database: Database) -> None:
    """A complaint needs a mediator although nobody asked: open its dispute, once."""
    async with database.begin() as tx:
        complaint_id = UUID(payload["subject_id"])
        known = await dispute_of_complaint(tx, SYSTEM, complaint_id)
        if known is not None and known.state != "final":
            return
        try:
            await escalate(tx, SYSTEM, complaint_id, now=await tx.now())
        except Conflict:  # it ended, or was answered, before we came
            await tx.rollback()


async def complaint_ended(payload: Payload, *, database: Database) -> None:
    """A complaint was settled, withdrawn or closed: its dispute ends with it, unless that was the dispute's own end."""
    async with database.begin() as tx:
        complaint_id = UUID(payload["subject_id"])
        known = await dispute_of_complaint(tx, SYSTEM, complaint_id)
        if known is not None and known.state != "final":
            await end_with_complaint(tx, complaint_id, known.id, now=await tx.now())


async def hold_near_limit(payload: Payload, *, database: Database) -> None:
    """A claimed payment nears the provider's limit undecided: a supervisor decides it, whoever had it before."""
    async with database.begin() as tx:
        cases = await cases_of_holds(tx, [UUID(payload["subject_id"])])
    for case in cases:
        await open_for_complaint({"subject_id": str(case.id)}, database=database)
        async with database.begin() as tx:
            known = await dispute_of_complaint(tx, SYSTEM, case.id)
            if known is not None:
                await give_to_supervisor(tx, known.id, now=await tx.now())


HANDLERS: Mapping[str, Callable[..., Any]] = {
    "disputes.ruling_overdue": ruling_overdue,
    "disputes.appeal_over": appeal_over,
    "disputes.open_for_complaint": open_for_complaint,
    "disputes.complaint_ended": complaint_ended,
    "disputes.hold_near_limit": hold_near_limit,
}
SUBSCRIPTIONS: Mapping[str, Sequence[str]] = {
    "complaint.needs_mediator": ["disputes.open_for_complaint"],
    "complaint.settled": ["disputes.complaint_ended"],
    "complaint.withdrawn": ["disputes.complaint_ended"],
    "complaint.closed": ["disputes.complaint_ended"],
    "hold.limit_near": ["disputes.hold_near_limit"],
}
