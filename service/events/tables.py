"""Tables of the event log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Xid8


class Event(Base):
    """What happened, once and for ever. `facts` hold ids, codes, amounts and digests; never free text or contacts."""

    __tablename__ = "event"
    __table_args__ = (Index("event_subject_idx", "subject_id", "seq"),)

    xid: Mapped[str] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"), primary_key=True)
    seq: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    id: Mapped[UUID]
    name: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    tenant_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime]
    facts: Mapped[dict[str, Any]]


class EventRelay(Base):
    """How far the outbox has been relayed; one row."""

    __tablename__ = "event_relay"

    name: Mapped[str] = mapped_column(primary_key=True)
    xid: Mapped[str] = mapped_column(Xid8)
    seq: Mapped[int]
