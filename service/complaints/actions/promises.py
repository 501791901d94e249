"""What a complaint promises while it waits for the seller or for a mediator's first look."""

from dataclasses import dataclass
from datetime import datetime

from service.complaints.tables import Complaint
from service.db.session import Tx
from service.deadlines.actions import promise
from service.deadlines.queries import policy


@dataclass(frozen=True, slots=True)
class Promised:
    """A deadline's name, which is that of its policy, and who handles it when it passes."""

    name: str
    handler: str


ANSWER = Promised("answer_claim", "complaints.answer_overdue")
TRIAGE = Promised("triage", "complaints.triage_overdue")
ESCALATE = Promised("escalate", "complaints.escalate_expired")


async def promise_answer(tx: Tx, complaint: Complaint, *, now: datetime) -> None:
    """Promise what happens if the seller says nothing to a claim. Without a claim nothing runs."""
    if complaint.claim_minor is not None:
        await _promise(tx, ANSWER, complaint, now=now)


async def promise_triage(tx: Tx, complaint: Complaint, *, now: datetime) -> None:
    """Promise that somebody is told if no mediator looks in time."""
    await _promise(tx, TRIAGE, complaint, now=now)


async def promise_escalation(tx: Tx, complaint: Complaint, *, now: datetime) -> None:
    """Promise that the case ends unless the buyer asks a mediator in time."""
    await _promise(tx, ESCALATE, complaint, now=now)


async def _promise(tx: Tx, promised: Promised, complaint: Complaint, *, now: datetime) -> None:
    wait = await policy(tx, promised.name, now=now)
    await promise(tx, promised.name, complaint.id, due_at=now + wait.duration, handler=promised.handler, now=now)
