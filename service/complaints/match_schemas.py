"""Responses about the batches that a complaint may mean."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class BatchSuggestion(msgspec.Struct, frozen=True):
    """A batch that the complaint may mean. `reasons` have stable codes with facts.

    `likelihood` is very_likely, possible or less_likely; `probability` is for mediators and regulators.
    """

    batch_id: UUID
    product_id: UUID
    seller_id: UUID
    brand: str
    name_en: str
    name_zh: str
    lot_code: str
    maker_lot_code: str | None
    likelihood: str
    probability: float | None
    reasons: list[dict[str, Any]]


class MatchesView(msgspec.Struct, frozen=True):
    """What matching found: its outcome and the batches to pick from, the likeliest first."""

    outcome: str
    is_strict: bool
    link_by: str | None
    model_version: str | None
    at: datetime | None
    suggestions: list[BatchSuggestion]
