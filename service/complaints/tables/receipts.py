"""Receipts of anonymous reports."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints.receipts import CANDIDATES_MAX
from service.db.base import Base


class ReportReceipt(Base):
    """What opens an anonymous report: six plain figures that find it, ten hashed ones that prove it. Append-only."""

    __tablename__ = "report_receipt"
    __table_args__ = (
        UniqueConstraint("prefix", "place"),
        CheckConstraint("prefix ~ '^[0-9]{6}$'", name="prefix"),
        CheckConstraint(f"place BETWEEN 1 AND {CANDIDATES_MAX}", name="place"),
        CheckConstraint("secret_hash LIKE '$argon2id$%'", name="secret_hash"),
    )

    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaint.id"), primary_key=True)
    prefix: Mapped[str]
    place: Mapped[int]
    secret_hash: Mapped[str]
