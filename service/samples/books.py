"""The sandbox provider's books of what was captured, so that it can refund generated payments."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from service.core.wire import MoneyRequest
from service.samples.loading import Connection
from service.samples.rows import COLUMNS, Rows
from service.sandbox.provider import import_captures, import_refunds
from service.settings import Mode, Settings

PROVIDER_FILE = "provider.sqlite"
SANDBOX_FOLDER = "sandbox"


class Books:
    """The provider's file of a home; without one (tests, other people's providers), nothing is written."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @classmethod
    def of(cls, settings: Settings) -> "Books":
        """Return the books of a demonstration's home."""
        is_sandbox = settings.mode is Mode.DEMONSTRATION
        return cls(settings.home.absolute() / SANDBOX_FOLDER / PROVIDER_FILE if is_sandbox else None)

    def write(self, connection: Connection, rows: Rows) -> None:
        """Enter the captures and refunds of a chunk that was committed."""
        if self._file is not None and rows.tables["payment"]:
            import_captures(self._file, _captures(rows))
            import_refunds(self._file, _refunds(connection, rows.refunded))


def _captures(rows: Rows) -> Iterator[tuple[MoneyRequest, datetime]]:
    names = ("id", "reference_id", "buyer_id", "amount_minor", "currency", "ended_at")
    places = [COLUMNS["payment"].index(name) for name in names]
    for row in rows.tables["payment"]:
        client_id, reference_id, buyer_id, amount_minor, currency, at = (row[place] for place in places)
        if isinstance(amount_minor, int) and isinstance(at, datetime):
            yield (
                MoneyRequest(
                    client_id=str(client_id),
                    amount_minor=amount_minor,
                    currency=str(currency),
                    reference=str(reference_id),
                    payer=str(buyer_id or reference_id),
                ),
                at,
            )


def _refunds(connection: Connection, hold_ids: list[UUID]) -> Iterator[tuple[MoneyRequest, datetime]]:
    """Read the refunds that the ledger's trigger asked for: their ids are the database's."""
    found = connection.execute(
        "SELECT id, amount_minor, currency, reference_id, buyer_id, original_id, ended_at FROM payment"
        " WHERE kind = 'refund' AND hold_id = ANY (%s) ORDER BY id",
        (hold_ids,),
    )
    for client_id, amount_minor, currency, reference_id, buyer_id, original_id, at in found:
        payee = str(buyer_id or reference_id)
        yield (
            MoneyRequest(
                client_id=str(client_id),
                amount_minor=amount_minor,
                currency=currency,
                reference=str(reference_id),
                payee=payee,
                original=str(original_id),
            ),
            at,
        )
