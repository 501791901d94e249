"""Asking for a report, and the steps of making one: fix the facts, draw and store them outside, write it down.

Lock order: the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
from sqlalchemy import delete, select, text

from reports.data import dump_json, load_json
from reports.facts import DossierFacts
from service.batches.queries import get_batch
from service.core.actor import SYSTEM, Actor, Role
from service.core.errors import Conflict, Forbidden, TooMany, ensure, unreachable
from service.core.ids import new_id
from service.db.session import Tx
from service.deadlines.actions import cancel, promise
from service.events.log import emit
from service.files.queries import any_erased
from service.files.reading import Part, Ticket, open_file
from service.files.sealing import KeyRing
from service.files.store import new_object_name
from service.jobs.queue import enqueue
from service.recalls.queries import decides
from service.reporting import rules
from service.reporting.gather import Gathered, gather_dossier
from service.reporting.queries import get_row, same_file
from service.reporting.rules import Language, Paper
from service.reporting.schemas import NewReport
from service.reporting.tables import Report, ReportFacts, ReportFile, ReportPicture

GIVE_UP = "report_give_up"
GIVE_UP_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """All that drawing and storing a report needs, with no transaction open. `tickets` are by picture's number."""

    report_id: UUID
    file_id: UUID
    tries: int
    facts: DossierFacts
    tickets: Sequence[tuple[str, Ticket]]
    language: Language
    paper: Paper
    as_of: datetime
    object_name: str


@dataclass(frozen=True, slots=True)
class StoredReport:
    """Where a ready report lies."""

    object_name: str
    version_id: str
    pdf_sha256: str
    file_name: str


async def request_report(tx: Tx, actor: Actor, data: NewReport, *, now: datetime) -> Report:
    """Ask for a report; a job makes it. Asked for again while it is being made, it is the same one.

    Raises `Forbidden` ("not_commons_mediator"), `NotFound` ("batch_not_found"), `TooMany` ("reports_waiting").
    """
    if not (actor.has(Role.REGULATOR) or decides(actor)):
        raise Forbidden("not_commons_mediator", "regulators and mediators of commons ask for reports")
    if actor.person_id is None:
        unreachable("the policy lets only people ask")
    await get_batch(tx, data.subject_id)
    waiting = list(
        await tx.scalars(select(Report).where(Report.requested_by == actor.person_id, Report.state == "requested"))
    )
    for report in waiting:
        mine = (report.kind, report.subject_id, report.language, report.paper)
        if mine == (data.kind, data.subject_id, data.language, data.paper):
            return report
    if len(waiting) >= rules.OPEN_PER_PERSON_MAX:
        raise TooMany("reports_waiting", "wait until some of your reports are made", retry_after_seconds=60)
    report = Report(
        id=new_id(),
        kind=data.kind,
        subject_id=data.subject_id,
        language=data.language,
        paper=data.paper,
        state=rules.REPORT.initial,
        requested_by=actor.person_id,
        requested_at=now,
        tries=0,
    )
    tx.add(report)
    await tx.flush()  # the promise and the job find the row
    await promise(tx, GIVE_UP, report.id, due_at=now + GIVE_UP_AFTER, handler="reporting.give_up", now=now)
    await enqueue(tx, "reporting.render", {"report_id": str(report.id)}, lock=f"report:{report.id}")
    await _tell(tx, actor, report, "report.requested", now=now)
    return report


async def begin_report(
    tx: Tx, report_id: UUID, *, ring: KeyRing, renderer_version: str, public_url: str, now: datetime
) -> Draft | None:
    """Fix a report's facts at `now`, or take those that an earlier try has fixed; None if nothing is left to draw.

    That is so when it has ended, or when a stored file has these very facts: then the report is ready with that file.
    The transaction must be repeatable, and its commit comes before any picture is read. Locks the report.
    """
    report = await get_row(tx, SYSTEM, report_id, is_locked=True)
    if report.state != "requested":
        return None
    report.tries += 1
    if report.file_id is None:
        found = await gather_dossier(tx, report.subject_id, prepared_for=report.requested_by, as_of=now)
        same = await same_file(tx, report, facts_sha256=found.sha256, renderer_version=renderer_version)
        if same is not None:
            report.file_id = same.id
            await _finish(tx, report, same, now=now)
            return None
        await _fix(tx, report, found, renderer_version=renderer_version, public_url=public_url, now=now)
    return await _draft(tx, report, ring, now=now)


async def finish_report(
    tx: Tx, draft: Draft, *, pdf_sha256: str, size_bytes: int, version_id: str, now: datetime
) -> None:
    """Write down that a draft is stored: its report is ready. Doing it again changes nothing. Locks the report."""
    report = await get_row(tx, SYSTEM, draft.report_id, is_locked=True)
    if report.state != "requested":
        return
    file = await tx.get_one(ReportFile, draft.file_id)
    file.pdf_sha256, file.size_bytes, file.version_id, file.stored_at = pdf_sha256, size_bytes, version_id, now
    pictures = {ticket.file_id for _, ticket in draft.tickets}
    tx.add_all([ReportPicture(report_file_id=file.id, file_id=each) for each in pictures])
    await tx.execute(delete(ReportFacts).where(ReportFacts.file_id == file.id))
    await _finish(tx, report, file, now=now)


