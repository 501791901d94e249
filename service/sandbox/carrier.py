"""The carrier: takes parcels, delivers them when told to, and signs what it vouches for."""

import sqlite3
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.core.errors import Conflict, Invalid, NotFound
from service.core.signatures import carrier_key, sign_record
from service.core.wire import (
    INBOUND_CARRIERS,
    SANDBOX_CARRIER,
    CarrierKey,
    DeliveryRecord,
    ParcelRequest,
    ParcelStatus,
    SignedDelivery,
    encode,
    format_instant,
    parse_instant,
)
from service.sandbox.store import Store, notice_id

_SCHEMA = """
CREATE TABLE IF NOT EXISTS signing_key (one INTEGER PRIMARY KEY CHECK (one = 1), private BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS parcel (
    tracking_number TEXT PRIMARY KEY, destination_area TEXT NOT NULL, asked_created_at TEXT, created_at TEXT NOT NULL,
    delivered_at TEXT) STRICT;
"""


class Carrier:
    """The carrier's books and its key. Every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path, _SCHEMA)
        new_key = Ed25519PrivateKey.generate().private_bytes_raw()
        self.store.connection.execute("INSERT OR IGNORE INTO signing_key VALUES (1, ?)", (new_key,))
        stored: bytes = self.store.connection.execute("SELECT private FROM signing_key").fetchone()[0]
        self._key = Ed25519PrivateKey.from_private_bytes(stored)

    def public_key(self) -> CarrierKey:
        """Return the verifying key; it stays the same for the life of the store."""
        return carrier_key(self._key)

    def accept(self, request: ParcelRequest, *, now: datetime) -> tuple[SignedDelivery, bool]:
        """Take a parcel over; return its record and whether it is new.

        Raises `Invalid` (a wrong field, created in the future) or `Conflict` if the number belongs to another parcel.
        """
        request.check()
        asked = None if request.created_at is None else parse_instant(request.created_at)
        if asked is not None and asked > now:
            raise Invalid("created_in_future", "a parcel cannot be created after now", field="created_at")
        asked_text = None if asked is None else format_instant(asked)
        with self.store.transaction() as connection:
            known = self._row(request.tracking_number)
            if known is not None:
                if (known["destination_area"], known["asked_created_at"]) != (request.destination_area, asked_text):
                    raise Conflict("tracking_number_taken", "the number belongs to another parcel")
                return self._signed(known), False
            connection.execute(
                "INSERT INTO parcel VALUES (?, ?, ?, ?, NULL)",
                (request.tracking_number, request.destination_area, asked_text, asked_text or format_instant(now)),
            )
            return self.record(request.tracking_number), True

    def deliver(self, tracking_number: str, *, now: datetime) -> SignedDelivery:
        """Deliver a parcel and put the notice in the outbox; a second time changes nothing. Raises `NotFound`."""
        with self.store.transaction() as connection:
            signed = self.record(tracking_number)
            if signed.record.status is ParcelStatus.DELIVERED:
                return signed
            delivered_at = max(now, parse_instant(signed.record.created_at))
            connection.execute(
                "UPDATE parcel SET delivered_at = ? WHERE tracking_number = ?",
                (format_instant(delivered_at), tracking_number),
            )
            signed = self.record(tracking_number)
            delay_s = self.store.switches().delay_ms / 1000
            path = f"{INBOUND_CARRIERS}/{SANDBOX_CARRIER}"
            self.store.add_notice(notice_id(), path, encode(signed), signed=False, delay_s=delay_s)
            return signed

    def record(self, tracking_number: str) -> SignedDelivery:
        """Return the signed delivery record as it stands; raises `NotFound`."""
        row = self._row(tracking_number)
        if row is None:
            raise NotFound("parcel_unknown", "no such parcel")
        return self._signed(row)

    def _row(self, tracking_number: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.store.connection.execute(
            "SELECT * FROM parcel WHERE tracking_number = ?", (tracking_number,)
        ).fetchone()
        return found

    def _signed(self, row: sqlite3.Row) -> SignedDelivery:
        delivered = row["delivered_at"] is not None
        record = DeliveryRecord(
            carrier=SANDBOX_CARRIER,
            tracking_number=row["tracking_number"],
            status=ParcelStatus.DELIVERED if delivered else ParcelStatus.ACCEPTED,
            created_at=row["created_at"],
            delivered_at=row["delivered_at"],
            destination_area=row["destination_area"],
        )
        return sign_record(self._key, record)
