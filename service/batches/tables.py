"""Tables of products and batches. They are common to all tenants."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.batches.rules import CATEGORIES, CORRECTED_BY, CORRECTION_REASONS, STATUSES
from service.db.base import Base
from service.db.words import one_of


class Product(Base):
    """What is sold, as its seller or brand owner registered it."""

    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint(one_of("category", CATEGORIES), name="category"),
        CheckConstraint("gtin ~ '^[0-9]{14}$'", name="gtin"),
        Index("product_gtin_key", "seller_id", "gtin", unique=True, postgresql_where="gtin IS NOT NULL"),
        Index("product_gtin_idx", "gtin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seller_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"), index=True)
    brand: Mapped[str]
    name_en: Mapped[str]
    name_zh: Mapped[str]
    name_key: Mapped[str]
    gtin: Mapped[str | None]
    category: Mapped[str]
    registered_at: Mapped[datetime]


class Batch(Base):
    """One production lot of a product: the seller's lot code and the manufacturer's."""

    __tablename__ = "batch"
    __table_args__ = (
        UniqueConstraint("product_id", "lot_code"),
        CheckConstraint("units_made > 0", name="units_made"),
        CheckConstraint("expires_on > made_on", name="expires_after_made"),
        Index("batch_lot_folded_idx", "lot_folded"),
        Index("batch_maker_lot_folded_idx", "maker_lot_folded"),
        Index("batch_seller_idx", "seller_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    product_id: Mapped[UUID] = mapped_column(ForeignKey("product.id"))
    seller_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"))
    lot_code: Mapped[str]
    maker_lot_code: Mapped[str | None]
    lot_folded: Mapped[str]
    maker_lot_folded: Mapped[str | None]
    made_on: Mapped[date | None] = mapped_column(Date)
    expires_on: Mapped[date | None] = mapped_column(Date)
    units_made: Mapped[int | None]
    registered_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    registered_at: Mapped[datetime]


class BatchStatus(Base):
    """One entry of a batch's status history; the newest is in force until the next begins."""

    __tablename__ = "batch_status"
    __table_args__ = (
        CheckConstraint(one_of("status", STATUSES), name="status"),
        Index("batch_status_batch_idx", "batch_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"))
    status: Mapped[str]
    reason_code: Mapped[str]
    source_id: Mapped[UUID | None]
    actor_id: Mapped[UUID | None]
    since: Mapped[datetime]


class BatchParent(Base):
    """Genealogy: `child_id` was made or repacked from `parent_id`."""

    __tablename__ = "batch_parent"
    __table_args__ = (CheckConstraint("child_id <> parent_id", name="not_itself"),)

    child_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    parent_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"), primary_key=True, index=True)


class Custody(Base):
    """Units of a batch that went from one seller to another. Append-only."""

    __tablename__ = "custody"
    __table_args__ = (
        CheckConstraint("units > 0", name="units"),
        CheckConstraint("from_seller_id <> to_seller_id", name="not_itself"),
        Index("custody_batch_idx", "batch_id", "id"),
        Index("custody_way_idx", "batch_id", "to_seller_id", "from_seller_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"))
    from_seller_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"))
    to_seller_id: Mapped[UUID] = mapped_column(ForeignKey("seller.id"))
    units: Mapped[int]
    at: Mapped[datetime]
    recorded_by: Mapped[UUID | None]


class BatchPhoto(Base):
    """A photo that the seller shows of a batch. Append-only. Its tenant is `commons`, as batches are common."""

    __tablename__ = "batch_photo"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "file_id"], ["stored_file.tenant_id", "stored_file.id"]),
        Index("batch_photo_batch_idx", "batch_id", "file_id"),
    )

    file_id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    batch_id: Mapped[UUID] = mapped_column(ForeignKey("batch.id"))
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class BatchPhotoRemoval(Base):
    """A photo that its seller shows no longer. Append-only: the photo's own row stays, and copies of it are found."""

    __tablename__ = "batch_photo_removal"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("batch_photo.file_id"), primary_key=True)
    removed_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class Correction(Base):
    """What was corrected of a batch or a product: the corrected fields as they stood before and after. Append-only."""

    __tablename__ = "correction"
    __table_args__ = (
        CheckConstraint("num_nonnulls(batch_id, product_id) = 1", name="of_one"),
        CheckConstraint(one_of("side", CORRECTED_BY), name="side"),
        CheckConstraint(one_of("reason_code", CORRECTION_REASONS), name="reason_code"),
        Index("correction_batch_idx", "batch_id", "id"),
        Index("correction_product_idx", "product_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batch.id"))
    product_id: Mapped[UUID | None] = mapped_column(ForeignKey("product.id"))
    side: Mapped[str]
    reason_code: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    corrected_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
