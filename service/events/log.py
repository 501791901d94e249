"""Write events, read them as a timeline, and relay them to subscribers as jobs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text

from service.core.actor import Actor
from service.core.ids import new_id
from service.db.session import Tx
from service.events.tables import Event
from service.jobs.queue import LATER, SOON, Payload, enqueue_many

RELAY_BATCH = 500


class Together(str):
    """A subscriber's job that takes many events at once: it reads them with `heard`."""

    __slots__ = ()


class TogetherLater(Together):
    """One that may wait behind all other work: looking again at what nobody waits for."""

    __slots__ = ()


Subscriptions = Mapping[str, Sequence[str]]
"""Event name -> names of the jobs that get it."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event as readers see it."""

    id: UUID
    name: str
    subject_kind: str
    subject_id: UUID
    actor_id: UUID | None
    at: datetime
    facts: Mapping[str, Any]


async def emit(
    tx: Tx,
    name: str,
    *,
    actor: Actor,
    subject: tuple[str, UUID],
    now: datetime,
    tenant_id: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
) -> UUID:
    """Append an event in this transaction and return its id. `name` is "noun.verb" in the past ("hold.frozen").

    `facts` must be JSON: ids as text, amounts as integers with currency; never free text, contact data or secrets.
    """
    event = Event(
        id=new_id(),
        name=name,
        subject_kind=subject[0],
        subject_id=subject[1],
        tenant_id=tenant_id,
        actor_id=actor.person_id,
        at=now,
        facts=dict(facts or {}),
    )
    tx.add(event)
    return event.id


async def timeline(tx: Tx, subject_ids: Collection[UUID], *, limit: int = 500) -> list[Happened]:
    """Return the events of any of the subjects, oldest first. Who may see which is the caller's to filter."""
    found = await tx.scalars(
        select(Event).where(Event.subject_id.in_(list(subject_ids))).order_by(Event.seq).limit(limit)
    )
    return [Happened(e.id, e.name, e.subject_kind, e.subject_id, e.actor_id, e.at, e.facts) for e in found]


async def newest(tx: Tx, subject_id: UUID, name: str) -> Happened | None:
    """Return the last event of this name about a subject. Who may see it is the caller's to filter."""
    query = select(Event).where(Event.subject_id == subject_id, Event.name == name).order_by(Event.seq.desc()).limit(1)
    e = await tx.scalar(query)
    if e is None:
        return None
    return Happened(e.id, e.name, e.subject_kind, e.subject_id, e.actor_id, e.at, e.facts)


async def actors_of(tx: Tx, subject_ids: Collection[UUID]) -> set[UUID]:
    """Return the people who did something that an event of one of the subjects tells of."""
    query = select(Event.actor_id).where(Event.subject_id.in_(list(subject_ids)), Event.actor_id.is_not(None))
    return {each for each in await tx.scalars(query.distinct()) if each is not None}


_UNREAD = text("""
WITH unread AS MATERIALIZED (
    SELECT xid, seq, id, name, subject_kind, subject_id, facts FROM event
    WHERE (xid, seq) > (CAST(:xid AS xid8), :seq) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, seq LIMIT :limit
), last AS (SELECT xid, seq FROM unread ORDER BY xid DESC, seq DESC LIMIT 1),
known AS (SELECT count(*) AS unread, array_agg(DISTINCT name) AS names FROM unread)
SELECT k.unread, k.names, l.xid, l.seq, u.id, u.name, u.subject_kind, u.subject_id, u.facts
FROM last l CROSS JOIN known k LEFT JOIN unread u ON u.name = ANY(:names) ORDER BY u.xid, u.seq
""")
"""Those of the next events that are handed on one by one; with each (or alone) which were read, and how far."""
_HEARD = text("""
SELECT id, name, subject_kind, subject_id, actor_id, at, facts FROM event
WHERE (xid, seq) > (CAST(:after_xid AS xid8), :after_seq) AND (xid, seq) <= (CAST(:until_xid AS xid8), :until_seq)
    AND name = ANY(:names) ORDER BY xid, seq
""")


async def relay(tx: Tx, subscriptions: Subscriptions) -> int:
    """Enqueue a job per subscriber for the next committed events, in order; return how many events were read.

    Reads below the oldest running transaction, so that an event that commits late is not passed over. A subscriber's
    job gets {event_id, event, subject_kind, subject_id, facts}; one of `Together` all that were read, at once. Locks
    the relay's row; who finds it locked gets 0.
    """
    mark = (
        await tx.execute(text("SELECT xid, seq FROM event_relay WHERE name = 'main' FOR UPDATE SKIP LOCKED"))
    ).one_or_none()
    if mark is None:
        return 0
    singly = sorted(name for name, jobs in subscriptions.items() if any(not isinstance(j, Together) for j in jobs))
    asked = {"xid": str(mark.xid), "seq": mark.seq, "limit": RELAY_BATCH, "names": singly}
    found = (await tx.execute(_UNREAD, asked)).all()
    if not found:
        return 0
    for job, payloads in _jobs_for([each for each in found if each.id is not None], subscriptions).items():
        await enqueue_many(tx, job, payloads)
    last = found[0]
    for job, names in _together(subscriptions, set(last.names)).items():
        after, until = {"xid": str(mark.xid), "seq": mark.seq}, {"xid": str(last.xid), "seq": last.seq}
        payload = {"events": names, "after": after, "until": until}
        await enqueue_many(tx, job, [payload], priority=LATER if isinstance(job, TogetherLater) else SOON)
    await tx.execute(
        text("UPDATE event_relay SET xid = CAST(:xid AS xid8), seq = :seq WHERE name = 'main'"),
        {"xid": str(last.xid), "seq": last.seq},
    )
    return int(last.unread)


async def heard(tx: Tx, payload: Payload) -> list[Happened]:
    """Return the events that a job of `Together` was given, in their order."""
    asked = {
        "names": payload["events"],
        **{f"{end}_{part}": payload[end][part] for end in ("after", "until") for part in ("xid", "seq")},
    }
    found = await tx.execute(_HEARD, asked)
    return [Happened(e.id, e.name, e.subject_kind, e.subject_id, e.actor_id, e.at, e.facts) for e in found]


def _together(subscriptions: Subscriptions, names: Collection[str]) -> dict[str, list[str]]:
    """Return which of the event names each job of `Together` listens to."""
    jobs: dict[str, list[str]] = {}
    for name in sorted(names):
        for job in subscriptions.get(name, ()):
            if isinstance(job, Together):
                jobs.setdefault(job, []).append(name)
    return jobs


def _jobs_for(events: Sequence[Row[Any]], subscriptions: Subscriptions) -> dict[str, list[Payload]]:
    """Return the payloads of every subscribed job, in the events' order."""
    jobs: dict[str, list[Payload]] = {}
    for each in events:
        payload = {
            "event_id": str(each.id),
            "event": each.name,
            "subject_kind": each.subject_kind,
            "subject_id": str(each.subject_id),
            "facts": each.facts,
        }
        for job in subscriptions.get(each.name, ()):
            if not isinstance(job, Together):
                jobs.setdefault(job, []).append(payload)
    return jobs
