"""Files of a case."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints import rules
from service.db.base import Base
from service.db.words import one_of


class ComplaintEvidence(Base):
    """A stored file that a side put into a case. Append-only."""

    __tablename__ = "complaint_evidence"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        ForeignKeyConstraint(["tenant_id", "file_id"], ["stored_file.tenant_id", "stored_file.id"]),
        CheckConstraint(one_of("side", rules.SIDES), name="side"),
        Index("complaint_evidence_complaint_idx", "complaint_id", "file_id"),
    )

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    side: Mapped[str]
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class ComplaintEvidenceRemoval(Base):
    """A file that its buyer took out of a draft before sending it. Append-only: the file's row stays as it was."""

    __tablename__ = "complaint_evidence_removal"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),)

    file_id: Mapped[UUID] = mapped_column(ForeignKey("complaint_evidence.file_id"), primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    at: Mapped[datetime]
