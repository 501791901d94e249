"""Photos with a one-time code that mediators ask for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints.challenge_rules import ASKED_SIDES, CHALLENGE, LIVE, VERDICTS
from service.db.base import Base
from service.db.words import one_of


class Challenge(Base):
    """What a mediator asked a side to photograph, with the code once it was opened. What was written of it stays."""

    __tablename__ = "challenge"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "complaint_id"], ["complaint.tenant_id", "complaint.id"]),
        CheckConstraint(one_of("side", ASKED_SIDES), name="side"),
        CheckConstraint(one_of("status", CHALLENGE.states), name="status"),
        CheckConstraint(one_of("verdict", VERDICTS), name="verdict"),
        CheckConstraint("num_nulls(code, opened_at, answer_by) IN (0, 3)", name="opened"),
        CheckConstraint(
            "(code IS NOT NULL OR status NOT IN ('opened', 'answered')) AND (code IS NULL OR status <> 'asked')",
            name="code_shown",
        ),
        CheckConstraint("(status = 'answered') = (file_id IS NOT NULL)", name="answered"),
        CheckConstraint(f"({one_of('status', LIVE)}) = (ended_at IS NULL)", name="ended"),
        CheckConstraint(
            "(verdict IS NULL) = (judged_at IS NULL) AND (verdict IS NULL OR status = 'answered')", name="judged"
        ),
        Index("challenge_complaint_idx", "complaint_id", "id"),
        Index("challenge_live_key", "complaint_id", "side", unique=True, postgresql_where=text(one_of("status", LIVE))),
        Index("challenge_file_key", "file_id", unique=True, postgresql_where=text("file_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    side: Mapped[str]
    status: Mapped[str]
    asked_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime]
    open_by: Mapped[datetime]
    code: Mapped[str | None]
    opened_at: Mapped[datetime | None]
    answer_by: Mapped[datetime | None]
    late_at: Mapped[datetime | None]
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("complaint_evidence.file_id"))
    ended_at: Mapped[datetime | None]
    verdict: Mapped[str | None]
    judged_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    judged_at: Mapped[datetime | None]


class ChallengeText(Base):
    """What the mediator wants to see, in their words; may be erased."""

    __tablename__ = "challenge_text"

    challenge_id: Mapped[UUID] = mapped_column(ForeignKey("challenge.id"), primary_key=True)
    text: Mapped[str]
