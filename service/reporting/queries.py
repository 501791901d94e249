"""Reads about reports, with the actor's filter in each."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, false, select, true

from service.core.actor import Actor, Role
from service.core.errors import NotFound
from service.db.locks import locked
from service.db.pages import Page, read_page
from service.db.session import Tx
from service.reporting.rules import REPORT
from service.reporting.schemas import ReportRows, ReportView
from service.reporting.tables import Report, ReportFile


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Return the filter: regulators and operators see every report, others those that they asked for."""
    if actor.is_system or actor.has(Role.REGULATOR, Role.OPERATOR):
        return true()
    return Report.requested_by == actor.person_id if actor.person_id is not None else false()


async def get_row(tx: Tx, actor: Actor, report_id: UUID, *, is_locked: bool = False) -> Report:
    """Return a report that the actor may see, locked if asked; raises `NotFound` ("report_not_found")."""
    query = select(Report).where(Report.id == report_id, visible_to(actor))
    if is_locked:
        query = locked(query)
    found = (await tx.scalars(query)).one_or_none()
    if found is None:
        raise NotFound("report_not_found")
    return found


async def get_report(tx: Tx, actor: Actor, report_id: UUID) -> ReportView:
    """Return a report that the actor may see; raises `NotFound` ("report_not_found")."""
    return (await _views(tx, [await get_row(tx, actor, report_id)]))[0]


async def reports_page(
    tx: Tx,
    actor: Actor,
    *,
    subject_id: UUID | None,
    state: str | None,
    after: str | None,
    limit: int,
    reference: str | None = None,
) -> Page[ReportView]:
    """Return reports that the actor may see, the newest first; with a reference those whose file bears it."""
    query = select(Report).where(visible_to(actor))
    if subject_id:
        query = query.where(Report.subject_id == subject_id)
    if state:
        query = query.where(Report.state == REPORT.known(state))
    if reference:
        file = select(ReportFile.id).where(ReportFile.reference == reference)
        query = query.where(Report.file_id.in_(file), Report.state == "ready")
    page = await read_page(tx, query, Report.id, after=after, limit=limit)
    return page.shown_as(await _views(tx, page.rows))


async def same_file(tx: Tx, report: Report, *, facts_sha256: str, renderer_version: str) -> ReportFile | None:
    """Return the stored file that has these very facts for this kind, subject, language and paper, if there is one."""
    query = (
        select(ReportFile)
        .where(
            ReportFile.subject_id == report.subject_id,
            ReportFile.facts_sha256 == facts_sha256,
            ReportFile.stored_at.is_not(None),
            ReportFile.kind == report.kind,
            ReportFile.language == report.language,
            ReportFile.paper == report.paper,
            ReportFile.renderer_version == renderer_version,
        )
        .order_by(ReportFile.id)
        .limit(1)
    )
    return (await tx.scalars(query)).one_or_none()


async def _views(tx: Tx, rows: Collection[Report]) -> list[ReportView]:
    wanted = [row.file_id for row in rows if row.file_id is not None and row.state == "ready"]
    files = {each.id: each for each in await tx.scalars(select(ReportFile).where(ReportFile.id.in_(wanted)))}
    return [_view(row, files.get(row.file_id) if row.file_id else None) for row in rows]


def _view(row: Report, file: ReportFile | None) -> ReportView:
    plain = ReportView(
        id=row.id,
        kind=row.kind,
        subject_id=row.subject_id,
        language=row.language,
        paper=row.paper,
        state=row.state,
        requested_at=row.requested_at,
        ended_at=row.ended_at,
        failure=row.failure,
    )
    if file is None:
        return plain
    return msgspec.structs.replace(
        plain,
        reference=file.reference,
        as_of=file.as_of,
        rows=msgspec.convert(file.rows, ReportRows),
        facts_sha256=file.facts_sha256,
        pdf_sha256=file.pdf_sha256,
        size_bytes=file.size_bytes,
        renderer_version=file.renderer_version,
    )
