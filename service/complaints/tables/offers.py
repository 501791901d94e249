"""Offers."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints import rules
from service.complaints.rules import OFFER
from service.db.base import Base
from service.db.words import one_of


class Offer(Base):
    """What a seller offers to end a claim; at most one is open per complaint."""

    __tablename__ = "offer"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        ForeignKeyConstraint(["tenant_id", "entry_id"], ["complaint_entry.tenant_id", "complaint_entry.id"]),
        CheckConstraint(one_of("kind", rules.OFFER_KINDS), name="kind"),
        CheckConstraint(one_of("status", OFFER.states), name="status"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(status = 'open') = (ended_at IS NULL)", name="ended"),
        Index("offer_open_key", "complaint_id", unique=True, postgresql_where=text("status = 'open'")),
        Index("offer_complaint_idx", "complaint_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    entry_id: Mapped[UUID]
    kind: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[str]
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
