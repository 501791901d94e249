"""Held payments and the freezes on them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.db.words import one_of
from service.escrow.rules import FREEZE_KINDS, HOLD, OPEN_STATES, PROOF_KINDS

_OPEN = one_of("state", OPEN_STATES)


class Hold(Base):
    """The held payment of one order (`reference_id`), or a part of one that was divided.

    Inserting a hold writes its funding transfer; inserting a resolution ends it. `window_ends_at` runs only in the
    window with no freeze; `window_left_seconds` is what a frozen window has left. The window's columns are empty before
    delivery and after the end. No index has a column that changes (state, window, end), so updates stay in the page.
    """

    __tablename__ = "hold"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"]),
        ForeignKeyConstraint(["tenant_id", "parent_hold_id"], ["hold.tenant_id", "hold.id"]),
        CheckConstraint(one_of("state", HOLD.states), name="state"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("length(currency) = 3", name="currency"),  # its payment's, which is checked
        CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee"),
        CheckConstraint("freeze_count >= 0", name="freeze_count"),
        CheckConstraint(
            "(window_ends_at IS NOT NULL) = (state = 'in_window' AND freeze_count = 0)", name="window_runs"
        ),
        CheckConstraint(
            "(window_left_seconds IS NOT NULL) = (state = 'in_window' AND freeze_count > 0)", name="window_paused"
        ),
        CheckConstraint("window_left_seconds >= 0", name="window_left"),
        CheckConstraint(f"({_OPEN}) = (ended_at IS NULL)", name="ended"),
        CheckConstraint("(delivered_at IS NULL) = (proof_kind IS NULL)", name="proof"),
        CheckConstraint(one_of("proof_kind", PROOF_KINDS), name="proof_kind"),
        Index("hold_payment_key", "payment_id", unique=True, postgresql_where=text("parent_hold_id IS NULL")),
        Index("hold_reference_idx", "reference_id"),
        Index("hold_parent_idx", "parent_hold_id", postgresql_where=text("parent_hold_id IS NOT NULL")),
        Index("hold_batch_idx", "batch_id", "id", postgresql_where=text("batch_id IS NOT NULL")),
        Index("hold_seller_idx", "seller_id", "id"),
        Index("hold_buyer_idx", "buyer_id", "id", postgresql_where=text("buyer_id IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    reference_id: Mapped[UUID]
    payment_id: Mapped[UUID]
    parent_hold_id: Mapped[UUID | None]
    seller_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None]
    product_id: Mapped[UUID]
    batch_id: Mapped[UUID | None]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    fee_bps: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=text("'awaiting_delivery'"))
    freeze_count: Mapped[int] = mapped_column(server_default=text("0"))
    window_ends_at: Mapped[datetime | None]
    window_left_seconds: Mapped[int | None]
    has_used_floor: Mapped[bool] = mapped_column(server_default=text("false"))
    funded_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    proof_kind: Mapped[str | None]
    proof_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]


class HoldDue(Base):
    """The queue of the sweep: one row for each running window, in the sellers' shards. Triggers keep it."""

    __tablename__ = "hold_due"

    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ends_at: Mapped[datetime] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(primary_key=True)


class HoldFreeze(Base):
    """A reason that a hold's seller may not be paid, from `at` until `lifted_at`. One live row per hold and source."""

    __tablename__ = "hold_freeze"
    __table_args__ = (
        CheckConstraint(one_of("kind", FREEZE_KINDS), name="kind"),
        CheckConstraint("lifted_at >= at", name="lifted"),
        Index("hold_freeze_live_key", "hold_id", "source_id", unique=True, postgresql_where=text("lifted_at IS NULL")),
        Index("hold_freeze_source_idx", "source_id", "hold_id", postgresql_where=text("lifted_at IS NULL")),
        Index("hold_freeze_hold_idx", "hold_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(ForeignKey("hold.id"))
    kind: Mapped[str]
    source_id: Mapped[UUID]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]
