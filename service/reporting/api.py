"""JSON routes about reports, and their PDFs."""

from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from service.core.actor import Actor
from service.db.pages import LIMIT_DEFAULT
from service.db.query_parameters import After, Limit, State
from service.db.schemas import PageOf
from service.db.session import Database, Tx
from service.files.store import Store
from service.reporting import actions, queries
from service.reporting.schemas import NewReport, ReportView
from service.reporting.shelf import read_report


class Reports(Controller):
    """Reports as PDF, for those who watch over the market."""

    path = "/reports"
    tags = ("Reports",)

    @post("/", opt={"allow": "reports.request"}, status_code=202, summary="Ask for a report")
    async def request(
        self, data: JSONBody[NewReport], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> Response[ReportView]:
        """Ask for a batch dossier; it is made in a moment. The same facts give the file that is stored already."""
        report = await actions.request_report(tx, actor, data, now=await tx.now())
        await tx.flush()  # the view is read from the database
        view = await queries.get_report(tx, actor, report.id)
        return Response(view, status_code=202, headers={"Location": f"/api/v1/reports/{report.id}"})

    @get("/", opt={"allow": "reports.read"}, summary="List reports")
    async def listing(
        self,
        tx: NamedDependency[Tx],
        actor: NamedDependency[Actor],
        subject_id: FromQuery[UUID | None] = None,
        in_state: State = None,
        after: After = None,
        limit: Limit = LIMIT_DEFAULT,
    ) -> PageOf[ReportView]:
        """List the reports that you may see, the newest first: regulators and operators see all, others their own."""
        page = await queries.reports_page(tx, actor, subject_id=subject_id, state=in_state, after=after, limit=limit)
        return page.answer()

    @get("/{report_id:uuid}", opt={"allow": "reports.read"}, summary="Get a report's state")
    async def one(
        self, report_id: FromPath[UUID], tx: NamedDependency[Tx], actor: NamedDependency[Actor]
    ) -> ReportView:
        """Get one report: whether it is ready, its reference, its as-of time and its hashes."""
        return await queries.get_report(tx, actor, report_id)

    @get(
        "/{report_id:uuid}/pdf",
        opt={"allow": "reports.download"},
        media_type="application/pdf",
        summary="Download a report",
    )
    async def pdf(
        self,
        report_id: FromPath[UUID],
        actor: NamedDependency[Actor],
        database: NamedDependency[Database],
        store: NamedDependency[Store],
    ) -> Response[bytes]:
        """Download the PDF. Each download is recorded."""
        async with database.begin() as tx:  # committed before the file is read
            stored = await actions.open_report(tx, actor, report_id, now=await tx.now())
        body = await read_report(store, stored)
        headers = {
            "Content-Disposition": f'attachment; filename="{stored.file_name}"',
            "ETag": f'"{stored.pdf_sha256}"',
            "Cache-Control": "private, no-store",
        }
        return Response(body, media_type="application/pdf", headers=headers)


HANDLERS = [Reports]
