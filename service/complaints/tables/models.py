"""Models of the matcher, and which was put in force when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from service.complaints import rules
from service.db.base import Base
from service.db.words import one_of


class MatchingModel(Base):
    """A model with what it was trained on and how it was judged. Append-only.

    `content` is what `calibrate.model_from` reads. A shipped model is kept when it was in force beside a trained one,
    so that it can come back after an upgrade has brought another.
    """

    __tablename__ = "matching_model"
    __table_args__ = (
        CheckConstraint(one_of("origin", rules.MODEL_ORIGINS), name="origin"),
        CheckConstraint("(content ->> 'version') IS NOT DISTINCT FROM version", name="content"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(unique=True)
    origin: Mapped[str]
    content: Mapped[dict[str, Any]]
    report: Mapped[dict[str, Any]]
    trained_on: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class MatchingDeployment(Base):
    """A change of the model in force: the highest number counts. Append-only.

    `figures` is what was known then: the reports of both models, and how the one before was doing.
    """

    __tablename__ = "matching_deployment"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("model_id <> before_id", name="changes"),
        CheckConstraint(f"length(reason) BETWEEN 1 AND {rules.DEPLOYMENT_REASON_MAX}", name="reason"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    model_id: Mapped[UUID] = mapped_column(ForeignKey("matching_model.id"))
    before_id: Mapped[UUID] = mapped_column(ForeignKey("matching_model.id"))
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str]
    figures: Mapped[dict[str, Any]]
    was_worse: Mapped[bool]
    at: Mapped[datetime]


class MatchingDrift(Base):
    """How the matcher does, as the worker counted it last: one row, replaced with each count."""

    __tablename__ = "matching_drift"
    __table_args__ = (CheckConstraint("name = 'all'", name="name"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    counts: Mapped[list[dict[str, Any]]]
    counted_at: Mapped[datetime]
