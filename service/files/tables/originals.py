"""Stored files and the keys of their cases. What may change is in `45_files.sql`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.files.kinds import Kind

_KINDS = ", ".join(f"'{kind.value}'" for kind in Kind)


class FileKey(Base):
    """The wrapped data key of one case. Without it every file of the case is noise."""

    __tablename__ = "file_key"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        CheckConstraint("(wrapped_key IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed"),
        CheckConstraint("NOT legal_hold OR destroyed_at IS NULL", name="legal_hold"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    case_id: Mapped[UUID] = mapped_column(unique=True)
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    legal_hold: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]


class StoredFile(Base):
    """One original, with its hashes, its lock and its derivatives. Sizes are in bytes."""

    __tablename__ = "stored_file"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "case_key_id"], ["file_key.tenant_id", "file_key.id"]),
        CheckConstraint("state IN ('quarantined', 'locked', 'erased')", name="state"),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint("size_bytes > 0 AND stored_size_bytes > size_bytes", name="sizes"),
        CheckConstraint("length(sha256_plain) = 32 AND length(sha256_stored) = 32", name="hashes"),
        CheckConstraint("(version_id IS NULL) = (locked_at IS NULL)", name="lock"),
        CheckConstraint("state <> 'quarantined' OR locked_at IS NULL", name="quarantined"),
        CheckConstraint("state <> 'locked' OR locked_at IS NOT NULL", name="locked"),
        CheckConstraint("(state = 'erased') = (erased_at IS NOT NULL)", name="erased"),
        CheckConstraint("(kind = 'pdf') = (pages IS NOT NULL)", name="document"),
        CheckConstraint(
            "num_nulls(width_px, height_px, view_sha256, thumbnail_sha256) = CASE WHEN kind = 'pdf' THEN 4 ELSE 0 END",
            name="derivatives",
        ),
        Index("stored_file_case_idx", "case_key_id", "received_at"),
        Index("stored_file_unlocked_idx", "received_at", postgresql_where=text("state = 'quarantined'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    case_key_id: Mapped[UUID]
    object_name: Mapped[str] = mapped_column(unique=True)
    version_id: Mapped[str | None]
    state: Mapped[str]
    kind: Mapped[str]
    size_bytes: Mapped[int]
    stored_size_bytes: Mapped[int]
    sha256_plain: Mapped[bytes] = mapped_column(LargeBinary)
    sha256_stored: Mapped[bytes] = mapped_column(LargeBinary)
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    pages: Mapped[int | None]
    view_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    thumbnail_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    retain_until: Mapped[datetime]
    locked_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
