"""Alerts: raised once for each cause, cleared when the cause is gone, read by those who run the service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, func, literal_column, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import insert

from service.core.actor import COMMONS, SYSTEM, Actor, Role
from service.core.errors import ensure
from service.core.ids import new_id
from service.db.pages import Page, read_page
from service.db.session import Tx
from service.escrow.tables import Alert
from service.events.log import emit

KINDS = frozenset(
    {
        "reconciliation_failed",
        "seal_failure",
        "seal_behind",
        "seal_not_locked",
        "statement_not_read",
        "hold_near_limit",
        "refund_failed",
        "chargeback_of_refund",
        "chargeback_unmatched",
        "evidence_damaged",
        "evidence_not_checked",
        "matching_overridden",
        "matching_model_unreadable",
    }
)
"""What can be wrong. Each has words in `web/words/labels.py` ("alert.<kind>")."""
LIVE_MAX = 200

Subject = tuple[str, UUID | str]
"""What an alert is about: ("hold", its id), ("ledger", "all")."""


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as readers see it; live while `cleared_at` is None."""

    id: UUID
    kind: str
    subject_kind: str
    subject_id: str
    tenant_id: UUID | None
    facts: Mapping[str, Any]
    stops_sweep: bool
    raised_at: datetime
    cleared_at: datetime | None


async def raise_alert(
    tx: Tx,
    kind: str,
    subject: Subject,
    *,
    facts: Mapping[str, Any],
    now: datetime,
    stops_sweep: bool = False,
    tenant_id: UUID | None = None,
) -> bool:
    """Make sure that an alert of this kind lives for the subject; return whether it is new.

    One that lives gets the new facts, and keeps `stops_sweep` once it has it. `facts` must be JSON of ids, codes and
    amounts. `tenant_id` lets that tenant's supervisors see it; without one it is for operators and for supervisors of
    `commons`. A new one is the event "alert.raised". Locks the live alert's row.
    """
    ensure(kind in KINDS, f"the alert {kind} is not in KINDS")
    subject_kind, subject_id = subject
    row = insert(Alert).values(
        id=new_id(),
        kind=kind,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        tenant_id=tenant_id,
        facts=dict(facts),
        stops_sweep=stops_sweep,
        raised_at=now,
    )
    made = (
        await tx.execute(
            row.on_conflict_do_update(
                index_elements=["kind", "subject_kind", "subject_id"],
                index_where=text("cleared_at IS NULL"),
                set_={"facts": row.excluded.facts, "stops_sweep": or_(Alert.stops_sweep, row.excluded.stops_sweep)},
                where=or_(
                    Alert.facts != row.excluded.facts, Alert.stops_sweep < row.excluded.stops_sweep
                ),  # the same once more writes nothing
            ).returning(Alert.id, literal_column("(xmax = 0)", Boolean).label("is_new"))
        )
    ).one_or_none()
    if made is None or not made.is_new:
        return False
    told = {"kind": kind, "subject_kind": subject_kind, "subject_id": str(subject_id), "stops_sweep": stops_sweep}
    await emit(
        tx, "alert.raised", actor=SYSTEM, subject=("alert", made.id), now=now, tenant_id=tenant_id,
        facts={**told, **facts},
    )  # fmt: skip
    return True


async def clear_alert(tx: Tx, kind: str, subject: Subject, *, now: datetime) -> bool:
    """End the live alert of a kind and subject; return whether there was one. Emits "alert.cleared"."""
    subject_kind, subject_id = subject
    cleared = (
        await tx.execute(
            update(Alert)
            .where(
                Alert.kind == kind,
                Alert.subject_kind == subject_kind,
                Alert.subject_id == str(subject_id),
                Alert.cleared_at.is_(None),
            )
            .values(cleared_at=func.greatest(Alert.raised_at, now))
            .returning(Alert.id, Alert.tenant_id)
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    if cleared is None:
        return False
    facts = {"kind": kind, "subject_kind": subject_kind, "subject_id": str(subject_id)}
    await emit(
        tx, "alert.cleared", actor=SYSTEM, subject=("alert", cleared.id), now=now, tenant_id=cleared.tenant_id,
        facts=facts,
    )  # fmt: skip
    return True


async def live_alerts(tx: Tx, actor: Actor) -> list[AlertView]:
    """Return the live alerts that the actor may see, newest first, at most 200."""
    return list((await alerts_page(tx, actor, is_live=True, limit=LIVE_MAX)).rows)


async def alerts_page(
    tx: Tx, actor: Actor, *, is_live: bool | None = None, after: str | None = None, limit: int = 50
) -> Page[AlertView]:
    """Return a page of the alerts that the actor may see, newest first: live ones, cleared ones, or (None) both."""
    query = select(Alert).where(_may_see(actor))
    if is_live is not None:
        query = query.where(Alert.cleared_at.is_(None) if is_live else Alert.cleared_at.is_not(None))
    page = await read_page(tx, query, Alert.id, after=after, limit=limit)
    return page.shown_as([_view(each) for each in page.rows])


async def count_live_alerts(tx: Tx) -> dict[str, int]:
    """Return how many alerts live, by kind. Says nothing of whose they are: readiness shows it to anybody."""
    found = await tx.execute(
        select(Alert.kind, func.count()).where(Alert.cleared_at.is_(None)).group_by(Alert.kind).order_by(Alert.kind)
    )
    return {row.kind: int(row[1]) for row in found}


def _may_see(actor: Actor) -> ColumnElement[bool]:
    """Operators: all. Supervisors: those of their tenants; in `commons`, also those of no tenant."""
    if actor.is_system or actor.has(Role.OPERATOR):
        return true()
    tenants = actor.tenants(Role.SUPERVISOR)
    theirs: ColumnElement[bool] = Alert.tenant_id.in_(tenants)
    return or_(theirs, Alert.tenant_id.is_(None)) if COMMONS in tenants else theirs


def _view(alert: Alert) -> AlertView:
    return AlertView(
        alert.id,
        alert.kind,
        alert.subject_kind,
        alert.subject_id,
        alert.tenant_id,
        alert.facts,
        alert.stops_sweep,
        alert.raised_at,
        alert.cleared_at,
    )
