"""The sandbox provider's books of what was captured, so that it can refund generated payments."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import sql

from service.core.wire import Kind, MoneyRequest
from service.samples.loading import Connection
from service.sandbox.provider import import_captures, import_refunds
from service.settings import Mode, Settings

PROVIDER_FILE = "provider.sqlite"
SANDBOX_FOLDER = "sandbox"
ROWS_AT_ONCE = 5_000
_DONE = sql.SQL(
    "SELECT id, amount_minor, currency, reference_id, buyer_id, original_id, ended_at FROM payment"
    " WHERE kind = %(kind)s AND state = 'done' AND {which} ORDER BY id"
)
_ALL = sql.SQL("true")
_OF_ORDERS = sql.SQL("reference_id = ANY (%(orders)s)")


def keep_books(settings: Settings, connection: Connection, order_ids: Sequence[UUID] | None = None) -> None:
    """Enter committed captures and refunds, of these orders or of all, that the provider does not know yet.

    Done again it adds nothing. Outside a demonstration's home (tests, other people's providers) nothing is written.
    """
    if settings.mode is not Mode.DEMONSTRATION:
        return
    file = settings.home.absolute() / SANDBOX_FOLDER / PROVIDER_FILE
    import_captures(file, _done(connection, Kind.CAPTURE, order_ids))
    import_refunds(file, _done(connection, Kind.REFUND, order_ids))


def _done(
    connection: Connection, kind: Kind, order_ids: Sequence[UUID] | None
) -> Iterator[tuple[MoneyRequest, datetime]]:
    query = _DONE.format(which=_ALL if order_ids is None else _OF_ORDERS)
    with connection.transaction(), connection.cursor("books") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(query, {"kind": kind.value, "orders": order_ids})
        for client_id, amount_minor, currency, reference_id, buyer_id, original_id, at in cursor:
            whom = str(buyer_id or reference_id)
            parties = {"payer": whom} if kind is Kind.CAPTURE else {"payee": whom, "original": str(original_id)}
            yield MoneyRequest(str(client_id), amount_minor, currency, str(reference_id), **parties), at
