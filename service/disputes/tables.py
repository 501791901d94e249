"""Tables of disputes, rulings and who accepted them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.disputes.rules import DISPUTE, SIDES


class Dispute(Base):
    """A claim that waits for a mediator's decision; one at a time for each complaint."""

    __tablename__ = "dispute"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(f"state IN ({', '.join(repr(state) for state in DISPUTE.states)})", name="state"),
        Index("dispute_open_key", "complaint_id", unique=True, postgresql_where="state <> 'final'"),
        Index("dispute_queue_idx", "tenant_id", "id", postgresql_where="state <> 'final'"),
        Index("dispute_mediator_idx", "mediator_id", "id", postgresql_where="mediator_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    seller_id: Mapped[UUID | None] = mapped_column(ForeignKey("seller.id"), index=True)
    state: Mapped[str]
    mediator_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    needs_supervisor: Mapped[bool]
    opened_by: Mapped[UUID | None]
    opened_at: Mapped[datetime]
    assigned_at: Mapped[datetime | None]
    ruled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Ruling(Base):
    """A mediator's decision: the buyer's part of what is held; the seller gets the rest. Append-only."""

    __tablename__ = "ruling"
    __table_args__ = (
        UniqueConstraint("dispute_id", "round"),
        ForeignKeyConstraint(["tenant_id", "dispute_id"], ["dispute.tenant_id", "dispute.id"]),
        CheckConstraint("buyer_minor BETWEEN 0 AND held_minor", name="buyer_part"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    dispute_id: Mapped[UUID]
    round: Mapped[int]
    mediator_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    held_minor: Mapped[int]
    buyer_minor: Mapped[int]
    currency: Mapped[str]
    at: Mapped[datetime]


class RulingText(Base):
    """The reasons, apart from the ruling so that they can be erased."""

    __tablename__ = "ruling_text"

    ruling_id: Mapped[UUID] = mapped_column(ForeignKey("ruling.id"), primary_key=True)
    reasons: Mapped[str]


class RulingAcceptance(Base):
    """A side that accepted a ruling. Append-only."""

    __tablename__ = "ruling_acceptance"
    __table_args__ = (CheckConstraint(f"side IN {SIDES!r}", name="side"),)

    ruling_id: Mapped[UUID] = mapped_column(ForeignKey("ruling.id"), primary_key=True)
    side: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
