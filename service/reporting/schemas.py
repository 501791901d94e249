"""Requests and responses about reports."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from service.reporting.rules import Kind, Language, Paper


class NewReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to report on: a batch, with all that shares its fate."""

    kind: Annotated[Kind, msgspec.Meta(examples=["batch_dossier"])]
    subject_id: UUID
    language: Annotated[Language, msgspec.Meta(examples=["zh"])] = "en"
    paper: Paper = "A4"


class ReportRows(msgspec.Struct, frozen=True):
    """How many rows the report rests on."""

    complaints: int
    evidence: int
    orders: int


class ReportView(msgspec.Struct, frozen=True):
    """A report that was asked for. `reference`, `as_of`, `rows` and the hashes are there once it is `ready`.

    The same facts, asked for again, give the file that is stored already, with its reference and its as-of time.
    """

    id: UUID
    kind: str
    subject_id: UUID
    language: str
    paper: str
    state: str
    requested_at: datetime
    ended_at: datetime | None
    failure: str | None
    reference: str | None = None
    as_of: datetime | None = None
    rows: ReportRows | None = None
    facts_sha256: str | None = None
    pdf_sha256: str | None = None
    size_bytes: int | None = None
    renderer_version: str | None = None
