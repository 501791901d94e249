"""One chunk of generated rows, and the order in which they go into the tables."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from service.samples.ledger import Window, end_freezes, pay_refunds, start_windows
from service.samples.loading import Connection, copy_rows

COLUMNS: dict[str, tuple[str, ...]] = {
    "person": ("id", "email", "name", "language", "created_at", "email_verified_at"),
    "role_grant": ("id", "person_id", "role", "tenant_id", "granted_at"),
    "order": (
        "id", "tenant_id", "platform_ref", "seller_id", "product_id", "batch_id", "buyer_id", "amount_minor",
        "currency", "units", "jurisdiction", "destination_area", "status", "payer_digest", "device_digest",
        "address_digest", "contact_digest", "hand_over_failures", "placed_at", "paid_at", "claimed_at", "carrier",
        "tracking_number", "shipped_at", "delivered_at", "received_at", "cancelled_at", "cancel_reason",
    ),
    "payment": (
        "id", "tenant_id", "kind", "reference_id", "seller_id", "buyer_id", "product_id", "batch_id", "currency",
        "amount_minor", "fee_bps", "state", "asked_count", "requested_at", "ended_at",
    ),
    "hold": (
        "id", "tenant_id", "reference_id", "payment_id", "seller_id", "buyer_id", "product_id", "batch_id", "currency",
        "amount_minor", "fee_bps", "funded_at",
    ),
    "complaint": (
        "id", "tenant_id", "reference", "buyer_id", "order_id", "seller_id", "product_id", "purpose", "kind", "harm",
        "wanted", "product_text", "brand_text", "seller_text", "lot_text", "gtin", "bought_on", "bought_through",
        "shows_name", "may_publish", "language", "told_key", "lots_told", "status", "outcome", "risk", "risk_reason",
        "risk_rules", "match_status", "batch_id", "link_by", "link_is_strict", "claim_minor", "currency", "hold_id",
        "dispute_id", "made_at", "submitted_at", "reached_at", "answered_at", "ruled_at", "ended_at",
    ),
    "complaint_text": (
        "complaint_id", "tenant_id", "narrative", "treatment", "agent_text", "contact_email", "contact_phone",
    ),
    "complaint_entry": ("id", "tenant_id", "complaint_id", "kind", "side", "author_id", "decision", "at"),
    "complaint_entry_text": ("entry_id", "text"),
    "complaint_match": (
        "id", "tenant_id", "complaint_id", "link_by", "actor_id", "outcome", "is_strict", "batch_id", "product_id",
        "model_version", "reasons", "runners_up", "at",
    ),
    "offer": (
        "id", "tenant_id", "complaint_id", "entry_id", "kind", "amount_minor", "currency", "status", "made_at",
        "expires_at", "ended_at",
    ),
    "dispute": (
        "id", "tenant_id", "complaint_id", "state", "mediator_id", "needs_supervisor", "opened_by", "opened_at",
        "assigned_at", "ruled_at", "ended_at",
    ),
    "ruling": (
        "id", "tenant_id", "dispute_id", "round", "mediator_id", "held_minor", "buyer_minor", "currency", "at",
    ),
    "ruling_text": ("ruling_id", "reasons"),
    "deadline": ("id", "name", "subject_id", "due_at", "handler", "payload", "state", "made_at"),
    "event": ("id", "name", "subject_kind", "subject_id", "tenant_id", "actor_id", "at", "facts"),
    "hold_freeze": ("id", "hold_id", "kind", "source_id", "actor_id", "at"),
    "resolution": (
        "hold_id", "tenant_id", "seller_id", "outcome", "cause", "currency", "amount_minor", "fee_bps", "buyer_minor",
        "seller_minor", "fee_minor", "decision_id", "actor_id", "at",
    ),
}  # fmt: skip
_FIRST = ("person", "role_grant", "order", "payment", "hold")
_THEN = (
    "complaint", "complaint_text", "complaint_entry", "complaint_entry_text", "complaint_match", "offer", "dispute",
    "ruling", "ruling_text", "deadline", "event", "hold_freeze",
)  # fmt: skip


@dataclass(slots=True)
class Rows:
    """Rows by table, and what happens to their holds by SQL, so that the ledger's triggers do their part."""

    tables: dict[str, list[tuple[object, ...]]] = field(default_factory=lambda: defaultdict(list))
    windows: list[Window] = field(default_factory=list)
    lifted: list[tuple[UUID, datetime]] = field(default_factory=list)
    refunded: list[UUID] = field(default_factory=list)

    def add(self, table: str, **values: object) -> None:
        """Add a row; columns that are not given are NULL."""
        columns = COLUMNS[table]
        unknown = values.keys() - set(columns)
        if unknown:
            raise KeyError(f"{table} has no {unknown}")
        self.tables[table].append(tuple(values.get(column) for column in columns))

    @property
    def order_ids(self) -> list[UUID]:
        """The ids of the orders."""
        return [row[0] for row in self.tables["order"] if isinstance(row[0], UUID)]

    def load(self, connection: Connection) -> None:
        """Write everything, in the caller's transaction: what is paid, what is told, what is frozen, what has ended."""
        self._copy(connection, *_FIRST)
        start_windows(connection, self.windows)
        self._copy(connection, *_THEN)
        end_freezes(connection, self.lifted)
        self._copy(connection, "resolution")
        pay_refunds(connection, self.refunded)

    def _copy(self, connection: Connection, *tables: str) -> None:
        for table in tables:
            copy_rows(connection, table, COLUMNS[table], self.tables[table])
