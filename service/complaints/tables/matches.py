"""Tries to find the batch."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints import rules
from service.db.base import Base
from service.db.words import one_of


class ComplaintMatch(Base):
    """One try to find the batch, or one person's choice, with its reasons. Append-only."""

    __tablename__ = "complaint_match"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(one_of("outcome", rules.MATCH_STATUSES), name="outcome"),
        CheckConstraint(one_of("link_by", rules.LINKED_BY), name="link_by"),
        CheckConstraint("probability BETWEEN 0 AND 1 AND product_probability BETWEEN 0 AND 1", name="probability"),
        CheckConstraint("(link_by = 'automatic') = (model_version IS NOT NULL)", name="model"),
        Index("complaint_match_complaint_idx", "complaint_id", "id"),
        Index("complaint_match_automatic_idx", "at", postgresql_where=text("link_by = 'automatic'")),
        Index("complaint_match_chosen_idx", "complaint_id", "id", postgresql_where=text("link_by <> 'automatic'")),
        Index("complaint_match_suggested_idx", "product_id", "id", postgresql_where=text("outcome = 'suggested'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    link_by: Mapped[str]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    outcome: Mapped[str]
    is_strict: Mapped[bool]
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batch.id"))
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("product.id"))
    probability: Mapped[float | None] = mapped_column(Double)
    product_probability: Mapped[float | None] = mapped_column(Double)
    model_version: Mapped[str | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    runners_up: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    at: Mapped[datetime]
