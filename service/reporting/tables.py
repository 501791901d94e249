"""Tables of reports: what was asked for, and the locked files that answer it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base
from service.db.words import one_of
from service.reporting import rules


class ReportFile(Base):
    """One drawn report. Its facts are fixed when the row is made; the file is stored once, locked, and served again.

    `facts_sha256` leaves out what differs between two files of the same facts: reference, as-of time, address.
    """

    __tablename__ = "report_file"
    __table_args__ = (
        UniqueConstraint(
            "kind", "subject_id", "as_of", "language", "paper", "redaction", "renderer_version", name="report_file_key"
        ),
        CheckConstraint(one_of("kind", rules.KINDS), name="kind"),
        CheckConstraint(one_of("language", rules.LANGUAGES), name="language"),
        CheckConstraint(one_of("paper", rules.PAPERS), name="paper"),
        CheckConstraint(one_of("redaction", rules.REDACTIONS), name="redaction"),
        CheckConstraint("num_nulls(pdf_sha256, size_bytes, version_id, stored_at) IN (0, 4)", name="stored"),
        Index("report_file_same_idx", "subject_id", "facts_sha256", postgresql_where=text("stored_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    as_of: Mapped[datetime]
    language: Mapped[str]
    paper: Mapped[str]
    redaction: Mapped[str]
    renderer_version: Mapped[str]
    facts_sha256: Mapped[str]
    rows: Mapped[dict[str, Any]]
    object_name: Mapped[str] = mapped_column(unique=True)
    pdf_sha256: Mapped[str | None]
    size_bytes: Mapped[int | None]
    version_id: Mapped[str | None]
    stored_at: Mapped[datetime | None]


class ReportPicture(Base):
    """A photo that a stored report shows. Append-only: whoever erases the photo has ended the report, too."""

    __tablename__ = "report_picture"

    report_file_id: Mapped[UUID] = mapped_column(ForeignKey("report_file.id"), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("stored_file.id"), primary_key=True)


class ReportFacts(Base):
    """The facts of a file that is being drawn, so that another try draws the same; deleted once it is stored.

    `photos` name the pictures: number, file and case.
    """

    __tablename__ = "report_facts"

    file_id: Mapped[UUID] = mapped_column(ForeignKey("report_file.id"), primary_key=True)
    body: Mapped[str]
    photos: Mapped[list[dict[str, Any]]]


class Report(Base):
    """A person's request for a report, and how it went."""

    __tablename__ = "report"
    __table_args__ = (
        CheckConstraint(one_of("kind", rules.KINDS), name="kind"),
        CheckConstraint(one_of("language", rules.LANGUAGES), name="language"),
        CheckConstraint(one_of("paper", rules.PAPERS), name="paper"),
        CheckConstraint(one_of("state", rules.REPORT.states), name="state"),
        CheckConstraint(one_of("failure", rules.FAILURES), name="failure"),
        CheckConstraint("(state = 'failed') = (failure IS NOT NULL)", name="failed"),
        CheckConstraint("state <> 'ready' OR file_id IS NOT NULL", name="ready"),
        CheckConstraint("(state = 'requested') = (ended_at IS NULL)", name="ended"),
        Index(
            "report_open_key",
            "requested_by", "kind", "subject_id", "language", "paper",
            unique=True,
            postgresql_where=text("state = 'requested'"),
        ),
        Index("report_person_idx", "requested_by", "id"),
        Index("report_subject_idx", "subject_id", "id"),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    language: Mapped[str]
    paper: Mapped[str]
    state: Mapped[str]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    requested_at: Mapped[datetime]
    tries: Mapped[int]
    file_id: Mapped[UUID | None] = mapped_column(ForeignKey("report_file.id"))
    failure: Mapped[str | None]
    ended_at: Mapped[datetime | None]
