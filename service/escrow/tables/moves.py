"""Blocks of payouts, chargebacks, and holds near the provider's limit."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.core.wire import CHARGEBACK_REASONS
from service.db.base import Base
from service.db.words import one_of
from service.escrow.rules import BLOCK_REASONS


class PayoutBlock(Base):
    """A reason that a seller is paid nothing out, from `at` until `lifted_at`. One live row per seller and reason.

    Inserting it locks the seller's scope FOR UPDATE, which payouts take FOR SHARE: no payout commits after it unseen.
    """

    __tablename__ = "payout_block"
    __table_args__ = (
        CheckConstraint(one_of("reason", BLOCK_REASONS), name="reason"),
        CheckConstraint("lifted_at >= at", name="lifted"),
        Index("payout_block_live_key", "seller_id", "reason", unique=True, postgresql_where=text("lifted_at IS NULL")),
        Index("payout_block_seller_idx", "seller_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seller_id: Mapped[UUID]
    reason: Mapped[str]
    actor_id: Mapped[UUID | None]
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]


class Chargeback(Base):
    """Money that the payer's bank took back, and what that did; append-only.

    `held_minor` ended open holds, `owed_minor` had been released and is now owed by the seller, `unmoved_minor` the
    buyer had back already. `provider_id` is the provider's name for it, `raised_at` the provider's time.
    """

    __tablename__ = "chargeback"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "payment_id"], ["payment.tenant_id", "payment.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("held_minor >= 0 AND owed_minor >= 0 AND unmoved_minor >= 0", name="parts_sign"),
        CheckConstraint("held_minor + owed_minor + unmoved_minor = amount_minor", name="parts"),
        CheckConstraint(one_of("reason", CHARGEBACK_REASONS), name="reason"),
        Index("chargeback_payment_idx", "payment_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider_id: Mapped[str] = mapped_column(unique=True)
    payment_id: Mapped[UUID]
    tenant_id: Mapped[UUID]
    seller_id: Mapped[UUID]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    held_minor: Mapped[int]
    owed_minor: Mapped[int]
    unmoved_minor: Mapped[int]
    reason: Mapped[str]
    raised_at: Mapped[datetime]
    at: Mapped[datetime]


class LimitWatch(Base):
    """One row: no undivided hold that was funded before `oldest_open_at` is open."""

    __tablename__ = "limit_watch"
    __table_args__ = (CheckConstraint("only_row", name="only_row"),)

    only_row: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    oldest_open_at: Mapped[datetime]


class HoldNearLimit(Base):
    """A hold of which it was said, once, that the provider's limit is near; append-only."""

    __tablename__ = "hold_near_limit"

    hold_id: Mapped[UUID] = mapped_column(ForeignKey("hold.id"), primary_key=True)
    at: Mapped[datetime]
