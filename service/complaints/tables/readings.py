"""What was read on photos of a case. What may change, and when it goes, is in `0003_40_readings.sql`."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints import rules
from service.db.base import Base
from service.db.words import one_of

PASSING: Final = ("crashed", "memory", "timeout")
"""What may be the reading process's fault and not the photo's: such a photo is tried again."""
FAILURES: Final = (*PASSING, "unreadable", "damaged")


class PhotoReading(Base):
    """That a photo was looked at, with what, or why not, at the last of so many tries.

    `others` are codes of which only the kind is kept.
    """

    __tablename__ = "complaint_photo_reading"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(one_of("failure", FAILURES), name="failure"),
        CheckConstraint(
            "num_nulls(engine, width_px, height_px) = CASE WHEN failure IS NULL THEN 0 ELSE 3 END", name="read"
        ),
        Index("complaint_photo_reading_complaint_idx", "complaint_id"),
    )

    file_id: Mapped[UUID] = mapped_column(ForeignKey("complaint_evidence.file_id"), primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    failure: Mapped[str | None]
    engine: Mapped[str | None]
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    others: Mapped[list[dict[str, Any]]]
    tries: Mapped[int] = mapped_column(server_default=text("1"))
    at: Mapped[datetime]


class Reading(Base):
    """Something that a photo seems to say: a suggestion, until somebody takes it over. `region`: pixels of the view."""

    __tablename__ = "complaint_reading"
    __table_args__ = (
        UniqueConstraint("file_id", "kind", "value"),
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(one_of("kind", rules.READING_KINDS), name="kind"),
        CheckConstraint("confidence_percent BETWEEN 0 AND 100", name="confidence"),
        CheckConstraint("length(value) BETWEEN 1 AND 120 AND length(text) <= 200", name="lengths"),
        CheckConstraint("(accepted_at IS NULL) = (accepted_as IS NULL)", name="accepted"),
        CheckConstraint(one_of("accepted_as", rules.READING_USES), name="accepted_as"),
        Index("complaint_reading_complaint_idx", "complaint_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    file_id: Mapped[UUID] = mapped_column(ForeignKey("complaint_photo_reading.file_id"))
    kind: Mapped[str]
    value: Mapped[str]
    text: Mapped[str]
    source: Mapped[str]
    confidence_percent: Mapped[int]
    is_ambiguous: Mapped[bool]
    region: Mapped[list[dict[str, Any]]]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    accepted_as: Mapped[str | None]
