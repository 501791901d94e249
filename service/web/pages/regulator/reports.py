"""Reports: ask for one, see which are made, download."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.batches.queries import batches_by_id, batches_page
from service.core.actor import Actor
from service.core.errors import Invalid, NotFound
from service.core.lots import fold_lot
from service.db.requests import LATE_CLAIM
from service.db.session import Database, Tx
from service.files.store import Store
from service.reporting.actions import open_report, request_report
from service.reporting.queries import reports_page
from service.reporting.rules import KINDS
from service.reporting.schemas import NewReport, ReportView
from service.reporting.shelf import read_report
from service.web import paths
from service.web.pages.casework import ROWS, next_page
from service.web.pages.shell import REFUSALS, SECURITY_HEADERS, Page, ShellOf, checked, missing
from service.web.phrase import say
from service.web.views.parts import Form, Option
from service.web.views.regulator import ReportRow, Reports

READ = {"allow": "web.regulator"}
_STATES = {"requested": "report.running", "ready": "report.ready", "failed": "report.failed"}
_FIELDS = {"kind": "kind", "subject_id": "subject", "subject": "subject", "language": "language"}
_ALIKE_MAX = 20
_REFERENCE_LENGTH_MAX = 40


@get(paths.REGULATOR_REPORTS, opt=READ)
async def show_reports(
    shell: ShellOf,
    tx: NamedDependency[Tx],
    actor: NamedDependency[Actor],
    after: FromQuery[str | None] = None,
    reference: FromQuery[str | None] = None,
) -> Page:
    """The reports that were made, and a form for another; or the one whose reference is printed on its paper."""
    form = Form({"kind": KINDS[0], "language": shell.language})
    draw = reports(tx, actor, after, form) if reference is None else one_report(tx, actor, reference, form)
    return await shell.page(await draw)


@post(paths.REGULATOR_REPORTS, opt={**READ, LATE_CLAIM: True})
async def ask(shell: ShellOf, tx: NamedDependency[Tx], actor: NamedDependency[Actor]) -> Page:
    """Ask for a report on a batch, by its page or its lot code."""
    form, draw = await shell.form(), partial(reports, tx, actor, None)
    if (looked_at := missing(form, kind="error.choose_one", subject="error.lot_missing")).errors:
        return await shell.wrong(looked_at, draw)
    try:
        await shell.take(form)
        subject = await subject_of(tx, form.value("subject"))
        values = {"kind": form.value("kind"), "subject_id": str(subject), "language": form.value("language")}
        await request_report(tx, actor, checked(NewReport, values, _FIELDS), now=await tx.now())
    except REFUSALS as error:
        return await shell.refused(error, form, draw, _FIELDS)
    return shell.go(paths.REGULATOR_REPORTS, done="done.report_asked")


@get(f"{paths.REGULATOR_REPORTS}/{{report_id:uuid}}/pdf", opt=READ)
async def download(
    report_id: FromPath[UUID],
    actor: NamedDependency[Actor],
    database: NamedDependency[Database],
    store: NamedDependency[Store],
) -> Response[bytes]:
    """The stored file. Each download is recorded."""
    async with database.begin() as tx:  # committed before the file is read
        stored = await open_report(tx, actor, report_id, now=await tx.now())
    body = await read_report(store, stored)
    headers = {**SECURITY_HEADERS, "Content-Disposition": f'attachment; filename="{stored.file_name}"'}
    return Response(body, media_type="application/pdf", headers=headers)


async def reports(tx: Tx, actor: Actor, after: str | None, form: Form) -> Reports:
    """Return a page of the reports that the actor may see."""
    page = await reports_page(tx, actor, subject_id=None, state=None, after=after, limit=ROWS)
    rows = await report_rows(tx, page.rows)
    kinds = tuple(Option(kind, say(f"report_kind.{kind}")) for kind in KINDS)
    return Reports(kinds, rows, next_page(paths.REGULATOR_REPORTS, page.next, len(rows)), form)


async def one_report(tx: Tx, actor: Actor, reference: str, form: Form) -> Reports:
    """Return the report that bears a reference; raises `NotFound` ("report_not_found")."""
    wanted = reference.strip().upper()[:_REFERENCE_LENGTH_MAX]
    page = await reports_page(tx, actor, subject_id=None, state=None, after=None, limit=1, reference=wanted)
    rows = await report_rows(tx, page.rows)
    if not rows:
        raise NotFound("report_not_found")
    kinds = tuple(Option(kind, say(f"report_kind.{kind}")) for kind in KINDS)
    return Reports(kinds, rows, next_page(paths.REGULATOR_REPORTS, None, len(rows)), form, wanted)


async def report_rows(tx: Tx, found: Sequence[ReportView]) -> tuple[ReportRow, ...]:
    """Return reports as rows, named by the lot code of their batch."""
    batches = await batches_by_id(tx, {report.subject_id for report in found})
    return tuple(
        ReportRow(
            id=str(report.id),
            kind=f"report_kind.{report.kind}",
            subject=batches[report.subject_id].lot_code,
            language=report.language,
            as_of=report.as_of or report.requested_at,
            state=_STATES[report.state],
            size_bytes=report.size_bytes or 0,
            sha256=report.pdf_sha256 or "",
        )
        for report in found
    )


async def subject_of(tx: Tx, typed: str) -> UUID:
    """Return the batch that is meant: its id, or the only one with this lot code; raises `Invalid`."""
    try:
        return UUID(typed.strip())
    except ValueError:
        page = await batches_page(tx, search=typed, product_id=None, seller_id=None, after=None, limit=_ALIKE_MAX)
    codes = {batch.id: {fold_lot(batch.lot_code), fold_lot(batch.maker_lot_code or "")} for batch in page.rows}
    fitting = [batch_id for batch_id, folded in codes.items() if fold_lot(typed) in folded]
    if not fitting:
        raise Invalid("batch_not_found", "no batch has this lot code", field="subject")
    if len(fitting) > 1:
        raise Invalid("subject_ambiguous", "several batches have this lot code", field="subject")
    return fitting[0]


HANDLERS = [show_reports, ask, download]
