"""Requests and responses about disputes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from service.db.schemas import MoneyView
from service.disputes.rules import REASONS_LENGTH_MAX


class NewAssignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes the case: oneself without `mediator_id`; supervisors may name another."""

    mediator_id: Annotated[UUID, msgspec.Meta(examples=["0198f3a1-7c2e-7d10-9b54-3f6a2c8e1d07"])] | None = None


class NewRuling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision: what the buyer gets back of what is held, and why."""

    buyer: MoneyView
    reasons: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=REASONS_LENGTH_MAX, pattern=r"\S", examples=["Half of the masks were dry."]
        ),
    ]


class RulingView(msgspec.Struct, frozen=True):
    """A decision as both sides read it. `final_at` is when it moves money if nobody does anything."""

    id: UUID
    round: int
    buyer: MoneyView
    seller: MoneyView
    reasons: str
    ruled_at: datetime
    accepted_by: list[str]


class DisputeView(msgspec.Struct, frozen=True):
    """A dispute."""

    id: UUID
    tenant_id: UUID
    complaint_id: UUID
    complaint_reference: str
    state: str
    mediator_id: UUID | None
    needs_supervisor: bool
    held: MoneyView | None
    opened_at: datetime
    assigned_at: datetime | None
    ruled_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    on_expiry: str | None
    available_actions: list[str]
    ruling: RulingView | None
