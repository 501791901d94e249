"""Why the words and files of a case were erased, held or let go."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints import keeping_rules
from service.db.base import Base
from service.db.words import one_of


class ComplaintKeeping(Base):
    """An operator's order about what a case holds, with its reason. Append-only. `files` is how many it erased."""

    __tablename__ = "complaint_keeping"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(one_of("action", keeping_rules.ACTIONS), name="action"),
        CheckConstraint(one_of("reason", keeping_rules.REASONS), name="reason"),
        CheckConstraint("files >= 0", name="files"),
        Index("complaint_keeping_complaint_idx", "complaint_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    action: Mapped[str]
    reason: Mapped[str]
    note: Mapped[str]
    files: Mapped[int]
    ordered_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
