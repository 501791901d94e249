"""The provider's operations and its notices."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.db.words import one_of
from service.escrow.rules import MOVE_KINDS, PAYMENT, PAYMENT_KINDS

_MOVES = one_of("kind", MOVE_KINDS)


class Payment(Base):
    """An operation that the provider is asked for. Its id is the client id that the provider sees, for ever.

    A capture carries the facts of the hold that it will fund. A refund names its hold and the capture. Payouts and
    deposits are a seller's, of no order and no product. `request_key` is the key of the request that asked, for ever.
    """

    __tablename__ = "payment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "original_id"], ["payment.tenant_id", "payment.id"]),
        CheckConstraint(one_of("kind", PAYMENT_KINDS), name="kind"),
        CheckConstraint(one_of("state", PAYMENT.states), name="state"),
        CheckConstraint("(state IN ('done', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee"),
        CheckConstraint("(kind = 'refund') = (hold_id IS NOT NULL)", name="refund_hold"),
        CheckConstraint("(kind = 'refund') = (original_id IS NOT NULL)", name="refund_original"),
        CheckConstraint("(kind IN ('capture', 'refund')) = (product_id IS NOT NULL)", name="goods"),
        CheckConstraint("kind IN ('capture', 'refund') OR reference_id = id", name="own_reference"),
        CheckConstraint("length(request_key) BETWEEN 1 AND 255", name="request_key"),
        Index(
            "payment_live_capture_key",
            "reference_id",
            unique=True,
            postgresql_where=text("kind = 'capture' AND state <> 'failed'"),
        ),
        Index(
            "payment_live_refund_key",
            "hold_id",
            unique=True,
            postgresql_where=text("kind = 'refund' AND state <> 'failed'"),
        ),
        Index("payment_reference_idx", "reference_id"),
        Index("payment_open_idx", "requested_at", postgresql_where=text("state IN ('requested', 'unknown')")),
        Index("payment_failed_idx", "id", postgresql_where=text("state = 'failed'")),
        Index("payment_original_idx", "original_id", postgresql_where=text("original_id IS NOT NULL")),
        Index("payment_moves_idx", "id", postgresql_where=text(_MOVES)),
        Index("payment_seller_moves_idx", "seller_id", "id", postgresql_where=text(_MOVES)),
        Index(
            "payment_request_key",
            "seller_id",
            "kind",
            "request_key",
            unique=True,
            postgresql_where=text("request_key IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    kind: Mapped[str]
    reference_id: Mapped[UUID]
    hold_id: Mapped[UUID | None]
    original_id: Mapped[UUID | None]
    seller_id: Mapped[UUID]
    buyer_id: Mapped[UUID | None]
    product_id: Mapped[UUID | None]
    batch_id: Mapped[UUID | None]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    fee_bps: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=text("'requested'"))
    reason: Mapped[str | None]
    request_key: Mapped[str | None]
    asked_count: Mapped[int] = mapped_column(server_default=text("0"))
    requested_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class GatewayNotice(Base):
    """A notice of the provider as it came, stored before anything is done with it; the same id is stored once."""

    __tablename__ = "gateway_notice"
    __table_args__ = (
        CheckConstraint("outcome IN ('applied', 'no_change', 'unknown_payment', 'differs')", name="outcome"),
        CheckConstraint("(applied_at IS NULL) = (outcome IS NULL)", name="applied"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
