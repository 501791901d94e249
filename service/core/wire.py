"""What Fairhold, the payment provider and the carriers say to each other: docs/gateway.md as types.

Pure data: each side decodes these dataclasses with a library of its choice. Instants are strings in one written form
(`format_instant`), so that a signed record keeps its bytes.
"""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from service.core.errors import Invalid
from service.core.money import Money

IDEMPOTENCY_KEY = "idempotency-key"
FAIRHOLD_NOW = "fairhold-now"
WEBHOOK_ID = "webhook-id"
WEBHOOK_TIMESTAMP = "webhook-timestamp"
WEBHOOK_SIGNATURE = "webhook-signature"
SIGNATURE_TOLERANCE_SECONDS = 300

INBOUND_GATEWAY = "/api/v1/inbound/gateway"
INBOUND_CARRIERS = "/api/v1/inbound/carriers"  # + "/" + the carrier's code
PROVIDER_PREFIX = "/provider"  # where the sandbox hosts the two; a real one has its own base URL
CARRIER_PREFIX = "/carrier"
PARCELS = "/v1/parcels"
CARRIER_KEYS = "/v1/keys"
SWITCHES = "/v1/switches"
LINES = "/v1/lines"
CHARGEBACKS = "chargebacks"  # below a capture; sandbox only
CHARGEBACK_REASONS = ("fraud", "not_received", "not_as_described", "duplicate", "other")
SANDBOX_CARRIER = "sandbox"

CLIENT_ID_LENGTH_MAX = 100
TEXT_LENGTH_MAX = 200
TRACKING_LENGTH_MAX = 40
BODY_BYTES_MAX = 16_384
LINES_PAGE_MAX = 500
_CLIENT_ID = re.compile(r"[A-Za-z0-9_:-]+")


class Kind(StrEnum):
    """What money does: buyer -> provider, provider -> buyer, provider -> seller."""

    CAPTURE = "capture"
    REFUND = "refund"
    PAYOUT = "payout"

    @property
    def path(self) -> str:
        """The resource, such as `/v1/captures`."""
        return f"/v1/{self.value}s"


class State(StrEnum):
    """Where an operation stands; `done` and `failed` never change again."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


class Reason(StrEnum):
    """Why an operation failed. Providers may add others: treat an unknown one as `refused`."""

    REFUSED = "refused"
    ORIGINAL_UNKNOWN = "original_unknown"
    ORIGINAL_NOT_DONE = "original_not_done"
    CURRENCY_DIFFERS = "currency_differs"
    MORE_THAN_CAPTURED = "more_than_captured"


class ParcelStatus(StrEnum):
    """Where a parcel stands; `delivered` never changes again."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class MoneyRequest:
    """Body of a capture, refund or payout. `client_id` is ours and also the `Idempotency-Key`."""

    client_id: str
    amount_minor: int
    currency: str
    reference: str
    payer: str | None = None
    payee: str | None = None
    original: str | None = None

    def check(self, kind: Kind) -> Money:
        """Return the amount if the body is a right one for `kind`; raises `Invalid` with the `field`."""
        _short("client_id", self.client_id, CLIENT_ID_LENGTH_MAX)
        if _CLIENT_ID.fullmatch(self.client_id) is None:  # it stands in paths and headers
            raise Invalid("client_id_malformed", "letters, figures and - _ : only", field="client_id")
        _short("reference", self.reference, TEXT_LENGTH_MAX)
        needed = _PARTIES[kind]
        for name in ("payer", "payee", "original"):
            value = getattr(self, name)
            if name in needed:
                _short(name, value, TEXT_LENGTH_MAX)
            elif value is not None:
                raise Invalid("field_unexpected", f"a {kind} has no {name}", field=name)
        money = Money(self.amount_minor, self.currency)
        if money.amount_minor == 0:
            raise Invalid("amount_out_of_range", "an operation moves at least 1 minor unit", field="amount_minor")
        return money


_PARTIES: dict[Kind, frozenset[str]] = {
    Kind.CAPTURE: frozenset({"payer"}),
    Kind.REFUND: frozenset({"payee", "original"}),
    Kind.PAYOUT: frozenset({"payee"}),
}


