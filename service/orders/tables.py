"""Tables of orders and of the carriers' notices."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.orders.rules import CANCEL_REASONS, ORDER


class Order(Base):
    """One buyer, one batch (known or not yet), one amount. Digests are salted: equal ones mean equal values."""

    __tablename__ = "order"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "platform_ref"),
        UniqueConstraint("carrier", "tracking_number"),
        CheckConstraint(f"status IN ({', '.join(repr(state) for state in ORDER.states)})", name="status"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("(carrier IS NULL) = (tracking_number IS NULL)", name="tracking"),
        CheckConstraint("status NOT IN ('shipped', 'delivered') OR batch_id IS NOT NULL", name="batch_named"),
        CheckConstraint("(claimed_at IS NULL) = (buyer_id IS NULL)", name="claimed"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
        CheckConstraint(
            "(cancelled_at IS NULL) = (cancel_reason IS NULL)"
            f" AND cancel_reason IN ({', '.join(map(repr, CANCEL_REASONS))})",
            name="cancel_reason",
        ),
        CheckConstraint(
            "(arrival_asked_count = 0) = (arrival_asked_at IS NULL)"
            " AND (arrival_denied_at IS NULL OR arrival_asked_at IS NOT NULL)",
            name="arrival",
        ),
        Index("order_seller_idx", "seller_id", "id"),
        Index("order_buyer_idx", "buyer_id", "id", postgresql_where="buyer_id IS NOT NULL"),
        Index(
            "order_batch_idx",
            "batch_id",
            "jurisdiction",
            "destination_area",
            postgresql_where="batch_id IS NOT NULL",
        ),
        Index("order_claim_code_key", "claim_code_hash", unique=True, postgresql_where="claim_code_hash IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenant.id"))
    platform_ref: Mapped[str]
    seller_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"))
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batch.id"))
    buyer_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    amount_minor: Mapped[int]
    currency: Mapped[str]
    units: Mapped[int]
    jurisdiction: Mapped[str]
    destination_area: Mapped[str]
    status: Mapped[str]
    payer_digest: Mapped[str | None]
    device_digest: Mapped[str | None]
    address_digest: Mapped[str | None]
    contact_digest: Mapped[str | None]
    claim_code_hash: Mapped[bytes | None]
    claim_code_expires_at: Mapped[datetime | None]
    hand_over_failures: Mapped[int]
    placed_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    carrier: Mapped[str | None]
    tracking_number: Mapped[str | None]
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancel_reason: Mapped[str | None]
    arrival_asked_at: Mapped[datetime | None]
    arrival_asked_count: Mapped[int] = mapped_column(server_default=text("0"))
    arrival_denied_at: Mapped[datetime | None]


class OrderPackingPhoto(Base):
    """A photo that the seller committed to before shipping. Append-only; `0003_60_sides.sql` refuses a late one."""

    __tablename__ = "order_packing_photo"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "order_id"], ["order.tenant_id", "order.id"]),
        ForeignKeyConstraint(["tenant_id", "file_id"], ["stored_file.tenant_id", "stored_file.id"]),
        Index("order_packing_photo_order_idx", "order_id", "file_id"),
    )

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    order_id: Mapped[UUID]
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class CarrierNotice(Base):
    """A signed delivery record as it came in, stored before anything is done with it."""

    __tablename__ = "carrier_notice"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    carrier: Mapped[str]
    signature: Mapped[str] = mapped_column(unique=True)
    record: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
