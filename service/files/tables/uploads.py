"""Whose the buckets are, and files that clients put straight into the storage. See `0003_10_uploads.sql` too."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base


class Installation(Base):
    """The one row that says which installation this database is, and on which PostgreSQL it was named."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("only_one", name="only_one"),)

    only_one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    id: Mapped[UUID]
    server: Mapped[int]
    is_older_than_marks: Mapped[bool]
    named_at: Mapped[datetime]


class Upload(Base):
    """A form for one file of one side of a case. `size_bytes` and `sha256` are what the client promised, if it did."""

    __tablename__ = "upload"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "case_key_id"], ["file_key.tenant_id", "file_key.id"]),
        ForeignKeyConstraint(["tenant_id", "file_id"], ["stored_file.tenant_id", "stored_file.id"]),
        CheckConstraint("expires_at > opened_at", name="expires"),
        CheckConstraint("size_bytes > 0", name="size"),
        CheckConstraint("length(sha256) = 32", name="hash"),
        CheckConstraint("(completed_at IS NULL) = (file_id IS NULL)", name="completed"),
        Index("upload_pending_idx", "case_key_id", postgresql_where=text("completed_at IS NULL")),
        Index("upload_expires_idx", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID]
    case_key_id: Mapped[UUID]
    side: Mapped[str]
    object_name: Mapped[str] = mapped_column(unique=True)
    opened_by: Mapped[UUID | None]
    size_bytes: Mapped[int | None]
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    file_id: Mapped[UUID | None]
