"""Checks of everything that is stored, and what they found."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.db.words import one_of

STARTED_BY = ("night", "command")
PARTS = ("original", "view", "thumbnail")


class What(StrEnum):
    """What a check can find."""

    CHANGED = "changed"
    """The bytes are not those that were stored."""
    MISSING = "missing"
    """The store has no such object or version."""
    UNREADABLE = "unreadable"
    """The store answers, and gives other objects, but not this one: its own sums fail, or a part of it is gone."""
    DOES_NOT_OPEN = "does_not_open"
    """The bytes are those that were stored, but the case's key does not open them."""
    LOCK_SHORTENED = "lock_shortened"
    """Nothing locks the version, or for a shorter time than its row says."""
    ADDITIONAL_VERSION = "additional_version"
    """Somebody stored other bytes under the name of an original. The original's own version is judged by itself."""
    MARKED_DELETED = "marked_deleted"
    """Somebody deleted an original without naming its version: only a marker lies over it."""
    UNKNOWN_OBJECT = "unknown_object"
    """An object lies among the originals that no row knows."""
    NOT_ERASED = "not_erased"
    """What an erasure had to delete is still there. Without the key it is noise."""


class FileCheck(Base):
    """One run of a check; counts grow until `ended_at`. `mark` is the last file that was looked at, by id.

    One that has no end was cut off: a nightly one is gone on with from its mark.
    """

    __tablename__ = "file_check"
    __table_args__ = (
        CheckConstraint(one_of("started_by", STARTED_BY), name="started_by"),
        CheckConstraint("ended_at >= started_at", name="ended"),
        CheckConstraint("files >= 0 AND objects >= 0 AND bytes >= 0 AND findings >= 0", name="counts"),
        Index(
            "file_check_night_key",
            "started_by",
            unique=True,
            postgresql_where=text("started_by = 'night' AND ended_at IS NULL"),
        ),
        Index("file_check_started_idx", "started_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    started_by: Mapped[str]
    is_whole: Mapped[bool]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    mark: Mapped[UUID | None]
    files: Mapped[int]
    objects: Mapped[int]
    bytes: Mapped[int]
    findings: Mapped[int]


class FileFinding(Base):
    """Something that is not as it was stored. Append-only. `file_id` is None for an object that no row knows."""

    __tablename__ = "file_finding"
    __table_args__ = (
        CheckConstraint(one_of("part", PARTS), name="part"),
        CheckConstraint(one_of("what", [each.value for each in What]), name="what"),
        Index("file_finding_check_idx", "check_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    check_id: Mapped[UUID] = mapped_column(ForeignKey("file_check.id"))
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("stored_file.id"))
    part: Mapped[str | None]
    bucket: Mapped[str]
    object_name: Mapped[str]
    version_id: Mapped[str | None]
    what: Mapped[str]
    at: Mapped[datetime]
