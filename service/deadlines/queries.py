"""Read policies and open promises."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute

from service.core.errors import ensure
from service.db.session import Tx
from service.deadlines.tables import Deadline, Policy


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """A rule's value as it was in force, with the version that a record can name."""

    name: str
    value: int
    version: int

    @property
    def duration(self) -> timedelta:
        """The value as a duration; for policies in seconds."""
        return timedelta(seconds=self.value)


_IN_FORCE = (
    select(Policy)
    .where(
        Policy.name == bindparam("name"),
        Policy.category.in_(bindparam("categories", expanding=True)),
        Policy.jurisdiction.in_(bindparam("jurisdictions", expanding=True)),
        Policy.effective_from <= bindparam("now"),
    )
    .order_by((Policy.category == "").asc(), (Policy.jurisdiction == "").asc(), Policy.version.desc())
    .limit(1)
)
"""Made once: building it took a twentieth of a delivery."""


async def policy(tx: Tx, name: str, *, now: datetime, category: str = "", jurisdiction: str = "") -> PolicyValue:
    """Return the policy in force at `now`: the most particular row, and of those the newest version."""
    asked = {"name": name, "categories": ["", category], "jurisdictions": ["", jurisdiction], "now": now}
    found = (await tx.scalars(_IN_FORCE, asked)).one_or_none()
    ensure(found is not None, f"no policy {name}")
    return PolicyValue(found.name, found.value, found.version)  # type: ignore[union-attr]  # ensured above


def value_sql(name: str, *, at: str, category: str = "''", jurisdiction: str = "''") -> str:
    """Return what `policy` finds as SQL for a prepared statement. All arguments are SQL by the program, never data."""
    return (
        f"(SELECT y.value FROM policy y WHERE y.name = '{name}' AND y.category IN ('', {category})"  # noqa: S608 - as said
        f" AND y.jurisdiction IN ('', {jurisdiction}) AND y.effective_from <= {at}"
        " ORDER BY y.category = '', y.jurisdiction = '', y.version DESC LIMIT 1)"
    )


@dataclass(frozen=True, slots=True)
class Due:
    """An open promise: what happens to its subject by itself, and when."""

    name: str
    subject_id: UUID
    due_at: datetime
    handler: str


async def pending(tx: Tx, subject_ids: Collection[UUID]) -> list[Due]:
    """Return the open promises of the subjects, the earliest first."""
    found = await tx.scalars(
        select(Deadline)
        .where(Deadline.subject_id.in_(list(subject_ids)), Deadline.state == "pending")
        .order_by(Deadline.due_at)
    )
    return [Due(each.name, each.subject_id, each.due_at, each.handler) for each in found]


def earliest_due(
    subject_id: ColumnElement[UUID] | InstrumentedAttribute[UUID], names: Collection[str]
) -> ScalarSelect[datetime]:
    """Return when the first of these promises of a row of another query is due, for that query to sort by."""
    query = select(func.min(Deadline.due_at)).where(
        Deadline.subject_id == subject_id, Deadline.name.in_(list(names)), Deadline.state == "pending"
    )
    return query.correlate_except(Deadline).scalar_subquery()


@dataclass(frozen=True, slots=True)
class Overdue:
    """Promises that are due and not fired yet."""

    count: int
    oldest_at: datetime | None


async def overdue(tx: Tx, *, now: datetime) -> Overdue:
    """Return what the sweeper still has to fire."""
    query = select(func.count(), func.min(Deadline.due_at)).where(Deadline.state == "pending", Deadline.due_at <= now)
    row = (await tx.execute(query)).one()
    return Overdue(row[0], row[1])
