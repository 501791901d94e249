"""Requests and responses about keeping and erasing what a case holds."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from service.complaints.keeping_rules import NOTE_MAX, EraseReason, HoldReason
from service.complaints.text_schemas import NO_NUL

Note = Annotated[
    str, msgspec.Meta(max_length=NOTE_MAX, pattern=NO_NUL, examples=["Order 12/2026 of the district court"])
]
"""The number of an order, for example. It is kept for ever: never a name, and nothing of what the case holds."""


class NewErasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why what a case holds is erased. `buyer_asked` waits until the case has ended."""

    reason: Annotated[EraseReason, msgspec.Meta(examples=["buyer_asked"])]
    note: Note = ""


class NewLegalHold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why what a case holds must be kept."""

    reason: Annotated[HoldReason, msgspec.Meta(examples=["court_order"])]
    note: Note = ""


class KeepingOrder(msgspec.Struct, frozen=True):
    """Something that was ordered: `action` is erase, hold or release; `files` is how many were erased."""

    action: str
    reason: str
    note: str
    files: int
    ordered_by: UUID
    at: datetime


class KeepingView(msgspec.Struct, frozen=True):
    """Whether what a case holds is held or erased, and all orders about it, the oldest first.

    `locked_until` is the day until which nobody can delete the stored bytes of all its files; without its key they are
    noise. It is null without files.
    """

    complaint_id: UUID
    is_held: bool
    is_erased: bool
    files: int
    locked_until: datetime | None
    orders: list[KeepingOrder]
