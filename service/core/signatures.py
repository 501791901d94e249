"""Signatures on the wire, computed without a clock of their own.

Messages follow Standard Webhooks (standardwebhooks.com, symmetric `v1`): HMAC-SHA256 over `id.timestamp.body`. Delivery
records carry a detached Ed25519 signature (RFC 8032), so that the verifying key can be public.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from service.core.errors import Invalid, Unauthenticated
from service.core.wire import (
    SIGNATURE_TOLERANCE_SECONDS,
    WEBHOOK_ID,
    WEBHOOK_SIGNATURE,
    WEBHOOK_TIMESTAMP,
    CarrierKey,
    DeliveryRecord,
    SignedDelivery,
)

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public mark of such secrets
SECRET_BYTES_MIN = 24
SECRET_BYTES_MAX = 64
MESSAGE_ID_LENGTH_MAX = 256
SIGNATURES_MAX = 5  # a sender in rotation sends two; more only costs time
RECORD_CONTEXT = b"fairhold-delivery-record-1\n"  # so that a signature over other JSON can never pass for a record


def secret_from_bytes(key: bytes) -> str:
    """Return the written form (`whsec_...`) of 24 to 64 random bytes."""
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ValueError(f"a signing secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")
    return SECRET_PREFIX + base64.b64encode(key).decode()


def secret_bytes(secret: str) -> bytes:
    """Return the key within a written secret; raises `Invalid` ("secret_malformed")."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise Invalid("secret_malformed", "a signing secret is whsec_ and base64") from error
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise Invalid("secret_malformed", f"a signing secret has {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")
    return key


def sign_message(secret: str, message_id: str, body: bytes, *, now: datetime) -> dict[str, str]:
    """Return the three headers that sign `body` (the exact bytes sent) as of `now`, names in lower case."""
    if not _is_message_id(message_id):
        raise ValueError("a message id is short printable ASCII without a point")
    timestamp = str(int(now.timestamp()))
    signature = base64.b64encode(_mac(secret, message_id, timestamp, body)).decode()
    return {WEBHOOK_ID: message_id, WEBHOOK_TIMESTAMP: timestamp, WEBHOOK_SIGNATURE: f"v1,{signature}"}


def verify_message(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """Return the message id if one of the signatures is right and at most 300 s away from `now`.

    `body` is the exact bytes received. Raises `Unauthenticated` ("signature_missing", "signature_wrong",
    "signature_stale"); staleness is told only to who signed rightly.
    """
    message_id, signed_at = signed_message(secret, headers, body)
    if abs(now.timestamp() - signed_at) > SIGNATURE_TOLERANCE_SECONDS:
        raise Unauthenticated("signature_stale", f"signed more than {SIGNATURE_TOLERANCE_SECONDS} s from now")
    return message_id


def signed_message(secret: str, headers: Mapping[str, str], body: bytes) -> tuple[str, int]:
    """Return the message id and when it was signed (seconds since 1970), whose age is the caller's to judge.

    Raises `Unauthenticated` ("signature_missing", "signature_wrong").
    """
    named = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp, signatures = (named.get(n, "") for n in (WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE))
    if not (message_id and timestamp and signatures):
        raise Unauthenticated("signature_missing", f"{WEBHOOK_ID}, {WEBHOOK_TIMESTAMP} and {WEBHOOK_SIGNATURE}")
    if not _is_message_id(message_id) or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Unauthenticated("signature_wrong", "the message's id or timestamp is malformed")
    expected = _mac(secret, message_id, timestamp, body)
    if not any(hmac.compare_digest(expected, each) for each in _version_1(signatures)):
        raise Unauthenticated("signature_wrong", "no signature fits")
    return message_id, int(timestamp)


def record_bytes(record: DeliveryRecord) -> bytes:
    """Return the bytes that a carrier signs: a context line, then the record as RFC 8785 canonical JSON.

    The keys are ASCII and the values strings or null, for which sorted compact JSON is RFC 8785.
    """
    told = {name: getattr(record, name) for name in record.__slots__}
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return RECORD_CONTEXT + text.encode()


def carrier_key(private_key: Ed25519PrivateKey) -> CarrierKey:
    """Return the public half, named by the first 16 hex figures of its SHA-256."""
    raw = private_key.public_key().public_bytes_raw()
    return CarrierKey(key_id=hashlib.sha256(raw).hexdigest()[:16], public_key=base64.b64encode(raw).decode())


def sign_record(private_key: Ed25519PrivateKey, record: DeliveryRecord) -> SignedDelivery:
    """Return the record with the carrier's signature; the same record always gets the same signature."""
    signature = base64.b64encode(private_key.sign(record_bytes(record))).decode()
    return SignedDelivery(record=record, signature=signature, key_id=carrier_key(private_key).key_id)


def verify_record(signed: SignedDelivery, public_keys: Mapping[str, str]) -> DeliveryRecord:
    """Return the record if its signature is right under the key it names.

    `public_keys` maps the carrier's key ids to base64 keys (`CarrierKey.public_key`). Raises `Unauthenticated`
    ("record_key_unknown", "record_signature_wrong"), and `Invalid` ("carrier_key_malformed") if the stored key is none.
    A record does not age: what it proves is the caller's to judge.
    """
    known = public_keys.get(signed.key_id)
    if known is None:
        raise Unauthenticated("record_key_unknown", "the carrier has no such key", key_id=signed.key_id)
    try:
        key = Ed25519PublicKey.from_public_bytes(_strict_base64(known))
    except ValueError as error:
        raise Invalid("carrier_key_malformed", "a key is 32 bytes in base64", key_id=signed.key_id) from error
    try:
        key.verify(_strict_base64(signed.signature), record_bytes(signed.record))
    except (InvalidSignature, ValueError) as error:
        raise Unauthenticated("record_signature_wrong", "the record is not what the carrier signed") from error
    return signed.record


def _strict_base64(text: str) -> bytes:
    """Decode only the one written form; the spare bits at the end must be zero. Raises `ValueError`."""
    decoded = base64.b64decode(text, validate=True)  # binascii.Error is a ValueError
    if base64.b64encode(decoded).decode() != text:
        raise ValueError("not canonical base64")
    return decoded


def _mac(secret: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    content = f"{message_id}.{timestamp}.".encode() + body
    return hmac.new(secret_bytes(secret), content, hashlib.sha256).digest()


def _is_message_id(text: str) -> bool:
    # With a point in the id, two different messages would have the same signed bytes.
    printable = text.isascii() and text.isprintable() and " " not in text
    return printable and 0 < len(text) <= MESSAGE_ID_LENGTH_MAX and "." not in text


def _version_1(signatures: str) -> list[bytes]:
    found = []
    for each in signatures.split(" ")[:SIGNATURES_MAX]:
        version, _, encoded = each.partition(",")
        if version != "v1":
            continue
        try:
            found.append(base64.b64decode(encoded, validate=True))
        except ValueError:  # a malformed one is a wrong one
            continue
    return found