@dataclass(frozen=True, slots=True)
class MoneyStatus:
    """Answer to a POST and to a GET: the operation as it stands. `id` is the provider's, `at` the last change."""

    id: str
    kind: Kind
    client_id: str
    state: State
    amount_minor: int
    currency: str
    reference: str
    created_at: str
    at: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MoneyNotice:
    """Webhook from the provider: an operation entered a state. `id` names the notice and is its `webhook-id`."""

    id: str
    kind: Kind
    client_id: str
    state: State
    amount_minor: int
    currency: str
    at: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ChargebackNotice:
    """Webhook from the provider: the payer's bank took back money of the capture `client_id`.

    `chargeback` is the provider's name for it; two notices of one name tell of one chargeback. `reason` is one of
    `CHARGEBACK_REASONS`; treat another one as "other".
    """

    id: str
    kind: Literal["chargeback"]
    chargeback: str
    client_id: str
    amount_minor: int
    currency: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class ChargebackRequest:
    """Sandbox only: let the payer's bank take back `amount_minor` of a capture. The same name has one effect."""

    chargeback: str
    amount_minor: int
    reason: str = "fraud"

    def check(self) -> None:
        """Raise `Invalid` with the `field` if the body is not right."""
        _short("chargeback", self.chargeback, CLIENT_ID_LENGTH_MAX)
        _short("reason", self.reason, TEXT_LENGTH_MAX)
        if self.amount_minor <= 0:
            raise Invalid("amount_out_of_range", "a chargeback takes at least 1 minor unit", field="amount_minor")


@dataclass(frozen=True, slots=True)
class ChargebackLine:
    """A chargeback on the statement; the fields say what they say in its notice."""

    chargeback: str
    client_id: str
    amount_minor: int
    currency: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class MoneyLines:
    """A page of the provider's statement: ended operations and chargebacks, oldest first. `next` goes into `?after=`.

    `next` is None on the last page; `last` is the mark of the last line given, to read on from another day. Marks count
    both kinds of line. `chargebacks` is None where the provider's statement does not list them.
    """

    lines: list[MoneyStatus]
    next: int | None = None
    last: int | None = None
    chargebacks: list[ChargebackLine] | None = None


@dataclass(frozen=True, slots=True)
class ParcelRequest:
    """A shop hands over a parcel. Without `created_at` the carrier stamps the time of the request."""

    tracking_number: str
    destination_area: str
    created_at: str | None = None

    def check(self) -> None:
        """Raise `Invalid` with the `field` if the body is not right."""
        _short("tracking_number", self.tracking_number, TRACKING_LENGTH_MAX)
        if not self.tracking_number.isascii() or not self.tracking_number.replace("-", "").isalnum():
            raise Invalid("tracking_number_malformed", "letters, figures and hyphens only", field="tracking_number")
        _short("destination_area", self.destination_area, TEXT_LENGTH_MAX)
        if self.created_at is not None:
            parse_instant(self.created_at)


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What the carrier vouches for. Its bytes are signed: see `signatures.record_bytes`."""

    carrier: str
    tracking_number: str
    status: ParcelStatus
    created_at: str
    delivered_at: str | None
    destination_area: str


@dataclass(frozen=True, slots=True)
class SignedDelivery:
    """A delivery record with the carrier's detached Ed25519 signature (base64); whoever brings it, it proves the same.

    It is the answer to GET parcel, the carrier's webhook, and what `/orders/{id}/delivery` takes.
    """

    record: DeliveryRecord
    signature: str
    key_id: str


@dataclass(frozen=True, slots=True)
class CarrierKey:
    """A carrier's verifying key: 32 raw bytes in base64, and the id that signatures name."""

    key_id: str
    public_key: str
    algorithm: str = "ed25519"


def encode(message: Any) -> bytes:
    """Return a message of this module as compact UTF-8 JSON, the bytes to sign and send."""
    return json.dumps(asdict(message), ensure_ascii=False, separators=(",", ":")).encode()


def format_instant(instant: datetime) -> str:
    """Return an aware instant in the one written form, such as `2026-03-01T08:00:00.000000Z`."""
    if instant.tzinfo is None:
        raise ValueError("an instant has a time zone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Return the instant that an ISO 8601 text with an offset names; raises `Invalid` ("instant_malformed")."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid("instant_malformed", "an instant is ISO 8601") from error
    if instant.tzinfo is None:
        raise Invalid("instant_malformed", "an instant names its offset")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:  # year 1 or 9999 at the wrong side of UTC
        raise Invalid("instant_malformed", "an instant lies within years 1 to 9999") from error


def _short(field: str, value: str | None, length_max: int) -> None:
    if value is None or not value.strip():
        raise Invalid("field_missing", f"{field} is needed", field=field)
    if len(value) > length_max:
        raise Invalid("field_too_long", f"{field} has at most {length_max} characters", field=field)
