"""Signing and verifying: interop with the reference library, ages by a given now, records by a public key."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.core.errors import Invalid, Unauthenticated
from service.core.signatures import (
    carrier_key,
    record_bytes,
    secret_bytes,
    secret_from_bytes,
    sign_message,
    sign_record,
    verify_message,
    verify_record,
)
from service.core.wire import DeliveryRecord, ParcelStatus

SECRET = secret_from_bytes(bytes(range(32)))
NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
BODY = '{"商品":"面膜"}'.encode()
KEY = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
PUBLIC = {carrier_key(KEY).key_id: carrier_key(KEY).public_key}
RECORD = DeliveryRecord(
    carrier="sandbox",
    tracking_number="SB-1",
    status=ParcelStatus.DELIVERED,
    created_at="2031-05-01T00:00:00.000000Z",
    delivered_at="2031-05-04T00:00:00.000000Z",
    destination_area="浙江 310000",
)


def refused(headers: dict[str, str], body: bytes = BODY, now: datetime = NOW, secret: str = SECRET) -> str:
    with pytest.raises(Unauthenticated) as caught:
        verify_message(secret, headers, body, now=now)
    return caught.value.code


def test_the_reference_library_makes_the_same_signature() -> None:
    theirs = standardwebhooks.Webhook(SECRET).sign("msg_1", NOW, BODY.decode())
    assert sign_message(SECRET, "msg_1", BODY, now=NOW) == {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": theirs,
    }


def test_the_reference_library_accepts_our_message_at_its_own_time() -> None:
    real_now = datetime.now(UTC)  # noqa: TID251 - the library judges by the host clock
    headers = sign_message(SECRET, "msg_1", BODY, now=real_now)
    assert standardwebhooks.Webhook(SECRET).verify(BODY, headers) == {"商品": "面膜"}


def test_the_specification_example_verifies() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    now = datetime.fromtimestamp(1614265330, UTC)
    assert verify_message(secret, headers, b'{"test": 2432232314}', now=now) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_message_signed_up_to_300_seconds_away_is_taken(seconds: int) -> None:
    headers = sign_message(SECRET, "msg_1", BODY, now=NOW)
    assert verify_message(SECRET, headers, BODY, now=NOW + timedelta(seconds=seconds)) == "msg_1"


@pytest.mark.parametrize("seconds", [-301, 301, 10**9])
def test_a_message_signed_more_than_300_seconds_away_is_stale(seconds: int) -> None:
    headers = sign_message(SECRET, "msg_1", BODY, now=NOW)
    assert refused(headers, now=NOW + timedelta(seconds=seconds)) == "signature_stale"


def test_every_signed_part_counts() -> None:
    headers = sign_message(SECRET, "msg_1", BODY, now=NOW)
    assert refused(headers, body=BODY + b" ") == "signature_wrong"
    assert refused({**headers, "webhook-id": "msg_2"}) == "signature_wrong"
    assert refused({**headers, "webhook-timestamp": str(int(NOW.timestamp()) + 1)}) == "signature_wrong"
    assert refused(headers, secret=secret_from_bytes(b"x" * 32)) == "signature_wrong"


def test_a_message_id_with_a_point_cannot_shift_bytes_between_the_parts() -> None:
    body = b"1.x"
    headers = sign_message(SECRET, "msg_1", body, now=NOW)
    shifted = {**headers, "webhook-id": f"msg_1.{headers['webhook-timestamp']}", "webhook-timestamp": "1"}
    assert refused(shifted, body=b"x") == "signature_wrong"


def test_one_right_signature_among_several_is_enough_and_names_may_be_capital() -> None:
    headers = sign_message(SECRET, "msg_1", BODY, now=NOW)
    headers["webhook-signature"] = f"v1a,abc v1,!!! v1,AAAA {headers['webhook-signature']}"
    assert verify_message(SECRET, {n.title(): v for n, v in headers.items()}, BODY, now=NOW) == "msg_1"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named_missing(name: str) -> None:
    headers = sign_message(SECRET, "msg_1", BODY, now=NOW)
    del headers[name]
    assert refused(headers) == "signature_missing"


@pytest.mark.parametrize("timestamp", ["1e9", "-5", "٣", "9" * 400, "1.0"])
def test_an_odd_timestamp_is_wrong(timestamp: str) -> None:
    assert (
        refused({**sign_message(SECRET, "msg_1", BODY, now=NOW), "webhook-timestamp": timestamp}) == "signature_wrong"
    )


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode()])
def test_a_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(Invalid) as caught:
        secret_bytes(secret)
    assert caught.value.code == "secret_malformed"


def test_a_record_verifies_with_the_public_key() -> None:
    signed = sign_record(KEY, RECORD)
    assert verify_record(signed, PUBLIC) == RECORD
    assert (
        record_bytes(RECORD)
        == (
            'fairhold-delivery-record-1\n{"carrier":"sandbox","created_at":"2031-05-01T00:00:00.000000Z",'
            '"delivered_at":"2031-05-04T00:00:00.000000Z","destination_area":"浙江 310000","status":"delivered",'
            '"tracking_number":"SB-1"}'
        ).encode()
    )


@pytest.mark.parametrize(
    "change",
    [
        {"carrier": "sandboy"},
        {"tracking_number": "SB-2"},
        {"status": ParcelStatus.ACCEPTED},
        {"created_at": "2031-05-01T00:00:00.000001Z"},
        {"delivered_at": None},
        {"destination_area": "浙江 310001"},
        {"destination_area": "\ud800"},
    ],
)
def test_a_record_changed_in_any_field_fails(change: dict[str, Any]) -> None:
    signed = sign_record(KEY, RECORD)
    with pytest.raises(Unauthenticated) as caught:
        verify_record(replace(signed, record=replace(RECORD, **change)), PUBLIC)
    assert caught.value.code == "record_signature_wrong"


def test_a_signature_changed_in_any_character_fails() -> None:
    signed = sign_record(KEY, RECORD)
    for index, character in enumerate(signed.signature):
        other = "B" if character == "A" else "A"
        changed = signed.signature[:index] + other + signed.signature[index + 1 :]
        with pytest.raises(Unauthenticated) as caught:
            verify_record(replace(signed, signature=changed), PUBLIC)
        assert caught.value.code == "record_signature_wrong"


def test_a_record_under_an_unknown_key_or_another_key_fails() -> None:
    signed = sign_record(KEY, RECORD)
    with pytest.raises(Unauthenticated) as caught:
        verify_record(replace(signed, key_id="0" * 16), PUBLIC)
    assert caught.value.code == "record_key_unknown"
    other = carrier_key(Ed25519PrivateKey.from_private_bytes(b"t" * 32))
    with pytest.raises(Unauthenticated) as caught:
        verify_record(signed, {signed.key_id: other.public_key})
    assert caught.value.code == "record_signature_wrong"
