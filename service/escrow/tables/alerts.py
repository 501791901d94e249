"""What people who run the service must look at."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base


class Alert(Base):
    """Something is wrong, from `raised_at` until `cleared_at`. One live row per kind and subject.

    While a live one has `stops_sweep`, no seller is paid. `facts` hold ids, codes and amounts only.
    """

    __tablename__ = "alert"
    __table_args__ = (
        CheckConstraint("cleared_at >= raised_at", name="cleared"),
        Index(
            "alert_live_key",
            "kind",
            "subject_kind",
            "subject_id",
            unique=True,
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index("alert_stopping_idx", "raised_at", postgresql_where=text("stops_sweep AND cleared_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    tenant_id: Mapped[UUID | None] = mapped_column(ForeignKey("tenant.id"))
    facts: Mapped[dict[str, Any]]
    stops_sweep: Mapped[bool]
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
