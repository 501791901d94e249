"""JSON routes of safety reports without an account, and what counts the uses of intake for all routes.

Answers that hold a receipt or a token are never stored under an idempotency key, so these handlers do not take the
claim: a retry makes another report, or another token.
"""

from typing import Any

from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody

from service.accounts.devices import device_cookie, source_of
from service.accounts.guards import is_secure
from service.complaints import anonymous, queries
from service.complaints.anonymous import Opened
from service.complaints.limits import Counter
from service.complaints.report_schemas import NewSafetyReport, ReceiptShown, ReportOpened
from service.core.actor import Actor
from service.db.requests import LATE_CLAIM
from service.db.session import Database, Tx
from service.settings import Settings


def provide_counter(
    request: Request[Actor, Any, Any], database: NamedDependency[Database], settings: NamedDependency[Settings]
) -> Counter:
    """Give handlers what counts their uses."""
    return Counter(database, source_of(request, settings), settings.secret)


CounterOf = NamedDependency[Counter]
TxOf = NamedDependency[Tx]


class SafetyReports(Controller):
    """Safety reports of people who do not say who they are."""

    path = "/safety-reports"
    tags = ("Complaints",)
    dependencies = {"counter": Provide(provide_counter, sync_to_thread=False)}  # noqa: RUF012 - Litestar reads it once

    @post("/", opt={"allow": "complaints.report", LATE_CLAIM: True}, summary="Report without an account")
    async def send(
        self, data: JSONBody[NewSafetyReport], tx: TxOf, counter: CounterOf, settings: NamedDependency[Settings]
    ) -> Response[ReportOpened]:
        """Send a safety report without an account; a mediator looks first, and the seller sees no person.

        The answer holds the receipt, once: its 16 figures open the report later. A lost receipt cannot be recovered.
        """
        await counter.count_report()
        opened = await anonymous.send_report(tx, data)
        cookies = [] if counter.source.device else [device_cookie(settings, is_secure=is_secure(settings))]
        headers = {"Location": f"/api/v1/complaints/{opened.case_id}", **_UNSTORED}
        return Response(await _shown(tx, opened), status_code=201, headers=headers, cookies=cookies)

    @post("/opening", opt={"allow": "complaints.open_report", LATE_CLAIM: True}, summary="Open by receipt")
    async def open(self, data: JSONBody[ReceiptShown], tx: TxOf, counter: CounterOf) -> Response[ReportOpened]:
        """Open a report with its receipt: see it, and get a token with which to add words and photos to it.

        Tries are counted by the receipt's first six figures and by network address.
        """
        opened = await anonymous.open_report(tx, counter, data.receipt)
        return Response(await _shown(tx, opened), status_code=200, headers=_UNSTORED)


_UNSTORED = {"Cache-Control": "no-store"}


async def _shown(tx: Tx, opened: Opened) -> ReportOpened:
    await tx.flush()  # the view is read from the database
    view = await queries.get_complaint(tx, opened.actor, opened.case_id)
    written = None if opened.receipt is None else opened.receipt.written
    return ReportOpened(written, opened.token, opened.expires_at, view)
