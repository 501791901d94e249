"""Tables of promises and of the policies that say how long they last."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base


class Deadline(Base):
    """A promise: what happens by itself at `due_at` if nobody acts. Pending at most once per name and subject."""

    __tablename__ = "deadline"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'fired', 'cancelled')", name="state"),
        Index("deadline_pending_key", "name", "subject_id", unique=True, postgresql_where="state = 'pending'"),
        Index("deadline_due_idx", "due_at", postgresql_where="state = 'pending'"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    subject_id: Mapped[UUID]
    due_at: Mapped[datetime]
    handler: Mapped[str]
    payload: Mapped[dict[str, Any]]
    state: Mapped[str]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Policy(Base):
    """One version of one rule's value, for a category and jurisdiction ('' is any). New versions are new rows."""

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("name", "category", "jurisdiction", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
    jurisdiction: Mapped[str]
    version: Mapped[int]
    value: Mapped[int]
    unit: Mapped[str]
    effective_from: Mapped[datetime]
