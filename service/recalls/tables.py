"""Tables of signals. They are common to all tenants, as batches are."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.db.words import one_of
from service.recalls.rules import EXPIRY_REASONS, LIFT_REASONS, LINKS_MOVED, OPEN_STATES, SIGNAL


class Signal(Base):
    """Complaints about a batch that may be more than its base rate explains. `batch_id` is the batch it began with.

    `numbers` are those of the newest evaluation, `frozen_numbers` those that the freeze was decided on.
    """

    __tablename__ = "signal"
    __table_args__ = (
        CheckConstraint(one_of("state", SIGNAL.states), name="state"),
        CheckConstraint(one_of("reason_code", (*LIFT_REASONS, *EXPIRY_REASONS, LINKS_MOVED)), name="reason_code"),
        CheckConstraint("(state = 'screening') = (frozen_at IS NULL)", name="frozen"),
        CheckConstraint("(frozen_at IS NULL) = (frozen_numbers IS NULL)", name="frozen_numbers"),
        CheckConstraint("state <> 'analysis' OR confirmed_at IS NOT NULL", name="confirmed"),
        CheckConstraint("(confirmed_at IS NULL) = (confirmed_by IS NULL)", name="confirmed_by"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("(closed_at IS NULL) = (reason_code IS NULL)", name="closed_reason"),
        Index("signal_open_key", "batch_id", unique=True, postgresql_where=text(one_of("state", OPEN_STATES))),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"), index=True)
    state: Mapped[str]
    opened_at: Mapped[datetime]
    frozen_at: Mapped[datetime | None]
    supervisor_called_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    confirmed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    closed_at: Mapped[datetime | None]
    reason_code: Mapped[str | None]
    rule_version: Mapped[str]
    numbers: Mapped[dict[str, Any]]
    frozen_numbers: Mapped[dict[str, Any] | None]


class SignalMember(Base):
    """A complaint that counts; complaints of one group are not independent and count once."""

    __tablename__ = "signal_member"
    __table_args__ = (CheckConstraint("group_number > 0", name="group_number"),)

    signal_id: Mapped[UUID] = mapped_column(ForeignKey("signal.id"), primary_key=True)
    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaint.id"), primary_key=True, index=True)
    group_number: Mapped[int]


class SignalMemberMove(Base):
    """A complaint that a freeze was decided on or counted was moved out of its scope, or back. Append-only.

    The newest row of a member says where it is; one without a row never left.
    """

    __tablename__ = "signal_member_move"
    __table_args__ = (
        ForeignKeyConstraint(["signal_id", "complaint_id"], ["signal_member.signal_id", "signal_member.complaint_id"]),
        CheckConstraint(one_of("step", ("left", "returned")), name="step"),
        Index("signal_member_move_member_idx", "signal_id", "complaint_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    signal_id: Mapped[UUID]
    complaint_id: Mapped[UUID]
    step: Mapped[str]
    at: Mapped[datetime]


class SignalBatch(Base):
    """A batch in a signal's scope; `frozen_by` is the escrow freeze that covers it, once there is one.

    One without, of a signal that has frozen, left the scope by a correction.
    """

    __tablename__ = "signal_batch"
    __table_args__ = (Index("signal_batch_seller_idx", "seller_id", "signal_id"),)

    signal_id: Mapped[UUID] = mapped_column(ForeignKey("signal.id"), primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"), primary_key=True, index=True)
    seller_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"))
    frozen_by: Mapped[UUID | None] = mapped_column(ForeignKey("scope_freeze.id"))


class SignalText(Base):
    """Why somebody confirmed or lifted a freeze, in their words; may be erased."""

    __tablename__ = "signal_text"

    signal_id: Mapped[UUID] = mapped_column(ForeignKey("signal.id"), primary_key=True)
    action: Mapped[str] = mapped_column(primary_key=True)
    explanation: Mapped[str]