async def fail_report(tx: Tx, report_id: UUID, *, failure: str, now: datetime) -> None:
    """Give a report up; it can be asked for again. One that has ended stays as it is. Locks the report."""
    ensure(failure in rules.FAILURES, f"{failure} is a known failure")
    report = await get_row(tx, SYSTEM, report_id, is_locked=True)
    if report.state != "requested":
        return
    step = rules.REPORT.next(report.state, "fail")
    report.state, report.failure, report.ended_at = step.to, failure, now
    if report.file_id is not None:
        await tx.execute(delete(ReportFacts).where(ReportFacts.file_id == report.file_id))
    await cancel(tx, GIVE_UP, report.id, now=now)
    await _tell(tx, SYSTEM, report, step.event, now=now, failure=failure)


async def open_report(tx: Tx, actor: Actor, report_id: UUID, *, now: datetime) -> StoredReport:
    """Return where a ready report lies, and record the download. Commit before it is read.

    Raises `NotFound` ("report_not_found"), `Conflict` ("report_not_ready", "report_failed"), and "report_erased" when a
    photo in it was erased since: a new edition leaves it out.
    """
    report = await get_row(tx, actor, report_id)
    if report.state == "failed":
        raise Conflict("report_failed", "this report could not be made; ask for it again", failure=report.failure)
    if report.state != "ready" or report.file_id is None:
        raise Conflict("report_not_ready", "the report is being made")
    file = await tx.get_one(ReportFile, report.file_id)
    if file.version_id is None or file.pdf_sha256 is None:
        unreachable("a ready report is stored")
    pictures = await tx.scalars(select(ReportPicture.file_id).where(ReportPicture.report_file_id == file.id))
    if await any_erased(tx, list(pictures)):
        raise Conflict("report_erased", "a photo in this report was erased; ask for a new edition")
    await _tell(tx, actor, report, "report.downloaded", now=now, reference=file.reference)
    return StoredReport(file.object_name, file.version_id, file.pdf_sha256, f"{file.reference}-{file.language}.pdf")


async def _fix(
    tx: Tx, report: Report, found: Gathered, *, renderer_version: str, public_url: str, now: datetime
) -> None:
    number = (await tx.execute(text("SELECT nextval('report_number')"))).scalar_one()
    reference = rules.reference(now.year, number)
    facts = found.named(reference, f"{public_url}/regulator/reports?reference={reference}")
    file = ReportFile(
        id=new_id(),
        reference=reference,
        kind=report.kind,
        subject_id=report.subject_id,
        as_of=now,
        language=report.language,
        paper=report.paper,
        redaction=facts.classification,
        renderer_version=renderer_version,
        facts_sha256=found.sha256,
        rows=msgspec.to_builtins(facts.rows),
        object_name=new_object_name(),
    )
    tx.add(file)
    await tx.flush()  # its facts and its report point at the file
    photos = [
        {"code": photo.code, "file_id": str(each.id), "case_id": str(each.case_id)}
        for photo, each in zip(facts.photos, found.photo_files, strict=True)
    ]
    tx.add(ReportFacts(file_id=file.id, body=dump_json(facts).decode(), photos=photos))
    report.file_id = file.id
    await tx.flush()  # the draft is read from the database


async def _draft(tx: Tx, report: Report, ring: KeyRing, *, now: datetime) -> Draft:
    ensure(report.file_id is not None, "the facts were fixed")
    kept = await tx.get_one(ReportFacts, report.file_id)
    file = await tx.get_one(ReportFile, report.file_id)
    reader = Actor(person_id=report.requested_by)
    tickets = [(str(each["code"]), await _ticket(tx, reader, ring, each, now=now)) for each in kept.photos]
    return Draft(
        report_id=report.id,
        file_id=file.id,
        tries=report.tries,
        facts=load_json(kept.body.encode()),
        tickets=[(code, ticket) for code, ticket in tickets if ticket is not None],
        language=cast("Language", file.language),
        paper=cast("Paper", file.paper),
        as_of=file.as_of,
        object_name=file.object_name,
    )


async def _ticket(tx: Tx, reader: Actor, ring: KeyRing, photo: dict[str, Any], *, now: datetime) -> Ticket | None:
    """Open a picture's view, never the original; an erased one is left out, and the page says so."""
    try:
        return await open_file(
            tx, reader, ring, UUID(photo["file_id"]), Part.VIEW, case_id=UUID(photo["case_id"]), now=now
        )
    except Conflict:  # its case was erased since the facts were fixed
        return None


async def _finish(tx: Tx, report: Report, file: ReportFile, *, now: datetime) -> None:
    step = rules.REPORT.next(report.state, "finish")
    report.state, report.ended_at = step.to, now
    await cancel(tx, GIVE_UP, report.id, now=now)
    await _tell(tx, SYSTEM, report, step.event, now=now, reference=file.reference, pdf_sha256=file.pdf_sha256)


async def _tell(tx: Tx, actor: Actor, report: Report, name: str, *, now: datetime, **facts: object) -> None:
    told = {"kind": report.kind, "subject_id": str(report.subject_id), "language": report.language, **facts}
    await emit(tx, name, actor=actor, subject=("report", report.id), now=now, facts=told)
